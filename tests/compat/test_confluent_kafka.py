"""confluent-kafka (librdkafka, the newest build on PyPI) against our broker: produce, groups, administration."""

import uuid

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, OffsetSpec, ResourceType

from tests.support.confluent import value_of
from tests.support.polling import PATIENCE_S
from tests.support.running import RunningCluster


def name(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def create(admin: AdminClient, topic: str, partitions: int = 1) -> None:
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(timeout=PATIENCE_S)


def read(consumer: Consumer, count: int) -> list[tuple[bytes | None, bytes | None]]:
    messages: list[tuple[bytes | None, bytes | None]] = []
    while len(messages) < count:
        message = consumer.poll(PATIENCE_S)
        assert message is not None, f"only {len(messages)} of {count} messages came"
        assert message.error() is None, message.error()
        messages.append((message.key(), message.value()))
    return messages


def test_delivery_reports_name_partition_and_offset(cluster: RunningCluster) -> None:
    topic = name("reports")
    create(AdminClient({"bootstrap.servers": cluster.bootstrap}), topic)
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "enable.idempotence": True})
    reported: list[tuple[int | None, int | None]] = []

    for number in range(100):
        producer.produce(topic, str(number), on_delivery=lambda error, m: reported.append((m.partition(), m.offset())))
    assert producer.flush(PATIENCE_S) == 0

    assert reported == [(0, offset) for offset in range(100)]


def test_two_members_share_the_partitions_and_commit(cluster: RunningCluster) -> None:
    topic, group = name("shared"), name("group")
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    create(admin, topic, partitions=4)
    producer = Producer({"bootstrap.servers": cluster.bootstrap})
    for number in range(40):
        producer.produce(topic, str(number), partition=number % 4)
    producer.flush(PATIENCE_S)
    settings = {
        "bootstrap.servers": cluster.bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
    members = [Consumer(settings) for _ in range(2)]
    seen: set[bytes] = set()

    for member in members:
        member.subscribe([topic])
    while len(seen) < 40 or any(len(member.assignment()) != 2 for member in members):
        for member in members:
            if (message := member.poll(0.2)) is not None:
                assert message.error() is None
                seen.add(value_of(message))
    for member in members:
        member.commit(offsets=[TopicPartition(topic, p.partition, 10) for p in member.assignment()], asynchronous=False)
        member.close()

    reader = Consumer(settings)
    committed = reader.committed([TopicPartition(topic, partition) for partition in range(4)], timeout=PATIENCE_S)
    reader.close()
    assert [entry.offset for entry in committed] == [10, 10, 10, 10]


def test_topics_are_created_extended_configured_and_deleted(cluster: RunningCluster) -> None:
    topic = name("administered")
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})

    admin.create_topics([NewTopic(topic, 1, 1, config={"retention.ms": "60000"})])[topic].result(timeout=PATIENCE_S)
    admin.create_partitions([NewPartitions(topic, 3)])[topic].result(timeout=PATIENCE_S)
    resource = ConfigResource(ResourceType.TOPIC, topic)
    configs = admin.describe_configs([resource])[resource].result(timeout=PATIENCE_S)
    metadata = admin.list_topics(timeout=PATIENCE_S).topics[topic]
    admin.delete_topics([topic])[topic].result(timeout=PATIENCE_S)

    assert configs["retention.ms"].value == "60000"
    assert sorted(metadata.partitions) == [0, 1, 2]
    assert topic not in admin.list_topics(timeout=PATIENCE_S).topics


def test_records_are_deleted_and_offsets_listed(cluster: RunningCluster) -> None:
    topic = name("deleted")
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    create(admin, topic)
    producer = Producer({"bootstrap.servers": cluster.bootstrap})
    for number in range(10):
        producer.produce(topic, str(number))
    producer.flush(PATIENCE_S)
    partition = TopicPartition(topic, 0)

    admin.delete_records([TopicPartition(topic, 0, 4)])[partition].result(timeout=PATIENCE_S)

    earliest = admin.list_offsets({partition: OffsetSpec.earliest()})[partition].result(timeout=PATIENCE_S)
    latest = admin.list_offsets({partition: OffsetSpec.latest()})[partition].result(timeout=PATIENCE_S)
    assert (earliest.offset, latest.offset) == (4, 10)
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": name("reader")})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    assert [value for _, value in read(consumer, 6)] == [b"4", b"5", b"6", b"7", b"8", b"9"]
    consumer.close()


def test_groups_are_listed_described_and_deleted(cluster: RunningCluster) -> None:
    topic, group = name("grouped"), name("group")
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    create(admin, topic)
    producer = Producer({"bootstrap.servers": cluster.bootstrap})
    producer.produce(topic, "x")
    producer.flush(PATIENCE_S)
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    read(consumer, 1)

    described = admin.describe_consumer_groups([group])[group].result(timeout=PATIENCE_S)
    listed = [entry.group_id for entry in admin.list_consumer_groups().result(timeout=PATIENCE_S).valid]
    consumer.close()
    admin.delete_consumer_groups([group])[group].result(timeout=PATIENCE_S)

    assert described.state.name == "STABLE"
    assert [tuple(p.topic for p in member.assignment.topic_partitions) for member in described.members] == [(topic,)]
    assert group in listed
    assert group not in [entry.group_id for entry in admin.list_consumer_groups().result(timeout=PATIENCE_S).valid]
