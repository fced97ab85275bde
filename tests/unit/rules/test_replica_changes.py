"""Which brokers get replicas, and which give some up."""

import pytest

from pykafka_cli.model import Broker, BrokerId, PartitionDescription
from pykafka_cli.rules.replica_changes import TooFewBrokers, change_replicas


def brokers(*racks: str | None) -> list[Broker]:
    return [Broker(BrokerId(number), "host", 9092, rack) for number, rack in enumerate(racks)]


def ids(*numbers: int) -> tuple[BrokerId, ...]:
    return tuple(map(BrokerId, numbers))


def partition(number: int, *replicas: int, isr: tuple[int, ...] | None = None) -> PartitionDescription:
    return PartitionDescription(number, BrokerId(replicas[0]), ids(*replicas), ids(*(replicas if isr is None else isr)))


def changed(factor: int, found: list[Broker], *partitions: PartitionDescription) -> dict[int, tuple[BrokerId, ...]]:
    return change_replicas({each.partition: each for each in partitions}, factor, found, {})


def test_partitions_with_as_many_replicas_stay() -> None:
    assert changed(2, brokers(None, None, None), partition(0, 0, 1), partition(1, 1)) == {1: ids(1, 2)}


def test_new_replicas_are_spread_and_the_preferred_leader_stays() -> None:
    found = changed(2, brokers(None, None, None), partition(0, 0), partition(1, 1), partition(2, 2))

    assert [replicas[0] for replicas in found.values()] == [0, 1, 2]
    assert sorted(replicas[1] for replicas in found.values()) == [0, 1, 2]


def test_a_new_replica_goes_to_another_rack() -> None:
    assert changed(2, brokers("a", "a", "b"), partition(0, 0)) == {0: ids(0, 2)}


def test_the_broker_with_the_fewest_replicas_gets_one() -> None:
    load = {BrokerId(1): 5, BrokerId(2): 1}
    assert change_replicas({0: partition(0, 0)}, 2, brokers(None, None, None), load) == {0: ids(0, 2)}


def test_what_is_out_of_sync_goes_first() -> None:
    assert changed(2, brokers(None, None, None), partition(0, 0, 1, 2, isr=(0, 2))) == {0: ids(0, 2)}


def test_replicas_that_are_leaving_do_not_count() -> None:
    moving = partition(0, 0, 1, 2)._replace(adding_replicas=ids(2), removing_replicas=ids(1))
    assert changed(2, brokers(None, None, None), moving) == {}


def test_there_cannot_be_more_replicas_than_brokers() -> None:
    with pytest.raises(TooFewBrokers, match="there are 2 brokers"):
        changed(3, brokers(None, None), partition(0, 0))
