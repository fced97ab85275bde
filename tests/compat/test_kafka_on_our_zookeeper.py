"""An unchanged Apache Kafka 3.9.1 broker lives on our ZooKeeper server."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kazoo.client import KazooClient

from tests import peers
from tests.zookeeper_servers import PkZooKeeper, free_port, pk_zookeeper

TIMEOUT_S = 60


class KafkaBroker:
    """Apache Kafka's broker 0; it listens at `bootstrap` once it is made."""

    def __init__(self, folder: Path, zookeeper: str) -> None:
        port = free_port()
        self.bootstrap = f"127.0.0.1:{port}"
        self.log = folder / "kafka.log"
        settings = folder / "server.properties"
        settings.write_text(
            f"broker.id=0\nlisteners=PLAINTEXT://127.0.0.1:{port}\nlog.dirs={folder / 'kafka'}\n"
            f"zookeeper.connect={zookeeper}\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=3\n"
            "group.initial.rebalance.delay.ms=0\n"
        )
        command = [peers.java(), "-Xmx384m", "-XX:TieredStopAtLevel=1", "-cp", peers.kafka_classpath(), "kafka.Kafka"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*command, str(settings)], stdout=log, stderr=log)
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        deadline = time.monotonic() + TIMEOUT_S
        while not self._serves():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.stop(signal.SIGKILL)
                raise RuntimeError(f"Kafka does not answer: {self.log.read_text()[-3000:]}")

    def _serves(self) -> bool:
        try:
            return bool(self.admin.list_topics(timeout=1).brokers)
        except Exception:
            return False

    def create(self, topic: str, partitions: int) -> None:
        self.admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(TIMEOUT_S)

    def stop(self, by: signal.Signals) -> None:
        self.process.send_signal(by)
        self.process.wait(TIMEOUT_S)


@pytest.fixture
def zookeeper(tmp_path: Path) -> Iterator[PkZooKeeper]:
    peers.kafka_classpath()
    with pk_zookeeper(tmp_path) as running:
        yield running


@pytest.fixture
def broker(tmp_path: Path, zookeeper: PkZooKeeper) -> Iterator[KafkaBroker]:
    running = KafkaBroker(tmp_path, zookeeper.address)
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGKILL)


def produced_and_read(broker: KafkaBroker, topic: str) -> list[bytes]:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for number in range(10):
        producer.produce(topic, b"%d" % number)
    assert producer.flush(TIMEOUT_S) == 0
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "g", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    values = []
    while len(values) < 10:
        message = consumer.poll(TIMEOUT_S)
        assert message is not None
        assert message.error() is None
        values.append(message.value())
    consumer.close()
    return sorted(values)


@pytest.mark.timeout(300)
def test_kafka_registers_creates_topics_and_serves_clients(zookeeper: PkZooKeeper, broker: KafkaBroker) -> None:
    broker.create("t", 5)
    assert produced_and_read(broker, "t") == [b"%d" % number for number in range(10)]

    client = KazooClient(zookeeper.address)
    client.start(TIMEOUT_S)
    controller = json.loads(client.get("/controller")[0])
    registration, stat = client.get("/brokers/ids/0")
    assert controller["brokerid"] == 0
    assert json.loads(registration)["endpoints"] == [f"PLAINTEXT://{broker.bootstrap}"]
    assert (stat.version, stat.ephemeralOwner != 0) == (1, True)
    assert len(client.get_children("/brokers/topics/t/partitions")) == 5

    broker.stop(signal.SIGTERM)
    assert client.exists("/brokers/ids/0") is None
    assert client.exists("/controller") is None
    client.stop()
    client.close()


@pytest.mark.timeout(300)
def test_kafka_outlives_the_kill_of_zookeeper(zookeeper: PkZooKeeper, broker: KafkaBroker) -> None:
    broker.create("before", 2)

    zookeeper.stop()
    zookeeper.start()

    broker.create("after", 300)
    assert set(broker.admin.list_topics(timeout=TIMEOUT_S).topics) >= {"before", "after"}
    assert "Session expired" not in broker.log.read_text()
