"""Snapshots of a partition's producers (.snapshot). 00000000000000000042.snapshot covers offsets below 42:

    version int16 = 1 | crc uint32 (CRC-32C of the rest) | count int32 | count times:
      producer_id int64 | epoch int16 | last_sequence int32 | last_offset int64 | offset_delta int32 | timestamp int64
      | coordinator_epoch int32 | current_txn_first_offset int64 (-1: none)

A snapshot has the last batch of each producer alone. Source: KIP-98, ProducerStateManager.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from crc32c import crc32c

from pykafka_cli.model import NO_OFFSET, CoordinatorEpoch, Offset, ProducerEpoch, ProducerId, Timestamp
from pykafka_cli.protocol.records.batch import NO_SEQUENCE, NO_TIMESTAMP

SNAPSHOT_SUFFIX = ".snapshot"

NO_COORDINATOR_EPOCH = CoordinatorEpoch(-1)
"""In the file: no transaction of this producer has ended here yet."""

_HEAD = struct.Struct(">hIi")
_CRC_FROM = 6
_ENTRY = struct.Struct(">qhiqiqiq")
_SNAPSHOT_VERSION = 1
_INVALID_SCHEMA = "Snapshot failed schema validation: "
_IN_ENTRIES = "Error reading field 'producer_entries': "
_HEAD_FIELDS = {"version": 2, "crc": 4, "producer_entries": 4}
_ENTRY_FIELDS = {
    "producer_id": 8,
    "epoch": 2,
    "last_sequence": 4,
    "last_offset": 8,
    "offset_delta": 4,
    "timestamp": 8,
    "coordinator_epoch": 4,
    "current_txn_first_offset": 8,
}


class CorruptSnapshot(Exception):
    """A snapshot that cannot be used; the state is rebuilt from an older one and the log."""


class BatchRange(NamedTuple):
    """One batch that was appended: its last sequence and offset, the number of records - 1, its largest timestamp."""

    last_sequence: int
    last_offset: Offset
    offset_delta: int
    timestamp: Timestamp

    @property
    def first_offset(self) -> Offset:
        return Offset(self.last_offset - self.offset_delta)


@dataclass(slots=True)
class ProducerEntry:
    """One producer id. `batches`: at most five, oldest first, all of the current epoch."""

    producer_id: ProducerId
    epoch: ProducerEpoch
    last_timestamp: Timestamp
    coordinator_epoch: CoordinatorEpoch | None = None
    current_txn_first_offset: Offset | None = None
    batches: list[BatchRange] = field(default_factory=list)

    @property
    def last_sequence(self) -> int:
        """NO_SEQUENCE, the one before 0, if the current epoch has none."""
        return self.batches[-1].last_sequence if self.batches else NO_SEQUENCE

    def move_to_epoch(self, epoch: ProducerEpoch) -> None:
        if self.epoch != epoch:
            self.epoch = epoch
            self.batches.clear()


def encode_snapshot(producers: Iterable[ProducerEntry]) -> bytes:
    """The file's bytes, producers in the order of their ids."""
    entries: list[bytes] = []
    for producer in sorted(producers, key=lambda each: each.producer_id):
        last = producer.batches[-1] if producer.batches else BatchRange(NO_SEQUENCE, NO_OFFSET, 0, NO_TIMESTAMP)
        first_offset = producer.current_txn_first_offset
        entries.append(
            _ENTRY.pack(
                producer.producer_id,
                producer.epoch,
                last.last_sequence,
                last.last_offset,
                last.offset_delta,
                producer.last_timestamp,
                NO_COORDINATOR_EPOCH if producer.coordinator_epoch is None else producer.coordinator_epoch,
                NO_OFFSET if first_offset is None else first_offset,
            )
        )
    count = struct.pack(">i", len(entries))
    body = count + b"".join(entries)
    return struct.pack(">hI", _SNAPSHOT_VERSION, crc32c(body)) + body


def decode_snapshot(data: bytes) -> list[ProducerEntry]:
    """raises  CorruptSnapshot, in Kafka's words, for another version, a wrong CRC or a wrong length."""
    if len(data) < _HEAD.size:
        raise CorruptSnapshot(_INVALID_SCHEMA + _cut_short(len(data), _HEAD_FIELDS))
    version, crc, count = _HEAD.unpack_from(data)
    left = len(data) - _HEAD.size
    if count < 0:
        raise CorruptSnapshot(f"{_INVALID_SCHEMA}{_IN_ENTRIES}Array size {count} cannot be negative")
    if count > left:
        raise CorruptSnapshot(
            f"{_INVALID_SCHEMA}{_IN_ENTRIES}Error reading array of size {count}, only {left} bytes available"
        )
    if count * _ENTRY.size > left:
        raise CorruptSnapshot(_INVALID_SCHEMA + _IN_ENTRIES + _cut_short(left % _ENTRY.size, _ENTRY_FIELDS))
    if version != _SNAPSHOT_VERSION:
        raise CorruptSnapshot(f"Snapshot contained an unknown file version {version}")
    if (computed := crc32c(data[_CRC_FROM:])) != crc:
        raise CorruptSnapshot(
            f"Snapshot is corrupt (CRC is no longer valid). Stored crc: {crc}. Computed crc: {computed}"
        )
    producers: list[ProducerEntry] = []
    for producer_id, epoch, sequence, offset, delta, timestamp, coordinator_epoch, first in _ENTRY.iter_unpack(
        data[_HEAD.size : _HEAD.size + count * _ENTRY.size]
    ):
        batches = [BatchRange(sequence, offset, delta, timestamp)] if offset >= 0 else []
        open_since = first if first >= 0 else None
        coordinator = None if coordinator_epoch == NO_COORDINATOR_EPOCH else coordinator_epoch
        producers.append(ProducerEntry(producer_id, epoch, timestamp, coordinator, open_since, batches))
    return producers


def _cut_short(left: int, sizes: Mapping[str, int]) -> str:
    """Kafka's words for fields of which only `left` bytes are there."""
    ends = zip(sizes, accumulate(sizes.values()), strict=True)
    name = next(name for name, end in ends if left < end)
    return f"Error reading field '{name}': java.nio.BufferUnderflowException"
