"""The classic protocol from the outside: who is answered what, and when."""

from typing import Any

import pytest

from pykafka_cli.broker.coordinator.group.group import GroupState, Joined, NewMemberId, Synced
from pykafka_cli.broker.errors import (
    GroupMaxSizeReached,
    IllegalGeneration,
    InconsistentGroupProtocol,
    InvalidSessionTimeout,
    NotCoordinator,
    RebalanceInProgress,
    RequestTimedOut,
    UnknownMemberId,
)
from tests.support.group_desk import RANGE, Desk

STICKY_AND_RANGE = (("sticky", b"s"), ("range", b"r"))
ONLY_RANGE = (("range", b"r"),)


# --- joining


def test_a_new_member_is_sent_back_for_with_an_id() -> None:
    desk = Desk()

    answer = desk.join(client_id="app").answer

    assert answer == NewMemberId("app-#1")
    assert desk.state is GroupState.EMPTY


def test_a_member_of_old_joins_without_an_id() -> None:
    desk = Desk()

    answer = desk.join(version=3)
    desk.advance(0)

    assert isinstance(answer.answer, Joined)


def test_the_first_member_leads_and_learns_of_all() -> None:
    desk = Desk()
    first = desk.join().answer.member_id
    second = desk.join().answer.member_id

    one, two = desk.join(first), desk.join(second)
    desk.advance(0)

    assert one.answer.leader == two.answer.leader == first
    assert [member.member_id for member in one.answer.members] == [first, second]
    assert two.answer.members == ()
    assert one.answer.generation == two.answer.generation == 1
    assert one.answer.protocol_name == "range"


def test_the_log_has_a_member_s_reason_only_if_it_gives_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    desk = Desk()
    member = desk.join().answer.member_id

    desk.join(member)
    desk.advance(0)

    assert f"group g: preparing generation 1: member {member} joins" in caplog.messages
    assert "group g: members in generation 1: 1" in caplog.messages


def test_an_id_that_nobody_gave_out_is_unknown() -> None:
    desk = Desk()

    assert isinstance(desk.join("made-up").answer, UnknownMemberId)

    desk.stable_group()
    assert isinstance(desk.join("made-up").answer, UnknownMemberId)


@pytest.mark.parametrize("session_ms", [5_999, 1_800_001])
def test_a_session_timeout_outside_of_the_broker_s_bounds_is_rejected(session_ms: int) -> None:
    desk = Desk()

    assert isinstance(desk.join(session_ms=session_ms).answer, InvalidSessionTimeout)
    assert desk.shard.groups == {}


@pytest.mark.parametrize(("protocol_type", "protocols"), [("", RANGE), ("consumer", ())])
def test_a_member_without_protocol_is_rejected(protocol_type: str, protocols: tuple[tuple[str, bytes], ...]) -> None:
    desk = Desk()

    answer = desk.join(protocol_type=protocol_type, protocols=protocols).answer

    assert isinstance(answer, InconsistentGroupProtocol)
    assert desk.shard.groups == {}


def test_a_member_that_shares_no_protocol_with_the_others_is_rejected() -> None:
    desk = Desk()
    desk.stable_group()

    assert isinstance(desk.join(protocols=(("cooperative-sticky", b""),)).answer, InconsistentGroupProtocol)
    assert isinstance(desk.join(protocol_type="connect").answer, InconsistentGroupProtocol)


def test_the_protocol_with_most_votes_that_all_support_is_chosen() -> None:
    desk = Desk()
    first, second = desk.join().answer.member_id, desk.join().answer.member_id

    one = desk.join(first, protocols=STICKY_AND_RANGE)
    desk.join(second, protocols=ONLY_RANGE)
    desk.advance(0)

    assert one.answer.protocol_name == "range"
    assert [member.metadata for member in one.answer.members] == [b"r", b"r"]


def test_an_empty_group_waits_for_more_members_as_long_as_they_come() -> None:
    desk = Desk(group_initial_rebalance_delay_ms=3_000)
    first, second, third = (desk.join().answer.member_id for _ in range(3))
    waiting = [desk.join(first)]

    desk.advance(2_000)
    waiting.append(desk.join(second))
    desk.advance(2_000)  # the first wait is over at 3,000 and saw somebody come
    waiting.append(desk.join(third))
    desk.advance(1_999)
    assert [each.answer for each in waiting] == [None, None, None]
    desk.advance(3_001)

    assert {each.answer.generation for each in waiting} == {1}
    assert len(waiting[0].answer.members) == 3


def test_an_empty_group_does_not_wait_beyond_the_rebalance_timeout() -> None:
    desk = Desk(group_initial_rebalance_delay_ms=3_000)
    ids = [desk.join(rebalance_ms=7_000).answer.member_id for _ in range(5)]

    waiting = []
    for member_id in ids:
        waiting.append(desk.join(member_id, rebalance_ms=7_000))
        desk.advance(2_000)

    assert waiting[0].answer.generation == 1


def test_a_member_that_joins_rebalances_the_others() -> None:
    desk = Desk()
    (leader,), generation = desk.stable_group()
    newcomer, joining = desk.join_with_new_id()

    with pytest.raises(RebalanceInProgress):
        desk.heartbeat(leader, generation)
    again = desk.join(leader)

    assert again.answer.generation == joining.answer.generation == generation + 1
    assert {member.member_id for member in again.answer.members} == {leader, newcomer}


def test_a_generation_waits_for_ids_that_were_given_out() -> None:
    desk = Desk()
    (leader,), _ = desk.stable_group()
    _, joining = desk.join_with_new_id()
    late = desk.join().answer.member_id
    again = desk.join(leader)
    assert not again.answers

    desk.join(late)

    assert again.answer.generation == joining.answer.generation == 2


def test_an_id_that_was_given_out_is_forgotten_after_the_session_timeout() -> None:
    desk = Desk()
    (leader,), _ = desk.stable_group(session_ms=60_000)
    _, joining = desk.join_with_new_id(session_ms=60_000)
    late = desk.join().answer.member_id
    again = desk.join(leader, session_ms=60_000)

    desk.advance(10_000)

    assert again.answer.generation == joining.answer.generation == 2
    assert isinstance(desk.join(late).answer, UnknownMemberId)


def test_who_does_not_join_again_in_time_is_left_behind() -> None:
    desk = Desk()
    (leader, follower), generation = desk.stable_group(2, session_ms=400_000)
    _, joining = desk.join_with_new_id(session_ms=400_000)
    again = desk.join(follower, session_ms=400_000)
    desk.advance(59_999)
    assert not again.answers

    desk.advance(1)

    assert again.answer.generation == joining.answer.generation == generation + 1
    assert again.answer.leader == follower
    with pytest.raises(UnknownMemberId):
        desk.heartbeat(leader, generation)


def test_a_leader_that_joins_again_calls_for_a_new_assignment() -> None:
    desk = Desk()
    (leader, follower), generation = desk.stable_group(2)

    again = desk.join(leader)

    assert desk.state is GroupState.PREPARING
    desk.join(follower)
    assert again.answer.generation == generation + 1


def test_a_follower_that_joins_again_as_it_was_gets_the_generation() -> None:
    desk = Desk()
    (leader, follower), generation = desk.stable_group(2)

    answer = desk.join(follower).answer

    assert (answer.generation, answer.leader, answer.members) == (generation, leader, ())
    assert desk.state is GroupState.STABLE


def test_a_follower_that_subscribes_to_something_else_rebalances_the_group() -> None:
    desk = Desk()
    (_, follower), _ = desk.stable_group(2)

    desk.join(follower, protocols=(("range", b"else"),))

    assert desk.state is GroupState.PREPARING


def test_a_member_that_missed_the_answer_to_its_join_gets_it_again() -> None:
    desk = Desk()
    first, joining = desk.join_with_new_id()
    desk.advance(0)

    again = desk.join(first)

    assert again.answer == joining.answer


def test_a_member_that_changes_its_mind_before_the_assignment_rebalances_the_group() -> None:
    desk = Desk()
    first, _ = desk.join_with_new_id()
    desk.advance(0)

    again = desk.join(first, protocols=(("range", b"else"),))

    assert again.answer.generation == 2


def test_a_join_that_takes_another_s_place_ends_the_first() -> None:
    desk = Desk()
    (leader, _), _ = desk.stable_group(2)
    first = desk.join(leader)

    desk.join(leader)

    assert isinstance(first.answer, RebalanceInProgress)


def test_a_full_group_takes_nobody() -> None:
    desk = Desk(group_max_size=2)
    (_, _), generation = desk.stable_group(2)

    assert isinstance(desk.join().answer, GroupMaxSizeReached)
    assert (desk.state, desk.group().generation) == (GroupState.STABLE, generation)


def test_more_ids_than_places_let_in_only_as_many_as_there_are() -> None:
    desk = Desk(group_max_size=2, group_initial_rebalance_delay_ms=1_000)
    ids = [desk.join().answer.member_id for _ in range(3)]

    waiting = [desk.join(member_id) for member_id in ids]
    desk.advance(2_000)

    assert isinstance(waiting[2].answer, GroupMaxSizeReached)
    assert len(waiting[0].answer.members) == 2


def test_a_new_member_that_waits_too_long_is_given_up() -> None:
    desk = Desk()
    desk.stable_group(session_ms=600_000, rebalance_ms=600_000)
    _, joining = desk.join_with_new_id(session_ms=600_000)

    desk.advance(300_000)

    assert isinstance(joining.answer, UnknownMemberId)


# --- syncing


def test_followers_wait_for_the_leader_s_assignment() -> None:
    desk = Desk()
    first, second = desk.join().answer.member_id, desk.join().answer.member_id
    one, _ = desk.join(first), desk.join(second)
    desk.advance(0)
    waiting = desk.sync(second, 1)
    assert waiting.answer is None

    leading = desk.sync(first, 1, {first: b"mine", second: b"yours"})

    assert one.answer.leader == first
    assert waiting.answer == Synced("consumer", "range", b"yours")
    assert leading.answer == Synced("consumer", "range", b"mine")
    assert desk.state is GroupState.STABLE


def test_a_member_that_the_leader_forgot_gets_nothing() -> None:
    desk = Desk()
    first, second = desk.join().answer.member_id, desk.join().answer.member_id
    desk.join(first), desk.join(second)
    desk.advance(0)

    desk.sync(first, 1, {first: b"all"})

    assert desk.sync(second, 1).answer.assignment == b""


def test_a_follower_that_comes_late_gets_its_assignment_at_once() -> None:
    desk = Desk()
    (_, follower), generation = desk.stable_group(2)

    assert desk.sync(follower, generation).answer.assignment == f"{follower}@{generation}".encode()


def test_a_stable_group_takes_no_other_assignment() -> None:
    desk = Desk()
    (leader,), generation = desk.stable_group()

    assert desk.sync(leader, generation, {leader: b"other"}).answer.assignment == f"{leader}@{generation}".encode()


def test_a_rebalance_sends_those_who_wait_for_an_assignment_back_to_join() -> None:
    desk = Desk()
    first, second = desk.join().answer.member_id, desk.join().answer.member_id
    desk.join(first), desk.join(second)
    desk.advance(0)
    waiting = desk.sync(second, 1)

    desk.join_with_new_id()

    assert isinstance(waiting.answer, RebalanceInProgress)
    assert isinstance(desk.sync(first, 1, {}).answer, RebalanceInProgress)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"generation": 2}, IllegalGeneration),
        ({"protocol_type": "connect"}, InconsistentGroupProtocol),
        ({"protocol_name": "sticky"}, InconsistentGroupProtocol),
    ],
)
def test_a_sync_of_another_generation_or_protocol_is_rejected(arguments: dict[str, Any], error: type) -> None:
    desk = Desk()
    (leader,), generation = desk.stable_group()

    assert isinstance(desk.sync(leader, **{"generation": generation, **arguments}).answer, error)


def test_a_sync_from_a_stranger_is_rejected() -> None:
    desk = Desk()

    assert isinstance(desk.sync("nobody", 1).answer, UnknownMemberId)
    desk.stable_group()
    assert isinstance(desk.sync("nobody", 1).answer, UnknownMemberId)


def test_who_joined_but_does_not_sync_is_removed() -> None:
    desk = Desk()
    first, second = desk.join().answer.member_id, desk.join().answer.member_id
    desk.join(first, session_ms=400_000), desk.join(second, session_ms=400_000)
    desk.advance(0)
    waiting = desk.sync(second, 1)

    desk.advance(60_000)

    assert isinstance(waiting.answer, RebalanceInProgress)
    assert first not in desk.group().members
    assert second in desk.group().members


def test_an_assignment_is_given_only_when_it_is_stored() -> None:
    desk = Desk()
    first, second = desk.join().answer.member_id, desk.join().answer.member_id
    desk.join(first), desk.join(second)
    desk.advance(0)
    desk.is_replicating = False

    waiting = [desk.sync(first, 1, {first: b"1", second: b"2"}), desk.sync(second, 1)]
    assert [each.answer for each in waiting] == [None, None]
    desk.replicate()

    assert [each.answer.assignment for each in waiting] == [b"1", b"2"]


def test_an_assignment_that_is_not_stored_makes_everyone_join_again() -> None:
    desk = Desk()
    first, second = desk.join().answer.member_id, desk.join().answer.member_id
    desk.join(first), desk.join(second)
    desk.advance(0)
    desk.is_replicating = False
    waiting = [desk.sync(first, 1, {first: b"1", second: b"2"}), desk.sync(second, 1)]

    desk.replicate(RequestTimedOut("slow"))

    assert [type(each.answer) for each in waiting] == [RebalanceInProgress, RebalanceInProgress]
    assert desk.state is GroupState.PREPARING


def test_an_assignment_that_cannot_be_written_makes_everyone_join_again() -> None:
    desk = Desk()
    first, joining = desk.join_with_new_id()
    desk.advance(0)
    desk.refusal = NotCoordinator("moved")

    waiting = desk.sync(first, joining.answer.generation, {})

    assert isinstance(waiting.answer, NotCoordinator)
    assert desk.state is GroupState.PREPARING


def test_a_rebalance_while_the_assignment_is_being_stored_comes_first() -> None:
    desk = Desk()
    first, joining = desk.join_with_new_id()
    desk.advance(0)
    desk.is_replicating = False
    waiting = desk.sync(first, joining.answer.generation, {first: b"1"})

    desk.join_with_new_id()
    desk.replicate()

    assert isinstance(waiting.answer, RebalanceInProgress)
    assert desk.state is GroupState.PREPARING
