"""Keys and certificates from stores, as PEM text for OpenSSL.

    certificates, or key and certificate chain    PEM text (KIP-651)
    location                                      a PEM, PKCS12 or JKS file

As in Java, a file declared as JKS may be PKCS12, and vice versa. jks.py reads JKS.

source  DefaultSslEngineFactory
"""

import base64
import re
import ssl
from pathlib import Path
from typing import Any, NamedTuple

from pykafka_cli.tls.jks import JKS_MAGIC, StoreEntries, read_jks

_PEM = "PEM"
_JCEKS_MAGIC = b"\xce\xce\xce\xce"


class BadStore(ValueError):
    """A store that cannot be used, or settings that exclude each other; in Kafka's words where Kafka has an error."""


class TrustStore(NamedTuple):
    """Where the trusted certificates are; without a `type`, the contents decide."""

    location: str | None = None
    type: str | None = None
    password: str | None = None
    certificates: str | None = None


class KeyStore(NamedTuple):
    """Where a private key and its certificates are; without a `type`, the contents decide.

    key_password    of the key inside the store; None means that of the store
    """

    location: str | None = None
    type: str | None = None
    password: str | None = None
    key_password: str | None = None
    key: str | None = None
    certificate_chain: str | None = None


class Identity(NamedTuple):
    """The certificates and key of one side, as PEM, and the key's password."""

    pem: str
    password: str | None


def trusted_certificates(store: TrustStore) -> str | None:
    """The trusted certificates as PEM; None if no store is given.

    raises    BadStore
    """
    location, type_, password, text = store
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


def identity(store: KeyStore) -> Identity | None:
    """The key and its certificates; None if no store is given.

    raises    BadStore
    """
    location, type_, password, key_password, key, chain = store
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
        raise BadStore("SSL key store is specified, but key store password is not specified.")
    entries = _open(location, data, password, key_password or password)
    if entries.key is None:
        raise BadStore(f"{location} contains no private key with a certificate")
    encoded = base64.encodebytes(entries.key).decode()
    key_pem = f"-----BEGIN PRIVATE KEY-----\n{encoded}-----END PRIVATE KEY-----\n"
    return Identity("".join(map(ssl.DER_cert_to_PEM_cert, entries.chain)) + key_pem, None)


def _open(location: str, data: bytes, password: str | None, key_password: str | None = None) -> StoreEntries:
    """The contents of a file, without keys if there is no `key_password`."""
    try:
        if data.startswith(JKS_MAGIC):
            return read_jks(data, password, key_password)
        if data.startswith(_JCEKS_MAGIC):
            raise ValueError(
                f"JCEKS is not supported; `keytool -importkeystore -srckeystore {location} -srcstoretype JCEKS "
                f"-destkeystore {location}.p12 -deststoretype PKCS12` converts it"
            )
        return _pkcs12(data, password)
    except ValueError as error:
        raise BadStore(f"Failed to load SSL keystore {location}: {error}") from None


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


def _pem_of(text: str) -> str:
    """PEM from a property, in which spaces may stand for line breaks."""
    return re.sub(r"\s*(-----(?:BEGIN|END) [A-Z0-9 ]+-----)\s*", r"\n\1\n", text).strip() + "\n"


def _is_pem(type_: str | None, data: bytes) -> bool:
    return type_ == _PEM or (type_ is None and b"-----BEGIN " in data)


def _text(location: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadStore(f"Failed to load PEM SSL keystore {location}: it is not PEM") from None


def _refuse(condition: object, message: str) -> None:
    if condition is not None and condition is not False:
        raise BadStore(message)


def _read(location: str) -> bytes:
    try:
        return Path(location).read_bytes()
    except OSError as error:
        raise BadStore(f"{location}: {(error.strerror or str(error)).lower()}") from None
