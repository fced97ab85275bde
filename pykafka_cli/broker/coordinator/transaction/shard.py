"""The transactional ids of one partition of __transaction_state: requests become records, replayed records the state.

Replay runs ahead of replication: what an id has become counts for the next request only once its record is on every
in-sync replica. Until then the id is unsettled, and requests for it get CONCURRENT_TRANSACTIONS, to be retried. A
record that does not get there in time is written once more, after a pause, until it does or the leader changes; so an
outcome that is in the log is never left without its markers.

What a restart forgets is which producer the latest one replaced: a repeated InitProducerId that spans a change of the
coordinator is rejected (KIP-360; version 0 of the record has no place for it, in Kafka either).

source  kafka.coordinator.transaction.TransactionCoordinator and TransactionStateManager of Kafka 3.9
"""

import logging
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import NamedTuple

from pykafka_cli.broker.coordinator.step import CoordinatorRecord, Step
from pykafka_cli.broker.coordinator.stored_messages import UnreadableMessage
from pykafka_cli.broker.coordinator.transaction.records import (
    read_record,
    transaction_record,
    transaction_tombstone,
)
from pykafka_cli.broker.coordinator.transaction.transaction import (
    EXPIRABLE,
    PREPARED,
    Transaction,
    TransactionState,
    is_exhausted,
)
from pykafka_cli.broker.errors import (
    BrokerError,
    ConcurrentTransactions,
    InvalidProducerIdMapping,
    InvalidTxnState,
    ProducerFenced,
    TransactionAbortable,
    TransactionalIdNotFound,
)
from pykafka_cli.model import (
    Milliseconds,
    Offset,
    ProducerEpoch,
    ProducerId,
    ProducerIdAndEpoch,
    Timestamp,
    TopicPartition,
)

_log = logging.getLogger(__name__)

WRITE_AGAIN_MS = 1000


class WriteAgain(NamedTuple):
    """The newest record of an id did not reach all in-sync replicas in time."""

    transactional_id: str


class TransactionShard:
    """Transactional ids and their transactions.

    when_prepared  called with an id whose transaction's outcome is decided, so that its markers are written; after a
                   restart once more, because nobody knows how many of them were
    """

    def __init__(self, when_prepared: Callable[[str], None]) -> None:
        self.transactions: dict[str, Transaction] = {}
        self._when_prepared = when_prepared
        self._unsettled: dict[str, Transaction | None] = {}
        self._replaced: dict[str, ProducerIdAndEpoch] = {}

    # --- the producer's requests

    def needs_producer_id(self, transactional_id: str, expected: ProducerIdAndEpoch | None) -> bool:
        """Whether `init_producer` will want a new producer id, as far as known now."""
        transaction = self.transactions.get(transactional_id)
        return transaction is None or _is_used_up(transaction, expected)

    def init_producer(
        self,
        transactional_id: str,
        timeout_ms: Milliseconds,
        expected: ProducerIdAndEpoch | None,
        new_producer_id: ProducerId | None,
        step: Step,
    ) -> ProducerIdAndEpoch:
        """Give the id to the requesting producer: the previous one is fenced by the higher epoch, and its open
        transaction aborted.

        expected         what the producer has, if it continues after an error (KIP-360)
        new_producer_id  if `needs_producer_id` said so
        raises           ConcurrentTransactions: retry; ProducerFenced
        """
        self._check_settled(transactional_id)
        transaction = self.transactions.get(transactional_id)
        if transaction is None:
            if new_producer_id is None:
                raise ConcurrentTransactions(f"{transactional_id!r} has just expired")
            first = Transaction(
                producer_id=new_producer_id,
                producer_epoch=ProducerEpoch(0),
                timeout_ms=timeout_ms,
                updated_at=step.now_ms,
            )
            self._put(transactional_id, first, step)
            return ProducerIdAndEpoch(first.producer_id, first.producer_epoch)
        if expected is not None and not self._is_its_producer(transactional_id, transaction, expected):
            raise ProducerFenced(f"{transactional_id!r} belongs to a producer other than {expected.producer_id}")
        if transaction.state in PREPARED:
            raise ConcurrentTransactions(f"the last transaction of {transactional_id!r} is being completed")
        if transaction.state is TransactionState.ONGOING:
            self._replaced.pop(transactional_id, None)
            self._put(transactional_id, transaction.fenced(step.now_ms), step)
            raise ConcurrentTransactions(f"the last transaction of {transactional_id!r} is being aborted")
        successor = self._successor(transactional_id, transaction, expected, new_producer_id)
        self._put(transactional_id, transaction.initialized(*successor, timeout_ms, step.now_ms), step)
        return successor

    def add_partitions(
        self, transactional_id: str, producer: ProducerIdAndEpoch, partitions: frozenset[TopicPartition], step: Step
    ) -> None:
        """Note that the transaction is about to write to `partitions`; the first ones begin it.

        raises  InvalidProducerIdMapping, ProducerFenced, ConcurrentTransactions
        """
        transaction = self._of(transactional_id, producer)
        self._check_settled(transactional_id)
        if transaction.state in PREPARED:
            raise ConcurrentTransactions(f"the last transaction of {transactional_id!r} is being completed")
        if transaction.state is TransactionState.ONGOING and partitions <= transaction.partitions:
            return
        self._put(transactional_id, transaction.with_partitions(partitions, step.now_ms), step)

    def verify_partitions(
        self, transactional_id: str, producer: ProducerIdAndEpoch, partitions: frozenset[TopicPartition]
    ) -> dict[TopicPartition, BrokerError | None]:
        """Which of `partitions` the transaction may write to, because they were added to it (KIP-890).

        raises  InvalidProducerIdMapping, ProducerFenced, ConcurrentTransactions
        """
        transaction = self._of(transactional_id, producer)
        if transaction.state in PREPARED:
            raise ConcurrentTransactions(f"the last transaction of {transactional_id!r} is being completed")
        return {
            partition: None
            if partition in transaction.partitions
            else TransactionAbortable(f"the transaction of {transactional_id!r} does not know of {partition}")
            for partition in partitions
        }

    def end(self, transactional_id: str, producer: ProducerIdAndEpoch, *, committed: bool, step: Step) -> None:
        """Decide the transaction. Once that is stored it cannot be undone; the markers follow by themselves.

        raises  InvalidProducerIdMapping, ProducerFenced, ConcurrentTransactions; InvalidTxnState if there is no
                transaction, or it was decided otherwise
        """
        transaction = self._of(transactional_id, producer)
        self._check_settled(transactional_id)
        prepared = TransactionState.PREPARE_COMMIT if committed else TransactionState.PREPARE_ABORT
        complete = TransactionState.COMPLETE_COMMIT if committed else TransactionState.COMPLETE_ABORT
        if transaction.state is complete:
            return  # requested before; the response was lost
        if transaction.state is prepared:
            raise ConcurrentTransactions(f"the transaction of {transactional_id!r} is being completed")
        if transaction.state is not TransactionState.ONGOING:
            raise InvalidTxnState(
                f"{transactional_id!r} is {transaction.state.title} and cannot {'commit' if committed else 'abort'}"
            )
        self._put(transactional_id, transaction.ending(committed=committed, now_ms=step.now_ms), step)

    # --- without a request

    def complete(self, transactional_id: str, ended: Transaction, step: Step) -> None:
        """All markers of `ended` are written. If the id has moved on since, nothing is done."""
        if self.transactions.get(transactional_id) == ended and transactional_id not in self._unsettled:
            self._put(transactional_id, ended.completed(step.now_ms), step)

    def overdue(self, now_ms: Timestamp) -> list[str]:
        """The ids whose transactions are open for longer than their producers requested."""
        return [each for each, transaction in self._settled() if transaction.is_overdue(now_ms)]

    def abort_overdue(self, transactional_id: str, step: Step) -> None:
        """Abort an overdue transaction, and fence its producer."""
        transaction = self.transactions[transactional_id]
        _log.info("%r: aborting a transaction open for longer than %d ms", transactional_id, transaction.timeout_ms)
        self._replaced.pop(transactional_id, None)
        self._put(transactional_id, transaction.fenced(step.now_ms), step)

    def expired(self, now_ms: Timestamp, expiration_ms: Milliseconds) -> list[str]:
        """The ids that nobody has used for `expiration_ms`."""
        return [each for each, transaction in self._settled() if transaction.is_expired(now_ms, expiration_ms)]

    def forget(self, transactional_ids: Iterable[str], step: Step) -> None:
        """Remove expired ids."""
        for transactional_id in transactional_ids:
            self.transactions[transactional_id].moved_to(TransactionState.DEAD)
            self._put(transactional_id, None, step)

    # --- administration

    def describe(self, transactional_id: str) -> Transaction:
        """
        raises  TransactionalIdNotFound
        """
        transaction = self.transactions.get(transactional_id)
        if transaction is None:
            raise TransactionalIdNotFound(f"the transactional id {transactional_id!r} has not been used")
        return transaction

    # --- the log

    def replay(self, record: CoordinatorRecord, written_at: Offset, producer_id: ProducerId | None) -> None:  # noqa: ARG002
        """Replay a record that was written to the log at `written_at`. None of them is part of a transaction itself."""
        try:
            entry = read_record(record)
        except UnreadableMessage as error:
            _log.error("skipping record %d of __transaction_state: %s", written_at, error)
            return
        if entry is None:
            _log.warning("skipping record %d of __transaction_state: unknown kind of key", written_at)
        elif entry.transaction is None:
            self.transactions.pop(entry.transactional_id, None)
            self._replaced.pop(entry.transactional_id, None)
        else:
            self.transactions[entry.transactional_id] = entry.transaction

    def replay_marker(self, producer_id: ProducerId, written_at: Offset, *, committed: bool) -> None:
        """There are no transactions within this log."""

    def loaded(self, step: Step) -> None:  # noqa: ARG002
        """The log has been replayed: continue what the previous coordinator began."""
        for transactional_id, transaction in self.transactions.items():
            if transaction.state in PREPARED:
                self._when_prepared(transactional_id)

    def unloaded(self) -> None:
        """The partition's leader is another broker now. Nobody waits in here."""

    def timer_expired(self, timer: Hashable, step: Step) -> None:
        """A timer that was set in a step has expired."""
        if isinstance(timer, WriteAgain) and timer.transactional_id in self._unsettled:
            self._put(timer.transactional_id, self._unsettled[timer.transactional_id], step)

    # --- parts of the above

    def _put(self, transactional_id: str, transaction: Transaction | None, step: Step) -> None:
        """Have a new state written, or a tombstone; until it is stored the id is unsettled."""
        if transaction is None:
            step.records.append(transaction_tombstone(transactional_id))
        else:
            step.records.append(transaction_record(transactional_id, transaction))
        self._unsettled[transactional_id] = transaction
        step.when_stored.append(partial(self._written, transactional_id, transaction))

    def _written(
        self, transactional_id: str, transaction: Transaction | None, step: Step, error: BrokerError | None
    ) -> None:
        is_in_the_log = self.transactions.get(transactional_id) == transaction
        if error is not None and is_in_the_log:
            _log.warning("%r: its state is not stored yet, it will be written again: %s", transactional_id, error)
            step.timers[WriteAgain(transactional_id)] = WRITE_AGAIN_MS
            return
        self._unsettled.pop(transactional_id, None)
        if error is None and transaction is not None and transaction.state in PREPARED:
            self._when_prepared(transactional_id)

    def _settled(self) -> Iterable[tuple[str, Transaction]]:
        return (each for each in self.transactions.items() if each[0] not in self._unsettled)

    def _check_settled(self, transactional_id: str) -> None:
        if transactional_id in self._unsettled:
            raise ConcurrentTransactions(f"the last change of {transactional_id!r} is not stored yet")

    def _of(self, transactional_id: str, producer: ProducerIdAndEpoch) -> Transaction:
        transaction = self.transactions.get(transactional_id)
        if transaction is None or transaction.producer_id != producer.producer_id:
            raise InvalidProducerIdMapping(f"{transactional_id!r} does not belong to producer {producer.producer_id}")
        if transaction.producer_epoch != producer.producer_epoch:
            raise ProducerFenced(
                f"{transactional_id!r} is at epoch {transaction.producer_epoch} of its producer, "
                f"not {producer.producer_epoch}"
            )
        return transaction

    def _is_its_producer(self, transactional_id: str, transaction: Transaction, producer: ProducerIdAndEpoch) -> bool:
        if producer.producer_id == transaction.producer_id:
            return True
        replaced = self._replaced.get(transactional_id)
        return (
            replaced is not None
            and producer.producer_id == replaced.producer_id
            and is_exhausted(producer.producer_epoch)
        )

    def _successor(
        self,
        transactional_id: str,
        transaction: Transaction,
        expected: ProducerIdAndEpoch | None,
        new_producer_id: ProducerId | None,
    ) -> ProducerIdAndEpoch:
        """The producer after that of `transaction`, which has nothing open."""
        if _is_used_up(transaction, expected):
            if new_producer_id is None:
                raise ConcurrentTransactions(f"the epochs of {transactional_id!r} have just been used up")
            successor = ProducerIdAndEpoch(new_producer_id, ProducerEpoch(0))
        elif expected is None or expected.producer_epoch == transaction.producer_epoch:
            successor = ProducerIdAndEpoch(transaction.producer_id, ProducerEpoch(transaction.producer_epoch + 1))
        elif (replaced := self._replaced.get(transactional_id)) and expected.producer_epoch == replaced.producer_epoch:
            return ProducerIdAndEpoch(
                transaction.producer_id, transaction.producer_epoch
            )  # it asks again for what it was given
        else:
            raise ProducerFenced(
                f"{transactional_id!r} is at epoch {transaction.producer_epoch} of its producer, "
                f"not {expected.producer_epoch}"
            )
        if expected is None:
            self._replaced.pop(transactional_id, None)
        else:
            self._replaced[transactional_id] = ProducerIdAndEpoch(transaction.producer_id, transaction.producer_epoch)
        return successor


def _is_used_up(transaction: Transaction, expected: ProducerIdAndEpoch | None) -> bool:
    """Whether the next producer gets another producer id, because this one has no epoch left for it."""
    is_next = expected is None or expected.producer_epoch == transaction.producer_epoch
    return transaction.state in EXPIRABLE and transaction.is_epoch_exhausted and is_next
