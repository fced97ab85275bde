"""EndTxn (key 26), versions 0-4.

Commits or aborts a transaction. The response says that the outcome cannot be undone; the markers follow.
v1 throttle time (late)   v2 PRODUCER_FENCED   v3 flexible   v4 as 3 (KIP-890)
"""

from kio.schema.end_txn.v4.request import EndTxnRequest
from kio.schema.end_txn.v4.response import EndTxnResponse
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_for_producer
from pykafka_cli.model import ProducerEpoch, ProducerIdAndEpoch

FIRST_VERSION_WITH_PRODUCER_FENCED = 2


async def handle(ctx: RequestContext, request: EndTxnRequest) -> EndTxnResponse:
    producer = ProducerIdAndEpoch(request.producer_id, ProducerEpoch(request.producer_epoch))
    error_code = ErrorCode.none
    try:
        await ctx.broker.transactions.end(request.transactional_id, producer, committed=request.committed)
    except BrokerError as error:
        error_code = code_for_producer(error, knows_fenced=ctx.api_version >= FIRST_VERSION_WITH_PRODUCER_FENCED)
    return EndTxnResponse(throttle_time=NO_THROTTLE, error_code=error_code)
