"""TxnOffsetCommit (key 28), versions 0-4.

Stores offsets of a group that count once the producer's transaction is committed, and until then make the group's
offsets unstable. From version 3 on the group checks who commits, as for a member (KIP-447).
v1 throttle time (late)   v2 leader epoch   v3 flexible, member and generation   v4 as 3 (KIP-890)
"""

from kio.schema.errors import ErrorCode
from kio.schema.txn_offset_commit.v4.request import TxnOffsetCommitRequest
from kio.schema.txn_offset_commit.v4.response import (
    TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
)

from pykafka_cli import topic_names
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.coordinator.group.shard import Committer
from pykafka_cli.broker.errors import (
    BrokerError,
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    InvalidTxnState,
    KafkaStorageError,
    NotCoordinator,
    NotEnoughReplicas,
    NotLeaderOrFollower,
    TransactionAbortable,
    UnknownTopicOrPartition,
)
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.model import LeaderEpoch, Offset, ProducerEpoch, ProducerIdAndEpoch, TopicPartition
from pykafka_cli.protocol.records.batch import NO_SEQUENCE

FIRST_VERSION_WITH_LOAD_IN_PROGRESS = 2
"""Older producers break on COORDINATOR_LOAD_IN_PROGRESS (KAFKA-7296)."""


async def handle(ctx: RequestContext, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse:
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
                    offset=Offset(each.committed_offset),
                    leader_epoch=LeaderEpoch(each.committed_leader_epoch),
                    metadata=each.committed_metadata or "",
                    commit_timestamp=now_ms,
                )
    if offsets:
        committer = Committer(request.member_id, request.group_instance_id, request.generation_id)
        producer = ProducerIdAndEpoch(request.producer_id, ProducerEpoch(request.producer_epoch))
        try:
            await _verify(ctx, request, producer)
            outcomes |= await ctx.broker.groups.commit(request.group_id, committer, offsets, producer)
        except BrokerError as error:
            outcomes |= dict.fromkeys(offsets, error)
    return TxnOffsetCommitResponse(
        throttle_time=NO_THROTTLE,
        topics=tuple(
            TxnOffsetCommitResponseTopic(
                name=topic.name,
                partitions=tuple(
                    TxnOffsetCommitResponsePartition(
                        partition_index=each.partition_index,
                        error_code=_code(ctx, outcomes[TopicPartition(topic.name, each.partition_index)]),
                    )
                    for each in topic.partitions
                ),
            )
            for topic in request.topics
        ),
    )


async def _verify(ctx: RequestContext, request: TxnOffsetCommitRequest, producer: ProducerIdAndEpoch) -> None:
    """Ensure that the transaction has added the group's partition, which is certain only until the next await."""
    if not ctx.broker.settings.transaction_partition_verification_enable:
        return
    home = TopicPartition(topic_names.CONSUMER_OFFSETS, ctx.broker.groups.partition_for(request.group_id))
    refused = await ctx.broker.verification.refused(request.transactional_id, producer, {home: NO_SEQUENCE})
    if (error := refused.get(home)) is not None:
        raise _as_group_error(error)


def _as_group_error(error: BrokerError) -> BrokerError:
    """The error of the partition, as clients of a group coordinator know it."""
    if isinstance(error, NotLeaderOrFollower | KafkaStorageError):
        return NotCoordinator(str(error))
    if isinstance(error, UnknownTopicOrPartition | NotEnoughReplicas):
        return CoordinatorNotAvailable(str(error))
    return InvalidTxnState(str(error)) if isinstance(error, TransactionAbortable) else error


def _code(ctx: RequestContext, error: BrokerError | None) -> ErrorCode:
    if error is None:
        return ErrorCode.none
    if isinstance(error, CoordinatorLoadInProgress) and ctx.api_version < FIRST_VERSION_WITH_LOAD_IN_PROGRESS:
        return CoordinatorNotAvailable.code
    return error.code
