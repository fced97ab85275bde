"""Writes the offsets of a broker's logs to the checkpoints in their directories. Formats: storage/checkpoints.py."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from pykafka_cli.broker.log.log_directory import LogDirectory
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.model import Offset
from pykafka_cli.storage import checkpoints


class Checkpointing:
    """Writes one checkpoint at a time, in each directory where it would change.

    online              the directories to write to
    write               writes a file in a thread; an error takes the directory offline
    spawn               runs a coroutine that nobody waits for
    cleaner_offset_of   the offset up to which a log has been cleaned; None if it has not been cleaned
    """

    def __init__(
        self,
        online: Callable[[], Iterable[LogDirectory]],
        write: Callable[[LogDirectory, Callable[[], None]], Awaitable[object]],
        spawn: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"],
        cleaner_offset_of: Callable[[PartitionLog], Offset | None],
    ) -> None:
        self._online = online
        self._write = write
        self._spawn = spawn
        self._cleaner_offset_of = cleaner_offset_of
        self._writing = asyncio.Lock()
        self._is_due = False
        self._while_due: asyncio.Task[None] | None = None

    def write_all_soon(self) -> None:
        """Write all, once for whatever changes before it begins: thousands of logs may be deleted together."""
        self._is_due = True
        if self._while_due is None or self._while_due.done():
            self._while_due = self._spawn(self._write_while_due())

    async def _write_while_due(self) -> None:
        while self._is_due:
            self._is_due = False
            await self.write_all()

    async def write_all(self) -> None:
        await self.write_recovery_points()
        await self.write_log_starts()
        await self.write_cleaner_offsets()
        await self.write_high_watermarks()

    async def write_recovery_points(self) -> None:
        await self._checkpoint(checkpoints.RECOVERY_POINTS, lambda log: log.recovery_point)

    async def write_log_starts(self) -> None:
        await self._checkpoint(checkpoints.LOG_STARTS, _moved_start)

    async def write_high_watermarks(self) -> None:
        await self._checkpoint(checkpoints.HIGH_WATERMARKS, lambda log: log.high_watermark)

    async def write_cleaner_offsets(self) -> None:
        await self._checkpoint(checkpoints.CLEANER_OFFSETS, self._cleaner_offset_of)

    async def _checkpoint(self, name: str, offset_of: Callable[[PartitionLog], Offset | None]) -> None:
        async with self._writing:
            for directory in self._online():
                offsets = {log.topic_partition: offset_of(log) for log in directory.logs.values()}
                known = {tp: offset for tp, offset in offsets.items() if offset is not None}
                write = directory.plan_checkpoint(name, known)
                if write is not None:
                    await self._write(directory, write)


def _moved_start(log: PartitionLog) -> Offset | None:
    """The log's start, unless its first segment begins there."""
    return log.log_start if log.log_start > log.segments[0].base_offset else None
