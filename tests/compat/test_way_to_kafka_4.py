"""From Kafka 4's quickstart on our node to Apache Kafka 4.3.1, by way of 3.9.1 and its migration to KRaft.

The steps are those of the two README files that `pk graduate` writes, with the properties files that it writes. At each
station a client sees the same topic, records, committed offsets and cluster id.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.properties.grammar import read_properties
from tests.support import peers
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.running import PK, pk
from tests.support.server_processes import ServerProcess
from tests.support.zookeeper.servers import four_letter_word

CLUSTER = "MkU3OEVBNTcwNTJENDM2Qk"
MIGRATED = "Completed migration of metadata from ZooKeeper to KRaft."
STEP_S = 120


class Server(ServerProcess):
    """A server that is started with a file, as the README files say; `started` is what it prints when it serves."""

    def __init__(self, folder: Path, file: Path, words: list[str], started: str) -> None:
        super().__init__(folder / f"{words[-1].rpartition('.')[2]}-{file.stem}.log")
        self._command = [*words, str(file)]
        self._started = started

    def command(self) -> list[str]:
        return self._command

    def serves(self) -> bool:
        return self._started in self.said()


class Way:
    """The stations of one cluster, of which one is up at any time."""

    def __init__(self, folder: Path, servers: ExitStack) -> None:
        self.folder, self._servers = folder, servers
        self.port, self.zookeeper_port, self.controller_port = free_port(), free_port(), free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.file = folder / "node.properties"
        self.file.write_text(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\n"
            f"listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:0\n"
            f"controller.listener.names=CONTROLLER\nlog.dirs={folder}/logs\n"
            "offsets.topic.num.partitions=1\noffsets.topic.replication.factor=1\n"
            "transaction.state.log.num.partitions=1\ntransaction.state.log.replication.factor=1\n"
            "transaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n"
        )
        self.files = folder / "kafka"

    def start(self, file: Path, words: list[str], started: str) -> Server:
        server = Server(self.folder, file, words, started)
        self._servers.callback(server.kill)
        server.start()
        return server

    def kafka(self, name: str, started: str, *, classpath: str | None = None) -> Server:
        """Apache Kafka with a file that `pk graduate` wrote; 3.9.1 unless another classpath is given."""
        java = [*peers.loud_java(500), "-cp", classpath or peers.kafka_classpath(), "kafka.Kafka"]
        return self.start(self.files / name, java, started)

    def zookeeper(self) -> Server:
        java = [
            *peers.loud_java(200),
            "-cp",
            peers.kafka_classpath(),
            "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        ]
        server = self.start(self.files / "zookeeper.properties", java, "")
        until(lambda: b"Mode: standalone" in four_letter_word(self.zookeeper_port, b"srvr"))
        return server

    def seen(self) -> dict[str, Any]:
        """What a client sees, once the topic has its leader."""
        until(lambda: "Leader: 1" in self._pk("topics", "--describe"))
        read = ("console-consumer", "--topic", "quickstart-events", "--partition", "0", "--offset", "0")
        offsets = json.loads(self._pk("consumer-groups", "--describe", "--group", "readers", "--output", "json"))
        return {
            "records": self._pk(*read, "--max-messages", "3", "--formatter-property", "print.key=true"),
            "committed": str(offsets),
            "cluster": self._pk("cluster", "cluster-id"),
        }

    def fill(self) -> None:
        self._pk("topics", "--create", "--topic", "quickstart-events")
        keyed = ("--property", "parse.key=true", "--property", "key.separator=:")
        self._pk("console-producer", "--topic", "quickstart-events", *keyed, stdin="a:one\nb:two\na:three\n")
        group = ("--group", "readers", "--from-beginning", "--max-messages", "2")
        self._pk("console-consumer", "--topic", "quickstart-events", *group)

    def _pk(self, command: str, *words: str, stdin: str = "") -> str:
        done = pk(command, *words, "--bootstrap-server", self.bootstrap, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    peers.kafka_classpath()
    peers.kafka_4_classpath()
    with ExitStack() as servers:
        yield Way(tmp_path, servers)


def run_commands(readme: Path) -> None:
    """The commands of a README that move and copy files."""
    lines = [line for line in readme.read_text().splitlines() if line.startswith(("mv ", "cp "))]
    assert len(lines) == 2
    for line in lines:
        subprocess.run(line, shell=True, check=True)


@pytest.mark.timeout(600)
def test_the_quickstarts_cluster_becomes_one_of_kafka_4(way: Way) -> None:
    assert pk("storage", "format", "-t", CLUSTER, "-c", str(way.file), "--standalone").returncode == 0
    ours = way.start(way.file, [PK, "server-start"], "started (kafka.server.KafkaServer)")
    way.fill()
    seen = way.seen()
    assert ours.stop() == 143

    ports = ("--zookeeper-port", str(way.zookeeper_port), "--controller-port", str(way.controller_port))
    done = pk("graduate", "--server-properties", str(way.file), "--to", str(way.files), *ports)
    assert (done.returncode, done.stderr) == (0, "")
    run_commands(way.files / "README.md")

    zookeeper = way.zookeeper()
    broker = way.kafka("server.properties", "started (kafka.server.KafkaServer)")
    assert way.seen() == seen

    # 1, 2: a controller beside the broker, and the broker again, ready to migrate
    tool = [*peers.small_java(256), "-cp", peers.kafka_classpath(), "kafka.tools.StorageTool"]
    formatting = ["format", "-t", CLUSTER, "-c", str(way.files / "kafka-4/controller.properties")]
    subprocess.run([*tool, *formatting], check=True, capture_output=True, timeout=STEP_S)
    controller = way.kafka("kafka-4/controller.properties", "Kafka Server started")
    broker.stop()
    broker = way.kafka("kafka-4/server-migrating.properties", "started (kafka.server.KafkaServer)")
    until(lambda: MIGRATED in controller.said(), patience_s=STEP_S)
    assert way.seen() == seen

    # 3, 4: both without ZooKeeper
    broker.stop()
    broker = way.kafka("kafka-4/server.properties", "Kafka Server started")
    controller.stop()
    controller = way.kafka("kafka-4/controller-without-zookeeper.properties", "Kafka Server started")
    zookeeper.stop()
    assert way.seen() == seen

    # 6: Kafka 4 with the same files
    broker.stop()
    controller.stop()
    kafka_4 = peers.kafka_4_classpath()
    way.kafka("kafka-4/controller-without-zookeeper.properties", "Kafka Server started", classpath=kafka_4)
    way.kafka("kafka-4/server.properties", "Kafka Server started", classpath=kafka_4)
    assert way.seen() == seen
    final = {each.key for each in read_properties((way.files / "kafka-4/server.properties").read_bytes())}
    assert not [key for key in final if key.startswith("zookeeper")]
