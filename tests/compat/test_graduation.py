"""A cluster of ours goes on as Apache Kafka 3.9.1 on the same directories, and the other way round.

The broker's log directories and ZooKeeper's data directory change hands together, after a clean stop and after kill -9
of both. Whatever a client can see must then be what it was: records, offsets, groups, configs, ids; and an idempotent
producer that was there all along goes on with its sequence numbers.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from kazoo.client import KazooClient

from tests import peers
from tests.broker_processes import BrokerProcess, KafkaBroker, PkBroker
from tests.polling import until
from tests.zookeeper_servers import KafkaZooKeeper, PkZooKeeper, ZooKeeperProcess, free_port

TIMEOUT_S = 60
OFFSETS_PARTITIONS = 3
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
TOPICS = {
    "records": {"segment.bytes": "20000", "index.interval.bytes": "1024", "retention.ms": "-1"},
    "compacted": {"cleanup.policy": "compact", "max.message.bytes": "100000"},
    "shortened": {"compression.type": "lz4"},
}
QUIET = {"log_level": 0}


class Installation(NamedTuple):
    """A broker and its ZooKeeper, of one make."""

    zookeeper: ZooKeeperProcess
    broker: BrokerProcess

    def start(self) -> None:
        self.zookeeper.start()
        self._wait_until_unregistered()
        self.broker.start()

    def _wait_until_unregistered(self) -> None:
        """Until the session of a killed broker is over, for Kafka does not start before."""
        client = KazooClient(self.zookeeper.address)
        client.start(TIMEOUT_S)
        until(lambda: not client.exists("/brokers/ids/0"), "the killed broker's session does not end")
        client.stop()
        client.close()

    def end(self, *, cleanly: bool) -> None:
        if cleanly:
            self.broker.stop()
            self.zookeeper.stop()
        else:
            self.zookeeper.kill()
            self.broker.kill()


class Installations(NamedTuple):
    """Both makes on the same directories and the same port, of which only one may run at a time."""

    ours: Installation
    kafkas: Installation
    bootstrap: str


@pytest.fixture
def installations(tmp_path: Path) -> Iterator[Installations]:
    peers.kafka_classpath()
    port = free_port()

    def installation(zookeeper: type[ZooKeeperProcess], broker: type[BrokerProcess]) -> Installation:
        running = zookeeper(tmp_path, data=tmp_path / "zookeeper")
        return Installation(running, broker(0, tmp_path, running.address, port=port, logs=tmp_path / "kafka"))

    both = Installations(
        installation(PkZooKeeper, PkBroker), installation(KafkaZooKeeper, KafkaBroker), f"127.0.0.1:{port}"
    )
    yield both
    both.ours.end(cleanly=False)
    both.kafkas.end(cleanly=False)


def fill(bootstrap: str, producer: Producer, *, delete_some: bool) -> None:
    """Topics of several kinds, records, committed offsets, configs of a broker, credentials."""
    admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})
    for made in admin.create_topics([NewTopic(name, 3, 1, config=config) for name, config in TOPICS.items()]).values():
        made.result(TIMEOUT_S)
    for codec in CODECS:
        compressing = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 20, **QUIET})
        for number in range(200):
            for topic in TOPICS:
                compressing.produce(
                    topic,
                    None if number % 10 == 9 else f"{codec} {number} ".encode() * 20,
                    key=b"key %d" % (number % 7),
                    headers={"number": b"%d" % number, "nothing": None},
                    timestamp=1_700_000_000_000 + number,
                    partition=number % 3,
                )
        assert compressing.flush(TIMEOUT_S) == 0
    produce(producer, range(100))
    if delete_some:
        for deleted in admin.delete_records([TopicPartition("shortened", 0, 150)]).values():
            deleted.result(TIMEOUT_S)
    commit(bootstrap, TopicPartition("records", 0, 17, metadata="half way"), TopicPartition("compacted", 2, 0))
    dynamic = ConfigEntry("message.max.bytes", "2000000", incremental_operation=AlterConfigOpType.SET)
    for altered in admin.incremental_alter_configs(
        [ConfigResource(ResourceType.BROKER, "0", incremental_configs=[dynamic])]
    ).values():
        altered.result(TIMEOUT_S)
    credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
    for upserted in admin.alter_user_scram_credentials(
        [UserScramCredentialUpsertion("alice", credential, b"secret")]
    ).values():
        upserted.result(TIMEOUT_S)


def produce(producer: Producer, numbers: range) -> None:
    for number in numbers:
        producer.produce("records", b"%d" % number, partition=1)
    assert producer.flush(TIMEOUT_S) == 0


def commit(bootstrap: str, *offsets: TopicPartition) -> None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "readers", **QUIET})
    consumer.commit(offsets=list(offsets), asynchronous=False)
    consumer.close()


def everything(bootstrap: str) -> dict[str, Any]:
    """What a client sees of the cluster."""
    admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})
    metadata = admin.list_topics(timeout=TIMEOUT_S)
    described = admin.describe_topics(TopicCollection(sorted(metadata.topics)))
    readers = ConsumerGroupTopicPartitions("readers")
    committed = admin.list_consumer_group_offsets([readers])["readers"].result(TIMEOUT_S)
    return {
        "cluster id": metadata.cluster_id,
        "topic ids": {topic: str(future.result(TIMEOUT_S).topic_id) for topic, future in described.items()},
        "topic configs": {topic: set_configs(admin, ResourceType.TOPIC, topic) for topic in TOPICS},
        "broker configs": set_configs(admin, ResourceType.BROKER, "0"),
        "committed": sorted((tp.topic, tp.partition, tp.offset, tp.metadata) for tp in committed.topic_partitions),
        "credentials": [
            (user, [(each.mechanism, each.iterations) for each in future.result(TIMEOUT_S).scram_credential_infos])
            for user, future in admin.describe_user_scram_credentials(["alice"]).items()
        ],
        "records": {topic: [records(bootstrap, topic, partition) for partition in range(3)] for topic in TOPICS},
    }


def wait_until_led(bootstrap: str) -> None:
    """Kafka answers clients before its controller has told it of the topics."""
    admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})

    def leaders() -> list[int]:
        topics = admin.list_topics(timeout=TIMEOUT_S).topics
        return [partition.leader for topic in topics.values() for partition in topic.partitions.values()]

    until(lambda: leaders() == [0] * (3 * len(TOPICS) + OFFSETS_PARTITIONS), lambda: f"leaders are {leaders()}")


def set_configs(admin: AdminClient, kind: ResourceType, name: str) -> dict[str, str]:
    """What somebody has set at run time."""
    (future,) = admin.describe_configs([ConfigResource(kind, name)]).values()
    dynamic = (ConfigSource.DYNAMIC_TOPIC_CONFIG.value, ConfigSource.DYNAMIC_BROKER_CONFIG.value)
    return {entry.name: entry.value for entry in future.result(TIMEOUT_S).values() if entry.source in dynamic}


def records(bootstrap: str, topic: str, partition: int) -> list[tuple[Any, ...]]:
    """All that is in a partition, and where it starts and ends."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "none", "enable.auto.commit": False, **QUIET})
    start, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S)
    consumer.assign([TopicPartition(topic, partition, start)])
    read: list[tuple[Any, ...]] = [(start, end)]
    while start < end:
        message = consumer.poll(TIMEOUT_S)
        assert message is not None
        assert message.error() is None
        read.append((message.offset(), message.key(), message.value(), message.headers(), message.timestamp()))
        start = message.offset() + 1
    consumer.close()
    return read


@pytest.mark.timeout(300)
@pytest.mark.parametrize("cleanly", [True, False], ids=["after a clean stop", "after kill -9"])
@pytest.mark.parametrize("to_kafka", [True, False], ids=["ours goes on as Kafka", "Kafka goes on as ours"])
def test_a_cluster_changes_hands_with_all_it_has(installations: Installations, to_kafka: bool, cleanly: bool) -> None:
    before, after = installations.ours, installations.kafkas
    if not to_kafka:
        before, after = after, before
    before.start()
    steady = Producer({"bootstrap.servers": installations.bootstrap, "enable.idempotence": True, **QUIET})
    # Where a log starts is written down once a minute, so a kill may bring deleted records back.
    fill(installations.bootstrap, steady, delete_some=cleanly)
    seen = everything(installations.bootstrap)

    before.end(cleanly=cleanly)
    after.start()
    wait_until_led(installations.bootstrap)

    assert everything(installations.bootstrap) == seen
    produce(steady, range(100, 200))
    commit(installations.bootstrap, TopicPartition("records", 0, 18, metadata="further"))
    now = everything(installations.bootstrap)
    assert [value for _, _, value, *_ in now["records"]["records"][1][1:]][-200:] == [b"%d" % n for n in range(200)]
    assert ("records", 0, 18, "further") in now["committed"]
