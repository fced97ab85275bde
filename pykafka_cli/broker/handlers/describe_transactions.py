"""DescribeTransactions (key 65), version 0.

State, producer and partitions of transactional ids that this broker coordinates (KIP-664).
"""

from collections import defaultdict
from datetime import timedelta

from kio.schema.describe_transactions.v0.request import DescribeTransactionsRequest
from kio.schema.describe_transactions.v0.response import TopicData
from kio.schema.errors import ErrorCode
from kio.schema.types import ProducerId, TopicName, TransactionalId
from kio.static.primitive import i16, i32, i32Timedelta, i64

from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.protocol.absence import or_minus_one
from pykafka_cli.protocol.describe_transactions import DescribeTransactionsResponse, TransactionState


async def handle(ctx: RequestContext, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse:
    return DescribeTransactionsResponse(
        throttle_time=NO_THROTTLE,
        transaction_states=tuple(_described(ctx, each) for each in request.transactional_ids),
    )


def _described(ctx: RequestContext, transactional_id: TransactionalId) -> TransactionState:
    try:
        found = ctx.broker.transactions.describe(transactional_id)
    except BrokerError as error:
        return TransactionState(
            error_code=error.code,
            transactional_id=transactional_id,
            transaction_state="",
            transaction_timeout=NO_THROTTLE,
            transaction_start_time_ms=i64(0),
            producer_id=ProducerId(0),
            producer_epoch=i16(0),
            topics=(),
        )
    topics: dict[str, list[i32]] = defaultdict(list)
    for topic, partition in sorted(found.partitions):
        if ctx.allows(AclOperation.DESCRIBE, ResourceType.TOPIC, topic):
            topics[topic].append(i32(partition))
    return TransactionState(
        error_code=ErrorCode.none,
        transactional_id=transactional_id,
        transaction_state=found.state.title,
        transaction_timeout=i32Timedelta.parse(timedelta(milliseconds=found.timeout_ms)),
        transaction_start_time_ms=i64(or_minus_one(found.started_at)),
        producer_id=ProducerId(found.producer_id),
        producer_epoch=i16(found.producer_epoch),
        topics=tuple(
            TopicData(topic=TopicName(topic), partitions=tuple(partitions)) for topic, partitions in topics.items()
        ),
    )
