"""Brokers that talk to each other over TLS and by logins, on the one listener that clients have as well.

Brokers log in as `broker`, or show a certificate of CN=broker; the user `admin` and CN=admin are as mighty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import Authority, pem_store
from tests.support.ports import free_port
from tests.support.running import pk

MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "OAUTHBEARER": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule",
}
USERS = ("broker", "admin", "alice")
"""A user's password is the name and `-secret`."""


@dataclass
class Door:
    """A way into a cluster.

    protocol     SSL, SASL_PLAINTEXT or SASL_SSL
    mechanism    of logins; empty with SSL
    """

    protocol: str
    mechanism: str
    folder: Path

    def __post_init__(self) -> None:
        self.authority = Authority()
        self.trust = self.folder / "trust.pem"
        self.trust.write_text(self.authority.certificate)

    def __str__(self) -> str:
        return f"{self.protocol} {self.mechanism}".strip()

    def settings(self, number: int) -> tuple[int, dict[str, str]]:
        """A port, and what a broker of either make needs in order to listen there."""
        port, listener = free_port(), self.protocol.lower()
        given = {
            "listeners": f"{self.protocol}://127.0.0.1:{port}",
            "security.inter.broker.protocol": self.protocol,
            "authorizer.class.name": "kafka.security.authorizer.AclAuthorizer",
            "super.users": "User:admin",
        }
        if self.protocol.startswith("SASL"):
            given["sasl.enabled.mechanisms"] = given["sasl.mechanism.inter.broker.protocol"] = self.mechanism
            if self.mechanism == "OAUTHBEARER":
                given[f"listener.name.{listener}.oauthbearer.connections.max.reauth.ms"] = "3000"
            users = " ".join(f'user_{name}="{name}-secret"' for name in USERS) if self.mechanism == "PLAIN" else ""
            given[f"listener.name.{listener}.{self.mechanism.lower()}.sasl.jaas.config"] = (
                f"{MODULES[self.mechanism]} required {self._login('broker')} {users};"
            )
        if self.protocol.endswith("SSL"):
            store = pem_store(self.folder / f"broker-{number}.pem", self.authority.identity("CN=broker,OU=Brokers"))
            given |= {
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(store),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self.trust),
                "ssl.principal.mapping.rules": "RULE:^CN=(.*?)(,.*)?$/$1/L,DEFAULT",
            }
        if self.protocol == "SSL":
            given["ssl.client.auth"] = "required"
        return port, given

    def client(self, user: str) -> Path:
        """A client's properties file."""
        lines = {"security.protocol": self.protocol}
        if self.protocol.startswith("SASL"):
            lines["sasl.mechanism"] = self.mechanism
            lines["sasl.jaas.config"] = f"{MODULES[self.mechanism]} required {self._login(user)};"
        if self.protocol.endswith("SSL"):
            lines |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(self.trust)}
        if self.protocol == "SSL":
            store = pem_store(self.folder / f"{user}.pem", self.authority.identity(f"CN={user.title()},OU=Clients"))
            lines |= {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(store)}
        file = self.folder / f"{user}.properties"
        file.write_text("".join(f"{name}={text}\n" for name, text in lines.items()))
        return file

    def _login(self, user: str) -> str:
        """The options of a login module; tokens of OAuth are those that nobody signs."""
        if self.mechanism == "OAUTHBEARER":
            return f'unsecuredLoginStringClaim_sub="{user}"'
        return f'username="{user}" password="{user}-secret"'

    def librdkafka(self, user: str) -> Mapping[str, str]:
        """The same for confluent-kafka."""
        its = {"security.protocol": self.protocol}
        if self.protocol.startswith("SASL"):
            its["sasl.mechanism"] = self.mechanism
        if self.mechanism == "OAUTHBEARER":
            its |= {"enable.sasl.oauthbearer.unsecure.jwt": "true", "sasl.oauthbearer.config": f"principal={user}"}
        elif self.mechanism:
            its |= {"sasl.username": user, "sasl.password": f"{user}-secret"}
        if self.protocol.endswith("SSL"):
            its["ssl.ca.location"] = str(self.trust)
        if self.protocol == "SSL":
            self.client(user)
            its["ssl.certificate.location"] = its["ssl.key.location"] = str(self.folder / f"{user}.pem")
        return its

    def prepare(self, zookeeper: str) -> None:
        """Users, and the right of brokers to talk to each other: before there is a broker."""
        server = ("--authorizer-properties", f"zookeeper.connect={zookeeper}")
        granted = pk("acls", *server, "--add", "--cluster", "--operation", "ClusterAction",
                     "--allow-principal", "User:broker")  # fmt: skip
        assert granted.returncode == 0, granted.stderr
        if self.mechanism.startswith("SCRAM"):
            for user in USERS:
                added = pk("configs", "--zookeeper", zookeeper, "--alter", "--entity-type", "users", "--entity-name",
                           user, "--add-config", f"{self.mechanism}=[password={user}-secret]")  # fmt: skip
                assert added.returncode == 0, added.stdout + added.stderr
