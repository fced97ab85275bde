"""Our broker and an unchanged Apache Kafka 3.9.1 in one cluster: each follows the other, and their logs are equal."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support import peers
from tests.support.broker_processes import KafkaBroker
from tests.support.confluent import value_of
from tests.support.polling import PATIENCE_S, until
from tests.support.running import RunningCluster

OURS, KAFKAS = 0, 1
TOPIC = "shared"


class Pair:
    """The two brokers, and what a client sees of them."""

    def __init__(self, ours: RunningCluster, kafka: KafkaBroker) -> None:
        self.ours, self.kafka = ours, kafka
        self.bootstrap = f"{ours.bootstrap},{kafka.bootstrap}"
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def isrs(self) -> dict[int, tuple[int, list[int]]]:
        """Leader and sorted ISR of each partition."""
        partitions = self.admin.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
        return {index: (each.leader, sorted(each.isrs)) for index, each in partitions.items()}

    def create(self) -> None:
        until(lambda: len(self.admin.list_topics(timeout=10).brokers) == 2, "a cluster of two")
        topic = NewTopic(TOPIC, 2, replica_assignment=[[OURS, KAFKAS], [KAFKAS, OURS]])
        self.admin.create_topics([topic])[TOPIC].result(PATIENCE_S)
        self.wait_until_in_sync()

    def wait_until_in_sync(self) -> None:
        until(lambda: all(isr == [OURS, KAFKAS] for _, isr in self.isrs().values()), "a full ISR")

    def produce(self, numbers: range) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "acks": "all", "log_level": 0})
        for number in numbers:
            producer.produce(TOPIC, b"%d" % number, partition=number % 2)
        assert producer.flush(PATIENCE_S) == 0

    def read(self) -> list[int]:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "none", "log_level": 0})
        values = []
        for index in range(2):
            start, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, index), timeout=PATIENCE_S)
            consumer.assign([TopicPartition(TOPIC, index, start)])
            for _ in range(start, end):
                message = consumer.poll(PATIENCE_S)
                assert message is not None
                assert message.error() is None
                values.append(int(value_of(message)))
        consumer.close()
        return sorted(values)

    def stored(self, index: int) -> tuple[bytes, bytes]:
        """The partition's log file, ours and Kafka's."""
        name = f"{TOPIC}-{index}/{0:020d}.log"
        (ours,) = self.ours.data_dir.rglob(name)
        return ours.read_bytes(), (self.kafka.logs / name).read_bytes()

    def logs_are_equal(self) -> bool:
        return all(ours == kafkas for ours, kafkas in map(self.stored, range(2)))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    peers.kafka_classpath()
    ours = RunningCluster(tmp_path / "data")
    kafka = KafkaBroker(
        KAFKAS, tmp_path, ours.zookeeper,
        settings={"zookeeper.session.timeout.ms": "6000", "replica.lag.time.max.ms": "5000"},
    )  # fmt: skip
    kafka.start()
    yield Pair(ours, kafka)
    kafka.kill()
    ours.stop()


@pytest.mark.timeout(300)
def test_each_follows_the_other_byte_for_byte(pair: Pair) -> None:
    pair.create()

    pair.produce(range(2000))

    until(pair.logs_are_equal, "equal logs")
    assert pair.read() == list(range(2000))
    assert {leader for leader, _ in pair.isrs().values()} == {OURS, KAFKAS}


@pytest.mark.timeout(300)
def test_kafka_comes_back_after_a_kill_and_catches_up_with_ours(pair: Pair) -> None:
    pair.create()
    pair.produce(range(500))

    pair.kafka.kill()
    until(lambda: all(each == (OURS, [OURS]) for each in pair.isrs().values()), "leadership of ours")
    pair.produce(range(500, 1000))
    pair.kafka.start()
    pair.wait_until_in_sync()

    until(pair.logs_are_equal, "equal logs")
    assert pair.read() == list(range(1000))
