"""What is set on an SSL context: versions, cipher suites, trusted certificates, and the own certificate."""

import os
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pykafka_cli.tls.stores import BadStore, Identity

TLS_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


class BadTlsSetting(ValueError):
    """Versions or cipher suites that do not exist, or that leave nothing to offer; `key` is the invalid setting."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def choose_versions(context: ssl.SSLContext, names: Iterable[str], suites: Iterable[str] | None) -> None:
    """Offer these versions (by default all), and these cipher suites by their standard names (by default OpenSSL's).

    A suite belongs to TLS 1.3 or to earlier versions; as in Java, versions without a suite are not offered.
    raises    BadTlsSetting
    """
    versions = {name for name in names if name}
    if unknown := sorted(versions - TLS_VERSIONS.keys()):
        raise BadTlsSetting(
            "ssl.enabled.protocols",
            f"Invalid value {unknown[0]} for configuration ssl.enabled.protocols: supported are "
            f"{', '.join(TLS_VERSIONS)}",
        )
    if wanted := list(suites or ()):
        openssl_names = {_openssl_name(suite) for suite in wanted}
        known = {
            cipher["name"]: cipher["protocol"] if cipher["protocol"] == "TLSv1.3" else "TLSv1.2"
            for cipher in _all_ciphers()
        }
        if missing := sorted(suite for suite in wanted if _openssl_name(suite) not in known):
            raise BadTlsSetting("ssl.cipher.suites", f"Unsupported CipherSuite: {missing[0]}")
        versions = (versions or set(TLS_VERSIONS)) & {known[name] for name in openssl_names}
        if older := sorted(name for name in openssl_names if known[name] == "TLSv1.2"):
            context.set_ciphers(":".join(older))
        if not versions:
            raise BadTlsSetting("ssl.cipher.suites", "ssl.cipher.suites has no cipher suite for ssl.enabled.protocols")
    chosen = [TLS_VERSIONS[name] for name in versions or TLS_VERSIONS]
    context.minimum_version, context.maximum_version = min(chosen), max(chosen)


def trust(context: ssl.SSLContext, certificates: str) -> None:
    """Trust each of these PEM certificates; unlike Java, OpenSSL by default requires the root of each chain as well.

    raises    BadStore
    """
    try:
        context.load_verify_locations(cadata=certificates)
    except (ssl.SSLError, ValueError) as error:
        raise BadStore(f"Failed to load the SSL truststore: {_words(error)}") from None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def show(context: ssl.SSLContext, own: Identity, password_key: str = "ssl.key.password") -> None:
    """Use this certificate and its key.

    password_key    the setting that holds the key's password, for the error
    raises          BadStore
    """
    # OpenSSL loads a certificate only from a file; only its owner can read this one, and it is deleted immediately.
    descriptor, name = tempfile.mkstemp(prefix="pk-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(own.pem)
        context.load_cert_chain(name, password=own.password or "")
    except ssl.SSLError as error:
        raise BadStore(
            f"Failed to load the SSL keystore: {_words(error)}; check {password_key}, and that the certificate "
            "belongs to the key"
        ) from None
    finally:
        Path(name).unlink()


def _all_ciphers() -> list[dict[str, str]]:
    every = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    every.set_ciphers("ALL")
    return every.get_ciphers()  # type: ignore[return-value]


def _openssl_name(suite: str) -> str:
    """OpenSSL's name: ECDHE-RSA-AES256-GCM-SHA384 for TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384; TLS 1.3 names are kept."""
    exchange, found, cipher = suite.removeprefix("TLS_").partition("_WITH_")
    if not found:
        return suite
    exchange = "" if exchange == "RSA" else exchange.replace("_", "-") + "-"
    if "CHACHA20" in cipher:
        cipher = cipher.removesuffix("_SHA256")
    return exchange + cipher.replace("AES_", "AES").replace("_CBC", "").replace("_", "-")


def _words(error: ssl.SSLError | ValueError) -> str:
    reason = getattr(error, "reason", None)
    return reason.replace("_", " ").lower() if reason else str(error)
