"""Rebuilds the indexes of a segment from the headers in its log."""

from pykafka_cli.model import Offset
from pykafka_cli.protocol.records.batch import NO_TIMESTAMP, BatchHeader
from pykafka_cli.storage.offset_index import OffsetIndex
from pykafka_cli.storage.time_index import TimeIndex, TimestampedOffset


class IndexRebuild:
    """Collects entries while a log is walked from its beginning."""

    def __init__(self, base_offset: Offset, index_interval_bytes: int) -> None:
        self._interval = index_interval_bytes
        self._last_indexed = 0
        self._offsets: list[tuple[Offset, int]] = []
        self._times: list[TimestampedOffset] = []
        self.largest = TimestampedOffset(NO_TIMESTAMP, base_offset)

    def add(self, position: int, header: BatchHeader) -> None:
        """The next batch."""
        if header.max_timestamp > self.largest.timestamp:
            self.largest = TimestampedOffset(header.max_timestamp, header.last_offset)
        if position - self._last_indexed > self._interval:
            self._offsets.append((header.last_offset, position))
            self._add_time()
            self._last_indexed = position

    def _add_time(self) -> None:
        if self.largest.timestamp > (self._times[-1].timestamp if self._times else NO_TIMESTAMP):
            self._times.append(self.largest)

    def write(self, offsets: OffsetIndex, times: TimeIndex) -> None:
        """Replace both indexes, ending as those of a closed segment do: with the largest timestamp."""
        self._add_time()
        offsets.rebuild(self._offsets)
        times.rebuild(self._times)
