"""Members of the classic protocol that stay, leave, and come back, to another coordinator as well."""

from typing import Any

import pytest

from pykafka_cli.broker.coordinator.group.group import GroupState, Joined
from pykafka_cli.broker.errors import (
    FencedInstanceId,
    IllegalGeneration,
    NotCoordinator,
    RebalanceInProgress,
    RequestTimedOut,
    UnknownMemberId,
)
from tests.support.group_desk import Desk

STICKY_AND_RANGE = (("sticky", b"s"), ("range", b"r"))
ONLY_RANGE = (("range", b"r"),)


# --- staying and leaving


def test_a_member_that_is_silent_is_removed() -> None:
    desk = Desk()
    (leader, follower), generation = desk.stable_group(2)
    for _ in range(4):
        desk.advance(4_000)
        if desk.state is GroupState.STABLE:
            desk.heartbeat(follower, generation)

    with pytest.raises(RebalanceInProgress):
        desk.heartbeat(follower, generation)
    assert leader not in desk.group().members


def test_heartbeats_keep_a_member() -> None:
    desk = Desk()
    (leader,), generation = desk.stable_group()

    for _ in range(10):
        desk.advance(9_999)
        desk.heartbeat(leader, generation)

    assert desk.state is GroupState.STABLE


def test_a_commit_keeps_a_member_as_a_heartbeat_does() -> None:
    desk = Desk()
    (leader,), generation = desk.stable_group()

    for _ in range(3):
        desk.advance(9_999)
        desk.commit({"t": 1}, member_id=leader, generation=generation)

    assert desk.state is GroupState.STABLE


def test_a_member_that_waits_for_an_answer_need_not_heartbeat() -> None:
    desk = Desk()
    (leader, follower), _ = desk.stable_group(2, rebalance_ms=60_000)
    waiting = desk.join(leader)
    desk.advance(1)

    for _ in range(2):
        desk.advance(9_000)
        with pytest.raises(RebalanceInProgress):
            desk.heartbeat(follower, 1)
    desk.join(follower)

    assert isinstance(waiting.answer, Joined)


def test_the_last_member_leaves_an_empty_group() -> None:
    desk = Desk()
    (leader,), generation = desk.stable_group()

    assert desk.leave(leader) is None

    assert (desk.state, desk.group().generation) == (GroupState.EMPTY, generation + 1)
    assert desk.group().protocol_name is None


def test_a_member_that_leaves_lets_the_others_rebalance_at_once() -> None:
    desk = Desk()
    (leader, follower), generation = desk.stable_group(2)

    desk.leave(leader)

    with pytest.raises(RebalanceInProgress):
        desk.heartbeat(follower, generation)
    assert desk.join(follower).answer.leader == follower


def test_a_member_that_leaves_while_it_waits_is_answered() -> None:
    desk = Desk()
    (leader, follower), _ = desk.stable_group(2)
    waiting = desk.join(leader)

    desk.leave(leader)

    assert isinstance(waiting.answer, UnknownMemberId)
    assert isinstance(desk.join(follower).answer, Joined)


def test_an_id_that_was_given_out_can_be_given_back() -> None:
    desk = Desk()
    (leader,), _ = desk.stable_group()
    _, joining = desk.join_with_new_id()
    late = desk.join().answer.member_id
    again = desk.join(leader)

    assert desk.leave(late) is None

    assert again.answer.generation == joining.answer.generation == 2


def test_strangers_can_neither_stay_nor_leave() -> None:
    desk = Desk()
    with pytest.raises(UnknownMemberId):
        desk.heartbeat("nobody", 1)
    assert isinstance(desk.leave("nobody"), UnknownMemberId)

    (leader,), generation = desk.stable_group()

    with pytest.raises(UnknownMemberId):
        desk.heartbeat("nobody", generation)
    with pytest.raises(IllegalGeneration):
        desk.heartbeat(leader, generation - 1)
    assert isinstance(desk.leave("nobody"), UnknownMemberId)
    assert isinstance(desk.leave(instance="nobody"), UnknownMemberId)


# --- static members


def _static_group(desk: Desk, *instances: str, **arguments: Any) -> tuple[list[str], int]:
    waiting = [desk.join(instance=instance, **arguments) for instance in instances]
    desk.advance(0)
    ids = [each.answer.member_id for each in waiting]
    generation = waiting[0].answer.generation
    desk.sync(ids[0], generation, {member_id: member_id.encode() for member_id in ids}, instance=instances[0])
    return ids, generation


def test_a_static_member_joins_without_being_sent_back() -> None:
    desk = Desk()

    answer = desk.join(instance="one")
    desk.advance(0)

    assert answer.answer.member_id == "one-#1"


def test_a_static_member_that_comes_back_takes_its_place_without_rebalance() -> None:
    desk = Desk()
    (first, second), generation = _static_group(desk, "one", "two")

    answer = desk.join(instance="two").answer

    assert desk.state is GroupState.STABLE
    assert (answer.generation, answer.leader, answer.members) == (generation, first, ())
    assert answer.member_id != second
    assert desk.sync(answer.member_id, generation, instance="two").answer.assignment == second.encode()


def test_a_static_leader_that_comes_back_is_asked_to_leave_the_assignment_alone() -> None:
    desk = Desk()
    _, generation = _static_group(desk, "one", "two")

    answer = desk.join(instance="one").answer

    assert answer.leader == answer.member_id
    assert answer.skip_assignment
    assert len(answer.members) == 2
    assert answer.generation == generation


def test_an_old_static_leader_that_comes_back_does_not_know_that_it_leads() -> None:
    desk = Desk()
    (first, _), _ = _static_group(desk, "one", "two")

    answer = desk.join(instance="one", version=8).answer

    assert answer.leader == first
    assert answer.members == ()
    assert not answer.skip_assignment


def test_the_earlier_self_of_a_static_member_is_fenced() -> None:
    desk = Desk()
    (first, _), generation = _static_group(desk, "one", "two")
    current = desk.join(instance="one").answer.member_id

    with pytest.raises(FencedInstanceId):
        desk.heartbeat(first, generation, instance="one")
    assert isinstance(desk.sync(first, generation, instance="one").answer, FencedInstanceId)
    assert isinstance(desk.join(first, instance="one").answer, FencedInstanceId)
    assert isinstance(desk.leave(first, instance="one"), FencedInstanceId)
    with pytest.raises(FencedInstanceId):
        desk.commit({"t": 1}, member_id=first, instance="one", generation=generation)
    desk.heartbeat(current, generation, instance="one")


def test_a_static_member_that_waits_is_fenced_when_it_comes_twice() -> None:
    desk = Desk()
    (_, second), _ = _static_group(desk, "one", "two")
    waiting = desk.join(second, instance="two", protocols=(("range", b"new"),))
    assert waiting.answer is None

    desk.join(instance="two")

    assert isinstance(waiting.answer, FencedInstanceId)


def test_a_static_member_that_comes_back_with_another_protocol_rebalances_the_group() -> None:
    desk = Desk()
    _static_group(desk, "one", protocols=STICKY_AND_RANGE)

    answer = desk.join(instance="one", protocols=ONLY_RANGE).answer

    assert answer.generation == 2
    assert answer.protocol_name == "range"


def test_a_static_member_that_comes_back_before_the_assignment_rebalances_the_group() -> None:
    desk = Desk()
    desk.join(instance="one")
    desk.join(instance="two")
    desk.advance(0)

    desk.join(instance="two")

    assert desk.state is GroupState.PREPARING


def test_a_static_member_keeps_its_place_through_a_rebalance_that_it_misses() -> None:
    desk = Desk()
    ids, _ = _static_group(desk, "one", "two", session_ms=400_000)
    again = desk.join(ids[0], instance="one", session_ms=400_000)

    desk.advance(60_000)

    assert [member.group_instance_id for member in again.answer.members] == ["one", "two"]


def test_a_group_of_absent_static_members_waits_for_one_to_come_back() -> None:
    desk = Desk()
    ids, _ = _static_group(desk, "one", "two", session_ms=400_000)
    desk.leave(instance="one")

    desk.advance(60_000)
    assert desk.state is GroupState.PREPARING

    assert desk.join(ids[1], instance="two", session_ms=400_000).answer.generation == 2


def test_a_static_member_s_return_that_cannot_be_stored_changes_nothing() -> None:
    desk = Desk()
    (first,), generation = _static_group(desk, "one")
    desk.refusal = NotCoordinator("moved")

    answer = desk.join(instance="one").answer

    assert isinstance(answer, NotCoordinator)
    desk.refusal = None
    desk.heartbeat(first, generation, instance="one")
    desk.advance(10_000)
    assert desk.state is GroupState.EMPTY


def test_a_static_member_s_return_that_is_not_replicated_is_to_be_tried_again() -> None:
    desk = Desk()
    _static_group(desk, "one")
    desk.is_replicating = False
    waiting = desk.join(instance="one")

    desk.replicate(RequestTimedOut("slow"))

    assert isinstance(waiting.answer, RebalanceInProgress)
    desk.advance(10_000)
    assert desk.state is GroupState.EMPTY


def test_an_administrator_removes_a_static_member_by_its_instance() -> None:
    desk = Desk()
    (first, second), _ = _static_group(desk, "one", "two")

    assert desk.leave(instance="two") is None

    assert second not in desk.group().members
    assert isinstance(desk.join(first, instance="one").answer, Joined)


# --- a new coordinator


def test_members_continue_in_their_generation_after_a_restart() -> None:
    desk = Desk()
    (leader, follower), generation = desk.stable_group(2)

    desk.restart()

    desk.heartbeat(leader, generation)
    desk.heartbeat(follower, generation)
    assert desk.sync(follower, generation).answer.assignment == f"{follower}@{generation}".encode()
    assert desk.commit({"t": 5}, member_id=leader, generation=generation) != {}


def test_members_that_do_not_come_after_a_restart_are_removed() -> None:
    desk = Desk()
    desk.stable_group(2)

    desk.restart()
    desk.advance(10_000)
    assert desk.state is GroupState.EMPTY


def test_those_who_wait_are_notified_when_the_coordinator_moves() -> None:
    desk = Desk()
    (leader, _), _ = desk.stable_group(2)
    joining = desk.join(leader)

    desk.restart()

    assert isinstance(joining.answer, NotCoordinator)
    assert desk.state is GroupState.STABLE


def test_static_members_are_known_after_a_restart() -> None:
    desk = Desk()
    (first, _), generation = _static_group(desk, "one", "two")
    current = desk.join(instance="one").answer.member_id

    desk.restart()

    desk.heartbeat(current, generation, instance="one")
    with pytest.raises(FencedInstanceId):
        desk.heartbeat(first, generation, instance="one")


def test_a_group_that_is_too_large_for_a_lowered_limit_rebalances_when_loaded() -> None:
    desk = Desk()
    (_, follower), generation = desk.stable_group(2)
    desk.settings.group_max_size = 1

    desk.restart()

    with pytest.raises(RebalanceInProgress):
        desk.heartbeat(follower, generation)
    kept = desk.join(follower)
    desk.advance(10_000)
    assert [member.member_id for member in kept.answer.members] == [follower]
