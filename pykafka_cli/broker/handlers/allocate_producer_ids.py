"""AllocateProducerIds (key 67), version 0.

A broker asks the controller for a block of producer ids that nobody else will get (KIP-730).
"""

from kio.schema.allocate_producer_ids.v0.request import AllocateProducerIdsRequest
from kio.schema.allocate_producer_ids.v0.response import AllocateProducerIdsResponse
from kio.schema.errors import ErrorCode
from kio.schema.types import ProducerId
from kio.static.primitive import i32

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.model import BrokerEpoch


async def handle(ctx: RequestContext, request: AllocateProducerIdsRequest) -> AllocateProducerIdsResponse:
    block = await ctx.broker.controller.allocate_producer_ids(request.broker_id, BrokerEpoch(request.broker_epoch))
    return AllocateProducerIdsResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        producer_id_start=ProducerId(block.start),
        producer_id_len=i32(block.end - block.start + 1),
    )
