"""OffsetFetch (key 9), versions 1-9.

The offsets that groups have committed: those of the partitions named, or all of a group's. -1 where there is none.
v2 all partitions, an error for the group   v3 throttle time   v5 leader epoch   v6 flexible
v7 require_stable (KIP-447)   v8 several groups (KIP-709)   v9 member id and epoch, which groups of KIP-848 need
"""

from collections.abc import Mapping

from kio.schema.errors import ErrorCode
from kio.schema.offset_fetch.v9.request import OffsetFetchRequest, OffsetFetchRequestGroup
from kio.schema.offset_fetch.v9.response import (
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopics,
)
from kio.schema.types import TopicName
from kio.static.primitive import i32, i64

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.coordinator.group.records import NO_LEADER_EPOCH, OffsetCommitValue
from pykafka_cli.broker.errors import BrokerError, UnstableOffsetCommit
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.model import TopicPartition

NO_OFFSET = -1


async def handle(ctx: RequestContext, request: OffsetFetchRequest) -> OffsetFetchResponse:
    groups = tuple(_group(ctx, group, require_stable=request.require_stable) for group in request.groups)
    return OffsetFetchResponse(throttle_time=NO_THROTTLE, groups=groups)


def _group(ctx: RequestContext, group: OffsetFetchRequestGroup, *, require_stable: bool) -> OffsetFetchResponseGroup:
    partitions = None
    if group.topics is not None:
        partitions = [TopicPartition(topic.name, each) for topic in group.topics for each in topic.partition_indexes]
    try:
        found = ctx.broker.groups.fetch_offsets(group.group_id, partitions, require_stable=require_stable)
    except BrokerError as error:
        return OffsetFetchResponseGroup(group_id=group.group_id, topics=(), error_code=error.code)
    return OffsetFetchResponseGroup(group_id=group.group_id, topics=_by_topic(found), error_code=ErrorCode.none)


def _by_topic(
    found: Mapping[TopicPartition, OffsetCommitValue | UnstableOffsetCommit | None],
) -> tuple[OffsetFetchResponseTopics, ...]:
    topics: dict[str, list[OffsetFetchResponsePartitions]] = {}
    for partition, offset in found.items():
        topics.setdefault(partition.topic, []).append(_partition(partition.partition, offset))
    return tuple(
        OffsetFetchResponseTopics(name=TopicName(topic), partitions=tuple(partitions))
        for topic, partitions in topics.items()
    )


def _partition(index: int, offset: OffsetCommitValue | UnstableOffsetCommit | None) -> OffsetFetchResponsePartitions:
    if isinstance(offset, OffsetCommitValue):
        return OffsetFetchResponsePartitions(
            partition_index=i32(index),
            committed_offset=i64(offset.offset),
            committed_leader_epoch=i32(offset.leader_epoch),
            metadata=offset.metadata,
            error_code=ErrorCode.none,
        )
    return OffsetFetchResponsePartitions(
        partition_index=i32(index),
        committed_offset=i64(NO_OFFSET),
        committed_leader_epoch=i32(NO_LEADER_EPOCH),
        metadata="",
        error_code=ErrorCode.none if offset is None else offset.code,
    )
