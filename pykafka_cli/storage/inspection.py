"""Inspects a log directory that no broker uses: its contents, and whether they are intact. Changes nothing.

What recovery would repair silently is reported here instead:

    damage        should not be there after whatever kind of stop: a batch with a wrong checksum below the recovery
                  point, an index that contradicts its log, a checkpoint that is none
    unfinished    what a crash leaves behind and the next start puts right: a tail cut short, indexes not cut to size

Every batch is read, so this takes as long as the disk does.
"""

import os
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from pykafka_cli.model import FIRST_OFFSET, Offset, TopicPartition
from pykafka_cli.protocol.records.batch import NO_TIMESTAMP, CorruptRecords, crc_is_valid
from pykafka_cli.storage import checkpoints
from pykafka_cli.storage.checkpoints import MalformedFile, MetaProperties
from pykafka_cli.storage.files import Files
from pykafka_cli.storage.index_file import CorruptIndex
from pykafka_cli.storage.offset_index import OffsetIndex
from pykafka_cli.storage.partition_folders import parse_folder
from pykafka_cli.storage.producer_snapshots import SNAPSHOT_SUFFIX, CorruptSnapshot, decode_snapshot
from pykafka_cli.storage.scan import ScannedBatch, scan
from pykafka_cli.storage.segment import (
    CLEANED_SUFFIX,
    INDEX_SUFFIX,
    LOG_SUFFIX,
    SWAP_SUFFIX,
    TIME_INDEX_SUFFIX,
    TXN_INDEX_SUFFIX,
    segment_name,
)
from pykafka_cli.storage.time_index import TimeIndex
from pykafka_cli.storage.transaction_index import TransactionIndex

_CHECKPOINTS = (
    checkpoints.RECOVERY_POINTS,
    checkpoints.LOG_STARTS,
    checkpoints.HIGH_WATERMARKS,
    checkpoints.CLEANER_OFFSETS,
)

_SEGMENT = re.compile(r"\d{20}\.log")
_SNAPSHOT = re.compile(r"\d{20}\.snapshot")

OnBatch = Callable[[TopicPartition, ScannedBatch], None]
"""Called with every sound batch, in the order of the log."""


@dataclass(slots=True)
class InspectedLog:
    """One partition's folder. `records` are those that can be read; control records are none."""

    topic_partition: TopicPartition
    folder: str
    topic_id: uuid.UUID | None = None
    log_start: Offset = FIRST_OFFSET
    log_end: Offset = FIRST_OFFSET
    records: int = 0
    size_in_bytes: int = 0
    damage: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)


@dataclass(slots=True)
class InspectedDirectory:
    """One of log.dirs; `meta` is None where no broker has ever been."""

    path: str
    meta: MetaProperties | None
    was_left_cleanly: bool
    logs: list[InspectedLog]
    damage: list[str]


def inspect_directory(files: Files, path: str, on_batch: OnBatch = lambda _tp, _batch: None) -> InspectedDirectory:
    """Look through everything in a log directory.

    raises    OSError; MalformedFile for meta.properties
    """
    meta = checkpoints.read_meta_properties(files, path)
    was_left_cleanly = files.exists(os.path.join(path, checkpoints.CLEAN_SHUTDOWN))
    found = InspectedDirectory(path, meta, was_left_cleanly, [], [])
    offsets: dict[str, dict[TopicPartition, Offset]] = {}
    for name in _CHECKPOINTS:
        try:
            offsets[name] = checkpoints.read_offsets(files, os.path.join(path, name))
        except MalformedFile as error:
            found.damage.append(f"{error}. Remove the file: the broker writes it again")
            offsets[name] = {}
    for name in files.names(path):
        topic_partition, folder = parse_folder(name), os.path.join(path, name)
        if topic_partition is None or not files.is_directory(folder):
            continue
        inspection = _Inspection(
            files,
            InspectedLog(topic_partition, folder),
            # After a clean stop everything was synced, whatever the checkpoint says.
            None if was_left_cleanly else offsets[checkpoints.RECOVERY_POINTS].get(topic_partition, FIRST_OFFSET),
            on_batch,
        )
        inspection.run(offsets[checkpoints.LOG_STARTS].get(topic_partition, FIRST_OFFSET))
        found.logs.append(inspection.log)
    return found


class _Inspection:
    """Goes through one folder. `synced_end`: what lies below it was synced; None: all of it was."""

    def __init__(self, files: Files, log: InspectedLog, synced_end: Offset | None, on_batch: OnBatch) -> None:
        self._files = files
        self.log = log
        self._synced_end = synced_end
        self._on_batch = on_batch

    @property
    def _remedy(self) -> str:
        """How to restore the files next to a log: recovery rebuilds them if it starts at the log's beginning."""
        root = os.path.dirname(self.log.folder)
        marks = " and ".join(
            os.path.join(root, each) for each in (checkpoints.CLEAN_SHUTDOWN, checkpoints.RECOVERY_POINTS)
        )
        return f"To rebuild it from the log, remove {marks}, then start and stop the broker once"

    def run(self, log_start: Offset) -> None:
        log = self.log
        names = self._files.names(log.folder)
        starts = sorted(Offset(int(name.removesuffix(LOG_SUFFIX))) for name in names if _SEGMENT.fullmatch(name))
        log.log_start = log.log_end = max(log_start, starts[0]) if starts else log_start
        self._check_small_files()
        for name in names:
            if name.endswith((SWAP_SUFFIX, CLEANED_SUFFIX)):
                log.unfinished.append(f"{self._path(name)}: a compaction was interrupted")
            elif _SNAPSHOT.fullmatch(name):
                self._check_snapshot(name)
        for base_offset, following in zip(starts, [*starts[1:], None], strict=True):
            self._check_segment(base_offset, following)

    def _check_small_files(self) -> None:
        try:
            self.log.topic_id = checkpoints.read_topic_id(self._files, self._path(checkpoints.PARTITION_METADATA))
        except MalformedFile as error:
            remedy = "Remove the file: the controller sends the topic's id again"
            self._note(f"{error}. {remedy}", is_synced=self._synced_end is None)
        try:
            checkpoints.read_leader_epochs(self._files, self._path(checkpoints.LEADER_EPOCHS))
        except MalformedFile as error:
            self._note(f"{error}. {self._remedy}", is_synced=self._synced_end is None)

    def _check_snapshot(self, name: str) -> None:
        path, offset = self._path(name), Offset(int(name.removesuffix(SNAPSHOT_SUFFIX)))
        try:
            decode_snapshot(self._files.read(path))
        except CorruptSnapshot as error:
            self._note(f"{path}: no snapshot of producers: {error}. {self._remedy}", is_synced=self._is_synced(offset))

    def _check_segment(self, base_offset: Offset, following: Offset | None) -> None:
        stem, problems = self._path(segment_name(base_offset)), list[str]()
        indexed = self._indexed_positions(stem, base_offset, problems)
        if (found := self._check_batches(stem + LOG_SUFFIX, base_offset, following, indexed)) is None:
            return  # the indexes may well be right about what cannot be read
        next_offset, latest = found
        if indexed:
            position, offset = next(iter(indexed.items()))
            problems.append(f"{stem}{INDEX_SUFFIX}: offset {offset} is not at byte {position}. {self._remedy}")
        missing = [suffix for suffix in (INDEX_SUFFIX, TIME_INDEX_SUFFIX) if not self._files.exists(stem + suffix)]
        if next_offset > base_offset:
            problems += [f"{stem}{suffix} is missing. {self._remedy}" for suffix in missing]
        self._check_time_index(stem, base_offset, next_offset, latest, problems)
        self._check_transaction_index(stem, base_offset, problems)
        for problem in problems:
            self._note(problem, is_synced=self._is_synced(next_offset))

    def _check_batches(
        self, path: str, base_offset: Offset, following: Offset | None, indexed: dict[int, Offset]
    ) -> tuple[Offset, int] | None:
        """(next offset, latest timestamp); None when there is damage. Removes what is correct from `indexed`."""
        log, size = self.log, self._files.size(path)
        log.size_in_bytes += size
        expected, end, latest = base_offset, 0, NO_TIMESTAMP
        file = self._files.open(path)
        try:
            for batch in scan(file.read_at, size):
                header = batch.header
                if not crc_is_valid(batch.data, batch.at, header):
                    raise CorruptRecords("a batch with a wrong checksum")
                if header.base_offset < expected or (following is not None and header.last_offset >= following):
                    raise CorruptRecords(f"offset {header.base_offset} is not where it belongs")
                if indexed.get(batch.position, -1) >= header.base_offset:
                    del indexed[batch.position]
                expected, end = header.next_offset, batch.position + header.size
                latest = max(latest, header.max_timestamp)
                if header.last_offset >= log.log_start and not header.is_control:
                    log.records += max(header.record_count, 0)
                self._on_batch(log.topic_partition, batch)
        except CorruptRecords as error:
            where = f"{path}, byte {end} (offset {expected})"
            is_synced = self._synced_end is None or expected < self._synced_end
            self._note(f"{where}: {error}", is_synced=is_synced)
            return None
        finally:
            file.close()
            log.log_end = max(log.log_end, expected)
        return expected, latest

    def _indexed_positions(self, stem: str, base_offset: Offset, problems: list[str]) -> dict[int, Offset]:
        """The entries of the offset index: where a batch begins, and an offset that is in it or after it."""
        try:
            entries = OffsetIndex(self._files, stem + INDEX_SUFFIX, base_offset, 0).entries()
        except CorruptIndex as error:
            problems.append(f"{error}. {self._remedy}")
            return {}
        return {position: offset for offset, position in entries}

    def _check_time_index(
        self, stem: str, base_offset: Offset, next_offset: Offset, latest: int, problems: list[str]
    ) -> None:
        path = stem + TIME_INDEX_SUFFIX
        try:
            for timestamp, offset in TimeIndex(self._files, path, base_offset, 0).entries()[-1:]:
                if offset >= next_offset or timestamp > latest:
                    raise CorruptIndex(f"{path}: offset {offset} of {timestamp} ms is not in the log")
        except CorruptIndex as error:
            problems.append(f"{error}. {self._remedy}")

    def _check_transaction_index(self, stem: str, base_offset: Offset, problems: list[str]) -> None:
        try:
            TransactionIndex(self._files, stem + TXN_INDEX_SUFFIX, base_offset).entries()
        except CorruptIndex as error:
            problems.append(f"{error}. {self._remedy}")

    def _is_synced(self, end: Offset) -> bool:
        """Whether the disk had everything below offset `end` for sure."""
        return self._synced_end is None or end <= self._synced_end

    def _note(self, problem: str, *, is_synced: bool) -> None:
        (self.log.damage if is_synced else self.log.unfinished).append(problem)

    def _path(self, name: str) -> str:
        return os.path.join(self.log.folder, name)
