"""All logs of a broker: opens and closes them, manages their directories, and runs the periodic work.

    await logs.start()                    lock the directories, check whose they are, open every log
    log = logs.get_or_create(tp, topic_id, is_new=True)
    await logs.flush(log)
    await logs.shutdown()                 sync and checkpoint everything, so that the next start has nothing to recover

What is slow (fsync, deletion, checkpoints, cleaning, creating many logs) runs in threads; the logs themselves are used
on the loop alone.
Source: LogManager.
"""

import asyncio
import contextlib
import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.errors import InconsistentTopicId, KafkaStorageError, LogDirNotFound
from pykafka_cli.broker.log.checkpointing import Checkpointing
from pykafka_cli.broker.log.cleaner import LogCleaner
from pykafka_cli.broker.log.creations import Creations, NewLog
from pykafka_cli.broker.log.listener import LogListener
from pykafka_cli.broker.log.log_directory import LogDirectory
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.removals import Removals
from pykafka_cli.model import FIRST_OFFSET, BrokerId, Milliseconds, Offset, TopicPartition, in_seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.storage.checkpoints import (
    KRAFT_VERSION,
    ZOOKEEPER_VERSION,
    MetaProperties,
    check_meta_properties,
)
from pykafka_cli.storage.files import DiskFiles, Files
from pykafka_cli.storage.partition_folders import DELETE_SUFFIX

_log = logging.getLogger(__name__)

_T = TypeVar("_T")
_Job: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

_FLUSH_CHECK_MS = 10_000
"""How often to check for a topic with flush.ms, while there is none."""


class DirectoryUsage(NamedTuple):
    """One of log.dirs, for DescribeLogDirs. `error` is set while it is offline; bytes are None when unknown."""

    path: Path
    error: OSError | None
    total_bytes: int | None
    usable_bytes: int | None
    logs: list[PartitionLog]
    arriving: list[PartitionLog]  # copies on their way here from another directory


class LogManager(LogListener[PartitionLog]):
    """The logs of one broker. `on_directory_failure` is called with the partitions that a disk error took offline."""

    def __init__(
        self,
        settings: BrokerSettings,
        clock: Clock,
        topic_config: Callable[[str], TopicConfig],
        *,
        broker_id: BrokerId,
        cluster_id: str,
        files: Files | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._topic_config = topic_config
        version = KRAFT_VERSION if settings.is_kraft_node else ZOOKEEPER_VERSION
        self._meta = MetaProperties(broker_id, cluster_id, version)
        self._files: Files = files or DiskFiles()
        expiration_ms = settings.producer_id_expiration_ms
        self._directories = [
            LogDirectory(
                self._files,
                Path(path).absolute(),
                clock,
                producer_expiration_ms=Milliseconds(expiration_ms),
                listener=self,
            )
            for path in settings.log_directories
        ]
        self._logs: dict[TopicPartition, PartitionLog] = {}
        self._of_topic: defaultdict[str, dict[int, PartitionLog]] = defaultdict(dict)
        self._threads = ThreadPoolExecutor(max_workers=1 + len(self._directories), thread_name_prefix="log")
        self._periodic: list[asyncio.Task[None]] = []
        self._pending: set[asyncio.Task[None]] = set()
        self._removals = Removals(self._files, clock, self._in_thread, self._spawn)
        self._flushes: defaultdict[TopicPartition, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._is_running = False
        self._creations = Creations(self._directories, topic_config, self._in_thread, self.get, self._adopt)
        self._cleaner = LogCleaner(settings, clock, self._files, self._in_thread)
        self._checkpoints = Checkpointing(lambda: self._online, self._try, self._spawn, self._cleaner.offset_of)
        self.on_directory_failure: list[Callable[[Path, list[TopicPartition]], None]] = []

    @property
    def directories(self) -> list[Path]:
        """log.dirs, absolute."""
        return [directory.path for directory in self._directories]

    # Starting and stopping.

    async def start(self) -> None:
        """Lock the directories and open every log in them. A directory that cannot be read goes offline.

        raises  DirectoryInUse, WrongDirectory, MalformedFile, and nothing was touched; KafkaStorageError when no
                directory can be used or a partition is in two of them
        """
        try:
            for directory in self._directories:
                await self._try(directory, directory.lock)
            found = {directory.path: await self._try(directory, directory.read_meta) for directory in self._online}
            for path, meta in found.items():
                check_meta_properties(str(path), meta, self._meta)
            for directory in self._online:
                if found[directory.path] is None:
                    await self._try(directory, partial(directory.write_meta, self._meta))
            await asyncio.gather(*map(self._load, self._online))
            if not self._online:
                raise KafkaStorageError(f"none of log.dirs can be used: {self._offline_reasons()}")
        except BaseException:
            self._release()
            raise
        self._is_running = True
        self._start_tasks()

    async def _load(self, directory: LogDirectory) -> None:
        folders = await self._try(directory, directory.folders) or []
        configs = {topic: self._topic_config(topic) for topic in {tp.topic for tp, _ in folders}}
        started = self._clock.monotonic()
        for log in await self._try(directory, partial(directory.load, configs)) or []:
            if (other := self._logs.get(log.topic_partition)) is not None:
                raise KafkaStorageError(
                    f"{log.topic_partition} is in two directories, {other.directory} and {log.directory}: "
                    "remove one of them"
                )
            self._adopt(directory, log)
        self._cleaner.clean_up_to.update(directory.cleaned_up_to)
        if directory.error is None:
            seconds = self._clock.monotonic() - started
            _log.info("%s: %d logs opened in %.2f s", directory.path, len(folders), seconds)
            self._removals.add(directory.leftovers(), Milliseconds(0))

    def _adopt(self, directory: LogDirectory, log: PartitionLog) -> None:
        topic, number = log.topic_partition
        self._logs[log.topic_partition] = directory.logs[log.topic_partition] = self._of_topic[topic][number] = log

    def _forget(self, topic_partition: TopicPartition) -> PartitionLog | None:
        log = self._logs.pop(topic_partition, None)
        if log is not None:
            topic, number = topic_partition
            del self._of_topic[topic][number]
            if not self._of_topic[topic]:
                del self._of_topic[topic]
        return log

    def _start_tasks(self) -> None:
        settings, begin_ms = self._settings, self._settings.log_initial_task_delay_ms
        self._every(lambda: settings.log_retention_check_interval_ms, self._retain, begin_ms)
        self._every(
            lambda: settings.log_flush_offset_checkpoint_interval_ms, self._checkpoints.write_recovery_points, begin_ms
        )
        self._every(
            lambda: settings.log_flush_start_offset_checkpoint_interval_ms, self._checkpoints.write_log_starts, begin_ms
        )
        self._every(lambda: settings.replica_high_watermark_checkpoint_interval_ms, self.checkpoint_high_watermarks)
        self._every(lambda: settings.producer_id_expiration_check_interval_ms, self._expire_producers)
        self._periodic.append(asyncio.create_task(self._flush_by_time()))
        if settings.log_cleaner_enable:
            self._every(lambda: settings.log_cleaner_backoff_ms, self._clean)

    def _every(self, interval_ms: Callable[[], int], job: _Job, first_ms: int | None = None) -> None:
        """Repeat it; the interval is read each time, as it may be altered."""
        self._periodic.append(asyncio.create_task(self._repeat(interval_ms, job, first_ms)))

    async def _repeat(self, interval_ms: Callable[[], int], job: _Job, first_ms: int | None) -> None:
        delay_ms = interval_ms() if first_ms is None else first_ms
        while True:
            await self._clock.sleep(in_seconds(delay_ms))
            try:
                await asyncio.shield(self._spawn(job()))
            except Exception:
                _log.exception("%s failed and will be retried", job.__name__)
            delay_ms = interval_ms()

    async def shutdown(self) -> None:
        """Sync every log, write all checkpoints, mark the directories as left cleanly and unlock them."""
        if not self._is_running:
            return
        self._is_running = False
        self._cleaner.stop()
        for task in self._periodic:
            task.cancel()
        self._removals.cancel()
        await asyncio.gather(*self._periodic, return_exceptions=True)
        while self._pending:
            await asyncio.wait(self._pending)
        for log in self.all():  # a disk error takes logs away meanwhile
            if not log.is_offline:
                with contextlib.suppress(KafkaStorageError):
                    log.close()
        last = [self._flush(log, log.log_end, even_if_synced=True) for log in self._logs.values()]
        await asyncio.gather(*last, return_exceptions=True)
        await self._checkpoints.write_all()
        for directory in self._online:
            if all(log.recovery_point == log.log_end for log in directory.logs.values()):
                await self._try(directory, directory.mark_clean_shutdown)
        self._release()

    def _release(self) -> None:
        for log in self._logs.values():
            log.release()
        for directory in self._directories:
            for copy in directory.arriving.values():
                copy.release()
            directory.unlock()
        self._threads.shutdown(wait=False)

    # Logs.

    def get(self, topic_partition: TopicPartition) -> PartitionLog | None:
        return self._logs.get(topic_partition)

    def all(self) -> list[PartitionLog]:
        return list(self._logs.values())

    def get_or_create(
        self, topic_partition: TopicPartition, topic_id: uuid.UUID | None, *, is_new: bool
    ) -> PartitionLog:
        """The partition's log; a new one goes into the online directory that has the fewest.

        is_new  the partition was just created: no offline directory can have a log of it
        raises  InconsistentTopicId for a log of another topic of the same name; KafkaStorageError
        """
        log = self._logs.get(topic_partition)
        if log is not None:
            self._check_topic_id(log, topic_id)
            return log
        return self._creations.create(NewLog(topic_partition, topic_id, is_new))

    async def create_all(self, wanted: Sequence[NewLog]) -> None:
        """Create those that are not here, in a thread. If one cannot be created, `get_or_create` raises the reason."""
        await asyncio.shield(self._spawn(self._creations.create_all(wanted)))

    def _check_topic_id(self, log: PartitionLog, topic_id: uuid.UUID | None) -> None:
        if topic_id is None or log.topic_id == topic_id:
            return
        if log.topic_id is not None:
            raise InconsistentTopicId(
                f"{log.topic_partition}: the log in {log.directory} is of topic id {log.topic_id}, not {topic_id}"
            )
        log.assign_topic_id(topic_id)

    def delete(self, topic_partition: TopicPartition) -> None:
        """Forget a log; its folder is renamed now and removed after file.delete.delay.ms. None is no error."""
        log = self._forget(topic_partition)
        if log is None:
            return
        directory = self._directory_of(log)
        for offsets in (directory.logs, directory.high_watermarks, self._flushes):
            offsets.pop(topic_partition, None)
        self._cleaner.forget(topic_partition)
        log.release()
        if directory.error is not None:
            return
        try:
            path = directory.set_aside(log, DELETE_SUFFIX)
        except OSError as error:
            self._directory_failed(directory, error)
            return
        log.take_offline()
        self._removals.add([path], Milliseconds(log.config.file_delete_delay_ms))
        self._checkpoints.write_all_soon()  # a topic of the same name must not find its offsets

    def topic_config_changed(self, topic: str, config: TopicConfig) -> None:
        """From now on the topic's logs go by `config`."""
        for log in self._of_topic.get(topic, {}).values():
            log.config = config

    def checkpointed_high_watermark(self, topic_partition: TopicPartition) -> Offset:
        """As the last checkpoint before the start had it; 0 when it had none."""
        return next(
            (
                each.high_watermarks[topic_partition]
                for each in self._directories
                if topic_partition in each.high_watermarks
            ),
            FIRST_OFFSET,
        )

    # What logs report. A copy that is on its way to another directory is not in use, and needs none of it.

    def on_failure(self, log: PartitionLog, error: OSError) -> None:
        self._directory_failed(self._directory_of(log), error)

    def on_roll(self, log: PartitionLog) -> None:
        if self._is_in_use(log):
            self._flush_soon(log)

    def on_cut(self, log: PartitionLog) -> None:
        if self._is_in_use(log):
            self._cleaner.log_was_cut(log)
            # Neither the cut nor what is written in its place is synced, and a recovery must begin before it.
            self._flush_soon(log, even_if_synced=True)
            self._checkpoints.write_all_soon()

    def discard(self, log: PartitionLog, files: Files, paths: Sequence[str]) -> None:
        if self._is_in_use(log):
            self._removals.add(paths, Milliseconds(log.config.file_delete_delay_ms))
        else:
            super().discard(log, files, paths)

    def _is_in_use(self, log: PartitionLog) -> bool:
        return self._logs.get(log.topic_partition) is log

    # Moving a log to another directory. The caller copies the records (replication/directory_moves.py).

    def prefer_directory(self, topic_partition: TopicPartition, path: str) -> None:
        """Choose where the partition's log will be created. raises LogDirNotFound, KafkaStorageError."""
        self._creations.prefer(topic_partition, self._directory_at(path))

    def begin_move(self, log: PartitionLog, path: str) -> PartitionLog | None:
        """An empty log for a move of `log` to another directory; None when `log` is already there.

        raises  LogDirNotFound, KafkaStorageError
        """
        directory = self._directory_at(path)
        if directory.logs.get(log.topic_partition) is log:
            return None
        try:
            copy = directory.create(log.topic_partition, log.config, log.topic_id, is_arriving=True)
        except OSError as error:
            raise KafkaStorageError(f"{log.topic_partition}: cannot create a log in {path}: {error}") from error
        directory.arriving[log.topic_partition] = copy
        return copy

    def finish_move(self, log: PartitionLog, copy: PartitionLog) -> None:
        """Use `copy`, which has all that `log` has, and remove `log`. raises KafkaStorageError."""
        directory = self._directory_of(copy)
        try:
            directory.settle(copy)
        except OSError as error:
            self._directory_failed(directory, error)
            raise KafkaStorageError(f"{copy.topic_partition}: cannot move to {directory.path}: {error}") from error
        del directory.arriving[copy.topic_partition]
        self.delete(log.topic_partition)
        copy.config = log.config
        self._adopt(directory, copy)

    def cancel_move(self, copy: PartitionLog) -> None:
        """Remove a copy that is not wanted any more."""
        directory = self._directory_of(copy)
        directory.arriving.pop(copy.topic_partition, None)
        copy.release()
        if directory.error is None and not copy.is_offline:
            copy.take_offline()
            self._removals.add([str(copy.directory)], Milliseconds(0))

    # Directories.

    def usages(self) -> list[DirectoryUsage]:
        """Every directory with its logs."""
        found = []
        for each in self._directories:
            total, usable = each.usage()
            logs, arriving = list(each.logs.values()), list(each.arriving.values())
            found.append(DirectoryUsage(each.path, each.error, total, usable, logs, arriving))
        return found

    @property
    def _online(self) -> list[LogDirectory]:
        return [directory for directory in self._directories if directory.error is None]

    def _directory_at(self, path: str) -> LogDirectory:
        directory = next((each for each in self._directories if each.path == Path(path)), None)
        if directory is None:
            raise LogDirNotFound(f"{path} is not one of log.dirs")
        if directory.error is not None:
            raise KafkaStorageError(f"{path} is offline: {directory.error}")
        return directory

    def _directory_of(self, log: PartitionLog) -> LogDirectory:
        return next(directory for directory in self._directories if directory.path == log.directory.parent)

    def _offline_reasons(self) -> str:
        return "; ".join(f"{each.path}: {each.error}" for each in self._directories if each.error is not None)

    def _directory_failed(self, directory: LogDirectory, error: OSError) -> None:
        if directory.error is not None:
            return
        directory.error = error
        _log.error("log directory %s is offline, its partitions are not served: %s", directory.path, error)
        gone = list(directory.logs.values())
        for log in (*gone, *directory.arriving.values()):
            log.take_offline()
        directory.logs.clear()
        directory.arriving.clear()
        for log in gone:
            self._forget(log.topic_partition)
        for callback in self.on_directory_failure:
            callback(directory.path, [log.topic_partition for log in gone])

    async def _try(self, directory: LogDirectory, action: Callable[[], _T]) -> _T | None:
        # In a thread; an error takes the directory offline, the others continue.
        try:
            return await self._in_thread(action)
        except OSError as error:
            self._directory_failed(directory, error)
            return None

    async def _in_thread(self, action: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, action)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # Work that a thread is in the middle of must not be canceled, but its waiter may be: hence the shield.
        task = asyncio.get_running_loop().create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        return task

    # Periodic work.

    async def flush(self, log: PartitionLog) -> None:
        """Return when everything that is in the log now is on the device. raises KafkaStorageError."""
        await asyncio.shield(self._spawn(self._flush(log, log.log_end)))

    def _flush_soon(self, log: PartitionLog, *, even_if_synced: bool = False) -> None:
        async def flush() -> None:
            with contextlib.suppress(KafkaStorageError):
                await self._flush(log, log.log_end, even_if_synced=even_if_synced)

        self._spawn(flush())

    async def _flush(self, log: PartitionLog, up_to: Offset, *, even_if_synced: bool = False) -> None:
        # One at a time: a second plan holds nothing of what the first one is still syncing. Who had to wait finds most
        # of its work done by a previous one.
        async with self._flushes[log.topic_partition]:
            if log.is_offline or (log.recovery_point >= up_to and not even_if_synced):
                return
            plan = log.begin_flush()
            try:
                await self._in_thread(plan.run)
            except OSError as error:
                if log.is_offline:  # it was deleted meanwhile
                    return
                self._directory_failed(self._directory_of(log), error)
                raise KafkaStorageError(f"{log.topic_partition}: cannot sync {log.directory}: {error}") from error
            log.finish_flush(plan)

    async def _flush_by_time(self) -> None:
        while True:
            shortest = min((log.config.flush_ms for log in self._logs.values()), default=_FLUSH_CHECK_MS)
            delay_ms = min(shortest, self._settings.log_flush_scheduler_interval_ms, _FLUSH_CHECK_MS)
            await self._clock.sleep(in_seconds(max(delay_ms, 1)))
            now_ms = self._clock.now_ms()
            for log in self.all():
                if log.recovery_point < log.log_end and now_ms - log.last_flush_ms >= log.config.flush_ms:
                    with contextlib.suppress(KafkaStorageError):
                        await self.flush(log)

    async def _retain(self) -> None:
        for log in self.all():
            with contextlib.suppress(KafkaStorageError):
                log.delete_old_segments()
            log.segments.release_idle()
            await asyncio.sleep(0)

    async def _clean(self) -> None:
        while await self._cleaner.clean_dirtiest(self.all()):
            await self._checkpoints.write_cleaner_offsets()

    async def _expire_producers(self) -> None:
        for log in self.all():
            log.expire_producers(Milliseconds(self._settings.producer_id_expiration_ms))

    async def checkpoint_high_watermarks(self) -> None:
        """Write replication-offset-checkpoint where a high watermark has moved."""
        await self._checkpoints.write_high_watermarks()
