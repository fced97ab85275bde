"""Checks clients' batches before they are appended; slow checks run in a thread, while other clients are served.

A batch of a few KB may decompress to 128 MiB, and then be read by slow code, or be compressed with another codec.
Decompression lets other threads run. The survey does not, but it is compiled, and takes 10 ns per record.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.record_checks import TakesLong
from pykafka_cli.broker.log.validation import CheckedBatch, checked_batch
from pykafka_cli.model import Timestamp, TopicPartition
from pykafka_cli.protocol.records.batch import ATTRIBUTES_AT, CODEC_MASK

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

MOST_AT_ONCE = 2
"""Threads, each of which may hold one decompressed batch."""
QUICK_PLAIN_BYTES = (1 << 20) + 12
"""The largest uncompressed batch that is checked immediately; topics with default limits accept no larger one."""


class BatchChecks:
    """The checks for all partitions of one broker."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="batch-checks")

    async def checked(
        self,
        batches: Mapping[TopicPartition, bytearray | memoryview],
        log_of: Callable[[TopicPartition], PartitionLog],
        now_ms: Timestamp,
    ) -> tuple[dict[TopicPartition, bytearray | memoryview | CheckedBatch], dict[TopicPartition, BrokerError]]:
        """Check those batches of one request that may take long, one by one; other clients are served in between.

        returns   the batches that were accepted, checked or not, and the errors of those that were rejected
        """
        accepted: dict[TopicPartition, bytearray | memoryview | CheckedBatch] = {}
        refused: dict[TopicPartition, BrokerError] = {}
        is_first = True
        for topic_partition, data in batches.items():
            if not may_take_long(data):
                accepted[topic_partition] = data
                continue
            if not is_first:
                await asyncio.sleep(0)
            is_first = False
            try:
                accepted[topic_partition] = await self._checked(data, log_of(topic_partition), now_ms)
            except BrokerError as error:
                refused[topic_partition] = error
            except Exception as error:
                _log.exception("a batch for %s could not be checked", topic_partition)
                refused[topic_partition] = BrokerError(f"{topic_partition}: {error!r}")
        return accepted, refused

    async def _checked(self, data: bytearray | memoryview, log: PartitionLog, now_ms: Timestamp) -> CheckedBatch:
        config, where = log.config, log.topic_partition
        try:
            return checked_batch(data, config, now_ms, where, only_if_quick=True)
        except TakesLong:
            return await self.in_thread(lambda: checked_batch(data, config, now_ms, where))

    async def in_thread(self, check: Callable[[], _T]) -> _T:
        """Run a check in a thread; returns or raises what it does."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, check)

    def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def may_take_long(data: bytearray | memoryview) -> bool:
    """Whether checking this batch may take more than a few milliseconds; it need not go beyond its attributes."""
    return bool(data[ATTRIBUTES_AT + 1] & CODEC_MASK) or len(data) > QUICK_PLAIN_BYTES
