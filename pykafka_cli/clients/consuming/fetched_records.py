"""Decodes fetched bytes with aiokafka's compiled reader, without records that a consumer must not see.

Control records are always skipped, and in read_committed so are records of aborted transactions: the broker lists the
transactions, and a batch belongs to one of them between its first offset and its abort marker.
source  CompletedFetch of Kafka's consumer; KIP-98
"""

from collections.abc import Iterable
from typing import NamedTuple

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecord
from aiokafka.record.memory_records import MemoryRecords

from pykafka_cli.clients.group_offsets import Position
from pykafka_cli.model import ConsumedRecord, LeaderEpoch, Offset, ProducerId, TopicPartition
from pykafka_cli.protocol.absence import known_epoch
from pykafka_cli.protocol.records.batch import (
    NO_LEADER_EPOCH,
    BatchHeader,
    CorruptRecords,
    crc_is_valid,
    read_header,
    walk,
)
from pykafka_cli.protocol.records.control import ControlType, read_marker
from pykafka_cli.protocol.records.record import read_records


class AbortedTransaction(NamedTuple):
    producer_id: ProducerId
    first_offset: Offset


class Fetched(NamedTuple):
    """Records of one partition, in order, and the position after them, which may be beyond the last record."""

    partition: TopicPartition
    records: list[ConsumedRecord]
    next: Position
    epochs: tuple[tuple[int, LeaderEpoch | None], ...] = ()
    """(offset, leader epoch) at each change of epoch, in order."""

    def position_after(self, count: int) -> Position:
        """The position after the first `count` records."""
        if count >= len(self.records):
            return self.next
        offset = self.records[count].offset if count == 0 else self.records[count - 1].offset + 1
        epochs = [epoch for first, epoch in self.epochs if first < offset]
        return Position(Offset(offset), epochs[-1] if epochs else None)


def decode(
    partition: TopicPartition,
    data: bytes,
    fetch_offset: Offset,
    aborted: Iterable[AbortedTransaction] = (),
    *,
    check_crcs: bool = True,
) -> Fetched:
    """The records from `fetch_offset` that a consumer sees.

    aborted     transactions to skip; empty for read_uncommitted
    raises      CorruptRecords
    """
    try:
        return _decode(partition, data, fetch_offset, aborted, check_crcs=check_crcs)
    except CorruptRecordException as error:
        raise CorruptRecords(f"{partition}: {error}") from error


def _decode(
    partition: TopicPartition,
    data: bytes,
    fetch_offset: Offset,
    aborted: Iterable[AbortedTransaction],
    *,
    check_crcs: bool,
) -> Fetched:
    waiting = sorted(aborted, key=lambda each: each.first_offset, reverse=True)
    open_aborted: set[ProducerId] = set()
    records: list[ConsumedRecord] = []
    epochs: list[tuple[int, LeaderEpoch | None]] = []
    offset, epoch = fetch_offset, NO_LEADER_EPOCH
    batches = MemoryRecords(data)
    for position, header in walk(data):
        batch = batches.next_batch()
        if batch is None:
            break
        if check_crcs and not crc_is_valid(data, position, header):
            raise CorruptRecords(f"Record batch for partition {partition} at offset {header.base_offset} is invalid")
        while waiting and waiting[-1].first_offset <= header.last_offset:
            open_aborted.add(waiting.pop().producer_id)
        if header.magic == 2 and header.next_offset <= fetch_offset:
            continue
        if not header.is_control:
            if not (header.is_transactional and header.producer_id in open_aborted):
                skips = header.base_offset < fetch_offset or header.magic < 2
                _take(records, data, position, batch, fetch_offset, skips=skips)
        elif _is_abort(data, position, header):
            open_aborted.discard(header.producer_id)
        if header.leader_epoch != epoch:
            epoch = header.leader_epoch
            epochs.append((header.base_offset, known_epoch(epoch)))
        offset = Offset(max(offset, header.next_offset if header.magic == 2 else _after_last(records, header)))
    return Fetched(partition, records, Position(offset, known_epoch(epoch)), tuple(epochs))


def _take(
    records: list[ConsumedRecord],
    data: bytes,
    position: int,
    batch: Iterable[ConsumedRecord],
    fetch_offset: Offset,
    *,
    skips: bool,
) -> None:
    """Append a batch; the first one may start before the requested offset, as brokers send whole batches."""
    count = len(records)
    try:
        if skips:
            records += [record for record in batch if record.offset >= fetch_offset]
        else:
            records += batch
    except UnicodeDecodeError:  # in a header's key, where other clients see U+FFFD
        del records[count:]
        records += [each for each in _read_in_python(data, position) if each.offset >= fetch_offset]


def _read_in_python(data: bytes, position: int) -> list[ConsumedRecord]:
    timestamp_type = int(read_header(data, position).is_log_append_time)
    return [
        DefaultRecord(each.offset, each.timestamp, timestamp_type, each.key, each.value, list(each.headers))
        for each in read_records(data, position)
    ]


def _is_abort(data: bytes, position: int, header: BatchHeader) -> bool:
    if not header.has_producer_id:
        return False
    marker = read_marker(data, position)
    return marker is not None and marker.type is ControlType.ABORT


def _after_last(records: list[ConsumedRecord], header: BatchHeader) -> int:
    return int(records[-1].offset) + 1 if records else header.next_offset
