"""What a secured ZooKeeper server and its clients need: certificates of one authority, and a login file."""

import datetime
import ssl
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12

from tests.support.certificates import PASSWORD, Authority, Identity, pem_store

SERVER, ALICE, ADMIN = "CN=server", "CN=alice,O=Example", "CN=admin"
USERS = {"kafka": "kafka-secret", "super": "super-secret", "visitor": "visitor-secret"}
"""Who may log in, with passwords."""


class Stores:
    """Files in a folder: those of the server and of two clients; one that has expired, one that a stranger signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority()
        self.trust = folder / "trust.pem"
        self.trust.write_text(self.authority.certificate)
        self.server = self._pem("server", self.authority.identity(SERVER))
        self.alice = self._pem("alice", self.authority.identity(ALICE))
        self.admin = self._pem("admin", self.authority.identity(ADMIN))
        yesterday = -datetime.timedelta(days=1)
        self.expired = self._pem("expired", self.authority.identity(ALICE, lasts=yesterday))
        self.stranger = self._pem("stranger", Authority("stranger").identity(ALICE))

    def _pem(self, name: str, identity: Identity) -> Path:
        return pem_store(self.folder / f"{name}.pem", identity)

    def pkcs12(self, name: str, of: Identity) -> Path:
        """A store with a key and its certificates; its password is PASSWORD."""
        certificates = x509.load_pem_x509_certificates((of.certificate + self.authority.certificate).encode())
        key = load_pem_private_key(of.key.encode(), None)
        encryption = BestAvailableEncryption(PASSWORD.encode())
        file = self.folder / f"{name}.p12"
        file.write_bytes(
            pkcs12.serialize_key_and_certificates(
                name.encode(),
                key,  # type: ignore[arg-type]
                certificates[0],
                certificates[1:],
                encryption,
            )
        )
        return file

    def of_server(self, **keys: object) -> dict[str, object]:
        """Settings of a server, with __ for dots as in settings_of."""
        return {
            "ssl__keyStore__location": self.server,
            "ssl__trustStore__location": self.trust,
            "secureClientPort": 0,
            "secureClientPortAddress": "127.0.0.1",
            **keys,
        }

    def client(self, own: Path | None) -> ssl.SSLContext:
        """What a client needs that trusts the authority."""
        context = ssl.create_default_context(cafile=str(self.trust))
        if own is not None:
            context.load_cert_chain(own)
        return context


def login_file(folder: Path, users: Mapping[str, str] = USERS, entry: str = "Server") -> Path:
    """A JAAS file with the users of a server."""
    file = folder / f"{entry}.jaas"
    options = " ".join(f'user_{name}="{password}"' for name, password in users.items())
    file.write_text(f"{entry} {{ org.apache.zookeeper.server.auth.DigestLoginModule required {options}; }};\n")
    return file


def client_login_file(folder: Path, user: str, password: str) -> Path:
    """A JAAS file with the login of a client."""
    file = folder / f"{user}.jaas"
    file.write_text(
        "Client { org.apache.zookeeper.server.auth.DigestLoginModule required "
        f'username="{user}" password="{password}"; }};\n'
    )
    return file
