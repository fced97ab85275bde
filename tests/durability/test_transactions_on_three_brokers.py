"""Transactions over three brokers: coordinator, leaders and followers are different ones, and one of them is killed."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from pykafka_cli.broker.coordinator.runtime import partition_for
from tests.support.broker_processes import PkBroker
from tests.support.confluent import value_of
from tests.support.polling import PATIENCE_S
from tests.support.zookeeper.servers import pk_zookeeper

TRANSACTIONS = 120
KILLED_AT = 40
STATE_PARTITIONS = 3
SETTINGS = {
    "transaction.state.log.num.partitions": str(STATE_PARTITIONS),
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "offsets.topic.replication.factor": "3",
    "replica.lag.time.max.ms": "4000",
}


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[list[PkBroker]]:
    with ExitStack() as stack:
        zookeeper = stack.enter_context(pk_zookeeper(tmp_path))
        brokers = [PkBroker(number, tmp_path, zookeeper.address, settings=SETTINGS) for number in range(3)]
        for broker in brokers:
            stack.callback(broker.kill)
            broker.start()
        yield brokers


def until_done(step: Callable[[], None]) -> None:
    while True:
        try:
            return step()
        except KafkaException as failure:
            if not failure.args[0].retriable():
                raise


def commit(producer: Producer, topic: str, number: int) -> None:
    """One transaction over all partitions, tried until it is committed."""
    while True:
        try:
            producer.begin_transaction()
            for partition in range(3):
                producer.produce(topic, b"%d" % number, partition=partition)
            until_done(lambda: producer.commit_transaction(60))
        except KafkaException as failure:
            if not failure.args[0].txn_requires_abort():
                raise
            until_done(lambda: producer.abort_transaction(60))
        else:
            return


def read_committed(bootstrap: str, topic: str, partition: int) -> list[int]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"reader-{uuid.uuid4()}",
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


@pytest.mark.timeout(240)
def test_the_coordinators_death_neither_loses_nor_repeats_a_transaction(brokers: list[PkBroker]) -> None:
    bootstrap = ",".join(broker.bootstrap for broker in brokers)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topic = NewTopic("t", 3, replica_assignment=[[0, 1, 2], [1, 2, 0], [2, 0, 1]], config={"min.insync.replicas": "2"})
    admin.create_topics([topic])["t"].result(60)
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "x", "transaction.timeout.ms": 60000})
    until_done(lambda: producer.init_transactions(60))
    home = admin.list_topics("__transaction_state", timeout=PATIENCE_S).topics["__transaction_state"]
    coordinator = brokers[home.partitions[partition_for("x", STATE_PARTITIONS)].leader]

    for number in range(TRANSACTIONS):
        if number == KILLED_AT:
            coordinator.kill()
        if number == 2 * KILLED_AT:
            coordinator.start()
        commit(producer, "t", number)

    for partition in range(3):
        assert read_committed(bootstrap, "t", partition) == list(range(TRANSACTIONS))
