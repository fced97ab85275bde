"""The parts of an append: the marker in a control batch, the size of one write, the result."""

from collections.abc import Sequence
from typing import NamedTuple

from pykafka_cli.broker.errors import CorruptMessage
from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import BatchHeader, CorruptRecords
from pykafka_cli.protocol.records.control import EndTransactionMarker, read_marker
from pykafka_cli.storage.segment import Segment


class AppendInfo(NamedTuple):
    """The result of an append. For a duplicate, the offsets are those of the batch that is already in the log."""

    first_offset: Offset
    last_offset: Offset
    log_append_time_ms: Timestamp | None  # None unless the topic has LogAppendTime
    log_start: Offset
    size: int  # bytes written
    record_count: int
    is_duplicate: bool = False
    must_flush: bool = False  # flush.messages is reached: answer after `LogManager.flush`

    @property
    def next_offset(self) -> Offset:
        """The offset up to which the log has to be replicated."""
        return Offset(self.last_offset + 1)


def marker_in(data: Buffer, position: int, where: object) -> EndTransactionMarker | None:
    """What the control batch at `position` says; None for one of another kind. raises CorruptMessage."""
    try:
        return read_marker(data, position)
    except CorruptRecords as error:
        raise CorruptMessage(f"{where}: {error}") from None


def written_together(batches: Sequence[tuple[int, BatchHeader]], segment: Segment, segment_bytes: int) -> int:
    """How many batches go into the segment with one write: the first, and what fits behind it up to a control batch.

    batches   (position, header), in order
    """
    start, first = batches[0]
    room, count = segment_bytes - segment.size, 1
    if first.is_control:
        return count
    for position, header in batches[1:]:
        if position + header.size - start > room or header.is_control or not segment.can_hold(header.last_offset):
            break
        count += 1
    return count
