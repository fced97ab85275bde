"""Keys and certificates from the stores in a client's properties, as PEM text for OpenSSL.

    ssl.truststore.certificates, ssl.keystore.key, ssl.keystore.certificate.chain    PEM text (KIP-651)
    ssl.truststore.location, ssl.keystore.location                                   PEM, PKCS12 and JKS files

A file that calls itself JKS may be PKCS12 and the other way round, as for Java; jks.py reads the former.

source  DefaultSslEngineFactory
"""

import base64
import re
import ssl
from pathlib import Path
from typing import Any, NamedTuple

from pykafka_cli.clients.security.jks import JKS_MAGIC, StoreEntries, read_jks
from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.properties.keys import Password
from pykafka_cli.properties.security import SecuritySettings

_PEM = "PEM"
_JCEKS_MAGIC = b"\xce\xce\xce\xce"


class Identity(NamedTuple):
    """What a client shows of itself: PEM, certificates and key, and the key's password."""

    pem: str
    password: str | None


def trusted_certificates(settings: SecuritySettings) -> str | None:
    """PEM of all that may vouch for a broker; None for what the system trusts.

    raises    BadClientSetting
    """
    text, location = settings.ssl_truststore_certificates, settings.ssl_truststore_location
    password, type_ = settings.ssl_truststore_password, _type(settings, "ssl.truststore.type")
    if text is not None:
        _refuse(
            type_ not in (None, _PEM),
            f"SSL trust store certs can be specified only for PEM, but trust store type is {type_}.",
        )
        _refuse(location, "Both SSL trust store location and separate trust certificates are specified.")
        _refuse(password, "SSL trust store password cannot be specified for PEM format.")
        return _pem_of(text)
    if location is None:
        _refuse(password, "SSL trust store is not specified, but trust store password is specified.")
        return None
    data = _read(location)
    if _is_pem(type_, data):
        _refuse(password, "SSL trust store password cannot be specified for PEM format.")
        return _text(location, data)
    entries = _open(location, data, password)
    _refuse(not entries.certificates, f"{location} contains no trusted certificate")
    return "".join(map(ssl.DER_cert_to_PEM_cert, entries.certificates))


def identity(settings: SecuritySettings) -> Identity | None:
    """The client's key and certificates; None if it has none to show.

    raises    BadClientSetting
    """
    key, chain = settings.ssl_keystore_key, settings.ssl_keystore_certificate_chain
    location, type_ = settings.ssl_keystore_location, _type(settings, "ssl.keystore.type")
    password, key_password = settings.ssl_keystore_password, _value(settings.ssl_key_password)
    if key is not None:
        _refuse(
            type_ not in (None, _PEM), f"SSL private key can be specified only for PEM, but key store type is {type_}."
        )
        _refuse(chain is None, "SSL private key is specified, but certificate chain is not specified.")
        _refuse(location, "Both SSL key store location and separate private key are specified.")
        _refuse(
            password, "SSL key store password cannot be specified with PEM format, only key password may be specified."
        )
        assert chain
        return Identity(_pem_of(chain) + _pem_of(key), key_password)
    _refuse(chain, "SSL certificate chain is specified, but private key is not specified")
    if location is None:
        _refuse(password, "SSL key store is not specified, but key store password is specified.")
        return None
    data = _read(location)
    if _is_pem(type_, data):
        _refuse(
            password, "SSL key store password cannot be specified with PEM format, only key password may be specified"
        )
        return Identity(_text(location, data), key_password)
    if password is None:
        raise BadClientSetting("SSL key store is specified, but key store password is not specified.")
    entries = _open(location, data, password, key_password or password.value)
    if entries.key is None:
        raise BadClientSetting(f"{location} contains no private key with a certificate")
    encoded = base64.encodebytes(entries.key).decode()
    key_pem = f"-----BEGIN PRIVATE KEY-----\n{encoded}-----END PRIVATE KEY-----\n"
    return Identity("".join(map(ssl.DER_cert_to_PEM_cert, entries.chain)) + key_pem, None)


def _open(location: str, data: bytes, password: Password | None, key_password: str | None = None) -> StoreEntries:
    """What a file holds; no keys without `key_password`."""
    secret = _value(password)
    try:
        if data.startswith(JKS_MAGIC):
            return read_jks(data, secret, key_password)
        if data.startswith(_JCEKS_MAGIC):
            raise ValueError(
                f"JCEKS is not supported; `keytool -importkeystore -srckeystore {location} -srcstoretype JCEKS "
                f"-destkeystore {location}.p12 -deststoretype PKCS12` converts it"
            )
        return _pkcs12(data, secret)
    except ValueError as error:
        raise BadClientSetting(f"Failed to load SSL keystore {location}: {error}") from None


def _pkcs12(data: bytes, password: str | None) -> StoreEntries:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    store = load_pkcs12(data, None if password is None else password.encode())
    chain: list[Any] = [entry.certificate for entry in (store.cert, *store.additional_certs) if entry]
    certificates = [each.public_bytes(Encoding.DER) for each in chain]
    if store.key is None or store.cert is None:
        return StoreEntries(certificates, None, [])
    key = store.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return StoreEntries(certificates, key, certificates)


# ---- PEM


def _pem_of(text: Password) -> str:
    """PEM out of a property, where line ends may have been written as spaces."""
    return re.sub(r"\s*(-----(?:BEGIN|END) [A-Z0-9 ]+-----)\s*", r"\n\1\n", text.value).strip() + "\n"


def _is_pem(type_: str | None, data: bytes) -> bool:
    return type_ == _PEM or (type_ is None and b"-----BEGIN " in data)


def _text(location: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadClientSetting(f"Failed to load PEM SSL keystore {location}: it is not PEM") from None


# ---- settings


def _type(settings: SecuritySettings, key: str) -> str | None:
    """None where it was not said, which Java takes for JKS."""
    return settings[key] if key in settings.given else None


def _value(password: Password | None) -> str | None:
    return None if password is None else password.value


def _refuse(condition: object, message: str) -> None:
    if condition is not None and condition is not False:
        raise BadClientSetting(message)


def _read(location: str) -> bytes:
    try:
        return Path(location).read_bytes()
    except OSError as error:
        raise BadClientSetting(f"{location}: {(error.strerror or str(error)).lower()}") from None
