"""TLS between ZooKeeper's clients and servers, from stores as ZooKeeper names them.

A store's password is also that of its key, in PEM files as well. Unless a type is given, the contents
say whether a file is PEM, PKCS12 or JKS.

Source: org.apache.zookeeper.common.X509Util
"""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pykafka_cli.tls.alerts import ServerContext
from pykafka_cli.tls.contexts import TLS_VERSIONS, choose_versions, show, trust
from pykafka_cli.tls.stores import BadStore, Identity, KeyStore, TrustStore, identity, trusted_certificates


class Store(NamedTuple):
    """A key store or trust store; `key` is the name of the setting that names its file."""

    key: str
    location: str | None = None
    password: str | None = None
    type: str | None = None


class Versions(NamedTuple):
    """The versions and cipher suites to offer; `protocol` (TLS means all) applies if `enabled` is empty."""

    protocol: str
    enabled: Sequence[str] = ()
    cipher_suites: Sequence[str] = ()

    def offer(self, context: ssl.SSLContext) -> None:
        """Set them on a context; raises BadTlsSetting."""
        names = self.enabled or (TLS_VERSIONS if self.protocol == "TLS" else (self.protocol,))
        choose_versions(context, names, self.cipher_suites)


def server_context(versions: Versions, key_store: Store, trust_store: Store, client_auth: str) -> ssl.SSLContext:
    """A server's context; `client_auth` is NEED, WANT or NONE. Raises BadStore, BadTlsSetting."""
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    versions.offer(context)
    own = _identity(key_store)
    if own is None:
        raise BadStore(f"{key_store.key} is not set: TLS needs the server's certificate and key")
    show(context, own, key_store.key.replace(".location", ".password"))
    if client_auth != "NONE":
        if not _trust(context, trust_store):
            raise BadStore(f"{trust_store.key} is not set: clients' certificates could not be checked")
        context.verify_mode = ssl.CERT_REQUIRED if client_auth == "NEED" else ssl.CERT_OPTIONAL
    return context


def client_context(versions: Versions, key_store: Store, trust_store: Store, *, checks_host: bool) -> ssl.SSLContext:
    """A client's context; without a trust store it trusts the system's authorities. Raises BadStore, BadTlsSetting."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = checks_host
    versions.offer(context)
    if not _trust(context, trust_store):
        context.load_default_certs()
    if own := _identity(key_store):
        show(context, own, key_store.key.replace(".location", ".password"))
    return context


def _identity(store: Store) -> Identity | None:
    if store.location is None:
        return None
    if _is_pem(store):
        return identity(KeyStore(store.location, "PEM", key_password=store.password))
    return identity(KeyStore(store.location, _type(store), store.password or ""))


def _trust(context: ssl.SSLContext, store: Store) -> bool:
    if store.location is None:
        return False
    password = None if _is_pem(store) else store.password
    certificates = trusted_certificates(TrustStore(store.location, _type(store), password))
    assert certificates is not None
    trust(context, certificates)
    return True


def _is_pem(store: Store) -> bool:
    type_ = _type(store)
    if type_ is not None or store.location is None:
        return type_ == "PEM"
    try:
        return b"-----BEGIN " in Path(store.location).read_bytes()
    except OSError as error:
        raise BadStore(f"{store.key}={store.location}: {(error.strerror or str(error)).lower()}") from None


def _type(store: Store) -> str | None:
    return store.type.upper() if store.type else None
