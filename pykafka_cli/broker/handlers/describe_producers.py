"""DescribeProducers (key 61), version 0.

The idempotent and transactional producers that a partition remembers (KIP-664).
"""

from kio.schema.describe_producers.v0.request import DescribeProducersRequest
from kio.schema.describe_producers.v0.response import (
    DescribeProducersResponse,
    PartitionResponse,
    ProducerState,
    TopicResponse,
)
from kio.schema.errors import ErrorCode
from kio.schema.types import ProducerId
from kio.static.primitive import i32, i64

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError, InvalidTopic, UnknownTopicOrPartition, error_code_of
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.absence import or_minus_one
from pykafka_cli.storage.producer_snapshots import ProducerEntry
from pykafka_cli.topic_names import why_invalid

NO_TRANSACTION = -1


async def handle(ctx: RequestContext, request: DescribeProducersRequest) -> DescribeProducersResponse:
    return DescribeProducersResponse(
        throttle_time=NO_THROTTLE,
        topics=tuple(
            TopicResponse(
                name=topic.name,
                partitions=tuple(_answer(ctx, TopicPartition(topic.name, index)) for index in topic.partition_indexes),
            )
            for topic in request.topics
        ),
    )


def _answer(ctx: RequestContext, topic_partition: TopicPartition) -> PartitionResponse:
    index = i32(topic_partition.partition)
    try:
        if why := why_invalid(topic_partition.topic):
            raise InvalidTopic(f"Topic name is invalid: {why}")
        if topic_partition.topic not in ctx.broker.metadata:
            raise UnknownTopicOrPartition(f"topic {topic_partition.topic} does not exist")
        log = ctx.broker.replicas.partition(topic_partition).hosted_log()
    except BrokerError as error:
        return PartitionResponse(
            partition_index=index, error_code=error_code_of(error), error_message=error.message, active_producers=()
        )
    return PartitionResponse(
        partition_index=index,
        error_code=ErrorCode.none,
        active_producers=tuple(map(_state, log.active_producers())),
    )


def _state(producer: ProducerEntry) -> ProducerState:
    first_offset = producer.current_txn_first_offset
    return ProducerState(
        producer_id=ProducerId(producer.producer_id),
        producer_epoch=i32(producer.epoch),
        last_sequence=i32(producer.last_sequence),
        last_timestamp=i64(producer.last_timestamp),
        coordinator_epoch=i32(or_minus_one(producer.coordinator_epoch)),
        current_txn_start_offset=i64(NO_TRANSACTION if first_offset is None else first_offset),
    )
