"""ListGroups, DescribeGroups, DeleteGroups."""

from typing import Any

import pytest
from kio.schema.delete_groups.v2.request import DeleteGroupsRequest
from kio.schema.describe_groups.v5.request import DescribeGroupsRequest
from kio.schema.errors import ErrorCode
from kio.schema.join_group import v9 as join_v9
from kio.schema.list_groups import v0 as list_v0
from kio.schema.list_groups.v5.request import ListGroupsRequest

from tests.support.group_broker import GroupBroker
from tests.support.group_requests import commit, joined, joining, stable


@pytest.fixture
async def broker() -> GroupBroker:
    """A broker with an empty group `simple` and a stable group `g` of two static members."""
    broker = await GroupBroker.started()
    await commit(broker, 5, group="simple")
    await stable(broker, "one", "two")
    return broker


async def listed(broker: GroupBroker, states: tuple[str, ...] = (), types: tuple[str, ...] = ()) -> Any:
    answer = await broker.ask(ListGroupsRequest(states_filter=states, types_filter=types))
    assert answer.error_code is ErrorCode.none
    return {each.group_id: (each.group_state, each.group_type, each.protocol_type) for each in answer.groups}


async def test_groups_are_listed_with_state_and_type(broker: GroupBroker) -> None:
    assert await listed(broker) == {"simple": ("Empty", "classic", ""), "g": ("Stable", "classic", "consumer")}
    old = await broker.ask(list_v0.request.ListGroupsRequest())
    assert {each.group_id for each in old.groups} == {"simple", "g"}


@pytest.mark.parametrize(
    ("states", "types", "names"),
    [
        (("Stable",), (), {"g"}),
        (("sTABLE", "empty"), (), {"g", "simple"}),
        (("Dead",), (), set()),
        (("nonsense",), (), set()),
        ((), ("Classic",), {"g", "simple"}),
        ((), ("consumer",), set()),
        (("Empty",), ("classic", "consumer"), {"simple"}),
    ],
)
async def test_groups_are_chosen_by_state_and_type(
    broker: GroupBroker, states: tuple[str, ...], types: tuple[str, ...], names: Any
) -> None:
    assert set(await listed(broker, states, types)) == names


async def test_a_list_that_may_not_be_whole_says_so() -> None:
    broker = GroupBroker()

    answer = await broker.ask(ListGroupsRequest(states_filter=(), types_filter=()))

    assert (answer.error_code, answer.groups) == (ErrorCode.coordinator_load_in_progress, ())


async def test_a_stable_group_is_described_with_what_its_members_have(broker: GroupBroker) -> None:
    answer = await broker.ask(DescribeGroupsRequest(groups=("g",), include_authorized_operations=True))

    (group,) = answer.groups
    assert (group.group_state, group.protocol_type, group.protocol_data) == ("Stable", "consumer", "range")
    assert group.authorized_operations == 1 << 3 | 1 << 6 | 1 << 8  # READ, DELETE, DESCRIBE
    assert [
        (each.member_id, each.group_instance_id, each.client_id, each.client_host, each.member_metadata)
        for each in group.members
    ] == [("one-1", "one", "c", "/127.0.0.1", b"r"), ("two-2", "two", "c", "/127.0.0.1", b"r")]
    assert [each.member_assignment for each in group.members] == [b"one-1", b"two-2"]


async def test_a_group_that_is_not_there_is_described_as_dead(broker: GroupBroker) -> None:
    answer = await broker.ask(DescribeGroupsRequest(groups=("none", "simple"), include_authorized_operations=False))

    none, simple = answer.groups
    assert (none.error_code, none.group_state, none.members) == (ErrorCode.none, "Dead", ())
    assert (simple.group_state, simple.protocol_type, simple.authorized_operations) == ("Empty", "", -(2**31))


async def test_a_group_elsewhere_is_not_described() -> None:
    broker = await GroupBroker.started(leads=False)

    (group,) = (await broker.ask(DescribeGroupsRequest(groups=("g",), include_authorized_operations=True))).groups

    assert (group.error_code, group.group_state) == (ErrorCode.not_coordinator, "")
    assert group.authorized_operations == -(2**31)


async def test_empty_groups_are_deleted_each_with_its_own_outcome(broker: GroupBroker) -> None:
    answer = await broker.ask(DeleteGroupsRequest(groups_names=("simple", "g", "none", "simple")))

    assert [(each.group_id, each.error_code) for each in answer.results] == [
        ("simple", ErrorCode.none),
        ("g", ErrorCode.non_empty_group),
        ("none", ErrorCode.group_id_not_found),
    ]
    assert set(await listed(broker)) == {"g"}


async def test_a_group_can_be_founded_again_after_its_deletion(broker: GroupBroker) -> None:
    await broker.ask(DeleteGroupsRequest(groups_names=("simple",)))

    (answer,) = await joined(broker, joining(join_v9, group="simple", group_instance_id="one"))

    assert answer.generation_id == 1
