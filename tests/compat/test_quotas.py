"""Quotas, as librdkafka notices them: how long it has to wait is in its statistics of throttling."""

import uuid

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.polling import PATIENCE_S
from tests.support.running import RunningCluster, pk

RATE = 10_000
WINDOWS_S = 10
RECORD = b"x" * 1000


def limit(cluster: RunningCluster, client_id: str, quota: str) -> None:
    altered = pk(
        *("configs", "--bootstrap-server", cluster.bootstrap, "--alter", "--entity-type", "clients"),
        *("--entity-name", client_id, "--add-config", f"{quota}={RATE}"),
    )
    assert altered.returncode == 0, altered.stderr


def produce(cluster: RunningCluster, topic: str, client_id: str, count: int) -> list[float]:
    """Send records one by one; the times that the broker asked to wait, in seconds."""
    waits: list[float] = []
    producer = Producer(
        {
            "bootstrap.servers": cluster.bootstrap,
            "client.id": client_id,
            "throttle_cb": lambda event: waits.append(event.throttle_time),
        }
    )
    for _ in range(count):
        producer.produce(topic, RECORD)
        assert producer.flush(60) == 0
    return [wait for wait in waits if wait]


@pytest.fixture
def topic(cluster: RunningCluster) -> str:
    name = f"t-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(PATIENCE_S)
    return name


def test_a_producer_above_its_quota_is_asked_to_wait_and_others_are_not(cluster: RunningCluster, topic: str) -> None:
    client_id = f"slow-{uuid.uuid4().hex[:8]}"
    limit(cluster, client_id, "producer_byte_rate")
    enough = RATE * WINDOWS_S // len(RECORD)

    assert produce(cluster, topic, "other", enough + 5) == []
    waits = produce(cluster, topic, client_id, enough + 5)

    assert waits
    assert max(waits) < WINDOWS_S


def test_a_consumer_above_its_quota_is_asked_to_wait_and_gets_everything(cluster: RunningCluster, topic: str) -> None:
    client_id = f"slow-{uuid.uuid4().hex[:8]}"
    limit(cluster, client_id, "consumer_byte_rate")
    count = RATE * WINDOWS_S // len(RECORD) + 20
    produce(cluster, topic, "other", count)
    waits: list[float] = []
    consumer = Consumer(
        {
            "bootstrap.servers": cluster.bootstrap,
            "client.id": client_id,
            "group.id": client_id,
            "max.partition.fetch.bytes": RATE,
            "throttle_cb": lambda event: waits.append(event.throttle_time),
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])

    messages: list[Message] = []
    while len(messages) < count:
        message = consumer.poll(60)
        assert message is not None
        assert message.error() is None
        messages.append(message)
    consumer.close()

    assert [message.offset() for message in messages] == list(range(count))
    assert any(waits)
