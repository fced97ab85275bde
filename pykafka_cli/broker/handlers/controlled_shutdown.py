"""ControlledShutdown (key 7), versions 0-3.

A broker that is about to stop asks the controller to move what it leads; the response names what could not be moved.
v1 client id in the header   v2 broker epoch   v3 flexible
"""

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.protocol.inter_broker import (
    ControlledShutdownRemainingPartition,
    ControlledShutdownRequest,
    ControlledShutdownResponse,
)


async def handle(ctx: RequestContext, request: ControlledShutdownRequest) -> ControlledShutdownResponse:
    remaining = await ctx.broker.controller.controlled_shutdown(request.broker_id, request.broker_epoch)
    return ControlledShutdownResponse(
        remaining_partitions=tuple(
            ControlledShutdownRemainingPartition(topic_name=partition.topic, partition_index=partition.partition)
            for partition in remaining
        )
    )
