"""TLS and SASL as a client's properties describe them.

    security.protocol                        PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL
    ssl.truststore.* / ssl.keystore.*        PEM or PKCS12 files, or PEM text in the property itself (KIP-651)
    ssl.endpoint.identification.algorithm    empty: any host name will do
    sasl.mechanism, sasl.jaas.config         PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, GSSAPI (kerberos.py)

Source: SaslConfigs, SslConfigs, DefaultSslEngineFactory.
"""

import os
import re
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pykafka_cli.clients.jaas import login, required_option
from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.transport.sasl import SCRAM_MECHANISMS, OAuthBearer, Plain, SaslExchange, Scram

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_JKS_MAGIC = b"\xfe\xed\xfe\xed"
_TLS_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


class Identity(NamedTuple):
    """What a client shows of itself: PEM, the certificate first, and the key's password."""

    pem: bytes
    password: str | None


def security_protocol(properties: Mapping[str, str]) -> str:
    """One of PROTOCOLS.

    raises    BadClientSetting
    """
    name = properties.get("security.protocol", "PLAINTEXT").strip().upper()
    if name not in PROTOCOLS:
        raise BadClientSetting(
            f"Invalid value {name} for configuration security.protocol: String must be one of: {', '.join(PROTOCOLS)}"
        )
    return name


def tls_context(properties: Mapping[str, str]) -> ssl.SSLContext | None:
    """How to speak TLS; None where the protocol is without.

    raises    BadClientSetting
    """
    if not security_protocol(properties).endswith("SSL"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    algorithm = properties.get("ssl.endpoint.identification.algorithm", "https").strip().lower()
    if algorithm not in ("https", ""):
        raise BadClientSetting(f"Unknown identification algorithm: {algorithm}")
    context.check_hostname = bool(algorithm)
    versions = [name.strip() for name in properties.get("ssl.enabled.protocols", "TLSv1.2,TLSv1.3").split(",")]
    if unknown := [name for name in versions if name not in _TLS_VERSIONS]:
        raise BadClientSetting(f"Invalid value {unknown[0]} for configuration ssl.enabled.protocols: not supported")
    context.minimum_version = min(_TLS_VERSIONS[name] for name in versions)
    context.maximum_version = max(_TLS_VERSIONS[name] for name in versions)
    try:
        if (trusted := _trusted_certificates(properties)) is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cadata=trusted.decode("ascii"))
            # Java trusts whatever stands in the truststore; OpenSSL only what signs itself, unless told so.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if identity := _identity(properties):
            _load_identity(context, identity)
    except (ssl.SSLError, ValueError) as error:
        raise BadClientSetting(f"Failed to load SSL keystore or truststore: {error}") from None
    return context


def sasl_exchange(properties: Mapping[str, str], host: str) -> SaslExchange | None:
    """A new exchange for one connection to the broker at `host`; None where the protocol is without SASL.

    raises    BadClientSetting
    """
    if not security_protocol(properties).startswith("SASL"):
        return None
    mechanism = properties.get("sasl.mechanism", "GSSAPI").strip()
    if mechanism == "GSSAPI":
        from pykafka_cli.clients.kerberos import kerberos_exchange

        return kerberos_exchange(properties, host)
    if mechanism == "OAUTHBEARER":
        from pykafka_cli.clients.oauth import bearer_token

        options = login(properties).options
        extensions = {
            name.removeprefix("extension_"): value for name, value in options.items() if name.startswith("extension_")
        }
        return OAuthBearer(lambda: bearer_token(properties, options), extensions)
    if mechanism == "PLAIN":
        return Plain(*_user_and_password(properties))
    if mechanism in SCRAM_MECHANISMS:
        return Scram(mechanism, *_user_and_password(properties))
    others = ", ".join(SCRAM_MECHANISMS)
    raise BadClientSetting(
        f"sasl.mechanism {mechanism} cannot be used here; PLAIN, {others}, OAUTHBEARER and GSSAPI can"
    )


def _user_and_password(properties: Mapping[str, str]) -> tuple[str, str]:
    its = login(properties)
    return required_option(its, "username"), required_option(its, "password")


# ---- certificates and keys


def _trusted_certificates(properties: Mapping[str, str]) -> bytes | None:
    """PEM of all that may sign a broker's certificate; None for what the system trusts."""
    if text := properties.get("ssl.truststore.certificates"):
        return _pem_text(text)
    location = properties.get("ssl.truststore.location")
    if not location:
        return None
    data = _read(location)
    if _is_pem(properties.get("ssl.truststore.type"), data):
        return data
    from cryptography.hazmat.primitives.serialization import Encoding

    store = _pkcs12(location, data, properties.get("ssl.truststore.password"))
    certificates = [entry.certificate for entry in (store.cert, *store.additional_certs) if entry]
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _identity(properties: Mapping[str, str]) -> Identity | None:
    key_password = properties.get("ssl.key.password")
    if chain := properties.get("ssl.keystore.certificate.chain"):
        return Identity(_pem_text(chain) + b"\n" + _pem_text(properties.get("ssl.keystore.key", "")), key_password)
    location = properties.get("ssl.keystore.location")
    if not location:
        return None
    data = _read(location)
    if _is_pem(properties.get("ssl.keystore.type"), data):
        return Identity(data, key_password)
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    store = _pkcs12(location, data, properties.get("ssl.keystore.password"))
    if store.key is None or store.cert is None:
        raise BadClientSetting(f"{location} holds no private key with a certificate")
    chain_pem = b"".join(
        entry.certificate.public_bytes(Encoding.PEM) for entry in (store.cert, *store.additional_certs)
    )
    key_pem = store.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Identity(chain_pem + key_pem, None)


def _load_identity(context: ssl.SSLContext, identity: Identity) -> None:
    """OpenSSL takes a certificate from a file only; this one is the owner's alone, and gone at once."""
    descriptor, name = tempfile.mkstemp(prefix="pk-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(identity.pem)
        context.load_cert_chain(name, password=identity.password or "")
    finally:
        Path(name).unlink()


def _is_pem(store_type: str | None, data: bytes) -> bool:
    return (store_type or "").strip().upper() == "PEM" or (not store_type and b"-----BEGIN " in data)


def _pem_text(text: str) -> bytes:
    """PEM out of a property, where line ends may have been written as blanks."""
    framed = re.sub(r"\s*(-----(?:BEGIN|END) [A-Z0-9 ]+-----)\s*", r"\n\1\n", text)
    return framed.strip().encode("ascii", "strict") + b"\n"


def _pkcs12(location: str, data: bytes, password: str | None) -> Any:
    if data.startswith(_JKS_MAGIC):
        raise BadClientSetting(
            f"{location} is a JKS store, which only Java can read. `keytool -importkeystore -srckeystore {location} "
            f"-destkeystore {location}.p12 -deststoretype PKCS12` makes a PKCS12 store of it."
        )
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    try:
        return load_pkcs12(data, password.encode() if password else None)
    except ValueError as error:
        raise BadClientSetting(f"Failed to load {location} as a PKCS12 store: {error}") from None


def _read(location: str) -> bytes:
    try:
        return Path(location).read_bytes()
    except OSError as error:
        raise BadClientSetting(f"{location}: {(error.strerror or str(error)).lower()}") from None
