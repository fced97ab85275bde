"""The decisions of kafka-reassign-partitions: whether a plan is valid, what to throttle, how far it has progressed.

Source: org.apache.kafka.tools.reassign.ReassignPartitionsCommand, 3.9
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from pykafka_cli.model import Broker, BrokerId, Reassignment, ReplicaPlace, TopicPartition
from pykafka_cli.replica_assignment import Candidate, assign_replicas
from pykafka_cli.rules.plan_files import ANY_LOG_DIR, PlannedReplicas

T = TypeVar("T")

LEADER_RATE, FOLLOWER_RATE = "leader.replication.throttled.rate", "follower.replication.throttled.rate"
LOG_DIR_RATE = "replica.alter.log.dirs.io.max.bytes.per.second"
LEADER_REPLICAS, FOLLOWER_REPLICAS = "leader.replication.throttled.replicas", "follower.replication.throttled.replicas"
BROKER_THROTTLES = (LEADER_RATE, FOLLOWER_RATE, LOG_DIR_RATE)
TOPIC_THROTTLES = (LEADER_REPLICAS, FOLLOWER_REPLICAS)


class BadReassignment(Exception):
    """A plan that the script rejects."""


class Replica(NamedTuple):
    """One replica of a partition; sorted as the script sorts them, by broker first."""

    broker: BrokerId
    partition: TopicPartition

    def __str__(self) -> str:
        return f"{self.partition}-{self.broker}"


class Move(NamedTuple):
    """The brokers that a partition is copied from, and those that it is copied to."""

    sources: frozenset[BrokerId]
    destinations: frozenset[BrokerId]


class PartitionState(NamedTuple):
    """The current and target replicas of a partition, and whether the move is complete."""

    current: Sequence[BrokerId]
    target: Sequence[BrokerId]
    is_done: bool


def ensure_executable(plan: Sequence[PlannedReplicas]) -> None:
    """Raise BadReassignment for a plan that is empty or contains something twice."""
    if not plan:
        raise BadReassignment("Partition reassignment list cannot be empty")
    if not all(planned.replicas for planned in plan):
        raise BadReassignment("Partition replica list cannot be empty")
    if twice := _repeated(planned.partition for planned in plan):
        raise BadReassignment(f"Partition reassignment contains duplicate topic partitions: {_joined(twice)}")
    repeated = {planned.partition: _repeated(planned.replicas) for planned in plan}
    if complaints := [
        f"{partition} contains multiple entries for {_joined(brokers)}"
        for partition, brokers in repeated.items()
        if brokers
    ]:
        raise BadReassignment(f"Partition replica lists may not contain duplicate entries: {'. '.join(complaints)}")


def parse_brokers(text: str) -> list[BrokerId]:
    """--broker-list.

    raises    BadReassignment
    """
    brokers: list[BrokerId] = []
    for word in text.rstrip(",").split(","):
        if not word.lstrip("+-").isdecimal() or not word.isascii():
            raise BadReassignment(f'For input string: "{word}"')
        brokers.append(BrokerId(int(word)))
    if twice := _repeated(brokers):
        raise BadReassignment(f"Broker list contains duplicate entries: [{', '.join(map(str, twice))}]")
    return brokers


def propose(
    current: Mapping[TopicPartition, Sequence[BrokerId]], brokers: Iterable[Broker], *, rack_aware: bool
) -> dict[TopicPartition, tuple[BrokerId, ...]]:
    """A new assignment for every partition, spread evenly over `brokers`; each topic keeps its first partition's
    replication factor.

    raises    BadReassignment, AssignmentRefused
    """
    candidates = [Candidate(broker.id, broker.rack if rack_aware else None) for broker in brokers]
    without_rack = [candidate for candidate in candidates if candidate.rack is None]
    if rack_aware and without_rack and len(without_rack) != len(candidates):
        raise BadReassignment(
            "Not all brokers have rack information. Add --disable-rack-aware in command line to make replica "
            "assignment without rack information."
        )
    proposed: dict[TopicPartition, tuple[BrokerId, ...]] = {}
    for topic in dict.fromkeys(partition.topic for partition in current):
        replicas = [current[partition] for partition in sorted(current) if partition.topic == topic]
        for index, places in assign_replicas(candidates, len(replicas), len(replicas[0])).items():
            proposed[TopicPartition(topic, index)] = places
    return proposed


def log_dir_targets(plan: Iterable[PlannedReplicas]) -> dict[Replica, str]:
    """The log directories that a plan names, by replica."""
    return {
        Replica(broker, planned.partition): log_dir
        for planned in plan
        for broker, log_dir in zip(planned.replicas, planned.log_dirs, strict=True)
        if log_dir != ANY_LOG_DIR
    }


def moves(
    ongoing: Mapping[TopicPartition, Reassignment],
    proposed: Mapping[TopicPartition, Sequence[BrokerId]],
    current: Mapping[TopicPartition, Sequence[BrokerId]],
) -> dict[TopicPartition, Move]:
    """All moves that will be in progress: the current ones, and those of the plan."""
    found = {
        partition: Move(frozenset(each.replicas) - frozenset(each.adding), frozenset(each.adding))
        for partition, each in ongoing.items()
    }
    for partition, replicas in proposed.items():
        sources = found[partition].sources if partition in found else frozenset(current[partition])
        found[partition] = Move(sources, frozenset(replicas) - sources)
    return found


def topic_throttles(moving: Mapping[TopicPartition, Move]) -> dict[str, dict[str, str]]:
    """The two configs of each topic that name its throttled replicas, as `PARTITION:BROKER,...`."""
    topics = dict.fromkeys(partition.topic for partition in moving)
    return {
        topic: {
            LEADER_REPLICAS: _throttled(moving, topic, lambda move: move.sources),
            FOLLOWER_REPLICAS: _throttled(moving, topic, lambda move: move.destinations - move.sources),
        }
        for topic in topics
    }


def brokers_of(moving: Mapping[TopicPartition, Move]) -> list[BrokerId]:
    return sorted({broker for move in moving.values() for broker in (*move.sources, *move.destinations)})


def state_lines(states: Mapping[TopicPartition, PartitionState]) -> list[str]:
    """The lines of --verify about partitions."""
    lines = ["Status of partition reassignment:"]
    for partition, state in sorted(states.items()):
        if not state.is_done:
            lines.append(f"Reassignment of partition {partition} is still in progress.")
        elif list(state.current) == list(state.target):
            lines.append(f"Reassignment of partition {partition} is completed.")
        else:
            lines.append(
                f"There is no active reassignment of partition {partition}, but replica set is "
                f"{_joined(state.current)} rather than {_joined(state.target)}."
            )
    return lines


def is_moving(place: ReplicaPlace | None) -> bool:
    """Whether a replica is moving between log directories."""
    return place is not None and place.future is not None


def move_lines(targets: Mapping[Replica, str], places: Mapping[Replica, ReplicaPlace]) -> list[str]:
    """The lines of --verify about moves between log directories."""
    return [_move_line(replica, targets[replica], places.get(replica)) for replica in sorted(targets)]


def reassignment_lines(ongoing: Mapping[TopicPartition, Reassignment]) -> list[str]:
    """The lines of --list."""
    if not ongoing:
        return ["No partition reassignments found."]
    lines = ["Current partition reassignments:"]
    for partition, each in sorted(ongoing.items()):
        adding = f" adding: {_joined(each.adding)}." if each.adding else ""
        removing = f" removing: {_joined(each.removing)}." if each.removing else ""
        lines.append(f"{partition}: replicas: {_joined(each.replicas)}.{adding}{removing}")
    return lines


def _move_line(replica: Replica, target: str, place: ReplicaPlace | None) -> str:
    where = f"Partition {replica.partition}"
    if place is None:
        return f"{where} cannot be found in any live log directory on broker {replica.broker}."
    if place.current is None:
        return (
            f"{where} is not found in any live log dir on broker {replica.broker}. "
            "There is likely an offline log directory on the broker."
        )
    if place.future == target:
        return f"Reassignment of replica {replica} is still in progress."
    if place.future is not None:
        return f"{where} on broker {replica.broker} is being moved to log dir {place.future} instead of {target}."
    if place.current == target:
        return f"Reassignment of replica {replica} completed successfully."
    return f"{where} on broker {replica.broker} is not being moved from log dir {place.current} to {target}."


def _throttled(
    moving: Mapping[TopicPartition, Move], topic: str, brokers: Callable[[Move], Collection[BrokerId]]
) -> str:
    return ",".join(
        sorted(
            f"{partition.partition}:{broker}"
            for partition, move in moving.items()
            if partition.topic == topic
            for broker in brokers(move)
        )
    )


def _repeated(values: Iterable[T]) -> list[T]:
    return [value for value, count in Counter(values).items() if count > 1]


def _joined(values: Iterable[object]) -> str:
    return ",".join(map(str, values))
