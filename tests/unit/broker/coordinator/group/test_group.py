"""The state machine as a table, and what a group knows of itself."""

import itertools

import pytest

from pykafka_cli.broker.coordinator.group.group import (
    REACHED_FROM,
    Group,
    GroupState,
    IllegalTransition,
    Member,
    Protocols,
)
from pykafka_cli.model import Milliseconds, Timestamp

EMPTY, PREPARING, COMPLETING, STABLE, DEAD = GroupState

# Source: the states' validPreviousStates in kafka.coordinator.group.GroupMetadata.
LEGAL = {
    (PREPARING, EMPTY),
    (EMPTY, PREPARING),
    (COMPLETING, PREPARING),
    (STABLE, PREPARING),
    (PREPARING, COMPLETING),
    (COMPLETING, STABLE),
    *((state, DEAD) for state in GroupState),
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(GroupState, GroupState)))
def test_only_the_moves_of_the_table_are_made(before: GroupState, after: GroupState) -> None:
    group = Group("g", before)

    if (before, after) in LEGAL:
        group.transition_to(after)
        assert group.state is after
    else:
        with pytest.raises(IllegalTransition, match=f"{before.value} to {after.value}"):
            group.transition_to(after)
        assert group.state is before


def test_every_state_has_a_line_in_the_table() -> None:
    assert set(REACHED_FROM) == set(GroupState)


def member(name: str, *protocols: str, instance: str | None = None) -> Member:
    supported: Protocols = tuple((protocol, f"{name}/{protocol}".encode()) for protocol in protocols or ("range",))
    return Member(name, instance, "client", "/host", Milliseconds(60_000), Milliseconds(10_000), supported)


def group_of(*members: Member, state: GroupState = STABLE) -> Group:
    group = Group("g", state)
    for each in members:
        group.add(each, "consumer")
    return group


def test_each_member_votes_for_the_protocol_it_likes_best_of_those_that_all_support() -> None:
    group = group_of(
        member("a", "sticky", "range", "roundrobin"),
        member("b", "roundrobin", "range"),
        member("c", "cooperative", "roundrobin", "range"),
    )

    assert group.select_protocol() == "roundrobin"


def test_with_equal_votes_the_one_who_joined_first_has_its_way() -> None:
    assert group_of(member("a", "x", "y"), member("b", "y", "x")).select_protocol() == "x"


def test_a_member_fits_if_all_others_support_one_of_its_protocols() -> None:
    group = group_of(member("a", "x", "y"), member("b", "y", "z"))

    assert group.accepts("consumer", ["q", "y"])
    assert not group.accepts("consumer", ["x"])  # b does not
    assert not group.accepts("connect", ["y"])
    assert not group.accepts("consumer", [])


def test_the_next_in_line_leads_when_the_leader_goes() -> None:
    group = group_of(member("a"), member("b"), member("c"))

    group.remove("a")
    assert group.leader == "b"
    group.remove("c")
    assert group.leader == "b"
    group.remove("b")
    assert group.leader is None


def test_a_renamed_member_keeps_its_place_and_its_leadership() -> None:
    group = group_of(member("a", instance="i"), member("b"))

    group.rename(group.members["a"], "z")

    assert list(group.members) == ["z", "b"]
    assert group.leader == "z"
    assert group.static_members == {"i": "z"}


def test_topics_are_read_from_the_subscriptions_of_a_consumer_group() -> None:
    group = group_of(member("a"), member("b"))
    group.protocol_name = "range"
    group.members["a"].protocols = (("range", b"\x00\x00\x00\x00\x00\x01\x00\x01t\xff\xff\xff\xff"),)
    group.members["b"].protocols = (("range", b"\x00\x03\x00\x00\x00\x01\x00\x01u\xff\xff\xff\xff and more"),)

    assert group.subscribed_topics() == {"t", "u"}


@pytest.mark.parametrize(
    "metadata", [b"", b"\x00", b"\x00\x00\x00\x00\x00\x05", b"\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00"]
)
def test_what_is_no_subscription_leaves_the_topics_unknown(metadata: bytes) -> None:
    group = group_of(member("a"))
    group.protocol_name = "range"
    group.members["a"].protocols = (("range", metadata),)

    assert group.subscribed_topics() is None


def test_only_consumers_have_subscriptions() -> None:
    group = Group("g", STABLE)
    group.add(member("a"), "connect")
    group.protocol_name = "range"

    assert group.subscribed_topics() is None


def test_a_group_is_restored_from_what_it_stored() -> None:
    group = group_of(member("a", "x", "y", instance="i"), member("b", "y"), state=PREPARING)
    group.begin_generation(Timestamp(5))
    stored = group.as_stored({"a": b"1", "b": b"2"})

    fresh = Group("g")
    fresh.restore(stored)
    group.restore(stored)

    for each in (fresh, group):
        assert (each.state, each.generation, each.protocol_name, each.leader) == (STABLE, 1, "y", "a")
        assert [m.assignment for m in each.members.values()] == [b"1", b"2"]
        assert each.static_members == {"i": "a"}
    assert group.members["a"].protocols == (("x", b"a/x"), ("y", b"a/y"))
    assert fresh.members["a"].protocols == (("y", b"a/y"),)
