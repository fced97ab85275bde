"""One segment of a partition's log: a .log file of whole record batches, with the indexes next to it.

    00000000000000000042.log         consecutive batches, in the format of protocol/records/batch.py
    00000000000000000042.index       offset -> position        (offset_index.py)
    00000000000000000042.timeindex   timestamp -> offset       (time_index.py)
    00000000000000000042.txnindex    aborted transactions      (transaction_index.py)

The name is the base offset in 20 digits. Only the last segment of a log is written; when it is rolled, its indexes are
trimmed, and it never changes again until it is deleted or replaced by a cleaned one. Source: LogSegment.
"""

import logging
import os
from collections.abc import Iterator
from typing import NamedTuple

from pykafka_cli.model import Milliseconds, Offset, Timestamp
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import (
    HEADER_SIZE,
    LEGACY_HEADER_SIZE,
    MAGIC_AT,
    NO_TIMESTAMP,
    BatchHeader,
    CorruptRecords,
    read_header,
)
from pykafka_cli.storage.files import File, Files
from pykafka_cli.storage.index_file import CorruptIndex
from pykafka_cli.storage.index_rebuild import IndexRebuild
from pykafka_cli.storage.offset_index import MAX_RELATIVE_OFFSET, OffsetIndex
from pykafka_cli.storage.time_index import TimeIndex, TimestampedOffset
from pykafka_cli.storage.transaction_index import TransactionIndex

_log = logging.getLogger(__name__)

LOG_SUFFIX = ".log"
INDEX_SUFFIX = ".index"
TIME_INDEX_SUFFIX = ".timeindex"
TXN_INDEX_SUFFIX = ".txnindex"
DELETED_SUFFIX = ".deleted"
CLEANED_SUFFIX = ".cleaned"
SWAP_SUFFIX = ".swap"

_LOOKUP_CHUNK = 8 << 10
SCAN_CHUNK = 256 << 10


class StoredBatch(NamedTuple):
    """Where a batch begins in its segment, and its header."""

    position: int
    header: BatchHeader


def segment_name(base_offset: Offset) -> str:
    """Stem of a segment's files: the base offset in 20 digits."""
    return f"{base_offset:020d}"


class Segment:
    """Reads and writes one segment. Offsets are absolute, positions are bytes in the .log file."""

    def __init__(
        self,
        files: Files,
        directory: str,
        base_offset: Offset,
        config: TopicConfig,
        *,
        created_ms: Timestamp,
        suffix: str = "",
    ) -> None:
        """A segment that does not access the disk yet. `suffix` is `.cleaned` while the cleaner writes it."""
        self._files = files
        self.base_offset = base_offset
        self.created_ms = created_ms
        self.size = 0
        self._stem = os.path.join(directory, segment_name(base_offset))
        self._suffix = suffix
        self._index_interval_bytes = config.index_interval_bytes
        index_size = config.segment_index_bytes
        self.offsets = OffsetIndex(files, self._path(INDEX_SUFFIX), base_offset, index_size)
        self.times = TimeIndex(files, self._path(TIME_INDEX_SUFFIX), base_offset, index_size)
        self.transactions = TransactionIndex(files, self._path(TXN_INDEX_SUFFIX), base_offset)
        self._file: File | None = None
        self._largest = TimestampedOffset(NO_TIMESTAMP, base_offset)
        self._first_timestamp: Timestamp | None = None
        self._bytes_since_index_entry = 0
        self._is_dirty = False
        self.is_sealed = True
        """Whether the files have their final size; not while the segment is active."""
        self.is_idle = False  # its files were not used since `release_if_idle`

    @property
    def modified_ms(self) -> Timestamp:
        """When its file was last written."""
        return self._files.modified_ms(self.path)

    @classmethod
    def create(
        cls,
        files: Files,
        directory: str,
        base_offset: Offset,
        config: TopicConfig,
        *,
        now_ms: Timestamp,
        suffix: str = "",
    ) -> "Segment":
        """A new, empty segment on disk, with preallocated indexes, as an active segment has them."""
        segment = cls(files, directory, base_offset, config, created_ms=now_ms, suffix=suffix)
        file = segment.file
        file.truncate(0)
        if config.preallocate and not suffix:
            file.truncate(config.segment_bytes)
        segment._is_dirty, segment.is_sealed = True, False
        segment.offsets.start_empty()
        segment.times.start_empty()
        segment.transactions.start_empty()
        segment.offsets.preallocate()
        segment.times.preallocate()
        return segment

    @classmethod
    def open(
        cls, files: Files, directory: str, base_offset: Offset, config: TopicConfig, *, now_ms: Timestamp
    ) -> "Segment":
        """An existing segment on disk."""
        segment = cls(files, directory, base_offset, config, created_ms=now_ms)
        segment.size = files.size(segment.path)
        return segment

    @property
    def path(self) -> str:
        return self._path(LOG_SUFFIX)

    @property
    def paths(self) -> list[str]:
        """Every file that the segment may have; the .txnindex is often missing."""
        return [self._path(suffix) for suffix in (LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX)]

    @property
    def index_bytes(self) -> int:
        """Size of the larger index of a segment that is not active."""
        sizes = (
            self._files.size(each.path)
            for each in (self.offsets.file, self.times.file)
            if self._files.exists(each.path)
        )
        return max(sizes, default=0)

    @property
    def file(self) -> File:
        self.is_idle = False
        if self._file is None:
            self._file = self._files.open(self.path)
        return self._file

    # Writing: the active segment only.

    def write(self, data: Buffer) -> int:
        """Append complete batches in one call; returns the position. `note` has to follow for each of them.

        raises  OSError; the segment is then as before, unless removing the part that was written also fails
        """
        position = self.size
        try:
            self.file.write_at(position, data)
        except OSError:
            self.file.truncate(position)
            raise
        self._is_dirty = True
        self.size = position + len(data)
        return position

    def note(self, position: int, size: int, *, last_offset: Offset, max_timestamp: Timestamp) -> None:
        """Update timestamps and indexes for a batch that was written."""
        if position == 0:
            self._first_timestamp = max_timestamp
        if max_timestamp > self._largest.timestamp:
            self._largest = TimestampedOffset(max_timestamp, last_offset)
        if self._bytes_since_index_entry > self._index_interval_bytes:
            self._index(last_offset, position)
        self._bytes_since_index_entry += size

    def can_hold(self, offset: Offset) -> bool:
        """Whether the offset fits an index entry of this segment."""
        return 0 <= offset - self.base_offset <= MAX_RELATIVE_OFFSET

    def has_room(self, size: int, last_offset: Offset, segment_bytes: int) -> bool:
        """Whether a batch of `size` bytes that ends with `last_offset` fits, in the file as in the indexes."""
        return (
            self.size + size <= segment_bytes
            and last_offset - self.base_offset <= MAX_RELATIVE_OFFSET
            and not self.offsets.is_full
            and not self.times.is_full
        )

    def waited_ms(self, *, max_timestamp: Timestamp, now_ms: Timestamp) -> Milliseconds:
        """How long the segment has been active by its records' timestamps, or by the clock if they have none."""
        first = self.first_timestamp
        return Milliseconds(max_timestamp - first if first >= 0 else now_ms - self.created_ms)

    def seal(self) -> None:
        """Stop writing, after a roll or at shutdown: record the largest timestamp and trim the files.

        raises  OSError; it can be called again
        """
        self.is_sealed = False
        self.times.append_if_later(*self._largest)
        self.offsets.cut()
        self.times.cut()
        if self._files.size(self.path) > self.size:
            self.file.truncate(self.size)
        self.is_sealed = True

    def reopen_for_writing(self) -> None:
        """Make the last segment of a loaded log the active one."""
        self.is_sealed = False
        self.offsets.preallocate()
        self.times.preallocate()
        self._largest = self.largest

    def truncate_to(self, offset: Offset, *, now_ms: Timestamp) -> int:
        """Drop batches with `offset` or a later one; returns the number of bytes removed. The segment is then
        active."""
        position = self.position_of(offset)
        self.offsets.truncate_to(offset)
        self.times.truncate_to(offset)
        self.transactions.truncate_to(offset)
        dropped = 0
        if position is not None:
            dropped = self.size - position
            self.file.truncate(position)
            self.size = position
            self._is_dirty = True
        if self.size == 0:
            self.created_ms, self._first_timestamp = now_ms, None
        self._bytes_since_index_entry = 0
        self._largest = self._scan_largest()
        return dropped

    def handles_to_sync(self) -> list[File]:
        """Separate handles for what has not been synced yet: to be synced and closed, in any thread."""
        handles = [self.offsets.file.handle_to_sync(), self.times.file.handle_to_sync()]
        handles.append(self.transactions.handle_to_sync())
        if self._is_dirty:
            self._is_dirty = False
            handles.append(self.file.duplicate())
        return [handle for handle in handles if handle is not None]

    # Reading.

    def batches(self, position: int = 0, end: int | None = None, chunk: int = _LOOKUP_CHUNK) -> Iterator[StoredBatch]:
        """Headers of the whole batches from `position` (a batch's start) on; record bytes are skipped, not read.

        raises  CorruptRecords at an impossible header
        """
        end = self.size if end is None else end
        data, start = b"", 0
        while end - position >= LEGACY_HEADER_SIZE[0]:
            at = position - start
            if at + HEADER_SIZE > len(data):
                data, start, at = self.file.read_at(position, min(chunk, self.size - position)), position, 0
                if len(data) < HEADER_SIZE and data[MAGIC_AT] == 2:
                    return
            header = read_header(data, at)
            if position + header.size > end:
                return
            yield StoredBatch(position, header)
            position += header.size

    def find(self, offset: Offset) -> StoredBatch | None:
        """The first batch whose last offset is `offset` or later; None when the segment ends before.

        raises  CorruptRecords if the log cannot be read from its beginning either
        """
        try:
            return self._find(offset)
        except (CorruptIndex, CorruptRecords) as error:
            _log.warning("the index of %s is wrong and is rebuilt: %s", self.path, error)
            self.rebuild_indexes()
            return self._find(offset)

    def _find(self, offset: Offset) -> StoredBatch | None:
        end = self.offsets.lookup(offset)
        for batch in self.batches(end):
            if batch.header.last_offset >= offset:
                return batch
            end = batch.position + batch.header.size
        if end != self.size:
            raise CorruptRecords(f"no batch ends where the file does, after byte {end}")
        return None

    def index_rebuild(self) -> IndexRebuild:
        """An empty collection of index entries with this segment's spacing."""
        return IndexRebuild(self.base_offset, self._index_interval_bytes)

    def rebuild_indexes(self) -> None:
        """Rebuild .index and .timeindex from the headers in the log. raises CorruptRecords."""
        rebuild = self.index_rebuild()
        for position, header in self.batches(chunk=SCAN_CHUNK):
            rebuild.add(position, header)
        self.adopt_indexes(rebuild)

    def position_of(self, offset: Offset) -> int | None:
        """Where the first batch begins whose last offset is `offset` or later; None when the segment ends before."""
        batch = self.find(offset)
        return None if batch is None else batch.position

    def boundary_before(self, start: int, end: int) -> StoredBatch:
        """The batch that begins last at or before position `end`, given that one begins at `start`, both in the log."""
        for batch in self.batches(max(start, self.offsets.boundary_before(end))):
            if batch.position + batch.header.size > end:
                return batch
        raise CorruptRecords(f"no batch ends after position {end} in {self.path}")

    def read(self, start: int, end: int) -> bytes:
        return self.file.read_at(start, end - start)

    def next_offset(self) -> Offset:
        """The offset after the last whole batch."""
        offset = self.base_offset
        for _, header in self.batches(self.offsets.last_position):
            offset = header.next_offset
        return offset

    @property
    def largest(self) -> TimestampedOffset:
        """Largest timestamp of the segment and last offset of its batch; (-1, base offset) when no batch has one."""
        if self._largest.timestamp == NO_TIMESTAMP and self.size:
            try:
                self._largest = self.times.last()
            except CorruptIndex as error:
                _log.warning("the time index of %s is rebuilt: %s", self.path, error)
                self.rebuild_indexes()
        return self._largest

    @property
    def retention_timestamp(self) -> Timestamp:
        """The timestamp for retention: the largest of the records, or the file's if they have none."""
        largest = self.largest.timestamp
        return largest if largest >= 0 else self.modified_ms

    @property
    def first_timestamp(self) -> Timestamp:
        """Largest timestamp of the first batch; -1 when there is none."""
        if self._first_timestamp is None and self.size:
            self._first_timestamp = self._read_first_timestamp()
        return NO_TIMESTAMP if self._first_timestamp is None else self._first_timestamp

    def batches_not_older_than(self, timestamp: Timestamp, start: Offset) -> Iterator[StoredBatch]:
        """Batches from offset `start` on whose largest timestamp is `timestamp` or later."""
        position = self.offsets.lookup(max(self.times.lookup(Timestamp(timestamp - 1)), start))
        for batch in self.batches(position):
            if batch.header.max_timestamp >= timestamp and batch.header.last_offset >= start:
                yield batch

    # The files.

    def moved_to(self, directory: str) -> None:
        """The segment's directory was renamed."""
        self._set_stem(os.path.join(directory, os.path.basename(self._stem)), self._suffix)

    def change_suffix(self, suffix: str) -> None:
        """Rename all files; the .log file goes first, except that a swap ends with it.

        A .deleted segment whose rename was cut short is finished by recovery; so is a .swap one.
        """
        old = self.paths
        self._set_stem(self._stem, suffix)
        for path, new_path in zip(old, self.paths, strict=True):
            if self._files.exists(path):
                self._files.rename(path, new_path)

    def release_if_idle(self) -> None:
        """Release what was not used since the last call: the descriptor and the indexes in memory."""
        if self.is_idle and not self._is_dirty:
            self.close()
        self.is_idle = True

    def close(self) -> None:
        """Close the files; they are reopened when needed."""
        self.offsets.unload()
        self.times.unload()
        self.transactions.unload()
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Delete the files."""
        self.close()
        for path in self.paths:
            self._files.remove(path)

    def adopt_indexes(self, rebuild: IndexRebuild) -> None:
        """Take over indexes that were made from the log."""
        rebuild.write(self.offsets, self.times)
        self._largest = rebuild.largest

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes of the log."""
        self.file.truncate(size)
        self.size, self._first_timestamp, self._is_dirty = size, None, True

    def _index(self, last_offset: Offset, position: int) -> None:
        # The batch is written: a full disk must not undo that because of an index. The next append retries.
        try:
            self.offsets.append(last_offset, position)
            self.times.append_if_later(*self._largest)
        except OSError as error:
            _log.warning("no index entry for offset %d in %s: %s", last_offset, self.path, error)
        else:
            self._bytes_since_index_entry = 0

    def _scan_largest(self) -> TimestampedOffset:
        largest = self.times.last()
        for _, header in self.batches(self.offsets.lookup(largest.offset), chunk=SCAN_CHUNK):
            if header.max_timestamp > largest.timestamp:
                largest = TimestampedOffset(header.max_timestamp, header.last_offset)
        return largest

    def _read_first_timestamp(self) -> Timestamp:
        for batch in self.batches():
            return batch.header.max_timestamp
        return NO_TIMESTAMP

    def _path(self, suffix: str) -> str:
        return self._stem + suffix + self._suffix

    def _set_stem(self, stem: str, suffix: str) -> None:
        self._stem, self._suffix = stem, suffix
        self.offsets.file.path = self._path(INDEX_SUFFIX)
        self.times.file.path = self._path(TIME_INDEX_SUFFIX)
        self.transactions.path = self._path(TXN_INDEX_SUFFIX)
