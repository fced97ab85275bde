"""The segments of one log in the order of their offsets, and reading across them.

The last segment is active; there is always one. Where batches begin is remembered for the newest few offsets, so that
readers at the end, and the high watermark, cost no index look-up.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pykafka_cli.broker.log.segment import Segment

_POSITIONS_KEPT = 64


class FetchData(NamedTuple):
    """Whole batches. Whatever the log holds from the offset asked for up to `next_offset`, exclusive, is in them."""

    records: bytes
    next_offset: int


class SegmentList:
    def __init__(self, segments: Iterable[Segment]) -> None:
        self._segments = list(segments)
        self._base_offsets = [segment.base_offset for segment in self._segments]
        self._positions: dict[int, tuple[Segment, int]] = {}  # offset -> where its batch begins, the newest last
        self.active = self._segments[-1]
        self.rewrites = 0
        """Grows whenever segments go or are cut: what was planned over them before is void."""

    def __len__(self) -> int:
        return len(self._segments)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments)

    def __getitem__(self, index: int) -> Segment:
        return self._segments[index]

    @property
    def base_offsets(self) -> Sequence[int]:
        return self._base_offsets

    @property
    def size_in_bytes(self) -> int:
        return sum(segment.size for segment in self._segments)

    def index_of(self, offset: int) -> int:
        """Index of the segment that holds `offset`, or would; the first one for an offset below all."""
        return max(bisect_right(self._base_offsets, offset) - 1, 0)

    def starting_at(self, index: int) -> Sequence[Segment]:
        """The segments from an index on."""
        return self._segments[index:]

    def read(self, start: int, *, max_bytes: int, up_to: int, log_end: int, min_one_batch: bool) -> FetchData:
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
        self, segment: Segment, position: int, following: int, max_bytes: int, up_to: int, min_one_batch: bool
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

    def bytes_between(self, start: int, end: int) -> int:
        """Bytes of the batches from the one that holds `start` up to the one that holds `end`, which is not counted."""
        first, last = self.index_of(start), self.index_of(end)
        before_end = self._position_of(self._segments[last], end)
        before_start = self._position_of(self._segments[first], start)
        return sum(segment.size for segment in self._segments[first:last]) + before_end - before_start

    def _position_of(self, segment: Segment, offset: int) -> int:
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

    def remember(self, segment: Segment, offset: int, position: int) -> None:
        """The batch that holds `offset`, or the first after it, begins at `position`."""
        positions = self._positions
        positions[offset] = (segment, position)
        if len(positions) > _POSITIONS_KEPT:
            del positions[next(iter(positions))]

    def add(self, segment: Segment) -> None:
        """A new active segment."""
        self._segments.append(segment)
        self._base_offsets.append(segment.base_offset)
        self.active = segment

    def drop(self, which: slice) -> list[Segment]:
        """Take segments out, for the caller to delete; `add` is due when none is left."""
        dropped = self._segments[which]
        del self._segments[which], self._base_offsets[which]
        if self._segments:
            self.active = self._segments[-1]
        self.was_cut()
        return dropped

    def replace(self, old: Sequence[Segment], new: Sequence[Segment]) -> None:
        """Put `new` where `old`, neighbours and none of them active, were."""
        at = self._segments.index(old[0])
        self._segments[at : at + len(old)] = new
        self._base_offsets = [segment.base_offset for segment in self._segments]
        self.was_cut()

    def was_cut(self) -> None:
        """What is remembered of positions holds no longer."""
        self.rewrites += 1
        self._positions.clear()
