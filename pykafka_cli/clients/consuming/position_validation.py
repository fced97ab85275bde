"""Checks that a partition's leader has the records that a consumer has read: after an unclean election it may not.

A position has the leader epoch of the record before it. A new leader returns where in its log that epoch ends, or the
last
one before it that it knows. An end before the position means that the records between were truncated, and may have been
replaced.
source  KIP-320; OffsetsForLeaderEpochUtils, SubscriptionState.maybeCompleteValidation
"""

from collections.abc import Mapping
from typing import NamedTuple

from kio.schema.offset_for_leader_epoch.v4.request import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i32

from pykafka_cli.clients.admin.leaders import ask_known_leaders
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.group_offsets import Position
from pykafka_cli.clients.session import Session
from pykafka_cli.model import CONSUMER_REPLICA_ID, LeaderEpoch, Offset, TopicPartition, partitions_by_topic
from pykafka_cli.protocol.absence import or_minus_one
from pykafka_cli.transport.errors import VersionUnsupported

_FIRST_FOR_CONSUMERS = 3
"""Before it, the API was for brokers only."""


class LedPosition(NamedTuple):
    """A position to validate, with its partition's leader and epoch."""

    position: Position
    leader: BrokerId
    leader_epoch: LeaderEpoch | None


async def epoch_ends(
    session: Session, wanted: Mapping[TopicPartition, LedPosition]
) -> dict[TopicPartition, Position | ApiError | None]:
    """Where the epoch of each position ends in the log of its leader; None where that knows no epoch so early.

    A leader that does not support this for consumers counts as having everything, as in Kafka's consumer.
    """

    async def ask(
        broker: BrokerId, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, Position | ApiError | None]:
        try:
            answer = await session.ask(_request(wanted, partitions), broker=broker, oldest=_FIRST_FOR_CONSUMERS)
        except VersionUnsupported:
            return {each: wanted[each].position for each in partitions}
        return {
            TopicPartition(topic.topic, int(each.partition)): ApiError(each.error_code)
            if each.error_code
            else _end(each.end_offset, each.leader_epoch)
            for topic in answer.topics
            for each in topic.partitions
        }

    return await ask_known_leaders({each: its.leader for each, its in wanted.items()}, wanted, ask)


def _end(offset: int, leader_epoch: int) -> Position | None:
    return None if offset < 0 or leader_epoch < 0 else Position(Offset(offset), LeaderEpoch(leader_epoch))


def is_truncated(position: Position, end: Position | None) -> bool:
    """Whether the leader lacks records before the position, or does not know its epoch at all."""
    return end is None or end.offset < position.offset


def truncation_text(partition: TopicPartition, end: Position | None) -> str:
    """The text of Kafka's LogTruncationException, if the consumer may not choose a position."""
    where = ""
    if end is not None:
        where = f"{partition}=OffsetAndMetadata{{offset={end.offset}, leaderEpoch={end.leader_epoch}, metadata=''}}"
    return f"Truncated partitions detected with divergent offsets {{{where}}}"


def _request(
    wanted: Mapping[TopicPartition, LedPosition], partitions: list[TopicPartition]
) -> OffsetForLeaderEpochRequest:
    return OffsetForLeaderEpochRequest(
        replica_id=CONSUMER_REPLICA_ID,
        topics=tuple(
            OffsetForLeaderTopic(
                topic=TopicName(topic),
                partitions=tuple(
                    OffsetForLeaderPartition(
                        partition=i32(index),
                        current_leader_epoch=i32(or_minus_one(its.leader_epoch)),
                        leader_epoch=i32(or_minus_one(its.position.leader_epoch)),
                    )
                    for index in indexes
                    for its in (wanted[TopicPartition(topic, index)],)
                ),
            )
            for topic, indexes in partitions_by_topic(partitions).items()
        ),
    )
