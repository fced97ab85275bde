"""FindCoordinator (key 10), versions 0-6.

Which broker coordinates a group or a transactional id: the leader of the partition that stores it. The first request
has the coordinator's topic created, and gets COORDINATOR_NOT_AVAILABLE until that partition has a leader.
v1 key type, error message   v3 flexible   v4 several keys (KIP-699)   v5 as 4 (KIP-890)   v6 share groups (KIP-932)
Left out: share groups, which Kafka 3.9 does not coordinate either.
"""

from typing import NamedTuple

from kio.schema.errors import ErrorCode
from kio.schema.find_coordinator.v6.request import FindCoordinatorRequest
from kio.schema.find_coordinator.v6.response import Coordinator, FindCoordinatorResponse
from kio.schema.types import BrokerId
from kio.static.primitive import i32

from pykafka_cli import topic_names
from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.coordinator.runtime import partition_for
from pykafka_cli.broker.errors import (
    BrokerError,
    CoordinatorNotAvailable,
    GroupAuthorizationFailed,
    InvalidRequest,
    TransactionalIdAuthorizationFailed,
)
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.quotas.allowances import PartitionMutations
from pykafka_cli.model import TopicPartition

GROUP, TRANSACTION, SHARE = 0, 1, 2
FIRST_VERSION_WITH_SHARE_GROUPS = 6
LAST_VERSION_THAT_SAYS_NONE = 3
"""Up to this version the response is not an array, and its message is NONE if there is no error."""


class _Node(NamedTuple):
    broker: BrokerId
    host: str
    port: int


async def handle(ctx: RequestContext, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
    refused = {key: error for key in request.coordinator_keys if (error := _refusal(ctx, request.key_type, key))}
    unavailable: BrokerError | None = None
    topic = None
    try:
        topic = _topic_of(ctx, request.key_type)
    except BrokerError as error:
        unavailable = error
    if topic is not None and topic not in ctx.broker.metadata and len(refused) < len(request.coordinator_keys):
        await ctx.broker.topics.auto_create([topic], PartitionMutations(ctx.allowance, is_strict=False).charge)
        unavailable = CoordinatorNotAvailable(f"{topic} is just being created; try again")
    coordinators = []
    for key in request.coordinator_keys:
        found: _Node | BrokerError
        try:
            found = refused.get(key) or unavailable or _coordinator(ctx, topic or "", key)
        except BrokerError as error:
            found = error
        coordinators.append(_answer(ctx, key, found))
    return FindCoordinatorResponse(throttle_time=NO_THROTTLE, coordinators=tuple(coordinators))


def _refusal(ctx: RequestContext, key_type: int, key: str) -> BrokerError | None:
    if key_type == GROUP and not ctx.allows(AclOperation.DESCRIBE, ResourceType.GROUP, key):
        return GroupAuthorizationFailed("Group authorization failed.")
    if key_type == TRANSACTION and not ctx.allows(AclOperation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, key):
        return TransactionalIdAuthorizationFailed("Transactional Id authorization failed.")
    return None


def _topic_of(ctx: RequestContext, key_type: int) -> str:
    if key_type == GROUP:
        return topic_names.CONSUMER_OFFSETS
    if key_type == TRANSACTION:
        return topic_names.TRANSACTION_STATE
    if key_type == SHARE and ctx.api_version >= FIRST_VERSION_WITH_SHARE_GROUPS:
        raise CoordinatorNotAvailable("this broker does not coordinate share groups")
    raise InvalidRequest(f"there is no coordinator of type {key_type} in version {ctx.api_version}")


def _coordinator(ctx: RequestContext, topic: str, key: str) -> _Node:
    partition = TopicPartition(topic, partition_for(key, ctx.broker.metadata.partition_count(topic)))
    state = ctx.broker.metadata.partition_state(partition)
    endpoint = None if state is None else ctx.broker.metadata.endpoint(state.leader, ctx.listener_name)
    if state is None or endpoint is None:
        raise CoordinatorNotAvailable(f"{partition}, which stores {key!r}, has no leader")
    return _Node(state.leader, endpoint.host, endpoint.port)


def _answer(ctx: RequestContext, key: str, found: _Node | BrokerError) -> Coordinator:
    is_old = ctx.api_version <= LAST_VERSION_THAT_SAYS_NONE
    if isinstance(found, BrokerError):
        message = found.message if is_old else ""
        node, error_code = _Node(BrokerId(-1), "", -1), found.code
    else:
        message = "NONE" if is_old else ""
        node, error_code = found, ErrorCode.none
    return Coordinator(
        key=key,
        node_id=BrokerId(node.broker),
        host=node.host,
        port=i32(node.port),
        error_code=error_code,
        error_message=message,
    )
