"""Plans, throttles and progress of kafka-reassign-partitions."""

import pytest

from pykafka_cli.model import Broker, BrokerId, Reassignment, ReplicaPlace, TopicPartition
from pykafka_cli.rules.plan_files import PlannedReplicas
from pykafka_cli.rules.reassignment import (
    FOLLOWER_REPLICAS,
    LEADER_REPLICAS,
    BadReassignment,
    Move,
    PartitionState,
    Replica,
    brokers_of,
    ensure_executable,
    log_dir_targets,
    move_lines,
    moves,
    parse_brokers,
    propose,
    reassignment_lines,
    state_lines,
    topic_throttles,
)
from tests.support.brokers import broker_ids

T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)


def planned(partition: TopicPartition, *replicas: int) -> PlannedReplicas:
    return PlannedReplicas(partition, broker_ids(*replicas), ("any",) * len(replicas))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ([], "Partition reassignment list cannot be empty"),
        ([planned(T0)], "Partition replica list cannot be empty"),
        ([planned(T0, 1), planned(T0, 2)], "Partition reassignment contains duplicate topic partitions: t-0"),
        (
            [planned(T0, 3, 3), planned(T1, 1, 1, 2)],
            (
                "Partition replica lists may not contain duplicate entries: t-0 contains multiple entries for 3. "
                "t-1 contains multiple entries for 1"
            ),
        ),
    ],
)
def test_a_plan_that_contradicts_itself_is_rejected(plan: list[PlannedReplicas], message: str) -> None:
    with pytest.raises(BadReassignment) as refusal:
        ensure_executable(plan)

    assert str(refusal.value) == message


def test_brokers_are_numbers_named_once() -> None:
    assert parse_brokers("0,1,") == [0, 1]
    with pytest.raises(BadReassignment, match=r"duplicate entries: \[1\]"):
        parse_brokers("1,1")
    with pytest.raises(BadReassignment, match='For input string: "x"'):
        parse_brokers("x")


def test_a_proposal_keeps_the_number_of_replicas_of_each_topic() -> None:
    current = {T0: broker_ids(1), T1: broker_ids(1), TopicPartition("u", 0): broker_ids(1, 2)}
    brokers = [Broker(BrokerId(number), "h", 9092, None) for number in (4, 5, 6)]

    proposed = propose(current, brokers, rack_aware=True)

    assert {partition: len(replicas) for partition, replicas in proposed.items()} == {
        T0: 1,
        T1: 1,
        TopicPartition("u", 0): 2,
    }
    assert {broker for replicas in proposed.values() for broker in replicas} <= {4, 5, 6}


def test_racks_must_be_known_of_all_brokers_or_of_none() -> None:
    brokers = [Broker(BrokerId(1), "h", 1, "a"), Broker(BrokerId(2), "h", 2, None)]

    with pytest.raises(BadReassignment, match="Not all brokers have rack information"):
        propose({T0: [BrokerId(1)]}, brokers, rack_aware=True)
    assert propose({T0: [BrokerId(1)]}, brokers, rack_aware=False)


def test_moves_go_from_where_the_replicas_are_to_where_they_are_not() -> None:
    ongoing = {T1: Reassignment(broker_ids(3, 1, 2), adding=broker_ids(3), removing=broker_ids(2))}

    moving = moves(
        ongoing,
        {T0: broker_ids(2, 3), T1: broker_ids(4)},
        {T0: broker_ids(1, 2), T1: broker_ids(1, 2)},
    )

    assert moving == {
        T1: Move(frozenset({BrokerId(1), BrokerId(2)}), frozenset({BrokerId(4)})),
        T0: Move(frozenset({BrokerId(1), BrokerId(2)}), frozenset({BrokerId(3)})),
    }
    assert brokers_of(moving) == [1, 2, 3, 4]
    assert topic_throttles(moving) == {"t": {LEADER_REPLICAS: "0:1,0:2,1:1,1:2", FOLLOWER_REPLICAS: "0:3,1:4"}}


def test_progress_is_reported_in_the_scripts_words() -> None:
    states = {
        T1: PartitionState(broker_ids(1, 2), broker_ids(3, 4), is_done=False),
        T0: PartitionState(broker_ids(1, 2), broker_ids(1, 2), is_done=True),
        TopicPartition("u", 0): PartitionState(broker_ids(3, 1), broker_ids(3, 9), is_done=True),
    }

    assert state_lines(states) == [
        "Status of partition reassignment:",
        "Reassignment of partition t-0 is completed.",
        "Reassignment of partition t-1 is still in progress.",
        "There is no active reassignment of partition u-0, but replica set is 3,1 rather than 3,9.",
    ]


def test_moves_between_log_directories_are_reported_by_broker() -> None:
    targets = log_dir_targets([PlannedReplicas(T0, broker_ids(1, 2, 3, 4, 5), ("/d", "/d", "/d", "/d", "any"))])
    places = {
        Replica(BrokerId(1), T0): ReplicaPlace("/d", None),
        Replica(BrokerId(2), T0): ReplicaPlace("/c", "/d"),
        Replica(BrokerId(3), T0): ReplicaPlace("/c", None),
    }

    assert move_lines(targets, places) == [
        "Reassignment of replica t-0-1 completed successfully.",
        "Reassignment of replica t-0-2 is still in progress.",
        "Partition t-0 on broker 3 is not being moved from log dir /c to /d.",
        "Partition t-0 cannot be found in any live log directory on broker 4.",
    ]


def test_the_list_names_what_comes_and_goes() -> None:
    assert reassignment_lines({}) == ["No partition reassignments found."]
    assert reassignment_lines(
        {
            T0: Reassignment(broker_ids(2, 3, 1), broker_ids(2, 3), broker_ids(1)),
            T1: Reassignment(broker_ids(1), (), ()),
        }
    ) == [
        "Current partition reassignments:",
        "t-0: replicas: 2,3,1. adding: 2,3. removing: 1.",
        "t-1: replicas: 1.",
    ]
