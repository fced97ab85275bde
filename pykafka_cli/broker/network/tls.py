"""TLS for a listener, from Kafka's ssl.* keys.

    ssl.keystore.location     PEM, PKCS12 or JKS: private key and certificates, with ssl.keystore.password; or
    ssl.keystore.key          the private key itself as PEM text, with ssl.keystore.certificate.chain (KIP-651)
    ssl.key.password          where the key is encrypted
    ssl.truststore.location   certificates to check clients against, or ssl.truststore.certificates
    ssl.client.auth           whether clients must show one (required), may (requested) or need not (none)

Each may be given for one listener as listener.name.NAME.KEY. For SASL_SSL, ssl.client.auth must be (KIP-684).

source  SslFactory, DefaultSslEngineFactory, ChannelBuilders
"""

import ssl

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.listeners import SecurityProtocol
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.errors import BadClientSetting
from pykafka_cli.security.settings import security_settings
from pykafka_cli.security.tls import server_tls_context

_CLIENT_AUTH = {"none": ssl.CERT_NONE, "requested": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_LOGIN_KEYS = ("security.protocol", "sasl.mechanism", "sasl.jaas.config")


def server_context(settings: BrokerSettings, listener: str) -> ssl.SSLContext:
    """What a listener that encrypts needs; raises ValueError, naming the key at fault."""
    try:
        return server_tls_context(
            security_of_listener(settings, listener), _CLIENT_AUTH[client_auth(settings, listener)]
        )
    except BadClientSetting as error:
        raise ValueError(str(error)) from None


def client_auth(settings: BrokerSettings, listener: str) -> str:
    """ssl.client.auth of a listener that encrypts. Those with a login as well have it only by their own key."""
    if settings.protocol_map[listener] is SecurityProtocol.SSL:
        every: str = settings.for_listener(listener, "ssl.client.auth")
        return every
    own: str = settings.for_listener(listener, "ssl.client.auth")
    return own if settings.is_given_for_listener(listener, "ssl.client.auth") else "none"


def security_of_listener(settings: BrokerSettings, listener: str, mechanism: str | None = None) -> SecuritySettings:
    """The TLS and SASL keys that hold on a listener, by the mechanism if that matters; login and user left out.

    raises    ValueError
    """
    texts = {
        name: settings.text_for_listener(listener, name, mechanism)
        for name in SecuritySettings.KEYS
        if name not in _LOGIN_KEYS
    }
    properties = {name: text for name, text in texts.items() if text is not None}
    properties["security.protocol"] = settings.protocol_map[listener]
    if mechanism is not None:
        properties["sasl.mechanism"] = mechanism
    try:
        return security_settings(properties)
    except BadClientSetting as error:
        raise ValueError(str(error)) from None
