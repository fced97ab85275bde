"""ListGroups (key 16), versions 0-5.

The groups that this broker coordinates, of all states and types or of those named, in whatever case.
v1 throttle time   v3 flexible   v4 states (KIP-518)   v5 types (KIP-848)
While partitions are being loaded the list may not be whole, and COORDINATOR_LOAD_IN_PROGRESS says so.
"""

from kio.schema.errors import ErrorCode
from kio.schema.list_groups.v5.request import ListGroupsRequest
from kio.schema.list_groups.v5.response import ListedGroup, ListGroupsResponse
from kio.schema.types import GroupId

from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import CoordinatorLoadInProgress
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE

CLASSIC = "classic"


async def handle(ctx: RequestContext, request: ListGroupsRequest) -> ListGroupsResponse:
    overviews, is_loading = ctx.broker.groups.list_groups()
    states = {state.lower() for state in request.states_filter}
    types = {group_type.lower() for group_type in request.types_filter}
    if not ctx.allows_on_cluster(AclOperation.DESCRIBE, is_asked_for=False):
        overviews = [
            overview
            for overview in overviews
            if ctx.allows(AclOperation.DESCRIBE, ResourceType.GROUP, overview.group_id, is_asked_for=False)
        ]
    if types and CLASSIC not in types:
        overviews = []
    return ListGroupsResponse(
        throttle_time=NO_THROTTLE,
        error_code=CoordinatorLoadInProgress.code if is_loading else ErrorCode.none,
        groups=tuple(
            ListedGroup(
                group_id=GroupId(overview.group_id),
                protocol_type=overview.protocol_type,
                group_state=overview.state.value,
                group_type=CLASSIC,
            )
            for overview in overviews
            if not states or overview.state.value.lower() in states
        ),
    )
