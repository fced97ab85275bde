"""OffsetCommit (key 8), versions 0-9.

Stores how far a group has read its partitions: a member in its generation, or anybody for a group without members.
v0 goes to ZooKeeper   v1 generation and member, a time for each offset   v2 a retention time in its place
v3 throttle time   v5 no retention time (KIP-211)   v6 leader epoch   v7 group_instance_id (KIP-345)
v8 flexible   v9 member epoch in place of the generation, for groups of KIP-848
Left out: the retention time of versions 2 to 4; the broker's counts (docs/gaps.md).
"""

import logging
from functools import lru_cache

from kio.schema.errors import ErrorCode
from kio.schema.offset_commit.v9.response import (
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
)
from kio.schema.types import TopicName
from kio.static.primitive import i32

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.coordinator.group.shard import Committer
from pykafka_cli.broker.errors import BrokerError, OffsetMetadataTooLarge, UnknownTopicOrPartition, error_code_of
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.metadata.consumer_offsets import store_offset
from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.codec import KeptAnswer
from pykafka_cli.protocol.hot_path.offset_commit import OffsetCommitRequest
from pykafka_cli.protocol.records.batch import NO_TIMESTAMP
from pykafka_cli.zookeeper.errors import ZooKeeperError

_log = logging.getLogger(__name__)

FIRST_VERSION_WITH_COORDINATOR = 1

ANSWERS_KEPT = 1024
"""A consumer commits for the same partitions repeatedly, and gets the same response."""


async def handle(ctx: RequestContext, request: OffsetCommitRequest) -> KeptAnswer:
    outcomes: dict[tuple[str, int], ErrorCode] = {}
    offsets: dict[TopicPartition, OffsetCommitValue] = {}
    now_ms = ctx.broker.clock.now_ms()
    for topic in request.topics:
        for each in topic.partitions:
            partition = TopicPartition(topic.name, each.partition_index)
            if ctx.broker.metadata.partition_state(partition) is None:
                outcomes[partition] = UnknownTopicOrPartition.code
            else:
                offsets[partition] = OffsetCommitValue(
                    offset=each.committed_offset,
                    leader_epoch=each.committed_leader_epoch,
                    metadata=each.committed_metadata or "",
                    commit_timestamp=now_ms if each.commit_timestamp == NO_TIMESTAMP else each.commit_timestamp,
                )
    if offsets and ctx.api_version < FIRST_VERSION_WITH_COORDINATOR:
        for partition, value in offsets.items():
            outcomes[partition] = await _store(ctx, request.group_id, partition, value)
    elif offsets:
        committer = Committer(request.member_id, request.group_instance_id, request.generation_id_or_member_epoch)
        try:
            committed = await ctx.broker.groups.commit(request.group_id, committer, offsets)
            outcomes |= {partition: error_code_of(error) for partition, error in committed.items()}
        except BrokerError as error:
            outcomes |= dict.fromkeys(offsets, error.code)
    results = [
        (
            topic.name,
            tuple([(each.partition_index, outcomes[topic.name, each.partition_index]) for each in topic.partitions]),
        )
        for topic in request.topics
    ]
    return _answer(ctx.api_version, tuple(results))


@lru_cache(ANSWERS_KEPT)
def _answer(_version: int, results: tuple[tuple[TopicName, tuple[tuple[i32, ErrorCode], ...]], ...]) -> KeptAnswer:
    return KeptAnswer(
        OffsetCommitResponse(
            throttle_time=NO_THROTTLE,
            topics=tuple(
                OffsetCommitResponseTopic(
                    name=topic,
                    partitions=tuple(
                        OffsetCommitResponsePartition(partition_index=partition, error_code=code)
                        for partition, code in partitions
                    ),
                )
                for topic, partitions in results
            ),
        ),
        stays=True,
    )


async def _store(ctx: RequestContext, group: str, partition: TopicPartition, value: OffsetCommitValue) -> ErrorCode:
    """Version 0: the offset alone, into ZooKeeper."""
    if len(value.metadata) > ctx.broker.settings.offset_metadata_max_bytes:
        return OffsetMetadataTooLarge.code
    try:
        await store_offset(ctx.broker.store.client, group, partition, value.offset)
    except BrokerError as error:
        return error.code
    except ZooKeeperError as error:
        _log.warning("offset of group %s in %s was not stored: %s", group, partition, error)
        return ErrorCode.unknown_server_error
    return ErrorCode.none
