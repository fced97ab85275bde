"""Copies one log to another: a leader's to a follower's, or a moved one to its new directory."""

from typing import NamedTuple

from pykafka_cli.broker.log.appending import AppendInfo
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.replication.truncation import diverges, truncation_point
from pykafka_cli.model import Offset
from pykafka_cli.storage.leader_epochs import EpochEnd


def append_copied(copy: PartitionLog, batches: memoryview, *, high_watermark: Offset, log_start: Offset) -> AppendInfo:
    """Write what the original has after the copy's end; take over how far it is committed, and where it starts.

    raises   CorruptMessage, KafkaStorageError
    """
    if batches and copy.log_start == copy.log_end > (base_offset := int.from_bytes(batches[:8])):
        # DeleteRecords moved the original's start into the middle of a batch, and the copy is empty: take it whole.
        copy.truncate_fully_and_start_at(Offset(base_offset))
    info = copy.append_as_follower(batches)
    copy.set_high_watermark(high_watermark)
    copy.advance_log_start(min(log_start, copy.high_watermark))
    return info


def common_end(copy: PartitionLog, original: EpochEnd | None) -> Offset:
    """How far a copy that diverges from the original is to be truncated, as far as one response shows (truncation.py).

    original   its end of the largest epoch not above the last one in the copy; None when it knows of none
    """
    local = None if original is None else copy.end_offset_for_epoch(original.epoch)
    return truncation_point(original, local=local, log_end=copy.log_end, fetch_offset=copy.log_end)


class Copied(NamedTuple):
    """How many bytes were copied, and whether the copy has all now."""

    size: int
    is_complete: bool


def copy_some(original: PartitionLog, copy: PartitionLog, max_bytes: int) -> Copied:
    """Bring a copy on the same broker some way toward the original.

    The original is in use meanwhile: it may grow, be truncated as a follower's log is, lose its beginning or be
    replaced.
    raises   CorruptMessage, KafkaStorageError
    """
    is_elsewhere = not original.log_start <= copy.log_end <= original.log_end
    is_empty = copy.log_start == copy.log_end
    if is_elsewhere or (is_empty and copy.log_end != original.log_start):
        copy.truncate_fully_and_start_at(original.log_start)
    elif copy.epochs.latest is not None:
        ended = original.end_offset_for_epoch(copy.epochs.latest)
        if ended is None:
            copy.truncate_fully_and_start_at(original.log_start)
        elif diverges(ended, last_fetched_epoch=copy.epochs.latest, fetch_offset=copy.log_end):
            copy.truncate_to(common_end(copy, ended))
            return Copied(0, is_complete=False)
    data = original.read(copy.log_end, max_bytes=max_bytes, up_to=original.log_end, min_one_batch=True)
    append_copied(copy, memoryview(data.records), high_watermark=original.high_watermark, log_start=original.log_start)
    return Copied(len(data.records), copy.log_end == original.log_end)
