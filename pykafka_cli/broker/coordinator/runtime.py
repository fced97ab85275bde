"""Runs shards on the partitions of a coordinator's topic: loads them from the log, writes for them, keeps their timers.

    leadership gained  ->  loading: the log is replayed into a new shard  ->  active: requests are accepted
    leadership lost    ->  the shard fails its waiters, and is dropped

A request becomes one step of one shard (see `step`). Its records are appended as one batch and replayed at once,
without anything in between, so a shard is at every moment what a replay of the log up to its end would give. Requests
that are frequent and small wait for the end of the event loop's turn, so that their steps share a batch. The response
waits until the batch is on every in-sync replica. If it never gets there, the leader changes, and the shard goes too.

source  org.apache.kafka.coordinator.common.runtime.CoordinatorRuntime
"""

import asyncio
import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Generic, Protocol, TypeVar

from pykafka_cli.broker.clock import Clock, Timer
from pykafka_cli.broker.coordinator.due import Due, settle, settle_like
from pykafka_cli.broker.coordinator.step import CoordinatorRecord, Step
from pykafka_cli.broker.errors import (
    BrokerError,
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    KafkaStorageError,
    MessageTooLarge,
    NotCoordinator,
    NotEnoughReplicas,
    NotEnoughReplicasAfterAppend,
    NotLeaderOrFollower,
    RecordListTooLarge,
    UnknownTopicOrPartition,
)
from pykafka_cli.java_hash import java_hash
from pykafka_cli.model import (
    CoordinatorEpoch,
    LeaderEpoch,
    Milliseconds,
    Offset,
    ProducerEpoch,
    ProducerId,
    TopicPartition,
    in_seconds,
)
from pykafka_cli.protocol.records.batch import BatchHeader, Compression, CorruptRecords, walk
from pykafka_cli.protocol.records.control import ControlType, build_marker, read_marker
from pykafka_cli.protocol.records.record import Record, build_batch, read_records

_log = logging.getLogger(__name__)

_KEYS_KEPT = 1024  # a group commits repeatedly

T = TypeVar("T")


class PartitionWriter(Protocol):
    """The log, for a coordinator. The replica manager implements it; tests/fakes has a twin in memory.

    All but `replicated` are immediate, and raise NotLeaderOrFollower where this broker does not lead the partition.
    Offsets of a partition only grow while it leads: log_start <= high_watermark <= log_end.
    """

    def append_records(self, partition: TopicPartition, batch: bytearray) -> Offset:
        """Append one batch, with base offset 0 in it, as a coordinator; the offset that its last record got.

        raises  NotEnoughReplicas below min.insync.replicas, MessageTooLarge, KafkaStorageError; nothing is appended
        """

    async def replicated(self, partition: TopicPartition, offset: Offset, timeout_ms: Milliseconds) -> None:
        """Wait until the record at `offset` is on every in-sync replica, that is below the high watermark.

        raises  RequestTimedOut, NotEnoughReplicasAfterAppend; NotLeaderOrFollower when leadership is lost meanwhile
        """

    def read(self, partition: TopicPartition, start: Offset) -> bytes:
        """Whole batches from the one that holds `start` on, some or all up to the log end; empty at the log end."""

    def log_start(self, partition: TopicPartition) -> Offset:
        """The first offset that the log still has."""

    def log_end(self, partition: TopicPartition) -> Offset:
        """The offset that the next record will get."""

    def high_watermark(self, partition: TopicPartition) -> Offset:
        """Everything below is on every in-sync replica."""


class CoordinatorShard(Protocol):
    """What the runtime needs of a shard. Callers of `perform` know the functions that serve requests."""

    def replay(self, record: CoordinatorRecord, written_at: Offset, producer_id: ProducerId | None) -> None:
        """Replay a record that was written to the log at `written_at`; `producer_id` is that of its transaction, if
        any."""

    def replay_marker(self, producer_id: ProducerId, written_at: Offset, *, committed: bool) -> None:
        """Replay the end of a transaction."""

    def timer_expired(self, timer: Hashable, step: Step) -> None:
        """A timer that was set in a step has expired."""

    def loaded(self, step: Step) -> None:
        """The log has been replayed."""

    def unloaded(self) -> None:
        """Another broker leads the partition now."""


S = TypeVar("S", bound=CoordinatorShard)


@lru_cache(_KEYS_KEPT)
def partition_for(key: str, partitions: int) -> int:
    """Where a group or transactional id is stored: Java's hashCode of it, made positive, modulo the partition count."""
    code = java_hash(key)
    signed = code - 2**32 if code >= 2**31 else code
    return (0 if signed == -(2**31) else abs(signed)) % partitions


@dataclass(slots=True, eq=False)
class _Led(Generic[S]):
    """A partition that this broker leads, and its shard.

    loop  the one that runs; to find it takes a system call (getpid), which small requests would feel
    """

    partition: TopicPartition
    leader_epoch: LeaderEpoch
    shard: S
    loop: asyncio.AbstractEventLoop
    is_loading: bool = True
    is_dropped: bool = False
    timers: dict[Hashable, Timer] = field(default_factory=dict)
    due: list[Due[S]] = field(default_factory=list)
    loading: asyncio.Task[None] | None = None


class CoordinatorRuntime(Generic[S]):
    """The shards of one topic.

    timeout_ms   how long a batch may take to be replicated
    compression  of the batches written
    """

    def __init__(
        self,
        topic: str,
        writer: PartitionWriter,
        clock: Clock,
        new_shard: Callable[[], S],
        *,
        timeout_ms: Milliseconds,
        compression: Compression = Compression.NONE,
    ) -> None:
        self.topic = topic
        self._writer = writer
        self._clock = clock
        self._new_shard = new_shard
        self._timeout_ms = timeout_ms
        self._compression = compression
        self._led: dict[int, _Led[S]] = {}
        self._with_due: list[_Led[S]] = []
        self._loaded = 0  # partitions since the last line about them in the log
        self._settling: set[asyncio.Task[BrokerError | None]] = set()

    # --- leadership

    def elected(self, partition: int, leader_epoch: LeaderEpoch) -> None:
        """This broker leads `partition` now: load it, unless it has led it before this epoch as well."""
        led = self._led.get(partition)
        if led is not None:
            led.leader_epoch = max(led.leader_epoch, leader_epoch)
            return
        loop = asyncio.get_running_loop()
        led = _Led(TopicPartition(self.topic, partition), leader_epoch, self._new_shard(), loop)
        self._led[partition] = led
        led.loading = loop.create_task(self._load(led))

    def resigned(self, partition: int, leader_epoch: LeaderEpoch | None = None) -> None:
        """Another broker leads `partition`, or it was deleted. An epoch older than ours is ignored."""
        led = self._led.get(partition)
        if led is None or (leader_epoch is not None and leader_epoch < led.leader_epoch):
            return
        _log.debug("%s: another broker coordinates it now", led.partition)
        self._drop(led)

    def _drop(self, led: "_Led[S]") -> None:
        del self._led[led.partition.partition]
        led.is_dropped = True
        for timer in led.timers.values():
            timer.cancel()
        led.timers.clear()
        if led.loading is not None:
            led.loading.cancel()
        led.shard.unloaded()
        due, led.due = led.due, []
        for each in due:
            each.refuse(_elsewhere(led.partition))

    def close(self) -> None:
        """Drop every shard, as if all leadership were lost."""
        for led in list(self._led.values()):
            self._drop(led)

    @property
    def is_loading(self) -> bool:
        """Whether any partition is being loaded."""
        return any(led.is_loading for led in self._led.values())

    def active(self) -> Mapping[int, S]:
        """The shards that accept requests, by partition."""
        return {partition: led.shard for partition, led in self._led.items() if not led.is_loading}

    def shard(self, partition: int) -> S:
        """The shard of `partition`, to be read.

        raises  NotCoordinator if this broker does not lead it, CoordinatorLoadInProgress
        """
        return self._active(partition).shard

    def leader_epoch(self, partition: int) -> LeaderEpoch:
        """The epoch in which this broker leads `partition`.

        raises  as `shard`
        """
        return self._active(partition).leader_epoch

    def high_watermark(self, partition: int) -> Offset:
        """The offset up to which the state of `partition`'s shard is on every in-sync replica."""
        return self._writer.high_watermark(TopicPartition(self.topic, partition))

    # --- steps

    async def perform(self, partition: int, operation: Callable[[S, Step], T]) -> T:
        """Let the shard of `partition` take a step; what `operation` returns, once the step's records are replicated.

        A BrokerError of `operation` is a response like any other: what the step asks for is done before it is raised.
        raises  what `operation` raises, NotCoordinator, CoordinatorLoadInProgress, CoordinatorNotAvailable, or what
                `PartitionWriter` raises for records that do not fit or are not replicated in time
        """
        led = self._active(partition)
        step = Step(self._clock.now_ms())
        try:
            answer = operation(led.shard, step)
        except BrokerError:
            await self._finish(led, step)
            raise
        await self._finish(led, step)
        return answer

    def perform_together(self, partition: int, operation: Callable[[S, Step], T]) -> asyncio.Future[T]:
        """As `perform`, at the end of this turn of the event loop: all steps that are due then share a batch.

        operation  notes nothing but records and timers in its step
        """
        led = self._active(partition)
        outcome: asyncio.Future[T] = led.loop.create_future()
        if not self._with_due:
            led.loop.call_soon(self._perform_due)
        if not led.due:
            self._with_due.append(led)
        led.due.append(Due(operation, outcome))
        return outcome

    def perform_unasked(self, partition: int, operation: Callable[[S, Step], object]) -> None:
        """A step without a waiter; a failure to write its records is logged."""
        led = self._active(partition)
        step = Step(self._clock.now_ms())
        operation(led.shard, step)
        self._finish_unasked(led, step)

    async def end_transaction(
        self,
        partition: int,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        *,
        committed: bool,
        coordinator_epoch: CoordinatorEpoch,
    ) -> None:
        """Write the marker that ends a producer's transaction in `partition`, and replay it.

        raises  as `perform`
        """
        led = self._active(partition)
        marker = build_marker(
            ControlType.COMMIT if committed else ControlType.ABORT,
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            coordinator_epoch=coordinator_epoch,
            timestamp=self._clock.now_ms(),
        )
        try:
            written_at = self._writer.append_records(led.partition, marker)
        except BrokerError as error:
            raise _as_coordinator_error(error) from error
        led.shard.replay_marker(producer_id, written_at, committed=committed)
        await self._wait_until_stored(led, Step(self._clock.now_ms()), written_at)

    # --- how a step is carried out

    def _active(self, partition: int) -> _Led[S]:
        led = self._led.get(partition)
        if led is None:
            raise _elsewhere(TopicPartition(self.topic, partition))
        if led.is_loading:
            raise CoordinatorLoadInProgress(f"{self.topic}-{partition} is being loaded; try again")
        return led

    def _perform_due(self) -> None:
        with_due, self._with_due = self._with_due, []
        now_ms = self._clock.now_ms()
        for led in with_due:
            due, led.due = led.due, []
            step = Step(now_ms)
            for each in due:
                each.perform(led.shard, step)
            self._append_together(led, step, due)

    def _append_together(self, led: _Led[S], step: Step, due: Sequence[Due[S]]) -> None:
        """Carry out `step`, which has the records of all that are due: in halves where the batch would be too large."""
        try:
            last = self._carry_out(led, step)
        except BaseException as error:  # raised where the steps are awaited
            if len(due) > 1 and isinstance(error, MessageTooLarge | RecordListTooLarge):
                middle = len(due) // 2
                for half in (due[:middle], due[middle:]):
                    records = [record for each in half for record in each.records]
                    self._append_together(led, Step(step.now_ms, records), half)
            else:
                settle(due, error)
            return
        waiting = None if last is None else self._settle(led, step, last)
        if waiting is None:
            settle(due, None)
        else:
            waiting.add_done_callback(partial(settle_like, due))

    async def _finish(self, led: _Led[S], step: Step) -> None:
        last = self._carry_out(led, step)
        if last is not None:
            await self._wait_until_stored(led, step, last)

    def _finish_unasked(self, led: _Led[S], step: Step) -> None:
        try:
            last = self._carry_out(led, step)
        except BrokerError as error:
            _log.warning("%s: %d records were not written: %s", led.partition, len(step.records), error)
            return
        if last is not None:
            self._settle(led, step, last)

    def _carry_out(self, led: _Led[S], step: Step) -> Offset | None:
        """Set the step's timers, append its records, replay them. The last one's offset; None without records."""
        self._set_timers(led, step)
        if not step.records:
            return None
        producer = step.producer
        records = [Record(Offset(index), step.now_ms, key, value) for index, (key, value) in enumerate(step.records)]
        if producer is None:
            batch = build_batch(records, compression=self._compression)
        else:
            batch = build_batch(
                records,
                compression=self._compression,
                producer_id=producer.producer_id,
                producer_epoch=producer.producer_epoch,
                base_sequence=0,
                transactional=True,
            )
        try:
            last = self._writer.append_records(led.partition, batch)
        except BrokerError as error:
            seen_as = _as_coordinator_error(error)
            self._notify(led, step, seen_as)
            raise seen_as from error
        first = last - len(records) + 1
        for index, record in enumerate(step.records):
            led.shard.replay(record, Offset(first + index), producer.producer_id if producer else None)
        return last

    def _set_timers(self, led: _Led[S], step: Step) -> None:
        for key, delay_ms in step.timers.items():
            before = led.timers.pop(key, None)
            if before is not None:
                before.cancel()
            if delay_ms is not None:
                led.timers[key] = self._clock.call_later(in_seconds(delay_ms), partial(self._expire, led, key))

    def _expire(self, led: _Led[S], key: Hashable) -> None:
        del led.timers[key]
        step = Step(self._clock.now_ms())
        led.shard.timer_expired(key, step)
        self._finish_unasked(led, step)

    async def _wait_until_stored(self, led: _Led[S], step: Step, last: Offset) -> None:
        task = self._settle(led, step, last)
        # Others may wait for this step as well: the caller may be canceled, but not the wait.
        error = None if task is None else await asyncio.shield(task)
        if error is not None:
            raise error

    def _settle(self, led: _Led[S], step: Step, last: Offset) -> asyncio.Task[BrokerError | None] | None:
        """Notify the waiters: immediately if there is only one replica, otherwise by the task returned."""
        if self._writer.high_watermark(led.partition) > last:
            self._notify(led, step, None)
            return None
        task = led.loop.create_task(self._wait_for_replicas(led, step, last))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        return task

    async def _wait_for_replicas(self, led: _Led[S], step: Step, last: Offset) -> BrokerError | None:
        error: BrokerError | None = None
        try:
            await self._writer.replicated(led.partition, last, self._timeout_ms)
        except BrokerError as refused:
            error = _as_coordinator_error(refused)
        self._notify(led, step, error)
        return error

    def _notify(self, led: _Led[S], step: Step, error: BrokerError | None) -> None:
        """Notify those that wait for the step's records."""
        if led.is_dropped:
            return  # the shard has failed its waiters
        for when_stored in step.when_stored:
            reaction = Step(self._clock.now_ms())
            when_stored(reaction, error)
            self._finish_unasked(led, reaction)

    # --- loading

    async def _load(self, led: _Led[S]) -> None:
        started = self._clock.monotonic()
        position = self._writer.log_start(led.partition)
        try:
            while position < self._writer.log_end(led.partition):
                data = self._writer.read(led.partition, position)
                if not data:
                    break
                for start, header in walk(data):
                    self._replay_batch(led, data, start, header)
                    position = header.next_offset
                await asyncio.sleep(0)  # so that others get their turn while a long log is loaded
        except BrokerError as error:
            # Leadership was lost while we read; `resigned` will be called.
            _log.info("%s: loading stops at offset %d: %s", led.partition, position, error)
            return
        except Exception:
            _log.exception("%s: cannot be loaded; its clients have to wait", led.partition)
            return
        led.is_loading = False
        step = Step(self._clock.now_ms())
        led.shard.loaded(step)
        self._finish_unasked(led, step)
        _log.debug("%s: loaded in %.3f s", led.partition, self._clock.monotonic() - started)
        self._loaded += 1
        if not any(each.is_loading for each in self._led.values()):
            _log.info("%s: %d partitions loaded", self.topic, self._loaded)
            self._loaded = 0

    def _replay_batch(self, led: _Led[S], data: bytes, position: int, header: BatchHeader) -> None:
        try:
            if header.is_control:
                marker = read_marker(data, position)
                if marker is not None:
                    committed = marker.type is ControlType.COMMIT
                    led.shard.replay_marker(header.producer_id, header.base_offset, committed=committed)
                return
            producer_id = header.producer_id if header.is_transactional else None
            for record in read_records(data, position):
                if record.key is None:
                    _log.error("%s: skipping the record at offset %d, which has no key", led.partition, record.offset)
                else:
                    led.shard.replay(CoordinatorRecord(record.key, record.value), record.offset, producer_id)
        except CorruptRecords as error:
            _log.error("%s: skipping the batch at offset %d: %s", led.partition, header.base_offset, error)


def _elsewhere(partition: TopicPartition) -> NotCoordinator:
    return NotCoordinator(f"{partition} is led by another broker; find the coordinator again")


_SEEN_AS: Mapping[type[BrokerError], type[BrokerError]] = {
    UnknownTopicOrPartition: CoordinatorNotAvailable,
    NotEnoughReplicas: CoordinatorNotAvailable,
    NotEnoughReplicasAfterAppend: CoordinatorNotAvailable,
    NotLeaderOrFollower: NotCoordinator,
    KafkaStorageError: NotCoordinator,
}


def _as_coordinator_error(error: BrokerError) -> BrokerError:
    """The coordinator's error for an error of the log; others stay as they are."""
    seen_as = _SEEN_AS.get(type(error))
    return error if seen_as is None else seen_as(str(error))
