"""A transactional id: its producer, and how far the producer's transaction has come.

    Empty ---> Ongoing ---> PrepareCommit ---> CompleteCommit ---> Ongoing | Empty
                       \\--> PrepareAbort  ---> CompleteAbort  ---> Ongoing | Empty

Once a Prepare state is on every in-sync replica, the outcome is decided; the markers remain to be written, however
often the coordinator changes meanwhile. PrepareEpochFence and Dead are never in a log: the first is passed on the way
from Ongoing to PrepareAbort when the coordinator ends a transaction against its producer's will, with the producer's
epoch raised; the second on the way to a tombstone.

source  kafka.coordinator.transaction.TransactionMetadata of Kafka 3.9, KIP-98
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from pykafka_cli.model import Milliseconds, ProducerEpoch, ProducerId, Timestamp, TopicPartition

LAST_EPOCH = 2**15 - 1


class TransactionState(IntEnum):
    """Numbered as in the log."""

    EMPTY = 0
    ONGOING = 1
    PREPARE_COMMIT = 2
    PREPARE_ABORT = 3
    COMPLETE_COMMIT = 4
    COMPLETE_ABORT = 5
    DEAD = 6
    PREPARE_EPOCH_FENCE = 7

    @property
    def title(self) -> str:
        """As DescribeTransactions and ListTransactions call it."""
        return "".join(word.capitalize() for word in self.name.split("_"))


_S = TransactionState

REACHED_FROM: Mapping[TransactionState, frozenset[TransactionState]] = {
    _S.EMPTY: frozenset({_S.EMPTY, _S.COMPLETE_COMMIT, _S.COMPLETE_ABORT}),
    _S.ONGOING: frozenset({_S.ONGOING, _S.EMPTY, _S.COMPLETE_COMMIT, _S.COMPLETE_ABORT}),
    _S.PREPARE_COMMIT: frozenset({_S.ONGOING}),
    _S.PREPARE_ABORT: frozenset({_S.ONGOING, _S.PREPARE_EPOCH_FENCE}),
    _S.COMPLETE_COMMIT: frozenset({_S.PREPARE_COMMIT}),
    _S.COMPLETE_ABORT: frozenset({_S.PREPARE_ABORT}),
    _S.DEAD: frozenset({_S.EMPTY, _S.COMPLETE_COMMIT, _S.COMPLETE_ABORT}),
    _S.PREPARE_EPOCH_FENCE: frozenset({_S.ONGOING}),
}

PREPARED = frozenset({_S.PREPARE_COMMIT, _S.PREPARE_ABORT})
"""The outcome is decided, the markers are being written."""

EXPIRABLE = REACHED_FROM[_S.DEAD]

COMPLETED_AS: Mapping[TransactionState, TransactionState] = {
    _S.PREPARE_COMMIT: _S.COMPLETE_COMMIT,
    _S.PREPARE_ABORT: _S.COMPLETE_ABORT,
}


class IllegalMove(Exception):
    """A state was to be entered from one that does not lead there: a mistake of ours, not of a client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """The state of a transactional id. Times in ms since the epoch; `started_at` is None before the first one.

    Invariant: without a transaction that is Ongoing or prepared there are no partitions.
    """

    producer_id: ProducerId
    producer_epoch: ProducerEpoch
    timeout_ms: Milliseconds
    state: TransactionState = TransactionState.EMPTY
    partitions: frozenset[TopicPartition] = frozenset()
    updated_at: Timestamp
    started_at: Timestamp | None = None

    @property
    def is_epoch_exhausted(self) -> bool:
        """Whether the next producer needs another id. One more epoch is kept back, so that this one can be fenced."""
        return is_exhausted(self.producer_epoch)

    def moved_to(self, state: TransactionState) -> "Transaction":
        """
        raises  IllegalMove
        """
        return replace(self, state=self._next(state))

    def _next(self, state: TransactionState) -> TransactionState:
        """That state, if it can be the next one. raises  IllegalMove"""
        if self.state not in REACHED_FROM[state]:
            raise IllegalMove(f"from {self.state.title} to {state.title}: {self}")
        return state

    # --- moves, each to what will be written

    def initialized(
        self, producer_id: ProducerId, producer_epoch: ProducerEpoch, timeout_ms: Milliseconds, now_ms: Timestamp
    ) -> "Transaction":
        """A producer has initialized itself; what was here is over."""
        return replace(
            self,
            state=self._next(_S.EMPTY),
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            timeout_ms=timeout_ms,
            partitions=frozenset(),
            updated_at=now_ms,
            started_at=None,
        )

    def with_partitions(self, partitions: frozenset[TopicPartition], now_ms: Timestamp) -> "Transaction":
        """The producer is about to write to `partitions`; the first of them begin a transaction."""
        return replace(
            self,
            state=self._next(_S.ONGOING),
            partitions=self.partitions | partitions,
            updated_at=now_ms,
            started_at=self.started_at if self.state is _S.ONGOING else now_ms,
        )

    def ending(self, *, committed: bool, now_ms: Timestamp) -> "Transaction":
        """The producer has decided."""
        return replace(self, state=self._next(_S.PREPARE_COMMIT if committed else _S.PREPARE_ABORT), updated_at=now_ms)

    def fenced(self, now_ms: Timestamp) -> "Transaction":
        """The coordinator aborts the transaction, and fences the producer that has it open."""
        if self.producer_epoch >= LAST_EPOCH:
            raise IllegalMove(f"no epoch is left to fence with: {self}")
        fencing = replace(self.moved_to(_S.PREPARE_EPOCH_FENCE), producer_epoch=ProducerEpoch(self.producer_epoch + 1))
        return fencing.ending(committed=False, now_ms=now_ms)

    def completed(self, now_ms: Timestamp) -> "Transaction":
        """All markers are written."""
        state = self._next(COMPLETED_AS.get(self.state, _S.COMPLETE_ABORT))
        return replace(self, state=state, partitions=frozenset(), updated_at=now_ms)

    # --- questions of time

    def is_overdue(self, now_ms: Timestamp) -> bool:
        """Whether its producer has had it open for longer than it requested."""
        return self.state is _S.ONGOING and self.started_at is not None and self.started_at + self.timeout_ms < now_ms

    def is_expired(self, now_ms: Timestamp, expiration_ms: Milliseconds) -> bool:
        """Whether nobody has used it for `expiration_ms`, and it may be forgotten."""
        return self.state in EXPIRABLE and self.updated_at <= now_ms - expiration_ms


def is_exhausted(producer_epoch: ProducerEpoch) -> bool:
    """Whether a producer id with this epoch is used up."""
    return producer_epoch >= LAST_EPOCH - 1
