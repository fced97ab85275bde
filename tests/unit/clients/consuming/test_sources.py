import uuid

import pytest

from pykafka_cli.clients.consuming.sources import Lead, Source
from pykafka_cli.clients.group_offsets import Position
from pykafka_cli.model import BrokerId, LeaderEpoch, Offset, OffsetSpec, TopicPartition

ID, OTHER_ID = uuid.UUID(int=1), uuid.UUID(int=2)


def source(epoch: int | None = 2) -> Source:
    return Source(TopicPartition("t", 0), Offset(5), OffsetSpec.EARLIEST, None if epoch is None else LeaderEpoch(epoch))


def lead(epoch: int | None, topic_id: uuid.UUID | None = ID, broker: int = 1) -> Lead:
    return Lead(BrokerId(broker), None if epoch is None else LeaderEpoch(epoch), topic_id)


def test_a_leader_of_another_epoch_puts_the_position_in_doubt() -> None:
    its = source()
    its.follow(lead(3))
    assert (its.is_valid, its.is_ready) == (False, False)

    its.begin_at(Position(Offset(4), LeaderEpoch(1)))
    assert (its.is_ready, its.position) == (True, Position(Offset(4), LeaderEpoch(1)))

    its.follow(lead(3, broker=2))
    assert (its.is_ready, its.leader) == (True, 2)


@pytest.mark.parametrize(("position_epoch", "leader_epoch"), [(None, 3), (2, None)])
def test_nothing_is_in_doubt_where_an_epoch_is_unknown(position_epoch: int | None, leader_epoch: int | None) -> None:
    its = source(position_epoch)
    its.follow(lead(leader_epoch))

    assert its.is_ready


@pytest.mark.parametrize(
    ("newest", "expected"),
    [(lead(2), True), (lead(3), False), (lead(4), False), (lead(0, OTHER_ID), False), (lead(None), False)],
)
def test_metadata_are_older_with_a_lower_epoch_of_the_same_topic(newest: Lead, expected: bool) -> None:
    its = source()
    assert not its.is_older(newest)

    its.follow(lead(3))
    assert its.is_older(newest) is expected


@pytest.mark.parametrize(
    ("newest", "expected"),
    [(lead(2), False), (lead(3), False), (lead(4), True), (lead(0, OTHER_ID), True)],
)
def test_metadata_name_a_later_leader_with_a_higher_epoch_or_of_another_topic(newest: Lead, expected: bool) -> None:
    its = source()
    assert not its.is_outdated_by(newest)

    its.follow(lead(3))
    assert its.is_outdated_by(newest) is expected
