"""Sparse index from timestamp to record offset in one segment (.timeindex).

One entry is 12 bytes, big-endian: timestamp (int64, ms), relative offset (int32). It says that no batch up to that
offset (the last of a batch) has a later timestamp. Entries grow in both columns. The last one of a segment that is
closed holds the largest timestamp in it, which retention by time reads. Source: TimeIndex.
"""

import struct
from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple

from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.protocol.records.batch import NO_TIMESTAMP
from pykafka_cli.storage.files import Files
from pykafka_cli.storage.index_file import CorruptIndex, IndexFile

_ENTRY = struct.Struct(">qI")
_AS_STORED = struct.Struct(">qi")  # Kafka reads the offset with a sign, which only damage shows


class TimestampedOffset(NamedTuple):
    timestamp: Timestamp
    offset: Offset


def stored_entries(data: bytes, base_offset: Offset) -> list[TimestampedOffset]:
    """Every entry of a file as it is, zeros and damage included; a truncated entry at the end is omitted."""
    whole = data[: len(data) // _AS_STORED.size * _AS_STORED.size]
    return [TimestampedOffset(timestamp, base_offset + delta) for timestamp, delta in _AS_STORED.iter_unpack(whole)]


class TimeIndex:
    def __init__(self, files: Files, path: str, base_offset: Offset, max_size: int) -> None:
        self.file = IndexFile(files, path, _ENTRY.size, max_size)
        self._base_offset = base_offset
        self._columns: tuple[list[Timestamp], list[int]] | None = None  # timestamps, relative offsets

    @property
    def is_full(self) -> bool:
        """One slot is kept for the entry that closing adds."""
        return len(self._loaded()[0]) >= self.file.max_entries - 1

    def __len__(self) -> int:
        return len(self._loaded()[0])

    def start_empty(self) -> None:
        """Start a new index in a new segment, without reading the disk."""
        self._columns = ([], [])

    def append_if_later(self, timestamp: Timestamp, offset: Offset) -> None:
        """Add an entry unless one says as much already."""
        timestamps, offsets = self._loaded()
        if timestamp <= (timestamps[-1] if timestamps else NO_TIMESTAMP):
            return
        relative = offset - self._base_offset
        self.file.write(len(timestamps), _ENTRY.pack(timestamp, relative))
        timestamps.append(timestamp)
        offsets.append(relative)

    def lookup(self, timestamp: Timestamp) -> Offset:
        """An offset up to which every record is older than `timestamp` or as old."""
        timestamps, offsets = self._loaded()
        slot = bisect_right(timestamps, timestamp)
        return Offset(self._base_offset + offsets[slot - 1]) if slot else self._base_offset

    def last(self) -> TimestampedOffset:
        """The last entry; (-1, base offset) when there is none."""
        if self._columns is not None:
            timestamps, offsets = self._columns
            last = (timestamps[-1], offsets[-1]) if timestamps else (NO_TIMESTAMP, 0)
        else:
            entry = self.file.read_last()
            last = _ENTRY.unpack(entry) if entry else (NO_TIMESTAMP, 0)
            if last == (0, 0):  # a file still preallocated
                timestamps, offsets = self._loaded()
                last = (timestamps[-1], offsets[-1]) if timestamps else (NO_TIMESTAMP, 0)
        return TimestampedOffset(last[0], Offset(self._base_offset + last[1]))

    def truncate_to(self, offset: Offset) -> None:
        """Drop entries about batches that hold `offset` or a later one."""
        timestamps, offsets = self._loaded()
        slot = bisect_right(offsets, offset - self._base_offset - 1) if offset > self._base_offset else 0
        del timestamps[slot:], offsets[slot:]
        self.file.preallocate(slot)

    def entries(self) -> list[TimestampedOffset]:
        """All of them. raises CorruptIndex when the file cannot be true."""
        columns = zip(*self._loaded(), strict=True)
        return [TimestampedOffset(timestamp, Offset(self._base_offset + offset)) for timestamp, offset in columns]

    def rebuild(self, entries: list[TimestampedOffset]) -> None:
        """Replace everything."""
        columns = ([entry.timestamp for entry in entries], [entry.offset - self._base_offset for entry in entries])
        self._columns = columns
        self.file.rewrite(b"".join(_ENTRY.pack(*entry) for entry in zip(*columns, strict=True)))

    def preallocate(self) -> None:
        self.file.preallocate(len(self))

    def cut(self) -> None:
        self.file.cut(len(self))

    def unload(self) -> None:
        """Forget what is in memory; the file has it."""
        self._columns = None
        self.file.close()

    def _loaded(self) -> tuple[list[Timestamp], list[int]]:
        if self._columns is None:
            entries = list(_ENTRY.iter_unpack(self.file.read()))
            timestamps, offsets = [entry[0] for entry in entries], [entry[1] for entry in entries]
            if any(a >= b for a, b in pairwise(timestamps)) or any(a > b for a, b in pairwise(offsets)):
                raise CorruptIndex(f"{self.file.path}: entries do not grow")
            self._columns = (timestamps, offsets)
        return self._columns
