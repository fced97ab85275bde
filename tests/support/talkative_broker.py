"""A broker that logs everything it can, whose settings, clients and znodes are full of secrets."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.support.broker_processes import PkBroker
from tests.support.certificates import Authority, pem_store
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.secured_brokers import MODULES
from tests.support.zookeeper.servers import PkZooKeeper, pk_zookeeper

PLANTED = "7c1f"
"""In every secret."""
STORE, PLAIN, DELEGATION, SCRAM, WRONG = (
    f"{name}-{PLANTED}" for name in ("of-the-store", "of-alice", "of-the-tokens", "of-bob", "guessed")
)
SECRETS = (PLANTED, "PRIVATE KEY")


@dataclass
class Talkative:
    """A broker that logs everything it can, its ZooKeeper server, and properties of clients."""

    broker: PkBroker
    zookeeper: PkZooKeeper
    secured: str
    open: str
    """A listener with logins, and without TLS."""
    folder: Path

    def login(
        self, user: str, password: str, mechanism: str = "PLAIN", name: str = "client", protocol: str = "SASL_SSL"
    ) -> str:
        file = self.folder / f"{name}.properties"
        file.write_text(
            f"security.protocol={protocol}\nssl.truststore.location={self.folder}/trust.pem\nsasl.mechanism={mechanism}\n"
            f'sasl.jaas.config={MODULES[mechanism]} required username="{user}" password="{password}";\n'
        )
        return str(file)

    def run(self, tool: str, config: str, *words: str) -> "subprocess.CompletedProcess[str]":
        return pk(tool, "--bootstrap-server", self.secured, "--command-config", config, "--show-wire", *words)


@contextlib.contextmanager
def talkative_broker(folder: Path) -> Iterator[Talkative]:
    """Both servers, running."""
    authority, (port, secured, without_tls) = Authority(), (free_port() for _ in range(3))
    (folder / "trust.pem").write_text(authority.certificate)
    its = authority.identity("CN=broker")
    pem_store(folder / "silent.pem", its)
    key = serialization.load_pem_private_key(its.key.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(its.certificate.encode())
    protection = serialization.BestAvailableEncryption(STORE.encode())
    store = folder / "broker.p12"
    store.write_bytes(pkcs12.serialize_key_and_certificates(b"broker", key, certificate, None, protection))
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{port},SASL_SSL://localhost:{secured},"
        f"SASL_PLAINTEXT://127.0.0.1:{without_tls}",
        "ssl.keystore.location": str(store),
        "ssl.keystore.password": STORE,
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
        **{
            f"listener.name.{name}.plain.sasl.jaas.config": f'{MODULES["PLAIN"]} required user_alice="{PLAIN}";'
            for name in ("sasl_ssl", "sasl_plaintext")
        },
        "delegation.token.secret.key": DELEGATION,
    }
    with pk_zookeeper(folder) as zookeeper:
        broker = PkBroker(0, folder, zookeeper.address, port=port, settings=settings)
        broker.start()
        try:
            for logger in ("kafka.request.logger=TRACE", "kafka=TRACE", "root=TRACE"):
                altered = pk("configs", "--bootstrap-server", broker.bootstrap, "--alter", "--broker-logger", "0",
                             "--add-config", logger)  # fmt: skip
                assert altered.returncode == 0, altered.stdout + altered.stderr
            yield Talkative(broker, zookeeper, f"localhost:{secured}", f"127.0.0.1:{without_tls}", folder)
        finally:
            broker.stop()
