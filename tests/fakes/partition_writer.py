"""The log of a coordinator's partitions, in memory; replication moves only when a test says so."""

import asyncio
from collections.abc import Iterable

from pykafka_cli.broker.errors import BrokerError, MessageTooLarge, NotLeaderOrFollower, RequestTimedOut
from pykafka_cli.model import FIRST_OFFSET, Offset, TopicPartition
from pykafka_cli.protocol.records.batch import read_header, stamp
from tests.fakes.clock import FakeClock


class FakePartitionWriter:
    """Twin of the replica manager as `runtime.PartitionWriter` sees it; passes the same contract tests.

    is_replicating  whether what is appended is on every in-sync replica at once
    refusal         raised by the next appends, until it is removed
    largest_batch   in bytes
    batches_a_read  how many batches one `read` gives at most
    """

    def __init__(self, clock: FakeClock, led: Iterable[TopicPartition] = ()) -> None:
        self.is_replicating = True
        self.refusal: BrokerError | None = None
        self.largest_batch = 1 << 20
        self.batches_a_read = 2
        self._clock = clock
        self._batches: dict[TopicPartition, list[bytes]] = {}
        self._high_watermarks: dict[TopicPartition, int] = {}
        self._waiting: list[tuple[TopicPartition, int, asyncio.Future[None]]] = []
        self._led = set(led)

    # --- the seam

    def append_records(self, partition: TopicPartition, batch: bytearray) -> Offset:
        self._check_leads(partition)
        if self.refusal is not None:
            raise self.refusal
        if len(batch) > self.largest_batch:
            raise MessageTooLarge(f"{len(batch)} bytes")
        stamp(batch, 0, base_offset=self.log_end(partition), leader_epoch=0)
        self._batches.setdefault(partition, []).append(bytes(batch))
        if self.is_replicating:
            self.replicate(partition)
        return read_header(batch).last_offset

    async def replicated(self, partition: TopicPartition, offset: Offset, timeout_ms: int) -> None:
        if self.high_watermark(partition) > offset:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((partition, offset, done))

        def too_late() -> None:
            if not done.done():
                done.set_exception(RequestTimedOut(f"{partition} {offset}"))

        timer = self._clock.call_later(timeout_ms / 1000, too_late)
        try:
            await done
        finally:
            timer.cancel()

    def read(self, partition: TopicPartition, start: int) -> bytes:
        self._check_leads(partition)
        wanted = [batch for batch in self._batches.get(partition, []) if read_header(batch).last_offset >= start]
        return b"".join(wanted[: self.batches_a_read])

    def log_start(self, partition: TopicPartition) -> Offset:
        self._check_leads(partition)
        batches = self._batches.get(partition)
        return read_header(batches[0]).base_offset if batches else FIRST_OFFSET

    def log_end(self, partition: TopicPartition) -> Offset:
        self._check_leads(partition)
        batches = self._batches.get(partition)
        return read_header(batches[-1]).next_offset if batches else FIRST_OFFSET

    def high_watermark(self, partition: TopicPartition) -> Offset:
        self._check_leads(partition)
        return Offset(self._high_watermarks.get(partition, 0))

    # --- what a test does to it

    def lead(self, partition: TopicPartition) -> None:
        """This broker leads `partition`; what it has is replicated."""
        self._led.add(partition)
        self.replicate(partition)

    def lose(self, partition: TopicPartition) -> None:
        """Another broker leads `partition`."""
        self._led.discard(partition)
        for waiting, _, done in self._waiting:
            if waiting == partition and not done.done():
                done.set_exception(NotLeaderOrFollower(str(partition)))

    def replicate(self, partition: TopicPartition) -> None:
        """All that was appended reaches the other replicas."""
        self._high_watermarks[partition] = self.log_end(partition)
        for waiting, offset, done in self._waiting:
            if waiting == partition and offset < self._high_watermarks[partition] and not done.done():
                done.set_result(None)

    def put(self, partition: TopicPartition, log: bytes) -> None:
        """Have these whole batches, offsets and all, as the log of `partition`."""
        batches, position = [], 0
        while position < len(log):
            size = read_header(log, position).size
            batches.append(log[position : position + size])
            position += size
        self._batches[partition] = batches
        self.lead(partition)

    def log(self, partition: TopicPartition) -> bytes:
        """All batches of `partition`."""
        return b"".join(self._batches.get(partition, []))

    def _check_leads(self, partition: TopicPartition) -> None:
        if partition not in self._led:
            raise NotLeaderOrFollower(f"{partition} is led by another broker")
