"""Which topics are rejected, with which error and in whose words."""

import pytest

from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.metadata import topic_rules
from pykafka_cli.broker.metadata.topic_rules import Existing, MorePartitions, NewTopic, PlacedTopic
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.replica_assignment import Candidate
from pykafka_cli.zookeeper.topic_znodes import ReplicaAssignment
from tests.support.brokers import broker_ids

NOTHING = Existing(topics=set(), marked_for_deletion=set())
ONE_BROKER = [Candidate(0)]
THREE_BROKERS = [Candidate(0), Candidate(1), Candidate(2)]


@pytest.fixture(scope="module")
def settings() -> BrokerSettings:
    given = {"zookeeper.connect": "z:1", "num.partitions": "3", "default.replication.factor": "2", "broker.id": "0"}
    return BrokerSettings(Property(key, value, 0) for key, value in given.items())


def refusal(error: BrokerError) -> str:
    return f"{error.code.name}: {error}"


def test_what_is_not_said_comes_from_the_brokers_settings(settings: BrokerSettings) -> None:
    placed = topic_rules.placed(NewTopic("t"), settings, THREE_BROKERS)

    assert [len(replicas) for replicas in placed.assignment.values()] == [2, 2, 2]


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        (NewTopic("t", 0, 1), "invalid_partitions: Number of partitions must be larger than 0."),
        (NewTopic("t", 1, 0), "invalid_replication_factor: Replication factor must be larger than 0."),
        (NewTopic("t", 1, 2), "invalid_replication_factor: Replication factor: 2 larger than available brokers: 1."),
        (NewTopic("t", 1, 1, configs={"a": None}), "invalid_config: Null value not supported for topic configs: a"),
        (
            NewTopic("t", 1, 1, {0: broker_ids(0)}),
            (
                "invalid_request: Both numPartitions or replicationFactor and replicasAssignments were set. "
                "Both cannot be used at the same time."
            ),
        ),
    ],
)
def test_what_cannot_be_placed_is_rejected(settings: BrokerSettings, topic: NewTopic, message: str) -> None:
    with pytest.raises(BrokerError) as refused:
        topic_rules.placed(topic, settings, ONE_BROKER)

    assert refusal(refused.value) == message


@pytest.mark.parametrize(
    ("topic", "existing", "message"),
    [
        (
            PlacedTopic("a/b", {0: broker_ids(0)}, {}),
            NOTHING,
            "invalid_topic_exception: Topic name is invalid: 'a/b' contains",
        ),
        (
            PlacedTopic("t", {0: broker_ids(0)}, {}),
            Existing({"t"}, set()),
            "topic_already_exists: Topic 't' already exists.",
        ),
        (
            PlacedTopic("t", {0: broker_ids(0)}, {}),
            Existing({"t"}, {"t"}),
            "topic_already_exists: Topic 't' is marked for deletion.",
        ),
        (
            PlacedTopic("a_b", {0: broker_ids(0)}, {}),
            Existing({"a.b", "b"}, set()),
            "invalid_topic_exception: Topic 'a_b' collides with existing topics: a.b",
        ),
        (
            PlacedTopic("t", {0: broker_ids(0), 1: broker_ids(0, 1)}, {}),
            NOTHING,
            "invalid_replica_assignment: All partitions should have the same number of replicas",
        ),
        (
            PlacedTopic("t", {0: broker_ids(0, 0)}, {}),
            NOTHING,
            "invalid_replica_assignment: Duplicate replica assignment found: HashMap(0 -> ArrayBuffer(0, 0))",
        ),
        (
            PlacedTopic("t", {1: broker_ids(0)}, {}),
            NOTHING,
            "invalid_replica_assignment: partitions should be a consecutive 0-based integer sequence",
        ),
        (PlacedTopic("t", {0: broker_ids(0)}, {"no": "1"}), NOTHING, "invalid_config: Unknown topic config name: no"),
        (
            PlacedTopic("t", {0: broker_ids(0)}, {"segment.bytes": "1"}),
            NOTHING,
            "invalid_config: Invalid value 1 for configuration segment.bytes: Value must be at least 14",
        ),
    ],
)
def test_what_may_not_be_made_is_rejected(
    settings: BrokerSettings, topic: PlacedTopic, existing: Existing, message: str
) -> None:
    with pytest.raises(BrokerError) as refused:
        topic_rules.ensure_creatable(topic, existing, settings)

    assert refusal(refused.value).startswith(message)


def test_a_topic_may_have_any_brokers_even_absent_ones(settings: BrokerSettings) -> None:
    topic = topic_rules.placed(NewTopic("t", assignment={0: broker_ids(7)}), settings, ONE_BROKER)

    topic_rules.ensure_creatable(topic, NOTHING, settings)


TWO_PARTITIONS = {0: ReplicaAssignment((0, 1)), 1: ReplicaAssignment((1, 0))}


def test_new_partitions_get_as_many_replicas_as_partition_0() -> None:
    added = topic_rules.new_partitions(MorePartitions("t", 4), TWO_PARTITIONS, THREE_BROKERS)

    assert list(added) == [2, 3]
    assert all(len(set(replicas)) == 2 for replicas in added.values())


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            MorePartitions("t", 1),
            "invalid_partitions: Topic currently has 2 partitions, which is higher than the requested 1.",
        ),
        (MorePartitions("t", 2), "invalid_partitions: Topic already has 2 partitions."),
        (
            MorePartitions("t", 3, [broker_ids(0, 9)]),
            "invalid_replica_assignment: Unknown broker(s) in replica assignment: 9.",
        ),
        (
            MorePartitions("t", 4, [broker_ids(0, 1)]),
            "invalid_replica_assignment: Increasing the number of partitions by 2 but 1 assignments provided.",
        ),
        (
            MorePartitions("t", 3, [()]),
            "invalid_replica_assignment: Cannot have replication factor of 0 for partition id 2.",
        ),
        (
            MorePartitions("t", 3, [broker_ids(1, 1)]),
            "invalid_replica_assignment: Duplicate brokers not allowed in replica assignment: 1, 1 for partition id 2.",
        ),
        (
            MorePartitions("t", 3, [broker_ids(1)]),
            (
                "invalid_replica_assignment: Inconsistent replication factor between partitions, "
                "partition 0 has 2 while partitions [2] have replication factors [1], respectively."
            ),
        ),
    ],
)
def test_extensions_that_make_no_sense_are_rejected(wanted: MorePartitions, message: str) -> None:
    with pytest.raises(BrokerError) as refused:
        topic_rules.new_partitions(wanted, TWO_PARTITIONS, THREE_BROKERS)

    assert refusal(refused.value) == message


def test_a_topic_that_is_being_moved_is_not_extended() -> None:
    moving = {0: ReplicaAssignment((0, 1)).reassign_to((2, 1))}

    with pytest.raises(BrokerError) as refused:
        topic_rules.new_partitions(MorePartitions("t", 2), moving, THREE_BROKERS)

    assert refusal(refused.value) == (
        "reassignment_in_progress: A partition reassignment is in progress for the topic 't'."
    )
