"""TLS for a listener, from Kafka's ssl.* keys with PEM stores (KIP-651).

    ssl.keystore.location     a file with private key and certificates, or
    ssl.keystore.key          the private key itself, with
    ssl.keystore.certificate.chain
    ssl.key.password          where the key is encrypted
    ssl.truststore.location   certificates to check clients against, or ssl.truststore.certificates

Each may be given for one listener as listener.name.NAME.KEY. JKS and PKCS12 are Java's; openssl turns them into PEM.
"""

import os
import ssl
import tempfile

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.keys import Password

_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
_CLIENT_AUTH = {"none": ssl.CERT_NONE, "requested": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


def server_context(settings: BrokerSettings, listener: str) -> ssl.SSLContext:
    """What a listener that encrypts needs; raises ValueError or OSError, naming the key at fault."""
    of = _Keys(settings, listener)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _set_versions(context, of.strings("ssl.enabled.protocols"))
    _set_ciphers(context, of.strings("ssl.cipher.suites"))
    _load_key(context, of)
    context.verify_mode = _CLIENT_AUTH[of.text("ssl.client.auth") or "none"]
    if context.verify_mode is not ssl.CERT_NONE:
        _load_trusted(context, of)
    return context


class _Keys:
    """The ssl.* keys of one listener."""

    def __init__(self, settings: BrokerSettings, listener: str) -> None:
        self._settings, self._listener = settings, listener

    def text(self, name: str) -> str | None:
        value = self._settings.for_listener(self._listener, name)
        return value.value if isinstance(value, Password) else value

    def strings(self, name: str) -> tuple[str, ...]:
        value: tuple[str, ...] = self._settings.for_listener(self._listener, name)
        return value

    def store(self, kind: str) -> str | None:
        """The path of the key store or trust store."""
        path = self.text(f"ssl.{kind}.location")
        if path is not None and (self.text(f"ssl.{kind}.type") or "").upper() != "PEM":
            raise ValueError(f"ssl.{kind}.type must be PEM; openssl pkcs12 turns a PKCS12 file into one")
        return path


def _set_versions(context: ssl.SSLContext, names: tuple[str, ...]) -> None:
    versions = [_VERSIONS[name] for name in names if name in _VERSIONS]
    if not versions:
        raise ValueError(f"ssl.enabled.protocols={','.join(names)} holds none of {', '.join(_VERSIONS)}")
    context.minimum_version, context.maximum_version = min(versions), max(versions)


def _set_ciphers(context: ssl.SSLContext, names: tuple[str, ...]) -> None:
    if not names:
        return
    try:
        context.set_ciphers(":".join(names))
    except ssl.SSLError as error:
        raise ValueError(f"ssl.cipher.suites={','.join(names)} names no cipher that OpenSSL knows") from error


def _load_key(context: ssl.SSLContext, of: _Keys) -> None:
    password = of.text("ssl.key.password")
    path, key, chain = of.store("keystore"), of.text("ssl.keystore.key"), of.text("ssl.keystore.certificate.chain")
    if path is None and (key is None or chain is None):
        raise ValueError("ssl.keystore.location, or ssl.keystore.key and ssl.keystore.certificate.chain, must be set")
    try:
        if path is not None:
            context.load_cert_chain(path, password=password or "")
        else:
            _load_inline(context, f"{key}\n{chain}\n", password or "")
    except ssl.SSLError as error:
        raise ValueError(f"the key store holds no usable key and certificate: {error.reason or error}") from error
    except OSError as error:
        raise ValueError(f"ssl.keystore.location={path} cannot be read: {error.strerror}") from error


def _load_inline(context: ssl.SSLContext, pem: str, password: str) -> None:
    # OpenSSL reads private keys from files only; this one is the owner's to read, for as long as it takes.
    descriptor, path = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(pem)
        context.load_cert_chain(path, password=password)
    finally:
        os.unlink(path)


def _load_trusted(context: ssl.SSLContext, of: _Keys) -> None:
    path, inline = of.store("truststore"), of.text("ssl.truststore.certificates")
    if path is None and inline is None:
        raise ValueError("ssl.client.auth needs ssl.truststore.location or ssl.truststore.certificates")
    try:
        context.load_verify_locations(cafile=path, cadata=inline if path is None else None)
    except ssl.SSLError as error:
        raise ValueError(f"the trust store holds no usable certificates: {error.reason or error}") from error
    except OSError as error:
        raise ValueError(f"ssl.truststore.location={path} cannot be read: {error.strerror}") from error
