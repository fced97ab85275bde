"""DescribeGroups (key 15), versions 0-5.

State, protocol and members of groups; one that does not exist is Dead.
v1 throttle time   v3 authorized operations   v4 group_instance_id (KIP-345)   v5 flexible
"""

from kio.schema.describe_groups.v5.request import DescribeGroupsRequest
from kio.schema.describe_groups.v5.response import DescribedGroup, DescribedGroupMember, DescribeGroupsResponse
from kio.schema.errors import ErrorCode
from kio.schema.types import GroupId

from pykafka_cli.acls import ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.coordinator.group.shard import DescribedMember, GroupDescription
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.protocol.authorized_operations import NOT_ASKED


async def handle(ctx: RequestContext, request: DescribeGroupsRequest) -> DescribeGroupsResponse:
    described = tuple(
        _group(ctx, group_id, with_operations=request.include_authorized_operations) for group_id in request.groups
    )
    return DescribeGroupsResponse(throttle_time=NO_THROTTLE, groups=described)


def _group(ctx: RequestContext, group_id: GroupId, *, with_operations: bool) -> DescribedGroup:
    try:
        group: GroupDescription = ctx.broker.groups.describe(group_id)
    except BrokerError as error:
        return DescribedGroup(
            error_code=error.code, group_id=group_id, group_state="", protocol_type="", protocol_data="", members=()
        )
    return DescribedGroup(
        error_code=ErrorCode.none,
        group_id=group_id,
        group_state=group.state.value,
        protocol_type=group.protocol_type,
        protocol_data=group.protocol,
        members=tuple(_member(each) for each in group.members),
        authorized_operations=ctx.authorized_operations(ResourceType.GROUP, group_id) if with_operations else NOT_ASKED,
    )


def _member(described: DescribedMember) -> DescribedGroupMember:
    return DescribedGroupMember(
        member_id=described.member.member_id,
        group_instance_id=described.member.group_instance_id,
        client_id=described.member.client_id,
        client_host=described.member.client_host,
        member_metadata=described.metadata,
        member_assignment=described.assignment,
    )
