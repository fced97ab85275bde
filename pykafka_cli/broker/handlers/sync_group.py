"""SyncGroup (key 14), versions 0-5.

A member's part of the assignment. The leader's request brings everybody's; the others' answers wait for it.
v1 throttle time   v3 group_instance_id (KIP-345)   v4 flexible   v5 protocol type and name (KIP-559)
"""

from kio.schema.errors import ErrorCode
from kio.schema.sync_group.v5.request import SyncGroupRequest
from kio.schema.sync_group.v5.response import SyncGroupResponse

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.coordinator.group.member_requests import Syncing
from pykafka_cli.broker.errors import InconsistentGroupProtocol
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE

FIRST_VERSION_WITH_PROTOCOL = 5


async def handle(ctx: RequestContext, request: SyncGroupRequest) -> SyncGroupResponse:
    has_protocol = request.protocol_type is not None and request.protocol_name is not None
    if ctx.api_version >= FIRST_VERSION_WITH_PROTOCOL and not has_protocol:
        raise InconsistentGroupProtocol("protocol type and name must be given from version 5 on")
    syncing = Syncing(
        request.member_id,
        request.group_instance_id,
        request.generation_id,
        request.protocol_type,
        request.protocol_name,
        {each.member_id: each.assignment for each in request.assignments},
    )
    synced = await ctx.broker.groups.sync(request.group_id, syncing)
    return SyncGroupResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        protocol_type=synced.protocol_type,
        protocol_name=synced.protocol_name,
        assignment=synced.assignment,
    )
