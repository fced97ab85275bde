"""Fetch 17 from the follower's side: the request through kio, the answer by hand, so that record bytes are not copied.

The answer, big-endian; lengths are unsigned varints and one more than what they count, 0 standing for null:

    throttle int32, error int16, session id int32
    topics:       topic id (16 bytes)
      partitions: partition int32, error int16, high watermark int64, last stable int64, log start int64,
                  aborted transactions [producer id int64, first offset int64], preferred replica int32, records,
                  tagged fields: 0 = diverging epoch (epoch int32, end offset int64), 1 = leader, 2 = snapshot
    tagged fields: 0 = endpoints of the leaders

Source: FetchRequest.json, FetchResponse.json of Apache Kafka 3.9.
"""

import io
import struct
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from kio.schema.errors import ErrorCode
from kio.schema.fetch.v17.request import FetchPartition, FetchRequest, FetchTopic, ForgottenTopic, ReplicaState
from kio.schema.types import BrokerId
from kio.serial import entity_writer
from kio.static.primitive import i32, i32Timedelta, i64

FETCH = 1
VERSION = 17
HEADER_VERSION = 2

_HEAD = struct.Struct(">ihi")
_PARTITION = struct.Struct(">ihqqq")
_EPOCH_END = struct.Struct(">iq")
_ABORTED_SIZE = 16
_DIVERGING_EPOCH = 0


class MalformedAnswer(ValueError):
    """The bytes are not an answer to Fetch 17."""


class FetchedPartition(NamedTuple):
    """What the leader says of one partition. `records` is a view into the answer."""

    topic_id: uuid.UUID
    partition: int
    error_code: ErrorCode
    high_watermark: int
    log_start_offset: int
    diverging_epoch: tuple[int, int] | None
    records: memoryview


class FetchAnswers(NamedTuple):
    """The whole answer."""

    error_code: ErrorCode
    session_id: int
    partitions: list[FetchedPartition]


def encode_fetch(
    *,
    replica_id: int,
    broker_epoch: int,
    max_wait_ms: int,
    min_bytes: int,
    max_bytes: int,
    session_id: int,
    session_epoch: int,
    partitions: Iterable[tuple[uuid.UUID, FetchPartition]],
    forgotten: Iterable[tuple[uuid.UUID, int]],
) -> bytes:
    """The body of a follower's request. Partitions of one topic that follow each other are sent as one topic."""
    topics: list[tuple[uuid.UUID, list[FetchPartition]]] = []
    for topic_id, partition in partitions:
        if not topics or topics[-1][0] != topic_id:
            topics.append((topic_id, []))
        topics[-1][1].append(partition)
    forgotten_topics: dict[uuid.UUID, list[int]] = {}
    for topic_id, index in forgotten:
        forgotten_topics.setdefault(topic_id, []).append(index)
    body = io.BytesIO()
    entity_writer(FetchRequest)(
        body,
        FetchRequest(
            replica_state=ReplicaState(replica_id=BrokerId(replica_id), replica_epoch=i64(broker_epoch)),
            max_wait=i32Timedelta.parse(timedelta(milliseconds=max_wait_ms)),
            min_bytes=i32(min_bytes),
            max_bytes=i32(max_bytes),
            session_id=i32(session_id),
            session_epoch=i32(session_epoch),
            topics=tuple(FetchTopic(topic_id=topic_id, partitions=tuple(group)) for topic_id, group in topics),
            forgotten_topics_data=tuple(
                ForgottenTopic(topic_id=topic_id, partitions=tuple(map(i32, group)))
                for topic_id, group in forgotten_topics.items()
            ),
        ),
    )
    return body.getvalue()


def decode_answers(data: memoryview) -> FetchAnswers:
    """raises   MalformedAnswer"""
    try:
        return _Answer(data).read()
    except (struct.error, IndexError, ValueError) as error:
        raise MalformedAnswer(f"not an answer to Fetch {VERSION}: {error}") from error


class _Answer:
    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def read(self) -> FetchAnswers:
        _, error, session_id = self._unpack(_HEAD)
        partitions: list[FetchedPartition] = []
        for _ in range(self._count()):
            topic_id = uuid.UUID(bytes=bytes(self._take(16)))
            partitions.extend(self._partition(topic_id) for _ in range(self._count()))
            self._tagged_fields()
        self._tagged_fields()
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at} bytes too many")
        return FetchAnswers(ErrorCode(error), session_id, partitions)

    def _partition(self, topic_id: uuid.UUID) -> FetchedPartition:
        index, error, high_watermark, _, log_start = self._unpack(_PARTITION)
        for _ in range(self._count()):
            self._take(_ABORTED_SIZE)
            self._tagged_fields()
        self._take(4)  # the preferred replica is for consumers
        records = self._take(self._count())
        diverging = self._tagged_fields().get(_DIVERGING_EPOCH)
        epoch_end = _EPOCH_END.unpack_from(diverging) if diverging is not None else None
        return FetchedPartition(topic_id, index, ErrorCode(error), high_watermark, log_start, epoch_end, records)

    def _unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        return layout.unpack(self._take(layout.size))

    def _take(self, size: int) -> memoryview:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise ValueError(f"{size} bytes expected at {self._at}, {len(taken)} left")
        self._at += size
        return taken

    def _count(self) -> int:
        """A length or a number of entries; null counts as none."""
        return max(0, self._varint() - 1)

    def _varint(self) -> int:
        value = shift = 0
        while shift < 35:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise ValueError(f"a varint of more than five bytes ends at {self._at}")

    def _tagged_fields(self) -> dict[int, memoryview]:
        fields = {}
        for _ in range(self._varint()):
            tag = self._varint()
            fields[tag] = self._take(self._varint())
        return fields
