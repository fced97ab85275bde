"""One shard of transactional ids with a log and timers in plain lists: a runtime without a loop.

After every step the log is replayed into a new shard, which must come out with the same transactions as the live one.
"""

from collections.abc import Callable, Hashable
from typing import Any

from pykafka_cli.broker.coordinator.step import CoordinatorRecord, Step
from pykafka_cli.broker.coordinator.transaction.records import transaction_record
from pykafka_cli.broker.coordinator.transaction.shard import TransactionShard
from pykafka_cli.broker.coordinator.transaction.transaction import PREPARED, Transaction, TransactionState
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.model import Milliseconds, Offset, ProducerId, ProducerIdAndEpoch, Timestamp, TopicPartition

START_MS = Timestamp(1_700_000_000_000)
TIMEOUT_MS = Milliseconds(60_000)
T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)


class Desk:
    """`refusal` is raised in place of appending; with `is_replicating` off, `replicate` lets the written be stored.

    prepared   the ids whose markers are to be written; `complete` says that they were
    """

    def __init__(self) -> None:
        self.prepared: list[str] = []
        self.shard = TransactionShard(self.prepared.append)
        self.now_ms = START_MS
        self.log: list[CoordinatorRecord] = []
        self.timers: dict[Hashable, int] = {}
        self.refusal: BrokerError | None = None
        self.is_replicating = True
        self._unstored: list[Step] = []
        self._next_producer_id = 1000

    # --- steps

    def do(self, operation: Callable[[TransactionShard, Step], Any]) -> Any:
        step = Step(self.now_ms)
        try:
            return operation(self.shard, step)
        finally:
            is_refused = self._carry_out(step)
            if is_refused and self.refusal is not None:
                raise self.refusal

    def _carry_out(self, step: Step) -> bool:
        """Whether its records were rejected."""
        for key, delay in step.timers.items():
            self.timers.pop(key, None)
            if delay is not None:
                self.timers[key] = self.now_ms + delay
        if step.records:
            if self.refusal is not None:
                self._notify(step, self.refusal)
                return True
            for record in step.records:
                self.log.append(record)
                self.shard.replay(record, Offset(len(self.log) - 1), None)
            if self.is_replicating:
                self._notify(step, None)
            else:
                self._unstored.append(step)
        assert self.replayed().transactions == self.shard.transactions
        return False

    def _notify(self, step: Step, error: BrokerError | None) -> None:
        for when_stored in step.when_stored:
            reaction = Step(self.now_ms)
            when_stored(reaction, error)
            self._carry_out(reaction)

    def replayed(self) -> TransactionShard:
        shard = TransactionShard(self.prepared.append)
        for offset, record in enumerate(self.log):
            shard.replay(record, Offset(offset), None)
        return shard

    # --- what a test does

    def replicate(self, error: BrokerError | None = None) -> None:
        """What was written is stored everywhere, or `error` says why not."""
        unstored, self._unstored = self._unstored, []
        for step in unstored:
            self._notify(step, error)

    def advance(self, ms: int) -> None:
        self.now_ms = Timestamp(self.now_ms + ms)
        for key in [key for key, at in self.timers.items() if at <= self.now_ms]:
            del self.timers[key]
            step = Step(self.now_ms)
            self.shard.timer_expired(key, step)
            self._carry_out(step)

    def restart(self) -> None:
        """The coordinator goes and another reads the log."""
        self.timers.clear()
        self._unstored.clear()
        self.prepared.clear()
        self.shard = self.replayed()
        self.do(lambda shard, step: shard.loaded(step))

    def new_producer_id(self) -> ProducerId:
        self._next_producer_id += 1
        return ProducerId(self._next_producer_id)

    def init(
        self, transactional_id: str = "x", expected: ProducerIdAndEpoch | None = None, timeout_ms: int = TIMEOUT_MS
    ) -> Any:
        new = self.new_producer_id() if self.shard.needs_producer_id(transactional_id, expected) else None
        return self.do(
            lambda shard, step: shard.init_producer(transactional_id, Milliseconds(timeout_ms), expected, new, step)
        )

    def add(self, producer: ProducerIdAndEpoch, *partitions: TopicPartition, transactional_id: str = "x") -> None:
        self.do(lambda shard, step: shard.add_partitions(transactional_id, producer, frozenset(partitions), step))

    def end(self, producer: ProducerIdAndEpoch, *, committed: bool = True, transactional_id: str = "x") -> None:
        self.do(lambda shard, step: shard.end(transactional_id, producer, committed=committed, step=step))

    def complete(self, transactional_id: str = "x") -> None:
        """The markers of a transaction whose outcome stands have been written."""
        self.prepared.remove(transactional_id)
        ended = self.shard.transactions[transactional_id]
        assert ended.state in PREPARED
        try:
            self.do(lambda shard, step: shard.complete(transactional_id, ended, step))
        except BrokerError:
            self.prepared.append(transactional_id)  # the coordinator tries again

    def abort_overdue(self) -> None:
        for each in self.shard.overdue(self.now_ms):
            step = Step(self.now_ms)
            self.shard.abort_overdue(each, step)
            self._carry_out(step)

    def forget_expired(self, expiration_ms: int) -> None:
        step = Step(self.now_ms)
        self.shard.forget(self.shard.expired(self.now_ms, Milliseconds(expiration_ms)), step)
        self._carry_out(step)

    def has(
        self,
        producer: ProducerIdAndEpoch,
        state: TransactionState,
        *partitions: TopicPartition,
        transactional_id: str = "x",
    ) -> None:
        """Put an id into the log, as it may have come about in any way."""
        transaction = Transaction(
            producer_id=producer.producer_id,
            producer_epoch=producer.producer_epoch,
            timeout_ms=TIMEOUT_MS,
            state=state,
            partitions=frozenset(partitions),
            updated_at=self.now_ms,
            started_at=None if state is TransactionState.EMPTY else self.now_ms,
        )
        self.log.append(transaction_record(transactional_id, transaction))
        self.restart()

    @property
    def transaction(self) -> Transaction:
        return self.shard.transactions["x"]

    @property
    def state(self) -> TransactionState:
        return self.transaction.state
