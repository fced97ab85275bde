"""Offsets of many groups in few requests."""

from dataclasses import replace
from typing import Any

from kio.index import load_response_schema
from kio.schema.errors import ErrorCode
from kio.schema.find_coordinator.v6.request import FindCoordinatorRequest
from kio.schema.offset_fetch.v8.request import OffsetFetchRequest

from pykafka_cli.clients.admin.offsets_of_groups import GROUPS_PER_REQUEST, OffsetsOfGroups
from pykafka_cli.protocol.api_keys import ApiKey
from tests.fakes.cluster import FakeSession
from tests.support.samples import sample

GROUPS = [f"g{number}" for number in range(GROUPS_PER_REQUEST * 2 + 5)]


def coordinators(request: FindCoordinatorRequest) -> Any:
    found = sample(load_response_schema(ApiKey.FIND_COORDINATOR, 6), {"error_message": None})
    (one,) = found.coordinators
    return replace(found, coordinators=tuple(replace(one, key=key, node_id=0) for key in request.coordinator_keys))


def offsets(request: OffsetFetchRequest) -> Any:
    """Every group has committed its number in partition 0, and nothing in 1; the last one may not be read."""
    found = sample(load_response_schema(ApiKey.OFFSET_FETCH, 8), {"name": "t"})
    (group,) = found.groups
    (topic,) = group.topics
    (partition,) = topic.partitions
    groups = []
    for each in request.groups:
        committed = (
            replace(partition, partition_index=0, committed_offset=int(each.group_id[1:])),
            replace(partition, partition_index=1, committed_offset=-1),
        )
        is_last = each.group_id == GROUPS[-1]
        code = ErrorCode.group_authorization_failed if is_last else ErrorCode.none
        topics = () if is_last else (replace(topic, partitions=committed),)
        groups.append(replace(group, group_id=each.group_id, error_code=code, topics=topics))
    return replace(found, groups=tuple(groups))


async def test_all_groups_are_asked_in_a_few_requests() -> None:
    session: Any = FakeSession({FindCoordinatorRequest: coordinators, OffsetFetchRequest: offsets})
    looked_up = OffsetsOfGroups(session, "t", [0, 1])

    await looked_up.look_up(GROUPS)

    assert looked_up.asked == {*GROUPS}
    assert looked_up.found == {group: {0: int(group[1:])} for group in GROUPS[:-1]}
    assert looked_up.failures == {}
    assert [type(each) for each in session.asked] == [FindCoordinatorRequest] * 3 + [OffsetFetchRequest] * 3
