"""The principal of a client without a SASL login: by its certificate, on SSL listeners that request one.

source  DefaultKafkaPrincipalBuilder
"""

import asyncio

from pykafka_cli.broker.network.authentication import ANONYMOUS
from pykafka_cli.broker.network.tls import client_auth
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.listeners import Listener, SecurityProtocol
from pykafka_cli.rules.principal_names import CertificateNames


class Principals:
    """Determines the principals of one listener's clients.

    raises    ValueError if ssl.principal.mapping.rules are invalid
    """

    def __init__(self, settings: BrokerSettings, listener: Listener) -> None:
        self._names: CertificateNames | None = None
        if listener.protocol is SecurityProtocol.SSL and client_auth(settings, listener.name) != "none":
            self._names = CertificateNames(settings.for_listener(listener.name, "ssl.principal.mapping.rules"))

    def of(self, transport: asyncio.BaseTransport) -> str:
        """The principal of a client whose handshake is complete; User:ANONYMOUS without a certificate.

        raises    NoPrincipalRule, ValueError for a certificate that cannot be read
        """
        if self._names is None:
            return ANONYMOUS
        certificate: bytes | None = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        if certificate is None:
            return ANONYMOUS
        from pykafka_cli.broker.network.certificates import distinguished_name

        return f"User:{self._names.user(distinguished_name(certificate))}"
