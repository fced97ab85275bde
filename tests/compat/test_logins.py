"""Clients of all kinds log in to our broker, and those that cannot stay out."""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer

from tests.support import peers
from tests.support.broker_processes import PkBroker
from tests.support.kafka_scripts import run_kafka
from tests.support.polling import PATIENCE_S
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.zookeeper.servers import pk_zookeeper

MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}
FIT = "Check that security.protocol, sasl.mechanism and sasl.jaas.config match this listener."


@dataclass
class Guarded:
    """Our broker, where anybody may come in by one door, and alice alone by the other."""

    plaintext: str
    sasl: str
    folder: Path

    def properties(self, mechanism: str, password: str = "alice-secret", user: str = "alice") -> str:
        """A file with a client's properties."""
        file = self.folder / "client.properties"
        file.write_text(
            f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism={mechanism}\n"
            f'sasl.jaas.config={MODULES[mechanism]} required username="{user}" password="{password}";\n'
        )
        return str(file)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("logins")
    plaintext, sasl = free_port(), free_port()
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{plaintext},SASL_PLAINTEXT://127.0.0.1:{sasl}",
        "sasl.enabled.mechanisms": ",".join(MODULES),
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": (
            f'{MODULES["PLAIN"]} required user_alice="alice-secret";'
        ),
    }
    with pk_zookeeper(folder) as zookeeper:
        broker = PkBroker(0, folder, zookeeper.address, port=plaintext, settings=settings)
        broker.start()
        try:
            it = Guarded(f"127.0.0.1:{plaintext}", f"127.0.0.1:{sasl}", folder)
            for mechanism in MODULES:
                if mechanism != "PLAIN":
                    altered = pk(
                        "configs", "--bootstrap-server", it.plaintext, "--alter", "--entity-type", "users",
                        "--entity-name", "alice", "--add-config", f"{mechanism}=[password=alice-secret]",
                    )  # fmt: skip
                    assert altered.returncode == 0, altered.stderr
            created = pk("topics", "--bootstrap-server", it.plaintext, "--create", "--topic", "seen")
            assert created.returncode == 0, created.stderr
            yield it
        finally:
            broker.stop()


@pytest.mark.parametrize("mechanism", MODULES)
def test_kafkas_own_tools_log_in(guarded: Guarded, mechanism: str) -> None:
    config = guarded.properties(mechanism)

    listed = run_kafka("topics", "--bootstrap-server", guarded.sasl, "--command-config", config, "--list")

    assert listed.stdout.splitlines() == ["seen"], listed.stderr


@pytest.mark.parametrize("mechanism", MODULES)
def test_pk_logs_in(guarded: Guarded, mechanism: str) -> None:
    config, topic = guarded.properties(mechanism), f"pk-{mechanism.lower()}"
    server = ("--bootstrap-server", guarded.sasl)

    produced = pk("console-producer", *server, "--producer.config", config, "--topic", topic, stdin="a\nb\n")
    read = pk(
        "console-consumer", *server, "--consumer.config", config, "--topic", topic, "--from-beginning",
        "--max-messages", "2",
    )  # fmt: skip
    deleted = pk("topics", *server, "--command-config", config, "--delete", "--topic", topic)

    assert produced.returncode == 0, produced.stderr
    assert read.stdout == "a\nb\n", read.stderr
    assert deleted.returncode == 0, deleted.stderr


def kcat(guarded: Guarded, *words: str, password: str = "alice-secret") -> "subprocess.CompletedProcess[str]":
    command = [
        peers.kcat(), "-b", guarded.sasl, "-X", "security.protocol=SASL_PLAINTEXT", "-X", "sasl.username=alice",
        "-X", f"sasl.password={password}", *words,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


BEFORE_API_VERSIONS: Sequence[str] = ("-X", "api.version.request=false", "-X", "broker.version.fallback=0.10.0.0")
"""What makes librdkafka send its tokens without SaslAuthenticate around them."""


@pytest.mark.parametrize("mechanism", MODULES)
@pytest.mark.parametrize("version", [(), BEFORE_API_VERSIONS], ids=["now", "before SaslAuthenticate"])
def test_kcat_logs_in(guarded: Guarded, mechanism: str, version: Sequence[str]) -> None:
    listed = kcat(guarded, "-X", f"sasl.mechanisms={mechanism}", *version, "-L", "-t", "seen")

    assert 'topic "seen" with 1 partitions' in listed.stdout, listed.stderr


def test_kafka_python_logs_in(guarded: Guarded) -> None:
    login = {
        "bootstrap_servers": guarded.sasl, "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "alice", "sasl_plain_password": "alice-secret",
    }  # fmt: skip
    producer = KafkaProducer(**login)
    producer.send("kafka-python", b"a").get(timeout=PATIENCE_S)
    producer.close()
    consumer = KafkaConsumer("kafka-python", auto_offset_reset="earliest", **login)

    assert next(consumer).value == b"a"
    consumer.close()


@pytest.mark.parametrize(
    ("mechanism", "complaint"),
    [
        ("PLAIN", "Authentication failed: Invalid username or password"),
        (
            "SCRAM-SHA-256",
            "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256",
        ),
    ],
)
def test_who_does_not_know_the_password_stays_out_and_learns_what_kafka_says(
    guarded: Guarded, mechanism: str, complaint: str
) -> None:
    words = ("--bootstrap-server", guarded.sasl, "--command-config", guarded.properties(mechanism, "guess"), "--list")

    ours, script = pk("topics", *words), run_kafka("topics", *words)

    assert (ours.returncode, ours.stdout, ours.stderr) == (
        1, f"Error while executing topic command : {complaint}\n", FIT + "\n",
    )  # fmt: skip
    assert script.returncode == 1
    assert complaint in script.stdout + script.stderr


def test_a_user_without_a_credential_stays_out(guarded: Guarded) -> None:
    config = guarded.properties("SCRAM-SHA-512", user="mallory")

    listed = pk("topics", "--bootstrap-server", guarded.sasl, "--command-config", config, "--list")

    assert listed.returncode == 1
    assert "invalid credentials with SASL mechanism SCRAM-SHA-512" in listed.stdout


def test_a_bare_token_with_a_wrong_password_stays_out(guarded: Guarded) -> None:
    listed = kcat(guarded, "-X", "sasl.mechanisms=PLAIN", *BEFORE_API_VERSIONS, "-L", "-m", "5", password="guess")

    assert listed.returncode == 1
    assert "seen" not in listed.stdout


def test_who_does_not_log_in_stays_out(guarded: Guarded) -> None:
    listed = pk("topics", "--bootstrap-server", guarded.sasl, "--list")

    assert listed.returncode == 1
    assert f"{guarded.sasl} requires a login; its SASL mechanisms are " in listed.stdout


def test_a_credential_that_was_removed_lets_nobody_in(guarded: Guarded) -> None:
    users = ("configs", "--bootstrap-server", guarded.plaintext, "--alter", "--entity-type", "users")
    config = guarded.properties("SCRAM-SHA-256", "bob-secret", "bob")
    ask = ("topics", "--bootstrap-server", guarded.sasl, "--command-config", config, "--list")

    pk(*users, "--entity-name", "bob", "--add-config", "SCRAM-SHA-256=[iterations=8192,password=bob-secret]")
    before = pk(*ask)
    pk(*users, "--entity-name", "bob", "--delete-config", "SCRAM-SHA-256")
    after = pk(*ask)

    assert (before.returncode, after.returncode) == (0, 1)


def test_a_login_where_none_is_wanted_learns_so(guarded: Guarded) -> None:
    config = guarded.properties("PLAIN")

    listed = pk("topics", "--bootstrap-server", guarded.plaintext, "--command-config", config, "--list")

    assert "does not support SASL mechanism PLAIN; it offers none" in listed.stdout
