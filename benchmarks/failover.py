"""How long clients wait when a server is killed: the leader of a partition, the controller, ZooKeeper's leader.

One producer with acks=all and one consumer have a partition with three replicas. A server is killed by kill -9, and
the longest time is taken that no record was acknowledged, and that none was read, from the kill until all is well.
Then the server is started again, and everything that was acknowledged must be there, once and in order.
"""

import contextlib
import itertools
import logging
import statistics
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry

from benchmarks.clusters import (
    CLIENTS,
    LIMIT_S,
    NUMBERS,
    SESSION_TIMEOUT_S,
    Cluster,
    controller_of,
    kill,
    new_topic,
    wait_for,
    wait_until_in_sync,
)
from benchmarks.servers import Servers
from benchmarks.single import Note, SingleMeasurement
from benchmarks.table import Row
from benchmarks.tools import Bench

REPETITIONS = 3  # of each kill: the median of them
BEFORE = 200  # records that are read before a server is killed
AFTER_S = SESSION_TIMEOUT_S + 4  # that clients are watched after a kill, at least
EVERY_S = 0.005  # a record, or a znode

_QUIET = logging.getLogger("kazoo.quiet")  # that connections end is what is measured
_QUIET.setLevel(logging.CRITICAL)

BROKERS = tuple(
    Row(f"{who} killed: longest pause of {what}", "s", times_kafka=1)
    for who in ("leader of a partition", "controller", "ZooKeeper's leader")
    for what in ("acks=all", "reading")
)
TOPIC = Row("ZooKeeper's leader killed: until a topic is created", "s", times_kafka=1)
ZNODES = Row("ZooKeeper's leader killed: longest pause of writes by kazoo", "s", times_kafka=1)


class Pauses(NamedTuple):
    """Seconds."""

    written: float
    read: float


def longest_pause(times: Sequence[float], since: float, until: float) -> float:
    """The longest time between `since` and `until` at which nothing happened; `times` are in order."""
    inside = [since, *(each for each in times if since <= each <= until), until]
    return max(later - earlier for earlier, later in itertools.pairwise(inside))


class Clients:
    """Writes 0, 1, 2 ... to partition 0 of a topic with acks=all, and reads them, as long as the block runs."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap, self._topic = bootstrap, topic
        self._over = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._write, self._read)]
        self._failures: list[KafkaError] = []
        self.acknowledged: list[tuple[float, int]] = []
        """When, and what."""
        self.read: list[tuple[float, int]] = []

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        wait_for(lambda: len(self.read) >= BEFORE, "the first records", limit_s=LIMIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(LIMIT_S)

    def pauses(self, since: float) -> Pauses:
        """Watch for a while; the longest pauses since a kill."""
        time.sleep(max(0.0, since + AFTER_S - time.monotonic()))
        now = time.monotonic()
        wait_for(lambda: min(self.acknowledged[-1], self.read[-1])[0] > now, "a record after a kill", limit_s=LIMIT_S)
        written, read = ([when for when, _ in list(each)] for each in (self.acknowledged, self.read))
        return Pauses(longest_pause(written, since, written[-1]), longest_pause(read, since, read[-1]))

    def check(self) -> None:
        """Raise RuntimeError unless all of the acknowledged is there; call it when the block has ended."""
        if self._failures:
            raise RuntimeError(f"{len(self._failures)} records were not acknowledged: {self._failures[0]}")
        expected = [value for _, value in self.acknowledged]
        found = all_values(self._bootstrap, self._topic)
        for name, values in (
            ("the partition has", found),
            ("the consumer has read", [value for _, value in self.read]),
        ):
            if values != expected[: len(values)] or (values is found and len(values) < len(expected)):
                raise RuntimeError(f"{len(expected)} records were acknowledged, {name} {len(values)} others")

    def _write(self) -> None:
        producer = Producer(
            {"bootstrap.servers": self._bootstrap, "enable.idempotence": True, "linger.ms": 0, **CLIENTS}
        )
        for number in itertools.count():
            if self._over.is_set():
                break
            producer.produce(self._topic, b"%d" % number, partition=0, on_delivery=self._delivered)
            producer.poll(EVERY_S)
            self._over.wait(EVERY_S)
        producer.flush(LIMIT_S)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failures.append(error)
        else:
            self.acknowledged.append((time.monotonic(), _value_of(message)))

    def _read(self) -> None:
        with _consumer(self._bootstrap, self._topic) as consumer:
            while not self._over.is_set():
                message = consumer.poll(0.1)
                if message is not None and message.error() is None:
                    self.read.append((time.monotonic(), _value_of(message)))


def _value_of(message: Message) -> int:
    return int(message.value() or b"-1")


@contextlib.contextmanager
def _consumer(bootstrap: str, topic: str) -> Iterator[Consumer]:
    """Of partition 0, from its beginning."""
    alone = {"group.id": "none", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    consumer = Consumer({"bootstrap.servers": bootstrap, **alone, **CLIENTS})
    consumer.assign([TopicPartition(topic, 0, 0)])
    yield consumer
    consumer.close()


def all_values(bootstrap: str, topic: str) -> list[int]:
    """What partition 0 has."""
    values: list[int] = []
    with _consumer(bootstrap, topic) as consumer:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=LIMIT_S)
        while len(values) < end:
            message = consumer.poll(LIMIT_S)
            if message is None or message.error():
                raise RuntimeError(f"after {len(values)} of {end} records there is nothing to read")
            values.append(_value_of(message))
    return values


# ---- the kills


def fail_over(_bench: Bench, servers: Servers, _note: Note) -> Iterator[float]:
    cluster = Cluster(servers)
    with cluster.running() as admin:
        for kill_one in (_kill_leader, _kill_controller):
            pauses = [kill_one(cluster, admin) for _ in range(REPETITIONS)]
            yield statistics.median(each.written for each in pauses)
            yield statistics.median(each.read for each in pauses)
        kills = [_kill_zookeeper(cluster, admin) for _ in range(REPETITIONS)]
        yield statistics.median(pauses.written for pauses, _, _ in kills)
        yield statistics.median(pauses.read for pauses, _, _ in kills)
        yield statistics.median(created for _, created, _ in kills)
        yield statistics.median(znodes for _, _, znodes in kills)


def _kill_leader(cluster: Cluster, admin: AdminClient) -> Pauses:
    """Of a partition that the controller follows."""
    controller = controller_of(admin)
    leader, other = (number for number in NUMBERS if number != controller)
    return _kill_broker(cluster, admin, leader, [leader, controller, other])


def _kill_controller(cluster: Cluster, admin: AdminClient) -> Pauses:
    """It follows the partition: what is acknowledged waits until it is not in the ISR any more."""
    controller = controller_of(admin)
    leader, other = (number for number in NUMBERS if number != controller)
    return _kill_broker(cluster, admin, controller, [leader, controller, other])


def _kill_broker(cluster: Cluster, admin: AdminClient, number: int, replicas: list[int]) -> Pauses:
    topic = new_topic(admin, replicas)
    with Clients(cluster.bootstrap, topic) as clients:
        kill(cluster.processes[number])
        pauses = clients.pauses(time.monotonic())
        cluster.launch(number)
        wait_until_in_sync(admin, topic)
    clients.check()
    return pauses


def _kill_zookeeper(cluster: Cluster, admin: AdminClient) -> tuple[Pauses, float, float]:
    """The pauses of the clients of brokers, the time until a topic is created, and the pause of a client of ZooKeeper
    that is connected to a follower."""
    topic, leader = new_topic(admin, list(NUMBERS)), cluster.ensemble.leader()
    addresses = cluster.ensemble.addresses(besides=leader)
    with Clients(cluster.bootstrap, topic) as clients, ZnodeWriter(addresses) as znodes:
        kill(cluster.ensemble.processes[leader])
        killed = time.monotonic()
        wait_for(lambda: _can_create(admin), "a topic", limit_s=LIMIT_S)
        created = time.monotonic() - killed
        pauses, paused = clients.pauses(killed), znodes.pause(killed)
        cluster.ensemble.launch(leader)
        cluster.ensemble.wait_until_all_serve()
        wait_until_in_sync(admin, topic)
    clients.check()
    for port in cluster.ensemble.ports.values():
        znodes.check(f"127.0.0.1:{port}")
    return pauses, created, paused


class ZnodeWriter:
    """Creates a znode after another, as long as the block runs; what fails is not tried again."""

    def __init__(self, addresses: str) -> None:
        self._client, self._path = _zookeeper_client(addresses), f"/bench-{uuid.uuid4().hex[:8]}"
        self._over, self._thread = threading.Event(), threading.Thread(target=self._write, daemon=True)
        self.created: list[tuple[float, str]] = []
        """When, and what."""

    def __enter__(self) -> "ZnodeWriter":
        self._client.start(LIMIT_S)
        self._client.ensure_path(self._path)
        self._thread.start()
        wait_for(lambda: len(self.created) >= BEFORE, "the first znodes", limit_s=LIMIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(LIMIT_S)
        self._client.stop()
        self._client.close()

    def pause(self, since: float) -> float:
        """The longest since a kill."""
        now = time.monotonic()
        wait_for(lambda: self.created[-1][0] > now, "a znode after a kill", limit_s=LIMIT_S)
        times = [when for when, _ in list(self.created)]
        return longest_pause(times, since, times[-1])

    def check(self, address: str) -> None:
        """Raise RuntimeError unless a server has all that was acknowledged; call it when the block has ended."""
        client = _zookeeper_client(address)
        client.start(LIMIT_S)
        try:
            client.sync(self._path)
            lost = {name for _, name in self.created} - set(client.get_children(self._path))
        finally:
            client.stop()
            client.close()
        if lost:
            raise RuntimeError(f"{len(lost)} of {len(self.created)} znodes that were created are not on {address}")

    def _write(self) -> None:
        for number in itertools.count():
            if self._over.wait(EVERY_S):
                break
            with contextlib.suppress(KazooException, KazooTimeoutError):
                self._client.create(f"{self._path}/{number}")
                self.created.append((time.monotonic(), str(number)))


def _zookeeper_client(addresses: str) -> KazooClient:
    again = KazooRetry(max_tries=-1, delay=0.05, max_delay=0.1)
    return KazooClient(addresses, timeout=SESSION_TIMEOUT_S, connection_retry=again, logger=_QUIET)


def _can_create(admin: AdminClient) -> bool:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    creating = admin.create_topics([NewTopic(name, 1, 3)], operation_timeout=10, request_timeout=10)[name]
    return creating.exception(LIMIT_S) is None


FAILOVER = SingleMeasurement([*BROKERS, TOPIC, ZNODES], fail_over, limit_s=900)
