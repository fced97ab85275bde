"""ListOffsets (key 2), versions 0-9.

The offset of each partition that belongs to a timestamp, or to earliest, latest and their like (listed_offsets.py).
v0 several offsets, where segments begin   v1 one offset with its time (KIP-79)   v2 isolation level   v4 leader epoch
v5 OFFSET_NOT_AVAILABLE   v6 flexible   v7 largest timestamp (KIP-734)
v8 earliest local (KIP-405)   v9 latest tiered (KIP-1005)
"""

from collections import Counter
from collections.abc import Mapping

from kio.schema.errors import ErrorCode
from kio.schema.list_offsets.v9.request import ListOffsetsPartition, ListOffsetsRequest
from kio.schema.list_offsets.v9.response import (
    ListOffsetsPartitionResponse,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)
from kio.static.primitive import i32, i64

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError, InvalidRequest, OffsetNotAvailable, UnsupportedVersion, error_code_of
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.replication.listed_offsets import listed_offset, old_style_offsets
from pykafka_cli.broker.replication.reading import Visibility
from pykafka_cli.model import CONSUMER_REPLICA_ID, DEBUGGING_REPLICA_ID, OffsetSpec, Timestamp, TopicPartition
from pykafka_cli.protocol.absence import known_epoch, or_minus_one
from pykafka_cli.protocol.first_versions_adapters import (
    OldStyleListOffsetsPartition,
    OldStyleListOffsetsPartitionResponse,
)

"""Replica ids of clients that are not brokers; the second may also ask a follower."""

FIRST_VERSION: Mapping[int, int] = {each: each.first_version for each in OffsetSpec}
_SPECS = {int(each): each for each in OffsetSpec}
"""From which version on a negative timestamp has a meaning."""

FIRST_VERSION_WITH_OFFSET_NOT_AVAILABLE = 5

READ_COMMITTED = 1


async def handle(ctx: RequestContext, request: ListOffsetsRequest) -> ListOffsetsResponse:
    times_named = Counter(
        TopicPartition(topic.name, each.partition_index) for topic in request.topics for each in topic.partitions
    )
    if request.replica_id != CONSUMER_REPLICA_ID:
        visibility = Visibility.LOG_END
    else:
        visibility = Visibility.LAST_STABLE if request.isolation_level == READ_COMMITTED else Visibility.HIGH_WATERMARK
    return ListOffsetsResponse(
        throttle_time=NO_THROTTLE,
        topics=tuple(
            ListOffsetsTopicResponse(
                name=topic.name,
                partitions=tuple(
                    _answer(
                        ctx,
                        TopicPartition(topic.name, each.partition_index),
                        each,
                        visibility,
                        only_leader=request.replica_id != DEBUGGING_REPLICA_ID,
                        is_duplicate=times_named[TopicPartition(topic.name, each.partition_index)] > 1,
                    )
                    for each in topic.partitions
                ),
            )
            for topic in request.topics
        ),
    )


def _answer(
    ctx: RequestContext,
    topic_partition: TopicPartition,
    wanted: ListOffsetsPartition,
    visibility: Visibility,
    *,
    only_leader: bool,
    is_duplicate: bool,
) -> ListOffsetsPartitionResponse:
    try:
        if is_duplicate and not isinstance(wanted, OldStyleListOffsetsPartition):
            raise InvalidRequest(f"{topic_partition} occurs more than once")
        if wanted.timestamp < 0 and ctx.api_version < FIRST_VERSION.get(wanted.timestamp, ctx.api_version + 1):
            raise UnsupportedVersion(f"timestamp {wanted.timestamp} is not valid in version {ctx.api_version}")
        if isinstance(wanted, OldStyleListOffsetsPartition):
            return OldStyleListOffsetsPartitionResponse(
                partition_index=wanted.partition_index,
                error_code=ErrorCode.none,
                old_style_offsets=tuple(
                    old_style_offsets(
                        ctx.broker.replicas.partition(topic_partition),
                        _time(wanted.timestamp),
                        wanted.max_num_offsets,
                        visibility=visibility,
                        only_leader=only_leader,
                        now_ms=ctx.broker.clock.now_ms(),
                    )
                ),
            )
        found = listed_offset(
            ctx.broker.replicas.partition(topic_partition),
            _time(wanted.timestamp),
            visibility=visibility,
            current_leader_epoch=known_epoch(wanted.current_leader_epoch),
            only_leader=only_leader,
        )
    except BrokerError as error:
        return ListOffsetsPartitionResponse(
            partition_index=wanted.partition_index, error_code=_code(error, ctx.api_version)
        )
    if found is None:
        return ListOffsetsPartitionResponse(partition_index=wanted.partition_index, error_code=ErrorCode.none)
    return ListOffsetsPartitionResponse(
        partition_index=wanted.partition_index,
        error_code=ErrorCode.none,
        timestamp=i64(or_minus_one(found.timestamp)),
        offset=i64(found.offset),
        leader_epoch=i32(or_minus_one(found.leader_epoch)),
    )


def _code(error: BrokerError, api_version: int) -> ErrorCode:
    if isinstance(error, OffsetNotAvailable) and api_version < FIRST_VERSION_WITH_OFFSET_NOT_AVAILABLE:
        return ErrorCode.leader_not_available
    return error_code_of(error)


def _time(timestamp: int) -> Timestamp | OffsetSpec:
    return _SPECS.get(timestamp) or Timestamp(timestamp)
