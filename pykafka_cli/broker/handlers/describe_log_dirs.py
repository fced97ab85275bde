"""DescribeLogDirs (key 35), versions 0-4.

The log directories of this broker with the partitions in them, all or those requested; of this broker only.
Copies on their way to another directory are "future" partitions.
v2 flexible   v3 error of the whole request   v4 sizes of the directories (KIP-827)
"""

from collections.abc import Iterable
from itertools import groupby

from kio.schema.describe_log_dirs.v4.request import DescribeLogDirsRequest
from kio.schema.describe_log_dirs.v4.response import (
    DescribeLogDirsPartition,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
    DescribeLogDirsTopic,
)
from kio.schema.errors import ErrorCode
from kio.schema.types import TopicName
from kio.static.primitive import i32, i64

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import KafkaStorageError
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.replication.partition import Partition
from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.absence import or_minus_one

UNKNOWN_LAG = -1


async def handle(ctx: RequestContext, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse:
    wanted = (
        None
        if request.topics is None
        else {TopicPartition(topic.topic, each) for topic in request.topics for each in topic.partitions}
    )
    return DescribeLogDirsResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        results=tuple(
            DescribeLogDirsResult(
                error_code=ErrorCode.none if usage.error is None else KafkaStorageError.code,
                log_dir=str(usage.path),
                topics=_topics(
                    ctx,
                    (
                        (log, is_arriving)
                        for logs, is_arriving in ((usage.logs, False), (usage.arriving, True))
                        for log in logs
                        if wanted is None or log.topic_partition in wanted
                    ),
                ),
                total_bytes=i64(or_minus_one(usage.total_bytes)),
                usable_bytes=i64(or_minus_one(usage.usable_bytes)),
            )
            for usage in ctx.broker.logs.usages()
        ),
    )


def _topics(ctx: RequestContext, logs: Iterable[tuple[PartitionLog, bool]]) -> tuple[DescribeLogDirsTopic, ...]:
    in_order = sorted(logs, key=lambda each: each[0].topic_partition)
    return tuple(
        DescribeLogDirsTopic(
            name=TopicName(topic),
            partitions=tuple(
                DescribeLogDirsPartition(
                    partition_index=i32(log.topic_partition.partition),
                    partition_size=i64(log.segments.size_in_bytes),
                    offset_lag=i64(_lag(ctx, log, is_arriving=is_arriving)),
                    is_future_key=is_arriving,
                )
                for log, is_arriving in of_topic
            ),
        )
        for topic, of_topic in groupby(in_order, key=lambda each: each[0].topic_partition.topic)
    )


def _lag(ctx: RequestContext, log: PartitionLog, *, is_arriving: bool) -> int:
    """How far a log is behind its high watermark, a copy behind its original; unknown without a role here."""
    partition: Partition | None = ctx.broker.replicas.hosted.get(log.topic_partition)
    if partition is None or partition.log is None:
        return UNKNOWN_LAG
    return partition.log.log_end - log.log_end if is_arriving else max(0, log.high_watermark - log.log_end)
