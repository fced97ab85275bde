"""TLS as a client's properties describe it: versions, cipher suites, trust store and key store.

Where certificates and keys are read from is key_stores.py's; the keys themselves are in properties/security.py.
"""

import os
import ssl
import tempfile
from pathlib import Path

from pykafka_cli.clients.security.key_stores import Identity, identity, trusted_certificates
from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.properties.security import SecuritySettings

_TLS_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def tls_context(settings: SecuritySettings) -> ssl.SSLContext | None:
    """How to speak TLS; None where the protocol is without.

    raises    BadClientSetting
    """
    if not settings.has_tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    algorithm = (settings.ssl_endpoint_identification_algorithm or "").lower()
    if algorithm not in ("https", ""):
        raise BadClientSetting(f"Unknown identification algorithm: {algorithm}")
    context.check_hostname = bool(algorithm)
    _choose_versions(context, settings)
    try:
        if (trusted := trusted_certificates(settings)) is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cadata=trusted)
            # Java trusts every certificate in the truststore; OpenSSL only self-signed ones, without this flag.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    except (ssl.SSLError, ValueError) as error:
        raise BadClientSetting(f"Failed to load the SSL truststore: {_words(error)}") from None
    if own := identity(settings):
        _load_identity(context, own)
    return context


def _choose_versions(context: ssl.SSLContext, settings: SecuritySettings) -> None:
    """Versions and cipher suites. A suite belongs to TLS 1.3 or to what was before it, and Java uses what is left."""
    versions = {name for name in settings.ssl_enabled_protocols if name}
    if unknown := sorted(versions - _TLS_VERSIONS.keys()):
        raise BadClientSetting(
            f"Invalid value {unknown[0]} for configuration ssl.enabled.protocols: supported are "
            f"{', '.join(_TLS_VERSIONS)}"
        )
    if suites := settings.ssl_cipher_suites:
        names = {_openssl_name(suite) for suite in suites}
        known = {
            cipher["name"]: cipher["protocol"] if cipher["protocol"] == "TLSv1.3" else "TLSv1.2"
            for cipher in _all_ciphers()
        }
        if missing := sorted(suite for suite in suites if _openssl_name(suite) not in known):
            raise BadClientSetting(f"Unsupported CipherSuite: {missing[0]}")
        versions &= {known[name] for name in names}
        if older := [name for name in names if known[name] == "TLSv1.2"]:
            context.set_ciphers(":".join(older))
    if suites and not versions:
        raise BadClientSetting("ssl.cipher.suites has no cipher suite for ssl.enabled.protocols")
    chosen = [_TLS_VERSIONS[name] for name in versions or _TLS_VERSIONS]
    context.minimum_version, context.maximum_version = min(chosen), max(chosen)


def _all_ciphers() -> list[dict[str, str]]:
    every = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    every.set_ciphers("ALL")
    return every.get_ciphers()  # type: ignore[return-value]


def _openssl_name(suite: str) -> str:
    """TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 is its ECDHE-RSA-AES256-GCM-SHA384; those of TLS 1.3 keep their names."""
    exchange, found, cipher = suite.removeprefix("TLS_").partition("_WITH_")
    if not found:
        return suite
    exchange = "" if exchange == "RSA" else exchange.replace("_", "-") + "-"
    if "CHACHA20" in cipher:
        cipher = cipher.removesuffix("_SHA256")
    return exchange + cipher.replace("AES_", "AES").replace("_CBC", "").replace("_", "-")


def _load_identity(context: ssl.SSLContext, own: Identity) -> None:
    """OpenSSL takes a certificate from a file only; this one is the owner's alone, and gone at once."""
    descriptor, name = tempfile.mkstemp(prefix="pk-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(own.pem)
        context.load_cert_chain(name, password=own.password or "")
    except ssl.SSLError as error:
        raise BadClientSetting(
            f"Failed to load the SSL keystore: {_words(error)}; check ssl.key.password, and that the certificate "
            "belongs to the key"
        ) from None
    finally:
        Path(name).unlink()


def _words(error: ssl.SSLError | ValueError) -> str:
    reason = getattr(error, "reason", None)
    return reason.replace("_", " ").lower() if reason else str(error)
