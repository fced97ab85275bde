"""InitProducerId (key 22), versions 0-5.

Gives a producer its id. An idempotent one gets a new id with epoch 0 from any broker, whatever it sent along.
v2 flexible   v3 id and epoch that a transactional producer has (KIP-360)   v4 PRODUCER_FENCED   v5 as 4 (KIP-890)
Left out: transactional ids. There is no transaction coordinator, and the answer says so (docs/gaps.md).
"""

from kio.schema.errors import ErrorCode
from kio.schema.init_producer_id.v5.request import InitProducerIdRequest
from kio.schema.init_producer_id.v5.response import InitProducerIdResponse
from kio.schema.types import ProducerId
from kio.static.primitive import i16

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import (
    BrokerError,
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    InvalidRequest,
    error_code_of,
)
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.transport.connection import ConnectionFailed

NO_PRODUCER_ID = NO_PRODUCER_EPOCH = -1


async def handle(ctx: RequestContext, request: InitProducerIdRequest) -> InitProducerIdResponse:
    try:
        producer_id = await _new_producer_id(ctx, request)
    except BrokerError as error:
        return _answer(NO_PRODUCER_ID, NO_PRODUCER_EPOCH, error_code_of(error))
    return _answer(producer_id, 0, ErrorCode.none)


async def _new_producer_id(ctx: RequestContext, request: InitProducerIdRequest) -> int:
    if (request.producer_id == NO_PRODUCER_ID) != (request.producer_epoch == NO_PRODUCER_EPOCH):
        raise InvalidRequest("a producer id and its epoch come together, or neither does")
    if request.transactional_id == "":
        raise InvalidRequest("a transactional id must not be empty")
    if request.transactional_id is not None:
        raise CoordinatorNotAvailable(f"nobody coordinates transactions of {request.transactional_id!r} here")
    try:
        producer_id: int = await ctx.broker.producer_ids.next()
    except ConnectionFailed as failure:
        # The next block of ids is the controller's to give; the producer will ask again.
        raise CoordinatorLoadInProgress(f"no producer id for the moment: {failure}") from failure
    return producer_id


def _answer(producer_id: int, epoch: int, error_code: ErrorCode) -> InitProducerIdResponse:
    return InitProducerIdResponse(
        throttle_time=NO_THROTTLE,
        error_code=error_code,
        producer_id=ProducerId(producer_id),
        producer_epoch=i16(epoch),
    )
