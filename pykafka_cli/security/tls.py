"""TLS as a client's properties describe it: versions, cipher suites, trust store and key store.

The keys themselves are in properties/security.py; pykafka_cli/tls reads the stores.
"""

import ssl
from typing import NamedTuple

from pykafka_cli.properties.keys import Password
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.errors import BadClientSetting
from pykafka_cli.tls.alerts import ServerContext
from pykafka_cli.tls.contexts import BadTlsSetting, choose_versions, show, trust
from pykafka_cli.tls.stores import BadStore, Identity, KeyStore, TrustStore, identity, trusted_certificates


def tls_context(settings: SecuritySettings) -> ssl.SSLContext | None:
    """The TLS context; None for a protocol without TLS.

    raises    BadClientSetting
    """
    if not settings.has_tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    algorithm = (settings.ssl_endpoint_identification_algorithm or "").lower()
    if algorithm not in ("https", ""):
        raise BadClientSetting(f"Unknown identification algorithm: {algorithm}")
    context.check_hostname = bool(algorithm)
    try:
        choose_versions(context, settings.ssl_enabled_protocols, settings.ssl_cipher_suites)
        if (trusted := trusted_certificates(_trust_store(settings))) is None:
            context.load_default_certs()
        else:
            trust(context, trusted)
        if own := identity(_key_store(settings)):
            show(context, own)
    except (BadStore, BadTlsSetting) as error:
        raise BadClientSetting(str(error)) from None
    return context


class ServerTls(NamedTuple):
    """How a listener speaks TLS.

    own        its certificate and key
    trusted    what clients' certificates are checked against, PEM; None if they are not
    """

    context: ssl.SSLContext
    own: Identity
    trusted: str | None


def server_tls(settings: SecuritySettings, client_auth: ssl.VerifyMode) -> ServerTls:
    """How a listener speaks TLS.

    client_auth    whether clients must show a certificate, may, or need not
    raises         BadClientSetting
    """
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        choose_versions(context, settings.ssl_enabled_protocols, settings.ssl_cipher_suites)
        own, trusted = identity(_key_store(settings)), None
        if own is None:
            raise BadStore("ssl.keystore.location, or ssl.keystore.key and ssl.keystore.certificate.chain, must be set")
        show(context, own)
        if client_auth is not ssl.CERT_NONE:
            trusted = trusted_certificates(_trust_store(settings))
            if trusted is None:
                raise BadStore("ssl.client.auth needs ssl.truststore.location or ssl.truststore.certificates")
            trust(context, trusted)
    except (BadStore, BadTlsSetting) as error:
        raise BadClientSetting(str(error)) from None
    context.verify_mode = client_auth
    return ServerTls(context, own, trusted)


def _trust_store(settings: SecuritySettings) -> TrustStore:
    return TrustStore(
        settings.ssl_truststore_location,
        _type(settings, "ssl.truststore.type"),
        _value(settings.ssl_truststore_password),
        _value(settings.ssl_truststore_certificates),
    )


def _key_store(settings: SecuritySettings) -> KeyStore:
    return KeyStore(
        settings.ssl_keystore_location,
        _type(settings, "ssl.keystore.type"),
        _value(settings.ssl_keystore_password),
        _value(settings.ssl_key_password),
        _value(settings.ssl_keystore_key),
        _value(settings.ssl_keystore_certificate_chain),
    )


def _type(settings: SecuritySettings, key: str) -> str | None:
    """The type of the store; None if it is not given, which is JKS in Java."""
    return settings[key] if key in settings.given else None


def _value(password: Password | None) -> str | None:
    return None if password is None else password.value
