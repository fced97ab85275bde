"""The segments of one log in the order of their offsets: reading across them, creating and deleting them.

The last segment is active; there is always one. Where batches begin is remembered for the newest few offsets, so that
readers at the end, and the high watermark, cost no index look-up. Everything raises OSError, which the log answers.
"""

import errno
import logging
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.storage.files import File, Files, is_full
from pykafka_cli.storage.segment import DELETED_SUFFIX, SWAP_SUFFIX, Segment
from pykafka_cli.storage.transaction_index import AbortedTransaction

_log = logging.getLogger(__name__)

_POSITIONS_KEPT = 64


class FetchData(NamedTuple):
    """Whole batches. They contain everything that the log has from the requested offset up to `next_offset`,
    exclusive."""

    records: bytes
    next_offset: Offset


class SegmentList:
    """discard   removes files that were set aside, now or later"""

    def __init__(
        self, files: Files, directory: str, segments: Iterable[Segment], *, discard: Callable[[list[str]], None]
    ) -> None:
        self._files = files
        self._directory = directory
        self._segments = list(segments)
        self._base_offsets = [segment.base_offset for segment in self._segments]
        self._positions: dict[Offset, tuple[Segment, int]] = {}  # offset -> where its batch begins, the newest last
        self.active = self._segments[-1]
        self.rewrites = 0
        """Grows whenever segments go or are cut: what was planned over them before is void."""
        self.discard = discard

    def __len__(self) -> int:
        return len(self._segments)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments)

    def __getitem__(self, index: int) -> Segment:
        return self._segments[index]

    @property
    def base_offsets(self) -> Sequence[Offset]:
        return self._base_offsets

    @property
    def size_in_bytes(self) -> int:
        return sum(segment.size for segment in self._segments)

    def index_of(self, offset: Offset) -> int:
        """Index of the segment that holds `offset`, or would; the first one for an offset below all."""
        return max(bisect_right(self._base_offsets, offset) - 1, 0)

    # Reading.

    def read(self, start: Offset, *, max_bytes: int, up_to: Offset, log_end: Offset, min_one_batch: bool) -> FetchData:
        """As PartitionLog.read, for a `start` within the log and `up_to` <= `log_end`."""
        if start >= up_to:
            return FetchData(b"", start)
        for index in range(self.index_of(start), len(self._segments)):
            segment = self._segments[index]
            position = self._position_of(segment, start)
            if position < segment.size:
                following = self._base_offsets[index + 1] if index + 1 < len(self._segments) else log_end
                return self._read_segment(segment, position, following, max_bytes, up_to, min_one_batch)
        return FetchData(b"", up_to)

    def _read_segment(
        self, segment: Segment, position: int, following: Offset, max_bytes: int, up_to: Offset, min_one_batch: bool
    ) -> FetchData:
        end, next_offset = segment.size, following
        if up_to < following:
            end, next_offset = self._position_of(segment, up_to), up_to
        if end - position > max_bytes:
            cut, header = segment.boundary_before(position, position + max_bytes)
            offset = header.base_offset
            if cut == position and min_one_batch:
                cut, offset = position + header.size, header.next_offset
            if cut < end:
                end, next_offset = cut, offset
                self.remember(segment, offset, cut)
        return FetchData(segment.read(position, end) if position < end else b"", next_offset)

    def bytes_between(self, start: Offset, end: Offset) -> int:
        """Bytes of the batches from the one that holds `start` up to the one that holds `end`, which is not counted."""
        first, last = self.index_of(start), self.index_of(end)
        before_end = self._position_of(self._segments[last], end)
        before_start = self._position_of(self._segments[first], start)
        return sum(segment.size for segment in self._segments[first:last]) + before_end - before_start

    def _position_of(self, segment: Segment, offset: Offset) -> int:
        # Where the first batch begins that holds `offset` or a later one; the segment's size when it ends before.
        if offset <= segment.base_offset:
            return 0
        known = self._positions.get(offset)
        if known is not None and known[0] is segment:
            return known[1]
        position = segment.position_of(offset)
        if position is None:
            position = segment.size
        self.remember(segment, offset, position)
        return position

    def remember(self, segment: Segment, offset: Offset, position: int) -> None:
        """The batch that holds `offset`, or the first after it, begins at `position`."""
        positions = self._positions
        positions[offset] = (segment, position)
        if len(positions) > _POSITIONS_KEPT:
            del positions[next(iter(positions))]

    def aborted_transactions(self, start: Offset, up_to: Offset) -> list[AbortedTransaction]:
        """The aborted transactions with records in [start, up_to), for readers with read_committed."""
        found: list[AbortedTransaction] = []
        for segment in self._segments[self.index_of(start) :]:
            for entry in segment.transactions.entries():
                if entry.last_offset >= start and entry.first_offset < up_to:
                    found.append(entry)
                if entry.last_stable >= up_to:
                    return found
        return found

    # Creating and deleting.

    def roll(self, base_offset: Offset, config: TopicConfig, *, now_ms: Timestamp) -> None:
        """End the active segment and begin one at `base_offset`."""
        ended = self.active
        self._begin(base_offset, config, now_ms)
        try:
            ended.seal()
        except OSError as error:
            if not is_full(error):
                raise
            _log.warning("%s is ended by the next flush: %s", ended.path, error)

    def _begin(self, base_offset: Offset, config: TopicConfig, now_ms: Timestamp) -> None:
        try:
            segment = Segment.create(self._files, self._directory, base_offset, config, now_ms=now_ms)
        except OSError as error:
            # Its files would claim the offsets from there on, which will be in the segment before it.
            segment = Segment(self._files, self._directory, base_offset, config, created_ms=now_ms)
            try:
                segment.remove()
            except OSError as stays:
                raise OSError(errno.EIO, f"cannot be removed ({stays.strerror})", segment.path) from error
            raise
        self._segments.append(segment)
        self._base_offsets.append(base_offset)
        self.active = segment

    def truncate_to(self, offset: Offset, *, now_ms: Timestamp) -> tuple[Offset, list[Offset]]:
        """Drop batches that hold `offset` or a later one: (the end of the log then, base offsets that are gone)."""
        gone = self._drop(slice(self.index_of(offset) + 1, None))
        self.active.truncate_to(offset, now_ms=now_ms)
        # A batch that holds the offset goes as a whole, so the log may end earlier.
        return min(offset, self.active.next_offset()), gone

    def start_at(self, offset: Offset, config: TopicConfig, *, now_ms: Timestamp) -> list[Offset]:
        """Drop everything and begin at `offset`; returns the base offsets that are gone."""
        first = self._segments[0]
        if first.base_offset == offset:
            gone = self._drop(slice(1, None))
            first.truncate_to(offset, now_ms=now_ms)
            return gone
        gone = self._drop(slice(0, None))
        self._begin(offset, config, now_ms)
        return gone

    def drop_oldest(self, count: int) -> list[Offset]:
        """Set the oldest segments aside, at least one stays; returns their base offsets."""
        return self._drop(slice(0, count))

    def _drop(self, which: slice) -> list[Offset]:
        dropped = self._segments[which]
        del self._segments[which], self._base_offsets[which]
        if self._segments:
            self.active = self._segments[-1]
        self._was_cut()
        # From the end or from the beginning inwards: what a crash leaves has no hole.
        for segment in reversed(dropped) if which.stop is None else dropped:
            self._set_aside(segment)
        return [segment.base_offset for segment in dropped]

    def replace(self, old: Sequence[Segment], new: Segment) -> None:
        """Put a cleaned segment (its files end in .cleaned) where `old`, neighbors and none active, were.

        broker/log/recovery.py finishes or undoes what a crash interrupts
        """
        new.change_suffix(SWAP_SUFFIX)
        at = self._segments.index(old[0])
        self._segments[at : at + len(old)] = [new]
        self._base_offsets = [segment.base_offset for segment in self._segments]
        self._was_cut()
        for segment in old:
            self._set_aside(segment)
        new.change_suffix("")

    def _was_cut(self) -> None:
        self.rewrites += 1
        self._positions.clear()

    def _set_aside(self, segment: Segment) -> None:
        segment.close()
        segment.change_suffix(DELETED_SUFFIX)
        self.discard(segment.paths)

    # The files.

    def handles_to_sync(self, synced_up_to: Offset, up_to: Offset) -> list[File]:
        """The files to sync: those of segments from offset `synced_up_to` on that begin below `up_to`."""
        handles: list[File] = []
        for segment in self._segments[self.index_of(synced_up_to) :]:
            if segment.base_offset < up_to:
                if not segment.is_sealed and segment is not self.active:
                    segment.seal()
                handles += segment.handles_to_sync()
        return handles

    def close(self) -> None:
        """Close the files; they are reopened when needed."""
        for segment in self._segments:
            segment.close()

    def release_idle(self) -> None:
        """Release descriptors and memory of segments that nobody used since the last call."""
        for segment in self._segments:
            if segment is not self.active:
                segment.release_if_idle()

    def moved_to(self, directory: str) -> None:
        """The folder was renamed, with its contents."""
        self._directory = directory
        for segment in self._segments:
            segment.moved_to(directory)
