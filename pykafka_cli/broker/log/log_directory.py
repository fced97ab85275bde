"""One directory of log.dirs: its lock, its meta.properties, and the partition folders in it.

    .lock                               held by the one process that uses the directory
    meta.properties  *-checkpoint       see storage/checkpoints.py
    .kafka_cleanshutdown
    orders-0/                           one partition; see storage/partition_folders.py

A disk error takes the directory offline with all its partitions; the others continue. Source: LogManager, LocalLog.
"""

import logging
import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.log.listener import LogListener
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.recovery import load_log
from pykafka_cli.model import FIRST_OFFSET, Milliseconds, Offset, TopicPartition
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.storage import checkpoints
from pykafka_cli.storage.checkpoints import MalformedFile, MetaProperties
from pykafka_cli.storage.files import Files, Lock
from pykafka_cli.storage.partition_folders import (
    DELETE_SUFFIX,
    FUTURE_SUFFIX,
    MOVED_FOLDER,
    moved_name,
    parse_folder,
)

_log = logging.getLogger(__name__)


class DirectoryInUse(Exception):
    """Another process works in the log directory."""


class LogDirectory:
    """One entry of log.dirs. After `lock`, this process alone uses it."""

    def __init__(
        self,
        files: Files,
        path: Path,
        clock: Clock,
        *,
        producer_expiration_ms: Milliseconds,
        listener: LogListener[PartitionLog],
    ) -> None:
        self._files = files
        self.path = path
        self._clock = clock
        self._producer_expiration_ms = producer_expiration_ms
        self._listener = listener
        self._lock: Lock | None = None
        self.error: OSError | None = None
        """Why the directory is offline; None while it is in use."""
        self.logs: dict[TopicPartition, PartitionLog] = {}
        self.arriving: dict[TopicPartition, PartitionLog] = {}
        """Logs that are copied here from another directory, not in use yet."""
        self.high_watermarks: dict[TopicPartition, Offset] = {}
        self.cleaned_up_to: dict[TopicPartition, Offset] = {}
        self._written: dict[str, dict[TopicPartition, Offset]] = {}

    def lock(self) -> None:
        """Make the directory if need be and take it. raises DirectoryInUse, OSError."""
        self._files.make_directory(str(self.path))
        path = os.path.join(self.path, checkpoints.LOCK)
        try:
            self._lock = self._files.lock(path)
        except BlockingIOError:
            raise DirectoryInUse(
                f"{self.path}: another process is using this log directory (it holds {path}). "
                "Stop it, or choose another directory in log.dirs."
            ) from None

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def read_meta(self) -> MetaProperties | None:
        """raises  MalformedFile, OSError"""
        return checkpoints.read_meta_properties(self._files, str(self.path))

    def write_meta(self, meta: MetaProperties) -> None:
        checkpoints.write_meta_properties(self._files, str(self.path), meta)

    def folders(self) -> list[tuple[TopicPartition, str]]:
        """Partitions that have a folder here, and its name."""
        found = [(parse_folder(name), name) for name in self._subfolders()]
        return [(topic_partition, name) for topic_partition, name in found if topic_partition is not None]

    def leftovers(self) -> list[str]:
        """Folders that a deletion left behind, as paths, to be removed."""
        names = (name for name in self._subfolders() if name.endswith((DELETE_SUFFIX, FUTURE_SUFFIX)))
        return [os.path.join(self.path, name) for name in names if MOVED_FOLDER.fullmatch(name)]

    def _subfolders(self) -> list[str]:
        names = self._files.names(str(self.path))
        return [name for name in names if self._files.is_directory(os.path.join(self.path, name))]

    def load(self, configs: Mapping[str, TopicConfig]) -> list[PartitionLog]:
        """Open every partition here, with recovery if the directory was not left cleanly. Slow: not for the loop.

        configs  by topic
        raises   OSError, MalformedFile
        """
        had_clean_shutdown = checkpoints.take_clean_shutdown_mark(self._files, str(self.path))
        recovery_points = self._read_offsets(checkpoints.RECOVERY_POINTS)
        log_starts = self._read_offsets(checkpoints.LOG_STARTS)
        self.high_watermarks = self._read_offsets(checkpoints.HIGH_WATERMARKS)
        self.cleaned_up_to = self._read_offsets(checkpoints.CLEANER_OFFSETS)
        folders = self.folders()
        if folders and not had_clean_shutdown:
            _log.warning("%s: recovering %d logs, since the last run did not end in order", self.path, len(folders))
        logs: list[PartitionLog] = []
        for topic_partition, name in folders:
            logs.append(
                self._open(
                    topic_partition,
                    name,
                    configs[topic_partition.topic],
                    had_clean_shutdown=had_clean_shutdown,
                    recovery_point=recovery_points.get(topic_partition, FIRST_OFFSET),
                    log_start=log_starts.get(topic_partition, FIRST_OFFSET),
                )
            )
        return logs

    def create(
        self,
        topic_partition: TopicPartition,
        config: TopicConfig,
        topic_id: uuid.UUID | None,
        *,
        is_arriving: bool = False,
    ) -> PartitionLog:
        """A new, empty log; one that is arriving has another name until it is in use. raises OSError."""
        name = moved_name(topic_partition, FUTURE_SUFFIX, uuid.uuid4()) if is_arriving else str(topic_partition)
        folder = os.path.join(self.path, name)
        self._files.make_directory(folder)
        if topic_id is not None:
            checkpoints.write_topic_id(self._files, os.path.join(folder, checkpoints.PARTITION_METADATA), topic_id)
        return self._open(
            topic_partition, name, config, had_clean_shutdown=True, recovery_point=FIRST_OFFSET, log_start=FIRST_OFFSET
        )

    def _open(
        self,
        topic_partition: TopicPartition,
        name: str,
        config: TopicConfig,
        *,
        had_clean_shutdown: bool,
        recovery_point: Offset,
        log_start: Offset,
    ) -> PartitionLog:
        log = load_log(
            self._files,
            self.path / name,
            topic_partition,
            config,
            clock=self._clock,
            had_clean_shutdown=had_clean_shutdown,
            recovery_point=recovery_point,
            log_start=log_start,
            producer_expiration_ms=self._producer_expiration_ms,
            listener=self._listener,
        )
        log.set_high_watermark(self.high_watermarks.get(topic_partition, FIRST_OFFSET))
        return log

    def set_aside(self, log: PartitionLog, suffix: str) -> str:
        """Rename a partition's folder out of the way; returns the new path. raises OSError."""
        unique = uuid.uuid4()
        path = self.path / moved_name(log.topic_partition, suffix, unique)
        self._files.rename(str(log.directory), str(path))
        log.moved_to(path)
        return str(path)

    def settle(self, log: PartitionLog) -> None:
        """Give a log that has arrived its partition's own name. raises OSError."""
        path = self.path / str(log.topic_partition)
        self._files.rename(str(log.directory), str(path))
        log.moved_to(path)

    def _read_offsets(self, name: str) -> dict[TopicPartition, Offset]:
        try:
            offsets = checkpoints.read_offsets(self._files, os.path.join(self.path, name))
        except MalformedFile as error:
            _log.warning("%s; the file is ignored", error)
            return {}
        self._written[name] = dict(offsets)
        return offsets

    def plan_checkpoint(self, name: str, offsets: dict[TopicPartition, Offset]) -> Callable[[], None] | None:
        """What writes this checkpoint, for any thread; None when the file says it already."""
        if self.error is not None or self._written.get(name, {}) == offsets:
            return None
        self._written[name] = offsets
        return lambda: checkpoints.write_offsets(self._files, os.path.join(self.path, name), offsets)

    def mark_clean_shutdown(self) -> None:
        checkpoints.mark_clean_shutdown(self._files, str(self.path))

    def usage(self) -> tuple[int, int] | tuple[None, None]:
        """(total, usable) bytes of the volume; None for both when it cannot be asked."""
        try:
            return self._files.free_bytes(str(self.path))
        except OSError:
            return None, None
