"""Heartbeat (key 12), versions 0-4.

Keeps a member in its group; while the group rebalances, the response asks it to rejoin.
v1 throttle time   v3 group_instance_id (KIP-345)   v4 flexible
"""

from kio.schema.errors import ErrorCode
from kio.schema.heartbeat.v4.request import HeartbeatRequest
from kio.schema.heartbeat.v4.response import HeartbeatResponse

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE


async def handle(ctx: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
    await ctx.broker.groups.heartbeat(
        request.group_id, request.member_id, request.group_instance_id, request.generation_id
    )
    return HeartbeatResponse(throttle_time=NO_THROTTLE, error_code=ErrorCode.none)
