"""The queue of one partition: the batch being filled, then whole batches in order.

    append -> [batch being filled] -> sealed -> in flight -> done
                                        ^          |
                                        +----------+  put back, in order, if the broker did not accept them

The queue decides what may be sent and with which sequence numbers; it neither sends nor waits, and time is an argument.
aiokafka's compiled builder packs records, as Python code per byte would cost more than everything else.
"""

import struct
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import NamedTuple

from aiokafka.record.default_records import DefaultRecord, DefaultRecordBatch, DefaultRecordBatchBuilder

from pykafka_cli.model import BrokerId, ProducerIdAndEpoch, Timestamp
from pykafka_cli.properties.producer import MOST_IN_FLIGHT
from pykafka_cli.protocol.records.batch import (
    ATTRIBUTES_AT,
    HEADER_SIZE,
    LOG_OVERHEAD,
    NO_SEQUENCE,
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
_HALF_OF_ALL_SEQUENCES = 1 << 30


@dataclass(slots=True, eq=False)
class Batch:
    """A whole batch. `tags` are the caller's numbers for its records, such as line numbers."""

    partition: int
    data: bytearray
    tags: Sequence[int]
    opened_at: float
    """Monotonic seconds; delivery.timeout.ms counts from here."""
    attempts: int = 0
    sequence: int = NO_SEQUENCE
    """The first record's sequence number, once sent; a retry keeps it, so that the broker detects duplicates."""
    place: int = 0
    """Number of batches of its queue that were first sent before it."""

    @property
    def record_count(self) -> int:
        return len(self.tags)

    def stamp(self, producer: ProducerIdAndEpoch, sequence: int) -> None:
        """Write producer and sequence into the batch, and recompute its CRC."""
        self.sequence = sequence
        _PRODUCER.pack_into(self.data, _PRODUCER_AT, producer.producer_id, producer.producer_epoch, sequence)
        seal(self.data, 0, len(self.data) - LOG_OVERHEAD)


class Columns(NamedTuple):
    """Records by column; None if no record has a key, or headers. `tags` as in Batch."""

    values: Sequence[bytes | None]
    keys: Sequence[bytes | None] | None
    headers: Sequence[list[Header]] | None
    tags: Sequence[int]

    def at(self, positions: Sequence[int]) -> "Columns":
        """The records at these positions."""
        values, keys, headers, tags = self
        return Columns(
            [values[each] for each in positions],
            None if keys is None else [keys[each] for each in positions],
            None if headers is None else [headers[each] for each in positions],
            [tags[each] for each in positions],
        )


@dataclass(frozen=True, slots=True)
class Packing:
    """Settings of batches. `size`: bytes before compression; a single record may be larger."""

    size: int = 16384
    compression: Compression = Compression.NONE
    compression_level: int | None = None
    transactional: bool = False


@dataclass(slots=True, eq=False)
class RecordQueue:
    """The batches of one partition, in the order of the records.

    Every batch that was taken must be settled by one of `done`, `back`, `lost`, `failed` or `split`. After any
    but `done`, nothing more is taken until all batches in flight are settled; then those put back go first.

    An idempotent producer's batch is in doubt from its first sending until it is settled: the broker may have it. It
    keeps
    its producer id, epoch and sequence, since with others it would be stored twice. When a batch in doubt has failed,
    it is
    unknown which sequence the broker expects. Later batches in doubt resolve this; if there is none, the partition
    needs a
    new epoch.
    Source: TransactionManager.canRetry, maybeResolveSequences; KIP-360.
    """

    partition: int
    packing: Packing
    sealed: deque[Batch] = field(default_factory=deque)
    in_flight: list[Batch] = field(default_factory=list)
    opened_at: float | None = None
    """When the batch being filled got its first record; None without such a batch."""
    held: int = 0
    """Bytes of the batches that are closed or in flight."""
    not_before: float = 0.0
    """Monotonic seconds: when batches that were put back may be retried."""
    _next_sequence: int = 0
    _acknowledged: int = 0
    """The sequence after the last one that the broker accepted."""
    _producer: ProducerIdAndEpoch | None = None
    """The producer id and epoch of the sequences."""
    _first_sends: int = 0
    _is_lost: bool = False
    _leader: BrokerId | None = None
    """The leader to which a batch was sent last."""
    _proven: bool = False
    """Whether that leader has accepted a batch of this producer, and so knows it."""
    _retrying: bool = False
    """Whether the batch taken last is a retry with the same sequence number."""
    _instead: dict[int, Sequence[Batch]] = field(
        default_factory=dict
    )  # by id() of a batch in flight, the batches that replace it
    _builder: DefaultRecordBatchBuilder | None = None
    _tags: "array[int]" = field(default_factory=lambda: array("q"))

    # ---- filling

    def append(self, values: Sequence[bytes | None], first_tag: int, timestamp_ms: Timestamp, now: float) -> None:
        """Append records with only values, with consecutive tags."""
        if not values:
            return
        tags, sealed = range(first_tag, first_tag + len(values)), 0
        append, offset = self._open(now).append, len(self._tags)
        for value in values:
            if append(offset, timestamp_ms, None, value, _NO_HEADERS) is None:
                sealed = self._seal_full(offset, tags, sealed)
                append, offset = self._open(now).append, 0
                append(offset, timestamp_ms, None, value, _NO_HEADERS)  # the first one always fits
            offset += 1
        self._tags.extend(tags[sealed:])

    def append_records(self, records: Columns, timestamp_ms: Timestamp, now: float) -> None:
        """Append records with keys or headers."""
        values, keys, headers, tags = records
        if not values:
            return
        sealed = 0
        append, offset = self._open(now).append, len(self._tags)
        rows = zip(keys or repeat(None), values, headers or repeat(_NO_HEADERS), strict=False)
        for key, value, its_headers in rows:
            if append(offset, timestamp_ms, key, value, its_headers) is None:
                sealed = self._seal_full(offset, tags, sealed)
                append, offset = self._open(now).append, 0
                append(offset, timestamp_ms, key, value, its_headers)
            offset += 1
        self._tags.extend(tags[sealed:])

    def _seal_full(self, record_count: int, tags: Sequence[int], sealed: int) -> int:
        """Close the batch being filled, which has so many records. Those without a tag get the next of `tags`.

        sealed    how many of the tags earlier batches have got; returns how many it is then
        """
        end = sealed + record_count - len(self._tags)
        self._tags.extend(tags[sealed:end])
        self.seal()
        return end

    def append_batch(self, data: bytearray, tags: Sequence[int], now: float) -> None:
        """Append a whole batch, after earlier records."""
        self.seal()
        self.sealed.append(Batch(self.partition, data, tags, now))
        self.held += len(data)

    def _open(self, now: float) -> DefaultRecordBatchBuilder:
        if self._builder is None:
            self._builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, self.packing.size)
            self.opened_at = now
        return self._builder

    def seal(self) -> None:
        """Close the batch being filled, if any: it can be sent, and gets no more records."""
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

    def sendable(self, producer: ProducerIdAndEpoch | None, leader: BrokerId, now: float) -> Batch | None:
        """The batch that `take` would give out, None if there is none to be sent to this leader now.

        Until a leader has accepted one batch of an idempotent producer, only one is under way: a broker that does not
        know the producer takes any sequence number, and would take the second batch when the first one failed. So would
        a new leader that lacks what an earlier one has not answered for.

        A retried batch is in flight alone as well. It may have been stored although the broker responded with an error,
        and
        a broker recognizes only the last five batches of a producer. For the same reason, no more than that are sent
        after
        an unacknowledged one: another leader may have acknowledged all others.
        Source: RecordAccumulator.shouldStopDrainBatchesForPartition.
        """
        if not self.sealed or self._instead or now < self.not_before:
            return None
        batch = self.sealed[0]
        if producer is None or not self.in_flight:
            return None if self.needs_epoch_after(producer) else batch
        is_new = batch.sequence == NO_SEQUENCE and not self._retrying and producer == self._producer
        is_remembered = self._first_sends - self.in_flight[0].place < MOST_IN_FLIGHT
        return batch if is_new and self._proven and leader == self._leader and is_remembered else None

    def needs_epoch_after(self, producer: ProducerIdAndEpoch | None) -> bool:
        """Whether nothing more can be sent with this producer id and epoch.

        The broker expects, or may expect, a different next sequence, and there is no batch left to resolve it.
        """
        if producer is None or producer != self._producer or self.in_flight:
            return False
        return (
            bool(self.sealed) and self.sealed[0].sequence == NO_SEQUENCE and self._acknowledged != self._next_sequence
        )

    def take(self, producer: ProducerIdAndEpoch | None, leader: BrokerId) -> Batch:
        """Take the next batch, stamped with producer and sequence if the producer is idempotent."""
        batch = self.sealed.popleft()
        if leader != self._leader:
            self._leader, self._proven = leader, False
        batch.attempts += 1
        self._retrying = batch.sequence != NO_SEQUENCE
        if producer and batch.sequence == NO_SEQUENCE:
            if producer != self._producer:
                self._producer, self._next_sequence, self._acknowledged, self._proven = producer, 0, 0, False
            batch.stamp(producer, self._next_sequence)
            self._next_sequence = advance_sequence(self._next_sequence, batch.record_count)
            batch.place, self._first_sends = self._first_sends, self._first_sends + 1
        self.in_flight.append(batch)
        return batch

    def is_stored(self, batch: Batch) -> bool:
        """Whether the broker has accepted one behind this batch, and therefore this one as well."""
        following = advance_sequence(batch.sequence, batch.record_count)
        return (
            batch.sequence != NO_SEQUENCE and advance_sequence(self._acknowledged, -following) <= _HALF_OF_ALL_SEQUENCES
        )

    def done(self, batch: Batch) -> None:
        """Settle a batch that the broker has."""
        self.in_flight.remove(batch)
        self.held -= len(batch.data)
        self._proven = True
        following = advance_sequence(batch.sequence, batch.record_count)
        if advance_sequence(following, -self._acknowledged) <= _HALF_OF_ALL_SEQUENCES:  # responses come in any order
            self._acknowledged = following
        self._settle()

    def back(self, batch: Batch, not_before: float) -> None:
        """Settle a batch that may have arrived: retry it unchanged, not before `not_before`."""
        self.not_before = max(self.not_before, not_before)
        self._replace(batch, [batch])

    def lost(self, batch: Batch, not_before: float) -> None:
        """Settle a batch before which the broker misses one, or whose producer it does not know: it has none in flight.

        All of them are retried with a new epoch.
        """
        self._is_lost = True
        self.back(batch, not_before)

    def failed(self, batch: Batch) -> None:
        """Settle a batch that has failed; the broker may have it."""
        self._replace(batch, [])

    def split(self, batch: Batch) -> None:
        """Settle a batch that is too large: its records, and all following ones, go in smaller batches."""
        self.packing = replace(self.packing, size=max(1, min(self.packing.size, len(batch.data)) // 2))
        parts, sequence = halves(batch, self.packing), batch.sequence
        if self._producer and sequence != NO_SEQUENCE:
            for part in parts:
                part.stamp(self._producer, sequence)
                sequence = advance_sequence(sequence, part.record_count)
        self._replace(batch, parts)

    def drop(self) -> Batch:
        """Remove the next batch without sending it (again)."""
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
        again = [each for batch in self.in_flight for each in self._instead[id(batch)]]
        self.in_flight.clear()
        self._instead.clear()
        self.sealed.extendleft(reversed(again))
        if self._is_lost:
            self._is_lost, self._acknowledged = False, -1
            for batch in self.sealed:
                batch.sequence = NO_SEQUENCE


def finished(data: bytearray, packing: Packing) -> bytearray:
    """A batch of the builder, compressed and marked."""
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
    """The records of a batch, for reports or repacking."""
    return list(DefaultRecordBatch(bytes(batch.data)))


def halves(batch: Batch, packing: Packing) -> list[Batch]:
    """The records of a batch in two batches."""
    records = records_of(batch)
    middle = len(records) // 2
    parts = []
    for start, end in ((0, middle), (middle, len(records))):
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, len(batch.data) * 64)
        for offset, record in enumerate(records[start:end]):
            builder.append(offset, record.timestamp, record.key, record.value, record.headers)
        parts.append(Batch(batch.partition, finished(builder.build(), packing), batch.tags[start:end], batch.opened_at))
    return parts
