"""A cluster of ours continues as Apache Kafka 3.9.1 on the same directories, and the other way round.

The broker's log directories and ZooKeeper's data directory change hands together, after a clean stop and after kill -9
of both. Whatever a client can see must then be what it was: records, offsets, groups, configs, ids; and an idempotent
producer that was there all along continues with its sequence numbers.

So it is with `pk up` and the files that `pk graduate` writes; there a transaction that is open all the while is
committed by its producer on Kafka.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    Producer,
    TopicCollection,
    TopicPartition,
)
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

from tests.support import peers
from tests.support.broker_processes import BrokerProcess, KafkaBroker, PkBroker
from tests.support.confluent import patiently, value_of
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.running import RunningCluster, pk
from tests.support.zookeeper.servers import KafkaZooKeeper, PkZooKeeper, ZooKeeperProcess, four_letter_word

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
    """What a client sees of the cluster, once all that it asks has been loaded."""
    return patiently(lambda: seen_by_a_client(bootstrap))


def seen_by_a_client(bootstrap: str) -> dict[str, Any]:
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
    """Kafka answers clients before its controller has sent it the topics."""
    admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})

    def leaders() -> list[int]:
        topics = patiently(lambda: admin.list_topics(timeout=TIMEOUT_S)).topics
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
        offset = message.offset()
        assert offset is not None
        read.append((offset, message.key(), message.value(), message.headers(), message.timestamp()))
        start = offset + 1
    consumer.close()
    return read


@pytest.mark.timeout(300)
@pytest.mark.parametrize("cleanly", [True, False], ids=["after a clean stop", "after kill -9"])
@pytest.mark.parametrize("to_kafka", [True, False], ids=["ours continues as Kafka", "Kafka continues as ours"])
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


class GraduatedZooKeeper(KafkaZooKeeper):
    """Kafka's, with the file that `pk graduate` wrote, which lets it answer no four-letter word but srvr."""

    def __init__(self, folder: Path, file: Path, port: int) -> None:
        super().__init__(folder)
        self.file, self.port, self.address = file, port, f"127.0.0.1:{port}"

    def serves(self) -> bool:
        return b"Mode: standalone" in four_letter_word(self.port, b"srvr")


def graduated(folder: Path, cluster: RunningCluster) -> Installation:
    """Apache Kafka with the files that `pk graduate` writes, on the ports and directories of a stopped cluster."""
    ports = ("--port", str(cluster.port), "--zookeeper-port", str(cluster.zookeeper_port))
    done = pk("graduate", str(cluster.data_dir), "--to", str(folder / "kafka"), *ports)
    assert (done.returncode, done.stderr) == (0, "")
    zookeeper = GraduatedZooKeeper(folder, folder / "kafka/zookeeper.properties", cluster.zookeeper_port)
    broker = KafkaBroker(0, folder, zookeeper.address, port=cluster.port)
    broker.file = folder / "kafka/server.properties"
    return Installation(zookeeper, broker)


def transactional(bootstrap: str, name: str) -> Producer:
    """A producer with its first transaction begun."""
    settings = {"transactional.id": name, "transaction.timeout.ms": 600_000, **QUIET}
    producer = Producer({"bootstrap.servers": bootstrap, **settings})
    producer.init_transactions(TIMEOUT_S)
    producer.begin_transaction()
    return producer


def send(producer: Producer, *texts: bytes) -> None:
    for text in texts:
        producer.produce("transacted", text, partition=0)
    assert producer.flush(TIMEOUT_S) == 0


def committed_values(bootstrap: str, count: int) -> list[bytes]:
    """All values that a reader with read_committed gets, once there are `count`."""
    settings = {"group.id": "none", "enable.auto.commit": False, "enable.partition.eof": True, **QUIET}
    consumer = Consumer({"bootstrap.servers": bootstrap, **settings})
    consumer.assign([TopicPartition("transacted", 0, 0)])
    values: list[bytes] = []
    is_at_end = False
    while len(values) < count or not is_at_end:
        message = consumer.poll(TIMEOUT_S)
        assert message is not None
        is_at_end = (error := message.error()) is not None and error.code() == KafkaError._PARTITION_EOF
        if not is_at_end:
            values.append(value_of(message))
    consumer.close()
    return values


@pytest.mark.timeout(600)
def test_what_pk_up_left_continues_with_the_files_that_graduate_wrote(tmp_path: Path) -> None:
    peers.kafka_classpath()
    ours = RunningCluster(tmp_path / "data")
    bootstrap = ours.bootstrap
    steady = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, **QUIET})
    fill(bootstrap, steady, delete_some=True)
    aborting, staying_open = transactional(bootstrap, "aborting"), transactional(bootstrap, "open")
    send(aborting, b"aborted")
    send(staying_open, b"late 1")
    aborting.abort_transaction(TIMEOUT_S)
    aborting.begin_transaction()
    send(aborting, b"committed")
    aborting.commit_transaction(TIMEOUT_S)
    seen = everything(bootstrap)
    assert ours.stop() == 0

    kafka = graduated(tmp_path, ours)
    try:
        kafka.zookeeper.start()
        kafka.broker.start()
        until(lambda: everything_is_led(bootstrap), "not every partition has got a leader")
        assert everything(bootstrap) == seen
        produce(steady, range(100, 200))
        send(staying_open, b"late 2")
        staying_open.commit_transaction(TIMEOUT_S)
        assert committed_values(bootstrap, 3) == [b"late 1", b"committed", b"late 2"]
        seen = everything(bootstrap)
    finally:
        kafka.end(cleanly=kafka.broker.is_running)

    again = RunningCluster(ours.data_dir, ports=(ours.port, ours.zookeeper_port))
    assert everything(bootstrap) == seen
    assert committed_values(bootstrap, 3) == [b"late 1", b"committed", b"late 2"]
    produce(steady, range(200, 300))
    assert again.stop() == 0


def everything_is_led(bootstrap: str) -> bool:
    topics = AdminClient({"bootstrap.servers": bootstrap, **QUIET}).list_topics(timeout=TIMEOUT_S).topics
    leaders = [partition.leader for topic in topics.values() for partition in topic.partitions.values()]
    return set(topics) >= {*TOPICS, "__consumer_offsets", "__transaction_state"} and set(leaders) == {0}
