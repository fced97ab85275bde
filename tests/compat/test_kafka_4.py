"""Our clients on Apache Kafka 4.3.1: groups of the new protocol (KIP-848), transactions of version 2 (KIP-890)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.kafka_4 import Kafka4
from tests.support.polling import until
from tests.support.running import PK, pk
from tests.support.server_processes import ServerProcess

TOPIC, GROUP, PARTITIONS, A_ROUND = "numbers", "readers", 6, 60
PROTOCOL = ("--command-property", "group.protocol=consumer")
JAVA_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"


class Reader(ServerProcess):
    """A console consumer that prints numbers; what it says on stderr is in between."""

    def __init__(self, folder: Path, name: str, command: Sequence[str], bootstrap: str, *more: str) -> None:
        super().__init__(folder / f"{name}.log")
        what = ("--bootstrap-server", bootstrap, "--group", GROUP, "--from-beginning", *PROTOCOL, *more)
        self._command = [*command, *what]

    def command(self) -> Sequence[str]:
        return self._command

    def serves(self) -> bool:
        return True

    def numbers(self) -> list[int]:
        return [int(line) for line in self.said().splitlines() if line.isdigit()]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka4]:
    server = Kafka4(tmp_path_factory.mktemp("kafka-4"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def readers() -> Iterator[list[Reader]]:
    """Put readers in here; they are killed at the end."""
    started: list[Reader] = []
    yield started
    for reader in started:
        reader.kill()


def produce(bootstrap: str, rounds: int) -> None:
    """The next A_ROUND numbers, spread over all partitions."""
    lines = "".join(f"{number}\n" for number in range((rounds - 1) * A_ROUND, rounds * A_ROUND))
    spread = "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner"
    done = pk(
        "console-producer", "--bootstrap-server", bootstrap, "--topic", TOPIC, "--command-property", spread, stdin=lines
    )
    assert done.returncode == 0, done.stderr


def test_members_of_both_kinds_read_every_record_once_while_they_come_and_go(
    kafka: Kafka4, readers: list[Reader], tmp_path: Path
) -> None:
    java = [*peers.small_java(128), "-cp", peers.kafka_4_classpath(), JAVA_CONSUMER]
    server = ("--bootstrap-server", kafka.bootstrap)
    created = pk("topics", *server, "--create", "--topic", TOPIC, "--partitions", str(PARTITIONS))
    assert created.returncode == 0, created.stderr

    def until_read(rounds: int) -> None:
        wanted = list(range(rounds * A_ROUND))
        until(
            lambda: sorted(number for reader in readers for number in reader.numbers()) == wanted,
            lambda: "\n".join(reader.said()[-1000:] for reader in readers),
        )

    def until_shared_by(count: int) -> None:
        """All partitions are with so many members, and none is on its way."""

        def is_so() -> bool:
            described = pk("consumer-groups", *server, "--describe", "--group", GROUP, "--members", "--verbose")
            rows = [line.split() for line in described.stdout.splitlines() if line.startswith(GROUP)]
            return len(rows) == count and all(row[-3] == row[-1] != "-" for row in rows)

        until(is_so, f"{count} members do not share all partitions")

    def join(name: str, command: Sequence[str], *more: str) -> Reader:
        reader = Reader(tmp_path, name, command, kafka.bootstrap, *more)
        readers.append(reader)
        reader.begin()
        until_shared_by(len([each for each in readers if each.is_running]))
        return reader

    ours = [PK, "console-consumer"]
    first = join("first", ours, "--topic", TOPIC)
    produce(kafka.bootstrap, 1)
    until_read(1)
    join("expression", ours, "--include", "num.*")
    produce(kafka.bootstrap, 2)
    until_read(2)
    join("java", java, "--topic", TOPIC)
    produce(kafka.bootstrap, 3)
    until_read(3)

    assert first.stop() == 143
    until_shared_by(2)
    produce(kafka.bootstrap, 4)
    until_read(4)
    assert all(reader.numbers() for reader in readers)


def test_every_transaction_of_version_2_has_its_own_epoch(kafka: Kafka4) -> None:
    server = ("--bootstrap-server", kafka.bootstrap)
    for _ in range(2):
        sent = pk(
            "producer-perf-test", *server, "--topic", "transactions", "--num-records", "300", "--record-size", "10",
            "--throughput", "1500", "--transaction-duration-ms", "40", "--transactional-id", "two",
        )  # fmt: skip
        assert sent.returncode == 0, sent.stderr

    described = pk("transactions", *server, "describe", "--transactional-id", "two").stdout
    read = pk(
        "console-consumer", *server, "--topic", "transactions", "--from-beginning", "--max-messages", "600",
        "--isolation-level", "read_committed",
    )  # fmt: skip

    header, row = (line.split() for line in described.splitlines())
    # Each start and each transaction has an epoch of its own; without version 2, each start has.
    assert int(dict(zip(header, row, strict=False))["ProducerEpoch"]) > 2, described
    assert len(read.stdout.splitlines()) == 600
