"""Kafka Streams counts words exactly once on our brokers, whatever is killed under it."""

import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

from tests.support import peers
from tests.support.broker_processes import KafkaBroker, Kind, PkBroker, running
from tests.support.brokers_in_trouble import QUIET, cluster_of_three
from tests.support.confluent import value_of
from tests.support.polling import PATIENCE_S, until
from tests.support.ports import free_port
from tests.support.running import RunningCluster, pk
from tests.support.server_processes import ServerProcess
from tests.support.zookeeper.servers import pk_zookeeper

INPUT, OUTPUT, APPLICATION, PARTITIONS = "lines", "counts", "counting", 2
CHANGELOG, REPARTITION = f"{APPLICATION}-counts-changelog", f"{APPLICATION}-words-repartition"
AHEAD = 300
"""How many words the input may be ahead of the output: there is always something in work, and never much."""

WORDS = [f"word-{number}" for number in range(40)]
SETTINGS = {
    "processing.guarantee": "exactly_once_v2",
    "num.standby.replicas": "1",
    "commit.interval.ms": "50",
    "statestore.cache.max.bytes": "0",  # every word gives a record
    "session.timeout.ms": "6000",
    "heartbeat.interval.ms": "500",
    "transaction.timeout.ms": "6000",
    "repartition.purge.interval.ms": "500",
    "default.key.serde": "org.apache.kafka.common.serialization.Serdes$StringSerde",
    "default.value.serde": "org.apache.kafka.common.serialization.Serdes$StringSerde",
    "auto.offset.reset": "earliest",
    "metadata.max.age.ms": "2000",
    "topic.segment.bytes": "20000",  # of the topics that Streams makes: they are to be compacted while it runs
    "topic.min.cleanable.dirty.ratio": "0.01",
}


class Instance(ServerProcess):
    """One JVM of the application, with its own state directory."""

    def __init__(self, program: Sequence[str], folder: Path, name: str, bootstrap: str, **settings: str) -> None:
        super().__init__(folder / f"{name}.log")
        self.state = folder / f"state-{name}"
        given = SETTINGS | {name.replace("_", "."): value for name, value in settings.items()}
        given |= {"application.id": APPLICATION, "bootstrap.servers": bootstrap, "state.dir": str(self.state)}
        self._command = [*program, INPUT, OUTPUT, *(f"{key}={value}" for key, value in given.items())]

    def command(self) -> Sequence[str]:
        return self._command

    def serves(self) -> bool:
        return "state RUNNING" in self.said()


class Counting:
    """Feeds the input, never far ahead of the output, and checks each count that comes out: the word's next number."""

    def __init__(self, bootstrap: str, seed: int) -> None:
        self.random = random.Random(seed)
        self.sent: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self._failures: list[KafkaError] = []
        self._producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, **QUIET})
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": "unused", "isolation.level": "read_committed", **QUIET}
        )
        self._consumer.assign([TopicPartition(OUTPUT, number, 0) for number in range(PARTITIONS)])

    def close(self) -> None:
        self._consumer.close()

    def go_on(self, more: int) -> None:
        """Until so many more words, or a few fewer, have been counted, while others are being written."""
        goal = self.counted.total() + self.random.randint(more // 2, more)
        until(lambda: self._counted_after_a_step() >= goal, self._complaint, patience_s=150)

    def finish(self) -> None:
        """Until all that was written is counted."""
        assert self._producer.flush(60) == 0
        until(lambda: self._counted() >= self.sent.total(), self._complaint, patience_s=150)

    def _counted_after_a_step(self) -> int:
        while self.sent.total() < self.counted.total() + AHEAD:
            line = self.random.choices(WORDS, k=3)
            self._producer.produce(INPUT, " ".join(line), on_delivery=self._delivered)
            self.sent.update(line)
        self._producer.poll(0)
        return self._counted()

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        assert error is None, error

    def _counted(self) -> int:
        for message in self._consumer.consume(1000, timeout=0.05):
            if message.error() is None:
                word, count = (message.key() or b"").decode(), int.from_bytes(value_of(message))
                self.counted[word] += 1
                assert count == self.counted[word], f"{word} was counted {count} times, then {self.counted[word] - 1}"
        return self.counted.total()

    def _complaint(self) -> str:
        return f"{self.counted.total()} of {self.sent.total()} words were counted"


@pytest.fixture(scope="session")
def word_count(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The words that start the application."""
    return peers.java_program("WordCount", tmp_path_factory.mktemp("java"))


@pytest.fixture
def instances(word_count: list[str], tmp_path: Path) -> Iterator[list[Instance]]:
    """Put instances in here; they are killed at the end."""
    started: list[Instance] = []
    yield started
    for instance in started:
        instance.kill()


def create_topics(bootstrap: str) -> None:
    """Input and output; their brokers compact as soon as possible."""
    admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})
    for created in admin.create_topics([NewTopic(name, PARTITIONS) for name in (INPUT, OUTPUT)]).values():
        created.result(PATIENCE_S)
    altered = pk(
        "configs", "--bootstrap-server", bootstrap, "--alter", "--entity-type", "brokers", "--entity-default",
        "--add-config", "log.cleaner.backoff.ms=100",
    )  # fmt: skip
    assert altered.returncode == 0, altered


def settings_of(admin: AdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return {
        name: entry.value for name, entry in admin.describe_configs([resource])[resource].result(PATIENCE_S).items()
    }


def log_start(admin: AdminClient, topic: str) -> int:
    """The sum of where its partitions begin."""
    wanted = {TopicPartition(topic, number): OffsetSpec.earliest() for number in range(PARTITIONS)}
    return sum(found.result(PATIENCE_S).offset for found in admin.list_offsets(wanted).values())


def cleaned(logs: Path) -> set[str]:
    """The partitions that have been compacted, by the broker's own books."""
    _, _, *entries = (logs / "cleaner-offset-checkpoint").read_text().splitlines()
    return {f"{topic}-{number}" for topic, number, offset in map(str.split, entries) if int(offset)}


def test_counts_stay_exact_while_instances_and_the_broker_are_killed(
    word_count: list[str], instances: list[Instance], tmp_path: Path, fresh_cluster: RunningCluster
) -> None:
    create_topics(fresh_cluster.bootstrap)
    counting = Counting(fresh_cluster.bootstrap, seed=1)
    static = Instance(word_count, tmp_path, "static", fresh_cluster.bootstrap, group_instance_id="static")
    dynamic = Instance(word_count, tmp_path, "dynamic", fresh_cluster.bootstrap)
    instances += [static, dynamic]
    for instance in instances:
        instance.begin()
    counting.go_on(1000)

    static.kill()
    static.begin()
    counting.go_on(1000)
    dynamic.kill()
    shutil.rmtree(dynamic.state)
    dynamic.begin()
    counting.go_on(1000)
    fresh_cluster.kill()
    fresh_cluster.start()
    counting.go_on(1000)
    for instance in instances:
        instance.kill()
        shutil.rmtree(instance.state)
    for instance in instances:
        instance.begin()
    counting.go_on(1000)
    counting.finish()

    assert counting.counted == counting.sent
    assert all(instance.is_running and "state ERROR" not in instance.said() for instance in instances)
    said = "".join(instance.said() for instance in instances)
    assert re.search(rf"restored [1-9]\d* records of {CHANGELOG}", said), said
    admin = AdminClient({"bootstrap.servers": fresh_cluster.bootstrap, **QUIET})
    assert settings_of(admin, CHANGELOG)["cleanup.policy"] == "compact"
    assert settings_of(admin, REPARTITION).items() >= {"cleanup.policy": "delete", "retention.ms": "-1"}.items()
    until(lambda: log_start(admin, REPARTITION) > 0, "what was taken from the repartition topic was not deleted")
    until(
        lambda: cleaned(fresh_cluster.data_dir / "kafka") >= {f"{CHANGELOG}-0", f"{CHANGELOG}-1"},
        "nothing was compacted",
    )
    counting.close()


def test_counts_stay_exact_while_one_of_three_brokers_after_another_is_killed(
    word_count: list[str], instances: list[Instance], tmp_path: Path
) -> None:
    with cluster_of_three(tmp_path) as cluster:
        create_topics(cluster.bootstrap)
        counting = Counting(cluster.bootstrap, seed=3)
        instances += [Instance(word_count, tmp_path, name, cluster.bootstrap) for name in ("one", "other")]
        for instance in instances:
            instance.begin()
        counting.go_on(1000)

        found: tuple[Callable[[], int], ...] = (
            lambda: cluster.coordinator(APPLICATION),
            lambda: cluster.leader(CHANGELOG),
        )
        for find in found:
            broker = cluster.brokers[find()]
            broker.kill()
            counting.go_on(1000)
            broker.start()
            cluster.wait_until_in_sync(CHANGELOG, PARTITIONS)
        counting.finish()

        assert counting.counted == counting.sent
        assert all(instance.is_running and "state ERROR" not in instance.said() for instance in instances)
        counting.close()


def test_counts_stay_exact_when_apache_kafka_continues_with_our_files_and_we_with_its(
    word_count: list[str], instances: list[Instance], tmp_path: Path
) -> None:
    alone = {"transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1"}
    logs, port = tmp_path / "logs", free_port()
    with pk_zookeeper(tmp_path) as zookeeper:

        def ours_or_kafkas(kind: type[Kind]) -> Kind:
            return kind(0, tmp_path, zookeeper.address, port=port, logs=logs, settings=alone)

        with running(ours_or_kafkas(PkBroker)) as broker:
            create_topics(broker.bootstrap)
            counting = Counting(broker.bootstrap, seed=7)
            instances.append(Instance(word_count, tmp_path, "only", broker.bootstrap))
            instances[0].begin()
            counting.go_on(500)
            broker.stop()  # Apache Kafka does not wait for the end of a dead broker's session
        with running(ours_or_kafkas(KafkaBroker)):
            counting.go_on(500)
            instances[0].kill()
            instances[0].begin()
            counting.go_on(500)
        with running(ours_or_kafkas(PkBroker)):
            counting.go_on(500)
            counting.finish()
            counting.close()

    assert counting.counted == counting.sent
    assert instances[0].is_running


def test_an_application_that_is_set_back_counts_everything_again(
    word_count: list[str], instances: list[Instance], tmp_path: Path, fresh_cluster: RunningCluster
) -> None:
    create_topics(fresh_cluster.bootstrap)
    counting = Counting(fresh_cluster.bootstrap, seed=5)
    instance = Instance(word_count, tmp_path, "only", fresh_cluster.bootstrap)
    instances.append(instance)
    instance.begin()
    counting.go_on(300)
    counting.finish()
    reset = (
        "streams-application-reset", "--bootstrap-server", fresh_cluster.bootstrap, "--application-id", APPLICATION,
        "--input-topics", INPUT,
    )  # fmt: skip

    refused = pk(*reset)
    instance.kill()
    forced = pk(*reset, "--force")
    admin = AdminClient({"bootstrap.servers": fresh_cluster.bootstrap, **QUIET})
    internal = {CHANGELOG, REPARTITION} & set(admin.list_topics(timeout=PATIENCE_S).topics)
    shutil.rmtree(instance.state)
    counting.counted.clear()
    instance.begin()
    counting.finish()

    assert refused.returncode == 1
    assert f"Consumer group '{APPLICATION}' is still active" in refused.stderr
    assert forced.returncode == 0, forced
    assert internal == set()
    assert counting.counted == counting.sent
    counting.close()
