"""StopReplica (key 5), versions 0-4: the controller sends which replicas are to stop, and which of them to delete.

Fenced by broker, controller and leader epochs (roles.py).
v1 broker epoch, topics   v2 flexible   v3 a state for each partition (KIP-570)   v4 KRaft flag
"""

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import StaleBrokerEpoch, StaleControllerEpoch, error_code_of
from pykafka_cli.protocol.inter_broker import StopReplicaPartitionError, StopReplicaRequest, StopReplicaResponse


async def handle(ctx: RequestContext, request: StopReplicaRequest) -> StopReplicaResponse:
    try:
        errors = await ctx.broker.replicas.stop_replicas(request)
    except (StaleBrokerEpoch, StaleControllerEpoch) as error:
        return StopReplicaResponse(error_code=error.code)
    return StopReplicaResponse(
        partition_errors=tuple(
            StopReplicaPartitionError(
                topic_name=partition.topic, partition_index=partition.partition, error_code=error_code_of(error)
            )
            for partition, error in errors.items()
        )
    )
