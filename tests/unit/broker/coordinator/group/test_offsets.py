"""Committed offsets: commits, transactions, tombstones, expiry, deletion."""

import pytest

from pykafka_cli.broker.coordinator.group.group import GroupState
from pykafka_cli.broker.errors import (
    BrokerError,
    GroupIdNotFound,
    GroupSubscribedToTopic,
    IllegalGeneration,
    NonEmptyGroup,
    OffsetMetadataTooLarge,
    RebalanceInProgress,
    UnknownMemberId,
    UnstableOffsetCommit,
)
from pykafka_cli.model import Offset, TopicPartition
from tests.support.group_desk import Desk

DAY_MS = 86_400_000
T, U = TopicPartition("t", 0), TopicPartition("u", 0)


def delete_offsets(desk: Desk, *partitions: TopicPartition, group: str = "g") -> dict[str, type[BrokerError] | None]:
    outcomes = desk.do(lambda shard, step: shard.delete_offsets(group, partitions, step))
    return {partition.topic: None if error is None else type(error) for partition, error in outcomes.items()}


def expire(desk: Desk, group: str = "g") -> None:
    desk.do(lambda shard, step: shard.expire(group, step))


# --- commits


def test_somebody_without_a_group_may_commit() -> None:
    desk = Desk()

    assert desk.commit({"t": 3, "u": 4}) == {T: None, U: None}

    assert desk.committed() == {"t": 3, "u": 4}
    assert desk.state is GroupState.EMPTY


def test_offsets_are_there_after_a_restart() -> None:
    desk = Desk()
    desk.commit({"t": 3})
    desk.commit({"t": 5, "u": 1})

    desk.restart()

    assert desk.committed() == {"t": 5, "u": 1}


def test_an_empty_group_id_may_commit() -> None:
    desk = Desk()

    desk.commit({"t": 3}, group="")

    assert desk.committed("") == {"t": 3}


def test_a_member_commits_in_its_generation() -> None:
    desk = Desk()
    (leader,), generation = desk.stable_group()

    desk.commit({"t": 3}, member_id=leader, generation=generation)

    assert desk.committed() == {"t": 3}
    with pytest.raises(IllegalGeneration):
        desk.commit({"t": 4}, member_id=leader, generation=generation + 1)
    with pytest.raises(UnknownMemberId):
        desk.commit({"t": 4}, member_id="nobody", generation=generation)
    assert desk.committed() == {"t": 3}


def test_outsiders_may_not_commit_for_a_group_with_members() -> None:
    desk = Desk()
    desk.stable_group()

    with pytest.raises(UnknownMemberId):
        desk.commit({"t": 4})


def test_a_member_of_a_group_that_is_gone_may_not_commit() -> None:
    desk = Desk()

    with pytest.raises(IllegalGeneration):
        desk.commit({"t": 4}, member_id="m", generation=1)


def test_a_member_may_commit_while_the_others_join_but_not_before_the_assignment() -> None:
    desk = Desk()
    (leader, follower), generation = desk.stable_group(2)
    desk.join(leader)
    desk.commit({"t": 3}, member_id=follower, generation=generation)
    desk.join(follower)

    with pytest.raises(RebalanceInProgress):
        desk.commit({"t": 4}, member_id=follower, generation=generation + 1)

    assert desk.committed() == {"t": 3}


def test_too_long_a_note_is_rejected_and_the_rest_committed() -> None:
    desk = Desk(offset_metadata_max_bytes=5)
    desk.commit({"t": 1}, metadata="12345")

    outcome = desk.commit({"t": 2}, metadata="123456")

    assert isinstance(outcome[T], OffsetMetadataTooLarge)
    assert desk.committed() == {"t": 1}


def test_an_unstored_commit_is_not_stable_yet() -> None:
    desk = Desk()
    desk.commit({"t": 1})
    at = len(desk.log)

    found = desk.shard.fetch_offsets("g", [T], high_watermark=Offset(at - 1), require_stable=True)
    assert isinstance(found[T], UnstableOffsetCommit)
    assert desk.shard.fetch_offsets("g", [T], high_watermark=Offset(at), require_stable=True)[T].offset == 1


def test_offsets_that_are_not_there_are_none() -> None:
    desk = Desk()
    desk.commit({"t": 1})

    assert desk.shard.fetch_offsets("g", [T, U], high_watermark=Offset(9), require_stable=True)[U] is None
    assert desk.shard.fetch_offsets("other", [T], high_watermark=Offset(9), require_stable=True) == {T: None}
    assert desk.shard.fetch_offsets("other", None, high_watermark=Offset(9), require_stable=True) == {}


# --- transactions


def test_offsets_in_a_transaction_count_when_it_is_committed() -> None:
    desk = Desk()
    desk.commit({"t": 1})

    desk.commit({"t": 7}, producer=9)
    assert desk.committed() == {"t": 1}
    assert desk.committed(stable=True) == {"t": UnstableOffsetCommit}
    desk.end_transaction(9, committed=True)

    assert desk.committed(stable=True) == {"t": 7}


def test_offsets_in_a_transaction_are_forgotten_when_it_is_aborted() -> None:
    desk = Desk()
    desk.commit({"t": 7}, producer=9)
    desk.end_transaction(9, committed=False)

    assert desk.committed() == {}
    assert desk.shard.groups == {}


def test_the_later_record_counts_even_if_its_transaction_ends_first() -> None:
    desk = Desk()
    desk.commit({"t": 1}, producer=9)
    desk.commit({"t": 2}, producer=8)
    desk.end_transaction(8, committed=True)
    desk.end_transaction(9, committed=True)
    assert desk.committed() == {"t": 2}

    desk.commit({"t": 3}, producer=9)
    desk.commit({"t": 4})
    desk.end_transaction(9, committed=True)
    assert desk.committed() == {"t": 4}


def test_open_transactions_are_known_after_a_restart() -> None:
    desk = Desk()
    desk.commit({"t": 7}, producer=9)

    desk.restart()
    assert desk.committed() == {}
    desk.end_transaction(9, committed=True)

    assert desk.committed() == {"t": 7}


def test_a_transaction_covers_several_groups_and_no_other_producer_s() -> None:
    desk = Desk()
    desk.commit({"t": 1}, producer=9, group="a")
    desk.commit({"t": 2}, producer=9, group="b")
    desk.commit({"u": 3}, producer=8, group="a")

    desk.end_transaction(9, committed=True)

    assert desk.committed("a") == {"t": 1}
    assert desk.committed("b") == {"t": 2}


def test_a_marker_of_a_producer_that_committed_nothing_is_no_matter() -> None:
    desk = Desk()

    desk.end_transaction(9, committed=True)

    assert desk.shard.groups == {}


def test_a_transactional_commit_names_its_member_or_nobody() -> None:
    desk = Desk()
    (leader,), generation = desk.stable_group()

    desk.commit({"t": 1}, producer=9)
    desk.commit({"t": 1}, producer=9, member_id=leader, generation=generation)
    with pytest.raises(IllegalGeneration):
        desk.commit({"t": 1}, producer=9, member_id=leader, generation=generation + 1)
    with pytest.raises(UnknownMemberId):
        desk.commit({"t": 1}, producer=9, member_id="nobody", generation=generation)


# --- deletion


def test_offsets_of_an_empty_group_can_be_deleted() -> None:
    desk = Desk()
    desk.commit({"t": 1, "u": 2})

    assert delete_offsets(desk, T) == {"t": None}

    assert desk.committed() == {"u": 2}


def test_deleting_the_last_offsets_of_an_empty_group_deletes_the_group() -> None:
    desk = Desk()
    (leader,), generation = desk.stable_group()
    desk.commit({"t": 1}, member_id=leader, generation=generation)
    desk.leave(leader)

    delete_offsets(desk, T)

    assert desk.state is GroupState.DEAD
    assert desk.log[-1][0].value is None


def test_deleting_nothing_deletes_no_group() -> None:
    desk = Desk()
    (leader,), _ = desk.stable_group()
    desk.leave(leader)

    delete_offsets(desk)

    assert desk.state is GroupState.EMPTY


def test_offsets_of_topics_that_members_read_stay() -> None:
    desk = Desk()
    (leader,), generation = desk.stable_group()
    desk.commit({"t": 1, "u": 2}, member_id=leader, generation=generation)

    assert delete_offsets(desk, T, U) == {"t": GroupSubscribedToTopic, "u": None}

    assert desk.committed() == {"t": 1}


def test_all_topics_count_as_read_when_a_subscription_makes_no_sense() -> None:
    desk = Desk()
    desk.stable_group(protocols=(("range", b"?"),))

    assert delete_offsets(desk, U) == {"u": GroupSubscribedToTopic}


def test_offsets_of_a_group_of_another_kind_with_members_stay() -> None:
    desk = Desk()
    desk.join_with_new_id(protocol_type="connect")

    with pytest.raises(NonEmptyGroup):
        delete_offsets(desk, T)
    with pytest.raises(GroupIdNotFound):
        delete_offsets(desk, T, group="other")


def test_only_empty_groups_can_be_deleted() -> None:
    desk = Desk()
    (leader,), generation = desk.stable_group()
    desk.commit({"t": 1}, member_id=leader, generation=generation)
    with pytest.raises(NonEmptyGroup):
        desk.do(lambda shard, step: shard.delete_group("g", step))

    desk.leave(leader)
    desk.do(lambda shard, step: shard.delete_group("g", step))

    assert desk.shard.groups == {}
    with pytest.raises(GroupIdNotFound):
        desk.do(lambda shard, step: shard.delete_group("g", step))


def test_a_group_of_which_nothing_is_stored_can_be_deleted() -> None:
    desk = Desk()
    desk.join()

    desk.do(lambda shard, step: shard.delete_group("g", step))

    assert desk.shard.groups == {}
    assert desk.log == []


def test_a_deleted_group_without_members_ever_leaves_only_tombstones_of_offsets() -> None:
    desk = Desk()
    desk.commit({"t": 1, "u": 1})

    desk.do(lambda shard, step: shard.delete_group("g", step))

    assert [record.value for record, _ in desk.log[2:]] == [None, None]


def test_offsets_of_deleted_partitions_go_committed_or_pending() -> None:
    desk = Desk()
    desk.commit({"t": 1, "u": 2})
    desk.commit({"u": 3}, producer=9)

    desk.do(lambda shard, step: shard.forget_topics("g", lambda partition: partition.topic == "u", step))
    desk.end_transaction(9, committed=True)

    assert desk.committed() == {"t": 1}


# --- expiry


def test_offsets_committed_from_outside_expire_after_the_retention_time() -> None:
    desk = Desk(offsets_retention_minutes=1440)
    desk.commit({"t": 1})
    desk.advance(DAY_MS // 2)
    desk.commit({"u": 1})

    desk.advance(DAY_MS // 2 - 1)
    expire(desk)
    assert desk.committed() == {"t": 1, "u": 1}
    desk.advance(1)
    expire(desk)
    assert desk.committed() == {"u": 1}
    desk.advance(DAY_MS)
    expire(desk)

    assert desk.shard.groups == {}


def test_offsets_of_an_empty_group_expire_after_it_became_empty() -> None:
    desk = Desk(offsets_retention_minutes=1440)
    (leader,), generation = desk.stable_group(session_ms=1_800_000)
    desk.commit({"t": 1}, member_id=leader, generation=generation)
    desk.advance(1_000_000)
    desk.leave(leader)

    desk.advance(DAY_MS - 1)
    expire(desk)
    assert desk.committed() == {"t": 1}
    desk.advance(1)
    expire(desk)

    assert desk.shard.groups == {}


def test_an_empty_group_without_offsets_goes_at_the_next_look() -> None:
    desk = Desk()
    (leader,), _ = desk.stable_group()
    desk.leave(leader)

    expire(desk)

    assert desk.shard.groups == {}


def test_a_stable_group_loses_only_offsets_of_topics_that_it_no_longer_reads() -> None:
    desk = Desk(offsets_retention_minutes=1)
    (leader,), generation = desk.stable_group(session_ms=1_800_000)
    desk.commit({"t": 1, "u": 1}, member_id=leader, generation=generation)

    desk.advance(60_000)
    expire(desk)

    assert desk.committed() == {"t": 1}


def test_nothing_expires_while_a_group_rebalances() -> None:
    desk = Desk(offsets_retention_minutes=1)
    (leader, _), generation = desk.stable_group(2, session_ms=1_800_000, rebalance_ms=1_800_000)
    desk.commit({"u": 1}, member_id=leader, generation=generation)
    desk.join(leader, session_ms=1_800_000, rebalance_ms=1_800_000)

    desk.advance(60_000)
    expire(desk)

    assert desk.committed() == {"u": 1}


def test_an_offset_with_an_expiry_time_of_its_own_obeys_that() -> None:
    desk = Desk()
    desk.commit({"t": 1}, expire_timestamp=desk.now_ms + 10)
    desk.restart()

    desk.advance(9)
    expire(desk)
    assert desk.committed() == {"t": 1}
    desk.advance(1)
    expire(desk)

    assert desk.shard.groups == {}


def test_an_offset_with_another_one_pending_does_not_expire() -> None:
    desk = Desk(offsets_retention_minutes=1)
    desk.commit({"t": 1})
    desk.commit({"t": 2}, producer=9)

    desk.advance(60_000)
    expire(desk)

    assert desk.committed() == {"t": 1}


def test_a_group_with_offsets_pending_stays() -> None:
    desk = Desk()
    (leader,), _ = desk.stable_group()
    desk.commit({"t": 2}, producer=9)
    desk.leave(leader)

    expire(desk)

    assert desk.state is GroupState.EMPTY


# --- what administrators see


def test_groups_are_listed_and_described_by_state() -> None:
    desk = Desk()
    desk.commit({"t": 1}, group="simple")
    (leader,), generation = desk.stable_group(instance=None)

    assert {(o.group_id, o.protocol_type, o.state) for o in desk.shard.overviews()} == {
        ("simple", "", GroupState.EMPTY),
        ("g", "consumer", GroupState.STABLE),
    }
    (described,) = desk.shard.describe("g").members
    assert (described.member.member_id, described.assignment) == (leader, f"{leader}@{generation}".encode())
    assert desk.shard.describe("g").protocol == "range"


def test_what_members_have_is_reported_only_while_the_group_is_stable() -> None:
    desk = Desk()
    (leader, _), _ = desk.stable_group(2)
    desk.join(leader)

    description = desk.shard.describe("g")

    assert description.state is GroupState.PREPARING
    assert description.protocol == ""
    assert {(member.metadata, member.assignment) for member in description.members} == {(b"", b"")}


def test_a_group_that_is_not_there_is_dead() -> None:
    assert Desk().shard.describe("nothing").state is GroupState.DEAD
