"""DescribeCluster (key 60), versions 0-1.

Brokers, the controller and the cluster's id, without topics (KIP-700).
v1 endpoint_type (KIP-919): 1 brokers; controllers cannot be described, for there are none apart from brokers
"""

from kio.schema.describe_cluster.v1.request import DescribeClusterRequest
from kio.schema.describe_cluster.v1.response import DescribeClusterBroker, DescribeClusterResponse
from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId
from kio.static.primitive import i32

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.metadata.cache import MetadataCache
from pykafka_cli.protocol.authorized_operations import CLUSTER_OPERATIONS, NOT_ASKED

BROKERS, CONTROLLERS = 1, 2


async def handle(ctx: RequestContext, request: DescribeClusterRequest) -> DescribeClusterResponse:
    cache: MetadataCache = ctx.broker.metadata
    if request.endpoint_type != BROKERS:
        known = request.endpoint_type == CONTROLLERS
        return DescribeClusterResponse(
            throttle_time=NO_THROTTLE,
            error_code=ErrorCode.mismatched_endpoint_type if known else ErrorCode.unsupported_endpoint_type,
            error_message="The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type "
            f"{'CONTROLLER' if known else 'UNKNOWN'}",
            endpoint_type=request.endpoint_type,
            cluster_id="",
            brokers=(),
        )
    return DescribeClusterResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        cluster_id=cache.cluster_id,
        controller_id=BrokerId(-1 if cache.controller_id is None else cache.controller_id),
        brokers=tuple(
            DescribeClusterBroker(
                broker_id=BrokerId(broker), host=endpoint.host, port=i32(endpoint.port), rack=cache.rack(broker)
            )
            for broker, endpoint in cache.alive_brokers(ctx.listener_name).items()
        ),
        cluster_authorized_operations=CLUSTER_OPERATIONS
        if request.include_cluster_authorized_operations
        else NOT_ASKED,
    )
