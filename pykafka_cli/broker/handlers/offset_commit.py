"""OffsetCommit (key 8), versions 2-9.

Stores how far a group has come in its partitions: a member in its generation, or anybody for a group without members.
v3 throttle time   v5 no retention time of its own (KIP-211)   v6 leader epoch   v7 group_instance_id (KIP-345)
v8 flexible   v9 member epoch in place of the generation, for groups of KIP-848
Left out: the retention time of versions 2 to 4; the broker's counts (docs/gaps.md).
"""

from kio.schema.errors import ErrorCode
from kio.schema.offset_commit.v9.request import OffsetCommitRequest
from kio.schema.offset_commit.v9.response import (
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
)

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.coordinator.group.shard import Committer
from pykafka_cli.broker.errors import BrokerError, UnknownTopicOrPartition
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.model import TopicPartition


async def handle(ctx: RequestContext, request: OffsetCommitRequest) -> OffsetCommitResponse:
    outcomes: dict[TopicPartition, BrokerError | None] = {}
    offsets: dict[TopicPartition, OffsetCommitValue] = {}
    now_ms = ctx.broker.clock.now_ms()
    for topic in request.topics:
        for each in topic.partitions:
            partition = TopicPartition(topic.name, each.partition_index)
            if ctx.broker.metadata.partition_state(partition) is None:
                outcomes[partition] = UnknownTopicOrPartition(f"{partition} does not exist")
            else:
                offsets[partition] = OffsetCommitValue(
                    offset=each.committed_offset,
                    leader_epoch=each.committed_leader_epoch,
                    metadata=each.committed_metadata or "",
                    commit_timestamp=now_ms,
                )
    if offsets:
        committer = Committer(request.member_id, request.group_instance_id, request.generation_id_or_member_epoch)
        try:
            outcomes |= await ctx.broker.groups.commit(request.group_id, committer, offsets)
        except BrokerError as error:
            outcomes |= dict.fromkeys(offsets, error)
    return OffsetCommitResponse(
        throttle_time=NO_THROTTLE,
        topics=tuple(
            OffsetCommitResponseTopic(
                name=topic.name,
                partitions=tuple(
                    OffsetCommitResponsePartition(
                        partition_index=each.partition_index,
                        error_code=_code(outcomes[TopicPartition(topic.name, each.partition_index)]),
                    )
                    for each in topic.partitions
                ),
            )
            for topic in request.topics
        ),
    )


def _code(error: BrokerError | None) -> ErrorCode:
    return ErrorCode.none if error is None else error.code
