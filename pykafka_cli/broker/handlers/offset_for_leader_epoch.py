"""OffsetForLeaderEpoch (key 23), versions 0-4.

Where a leader epoch ended in the leader's log. A consumer that went through a change of leaders asks this to learn
whether records that it has read were lost (KIP-320); followers learn the same from Fetch.
v1 leader epoch in the response   v2 leader epoch of the asker   v3 replica id   v4 flexible
"""

from kio.schema.errors import ErrorCode
from kio.schema.offset_for_leader_epoch.v4.request import OffsetForLeaderEpochRequest, OffsetForLeaderPartition
from kio.schema.offset_for_leader_epoch.v4.response import (
    EpochEndOffset,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderTopicResult,
)
from kio.static.primitive import i32, i64

from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError, TopicAuthorizationFailed, error_code_of
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.model import LeaderEpoch, TopicPartition
from pykafka_cli.protocol.absence import known_epoch


async def handle(ctx: RequestContext, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse:
    is_broker = ctx.allows_on_cluster(AclOperation.CLUSTER_ACTION, is_asked_for=False)
    return OffsetForLeaderEpochResponse(
        throttle_time=NO_THROTTLE,
        topics=tuple(
            OffsetForLeaderTopicResult(
                topic=topic.topic,
                partitions=tuple(
                    _answer(ctx, TopicPartition(topic.topic, each.partition), each, is_broker=is_broker)
                    for each in topic.partitions
                ),
            )
            for topic in request.topics
        ),
    )


def _answer(
    ctx: RequestContext, topic_partition: TopicPartition, wanted: OffsetForLeaderPartition, *, is_broker: bool
) -> EpochEndOffset:
    """Epoch and offset stay -1 where the epoch is newer than all that are known here."""
    try:
        if not is_broker and not ctx.allows(AclOperation.DESCRIBE, ResourceType.TOPIC, topic_partition.topic):
            raise TopicAuthorizationFailed()
        partition = ctx.broker.replicas.partition(topic_partition)
        log = partition.log_at_epoch(known_epoch(wanted.current_leader_epoch), only_leader=True)
    except BrokerError as error:
        return EpochEndOffset(error_code=error_code_of(error), partition=wanted.partition)
    end = log.end_offset_for_epoch(LeaderEpoch(wanted.leader_epoch))
    if end is None:
        return EpochEndOffset(error_code=ErrorCode.none, partition=wanted.partition)
    return EpochEndOffset(
        error_code=ErrorCode.none,
        partition=wanted.partition,
        leader_epoch=i32(end.epoch),
        end_offset=i64(end.end_offset),
    )
