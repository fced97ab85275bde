"""An unchanged Apache Kafka 3.9.1 broker runs on our ZooKeeper server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kazoo.client import KazooClient

from tests.support import peers
from tests.support.broker_processes import KafkaBroker
from tests.support.confluent import value_of
from tests.support.polling import PATIENCE_S
from tests.support.zookeeper.servers import PkZooKeeper, pk_zookeeper


def create(broker: KafkaBroker, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(PATIENCE_S)


@pytest.fixture
def zookeeper(tmp_path: Path) -> Iterator[PkZooKeeper]:
    peers.kafka_classpath()
    with pk_zookeeper(tmp_path) as running:
        yield running


@pytest.fixture
def broker(tmp_path: Path, zookeeper: PkZooKeeper) -> Iterator[KafkaBroker]:
    running = KafkaBroker(0, tmp_path, zookeeper.address, settings={"zookeeper.session.timeout.ms": "18000"})
    running.start()
    yield running
    running.kill()


def produced_and_read(broker: KafkaBroker, topic: str) -> list[bytes]:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for number in range(10):
        producer.produce(topic, b"%d" % number)
    assert producer.flush(PATIENCE_S) == 0
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "g", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    values: list[bytes] = []
    while len(values) < 10:
        message = consumer.poll(PATIENCE_S)
        assert message is not None
        assert message.error() is None
        values.append(value_of(message))
    consumer.close()
    return sorted(values)


@pytest.mark.timeout(300)
def test_kafka_registers_creates_topics_and_serves_clients(zookeeper: PkZooKeeper, broker: KafkaBroker) -> None:
    create(broker, "t", 5)
    assert produced_and_read(broker, "t") == [b"%d" % number for number in range(10)]

    client = KazooClient(zookeeper.address)
    client.start(PATIENCE_S)
    controller = json.loads(client.get("/controller")[0])
    registration, stat = client.get("/brokers/ids/0")
    assert controller["brokerid"] == 0
    assert json.loads(registration)["endpoints"] == [f"PLAINTEXT://{broker.bootstrap}"]
    assert (stat.version, stat.ephemeralOwner != 0) == (1, True)
    assert len(client.get_children("/brokers/topics/t/partitions")) == 5

    broker.stop()
    assert client.exists("/brokers/ids/0") is None
    assert client.exists("/controller") is None
    client.stop()
    client.close()


@pytest.mark.timeout(300)
def test_kafka_outlives_the_kill_of_zookeeper(zookeeper: PkZooKeeper, broker: KafkaBroker) -> None:
    create(broker, "before", 2)

    zookeeper.kill()
    zookeeper.start()

    create(broker, "after", 300)
    topics = AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=PATIENCE_S).topics
    assert set(topics) >= {"before", "after"}
    assert "Session expired" not in broker.said()
