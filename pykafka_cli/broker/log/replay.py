"""Replays the producers of a partition up to an offset: the newest snapshot, then the batches after it.

What the snapshot leaves out is read from the log only once it is asked for.
"""

import logging
from collections.abc import Sequence

from pykafka_cli.broker.log.producer_state import ProducerStateManager
from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import BatchHeader, CorruptRecords
from pykafka_cli.protocol.records.control import read_marker
from pykafka_cli.storage.index_file import CorruptIndex
from pykafka_cli.storage.segment import SCAN_CHUNK, Segment
from pykafka_cli.storage.segment_list import SegmentList
from pykafka_cli.storage.transaction_index import AbortedTransaction

_log = logging.getLogger(__name__)

RECALLED_BYTES = 4 << 20
"""How far back the log is read for batches that were sent again: once after each start, while a producer waits."""


def replay_producers(
    state: ProducerStateManager, segments: Sequence[Segment], log_start: Offset, end: Offset, *, now_ms: Timestamp
) -> None:
    """Make `state` what the log says up to offset `end`, and take a snapshot there.

    raises  CorruptRecords, OSError
    """
    state.load(log_start, end, now_ms)
    for index, segment in enumerate(segments):
        following = segments[index + 1].base_offset if index + 1 < len(segments) else end
        if following <= state.end_offset and index + 1 < len(segments):
            continue
        if segment.base_offset >= end:
            break
        position = segment.position_of(state.end_offset) if state.end_offset > segment.base_offset else 0
        if position is None:
            continue
        for at, header in segment.batches(position, chunk=SCAN_CHUNK):
            if header.base_offset >= end:
                break
            if header.producer_id >= 0 and header.base_offset >= state.end_offset:
                batch = segment.read(at, at + header.size) if header.is_control else b""
                apply_batch(state, header, batch)
    state.end_offset = end
    state.take_snapshot()


def apply_batch(
    state: ProducerStateManager, header: BatchHeader, data: Buffer, at: int = 0
) -> AbortedTransaction | None:
    """Apply one batch of a producer that is in the log; returns what the transaction index should say of it.

    data  is looked into for a control batch only, at `at`
    """
    if not header.is_control:
        state.add_batch(header, header.base_offset)
        return None
    marker = read_marker(data, at)
    if marker is None:
        return None
    aborted = state.aborted_by(header.producer_id, marker, header.base_offset)
    state.add_marker(header, marker, header.base_offset)
    return aborted


def recall_batches(state: ProducerStateManager, segments: SegmentList) -> None:
    """Restore the last five batches of each producer in `state`, as far as RECALLED_BYTES reach.

    raises  OSError
    """
    if state.forgotten_before is not None:
        state.recall(_batches_before(state.forgotten_before, segments))


def _batches_before(end: Offset, segments: SegmentList) -> list[tuple[BatchHeader, Offset]]:
    """Producers' data batches of the last RECALLED_BYTES below `end`, in the order of the log."""
    found: list[tuple[BatchHeader, Offset]] = []
    room = RECALLED_BYTES
    for segment in reversed(list(segments)):
        if segment.base_offset >= end or room <= 0:
            continue
        try:
            start = segment.offsets.boundary_before(max(0, segment.size - room))
            batches = [header for _, header in segment.batches(start, chunk=SCAN_CHUNK)]
        except (CorruptIndex, CorruptRecords) as error:
            _log.warning("batches that producers may send again are not recalled from %s: %s", segment.path, error)
            break
        found[:0] = [
            (each, each.base_offset)
            for each in batches
            if each.producer_id >= 0 and not each.is_control and each.base_offset < end
        ]
        room -= segment.size - start
    return found
