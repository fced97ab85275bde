"""LeaveGroup (key 13), versions 0-5.

Removes members from a group, so that the others rebalance at once: a member itself, or static ones by an administrator.
v1 throttle time   v3 several members, by id or group_instance_id (KIP-345)   v4 flexible   v5 reason (KIP-800)
"""

from kio.schema.errors import ErrorCode
from kio.schema.leave_group.v5.request import LeaveGroupRequest
from kio.schema.leave_group.v5.response import LeaveGroupResponse, MemberResponse

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.coordinator.group.member_requests import Leaving
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE


async def handle(ctx: RequestContext, request: LeaveGroupRequest) -> LeaveGroupResponse:
    leaving = [Leaving(member.member_id, member.group_instance_id, member.reason) for member in request.members]
    outcomes = await ctx.broker.groups.leave(request.group_id, leaving)
    return LeaveGroupResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        members=tuple(
            MemberResponse(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                error_code=ErrorCode.none if error is None else error.code,
            )
            for member, error in zip(request.members, outcomes, strict=True)
        ),
    )
