"""Questions about groups go to their coordinators, again where those moved or are not ready."""

import datetime

import pytest
from kio.schema.delete_groups.v2.request import DeleteGroupsRequest
from kio.schema.delete_groups.v2.response import DeletableGroupResult, DeleteGroupsResponse
from kio.schema.describe_groups.v6.request import DescribeGroupsRequest
from kio.schema.describe_groups.v6.response import DescribedGroup, DescribedGroupMember, DescribeGroupsResponse
from kio.schema.errors import ErrorCode
from kio.schema.find_coordinator.v6.request import FindCoordinatorRequest
from kio.schema.find_coordinator.v6.response import Coordinator, FindCoordinatorResponse
from kio.schema.list_groups.v5.request import ListGroupsRequest
from kio.schema.list_groups.v5.response import ListedGroup, ListGroupsResponse
from kio.schema.types import BrokerId, GroupId
from kio.static.primitive import i32, i32Timedelta

from pykafka_cli.clients.admin.groups import delete_groups, describe_groups, list_groups
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.member_messages import encode_assignment
from pykafka_cli.model import GroupListing, TopicPartition
from tests.fakes.cluster import FakeSession

NO_TIME = i32Timedelta.parse(datetime.timedelta())


class Coordination:
    """A broker with groups; `errors` has another response for what is asked next of a group."""

    def __init__(self, *groups: ListedGroup) -> None:
        self.groups = groups
        self.errors: dict[str, list[ErrorCode]] = {}
        self.searches: list[tuple[str, ...]] = []
        self.session = FakeSession(
            {
                DeleteGroupsRequest: self.delete,
                DescribeGroupsRequest: self.describe,
                FindCoordinatorRequest: self.find,
                ListGroupsRequest: lambda _: ListGroupsResponse(
                    throttle_time=NO_TIME, error_code=ErrorCode.none, groups=self.groups
                ),
            }
        )

    def _error(self, group: str) -> ErrorCode:
        waiting = self.errors.get(group, [])
        return waiting.pop(0) if waiting else ErrorCode.none

    def find(self, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
        self.searches.append(request.coordinator_keys)
        found = tuple(
            Coordinator(
                key=key, node_id=BrokerId(0), host="fake", port=i32(1), error_code=ErrorCode.none, error_message=None
            )
            for key in request.coordinator_keys
        )
        return FindCoordinatorResponse(throttle_time=NO_TIME, coordinators=found)

    def delete(self, request: DeleteGroupsRequest) -> DeleteGroupsResponse:
        results = tuple(
            DeletableGroupResult(group_id=name, error_code=self._error(name)) for name in request.groups_names
        )
        return DeleteGroupsResponse(throttle_time=NO_TIME, results=results)

    def describe(self, request: DescribeGroupsRequest) -> DescribeGroupsResponse:
        member = DescribedGroupMember(
            member_id="m",
            group_instance_id=None,
            client_id="c",
            client_host="/h",
            member_metadata=b"",
            member_assignment=encode_assignment([TopicPartition("t", 1)]),
        )
        described = tuple(
            DescribedGroup(
                error_code=self._error(name),
                group_id=name,
                group_state="Stable",
                protocol_type="connect" if name.startswith("connect") else "consumer",
                protocol_data="range",
                members=(member,),
            )
            for name in request.groups
        )
        return DescribeGroupsResponse(throttle_time=NO_TIME, groups=described)


def listed(name: str, *, state: str = "Empty", type_: str = "classic", protocol: str = "consumer") -> ListedGroup:
    return ListedGroup(group_id=GroupId(name), protocol_type=protocol, group_state=state, group_type=type_)


async def test_a_list_has_consumer_groups_sorted_and_in_kafkas_words() -> None:
    coordination = Coordination(
        listed("b"), listed("a", state="Stable"), listed("workers", protocol="connect"), listed("none", protocol=""),
        listed("old", state="", type_=""),
    )  # fmt: skip

    assert await list_groups(coordination.session) == [  # type: ignore[arg-type]
        GroupListing("a", "Classic", "Stable"),
        GroupListing("b", "Classic", "Empty"),
        GroupListing("none", "Classic", "Empty", ""),
        GroupListing("old", "Unknown", "Unknown"),
    ]


async def test_a_broker_that_does_not_filter_is_filtered_after() -> None:
    coordination = Coordination(listed("a", state="Stable"), listed("b"), listed("c", type_="consumer"))

    async def names(*, states: tuple[str, ...] = (), types: tuple[str, ...] = ()) -> list[str]:
        found = await list_groups(coordination.session, states=states, types=types)  # type: ignore[arg-type]
        return [each.group for each in found]

    assert await names(states=("Stable",)) == ["a"]
    assert await names(types=("consumer",)) == ["c"]


async def test_groups_are_described_in_the_order_they_were_asked_for() -> None:
    described = await describe_groups(Coordination().session, ["b", "a", "b", "connect-1"])  # type: ignore[arg-type]

    assert list(described) == ["b", "a", "connect-1"]
    assert described["a"].members[0].assignment == (TopicPartition("t", 1),)
    assert described["connect-1"].members[0].assignment == ()


async def test_only_groups_whose_coordinator_moved_are_asked_for_again() -> None:
    coordination = Coordination()
    coordination.errors = {"b": [ErrorCode.not_coordinator, ErrorCode.coordinator_load_in_progress]}

    assert await delete_groups(coordination.session, ["a", "b"]) == {"a": None, "b": None}  # type: ignore[arg-type]
    assert coordination.searches == [("a", "b"), ("b",), ("b",)]


async def test_a_group_that_the_request_deleted_whose_answer_was_lost_is_deleted() -> None:
    coordination = Coordination()
    coordination.session.loses_answers = True
    coordination.errors = {"a": [ErrorCode.none, ErrorCode.group_id_not_found]}

    assert await delete_groups(coordination.session, ["a"]) == {"a": None}  # type: ignore[arg-type]


async def test_each_group_has_its_own_error() -> None:
    coordination = Coordination()
    coordination.errors = {"b": [ErrorCode.non_empty_group]}

    outcome = await delete_groups(coordination.session, ["a", "b"])  # type: ignore[arg-type]

    assert outcome["a"] is None
    assert isinstance(outcome["b"], ApiError)
    assert outcome["b"].code == ErrorCode.non_empty_group


async def test_one_that_cannot_be_described_is_an_error() -> None:
    coordination = Coordination()
    coordination.errors = {"b": [ErrorCode.group_authorization_failed]}

    with pytest.raises(ApiError):
        await describe_groups(coordination.session, ["a", "b"])  # type: ignore[arg-type]
