"""Prepares record batches of one log for another: whole and still compressed, if possible.

A batch passes without decoding if it has all records that its header counts, none before the position or after the end,
and their producer's timestamps. Only its header is rewritten, without offsets, producer and transaction. Other batches,
and messages of formats 0 and 1, are decoded and rebuilt. Control batches and aborted transactions are skipped.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pykafka_cli.model import Offset, ProducerId
from pykafka_cli.protocol.records.batch import (
    CODEC_MASK,
    BatchHeader,
    Compression,
    CorruptRecords,
    crc_is_valid,
    forget_origin,
    walk,
)
from pykafka_cli.protocol.records.control import ControlType, read_marker
from pykafka_cli.protocol.records.record import build_batch, read_records

NO_END = Offset(2**63 - 1)


class ReadyBatch(NamedTuple):
    """A batch to send, and the offsets that its records had."""

    data: bytearray
    offsets: Sequence[int]
    compression: Compression


class Ready(NamedTuple):
    """Batches in order, and the position at which the source continues."""

    batches: list[ReadyBatch]
    next: Offset


def ready_batches(
    data: bytes, position: Offset, *, until: Offset = NO_END, aborted: Iterable[tuple[ProducerId, Offset]] = ()
) -> Ready:
    """The batches from `position` up to, excluding, `until` in fetched bytes.

    aborted    aborted transactions by producer and first offset, as in a Fetch response
    raises     CorruptRecords
    """
    waiting = sorted(aborted, key=lambda each: each[1], reverse=True)
    open_aborted: set[ProducerId] = set()
    batches: list[ReadyBatch] = []
    following = position
    for start, header in walk(data):
        if not crc_is_valid(data, start, header):
            raise CorruptRecords(
                f"the batch at offset {header.base_offset} has a checksum that does not match its records"
            )
        while waiting and waiting[-1][1] <= header.last_offset:
            open_aborted.add(waiting.pop()[0])
        if header.magic == 2 and header.next_offset <= position:
            continue
        if header.magic == 2 and header.base_offset >= until:
            return Ready(batches, until)
        if header.is_control:
            marker = read_marker(data, start) if header.has_producer_id else None
            if marker is not None and marker.type is ControlType.ABORT:
                open_aborted.discard(header.producer_id)
        elif not (header.is_transactional and header.producer_id in open_aborted):
            batch = _passed(data, start, header) if _passes(header, position, until) else None
            batch = batch or _built(data, start, header, position, until)
            if batch is not None:
                batches.append(batch)
        following = max(following, header.next_offset)
    return Ready(batches, min(following, until))


def _passes(header: BatchHeader, position: Offset, until: Offset) -> bool:
    return (
        header.magic == 2
        and header.record_count == header.last_offset_delta + 1
        and not header.is_log_append_time
        and header.delete_horizon_ms is None
        and position <= header.base_offset
        and header.next_offset <= until
    )


def _passed(data: bytes, start: int, header: BatchHeader) -> ReadyBatch:
    batch = bytearray(data[start : start + header.size])
    forget_origin(batch, header.attributes & CODEC_MASK)
    return ReadyBatch(batch, range(header.base_offset, header.next_offset), header.compression)


def _built(data: bytes, start: int, header: BatchHeader, position: Offset, until: Offset) -> ReadyBatch | None:
    """A batch of the wanted records; None without any."""
    records = [record for record in read_records(data, start) if position <= record.offset < until]
    if not records:
        return None
    renumbered = [record._replace(offset=Offset(number)) for number, record in enumerate(records)]
    batch = build_batch(renumbered, compression=header.compression)
    return ReadyBatch(batch, [record.offset for record in records], header.compression)
