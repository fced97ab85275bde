"""OffsetFetch (key 9), versions 0-9.

The offsets that groups have committed: those of the partitions named, or all of a group's. -1 where there is none.
v0 asks ZooKeeper, not a coordinator   v2 all partitions, an error for the group   v3 throttle time
v5 leader epoch   v6 flexible   v7 require_stable (KIP-447)   v8 several groups (KIP-709)
v9 member id and epoch, which groups of KIP-848 need
"""

import logging
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

from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.errors import (
    BrokerError,
    GroupAuthorizationFailed,
    TopicAuthorizationFailed,
    UnknownTopicOrPartition,
    UnstableOffsetCommit,
)
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.metadata.consumer_offsets import stored_offset
from pykafka_cli.model import NO_OFFSET, Offset, TopicPartition
from pykafka_cli.protocol.records.batch import NO_LEADER_EPOCH
from pykafka_cli.zookeeper.errors import ZooKeeperError
from pykafka_cli.zookeeper.znode_data import BadZnode

_log = logging.getLogger(__name__)

FIRST_VERSION_WITH_COORDINATOR = 1

_Found = OffsetCommitValue | UnstableOffsetCommit | TopicAuthorizationFailed | None
"""The result for a partition; None where nothing was committed."""


async def handle(ctx: RequestContext, request: OffsetFetchRequest) -> OffsetFetchResponse:
    if ctx.api_version < FIRST_VERSION_WITH_COORDINATOR:
        stored = tuple([await _stored(ctx, group) for group in request.groups])
        return OffsetFetchResponse(throttle_time=NO_THROTTLE, groups=stored)
    groups = tuple(_group(ctx, group, require_stable=request.require_stable) for group in request.groups)
    return OffsetFetchResponse(throttle_time=NO_THROTTLE, groups=groups)


def _group(ctx: RequestContext, group: OffsetFetchRequestGroup, *, require_stable: bool) -> OffsetFetchResponseGroup:
    partitions = None
    refused: list[TopicPartition] = []
    if group.topics is not None:
        named = [TopicPartition(topic.name, each) for topic in group.topics for each in topic.partition_indexes]
        partitions = [each for each in named if _may_describe(ctx, each.topic)]
        refused = [each for each in named if each not in set(partitions)]
    try:
        _ensure_group_allowed(ctx, group.group_id)
        found = ctx.broker.groups.fetch_offsets(group.group_id, partitions, require_stable=require_stable)
    except BrokerError as error:
        return OffsetFetchResponseGroup(group_id=group.group_id, topics=(), error_code=error.code)
    shown: dict[TopicPartition, _Found] = {
        each: offset for each, offset in found.items() if partitions is not None or _may_describe(ctx, each.topic)
    }
    shown |= dict.fromkeys(refused, TopicAuthorizationFailed())
    return OffsetFetchResponseGroup(group_id=group.group_id, topics=_by_topic(shown), error_code=ErrorCode.none)


def _ensure_group_allowed(ctx: RequestContext, group_id: str) -> None:
    if not ctx.allows(AclOperation.DESCRIBE, ResourceType.GROUP, group_id):
        raise GroupAuthorizationFailed()


def _may_describe(ctx: RequestContext, topic: str) -> bool:
    return ctx.allows(AclOperation.DESCRIBE, ResourceType.TOPIC, topic)


async def _stored(ctx: RequestContext, group: OffsetFetchRequestGroup) -> OffsetFetchResponseGroup:
    """Version 0: what ZooKeeper has. A partition without an offset is one that does not exist, for those clients."""
    if not ctx.allows(AclOperation.DESCRIBE, ResourceType.GROUP, group.group_id):
        refusal = GroupAuthorizationFailed.code
        return OffsetFetchResponseGroup(group_id=group.group_id, topics=(), error_code=refusal)
    topics: dict[str, list[OffsetFetchResponsePartitions]] = {}
    for topic in group.topics or ():
        partitions = topics.setdefault(topic.name, [])
        for index in topic.partition_indexes:
            partition = TopicPartition(topic.name, index)
            offset, error_code = await _stored_offset(ctx, group.group_id, partition)
            partitions.append(
                OffsetFetchResponsePartitions(
                    partition_index=index,
                    committed_offset=i64(offset),
                    committed_leader_epoch=i32(NO_LEADER_EPOCH),
                    metadata="",
                    error_code=error_code,
                )
            )
    return OffsetFetchResponseGroup(group_id=group.group_id, topics=_topics(topics), error_code=ErrorCode.none)


async def _stored_offset(ctx: RequestContext, group: str, partition: TopicPartition) -> tuple[Offset, ErrorCode]:
    if not _may_describe(ctx, partition.topic):
        return NO_OFFSET, TopicAuthorizationFailed.code
    if ctx.broker.metadata.partition_state(partition) is None:
        return NO_OFFSET, UnknownTopicOrPartition.code
    try:
        offset = await stored_offset(ctx.broker.store.client, group, partition)
    except BrokerError as error:
        return NO_OFFSET, error.code
    except (ZooKeeperError, BadZnode) as error:
        _log.warning("offset of group %s in %s was not found: %s", group, partition, error)
        return NO_OFFSET, ErrorCode.unknown_server_error
    return (NO_OFFSET, UnknownTopicOrPartition.code) if offset is None else (offset, ErrorCode.none)


def _by_topic(
    found: Mapping[TopicPartition, _Found],
) -> tuple[OffsetFetchResponseTopics, ...]:
    topics: dict[str, list[OffsetFetchResponsePartitions]] = {}
    for partition, offset in found.items():
        topics.setdefault(partition.topic, []).append(_partition(partition.partition, offset))
    return _topics(topics)


def _topics(topics: Mapping[str, list[OffsetFetchResponsePartitions]]) -> tuple[OffsetFetchResponseTopics, ...]:
    return tuple(
        OffsetFetchResponseTopics(name=TopicName(topic), partitions=tuple(partitions))
        for topic, partitions in topics.items()
    )


def _partition(index: int, offset: _Found) -> OffsetFetchResponsePartitions:
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
