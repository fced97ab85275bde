"""Records of one topic that wait to be sent: queued by partition, closed, expired.

Nothing here sends or waits, and time is an argument.
source  RecordAccumulator of Kafka's producer
"""

from collections.abc import Callable, Sequence

from pykafka_cli.clients.error_texts import ErrorText
from pykafka_cli.clients.producing.partitioning import Partitioner, RoundRobin
from pykafka_cli.clients.producing.record_queue import Batch, Columns, Header, Packing, RecordQueue
from pykafka_cli.model import Timestamp, in_seconds
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.protocol.records.batch import Compression

_EXCEPTIONS = "org.apache.kafka.common.errors."


class RecordAccumulator:
    """choose    returns a random number below its argument, for the partition of records without a key"""

    def __init__(
        self, topic: str, settings: ProducerSettings, choose: Callable[[int], int], batch_size: int | None = None
    ) -> None:
        self.queues: list[RecordQueue] = []
        """By partition."""
        self._topic = topic
        self._settings = settings
        self._linger = in_seconds(settings.linger_ms)
        self._packing = Packing(
            size=min(batch_size or settings.batch_size or 1, settings.max_request_size),
            compression=Compression[settings.compression_type.upper()],
            compression_level=_level(settings),
            transactional=settings.transactional_id is not None,
        )
        self._partitioner: Partitioner | RoundRobin = (
            RoundRobin()
            if settings.takes_turns
            else Partitioner(self._packing.size, choose, ignore_keys=settings.ignores_keys)
        )

    def grow(self, partition_count: int) -> None:
        """Set the partition count of the topic, which never shrinks."""
        if partition_count != len(self.queues):
            self._partitioner.partition_count = partition_count
            self.queues += [RecordQueue(index, self._packing) for index in range(len(self.queues), partition_count)]

    @property
    def held(self) -> int:
        """Bytes of all batches that are closed or in flight."""
        return sum(queue.held for queue in self.queues)

    @property
    def is_empty(self) -> bool:
        return all(queue.is_empty for queue in self.queues)

    # ---- in

    def append(
        self,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None,
        headers: Sequence[list[Header]] | None,
        *,
        first_tag: int,
        timestamp_ms: Timestamp,
        available: Sequence[int],
        now: float,
    ) -> None:
        """Put each record into the queue of its partition.

        available   partitions for records without a key
        """
        if keys is None and headers is None:
            for partition, start, end in self._partitioner.runs(values, available):
                part = values if end - start == len(values) else values[start:end]
                self.queues[partition].append(part, first_tag + start, timestamp_ms, now)
            return
        records = Columns(values, keys, headers, range(first_tag, first_tag + len(values)))
        if len(self.queues) == 1:
            self.queues[0].append_records(records, timestamp_ms, now)
            return
        places = self._partitioner.places(values, keys, available)
        by_partition: list[list[int]] = [[] for _ in self.queues]
        for position, place in enumerate(places):
            by_partition[place].append(position)
        for queue, positions in zip(self.queues, by_partition, strict=True):
            if positions:
                queue.append_records(records.at(positions), timestamp_ms, now)

    # ---- out

    def seal_lingered(self, now: float) -> None:
        """Close batches that have waited linger.ms for more."""
        for queue in self.queues:
            if queue.opened_at is not None and queue.opened_at + self._linger <= now:
                queue.seal()

    def seal(self) -> None:
        """Close all batches."""
        for queue in self.queues:
            queue.seal()

    def expire(self, now: float) -> list[tuple[Batch, ErrorText]]:
        """Remove batches that have waited too long, or are too large for a request."""
        expired = []
        for queue in self.queues:
            while queue.sealed and (text := self._why_not(queue.sealed[0], now)):
                expired.append((queue.drop(), text))
        return expired

    def drop(self) -> list[Batch]:
        """Remove all batches that are not in flight."""
        self.seal()
        return [queue.drop() for queue in self.queues for _ in range(len(queue.sealed))]

    def next_due(self, now: float) -> float | None:
        """When the next batch has lingered, may be retried, or expires."""
        earliest = float("inf")
        for queue in self.queues:
            if queue.opened_at is not None:
                earliest = min(earliest, queue.opened_at + self._linger)
            if queue.sealed:
                earliest = min(earliest, queue.sealed[0].opened_at + self._settings.delivery_timeout)
                if queue.not_before > now:
                    earliest = min(earliest, queue.not_before)
        return None if earliest == float("inf") else earliest

    def _why_not(self, batch: Batch, now: float) -> ErrorText | None:
        if now >= batch.opened_at + self._settings.delivery_timeout:
            text = (
                f"Expiring {batch.record_count} record(s) for {self._topic}-{batch.partition}:"
                f"{round((now - batch.opened_at) * 1000)} ms has passed since batch creation"
            )
            return ErrorText(_EXCEPTIONS + "TimeoutException", text)
        if len(batch.data) > self._settings.max_request_size:
            text = (
                f"The message is {len(batch.data)} bytes when serialized which is larger than "
                f"{self._settings.max_request_size}, which is the value of the max.request.size configuration."
            )
            return ErrorText(_EXCEPTIONS + "RecordTooLargeException", text)
        return None


def _level(settings: ProducerSettings) -> int | None:
    if settings.compression_type == "gzip":
        return settings.compression_gzip_level
    return settings.compression_zstd_level if settings.compression_type == "zstd" else None
