"""DeleteGroups (key 42), versions 0-2.

Forgets groups without members, and their offsets (KIP-229).
v1 throttle time   v2 flexible
"""

from kio.schema.delete_groups.v2.request import DeleteGroupsRequest
from kio.schema.delete_groups.v2.response import DeletableGroupResult, DeleteGroupsResponse
from kio.schema.errors import ErrorCode
from kio.schema.types import GroupId

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE


async def handle(ctx: RequestContext, request: DeleteGroupsRequest) -> DeleteGroupsResponse:
    results = tuple([await _delete(ctx, group_id) for group_id in dict.fromkeys(request.groups_names)])
    return DeleteGroupsResponse(throttle_time=NO_THROTTLE, results=results)


async def _delete(ctx: RequestContext, group_id: GroupId) -> DeletableGroupResult:
    error_code = ErrorCode.none
    try:
        await ctx.broker.groups.delete_group(group_id)
    except BrokerError as error:
        error_code = error.code
    return DeletableGroupResult(group_id=group_id, error_code=error_code)
