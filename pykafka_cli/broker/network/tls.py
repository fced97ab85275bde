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
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.listeners import SecurityProtocol
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.errors import BadClientSetting
from pykafka_cli.security.settings import security_settings
from pykafka_cli.security.tls import ServerTls, server_tls

_CLIENT_AUTH = {"none": ssl.CERT_NONE, "requested": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_LOGIN_KEYS = ("security.protocol", "sasl.mechanism", "sasl.jaas.config")


def listener_tls(settings: BrokerSettings, listener: str) -> ServerTls:
    """The TLS of a listener; raises ValueError, which names the invalid key."""
    try:
        return server_tls(security_of_listener(settings, listener), _CLIENT_AUTH[client_auth(settings, listener)])
    except BadClientSetting as error:
        raise ValueError(str(error)) from None


def ensure_may_follow(settings: BrokerSettings, listener: str, old: ServerTls, new: ServerTls) -> None:
    """Raise ConfigError if clients that connect to a running broker would be surprised by its new certificate.

    Its distinguished name and its host names stay, unless ssl.allow.dn.changes or ssl.allow.san.changes is true.
    """
    from pykafka_cli.broker.network.certificates import names_of_certificate

    before, after = names_of_certificate(old.own.pem), names_of_certificate(new.own.pem)
    if before.subject != after.subject and not settings.for_listener(listener, "ssl.allow.dn.changes"):
        raise ConfigError(
            f"Keystore DistinguishedName does not match: existing={before.subject}, new={after.subject}; "
            "ssl.allow.dn.changes=true allows this"
        )
    if not before.hosts <= after.hosts and not settings.for_listener(listener, "ssl.allow.san.changes"):
        existing, new_ones = (",".join(sorted(each)) or "none" for each in (before.hosts, after.hosts))
        raise ConfigError(
            f"Keystore SubjectAltNames do not match: existing={existing}, new={new_ones}; "
            "ssl.allow.san.changes=true allows this"
        )


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
