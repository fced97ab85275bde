"""Finding offsets by timestamp in a log, for ListOffsets. Source: UnifiedLog.fetchOffsetByTimestamp."""

from collections.abc import Iterable
from typing import NamedTuple

from pykafka_cli.model import LeaderEpoch, Offset, Timestamp
from pykafka_cli.protocol.records.batch import NO_LEADER_EPOCH, NO_TIMESTAMP
from pykafka_cli.protocol.records.record import Record, read_records
from pykafka_cli.storage.segment import Segment, StoredBatch


class TimestampOffset(NamedTuple):
    """A record's timestamp and offset, and the leader epoch that wrote it (None: unknown)."""

    timestamp: Timestamp
    offset: Offset
    leader_epoch: LeaderEpoch | None


def find_by_timestamp(segments: Iterable[Segment], timestamp: Timestamp, log_start: Offset) -> TimestampOffset | None:
    """The first record from `log_start` on whose timestamp is `timestamp` or later; None when all are older."""
    for segment in segments:
        if segment.largest.timestamp < timestamp:
            continue
        for batch in segment.batches_not_older_than(timestamp, log_start):
            for record in _records(segment, batch):
                if record.timestamp >= timestamp and record.offset >= log_start:
                    return TimestampOffset(record.timestamp, record.offset, _leader_epoch(batch))
    return None


def find_max_timestamp(segments: Iterable[Segment], log_start: Offset) -> TimestampOffset | None:
    """The first record with the largest timestamp; None when no record has one."""
    largest = max(segments, key=lambda segment: segment.largest.timestamp, default=None)
    if largest is None or largest.largest.timestamp == NO_TIMESTAMP:
        return None
    timestamp = largest.largest.timestamp
    for batch in largest.batches_not_older_than(timestamp, log_start):
        for record in _records(largest, batch):
            if record.timestamp == timestamp:
                return TimestampOffset(timestamp, record.offset, _leader_epoch(batch))
    return None


def _leader_epoch(batch: StoredBatch) -> LeaderEpoch | None:
    epoch = batch.header.leader_epoch
    return None if epoch == NO_LEADER_EPOCH else epoch


def _records(segment: Segment, batch: StoredBatch) -> list[Record]:
    return read_records(segment.read(batch.position, batch.position + batch.header.size))
