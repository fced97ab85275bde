"""DeleteRecords (key 21), versions 0-2.

Moves the start of partitions up to an offset, or to the high watermark (-1), and waits until all live replicas have
done so.
v2 flexible. Compacted topics reject it (POLICY_VIOLATION), internal ones too (INVALID_TOPIC_EXCEPTION).
"""

from kio.schema.delete_records.v2.request import DeleteRecordsRequest
from kio.schema.delete_records.v2.response import (
    DeleteRecordsPartitionResult,
    DeleteRecordsResponse,
    DeleteRecordsTopicResult,
)
from kio.schema.errors import ErrorCode
from kio.static.primitive import i32, i64

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError, InvalidTopic, UnknownTopicOrPartition, error_code_of
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, milliseconds
from pykafka_cli.model import NO_OFFSET, Offset, TopicPartition
from pykafka_cli.topic_names import is_internal

AT_HIGH_WATERMARK = -1
"""As the offset of a request: delete all that is committed."""


async def handle(ctx: RequestContext, request: DeleteRecordsRequest) -> DeleteRecordsResponse:
    refused: dict[TopicPartition, BrokerError] = {}
    accepted: dict[TopicPartition, Offset | None] = {}
    for topic in request.topics:
        for each in topic.partitions:
            topic_partition = TopicPartition(topic.name, each.partition_index)
            if ctx.broker.metadata.partition_state(topic_partition) is None:
                refused[topic_partition] = UnknownTopicOrPartition(f"{topic_partition} does not exist")
            elif is_internal(topic.name):
                refused[topic_partition] = InvalidTopic(f"records of the internal topic {topic.name} stay")
            else:
                accepted[topic_partition] = None if each.offset == AT_HIGH_WATERMARK else Offset(each.offset)
    timeout_ms = milliseconds(request.timeout)
    results = refused | await ctx.broker.replicas.delete_records(accepted, timeout_ms)
    return DeleteRecordsResponse(
        throttle_time=NO_THROTTLE,
        topics=tuple(
            DeleteRecordsTopicResult(
                name=topic.name,
                partitions=tuple(
                    _answer(each.partition_index, results[TopicPartition(topic.name, each.partition_index)])
                    for each in topic.partitions
                ),
            )
            for topic in request.topics
        ),
    )


def _answer(index: i32, result: Offset | BrokerError) -> DeleteRecordsPartitionResult:
    if isinstance(result, BrokerError):
        low_watermark, error_code = NO_OFFSET, error_code_of(result)
    else:
        low_watermark, error_code = result, ErrorCode.none
    return DeleteRecordsPartitionResult(partition_index=index, low_watermark=i64(low_watermark), error_code=error_code)
