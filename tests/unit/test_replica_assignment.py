"""Placing replicas as Kafka's own tool does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.model import BrokerId
from pykafka_cli.replica_assignment import (
    BadPartitionCount,
    BadReplicationFactor,
    Candidate,
    RacksIncomplete,
    Start,
    assign_replicas,
    next_start,
    rack_alternated,
)

FIVE = [Candidate(BrokerId(n)) for n in range(5)]


def test_leaders_go_round_and_followers_move_away_with_each_round() -> None:
    assignment = assign_replicas(FIVE, 10, 3, Start(0, 0))

    assert list(assignment.values()) == [
        (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 0), (4, 0, 1),
        (0, 2, 3), (1, 3, 4), (2, 4, 0), (3, 0, 1), (4, 1, 2),
    ]  # fmt: skip


def test_more_partitions_continue_where_partition_0_began() -> None:
    brokers = [Candidate(BrokerId(n)) for n in (0, 1, 2)]

    # recorded from Apache Kafka: t had 2,1,0 for partition 0 and was given a fourth partition
    assert assign_replicas(brokers, 1, 3, next_start(brokers, 2), first_partition=3) == {3: (2, 1, 0)}
    assert next_start(brokers, 9) == Start(0, 0)


def test_racks_alternate() -> None:
    assert rack_alternated(
        {BrokerId(0): "a", BrokerId(1): "b", BrokerId(2): "c", BrokerId(3): "b", BrokerId(4): "a", BrokerId(5): "c"}
    ) == [0, 1, 2, 4, 3, 5]


def test_each_rack_gets_a_replica_before_any_gets_a_second() -> None:
    racks = {0: "r1", 1: "r2", 2: "r2", 3: "r1", 4: "r3", 5: "r3"}
    brokers = [Candidate(BrokerId(n), rack) for n, rack in racks.items()]

    assignment = assign_replicas(brokers, 12, 3, Start(2, 0))

    assert all({racks[broker] for broker in replicas} == {"r1", "r2", "r3"} for replicas in assignment.values())
    leaders = [replicas[0] for replicas in assignment.values()]
    assert sorted(leaders) == sorted([*range(6), *range(6)])


@pytest.mark.parametrize(
    ("brokers", "partitions", "replicas", "error", "message"),
    [
        (FIVE, 0, 1, BadPartitionCount, "Number of partitions must be larger than 0."),
        (FIVE, 1, 0, BadReplicationFactor, "Replication factor must be larger than 0."),
        (FIVE[:1], 1, 2, BadReplicationFactor, "Replication factor: 2 larger than available brokers: 1."),
        (
            [Candidate(BrokerId(0), "a"), Candidate(BrokerId(1))],
            1,
            1,
            RacksIncomplete,
            "Not all brokers have rack information",
        ),
    ],
)
def test_what_cannot_be_placed_is_rejected_in_kafkas_words(
    brokers: list[Candidate], partitions: int, replicas: int, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        assign_replicas(brokers, partitions, replicas)


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[Candidate], int]:
    ids = draw(st.lists(st.integers(0, 999), min_size=1, max_size=9, unique=True).map(sorted))
    racks = draw(st.none() | st.lists(st.sampled_from("abc"), min_size=len(ids), max_size=len(ids)))
    brokers = [Candidate(BrokerId(broker), racks[n] if racks else None) for n, broker in enumerate(ids)]
    return brokers, draw(st.integers(1, len(brokers)))


@given(clusters(), st.integers(1, 40), st.integers(0, 50))
def test_replicas_are_distinct_live_brokers_and_leaders_are_even(
    cluster: tuple[list[Candidate], int], partitions: int, first: int
) -> None:
    brokers, replication_factor = cluster

    assignment = assign_replicas(brokers, partitions, replication_factor, first_partition=first)

    assert list(assignment) == list(range(first, first + partitions))
    for replicas in assignment.values():
        assert len(set(replicas)) == len(replicas) == replication_factor
        assert set(replicas) <= {broker.id for broker in brokers}
    leaders = [replicas[0] for replicas in assignment.values()]
    counts = [leaders.count(broker.id) for broker in brokers]
    assert max(counts) - min(counts) <= 1
