"""JoinGroup (key 11), versions 0-9.

Takes part in a group's next generation. The response waits until all known members have asked, or the rebalance timeout
is over; the leader's names all members.
v1 rebalance timeout   v4 new members come twice (KIP-394)   v5 group_instance_id (KIP-345)   v6 flexible
v7 protocol type   v8 reason (KIP-800)   v9 skip_assignment (KIP-814)
"""

from kio.schema.errors import ErrorCode
from kio.schema.join_group.v9.request import JoinGroupRequest
from kio.schema.join_group.v9.response import JoinGroupResponse, JoinGroupResponseMember
from kio.static.primitive import i32

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.coordinator.group.group import Joined, NewMemberId
from pykafka_cli.broker.coordinator.group.member_requests import Joining
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, milliseconds

FIRST_VERSION_THAT_KNOWS_MEMBER_ID_REQUIRED = 4
FIRST_VERSION_THAT_SKIPS_ASSIGNMENTS = 9


async def handle(ctx: RequestContext, request: JoinGroupRequest) -> JoinGroupResponse:
    is_dynamic = request.group_instance_id is None
    joining = Joining(
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        client_id=ctx.client_id or "",
        client_host=f"/{ctx.client_host}",  # as Java prints an address without a name
        session_timeout_ms=milliseconds(request.session_timeout),
        rebalance_timeout_ms=milliseconds(request.rebalance_timeout),
        protocol_type=request.protocol_type,
        protocols=tuple((protocol.name, protocol.metadata) for protocol in request.protocols),
        reason=request.reason,
        requires_member_id=is_dynamic and ctx.api_version >= FIRST_VERSION_THAT_KNOWS_MEMBER_ID_REQUIRED,
        skips_assignment=ctx.api_version >= FIRST_VERSION_THAT_SKIPS_ASSIGNMENTS,
    )
    try:
        answer: Joined | NewMemberId = await ctx.broker.groups.join(request.group_id, joining)
    except BrokerError as error:
        return _refusal(request.member_id, error.code)
    if isinstance(answer, NewMemberId):
        return _refusal(answer.member_id, ErrorCode.member_id_required)
    return JoinGroupResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        generation_id=i32(answer.generation),
        protocol_type=answer.protocol_type,
        protocol_name=answer.protocol_name,
        leader=answer.leader,
        skip_assignment=answer.skip_assignment,
        member_id=answer.member_id,
        members=tuple(
            JoinGroupResponseMember(
                member_id=member.member_id, group_instance_id=member.group_instance_id, metadata=member.metadata
            )
            for member in answer.members
        ),
    )


def _refusal(member_id: str, error_code: ErrorCode) -> JoinGroupResponse:
    return JoinGroupResponse(
        throttle_time=NO_THROTTLE,
        error_code=error_code,
        protocol_name=None,
        leader="",
        member_id=member_id,
        members=(),
    )
