"""Validation of topics to be created or extended: named rules, each with its error and its message.

The messages are those of a controller in ZooKeeper mode, which tools and people have learnt to read; they differ from
KRaft's. The rules of a request are tried in the order of the lists below.

source  kafka.server.ZkAdminManager, kafka.zk.AdminZkClient
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from pykafka_cli import topic_names
from pykafka_cli.broker.errors import (
    BrokerError,
    BrokerNotAvailable,
    InvalidConfig,
    InvalidPartitions,
    InvalidReplicaAssignment,
    InvalidReplicationFactor,
    InvalidRequest,
    InvalidTopic,
    PolicyViolation,
    ReassignmentInProgress,
    TopicAlreadyExists,
)
from pykafka_cli.model import BrokerId
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.replica_assignment import (
    AssignmentRefused,
    BadPartitionCount,
    BadReplicationFactor,
    Candidate,
    assign_replicas,
    next_start,
)
from pykafka_cli.zookeeper.topic_znodes import ReplicaAssignment

NOT_GIVEN = -1
"""Partition count and replication factor in a request that leaves them to the broker."""


MOST_PARTITIONS = 10_000
"""Partitions that one request may create, as in Kafka's KRaft controllers (ReplicationControlManager); one of ZooKeeper
mode would try, and run out of memory."""


class NewTopic(NamedTuple):
    """A topic to be created, as in CreateTopics. `assignment` is empty if the broker is to assign the replicas."""

    name: str
    partitions: int = NOT_GIVEN
    replication_factor: int = NOT_GIVEN
    assignment: Mapping[int, tuple[BrokerId, ...]] = {}
    configs: Mapping[str, str | None] = {}


class MorePartitions(NamedTuple):
    """A topic to be extended to `partition_count` partitions; `assignments`: replicas of the new ones, if given."""

    topic: str
    partition_count: int
    assignments: Sequence[tuple[BrokerId, ...]] | None = None


class Existing(NamedTuple):
    """The names of all topics, and of those that are being deleted."""

    topics: Collection[str]
    marked_for_deletion: Collection[str]


# ---- before replicas are placed


def configs_are_not_null(topic: NewTopic) -> None:
    nulls = [name for name, value in topic.configs.items() if value is None]
    if nulls:
        raise InvalidConfig(f"Null value not supported for topic configs: {','.join(nulls)}")


def placed_by_hand_or_by_number(topic: NewTopic) -> None:
    if topic.assignment and (topic.partitions, topic.replication_factor) != (NOT_GIVEN, NOT_GIVEN):
        raise InvalidRequest(
            "Both numPartitions or replicationFactor and replicasAssignments were set. "
            "Both cannot be used at the same time."
        )


RULES_FOR_REQUEST: Sequence[Callable[[NewTopic], None]] = (configs_are_not_null, placed_by_hand_or_by_number)


# ---- after replicas are placed


class PlacedTopic(NamedTuple):
    """A topic to be created, with the replicas of each partition."""

    name: str
    assignment: Mapping[int, tuple[BrokerId, ...]]
    configs: Mapping[str, str]


def name_is_legal(topic: PlacedTopic, _: Existing) -> None:
    reason = topic_names.why_invalid(topic.name)
    if reason:
        raise InvalidTopic(f"Topic name is invalid: {reason}")


def name_is_free(topic: PlacedTopic, existing: Existing) -> None:
    if topic.name in existing.marked_for_deletion:
        raise TopicAlreadyExists(f"Topic '{topic.name}' is marked for deletion.")
    if topic.name in existing.topics:
        raise TopicAlreadyExists(f"Topic '{topic.name}' already exists.")


def name_does_not_collide(topic: PlacedTopic, existing: Existing) -> None:
    if topic_names.may_collide(topic.name):
        others = topic_names.collisions(topic.name, existing.topics)
        if others:
            raise InvalidTopic(f"Topic '{topic.name}' collides with existing topics: {', '.join(sorted(others))}")


def partitions_have_equally_many_replicas(topic: PlacedTopic, _: Existing) -> None:
    if len({len(replicas) for replicas in topic.assignment.values()}) != 1:
        raise InvalidReplicaAssignment("All partitions should have the same number of replicas")


def replicas_are_distinct(topic: PlacedTopic, _: Existing) -> None:
    for replicas in topic.assignment.values():
        if len(set(replicas)) < len(replicas):
            raise InvalidReplicaAssignment(f"Duplicate replica assignment found: {_as_scala_prints(topic.assignment)}")


def partitions_count_from_zero(topic: PlacedTopic, _: Existing) -> None:
    if sorted(topic.assignment) != list(range(len(topic.assignment))):
        raise InvalidReplicaAssignment("partitions should be a consecutive 0-based integer sequence")


RULES_FOR_NEW_TOPIC: Sequence[Callable[[PlacedTopic, Existing], None]] = (
    name_is_legal,
    name_is_free,
    name_does_not_collide,
    partitions_have_equally_many_replicas,
    replicas_are_distinct,
    partitions_count_from_zero,
)


def placed(topic: NewTopic, settings: BrokerSettings, brokers: Sequence[Candidate]) -> PlacedTopic:
    """The topic with its replicas: as in the request, or assigned at random.

    raises  what the rules for a request say, InvalidPartitions, InvalidReplicationFactor
    """
    for rule in RULES_FOR_REQUEST:
        rule(topic)
    assignment = topic.assignment
    if not assignment:
        partitions = settings.num_partitions if topic.partitions == NOT_GIVEN else topic.partitions
        default_factor = settings.default_replication_factor
        factor = default_factor if topic.replication_factor == NOT_GIVEN else topic.replication_factor
        try:
            assignment = assign_replicas(brokers, partitions, factor)
        except AssignmentRefused as refused:
            raise _as_broker_error(refused) from None
    return PlacedTopic(topic.name, assignment, {name: value or "" for name, value in topic.configs.items()})


def ensure_not_excessive(partitions: int) -> None:
    """Raise PolicyViolation for more new partitions than one request may create."""
    if partitions > MOST_PARTITIONS:
        raise PolicyViolation("Excessively large number of partitions per request.")


def ensure_creatable(topic: PlacedTopic, existing: Existing, settings: BrokerSettings) -> None:
    """Raise the first rule's error that forbids this topic."""
    for rule in RULES_FOR_NEW_TOPIC:
        rule(topic, existing)
    try:
        TopicConfig.resolve(settings, topic.configs)
    except ConfigError as error:
        raise InvalidConfig(str(error)) from None


def new_partitions(
    wanted: MorePartitions, current: Mapping[int, ReplicaAssignment], brokers: Sequence[Candidate]
) -> dict[int, tuple[BrokerId, ...]]:
    """Replicas of the partitions that a topic is to get in addition to the `current` ones.

    raises  ReassignmentInProgress, PolicyViolation, InvalidPartitions, InvalidReplicaAssignment, BrokerNotAvailable
    """
    if any(assignment.is_being_reassigned for assignment in current.values()):
        raise ReassignmentInProgress(f"A partition reassignment is in progress for the topic '{wanted.topic}'.")
    added = wanted.partition_count - len(current)
    if added < 0:
        raise InvalidPartitions(
            f"Topic currently has {len(current)} partitions, "
            f"which is higher than the requested {wanted.partition_count}."
        )
    if added == 0:
        raise InvalidPartitions(f"Topic already has {len(current)} partitions.")
    ensure_not_excessive(added)
    first = current[0].replicas
    if wanted.assignments is None:
        try:
            return assign_replicas(
                brokers, added, len(first), next_start(brokers, first[0]), first_partition=len(current)
            )
        except AssignmentRefused as refused:
            raise _as_broker_error(refused) from None
    assignments = dict(enumerate(wanted.assignments, len(current)))
    _ensure_assignable(assignments, added, len(first), {broker.id for broker in brokers})
    return assignments


def _ensure_assignable(
    assignments: Mapping[int, tuple[BrokerId, ...]], added: int, replication_factor: int, alive: Collection[BrokerId]
) -> None:
    unknown = {broker for replicas in assignments.values() for broker in replicas} - set(alive)
    if unknown:
        raise InvalidReplicaAssignment(
            f"Unknown broker(s) in replica assignment: {', '.join(map(str, sorted(unknown)))}."
        )
    if len(assignments) != added:
        raise InvalidReplicaAssignment(
            f"Increasing the number of partitions by {added} but {len(assignments)} assignments provided."
        )
    for partition, replicas in assignments.items():
        if not replicas:
            raise InvalidReplicaAssignment(f"Cannot have replication factor of 0 for partition id {partition}.")
        if len(set(replicas)) < len(replicas):
            raise InvalidReplicaAssignment(
                f"Duplicate brokers not allowed in replica assignment: {', '.join(map(str, replicas))} "
                f"for partition id {partition}."
            )
        if not set(replicas) <= set(alive):
            raise BrokerNotAvailable(f"Some brokers specified for partition id {partition} are not available.")
    uneven = {partition: len(r) for partition, r in assignments.items() if len(r) != replication_factor}
    if uneven:
        raise InvalidReplicaAssignment(
            f"Inconsistent replication factor between partitions, partition 0 has {replication_factor} while "
            f"partitions [{', '.join(map(str, uneven))}] have replication factors "
            f"[{', '.join(map(str, uneven.values()))}], respectively."
        )


def _as_broker_error(refused: AssignmentRefused) -> BrokerError:
    match refused:
        case BadPartitionCount():
            return InvalidPartitions(str(refused))
        case BadReplicationFactor():
            return InvalidReplicationFactor(str(refused))
        case _:
            return BrokerError(str(refused))


def _as_scala_prints(assignment: Mapping[int, tuple[BrokerId, ...]]) -> str:
    entries = (f"{partition} -> ArrayBuffer({', '.join(map(str, r))})" for partition, r in assignment.items())
    return f"HashMap({', '.join(entries)})"
