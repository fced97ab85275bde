"""DescribeCluster (key 60), versions 0-1.

Brokers, the controller and the cluster's id, without topics (KIP-700).
v1 endpoint_type (KIP-919): 1 brokers; 2 controllers, which a KRaft node's controller listener describes
"""

from kio.schema.describe_cluster.v1.request import DescribeClusterRequest
from kio.schema.describe_cluster.v1.response import DescribeClusterBroker, DescribeClusterResponse
from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId
from kio.static.primitive import i32

from pykafka_cli.acls import CLUSTER_NAME, AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.metadata.cache import MetadataCache
from pykafka_cli.protocol.authorized_operations import NOT_ASKED

BROKERS, CONTROLLERS = 1, 2
_TYPES = {BROKERS: "BROKER", CONTROLLERS: "CONTROLLER"}


async def handle(ctx: RequestContext, request: DescribeClusterRequest) -> DescribeClusterResponse:
    answers_as = CONTROLLERS if ctx.listener_name in ctx.broker.settings.controller_listeners else BROKERS
    if request.endpoint_type != answers_as:
        known = request.endpoint_type in _TYPES
        return DescribeClusterResponse(
            throttle_time=NO_THROTTLE,
            error_code=ErrorCode.mismatched_endpoint_type if known else ErrorCode.unsupported_endpoint_type,
            error_message=f"The request was sent to an endpoint of type {_TYPES[answers_as]}, "
            f"but we wanted an endpoint of type {_TYPES.get(request.endpoint_type, 'UNKNOWN')}",
            endpoint_type=request.endpoint_type,
            cluster_id="",
            brokers=(),
        )
    cache: MetadataCache = ctx.broker.metadata
    return DescribeClusterResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        endpoint_type=request.endpoint_type,
        cluster_id=cache.cluster_id,
        controller_id=BrokerId(-1 if cache.controller_id is None else cache.controller_id),
        brokers=_controllers(ctx) if answers_as == CONTROLLERS else _brokers(ctx),
        cluster_authorized_operations=_operations(ctx) if request.include_cluster_authorized_operations else NOT_ASKED,
    )


def _operations(ctx: RequestContext) -> i32:
    """None for those who may not describe the cluster."""
    if not ctx.allows_on_cluster(AclOperation.DESCRIBE):
        return i32(0)
    return ctx.authorized_operations(ResourceType.CLUSTER, CLUSTER_NAME)


def _brokers(ctx: RequestContext) -> tuple[DescribeClusterBroker, ...]:
    cache: MetadataCache = ctx.broker.metadata
    return tuple(
        DescribeClusterBroker(
            broker_id=BrokerId(broker), host=endpoint.host, port=i32(endpoint.port), rack=cache.rack(broker)
        )
        for broker, endpoint in cache.alive_brokers(ctx.listener_name).items()
    )


def _controllers(ctx: RequestContext) -> tuple[DescribeClusterBroker, ...]:
    quorum = ctx.broker.quorum
    if quorum is None:
        return ()
    return tuple(
        DescribeClusterBroker(
            broker_id=BrokerId(quorum.node_id), host=endpoint.host, port=i32(endpoint.port), rack=None
        )
        for endpoint in quorum.endpoints
        if endpoint.name == ctx.listener_name
    )
