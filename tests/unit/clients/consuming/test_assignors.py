import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pykafka_cli.clients.consuming.assignors import ASSIGNORS, assign_cooperatively, assign_sticky
from pykafka_cli.clients.member_messages import Subscription
from pykafka_cli.model import TopicPartition

VECTORS = Path(__file__).parents[3] / "vectors"
RECORDED: list[dict[str, Any]] = json.loads((VECTORS / "assignments.json").read_text())


def parsed(text: str) -> TopicPartition:
    topic, _, partition = text.rpartition("-")
    return TopicPartition(topic, int(partition))


def subscriptions(line: dict[str, Any]) -> dict[str, Subscription]:
    return {
        name: Subscription(
            member["topics"], [parsed(each) for each in member["owned"]], member["generation"], member["instance"]
        )
        for name, member in line["members"].items()
    }


def label(line: dict[str, Any]) -> str:
    return f"{line['assignor']}-{RECORDED.index(line)}"


@pytest.mark.parametrize("line", RECORDED, ids=label)
def test_partitions_go_where_kafkas_own_assignors_send_them(line: dict[str, Any]) -> None:
    assignment = ASSIGNORS[line["assignor"]](subscriptions(line), line["topics"])

    assert {member: sorted(its) for member, its in assignment.items()} == {
        member: sorted(map(parsed, its)) for member, its in line["assignment"].items()
    }


ROUNDS = 4
"""Two where all want the same topics; where they do not, evening out what is left may move a little more."""

topic_names = st.sampled_from(["t", "u", "v"])
counts = st.dictionaries(topic_names, st.integers(1, 6))
wanted = st.dictionaries(st.sampled_from("abcd"), st.lists(topic_names, unique=True), min_size=1)


def complete(assignment: dict[str, list[TopicPartition]], members: dict[str, Subscription], of: dict[str, int]) -> bool:
    """Every partition that somebody wants is with exactly one member that wants it."""
    assigned = [partition for its in assignment.values() for partition in its]
    subscribed = {topic for member in members.values() for topic in member.topics}
    expected = [TopicPartition(topic, index) for topic in of.keys() & subscribed for index in range(of[topic])]
    fitting = all(each.topic in members[member].topics for member, its in assignment.items() for each in its)
    return sorted(assigned) == sorted(expected) and fitting


@given(st.sampled_from(sorted(ASSIGNORS)), wanted, counts)
def test_every_partition_goes_to_one_member_that_wants_it(
    assignor: str, topics: dict[str, list[str]], of: dict[str, int]
) -> None:
    members = {member: Subscription(its) for member, its in topics.items()}

    assert complete(ASSIGNORS[assignor](members, of), members, of)


@given(wanted, counts)
def test_sticky_moves_nothing_when_nothing_changed(topics: dict[str, list[str]], of: dict[str, int]) -> None:
    members = {member: Subscription(its) for member, its in topics.items()}
    before = assign_sticky(members, of)

    owning = {member: Subscription(its.topics, before[member], 1) for member, its in members.items()}

    assert {member: sorted(its) for member, its in assign_sticky(owning, of).items()} == {
        member: sorted(its) for member, its in before.items()
    }


@given(wanted, wanted, counts)
@example({"a": ["u"], "b": ["t"]}, {"a": ["t"], "b": ["t", "u", "v"], "c": ["t", "u", "v"]}, {"t": 2, "u": 1, "v": 3})
def test_cooperation_takes_from_owners_first_and_ends(
    first: dict[str, list[str]], second: dict[str, list[str]], of: dict[str, int]
) -> None:
    before = assign_sticky({member: Subscription(its) for member, its in first.items()}, of)
    members = {member: Subscription(its, before.get(member, ()), 1) for member, its in second.items()}

    for generation in range(2, 2 + ROUNDS):
        owner = {each: member for member, its in members.items() for each in its.owned}
        assignment = assign_cooperatively(members, of)
        assert all(owner.get(each, member) == member for member, its in assignment.items() for each in its)
        members = {member: Subscription(its.topics, assignment[member], generation) for member, its in members.items()}

    assert complete(assignment, members, of)
