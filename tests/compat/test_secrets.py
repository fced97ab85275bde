"""Passwords, keys and tokens are in no log of a server at its most talkative, in no wire trace, error or list of
processes."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.support.broker_processes import PkBroker
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.secured_brokers import MODULES
from tests.support.zookeeper.servers import PkZooKeeper, pk_zookeeper

STORE, PLAIN, DELEGATION, SCRAM, WRONG = (
    f"{name}-7c1f" for name in ("of-the-store", "of-alice", "of-the-tokens", "of-bob", "guessed")
)
SECRETS = (STORE, PLAIN, DELEGATION, SCRAM, WRONG, "PRIVATE KEY")


@dataclass
class Talkative:
    """A broker that logs everything it can, its ZooKeeper server, and properties of clients."""

    broker: PkBroker
    zookeeper: PkZooKeeper
    secured: str
    folder: Path

    def login(self, user: str, password: str, mechanism: str = "PLAIN") -> str:
        file = self.folder / "client.properties"
        file.write_text(
            f"security.protocol=SASL_SSL\nssl.truststore.location={self.folder}/trust.pem\nsasl.mechanism={mechanism}\n"
            f'sasl.jaas.config={MODULES[mechanism]} required username="{user}" password="{password}";\n'
        )
        return str(file)

    def run(self, tool: str, config: str, *words: str) -> "subprocess.CompletedProcess[str]":
        return pk(tool, "--bootstrap-server", self.secured, "--command-config", config, "--show-wire", *words)


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talkative]:
    folder = tmp_path_factory.mktemp("secrets")
    authority, port, secured = Authority(), free_port(), free_port()
    (folder / "trust.pem").write_text(authority.certificate)
    its = authority.identity("CN=broker")
    key = serialization.load_pem_private_key(its.key.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(its.certificate.encode())
    protection = serialization.BestAvailableEncryption(STORE.encode())
    store = folder / "broker.p12"
    store.write_bytes(pkcs12.serialize_key_and_certificates(b"broker", key, certificate, None, protection))
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{port},SASL_SSL://localhost:{secured}",
        "ssl.keystore.location": str(store),
        "ssl.keystore.password": STORE,
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{MODULES["PLAIN"]} required user_alice="{PLAIN}";',
        "delegation.token.secret.key": DELEGATION,
    }
    with pk_zookeeper(folder) as zookeeper:
        broker = PkBroker(0, folder, zookeeper.address, port=port, settings=settings)
        broker.start()
        try:
            for logger in ("kafka.request.logger=TRACE", "root=TRACE"):
                altered = pk("configs", "--bootstrap-server", broker.bootstrap, "--alter", "--broker-logger", "0",
                             "--add-config", logger)  # fmt: skip
                assert altered.returncode == 0, altered.stdout + altered.stderr
            yield Talkative(broker, zookeeper, f"localhost:{secured}", folder)
        finally:
            broker.stop()


def test_secrets_are_in_no_output_of_anybody(talkative: Talkative) -> None:
    alice = talkative.login("alice", PLAIN)
    bob_exists = talkative.run("configs", alice, "--alter", "--entity-type", "users", "--entity-name", "bob",
                               "--add-config", f"SCRAM-SHA-256=[password={SCRAM}]")  # fmt: skip
    shown = [bob_exists]
    made = talkative.run("delegation-tokens", alice, "--create", "--max-life-time-period", "-1")
    found = re.search(r"^(\S{22}) +(\S{88}) ", made.stdout, re.MULTILINE)
    assert found, made.stdout + made.stderr
    shown.append(talkative.run("configs", alice, "--describe", "--broker", "0", "--all"))
    shown.append(talkative.run("topics", talkative.login("bob", SCRAM, "SCRAM-SHA-256"), "--list"))
    assert [done.returncode for done in shown] == [0, 0, 0], shown
    shown.append(talkative.run("topics", talkative.login("alice", WRONG), "--list"))
    shown.append(talkative.run("topics", talkative.login("bob", WRONG, "SCRAM-SHA-256"), "--list"))
    assert [done.returncode for done in shown[3:]] == [1, 1]

    texts = {"broker": talkative.broker.said(), "ZooKeeper": talkative.zookeeper.said(), "trace": made.stderr}
    texts |= {f"output {number}": done.stdout + done.stderr for number, done in enumerate(shown)}
    for name, text in texts.items():
        assert [secret for secret in (*SECRETS, found[2]) if secret in text] == [], name
    assert "SaslAuthenticate" in texts["broker"]
    assert "SaslAuthenticate" in texts["trace"]


def test_secrets_are_no_arguments_of_a_server(talkative: Talkative) -> None:
    assert talkative.broker.process
    arguments = Path(f"/proc/{talkative.broker.process.pid}/cmdline").read_text()

    assert talkative.broker.file.name in arguments
    assert [secret for secret in SECRETS if secret in arguments] == []
