"""The transaction coordinator: what handlers call, and what runs in the background.

It finds the partition of a transactional id and lets its shard take the step. Once the outcome of a transaction is
stored, a separate task has the markers written and then the completion. A producer that begins its next transaction
meanwhile is kept waiting, but not for long. Timeouts and expiry are checked periodically.

source  kafka.coordinator.transaction.TransactionCoordinator of Kafka 3.9
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from pykafka_cli import topic_names
from pykafka_cli.broker.clock import Clock, Timer
from pykafka_cli.broker.coordinator.runtime import CoordinatorRuntime, PartitionWriter, partition_for
from pykafka_cli.broker.coordinator.step import Step
from pykafka_cli.broker.coordinator.transaction.markers import Marker, Superseded
from pykafka_cli.broker.coordinator.transaction.shard import TransactionShard
from pykafka_cli.broker.coordinator.transaction.transaction import Transaction, TransactionState
from pykafka_cli.broker.errors import (
    BrokerError,
    ConcurrentTransactions,
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    InvalidRequest,
    InvalidTransactionTimeout,
    RequestTimedOut,
)
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.model import (
    CoordinatorEpoch,
    LeaderEpoch,
    Milliseconds,
    ProducerId,
    ProducerIdAndEpoch,
    Seconds,
    TopicPartition,
    in_seconds,
)
from pykafka_cli.properties.broker_keys.coordinator import CoordinatorKeys

_log = logging.getLogger(__name__)

T = TypeVar("T")

PAUSE_S = Seconds(0.1)
"""Before the completion of a transaction is written again."""

PATIENCE_S = Seconds(0.1)
"""How long adding partitions waits until the last transaction is completed. Rejected, a client retries as late."""

TOMBSTONES_A_BATCH = 500
"""Tombstones of expired ids in one batch, which must not exceed max.message.bytes."""


class Markers(Protocol):
    """What the coordinator needs of `markers.MarkerWriter`."""

    async def write(self, marker: Marker, partitions: Iterable[TopicPartition]) -> None: ...

    def close(self) -> None: ...


class Listed(NamedTuple):
    """A line of ListTransactions."""

    transactional_id: str
    producer_id: ProducerId
    state: TransactionState


class TransactionCoordinator:
    """All transactional ids whose partition of __transaction_state this broker leads.

    partition_count   how many partitions that topic has, or will have when it is created
    next_producer_id  a producer id that nobody has had; what it raises, `init_producer` raises
    write_timeout_ms  how long a record may take to be replicated
    """

    def __init__(
        self,
        settings: CoordinatorKeys,
        clock: Clock,
        writer: PartitionWriter,
        partition_count: Callable[[], int],
        next_producer_id: Callable[[], Awaitable[ProducerId]],
        markers: Markers,
        *,
        write_timeout_ms: Milliseconds,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._partition_count = partition_count
        self._next_producer_id = next_producer_id
        self._markers = markers
        self._runtime: CoordinatorRuntime[TransactionShard] = CoordinatorRuntime(
            topic_names.TRANSACTION_STATE,
            writer,
            clock,
            lambda: TransactionShard(self._complete),
            timeout_ms=write_timeout_ms,
        )
        self._timers: list[Timer] = []
        self._is_running = False
        self._completing: dict[str, asyncio.Task[None]] = {}
        self._awaiting_completion = WaitingRoom(clock)  # by transactional id

    # --- running

    def start(self) -> None:
        """Accept requests, and check for overdue transactions and expired ids periodically."""
        self._is_running = True
        settings = self._settings
        self._every(
            Milliseconds(settings.transaction_abort_timed_out_transaction_cleanup_interval_ms), self._abort_overdue
        )
        self._every(
            Milliseconds(settings.transaction_remove_expired_transaction_cleanup_interval_ms), self._forget_expired
        )

    def close(self) -> None:
        """Stop everything. What is in progress continues wherever the partitions are led next."""
        self._is_running = False
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for transactional_id in list(self._completing):
            self._completing.pop(transactional_id).cancel()
        self._runtime.close()
        self._markers.close()

    def on_leadership(
        self,
        became_leader: Iterable[tuple[TopicPartition, LeaderEpoch]],
        became_follower_or_gone: Iterable[TopicPartition],
    ) -> None:
        """Partitions that this broker leads from now on, with the leader's epoch, and those that it no longer leads."""
        for partition, leader_epoch in became_leader:
            if partition.topic == topic_names.TRANSACTION_STATE:
                self._runtime.elected(partition.partition, leader_epoch)
        for partition in became_follower_or_gone:
            if partition.topic == topic_names.TRANSACTION_STATE:
                self._runtime.resigned(partition.partition)
                for transactional_id in list(self._completing):
                    if self.partition_for(transactional_id) == partition.partition:
                        self._completing.pop(transactional_id).cancel()

    def partition_for(self, transactional_id: str) -> int:
        """The partition of __transaction_state that stores the id; its leader coordinates its transactions."""
        return partition_for(transactional_id, self._partition_count())

    # --- the producer's requests

    async def init_producer(
        self, transactional_id: str, timeout_ms: Milliseconds, expected: ProducerIdAndEpoch | None
    ) -> ProducerIdAndEpoch:
        """Producer id and epoch for a producer that starts, or continues (`expected`), to use the transactional id.

        raises  InvalidRequest, InvalidTransactionTimeout, ConcurrentTransactions, ProducerFenced
        """
        partition = self._partition(transactional_id)
        if not 0 < timeout_ms <= self._settings.transaction_max_timeout_ms:
            raise InvalidTransactionTimeout(
                f"{timeout_ms} ms; it must be positive and at most {self._settings.transaction_max_timeout_ms} ms "
                "(transaction.max.timeout.ms)"
            )
        is_new = self._runtime.shard(partition).needs_producer_id(transactional_id, expected)
        producer_id = await self._next_producer_id() if is_new else None
        return await self._perform(
            transactional_id,
            lambda shard, step: shard.init_producer(transactional_id, timeout_ms, expected, producer_id, step),
        )

    async def add_partitions(
        self, transactional_id: str, producer: ProducerIdAndEpoch, partitions: Collection[TopicPartition]
    ) -> None:
        """See `TransactionShard.add_partitions`; while the last transaction is being completed, wait for that first."""

        def add(shard: TransactionShard, step: Step) -> None:
            shard.add_partitions(transactional_id, producer, frozenset(partitions), step)

        try:
            await self._perform(transactional_id, add)
        except ConcurrentTransactions:
            if not await self._is_completed_soon(transactional_id):
                raise
            await self._perform(transactional_id, add)

    def verify_partitions(
        self, transactional_id: str, producer: ProducerIdAndEpoch, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, BrokerError | None]:
        """See `TransactionShard.verify_partitions`. Nothing is awaited, so the response holds when it is there."""
        shard = self._runtime.shard(self._partition(transactional_id))
        return shard.verify_partitions(transactional_id, producer, frozenset(partitions))

    async def end(self, transactional_id: str, producer: ProducerIdAndEpoch, *, committed: bool) -> None:
        """Commit or abort; answered when that cannot be undone any more, not when the markers are written."""
        await self._perform(
            transactional_id,
            lambda shard, step: shard.end(transactional_id, producer, committed=committed, step=step),
        )

    # --- administration

    def describe(self, transactional_id: str) -> Transaction:
        """
        raises  InvalidRequest, TransactionalIdNotFound
        """
        return self._runtime.shard(self._partition(transactional_id)).describe(transactional_id)

    def list_transactions(
        self, *, states: Collection[TransactionState], producer_ids: Collection[ProducerId], open_for_ms: Milliseconds
    ) -> list[Listed]:
        """The transactional ids known here that are in one of `states`, of `producer_ids`, and began that long ago.

        An empty collection and a negative time let everything pass.
        raises  CoordinatorLoadInProgress while partitions are being loaded, CoordinatorNotAvailable
        """
        self._check_running()
        if self._runtime.is_loading:
            raise CoordinatorLoadInProgress("not all partitions of __transaction_state are loaded yet")
        now_ms = self._clock.now_ms()
        return [
            Listed(transactional_id, each.producer_id, each.state)
            for shard in self._runtime.active().values()
            for transactional_id, each in shard.transactions.items()
            if (not states or each.state in states)
            and (not producer_ids or each.producer_id in producer_ids)
            and (open_for_ms < 0 or each.started_at is None or now_ms - each.started_at > open_for_ms)
        ]

    # --- completing

    def _complete(self, transactional_id: str) -> None:
        """The outcome is stored: have the markers written, however long that takes."""
        partition = self.partition_for(transactional_id)
        ended = self._runtime.shard(partition).describe(transactional_id)
        marker = Marker(
            ended.producer_id,
            ended.producer_epoch,
            ended.state is TransactionState.PREPARE_COMMIT,
            CoordinatorEpoch(self._runtime.leader_epoch(partition)),
        )
        before = self._completing.pop(transactional_id, None)
        if before is not None:
            before.cancel()
        task = asyncio.get_running_loop().create_task(self._write_markers(transactional_id, ended, marker))
        self._completing[transactional_id] = task
        task.add_done_callback(partial(self._forget_task, transactional_id))

    async def _is_completed_soon(self, transactional_id: str) -> bool:
        """Wait until the task that completes the id's transaction has ended; whether it has within PATIENCE_S."""

        def has_ended() -> bool:
            return transactional_id not in self._completing

        deadline = self._clock.monotonic() + PATIENCE_S
        return not has_ended() and await self._awaiting_completion.wait_until([transactional_id], has_ended, deadline)

    def _forget_task(self, transactional_id: str, task: asyncio.Task[None]) -> None:
        if self._completing.get(transactional_id) is task:
            del self._completing[transactional_id]
        self._awaiting_completion.notify(transactional_id)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%r: its transaction is not completed", transactional_id, exc_info=error)

    async def _write_markers(self, transactional_id: str, ended: Transaction, marker: Marker) -> None:
        partition = self.partition_for(transactional_id)
        try:
            await self._markers.write(marker, ended.partitions)
        except Superseded as reason:
            _log.info("%r: stopped sending markers: %s", transactional_id, reason)
            return
        while True:
            try:
                await self._runtime.perform(
                    partition, lambda shard, step: shard.complete(transactional_id, ended, step)
                )
            except BrokerError as error:
                # A full disk also becomes NotCoordinator, but as long as this broker leads nobody else completes it.
                if partition not in self._runtime.active():
                    _log.info("%r: its completion is left to the next coordinator: %s", transactional_id, error)
                    return
                # What is in the log, but not on all replicas yet, the shard writes again by itself.
                _log.info("%r: its completion is not stored yet: %s", transactional_id, error)
                await self._clock.sleep(PAUSE_S)
                continue
            return

    # --- periodically

    def _every(self, interval_ms: Milliseconds, action: Callable[[], None]) -> None:
        slot = len(self._timers)

        def act() -> None:
            self._timers[slot] = self._clock.call_later(in_seconds(interval_ms), act)
            action()

        self._timers.append(self._clock.call_later(in_seconds(interval_ms), act))

    def _abort_overdue(self) -> None:
        for partition, shard in self._runtime.active().items():
            for each in shard.overdue(self._clock.now_ms()):
                self._runtime.perform_unasked(partition, partial(_abort, each))

    def _forget_expired(self) -> None:
        expiration_ms = self._settings.transactional_id_expiration_ms
        for partition, shard in self._runtime.active().items():
            expired = shard.expired(self._clock.now_ms(), Milliseconds(expiration_ms))
            for start in range(0, len(expired), TOMBSTONES_A_BATCH):
                some = expired[start : start + TOMBSTONES_A_BATCH]
                self._runtime.perform_unasked(partition, partial(_forget, some))

    # --- parts of the above

    def _check_running(self) -> None:
        if not self._is_running:
            raise CoordinatorNotAvailable(
                "the transaction coordinator is not running: the broker is starting or stopping"
            )

    def _partition(self, transactional_id: str) -> int:
        self._check_running()
        if not transactional_id:
            raise InvalidRequest("the transactional id is empty")
        return self.partition_for(transactional_id)

    async def _perform(self, transactional_id: str, operation: Callable[[TransactionShard, Step], T]) -> T:
        try:
            return await self._runtime.perform(self._partition(transactional_id), operation)
        except RequestTimedOut as error:
            raise CoordinatorNotAvailable(str(error)) from error


def _abort(transactional_id: str, shard: TransactionShard, step: Step) -> None:
    shard.abort_overdue(transactional_id, step)


def _forget(transactional_ids: Sequence[str], shard: TransactionShard, step: Step) -> None:
    shard.forget(transactional_ids, step)
