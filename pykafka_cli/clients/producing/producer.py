"""Sends many records to one topic, as fast as possible in Python: the base of the console producer and the perf tools.

Records arrive in columns and leave as batches built by compiled code (record_queue.py). Nothing is awaited per record.

    send ──> RecordAccumulator ──> Sender ──> request task per leader ──> on_result
             a RecordQueue each      ^                  │
             for the partitions      └──────────────────┘
                                     Preparation: leaders, producer id

Defaults, retries, retriable errors and idempotence are those of Kafka's Java producer.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

from pykafka_cli.clients.error_texts import ErrorText
from pykafka_cli.clients.producing.accumulator import RecordAccumulator
from pykafka_cli.clients.producing.background import Background
from pykafka_cli.clients.producing.preparation import Preparation
from pykafka_cli.clients.producing.record_queue import Columns, Header
from pykafka_cli.clients.producing.sender import Result, Sender
from pykafka_cli.clients.producing.topic_leaders import ProducerRefused
from pykafka_cli.clients.session import Session
from pykafka_cli.model import ProducerIdAndEpoch, Timestamp, in_seconds
from pykafka_cli.properties.producer import ProducerSettings

_NO_PARTITION = "org.apache.kafka.common.errors.UnknownTopicOrPartitionException"


class Producer:
    """One topic's producer; a context manager, which sends remaining records on exit without an exception.

    choose      returns a random number below its argument, for the partition of records without a key
    on_result   called for each batch that was sent or has failed
    warn        called with lines that the scripts log at WARN
    """

    def __init__(
        self,
        session: Session,
        topic: str,
        settings: ProducerSettings,
        *,
        choose: Callable[[int], int],
        on_result: Callable[[Result], None],
        warn: Callable[[str], None],
        batch_size: int | None = None,
    ) -> None:
        self.topic = topic
        self.settings = settings
        self._background = Background()
        self._accumulator = RecordAccumulator(topic, settings, choose, batch_size)
        self._preparation = Preparation(session, topic, settings, warn)
        self._sender = Sender(
            session,
            topic,
            settings,
            self._accumulator,
            self._preparation,
            self._background,
            on_result=on_result,
            warn=warn,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                await self.flush()
        finally:
            self._background.close()

    async def prepare(self) -> None:
        """Wait until the topic's leaders are known, and the producer id.

        raises    ProducerRefused, also if that takes longer than max.block.ms; ConnectionFailed
        """
        await self._preparation.complete()

    @property
    def partitions(self) -> range:
        """The partitions of the topic, as far as known."""
        return range(len(self._preparation.topic.leaders))

    @property
    def producer_id(self) -> ProducerIdAndEpoch | None:
        """The producer id and epoch; None without idempotence."""
        return self._preparation.producer

    def continue_as(self, producer: ProducerIdAndEpoch) -> None:
        """Continue with the producer of the next transaction; nothing may be in flight."""
        self._preparation.producer = producer

    @property
    def has_implicit_transactions(self) -> bool:
        """Whether sending adds the partition to the transaction; known once the producer is prepared."""
        return self._preparation.has_implicit_transactions

    async def send(
        self,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None = None,
        headers: Sequence[list[Header]] | None = None,
        *,
        first_tag: int = 0,
        timestamp_ms: Timestamp,
    ) -> None:
        """Queue records with consecutive tags; waits only while buffer.memory is exhausted.

        raises    ProducerRefused if the topic has no leaders within max.block.ms; then nothing was queued
        """
        now = await self._room()
        self._accumulator.append(
            values,
            keys,
            headers,
            first_tag=first_tag,
            timestamp_ms=timestamp_ms,
            available=self._preparation.topic.available(),
            now=now,
        )
        self._sender.send()

    async def send_to(
        self,
        partition: int,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None = None,
        headers: Sequence[list[Header]] | None = None,
        *,
        first_tag: int = 0,
        timestamp_ms: Timestamp,
    ) -> None:
        """Queue records as `send` does, for a given partition.

        raises    ProducerRefused, also if the topic has no such partition
        """
        now = await self._room()
        if partition not in self.partitions:
            raise ProducerRefused(ErrorText(_NO_PARTITION, f"Topic {self.topic} has no partition {partition}"))
        records = Columns(values, keys, headers, range(first_tag, first_tag + len(values)))
        self._accumulator.queues[partition].append_records(records, timestamp_ms, now)
        self._sender.send()

    async def send_batch(self, partition: int, data: bytearray, tags: Sequence[int]) -> None:
        """Queue a whole batch of format 2 for a partition, after queued records.

        data      with offsets from 0 without gaps, and no producer; marked as transactional for such a producer
        tags      one for each record
        raises    ProducerRefused
        """
        now = await self._room()
        self._accumulator.queues[partition].append_batch(data, tags, now)
        self._sender.send()

    async def _room(self) -> float:
        """Wait for room in the queue; return the loop's time."""
        await self.prepare()
        while self._accumulator.held > self.settings.buffer_memory:
            await self._background.change()
        now = asyncio.get_running_loop().time()
        topic = self._preparation.topic
        if now - topic.asked_at > in_seconds(self.settings.metadata_max_age_ms):
            self._sender.request_refresh()
        self._accumulator.grow(len(topic.leaders))
        return now

    def send_queued(self) -> None:
        """Send all that is queued, without lingering."""
        self._accumulator.seal()
        self._sender.send()

    async def flush(self) -> None:
        """Send everything queued, without lingering, and wait until it is sent or has failed."""
        self.send_queued()
        while not self._accumulator.is_empty:
            await self._background.change()
