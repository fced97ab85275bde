"""Log files as they are, damage included, to be dumped. Nothing is changed or created.

An index is checked against the log next to it as kafka-dump-log does, and searched as Kafka's broker does: the result
matters where entries do not grow, as in a file that is preallocated or damaged.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Self, TypeVar

from pykafka_cli.model import NO_OFFSET, Offset, Timestamp
from pykafka_cli.protocol.records.batch import NO_TIMESTAMP, CorruptRecords
from pykafka_cli.storage import offset_index, time_index
from pykafka_cli.storage.files import DiskFile, open_to_read
from pykafka_cli.storage.index_file import CorruptIndex
from pykafka_cli.storage.offset_index import OffsetPosition
from pykafka_cli.storage.scan import ScannedBatch, scan_as_stored
from pykafka_cli.storage.time_index import TimestampedOffset

OFFSET_ENTRY_SIZE, TIME_ENTRY_SIZE = 8, 12
_NOT_FOUND = NO_OFFSET

Entry = TypeVar("Entry", OffsetPosition, TimestampedOffset)
LatestTimestamp = Callable[[ScannedBatch], int]
"""The largest timestamp of a batch's records, which its header need not have."""


class StoredLog:
    """A segment's .log file, or a snapshot of KRaft's, which has the same form."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: DiskFile = open_to_read(path)
        self.size = os.stat(path).st_size

    def batches(self, position: int = 0, size: int | None = None) -> Iterator[ScannedBatch]:
        """Whole batches from `position`, within `size` bytes if that is given.

        raises  CorruptRecords where no batch can be
        """
        if position < 0:
            raise CorruptRecords(f"Invalid position: {position} in read from {self}")
        if position > self.size:
            raise CorruptRecords(f"Slice from position {position} exceeds end position of {self}")
        if size is not None and size < 0:
            raise CorruptRecords(f"Invalid size: {size} in read from {self}")
        end = self.size if size is None else min(self.size, position + size)
        return scan_as_stored(self._file.read_at, end, self.path, position)

    def __str__(self) -> str:
        """As Kafka's FileRecords calls itself in its messages."""
        return f"FileRecords(size={self.size}, file={self.path}, start=0, end=2147483647)"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class CheckedOffset(NamedTuple):
    """An entry of an offset index, and the last offset of the batch at its position."""

    offset: Offset
    position: int
    offset_in_log: Offset


class CheckedTimestamp(NamedTuple):
    """An entry of a time index and what is wrong with it.

    offset_in_log   of the batch that should end at `offset`, if it ends elsewhere; -1 if there is none
    latest          the largest timestamp in that batch, if it is another one
    previous        the timestamp of the entry before, if that is not smaller
    """

    timestamp: Timestamp
    offset: Offset
    offset_in_log: Offset | None = None
    latest: int | None = None
    previous: int | None = None


class StoredOffsetIndex:
    """An .index file. raises OSError."""

    def __init__(self, path: str, base_offset: Offset) -> None:
        with open(path, "rb") as file:
            data = file.read()
        self.path, self.base_offset, self._size = path, base_offset, len(data)
        self.entries = offset_index.stored_entries(data, base_offset)

    def check_sanity(self) -> None:
        """What a broker checks when it starts. raises CorruptIndex, in Kafka's words."""
        path = os.path.abspath(self.path)
        if self.entries and (last := self.entries[-1].offset) < self.base_offset:
            raise CorruptIndex(
                f"Corrupt index found, index file {path} has non-zero size but the last offset is {last} which is less "
                f"than the base offset {self.base_offset}"
            )
        if self._size % OFFSET_ENTRY_SIZE:
            raise CorruptIndex(
                f"Index file {path} is corrupt, found {self._size} bytes which is neither positive nor a multiple of "
                f"{OFFSET_ENTRY_SIZE}"
            )

    def checked(self, log: StoredLog, max_batch_size: int) -> Iterator[CheckedOffset]:
        """Every entry up to the zeros of a preallocated file.

        max_batch_size  how many bytes are searched for the batch
        raises          CorruptRecords if there is none
        """
        for offset, position in _up_to_zeros(self.entries, self.base_offset):
            if (batch := next(log.batches(position, max_batch_size), None)) is None:
                raise CorruptRecords(f"no batch in the {max_batch_size} bytes from position {position} of {log.path}")
            yield CheckedOffset(offset, position, batch.header.last_offset)

    def lookup(self, offset: Offset) -> int:
        """A position at or before `offset`, if the entries grow."""
        slot = _largest_lower_bound(self.entries, offset, warm=8192 // OFFSET_ENTRY_SIZE)
        return self.entries[slot].position if slot >= 0 else 0


class StoredTimeIndex:
    """A .timeindex file. raises OSError."""

    def __init__(self, path: str, base_offset: Offset) -> None:
        with open(path, "rb") as file:
            data = file.read()
        self.path, self.base_offset, self._size = path, base_offset, len(data)
        self.entries = time_index.stored_entries(data, base_offset)

    def check_sanity(self) -> None:
        """What a broker checks when it starts. raises CorruptIndex, in Kafka's words."""
        path, entries = os.path.abspath(self.path), self.entries
        found = f"Corrupt time index found, time index file ({path}) has non-zero size but"
        if entries and entries[-1].timestamp < entries[0].timestamp:
            raise CorruptIndex(
                f"{found} the last timestamp is {entries[-1].timestamp} which is less than the first timestamp "
                f"{entries[0].timestamp}"
            )
        if entries and entries[-1].offset < self.base_offset:
            raise CorruptIndex(
                f"{found} the last offset is {entries[-1].offset} which is less than the first offset "
                f"{self.base_offset}"
            )
        if self._size % TIME_ENTRY_SIZE:
            raise CorruptIndex(
                f"Time index file {path} is corrupt, found {self._size} bytes which is neither positive nor a multiple "
                f"of {TIME_ENTRY_SIZE}"
            )

    def checked(
        self, log: StoredLog, index: StoredOffsetIndex, latest_timestamp: LatestTimestamp
    ) -> Iterator[CheckedTimestamp]:
        """Every entry up to the zeros of a preallocated file.

        raises  CorruptRecords where the log cannot be read
        """
        previous = NO_TIMESTAMP
        for entry in _up_to_zeros(self.entries, self.base_offset):
            timestamp, offset = entry
            batches = log.batches(index.lookup(offset))
            batch = next((each for each in batches if each.header.last_offset >= offset), None)
            if batch is None or batch.header.last_offset != offset:
                found = batch.header.last_offset if batch else _NOT_FOUND
                yield CheckedTimestamp(timestamp, offset, offset_in_log=found)
            else:
                latest = latest_timestamp(batch)
                yield CheckedTimestamp(
                    timestamp,
                    offset,
                    latest=latest if latest != timestamp else None,
                    previous=previous if previous >= timestamp else None,
                )
            previous = timestamp


def _up_to_zeros(entries: Sequence[Entry], base_offset: Offset) -> Iterator[Entry]:
    for place, entry in enumerate(entries):
        if place and entry.offset == base_offset:
            return
        yield entry


def _largest_lower_bound(entries: Sequence[OffsetPosition], offset: Offset, warm: int) -> int:
    """The slot of AbstractIndex.largestLowerBoundSlotFor; -1 when the first entry is larger already.

    warm  how many entries at the end are searched first
    """
    if not entries:
        return -1
    first_warm = max(0, len(entries) - 1 - warm)
    if entries[first_warm].offset < offset:
        low, high = first_warm, len(entries) - 1
    elif entries[0].offset > offset:
        return -1
    else:
        low, high = 0, first_warm
    while low < high:
        middle = (low + high + 1) // 2
        found = entries[middle].offset
        if found == offset:
            return middle
        low, high = (low, middle - 1) if found > offset else (middle, high)
    return low
