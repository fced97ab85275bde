"""Where the replicas of new partitions go: evenly over brokers and, where all have one, over racks.

The first replica, the preferred leader, goes round robin from a random broker; the others follow it at a distance that
grows by one with each round, so that no broker's followers all end up on the same neighbor. With racks the brokers
are first put in an order that alternates between racks, and a broker is passed over while its rack has a replica and
another rack has none.

    5 brokers, 3 replicas, start 0      partition 0: 0 1 2   1: 1 2 3   2: 2 3 4   3: 3 4 0   4: 4 0 1
                         next round     partition 5: 0 2 3   6: 1 3 4   ...

source  org.apache.kafka.admin.AdminUtils of Apache Kafka 3.9
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pykafka_cli.model import BrokerId


class AssignmentRefused(Exception):
    """Replicas cannot be placed as asked; the message is Kafka's."""


class BadPartitionCount(AssignmentRefused):
    """Fewer than one partition."""


class BadReplicationFactor(AssignmentRefused):
    """Fewer than one replica, or more than there are brokers."""


class RacksIncomplete(AssignmentRefused):
    """Some brokers have a rack and others have none."""


class Candidate(NamedTuple):
    """A broker that may get replicas."""

    id: BrokerId
    rack: str | None = None


class Start(NamedTuple):
    """Where the round begins: place of the first leader among the brokers, and the first follower's distance."""

    leader: int
    shift: int

    @classmethod
    def by_chance(cls, brokers: int) -> "Start":
        return cls(random.randrange(brokers), random.randrange(brokers)) if brokers else cls(0, 0)


def assign_replicas(
    brokers: Sequence[Candidate],
    partitions: int,
    replication_factor: int,
    start: Start | None = None,
    *,
    first_partition: int = 0,
) -> dict[int, tuple[BrokerId, ...]]:
    """Replicas of `partitions` partitions, numbered from `first_partition`.

    start     by chance if not given
    raises    BadPartitionCount, BadReplicationFactor, RacksIncomplete
    """
    if partitions <= 0:
        raise BadPartitionCount("Number of partitions must be larger than 0.")
    if replication_factor <= 0:
        raise BadReplicationFactor("Replication factor must be larger than 0.")
    if replication_factor > len(brokers):
        raise BadReplicationFactor(
            f"Replication factor: {replication_factor} larger than available brokers: {len(brokers)}."
        )
    start = start or Start.by_chance(len(brokers))
    racks = {broker.id: broker.rack for broker in brokers if broker.rack is not None}
    if not racks:
        order = [broker.id for broker in brokers]
    elif len(racks) < len(brokers):
        raise RacksIncomplete("Not all brokers have rack information for replica rack aware assignment.")
    else:
        order = rack_alternated(racks)

    assignment = {}
    shift = start.shift
    for partition in range(first_partition, first_partition + partitions):
        if partition > 0 and partition % len(order) == 0:
            shift += 1
        first = (partition + start.leader) % len(order)
        assignment[partition] = (
            _over_racks(order, racks, first, shift, replication_factor)
            if racks
            else tuple(order[_place(first, shift, n, len(order))] for n in range(replication_factor))
        )
    return assignment


def _over_racks(
    order: Sequence[BrokerId], racks: Mapping[BrokerId, str], first: int, shift: int, replication_factor: int
) -> tuple[BrokerId, ...]:
    """One partition's replicas: every rack gets one before any gets a second."""
    rack_count = len(set(racks.values()))
    replicas = [order[first]]
    used = {racks[order[first]]}
    distance = 0
    while len(replicas) < replication_factor:
        distance += 1
        broker = order[_place(first, shift * rack_count, distance, len(order))]
        if broker not in replicas and (racks[broker] not in used or len(used) == rack_count):
            replicas.append(broker)
            used.add(racks[broker])
    return tuple(replicas)


def _place(first: int, shift: int, number: int, brokers: int) -> int:
    """Place of the partition's replica `number` (0 is the preferred leader) among the brokers."""
    if number == 0:
        return first
    return (first + 1 + (shift + number - 1) % (brokers - 1)) % brokers


def rack_alternated(racks: Mapping[BrokerId, str]) -> list[BrokerId]:
    """Brokers by id, one of each rack in turn: {0: a, 1: a, 2: b, 3: b} gives 0 2 1 3."""
    waiting: dict[str, list[BrokerId]] = {}
    for broker in sorted(racks):
        waiting.setdefault(racks[broker], []).append(broker)
    order: list[BrokerId] = []
    while len(order) < len(racks):
        order += [brokers.pop(0) for _, brokers in sorted(waiting.items()) if brokers]
    return order


def next_start(brokers: Iterable[Candidate], first_replica: int) -> Start:
    """Where assignment continues for a topic that gets more partitions: at the preferred leader of partition 0."""
    place = next((n for n, broker in enumerate(brokers) if broker.id >= first_replica), 0)
    return Start(place, place)
