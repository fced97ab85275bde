"""A cluster of three brokers and a ZooKeeper server, each a process that can be killed, stopped and frozen alone.

All are ours unless a test chooses other makes.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from confluent_kafka import Consumer, ElectionType, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)
from kio.schema.find_coordinator.v1.request import FindCoordinatorRequest
from kio.static.primitive import i8

from pykafka_cli.protocol.api_keys import ApiKey
from tests.support.broker_processes import BrokerProcess, PkBroker
from tests.support.polling import PATIENCE_S, Found, until
from tests.support.raw_requests import RawClient
from tests.support.running import pk
from tests.support.zookeeper.servers import PkZooKeeper, ZooKeeperProcess

QUIET = {"log_level": 0, "socket.timeout.ms": 5000, "topic.metadata.refresh.interval.ms": 500}
SETTINGS = {
    "default.replication.factor": "3",
    "offsets.topic.replication.factor": "3",
    "min.insync.replicas": "2",
    "replica.lag.time.max.ms": "3000",
    "controlled.shutdown.retry.backoff.ms": "500",
    "auto.leader.rebalance.enable": "false",
    "auto.create.topics.enable": "false",  # to look at a topic that is being deleted must not make it again
}


class Cluster:
    """Brokers 0, 1 and 2, all started; topics are made with a replica on each and min.insync.replicas=2."""

    def __init__(
        self,
        folder: Path,
        makes: Sequence[type[BrokerProcess]],
        zookeeper: type[ZooKeeperProcess],
        settings: Mapping[str, str] | None,
    ) -> None:
        self._plan = folder / "reassignment.json"
        self.zookeeper = zookeeper(folder)
        self.zookeeper.start()
        given = {**SETTINGS, **(settings or {})}
        self.brokers = [make(n, folder, self.zookeeper.address, settings=given) for n, make in enumerate(makes)]
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)
        try:
            for broker in self.brokers:
                broker.begin()
            for broker in self.brokers:
                broker.wait_until_started()
        except BaseException:
            self.close()
            raise
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, **QUIET})

    def close(self) -> None:
        for broker in self.brokers:
            broker.kill()
        self.zookeeper.stop()

    def wait_for(self, condition: Callable[[], Found], what: str) -> Found:
        return until(condition, lambda: f"{what} did not come about; {self.state()}")

    def state(self) -> str:
        """Leaders and ISRs as some broker knows them, for messages."""
        try:
            topics = self.admin.list_topics(timeout=5).topics
        except KafkaException as error:
            return str(error)
        return ", ".join(
            f"{name}-{number}: {partition.leader} {partition.isrs}"
            for name, topic in topics.items()
            if not name.startswith("__")
            for number, partition in topic.partitions.items()
        )

    # ---- topics

    def create(self, topic: str, partitions: int = 1, **config: str) -> None:
        self.wait_for(lambda: len(self.admin.list_topics(timeout=10).brokers) == 3, "a cluster of three")
        new = NewTopic(topic, partitions, config=config)
        self.admin.create_topics([new], request_timeout=PATIENCE_S)[topic].result(PATIENCE_S)
        self.wait_for(lambda: self.isr(topic) == [0, 1, 2], f"a full ISR of {topic}")

    def can_create(self, topic: str) -> bool:
        """Create it, unless it is still being deleted."""
        error = self.admin.create_topics([NewTopic(topic)])[topic].exception(PATIENCE_S)
        return error is None

    def leader_now(self, topic: str, partition: int = 0) -> int:
        """-1 when there is none, or when the broker that answers does not know of one (yet)."""
        try:
            return self.admin.list_topics(topic, timeout=5).topics[topic].partitions[partition].leader
        except (KafkaException, KeyError):
            return -1

    def leader(self, topic: str, partition: int = 0, *, besides: int = -1) -> int:
        """Wait until there is one, and not `besides`."""
        wanted = {broker.number for broker in self.brokers} - {besides}
        return self.wait_for(
            lambda: {self.leader_now(topic, partition)} & wanted, f"a leader of {topic}-{partition} besides {besides}"
        ).pop()

    def isr(self, topic: str, partition: int = 0) -> list[int]:
        try:
            return sorted(self.admin.list_topics(topic, timeout=5).topics[topic].partitions[partition].isrs)
        except (KafkaException, KeyError):
            return []

    def wait_until_in_sync(self, topic: str, partitions: int = 1) -> None:
        """Until all replicas of these partitions are in their ISRs."""

        def all_are() -> bool:
            try:
                found = self.admin.list_topics(topic, timeout=5).topics[topic].partitions
            except (KafkaException, KeyError):
                return False
            known = [found[number] for number in range(partitions) if number in found]
            return len(known) == partitions and all(sorted(each.isrs) == sorted(each.replicas) for each in known)

        self.wait_for(all_are, f"a full ISR of {topic}")

    def controller(self, *, besides: int = -1) -> int:
        """Wait until there is one, and not `besides`."""
        wanted = {broker.number for broker in self.brokers} - {besides}
        return self.wait_for(
            lambda: {self.admin.list_topics(timeout=10).controller_id} & wanted, f"a controller besides {besides}"
        ).pop()

    def replicas(self, topic: str, partition: int = 0) -> list[int]:
        """In the order of preference."""
        return list(self.admin.list_topics(topic, timeout=10).topics[topic].partitions[partition].replicas)

    def elect_preferred(self, topic: str, partitions: int) -> list[KafkaError]:
        """Why the preferred replica could not be made leader, where that is so."""
        wanted = [TopicPartition(topic, number) for number in range(partitions)]
        outcomes = self.admin.elect_leaders(ElectionType.PREFERRED, wanted).result(PATIENCE_S)
        return [error for error in outcomes.values() if error and error.code() != KafkaError.ELECTION_NOT_NEEDED]

    def reassign(self, topic: str, *replicas: Sequence[int]) -> None:
        """Begin to move the partitions, in their order, to these brokers, whatever else is being moved."""
        moves = [{"topic": topic, "partition": n, "replicas": list(brokers)} for n, brokers in enumerate(replicas)]
        self._plan.write_text(json.dumps({"version": 1, "partitions": moves}))
        begun = self._pk_reassign("--execute", "--additional")
        assert begun.returncode == 0, begun

    def wait_until_reassigned(self) -> None:
        """Until what `reassign` began last is done."""
        self.wait_for(lambda: "in progress" not in self._pk_reassign("--verify").stdout, "the end of a reassignment")

    def _pk_reassign(self, *action: str) -> "subprocess.CompletedProcess[str]":
        server = ("--bootstrap-server", self.bootstrap)
        return pk("reassign-partitions", *server, *action, "--reassignment-json-file", str(self._plan))

    def configure(self, topic: str, key: str, value: str) -> None:
        change = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])
        self.admin.incremental_alter_configs([resource])[resource].result(PATIENCE_S)

    def coordinator(self, group: str) -> int:
        """The broker that coordinates a group, as any broker knows it; -1 when nobody does just now.

        librdkafka is not asked: its admin client may abort the process if it describes a group whose coordinator dies.
        """
        request = FindCoordinatorRequest(key=group, key_type=i8(0))
        for broker in self.brokers:
            with suppress(OSError), RawClient(broker.bootstrap) as client:
                return int(client.answer(ApiKey.FIND_COORDINATOR, 1, request).node_id)
        return -1

    # ---- records

    def try_to_write(self, topic: str, *, acks: str) -> int | None:
        """Write one record; the code of the error, if it is not acknowledged within a few seconds."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "acks": acks, "message.timeout.ms": 3000, **QUIET})
        errors: list[KafkaError | None] = []
        producer.produce(topic, b"tried", partition=0, on_delivery=lambda error, _: errors.append(error))
        assert producer.flush(PATIENCE_S) == 0
        return errors[0].code() if errors[0] else None

    def logs(self, topic: str, partition: int = 0) -> list[bytes]:
        """What each broker has of a partition, byte for byte."""
        name = f"{topic}-{partition}"
        return [b"".join(file.read_bytes() for file in sorted((b.logs / name).glob("*.log"))) for b in self.brokers]

    def wait_for_equal_logs(self, topic: str, partitions: int = 1) -> None:
        def equal() -> bool:
            return all(len(set(self.logs(topic, partition))) == 1 for partition in range(partitions))

        self.wait_for(equal, f"equal logs of {topic}")

    def read(self, topic: str, partition: int = 0) -> list[bytes]:
        """Values of all records of a partition, in order."""
        alone = {"group.id": "none", "enable.auto.commit": False}
        consumer = Consumer({"bootstrap.servers": self.bootstrap, **alone, **QUIET})
        start, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE_S)
        consumer.assign([TopicPartition(topic, partition, start)])
        values: list[bytes] = []
        while start < end:
            message = consumer.poll(PATIENCE_S)
            assert message is not None, f"nothing comes from {start} on, the end is {end}; {self.state()}"
            assert message.error() is None, message.error()
            value, offset = message.value(), message.offset()
            assert value is not None
            assert offset is not None
            values.append(value)
            start = offset + 1
        consumer.close()
        return values


class Writer:
    """Writes 0, 1, 2 ... to the partitions in turn with acks=all, as long as the block runs, and notes what was
    acknowledged.

        with Writer(cluster, "t") as writer:
            ...                                 # trouble
            writer.wait_for_more(100)           # it is being served
        assert cluster.read("t") == writer.acknowledged(0)
    """

    def __init__(self, cluster: Cluster, topic: str, partitions: int = 1) -> None:
        self._cluster, self._topic, self._partitions = cluster, topic, partitions
        self._producer = Producer(
            {"bootstrap.servers": cluster.bootstrap, "enable.idempotence": True, "retry.backoff.ms": 20, **QUIET}
        )
        self._acknowledged: list[list[bytes]] = [[] for _ in range(partitions)]
        self._failures: list[KafkaError] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        left = self._producer.flush(PATIENCE_S)
        assert (left, self._failures) == (0, []), self._cluster.state()

    def _write(self) -> None:
        number = 0
        while not self._over.is_set():
            self._producer.produce(
                self._topic, b"%d" % number, partition=number % self._partitions, on_delivery=self._delivered
            )
            number += 1
            self._producer.poll(0.001 if len(self._producer) < 200 else 0.1)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failures.append(error)
        else:
            partition, value = message.partition(), message.value()
            assert partition is not None
            assert value is not None
            self._acknowledged[partition].append(value)

    def acknowledged(self, partition: int = 0) -> list[bytes]:
        return self._acknowledged[partition]

    def wait_for_more(self, records: int) -> None:
        """Until so many more are acknowledged."""
        goal = sum(map(len, self._acknowledged)) + records
        self._cluster.wait_for(lambda: sum(map(len, self._acknowledged)) >= goal, f"{records} acknowledged records")


@contextmanager
def cluster_of_three(
    folder: Path,
    makes: Sequence[type[BrokerProcess]] = (PkBroker, PkBroker, PkBroker),
    zookeeper: type[ZooKeeperProcess] = PkZooKeeper,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Cluster]:
    cluster = Cluster(folder, makes, zookeeper, settings)
    try:
        yield cluster
    finally:
        cluster.close()
