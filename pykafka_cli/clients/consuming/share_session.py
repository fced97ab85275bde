"""The share session of a member with one broker: fetching and acknowledging records (KIP-932).

    fetch(epoch 0, partitions) ──> acquired records ──> fetch(epoch 1, acknowledgements) ... ──> acknowledge(epoch -1)

Records are acquired for group.share.record.lock.duration.ms; those not acknowledged when the session ends go to another
member. Offsets that are acquired and hold no record, such as a transaction's marker,
are acknowledged as gaps.

source  org.apache.kafka.clients.consumer.internals.ShareSessionHandler, ShareCompletedFetch
"""

import datetime
import uuid
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from kio.schema.errors import ErrorCode
from kio.schema.share_acknowledge.v1 import request as share_acknowledge
from kio.schema.share_fetch.v1 import request as share_fetch
from kio.schema.types import GroupId
from kio.static.primitive import i8, i32, i32Timedelta, i64

from pykafka_cli.clients.consuming.fetched_records import decode
from pykafka_cli.clients.coordinator import ask_over
from pykafka_cli.clients.error_traits import LOST_SHARE_SESSION, STALE_METADATA
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import ConsumedRecord, Offset, Seconds, Timestamp, TopicPartition
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.transport.connection import Connection

OPENING, FINAL = 0, -1
_MOVED = STALE_METADATA | {ErrorCode.unknown_leader_epoch}
"""Errors of a partition whose leader has to be looked up again."""

TopicPartitionId = tuple[uuid.UUID, int]


class Acknowledgement(IntEnum):
    """The outcome of a record."""

    GAP = 0
    ACCEPT = 1
    RELEASE = 2
    REJECT = 3


class SharedRecord(NamedTuple):
    """A record and its delivery count."""

    offset: Offset
    timestamp: Timestamp | None
    timestamp_type: int | None
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    delivery_count: int


class Acquired(NamedTuple):
    """Records of one partition that this member has to acknowledge."""

    id: TopicPartitionId
    partition: TopicPartition
    records: list[SharedRecord]


class ShareSession:
    """A session with one broker. Acknowledgements are sent with the next `fetch`, or at the end."""

    def __init__(self, connection: Connection, group_id: str, member_id: str, settings: ConsumerSettings) -> None:
        self._connection = connection
        self._group_id, self._member_id, self._settings = group_id, member_id, settings
        self._epoch = OPENING
        self._has: frozenset[TopicPartitionId] = frozenset()
        self._pending: dict[TopicPartitionId, dict[int, Acknowledgement]] = {}

    @property
    def is_open(self) -> bool:
        return self._connection.is_open

    def acknowledge(self, partition: TopicPartitionId, offsets: Iterable[int], what: Acknowledgement) -> None:
        self._pending.setdefault(partition, {}).update(dict.fromkeys(offsets, what))

    async def fetch(self, wanted: frozenset[TopicPartitionId], names: dict[uuid.UUID, str]) -> list[Acquired] | None:
        """Acquire records of these partitions; None if the broker does not lead one of them.

        raises    ApiError, ConnectionFailed, CorruptRecords
        """
        pending, self._pending = ({} if self._epoch == OPENING else self._pending), {}
        answer = await ask_over(self._connection, self._fetch_request(wanted, pending), oldest=1)
        code = ErrorCode(answer.error_code)
        if code in LOST_SHARE_SESSION:
            self._epoch, self._has = OPENING, frozenset()
            return []
        if code is not ErrorCode.none:
            raise ApiError(code, answer.error_message)
        self._epoch, self._has = self._epoch + 1, wanted
        acquired, is_right = [], True
        for topic in answer.responses:
            for each in topic.partitions:
                partition = (topic.topic_id, int(each.partition_index))
                if (code := ErrorCode(each.error_code)) in _MOVED:
                    is_right = False
                elif code is not ErrorCode.none:
                    raise ApiError(code, each.error_message)
                elif each.acquired_records:
                    acquired.append(self._acquired(partition, names[topic.topic_id], each))
        return acquired if acquired or is_right else None

    def _acquired(self, partition: TopicPartitionId, topic: str, answer: Any) -> Acquired:
        named = TopicPartition(topic, partition[1])
        ranges = [(each.first_offset, each.last_offset, int(each.delivery_count)) for each in answer.acquired_records]
        counts = {offset: count for first, last, count in ranges for offset in range(first, last + 1)}
        data = bytes(answer.records or b"")
        read: list[ConsumedRecord] = decode(named, data, Offset(ranges[0][0])).records if data else []
        records = [_shared(record, counts.pop(record.offset)) for record in read if record.offset in counts]
        self.acknowledge(partition, counts, Acknowledgement.GAP)
        return Acquired(partition, named, records)

    async def end(self, timeout: float) -> None:
        """Send pending acknowledgements, and release the rest.

        raises    ApiError, ConnectionFailed
        """
        if self._epoch == OPENING or not self._connection.is_open:
            return
        request = share_acknowledge.ShareAcknowledgeRequest(
            group_id=GroupId(self._group_id),
            member_id=self._member_id,
            share_session_epoch=i32(FINAL),
            topics=_by_topic(share_acknowledge.AcknowledgeTopic, share_acknowledge.AcknowledgePartition,
                             share_acknowledge.AcknowledgementBatch, self._pending.keys(), self._pending),
        )  # fmt: skip
        answer = await ask_over(self._connection, request, oldest=1, timeout=Seconds(timeout))
        for code, message in [
            (answer.error_code, answer.error_message),
            *((each.error_code, each.error_message) for topic in answer.responses for each in topic.partitions),
        ]:
            if ErrorCode(code) is not ErrorCode.none:
                raise ApiError(ErrorCode(code), message)

    def _fetch_request(
        self, wanted: frozenset[TopicPartitionId], pending: dict[TopicPartitionId, dict[int, Acknowledgement]]
    ) -> share_fetch.ShareFetchRequest:
        settings = self._settings
        forgotten: dict[uuid.UUID, list[i32]] = {}
        for topic, index in sorted(self._has - wanted):
            forgotten.setdefault(topic, []).append(i32(index))
        return share_fetch.ShareFetchRequest(
            group_id=GroupId(self._group_id),
            member_id=self._member_id,
            share_session_epoch=i32(self._epoch),
            max_wait=i32Timedelta.parse(datetime.timedelta(milliseconds=settings.fetch_max_wait_ms)),
            min_bytes=i32(settings.fetch_min_bytes),
            max_bytes=i32(settings.fetch_max_bytes),
            max_records=i32(settings.max_poll_records),
            batch_size=i32(settings.max_poll_records),
            topics=_by_topic(share_fetch.FetchTopic, share_fetch.FetchPartition, share_fetch.AcknowledgementBatch,
                             wanted | pending.keys(), pending),
            forgotten_topics_data=tuple(
                share_fetch.ForgottenTopic(topic_id=topic, partitions=tuple(indexes))
                for topic, indexes in forgotten.items()
            ),
        )  # fmt: skip


def _shared(record: ConsumedRecord, delivery_count: int) -> SharedRecord:
    return SharedRecord(
        record.offset, record.timestamp, record.timestamp_type, record.key, record.value, record.headers, delivery_count
    )


def _by_topic(
    topic_type: Any,
    partition_type: Any,
    batch_type: Any,
    partitions: Iterable[TopicPartitionId],
    pending: dict[TopicPartitionId, dict[int, Acknowledgement]],
) -> Any:
    """The topics of a request, with the acknowledgements of each partition."""
    topics: dict[uuid.UUID, list[Any]] = {}
    for topic, index in sorted(partitions):
        batches = tuple(
            batch_type(first_offset=i64(first), last_offset=i64(last), acknowledge_types=(i8(what),))
            for first, last, what in batches_of(pending.get((topic, index), {}))
        )
        each = partition_type(partition_index=i32(index), acknowledgement_batches=batches)
        topics.setdefault(topic, []).append(each)
    return tuple(topic_type(topic_id=topic, partitions=tuple(each)) for topic, each in topics.items())


def batches_of(offsets: dict[int, Acknowledgement]) -> list[tuple[int, int, Acknowledgement]]:
    """Ranges of consecutive offsets with the same outcome: first, last, outcome."""
    batches: list[tuple[int, int, Acknowledgement]] = []
    for offset, what in sorted(offsets.items()):
        if batches and batches[-1][1] == offset - 1 and batches[-1][2] is what:
            batches[-1] = (batches[-1][0], offset, what)
        else:
            batches.append((offset, offset, what))
    return batches
