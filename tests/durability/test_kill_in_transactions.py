"""kill -9 of the broker in the middle of transactions: each is there as a whole and once, or not at all."""

import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.confluent import value_of
from tests.support.polling import PATIENCE_S
from tests.support.running import RunningCluster

TRANSACTIONS = 300
KILLED_AT = (40, 120, 210)


def read_committed(bootstrap: str, topic: str, partition: int) -> list[int]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0)])
    values: list[int] = []
    while True:
        message = consumer.poll(60)
        assert message is not None, f"{len(values)} records came, then nothing"
        if message.error() is None:
            values.append(int(value_of(message)))
        elif message.error().code() == KafkaError._PARTITION_EOF:
            consumer.close()
            return values


class Killer:
    """Kills the broker on request, in the middle of whatever it does, and starts it again on the same ports."""

    def __init__(self, cluster: RunningCluster) -> None:
        self.cluster = cluster
        self._working: threading.Thread | None = None

    def strike(self, delay_s: float) -> None:
        self._working = threading.Thread(target=self._kill_and_restart, args=(delay_s,))
        self._working.start()

    def _kill_and_restart(self, delay_s: float) -> None:
        threading.Event().wait(delay_s)
        self.cluster.kill()
        ports = (self.cluster.port, self.cluster.zookeeper_port)
        self.cluster = RunningCluster(self.cluster.data_dir, ports=ports)

    def rest(self) -> None:
        if self._working is not None:
            self._working.join()


def commit(producer: Producer, topic: str, number: int) -> None:
    """One transaction over two partitions, tried until it is committed."""
    while True:
        try:
            producer.begin_transaction()
            for partition in (0, 1):
                producer.produce(topic, b"%d" % number, partition=partition)
            _until_done(lambda: producer.commit_transaction(60))
        except KafkaException as failure:
            if not failure.args[0].txn_requires_abort():
                raise
            _until_done(lambda: producer.abort_transaction(60))
        else:
            return


def _until_done(step: Callable[[], None]) -> None:
    while True:
        try:
            return step()
        except KafkaException as failure:
            if not failure.args[0].retriable():
                raise


@pytest.mark.parametrize("delay_s", [0.0, 0.003])
def test_a_killed_broker_neither_loses_nor_repeats_nor_tears_a_transaction(tmp_path: Path, delay_s: float) -> None:
    killer = Killer(RunningCluster(tmp_path / "data"))
    bootstrap, topic = killer.cluster.bootstrap, f"t-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(timeout=PATIENCE_S)
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "x", "linger.ms": 0})
    producer.init_transactions(PATIENCE_S)

    for number in range(TRANSACTIONS):
        if number in KILLED_AT:
            killer.strike(delay_s)
        commit(producer, topic, number)
    killer.rest()

    assert read_committed(bootstrap, topic, 0) == list(range(TRANSACTIONS))
    assert read_committed(bootstrap, topic, 1) == list(range(TRANSACTIONS))
    assert killer.cluster.stop() == 0


def test_a_broker_that_comes_back_aborts_what_a_vanished_producer_had_open(tmp_path: Path) -> None:
    cluster = RunningCluster(tmp_path / "data")
    ports, topic = (cluster.port, cluster.zookeeper_port), f"t-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(timeout=PATIENCE_S)
    producer = Producer(
        {"bootstrap.servers": cluster.bootstrap, "transactional.id": "x", "transaction.timeout.ms": 2000}
    )
    producer.init_transactions(PATIENCE_S)
    producer.begin_transaction()
    producer.produce(topic, b"1", partition=0)
    assert producer.flush(PATIENCE_S) == 0
    cluster.kill()

    again = RunningCluster(tmp_path / "data", ports=ports)
    other = Producer({"bootstrap.servers": again.bootstrap})
    other.produce(topic, b"2", partition=0)
    assert other.flush(PATIENCE_S) == 0
    consumer = Consumer({"bootstrap.servers": again.bootstrap, "group.id": "g", "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(60)
    consumer.close()

    assert message is not None
    assert message.value() == b"2"
    assert again.stop() == 0
