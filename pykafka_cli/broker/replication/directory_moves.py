"""Moves replicas from one of this broker's log directories to another (KIP-113): one task copies each log.

The partition stays in service on its old log. When the copy has everything, and is on the device, the two change places
between two requests. A move does not survive a restart of the broker; it then has to be requested again.
Source: ReplicaAlterLogDirsThread.
"""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.replication.copying import copy_some
from pykafka_cli.model import TopicPartition

if TYPE_CHECKING:
    from pykafka_cli.broker.clock import Clock
    from pykafka_cli.broker.log.log_manager import LogManager
    from pykafka_cli.broker.log.partition_log import PartitionLog
    from pykafka_cli.broker.quotas.replication_quotas import ReplicationQuota
    from pykafka_cli.broker.replication.partition import Partition

_log = logging.getLogger(__name__)

CHUNK_BYTES = 1024 * 1024
"""How much is copied between two turns of everybody else."""


@dataclass(slots=True, eq=False)
class _Move:
    partition: "Partition"
    original: "PartitionLog"
    copy: "PartitionLog"
    task: asyncio.Task[None] | None = None


class DirectoryMoves:
    """The moves under way, at most one for each partition."""

    def __init__(self, logs: "LogManager", clock: "Clock", quota: "ReplicationQuota") -> None:
        self._logs, self._clock, self._quota = logs, clock, quota
        self._moves: dict[TopicPartition, _Move] = {}

    def begin(self, partition: "Partition", path: str) -> None:
        """Move the partition's log to the directory `path`; instead of to another, if it is on its way there.

        raises   NotLeaderOrFollower, LogDirNotFound, KafkaStorageError
        """
        original = partition.hosted_log()
        under_way = self._moves.get(partition.topic_partition)
        if under_way is not None:
            if under_way.copy.directory.parent == Path(path):
                return
            self.cancel(partition.topic_partition)
        copy = self._logs.begin_move(original, path)
        if copy is not None:
            move = self._moves[partition.topic_partition] = _Move(partition, original, copy)
            move.task = asyncio.get_running_loop().create_task(self._run(move), name=f"move {partition}")

    def cancel(self, topic_partition: TopicPartition) -> None:
        """Give a move up, if there is one."""
        move = self._moves.pop(topic_partition, None)
        if move is not None:
            if move.task is not None:
                move.task.cancel()
            self._logs.cancel_move(move.copy)

    async def stop(self) -> None:
        """End all moves; what was copied is removed at the next start."""
        tasks = [move.task for move in self._moves.values() if move.task is not None]
        self._moves.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, move: _Move) -> None:
        try:
            await self._copy(move)
        except (BrokerError, OSError) as error:
            _log.error("moving %s to %s was given up: %s", move.partition, move.copy.directory.parent, error)
            move.task = None  # it is this one, and ends by itself
            self.cancel(move.partition.topic_partition)

    async def _copy(self, move: _Move) -> None:
        await self._copy_all(move)
        await self._logs.flush(move.copy)
        await self._copy_all(move)  # what came during the flush; from here on nothing can come between
        for entry in move.original.epochs.entries:
            move.copy.epochs.assign(*entry)  # including epochs without records
        self._logs.finish_move(move.original, move.copy)
        move.partition.replace_log(move.copy)
        del self._moves[move.partition.topic_partition]
        _log.info("%s: moved to %s", move.partition, move.copy.directory.parent)

    async def _copy_all(self, move: _Move) -> None:
        while True:
            copied = copy_some(move.original, move.copy, CHUNK_BYTES)
            self._quota.record(copied.size)
            if copied.is_complete:
                return
            wait = self._quota.wait()
            await (self._clock.sleep(wait) if wait else asyncio.sleep(0))
