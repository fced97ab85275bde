"""StopReplica (key 5), versions 0-4: the controller says which replicas are to stop, and which of them to delete.

Fenced by broker, controller and leader epochs (roles.py).
v1 broker epoch, topics   v2 flexible   v3 a state for each partition (KIP-570)   v4 KRaft flag
"""

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.protocol.inter_broker import StopReplicaRequest, StopReplicaResponse


async def handle(ctx: RequestContext, request: StopReplicaRequest) -> StopReplicaResponse:
    response: StopReplicaResponse = ctx.broker.replicas.stop_replicas(request)
    return response
