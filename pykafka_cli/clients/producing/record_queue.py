"""Records of one partition on their way to a broker: the batch being filled, then whole batches in order.

    append -> [batch being filled] -> sealed -> in flight -> done
                                        ^          |
                                        +----------+  put back, in order, when the broker could not take them

The queue decides what may be sent and under which sequence numbers; it neither sends nor waits, and the time is an
argument. Records are packed by aiokafka's compiled builder, since Python code per byte would cost more than all the
rest.
"""

import struct
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from aiokafka.record.default_records import DefaultRecord, DefaultRecordBatch, DefaultRecordBatchBuilder

from pykafka_cli.model import ProducerIdAndEpoch
from pykafka_cli.protocol.records.batch import (
    ATTRIBUTES_AT,
    HEADER_SIZE,
    LOG_OVERHEAD,
    TRANSACTIONAL,
    Compression,
    advance_sequence,
    seal,
)
from pykafka_cli.protocol.records.compression import compress

Header = tuple[str, bytes | None]

_PRODUCER_AT = 43
_PRODUCER = struct.Struct(">qhi")  # producer id, producer epoch, base sequence
_LENGTH_AT = 8
_LENGTH = struct.Struct(">i")
_ATTRIBUTES = struct.Struct(">h")
_NO_HEADERS: list[Header] = []


@dataclass(slots=True, eq=False)
class Batch:
    """A whole batch. `tags` are the caller's numbers for its records, such as line numbers."""

    partition: int
    data: bytearray
    tags: "array[int]"
    opened_at: float
    """Monotonic seconds; delivery.timeout.ms counts from here."""
    attempts: int = 0
    sequence: int = -1
    """Of its first record, once it was sent under one; kept when it is sent again, so that the broker knows it."""

    @property
    def record_count(self) -> int:
        return len(self.tags)

    def stamp(self, producer: ProducerIdAndEpoch, sequence: int) -> None:
        """Write producer and sequence into the batch and compute its CRC again."""
        self.sequence = sequence
        _PRODUCER.pack_into(self.data, _PRODUCER_AT, producer.producer_id, producer.producer_epoch, sequence)
        seal(self.data, 0, len(self.data) - LOG_OVERHEAD)


@dataclass(frozen=True, slots=True)
class Packing:
    """How records become batches. `size`: bytes before compression; a single record may be larger."""

    size: int = 16384
    compression: Compression = Compression.NONE
    compression_level: int | None = None
    transactional: bool = False


@dataclass(slots=True, eq=False)
class RecordQueue:
    """All that is on its way to one partition, in the order of the records.

    Every batch that was taken must be settled by one of `done`, `back`, `failed` or `split`. As soon as one was not
    simply done, nothing more is given out until all that is in flight was answered for; then what came back goes first.
    """

    partition: int
    packing: Packing
    sealed: deque[Batch] = field(default_factory=deque)
    in_flight: list[Batch] = field(default_factory=list)
    opened_at: float | None = None
    """When the batch being filled got its first record; None if there is no such batch."""
    held: int = 0
    """Bytes of the batches that are sealed or in flight."""
    not_before: float = 0.0
    """Monotonic seconds: when what came back may be sent again."""
    _next_sequence: int = 0
    _producer: ProducerIdAndEpoch | None = None
    _proven: bool = False
    _retrying: bool = False
    """Whether what was taken last had been sent before, under the same sequence number."""
    _instead: dict[int, Sequence[Batch]] = field(default_factory=dict)  # by id() of a batch in flight, what replaces it
    _builder: DefaultRecordBatchBuilder | None = None
    _tags: "array[int]" = field(default_factory=lambda: array("q"))

    # ---- filling

    def append(self, values: Sequence[bytes | None], first_tag: int, timestamp_ms: int, now: float) -> None:
        """Records that are values alone, with consecutive tags."""
        start, count = 0, len(values)
        while start < count:
            append = self._open(now).append
            offset = held = len(self._tags)
            for value in values[start:] if start else values:
                if append(offset, timestamp_ms, None, value, _NO_HEADERS) is None:
                    break
                offset += 1
            end = start + offset - held
            self._tags.extend(range(first_tag + start, first_tag + end))
            start = end
            if start < count:
                self.seal()

    def append_records(
        self, records: Sequence[tuple[bytes | None, bytes | None, list[Header], int]], timestamp_ms: int, now: float
    ) -> None:
        """Records that are (key, value, headers, tag)."""
        start, count = 0, len(records)
        while start < count:
            append = self._open(now).append
            offset = held = len(self._tags)
            for key, value, headers, _ in records[start:] if start else records:
                if append(offset, timestamp_ms, key, value, headers) is None:
                    break
                offset += 1
            end = start + offset - held
            self._tags.extend([tag for _, _, _, tag in records[start:end]])
            start = end
            if start < count:
                self.seal()

    def _open(self, now: float) -> DefaultRecordBatchBuilder:
        if self._builder is None:
            self._builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, self.packing.size)
            self.opened_at = now
        return self._builder

    def seal(self) -> None:
        """Close the batch being filled, if there is one: it can be sent, and nothing more goes into it."""
        if self._builder is None or self.opened_at is None:
            return
        data = finished(self._builder.build(), self.packing)
        self.sealed.append(Batch(self.partition, data, self._tags, self.opened_at))
        self.held += len(data)
        self._builder, self.opened_at, self._tags = None, None, array("q")

    @property
    def is_empty(self) -> bool:
        return not (self.sealed or self.in_flight or self._builder)

    # ---- sending

    def sendable(self, producer: ProducerIdAndEpoch | None, now: float) -> Batch | None:
        """The batch that `take` would give out, None if there is none to be sent now.

        Until the broker has accepted one batch of an idempotent producer, only one is under way: a broker that does not
        know the producer takes any sequence number, and would take the second batch when the first one failed.

        A batch that is sent again is under way alone as well. It may have been stored although the broker answered with
        an error, and a broker recognizes only the last five batches of a producer: were others sent meanwhile, it could
        be stored twice. Source: RecordAccumulator.shouldStopDrainBatchesForPartition.
        """
        if not self.sealed or self._instead or now < self.not_before:
            return None
        is_first_try = self.sealed[0].sequence < 0 and not self._retrying
        if self.in_flight and producer and not (producer == self._producer and self._proven and is_first_try):
            return None
        return self.sealed[0]

    def take(self, producer: ProducerIdAndEpoch | None) -> Batch:
        """Move the next batch in flight, with producer and sequence in it if the producer is idempotent."""
        if producer != self._producer:
            self._producer, self._next_sequence, self._proven = producer, 0, False
            self._forget_sequences()
        batch = self.sealed.popleft()
        batch.attempts += 1
        self._retrying = batch.sequence >= 0
        if producer and batch.sequence < 0:
            batch.stamp(producer, self._next_sequence)
            self._next_sequence = advance_sequence(self._next_sequence, batch.record_count)
        self.in_flight.append(batch)
        return batch

    def done(self, batch: Batch) -> None:
        """The broker has it."""
        self.in_flight.remove(batch)
        self.held -= len(batch.data)
        self._proven = True
        self._settle()

    def back(self, batch: Batch, not_before: float) -> None:
        """It may or may not have arrived, and is to be sent again, as it is, from `not_before` on."""
        self.not_before = max(self.not_before, not_before)
        self._replace(batch, [batch])

    def failed(self, batch: Batch) -> None:
        """Its records are given up."""
        self._replace(batch, [])

    def split(self, batch: Batch) -> None:
        """The broker found it too large: its records are to be sent in smaller batches, and so are all that follow."""
        self.packing = replace(self.packing, size=max(1, min(self.packing.size, len(batch.data)) // 2))
        self._replace(batch, halves(batch, self.packing))

    def drop(self) -> Batch:
        """Take out the batch that would be next, never to be sent."""
        batch = self.sealed.popleft()
        self.held -= len(batch.data)
        return batch

    def _replace(self, batch: Batch, instead: Sequence[Batch]) -> None:
        self.held += sum(len(each.data) for each in instead) - len(batch.data)
        self._instead[id(batch)] = instead
        self._settle()

    def _settle(self) -> None:
        if not self._instead or len(self._instead) < len(self.in_flight):
            return
        again: list[Batch] = []
        gap: int | None = None  # the first sequence that the broker will never see under the batch that had it
        for batch in self.in_flight:
            instead = self._instead[id(batch)]
            if gap is None and batch.sequence >= 0 and instead != [batch]:
                gap = batch.sequence
            again += instead
            if gap is not None:
                for each in instead:
                    each.sequence = -1
        self.in_flight.clear()
        self._instead.clear()
        if gap is not None:
            # What followed was rejected as out of order, so it can be sent again without being stored twice.
            self._forget_sequences()
            self._next_sequence = gap
        self.sealed.extendleft(reversed(again))

    def _forget_sequences(self) -> None:
        for batch in self.sealed:
            batch.sequence = -1


def finished(data: bytearray, packing: Packing) -> bytearray:
    """A batch as it came from the builder, compressed and marked."""
    if packing.compression is Compression.NONE and not packing.transactional:
        return data
    if packing.compression is not Compression.NONE:
        records = compress(packing.compression, memoryview(data)[HEADER_SIZE:], packing.compression_level)
        data = data[:HEADER_SIZE] + records
        _LENGTH.pack_into(data, _LENGTH_AT, len(data) - LOG_OVERHEAD)
    attributes = packing.compression | (TRANSACTIONAL if packing.transactional else 0)
    _ATTRIBUTES.pack_into(data, ATTRIBUTES_AT, attributes)
    seal(data, 0, len(data) - LOG_OVERHEAD)
    return data


def records_of(batch: Batch) -> list[DefaultRecord]:
    """The records of a batch, to be described or packed again."""
    return list(DefaultRecordBatch(bytes(batch.data)))


def halves(batch: Batch, packing: Packing) -> list[Batch]:
    """The same records in two batches."""
    records = records_of(batch)
    middle = len(records) // 2
    parts = []
    for start, end in ((0, middle), (middle, len(records))):
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, len(batch.data) * 64)
        for offset, record in enumerate(records[start:end]):
            builder.append(offset, record.timestamp, record.key, record.value, record.headers)
        parts.append(Batch(batch.partition, finished(builder.build(), packing), batch.tags[start:end], batch.opened_at))
    return parts
