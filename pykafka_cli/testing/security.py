"""Logins and TLS for the brokers of a test, on the listener for clients; brokers use another one among themselves."""

import asyncio
import datetime
import ipaddress
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from pykafka_cli.properties.system_properties import LOGIN_FILE, VARIABLE
from pykafka_cli.servers.temporary_place import TemporaryPlace, remove_left_behind
from pykafka_cli.testing.loop_thread import LoopThread
from pykafka_cli.text_files import write_private_text

LISTENER = "PLAINTEXT"
"""The name of the listener for clients in `pk up`, whatever its protocol."""

PROTOCOLS = ("SASL_PLAINTEXT", "SASL_SSL", "SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_PREFIX = "pk-testing."
_ITERATIONS = 4096
LOGIN_TIMEOUT_S = 30.0
_LOGIN_RETRY_S = 0.02
_MODULES = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class Security:
    """The login and TLS that clients need.

    protocol     one of PROTOCOLS
    mechanism    one of MECHANISMS, for the protocols that begin with SASL
    users        passwords by name; clients that use `client_properties` are the first
    raises       ValueError
    """

    protocol: str = "SASL_PLAINTEXT"
    mechanism: str = "PLAIN"
    users: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({"alice": "alice-secret"}))

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol {self.protocol!r} is not one of {', '.join(PROTOCOLS)}")
        if self.mechanism not in MECHANISMS:
            raise ValueError(f"mechanism {self.mechanism!r} is not one of {', '.join(MECHANISMS)}")

    @property
    def has_logins(self) -> bool:
        return self.protocol.startswith("SASL")

    @property
    def has_tls(self) -> bool:
        return self.protocol.endswith("SSL")


class Prepared:
    """Settings of brokers and clients for a Security; certificates are kept in a temporary directory until `close`.

    ca_file    the certificate, in PEM, that clients trust
    """

    def __init__(self, security: Security) -> None:
        self._security = security
        remove_left_behind(_PREFIX)
        self._directory = TemporaryPlace(_PREFIX)
        self.ca_file = self._directory.path / "ca.pem"
        self._key_store = self._directory.path / "broker.pem"
        self._login_file = self._directory.path / "logins.conf"
        if security.has_tls:
            certificate, key = _self_signed()
            self.ca_file.write_bytes(certificate)
            write_private_text(self._key_store, (key + certificate).decode())

        if self._has_plain_logins:
            self._write_login_file()

    def close(self) -> None:
        self._directory.remove()

    @property
    def environment(self) -> dict[str, str]:
        """Environment of brokers: a file holds the passwords, as everyone on the machine can see the command line."""
        option = f"-D{LOGIN_FILE}={self._login_file}"
        return {VARIABLE: shlex.quote(option)} if self._has_plain_logins else {}

    @property
    def _has_plain_logins(self) -> bool:
        return self._security.has_logins and self._security.mechanism == "PLAIN"

    @property
    def overrides(self) -> dict[str, str]:
        """Properties of brokers."""
        prefix = f"listener.name.{LISTENER.lower()}"
        found = {"listener.security.protocol.map": f"{LISTENER}:{self._security.protocol},INTERNAL:PLAINTEXT"}
        if self._security.has_tls:
            found["ssl.keystore.type"] = "PEM"
            found["ssl.keystore.location"] = str(self._key_store)
        if self._security.has_logins:
            mechanism = self._security.mechanism
            found["sasl.enabled.mechanisms"] = mechanism
            if mechanism != "PLAIN":
                found[f"{prefix}.{mechanism.lower()}.sasl.jaas.config"] = f"{self._module} required;"
        return found

    @property
    def client_properties(self) -> dict[str, str]:
        """Properties of Kafka's Java client; the login is that of the first user."""
        return self._properties_of(next(iter(self._security.users)))

    def create_users(self, bootstrap: str, addresses: Sequence[str], loop: LoopThread) -> None:
        """Create the SCRAM credentials of the users, and return when all of them can log in everywhere.

        bootstrap    the brokers' own listener
        addresses    where clients connect to each broker
        raises       TimeoutError
        """
        if not self._security.has_logins or self._security.mechanism == "PLAIN":
            return
        loop.run(_create_users(bootstrap, self._security))
        for user in self._security.users:
            for address in addresses:
                loop.run(_until_logged_in(address, self._properties_of(user)))

    def _properties_of(self, user: str) -> dict[str, str]:
        found = {"security.protocol": self._security.protocol}
        if self._security.has_tls:
            found["ssl.truststore.type"] = "PEM"
            found["ssl.truststore.location"] = str(self.ca_file)
        if self._security.has_logins:
            login = f"username={_quoted(user)} password={_quoted(self._security.users[user])}"
            found["sasl.mechanism"] = self._security.mechanism
            found["sasl.jaas.config"] = f"{self._module} required {login};"
        return found

    def _write_login_file(self) -> None:
        users = " ".join(f"user_{name}={_quoted(password)}" for name, password in self._security.users.items())
        write_private_text(self._login_file, f"KafkaServer {{ {self._module} required {users}; }};\n")

    @property
    def _module(self) -> str:
        kind = "plain.Plain" if self._security.mechanism == "PLAIN" else "scram.Scram"
        return f"{_MODULES}.{kind}LoginModule"


async def _create_users(bootstrap: str, security: Security) -> None:
    from pykafka_cli.clients.admin.credentials import NewCredential, alter_credentials
    from pykafka_cli.clients.settings import ClientSettings
    from pykafka_cli.script.opening import unchecked_session

    async with unchecked_session(bootstrap, ClientSettings()) as session:
        for name, password in security.users.items():
            await alter_credentials(session, name, {security.mechanism: NewCredential(_ITERATIONS, password)}, ())


async def _until_logged_in(address: str, properties: Mapping[str, str]) -> None:
    from pykafka_cli.clients.settings import ClientSettings
    from pykafka_cli.script.opening import unchecked_session

    async def log_in() -> None:
        async with unchecked_session(address, ClientSettings(properties)):
            pass

    await until_accepted(log_in)


async def until_accepted(log_in: Callable[[], Awaitable[None]], timeout: float = LOGIN_TIMEOUT_S) -> None:
    """Log in until it succeeds: brokers learn of new credentials only after these are acknowledged.

    timeout    seconds
    raises     TimeoutError
    """
    from pykafka_cli.transport.errors import AuthenticationFailed

    async with asyncio.timeout(timeout):
        while True:
            try:
                return await log_in()
            except AuthenticationFailed:
                await asyncio.sleep(_LOGIN_RETRY_S)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _self_signed() -> tuple[bytes, bytes]:
    """A certificate for this machine, and its key, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem), private
