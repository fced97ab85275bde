"""Creates the logs of new partitions: one at once, or many in a thread, while the loop serves others.

A new log goes into the directory that has the fewest, or into the one that was chosen for it. Source: LogManager.
"""

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple

from pykafka_cli.broker.errors import KafkaStorageError
from pykafka_cli.broker.log.log_directory import LogDirectory
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.model import TopicPartition
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.storage.checkpoints import MalformedFile

AT_A_TIME = 50
"""Logs that a thread creates before they are put to use; what else waits for that thread waits no longer."""


class NewLog(NamedTuple):
    """A log to create. `is_new`: the partition was just created, so no offline directory can have a log of it."""

    topic_partition: TopicPartition
    topic_id: uuid.UUID | None
    is_new: bool


class _Placed(NamedTuple):
    directory: LogDirectory
    new: NewLog
    config: TopicConfig

    def create(self) -> PartitionLog:
        return self.directory.create(self.new.topic_partition, self.config, self.new.topic_id)


Made = list[PartitionLog | None]


class Creations:
    """
    directories   all log directories, some of which may be offline
    in_thread     runs a function off the loop
    find          the log of a partition, if it has one
    adopt         puts a new log to use
    """

    def __init__(
        self,
        directories: Sequence[LogDirectory],
        topic_config: Callable[[str], TopicConfig],
        in_thread: Callable[[Callable[[], Made]], Awaitable[Made]],
        find: Callable[[TopicPartition], PartitionLog | None],
        adopt: Callable[[LogDirectory, PartitionLog], None],
    ) -> None:
        self._directories = directories
        self._topic_config = topic_config
        self._in_thread = in_thread
        self._find = find
        self._adopt = adopt
        self._preferred: dict[TopicPartition, LogDirectory] = {}
        self._creating = asyncio.Lock()

    def prefer(self, topic_partition: TopicPartition, directory: LogDirectory) -> None:
        """Create the partition's log there, unless that directory is offline by then."""
        self._preferred[topic_partition] = directory

    def create(self, new: NewLog) -> PartitionLog:
        """raises  KafkaStorageError"""
        placed = self._placed(new, Counter())
        try:
            log = placed.create()
        except OSError as error:
            raise KafkaStorageError(
                f"{new.topic_partition}: cannot create a log in {placed.directory.path}: {error}"
            ) from error
        self._take(placed, log)
        return log

    async def create_all(self, wanted: Sequence[NewLog]) -> None:
        """Create these in a thread. Those that cannot be created are left out: `create` raises the reason."""
        async with self._creating:
            for first in range(0, len(wanted), AT_A_TIME):
                await self._create_some(wanted[first : first + AT_A_TIME])

    async def _create_some(self, wanted: Sequence[NewLog]) -> None:
        some: list[_Placed] = []
        also: Counter[LogDirectory] = Counter()
        for new in wanted:
            if self._find(new.topic_partition) is None:
                with contextlib.suppress(KafkaStorageError):
                    some.append(self._placed(new, also))
                    also[some[-1].directory] += 1
        for placed, log in zip(some, await self._in_thread(partial(_made, some)), strict=True):
            if log is not None and placed.directory.error is None:
                self._take(placed, log)
            elif log is not None:
                log.release()

    def _placed(self, new: NewLog, also: Counter[LogDirectory]) -> _Placed:
        """Where to create a log, and how. `also`: how many more logs there will be.

        raises    KafkaStorageError
        """
        online = [directory for directory in self._directories if directory.error is None]
        if not new.is_new and len(online) < len(self._directories):
            raise KafkaStorageError(
                f"{new.topic_partition}: its log may be in a directory that is offline: {self._offline_reasons()}"
            )
        if not online:
            raise KafkaStorageError(f"{new.topic_partition}: no log directory is online: {self._offline_reasons()}")
        preferred = self._preferred.get(new.topic_partition)
        chosen = preferred if preferred in online else min(online, key=lambda each: len(each.logs) + also[each])
        return _Placed(chosen, new, self._topic_config(new.topic_partition.topic))

    def _offline_reasons(self) -> str:
        return "; ".join(f"{each.path}: {each.error}" for each in self._directories if each.error is not None)

    def _take(self, placed: _Placed, log: PartitionLog) -> None:
        self._preferred.pop(log.topic_partition, None)
        self._adopt(placed.directory, log)


def _made(some: Sequence[_Placed]) -> Made:
    return [_made_if_possible(placed) for placed in some]


def _made_if_possible(placed: _Placed) -> PartitionLog | None:
    try:
        return placed.create()
    except (OSError, MalformedFile):
        return None
