"""Compaction: of all records with one key only the last is kept. This is the work; cleaner.py decides when.

Two passes over a log, both on handles that were opened before, in a separate thread:

1. `OffsetMap` learns from the dirty segments which offset is the last of each key.
2. `compact` copies the segments of a group into one new segment and leaves out what the map makes obsolete:

    a record whose key has a later offset     goes
    a record of an aborted transaction        goes
    a tombstone (null value)                  stays for delete.retention.ms, so that every reader can see it: the first
                                              cleaning notes in its batch when it may go (delete horizon, KIP-534)
    an end of transaction marker              likewise, once nothing of its transaction is left
    an idempotent producer's last batch       stays, without records, to keep its sequence
    a batch that keeps all its records        is copied as it is; else it is rebuilt with its first and last offset

Batches of the old formats become format 2 when something of them goes. Source: Cleaner, MemoryRecords.filterTo.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from pykafka_cli.model import FIRST_OFFSET, ConsumedRecord, Milliseconds, Offset, ProducerEpoch, ProducerId, Timestamp
from pykafka_cli.protocol.records.batch import HEADER_SIZE, NO_TIMESTAMP, BatchHeader
from pykafka_cli.protocol.records.compression import MAX_UNCOMPRESSED, decompress
from pykafka_cli.protocol.records.control import ControlType, read_marker
from pykafka_cli.protocol.records.keys import IS_COMPILED, record_keys
from pykafka_cli.protocol.records.record import Record, build_batch, build_empty_batch, read_records
from pykafka_cli.storage.files import File
from pykafka_cli.storage.scan import ScannedBatch, scan
from pykafka_cli.storage.segment import Segment
from pykafka_cli.storage.transaction_index import AbortedTransaction

BYTES_PER_KEY = 200
"""The approximate size of an entry of the map: log.cleaner.dedupe.buffer.size is divided by it."""

_DIGEST_SIZE = 32


class CleaningAborted(Exception):
    """The log changed while it was cleaned, or the broker stops; what was done is thrown away."""


@dataclass(slots=True)
class Source:
    """A segment to be read: everything that a thread needs, taken while the log could not change."""

    base_offset: Offset
    file: File
    size: int
    aborted: Sequence[AbortedTransaction]


class LastBatch(NamedTuple):
    """What must be kept of a producer: its last data batch, or (None) a marker of its epoch."""

    last_offset: Offset | None
    epoch: ProducerEpoch


class RecordKeys(NamedTuple):
    """The records of a batch, as far as their keys decide what becomes of them.

    keys         in a digest those that are long
    tombstones   the indexes of those without a value
    """

    keys: Sequence[bytes | None]
    offsets: Sequence[Offset]
    tombstones: frozenset[int]


_NONE = RecordKeys((), (), frozenset())


class OffsetMap:
    """The last offset of each key in the dirty part of a log, as far as `capacity` goes.

    Invariant: every offset from where filling began up to `end`, exclusive, is in it.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._offsets: dict[bytes | None, Offset] = {}
        self.end = FIRST_OFFSET

    def __len__(self) -> int:
        return len(self._offsets)

    @property
    def is_full(self) -> bool:
        return len(self._offsets) >= self._capacity

    def fill(self, sources: Iterable[Source], start: Offset, end: Offset, check: Callable[[], None]) -> None:
        """Read the records of [start, end) until the map is full, stopping after a whole batch.

        check   raises CleaningAborted when there is no use in continuing
        raises  CorruptRecords, OSError
        """
        transactions = CleanedTransactions()
        for source in sources:
            transactions.expect(source.aborted)
            for batch in scan(source.file.read_at, source.size):
                header = batch.header
                if header.base_offset >= end:
                    break
                if self.is_full:
                    return
                if header.is_control:
                    transactions.see_marker(batch)
                elif not transactions.see_data(header):
                    keys, offsets, _ = _keys_of(batch)
                    last: Iterable[tuple[bytes | None, Offset]] = zip(keys, offsets, strict=True)
                    if header.base_offset < start or None in keys:
                        last = ((key, offset) for key, offset in last if key is not None and offset >= start)
                    self._offsets.update(last)
                if header.last_offset >= start:
                    self.end = header.next_offset
                _let_others_run(check)
        self.end = max(self.end, end)

    def needed(self, records: "RecordKeys", *, is_past_horizon: bool) -> list[int]:
        """The indexes of records that no later record of the dirty part replaces, without tombstones past their
        horizon."""
        keys, offsets, end, last = records.keys, records.offsets, self.end, self._offsets
        needed = [
            index for index, (key, offset) in enumerate(zip(keys, offsets, strict=True)) if offset >= last.get(key, -1)
        ]
        if None in keys:
            needed = [index for index in needed if keys[index] is not None or offsets[index] >= end]
        if is_past_horizon and records.tombstones:
            needed = [index for index in needed if index not in records.tombstones or offsets[index] >= end]
        return needed


class CleanedTransactions:
    """Follows transactions through the batches of a log: which data was aborted, and which markers are still needed."""

    def __init__(self) -> None:
        self._expected: list[AbortedTransaction] = []
        self._aborting: dict[
            ProducerId, tuple[AbortedTransaction, bool]
        ] = {}  # producer -> (transaction, has data left)
        self._committing: set[ProducerId] = set()
        self.kept: list[AbortedTransaction] = []
        """Aborted transactions of which something is left: for the new segment's transaction index."""

    def expect(self, aborted: Iterable[AbortedTransaction]) -> None:
        """Aborted transactions that begin somewhere further on."""
        self._expected = sorted({*self._expected, *aborted}, key=lambda each: each.first_offset)

    def see_data(self, header: BatchHeader) -> bool:
        """Whether this data batch belongs to an aborted transaction."""
        self._begin_up_to(header.last_offset)
        if not header.is_transactional:
            return False
        found = self._aborting.get(header.producer_id)
        if found is None:
            self._committing.add(header.producer_id)
            return False
        self._aborting[header.producer_id] = (found[0], True)
        return True

    def see_marker(self, batch: ScannedBatch) -> bool:
        """Whether this control batch is of no use any more: no data of its transaction is left."""
        header = batch.header
        self._begin_up_to(header.last_offset)
        marker = read_marker(batch.data, batch.at)
        if marker is None:
            return header.record_count == 0
        if marker.type is ControlType.COMMIT:
            was_met = header.producer_id in self._committing
            self._committing.discard(header.producer_id)
            return not was_met
        transaction, has_data = self._aborting.pop(header.producer_id, (None, False))
        if transaction is not None and has_data:
            self.kept.append(transaction)
        return not has_data

    def _begin_up_to(self, offset: Offset) -> None:
        while self._expected and self._expected[0].first_offset <= offset:
            transaction = self._expected.pop(0)
            if transaction.producer_id not in self._aborting:
                self._aborting[transaction.producer_id] = (transaction, False)


def compact(
    sources: Sequence[Source],
    target: Segment,
    offsets: OffsetMap,
    transactions: CleanedTransactions,
    last_batches: Mapping[ProducerId, LastBatch],
    *,
    now_ms: Timestamp,
    delete_retention_ms: Milliseconds,
    check: Callable[[], None],
) -> None:
    """Copy what is still needed of `sources`, a group, into `target`, a new segment, and sync it.

    raises  CleaningAborted from `check`, CorruptRecords, OSError; the target's files are then to be removed
    """
    for source in sources:
        transactions.expect(source.aborted)
        for batch in scan(source.file.read_at, source.size):
            kept = _filter(batch, offsets, transactions, last_batches, now_ms, delete_retention_ms)
            if kept is not None:
                position = target.write(kept[1])
                header = kept[0]
                target.note(position, len(kept[1]), last_offset=header.last_offset, max_timestamp=kept[2])
            _let_others_run(check)
    for aborted in transactions.kept:
        target.transactions.append(aborted)
    transactions.kept.clear()
    target.seal()
    for handle in target.handles_to_sync():
        try:
            handle.sync()
        finally:
            handle.close()


def _filter(
    batch: ScannedBatch,
    offsets: OffsetMap,
    transactions: CleanedTransactions,
    last_batches: Mapping[ProducerId, LastBatch],
    now_ms: Timestamp,
    delete_retention_ms: Milliseconds,
) -> tuple[BatchHeader, memoryview | bytearray, Timestamp] | None:
    """(header, bytes, largest timestamp) of what is left of a batch; None for nothing."""
    header, horizon = batch.header, batch.header.delete_horizon_ms
    is_past_horizon = horizon is not None and horizon <= now_ms
    if header.is_control:
        is_obsolete = transactions.see_marker(batch)
        starts_waiting, count = is_obsolete and horizon is None, header.record_count
        kept = [] if is_obsolete and is_past_horizon else list(range(count))
    else:
        records = _NONE if transactions.see_data(header) else _keys_of(batch)
        kept, count = offsets.needed(records, is_past_horizon=is_past_horizon), len(records.keys)
        starts_waiting = horizon is None and not records.tombstones.isdisjoint(kept)
    if not kept:
        if not _is_last_of_producer(header, last_batches):
            return None
        return header, build_empty_batch(header), header.max_timestamp
    if len(kept) == count and not (starts_waiting and header.magic == 2):
        return header, batch.bytes, header.max_timestamp
    whole = _records_of(batch)
    built = [_as_built(whole[index]) for index in kept]
    rebuilt = build_batch(
        built,
        base_offset=header.base_offset if header.magic == 2 else built[0].offset,
        last_offset=header.last_offset,
        leader_epoch=header.leader_epoch,
        compression=header.compression,
        log_append_time_ms=header.max_timestamp if header.is_log_append_time else None,
        delete_horizon_ms=Timestamp(now_ms + delete_retention_ms) if starts_waiting else horizon,
        producer_id=header.producer_id,
        producer_epoch=header.producer_epoch,
        base_sequence=header.base_sequence,
        transactional=header.is_transactional,
        control=header.is_control,
    )
    largest = header.max_timestamp if header.is_log_append_time else max(record.timestamp for record in built)
    return header, rebuilt, largest


def _keys_of(batch: ScannedBatch) -> RecordKeys:
    """raises  CorruptRecords"""
    header, found = batch.header, None
    if header.magic == 2 and header.record_count > 0 and IS_COMPILED:
        payload = decompress(header.compression, batch.bytes[HEADER_SIZE:], MAX_UNCOMPRESSED)
        found = record_keys(bytes(payload), header.record_count, header.base_offset)
    if found is None:
        records = _records_of(batch)
        without_value = [index for index, record in enumerate(records) if record.value is None]
        found = [record.key for record in records], [record.offset for record in records], without_value
    keys, offsets, without_value = found
    keys = [key if key is None or len(key) < _DIGEST_SIZE else _digest(key) for key in keys]
    return RecordKeys(keys, cast("list[Offset]", offsets), frozenset(without_value))


def _records_of(batch: ScannedBatch) -> Sequence[Record | ConsumedRecord]:
    """The records of a batch, by the compiled reader where it can; raises CorruptRecords."""
    from pykafka_cli.protocol.records.compiled import compiled_records  # slow to load, and a start cleans nothing

    header = batch.header
    if header.magic == 2 and header.record_count > 0:
        records = compiled_records(header, decompress(header.compression, batch.bytes[HEADER_SIZE:], MAX_UNCOMPRESSED))
        if records is not None:
            return records
    return read_records(batch.data, batch.at)


def _as_built(record: Record | ConsumedRecord) -> Record:
    if isinstance(record, Record):
        return record
    timestamp = NO_TIMESTAMP if record.timestamp is None else record.timestamp
    return Record(record.offset, timestamp, record.key, record.value, tuple(record.headers))


def _is_last_of_producer(header: BatchHeader, last_batches: Mapping[ProducerId, LastBatch]) -> bool:
    last = last_batches.get(header.producer_id) if header.has_producer_id else None
    if last is None:
        return False
    if last.last_offset is not None:
        return header.last_offset == last.last_offset
    return header.is_control and header.producer_epoch == last.epoch


def _digest(key: bytes) -> bytes:
    # It represents a long key, and has a length that no other key has.
    return hashlib.blake2b(key, digest_size=_DIGEST_SIZE).digest()


def _let_others_run(check: Callable[[], None]) -> None:
    # The loop's thread waits for the interpreter lock: it is given up after each batch, not only when a turn is over.
    time.sleep(0)
    check()
