"""Opens a partition's folder: as it is after a clean stop, with recovery after a crash.

    *.deleted, *.cleaned          removed: an incomplete deletion, an incomplete cleaning
    *.swap                        a cleaning that was complete: it replaces the segments that it covers
    indexes without their log     removed
    segments from the recovery    checked batch by batch; the log ends before the first batch that is cut short, has a
    point on (after a crash)      wrong checksum or goes back in offsets, and nothing else is lost. Indexes, aborted
                                  transactions, leader epochs and producers are rebuilt from what is there

What is below the recovery point was synced and is not read. Source: LogLoader, LogSegment.recover.
"""

import contextlib
import logging
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.log.listener import UNKEPT, LogListener
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.producer_state import ProducerStateManager
from pykafka_cli.broker.log.replay import apply_batch, replay_producers
from pykafka_cli.model import Milliseconds, Offset, Timestamp, TopicPartition
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.records.batch import (
    LEGACY_HEADER_SIZE,
    NO_LEADER_EPOCH,
    CorruptRecords,
    crc_is_valid,
    read_header,
)
from pykafka_cli.storage import checkpoints
from pykafka_cli.storage.files import Files
from pykafka_cli.storage.index_file import CorruptIndex
from pykafka_cli.storage.leader_epochs import EpochStart, LeaderEpochs
from pykafka_cli.storage.scan import scan
from pykafka_cli.storage.segment import (
    CLEANED_SUFFIX,
    DELETED_SUFFIX,
    INDEX_SUFFIX,
    LOG_SUFFIX,
    SWAP_SUFFIX,
    TIME_INDEX_SUFFIX,
    TXN_INDEX_SUFFIX,
    Segment,
    segment_name,
)
from pykafka_cli.storage.transaction_index import AbortedTransaction

_log = logging.getLogger(__name__)

_INDEX_SUFFIXES = (INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX)


@dataclass(slots=True)
class Cut:
    """Where a log was truncated, and why."""

    segment: int
    position: int
    dropped_bytes: int
    reason: str


def load_log(
    files: Files,
    directory: Path,
    topic_partition: TopicPartition,
    config: TopicConfig,
    *,
    clock: Clock,
    had_clean_shutdown: bool,
    recovery_point: Offset,
    log_start: Offset,
    producer_expiration_ms: Milliseconds,
    topic_id: uuid.UUID | None = None,
    listener: LogListener[PartitionLog] = UNKEPT,
) -> PartitionLog:
    """Open a folder, a new and empty one included, and log what had to be done to it.

    recovery_point, log_start   as checkpointed; 0 when nothing was
    topic_id                    for a folder without partition.metadata
    raises                      OSError; MalformedFile for partition.metadata
    """
    folder = str(directory)
    stored_id = checkpoints.read_topic_id(files, os.path.join(folder, checkpoints.PARTITION_METADATA))
    _finish_what_was_begun(files, folder)
    now_ms = clock.now_ms()
    segments = _open_segments(files, folder, config, now_ms)
    stored_epochs = _read_epochs(files, folder, segments)
    epochs = _epochs_in(segments) if stored_epochs is None else LeaderEpochs(stored_epochs)
    producers = ProducerStateManager(files, folder, topic_partition, expiration_ms=producer_expiration_ms)
    if segments:
        log_start = max(log_start, segments[0].base_offset)

    doubtful = _doubtful_segments(segments, had_clean_shutdown, recovery_point)
    if doubtful is not None:
        _recover(topic_partition, segments, doubtful, producers, epochs, log_start, now_ms)
        recovery_point = min(recovery_point, segments[-1].next_offset())
    if epochs.entries != stored_epochs:
        # The recovery point will move past the batches with these epochs, which are never read again.
        path = os.path.join(folder, checkpoints.LEADER_EPOCHS)
        checkpoints.write_leader_epochs(files, path, epochs.entries, durable=True)
    log_end = segments[-1].next_offset() if segments else log_start
    if log_end < log_start:
        _log.warning("%s: the log ends at %d, before its start %d: it starts again, empty", folder, log_end, log_start)
        for segment in segments:
            segment.remove()
        segments.clear()
        log_end = log_start
    if segments:
        segments[-1].reopen_for_writing()
    else:
        segments.append(Segment.create(files, folder, log_start, config, now_ms=now_ms))
    epochs.truncate_from_end(log_end)
    epochs.truncate_from_start(log_start)
    producers.keep_snapshots_of(segment.base_offset for segment in segments)
    if had_clean_shutdown and not producers.snapshots:
        # As Kafka does for a log from before snapshots: no transaction can be open.
        producers.start_at(log_end)
        producers.take_snapshot()
    else:
        replay_producers(producers, segments, log_start, log_end, now_ms=now_ms)
    return PartitionLog(
        files,
        directory,
        topic_partition,
        config,
        topic_id=stored_id or topic_id,
        segments=segments,
        log_start=log_start,
        log_end=log_end,
        recovery_point=log_end if had_clean_shutdown and doubtful is None else min(recovery_point, log_end),
        producers=producers,
        epochs=epochs.entries,
        clock=clock,
        listener=listener,
    )


def _finish_what_was_begun(files: Files, folder: str) -> None:
    names = files.names(folder)
    cleaned = [name for name in names if name.endswith(CLEANED_SUFFIX)]
    swaps = [name for name in names if name.endswith(SWAP_SUFFIX)]
    # The log file is renamed to .swap first. While an index still is .cleaned the swap had not begun.
    unfinished = {_base_offset(name) for name in cleaned}
    for name in names:
        gone = name.endswith((DELETED_SUFFIX, CLEANED_SUFFIX)) or (name in swaps and _base_offset(name) in unfinished)
        if gone:
            files.remove(os.path.join(folder, name))
    swaps = [name for name in swaps if _base_offset(name) not in unfinished]
    for name in swaps:
        if name.endswith(LOG_SUFFIX + SWAP_SUFFIX):
            _make_room_for(files, folder, name)
    for name in swaps:
        files.rename(os.path.join(folder, name), os.path.join(folder, name.removesuffix(SWAP_SUFFIX)))
    if swaps:
        _log.info("%s: put %d cleaned files in place, which a crash had prevented", folder, len(swaps))


def _make_room_for(files: Files, folder: str, swap_name: str) -> None:
    # The cleaned segment covers [its base offset, its last offset]; segments that begin in there are the old ones.
    start = _base_offset(swap_name)
    if start is None:
        return
    path = os.path.join(folder, swap_name)
    end = start + 1
    data = files.read(path)
    position = 0
    while len(data) - position >= LEGACY_HEADER_SIZE[0]:
        header = read_header(data, position)
        end, position = max(end, header.next_offset), position + header.size
    for name in files.names(folder):
        offset = _base_offset(name)
        if name.endswith((LOG_SUFFIX, *_INDEX_SUFFIXES)) and offset is not None and start <= offset < end:
            files.remove(os.path.join(folder, name))


def _base_offset(name: str) -> Offset | None:
    stem = name.split(".", 1)[0]
    return Offset(int(stem)) if stem.isdigit() else None


def _open_segments(files: Files, folder: str, config: TopicConfig, now_ms: Timestamp) -> list[Segment]:
    names = files.names(folder)
    logs = (_base_offset(name) for name in names if name.endswith(LOG_SUFFIX))
    offsets = sorted(offset for offset in logs if offset is not None)
    known = set(offsets)
    for name in names:
        if name.endswith(_INDEX_SUFFIXES) and _base_offset(name) not in known:
            _log.warning("%s: deleting %s, which belongs to no segment", folder, name)
            files.remove(os.path.join(folder, name))
    segments = [Segment.open(files, folder, offset, config, now_ms=now_ms) for offset in offsets]
    for segment in segments[:-1]:
        if segment.size and segment_name(segment.base_offset) + INDEX_SUFFIX not in names:
            _log.warning("%s: the index of segment %d is missing and is rebuilt", folder, segment.base_offset)
            segment.rebuild_indexes()
    return segments


def _read_epochs(files: Files, folder: str, segments: Sequence[Segment]) -> list[EpochStart] | None:
    """The contents of the folder's file; None if it cannot be used.

    A power failure may leave it empty, as it is replaced without a sync. The log is then the better source.
    """
    path = os.path.join(folder, checkpoints.LEADER_EPOCHS)
    try:
        stored = checkpoints.read_leader_epochs(files, path)
    except checkpoints.MalformedFile as error:
        _log.warning("%s; leader epochs are read from the log instead", error)
        return None
    if not stored and _begins_with_an_epoch(segments):
        _log.warning("%s is empty; leader epochs are read from the log instead", path)
        return None
    return stored


def _begins_with_an_epoch(segments: Sequence[Segment]) -> bool:
    with contextlib.suppress(CorruptRecords):
        for segment in segments:
            for _, header in segment.batches():
                return header.leader_epoch >= 0
    return False


def _epochs_in(segments: Sequence[Segment]) -> LeaderEpochs:
    epochs = LeaderEpochs()
    with contextlib.suppress(CorruptRecords):  # what follows the damage is cut off anyway
        for segment in segments:
            for _, header in segment.batches():
                epochs.assign(header.leader_epoch, header.base_offset)
    return epochs


def _doubtful_segments(segments: Sequence[Segment], had_clean_shutdown: bool, recovery_point: Offset) -> int | None:
    """Index of the first segment that has to be checked; None when all can be trusted."""
    if not segments:
        return None
    last = len(segments) - 1
    if had_clean_shutdown:
        return None if _ends_whole(segments[-1]) else last
    first = max((index for index, segment in enumerate(segments) if segment.base_offset <= recovery_point), default=0)
    while first and not _ends_by(segments[first - 1], segments[first].base_offset):
        first -= 1
    return first


def _ends_by(segment: Segment, offset: Offset) -> bool:
    # A segment that extends past the start of the next one was truncated to there, and the truncation came undone.
    try:
        return segment.next_offset() <= offset
    except (CorruptRecords, CorruptIndex):
        return False


def _ends_whole(segment: Segment) -> bool:
    try:
        end = segment.offsets.last_position
        for position, header in segment.batches(end):
            end = position + header.size
    except (CorruptRecords, CorruptIndex):
        return False
    return end == segment.size


def _recover(
    topic_partition: TopicPartition,
    segments: list[Segment],
    first: int,
    producers: ProducerStateManager,
    epochs: LeaderEpochs,
    log_start: Offset,
    now_ms: Timestamp,
) -> None:
    start = segments[first].base_offset
    replay_producers(producers, segments[:first], min(log_start, start), start, now_ms=now_ms)
    checked = 0
    for index in range(first, len(segments)):
        segment = segments[index]
        checked += segment.size
        end = segments[index + 1].base_offset if index + 1 < len(segments) else None
        cut = _recover_segment(segment, end, producers, epochs)
        producers.take_snapshot()
        if cut is not None:
            lost = segments[index + 1 :]
            del segments[index + 1 :]
            for later in lost:
                later.remove()
                producers.remove_snapshot(later.base_offset)
            _log.warning(
                "%s: recovered from offset %d: %d bytes checked; %s at byte %d of segment %d: %d bytes cut%s, "
                "the log ends at offset %d",
                topic_partition,
                start,
                checked,
                cut.reason,
                cut.position,
                cut.segment,
                cut.dropped_bytes,
                f" and {len(lost)} later segments removed" if lost else "",
                producers.end_offset,
            )
            return
    _log.info(
        "%s: recovered from offset %d: %d bytes checked, no damage; the log ends at offset %d",
        topic_partition,
        start,
        checked,
        producers.end_offset,
    )


def _recover_segment(
    segment: Segment, before: Offset | None, producers: ProducerStateManager, epochs: LeaderEpochs
) -> Cut | None:
    rebuild = segment.index_rebuild()
    aborted: list[AbortedTransaction] = []
    end, expected, reason = 0, segment.base_offset, ""
    try:
        for position, header, data, at in scan(segment.file.read_at, segment.size):
            if not crc_is_valid(data, at, header):
                raise CorruptRecords("a batch with a wrong checksum")
            if header.base_offset < expected or not segment.can_hold(header.last_offset):
                raise CorruptRecords(f"offset {header.base_offset} after {expected - 1}")
            if before is not None and header.last_offset >= before:
                # A truncation that was not synced has come undone, yet the next segment was begun after it.
                raise CorruptRecords(f"offset {header.last_offset} where the next segment begins with {before}")
            if header.producer_id >= 0 and header.base_offset >= producers.end_offset:
                entry = apply_batch(producers, header, data, at)
                aborted += [entry] if entry is not None else []
            rebuild.add(position, header)
            if header.leader_epoch not in (NO_LEADER_EPOCH, epochs.epoch_for_offset(header.base_offset)):
                # The file lags behind the log, or a truncation that the file knows of has come undone.
                epochs.truncate_from_end(header.base_offset)
                epochs.assign(header.leader_epoch, header.base_offset)
            end, expected = position + header.size, header.next_offset
            producers.end_offset = max(producers.end_offset, expected)
    except CorruptRecords as error:
        reason = str(error)
    producers.end_offset = max(producers.end_offset, segment.base_offset)
    dropped = segment.size - end
    if dropped:
        segment.cut(end)
    segment.adopt_indexes(rebuild)
    segment.transactions.rebuild(aborted)
    return Cut(segment.base_offset, end, dropped, reason) if dropped else None
