"""AddOffsetsToTxn (key 25), versions 0-4.

Announces that a transaction will commit offsets of a group: the group's partition of __consumer_offsets becomes one of
the transaction's partitions, and gets a marker in the end.
v1 throttle time (late)   v2 PRODUCER_FENCED   v3 flexible   v4 as 3 (KIP-890)
"""

from kio.schema.add_offsets_to_txn.v4.request import AddOffsetsToTxnRequest
from kio.schema.add_offsets_to_txn.v4.response import AddOffsetsToTxnResponse
from kio.schema.errors import ErrorCode

from pykafka_cli import topic_names
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_for_producer
from pykafka_cli.model import ProducerEpoch, ProducerIdAndEpoch, TopicPartition

FIRST_VERSION_WITH_PRODUCER_FENCED = 2


async def handle(ctx: RequestContext, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse:
    partition = TopicPartition(topic_names.CONSUMER_OFFSETS, ctx.broker.groups.partition_for(request.group_id))
    producer = ProducerIdAndEpoch(request.producer_id, ProducerEpoch(request.producer_epoch))
    error_code = ErrorCode.none
    try:
        await ctx.broker.transactions.add_partitions(request.transactional_id, producer, [partition])
    except BrokerError as error:
        error_code = code_for_producer(error, knows_fenced=ctx.api_version >= FIRST_VERSION_WITH_PRODUCER_FENCED)
    return AddOffsetsToTxnResponse(throttle_time=NO_THROTTLE, error_code=error_code)
