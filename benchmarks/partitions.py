"""Many partitions with three replicas each: three brokers as processes on one ZooKeeper server.

Topics are created, a broker and the controller are killed and come back, preferred leaders are elected, and all is
deleted again. Each step is complete once clients see it, in any broker's metadata, for every partition.
"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future

from confluent_kafka import ElectionType, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic, PartitionMetadata

from benchmarks.clusters import CLIENTS, NUMBERS, Cluster, controller_of, kill, wait_for
from benchmarks.processes import processor_s, resident_mb
from benchmarks.servers import Servers
from benchmarks.single import Note, SingleMeasurement
from benchmarks.table import Row
from benchmarks.tools import Bench

PARTITIONS = int(os.environ.get("BENCH_PARTITIONS", "10000"))
OF_A_TOPIC = 10
TOPICS_AT_A_TIME = 20
LIMIT_S = 600.0  # of one step
PATIENCE_MS = 300_000  # of one request, librdkafka's most
LOOK_EVERY_S = 0.5  # each look has the whole metadata sent
IDLE_S = 10.0
SETTINGS = {"log.segment.delete.delay.ms": "1000"}  # how long files of deleted topics are kept is no work

ROWS = [
    Row(f"a cluster of {PARTITIONS:,} partitions: {what}", unit, times_kafka=1)
    for what, unit in (
        ("creating them, until all are in sync", "s"),
        ("idle brokers, all together", "% of a core"),
        ("resident memory of the largest broker", "MB"),
        ("a broker killed, until all have leaders", "s"),
        ("started again, until all are in sync", "s"),
        ("electing all preferred leaders", "s"),
        ("the controller killed, until all have leaders", "s"),
        ("deleting them, until all files are gone", "s"),
        ("resident memory of the largest broker after that", "MB"),
    )
]


class ManyPartitions:
    """The topics of one run, and what clients see of them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._admin = AdminClient({"bootstrap.servers": cluster.bootstrap, "socket.timeout.ms": PATIENCE_MS, **CLIENTS})
        self.topics = [f"many-{number}" for number in range(PARTITIONS // OF_A_TOPIC)]

    def partitions(self) -> list[PartitionMetadata]:
        """Those that a broker knows; none if none answers."""
        try:
            topics = self._admin.list_topics(timeout=30).topics
        except KafkaException:
            return []
        return [each for name in self.topics if name in topics for each in topics[name].partitions.values()]

    def wait_until(self, is_so: Callable[[PartitionMetadata], bool], what: str) -> None:
        """Until it is so of every partition."""

        def of_all() -> bool:
            found = self.partitions()
            return len(found) == PARTITIONS and all(map(is_so, found))

        wait_for(of_all, what, limit_s=LIMIT_S, pause_s=LOOK_EVERY_S)

    def wait_until_in_sync(self) -> None:
        self.wait_until(lambda each: len(each.isrs) == len(NUMBERS), "full ISRs of all partitions")

    def create(self) -> None:
        for first in range(0, len(self.topics), TOPICS_AT_A_TIME):
            some = [NewTopic(each, OF_A_TOPIC, 3) for each in self.topics[first : first + TOPICS_AT_A_TIME]]
            results(self._admin.create_topics(some, operation_timeout=LIMIT_S, request_timeout=LIMIT_S))
        self.wait_until_in_sync()

    def delete(self) -> None:
        results(self._admin.delete_topics(self.topics, operation_timeout=LIMIT_S, request_timeout=LIMIT_S))
        folders = [self._cluster.logs(number) for number in NUMBERS]
        wait_for(
            lambda: not any(any(folder.glob("many-*")) for folder in folders),
            "the end of the files of deleted topics",
            limit_s=LIMIT_S,
            pause_s=LOOK_EVERY_S,
        )

    def elect_preferred(self) -> None:
        self._admin.elect_leaders(ElectionType.PREFERRED, None).result(LIMIT_S)
        self.wait_until(lambda each: each.leader == each.replicas[0], "preferred leaders of all partitions")

    def fail_over(self, number: int) -> float:
        """Kill a broker; seconds until the others lead all partitions."""
        kill(self._cluster.processes[number])
        began = time.monotonic()
        others = set(NUMBERS) - {number}
        self.wait_until(lambda each: each.leader in others, f"leaders besides broker {number}")
        return time.monotonic() - began

    def bring_back(self, number: int) -> None:
        self._cluster.launch(number)
        self._cluster.wait_until_it_answers(number)
        self.wait_until_in_sync()


def results(asked: dict[str, Future[None]]) -> None:
    """Wait for all; raises the first error."""
    for each in asked.values():
        each.result(2 * LIMIT_S)


def seconds_of(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def many_partitions(_bench: Bench, servers: Servers, _note: Note) -> Iterator[float]:
    cluster = Cluster(servers, SETTINGS, zookeepers=(1,))
    with cluster.running() as admin:
        many = ManyPartitions(cluster)
        yield seconds_of(many.create)
        yield _idle_percent(cluster)
        yield _largest_mb(cluster)
        controller = controller_of(admin)
        other = next(number for number in NUMBERS if number != controller)
        yield many.fail_over(other)
        yield seconds_of(lambda: many.bring_back(other))
        yield seconds_of(many.elect_preferred)
        yield many.fail_over(controller)
        many.bring_back(controller)
        yield seconds_of(many.delete)
        yield _largest_mb(cluster)


def _idle_percent(cluster: Cluster) -> float:
    """Processor time of all brokers while nobody asks them anything, as a share of one core."""
    time.sleep(IDLE_S)  # until what the last step left to do is done
    before = sum(processor_s(process.pid) for process in cluster.processes.values())
    time.sleep(IDLE_S)
    used = sum(processor_s(process.pid) for process in cluster.processes.values()) - before
    return 100 * used / IDLE_S


def _largest_mb(cluster: Cluster) -> float:
    return max(resident_mb(process.pid) for process in cluster.processes.values())


MANY_PARTITIONS = SingleMeasurement(ROWS, many_partitions, limit_s=2400)
