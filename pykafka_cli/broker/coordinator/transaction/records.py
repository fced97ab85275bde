"""The transaction coordinator's records in __transaction_state: one per transactional id.

    key     version 0      transactional_id string
    value   version 0, 1   TransactionLogValue; absent in a tombstone

The topic is compacted, so the newest record of an id is its state. Kafka 3.9 writes values of version 0 as long as the
cluster has no feature `transaction.version`, which ZooKeeper mode never has, and also reads version 1. Without a
transaction the array of partitions is null while the id is Empty, and empty after a transaction has ended.

source  the message definitions of Kafka 3.9's transaction-coordinator; kafka.coordinator.transaction.TransactionLog
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from pykafka_cli.broker.coordinator.step import CoordinatorRecord
from pykafka_cli.broker.coordinator.stored_messages import (
    StoredMessage,
    UnreadableMessage,
    decode,
    encode,
    stored,
    version_of,
)
from pykafka_cli.broker.coordinator.transaction.transaction import Transaction, TransactionState
from pykafka_cli.model import Milliseconds, ProducerEpoch, ProducerId, Timestamp, TopicPartition

_KEY_VERSION = 0
_VALUE_VERSION = 0

NO_START = Timestamp(-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionLogKey(StoredMessage):
    """The key of a transactional id."""

    versions: ClassVar[range] = range(1)
    transactional_id: str = stored("string")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPartitions(StoredMessage):
    """Partitions of one topic that a transaction has written to."""

    versions: ClassVar[range] = range(2)
    flexible_from: ClassVar[int] = 1
    topic: str = stored("string")
    partition_ids: tuple[int, ...] = stored("int32")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionLogValue(StoredMessage):
    """The state of a transactional id. Times in ms."""

    versions: ClassVar[range] = range(2)
    flexible_from: ClassVar[int] = 1
    producer_id: ProducerId = stored("int64")
    producer_epoch: ProducerEpoch = stored("int16")
    transaction_timeout: int = stored("int32")
    transaction_status: int = stored("int8")
    transaction_partitions: tuple[StoredPartitions, ...] | None = stored("entity")
    transaction_last_update_timestamp: Timestamp = stored("int64")
    transaction_start_timestamp: Timestamp = stored("int64")


class TransactionEntry(NamedTuple):
    """A record about one transactional id; a `transaction` of None removes it."""

    transactional_id: str
    transaction: Transaction | None


def transaction_record(transactional_id: str, transaction: Transaction) -> CoordinatorRecord:
    """The record of a transactional id's state."""
    partitions: dict[str, list[int]] = defaultdict(list)
    for topic, partition in sorted(transaction.partitions):
        partitions[topic].append(partition)
    value = TransactionLogValue(
        producer_id=transaction.producer_id,
        producer_epoch=transaction.producer_epoch,
        transaction_timeout=transaction.timeout_ms,
        transaction_status=transaction.state,
        transaction_partitions=None
        if transaction.state is TransactionState.EMPTY
        else tuple(StoredPartitions(topic=topic, partition_ids=tuple(ids)) for topic, ids in partitions.items()),
        transaction_last_update_timestamp=transaction.updated_at,
        transaction_start_timestamp=NO_START if transaction.started_at is None else transaction.started_at,
    )
    return CoordinatorRecord(_key(transactional_id), encode(value, _VALUE_VERSION))


def transaction_tombstone(transactional_id: str) -> CoordinatorRecord:
    """The record that removes a transactional id."""
    return CoordinatorRecord(_key(transactional_id), None)


def read_record(record: CoordinatorRecord) -> TransactionEntry | None:
    """What `record` says; None for a kind of key that Kafka 3.9 does not know.

    raises  UnreadableMessage
    """
    if version_of(record.key) not in TransactionLogKey.versions:
        return None
    transactional_id = decode(TransactionLogKey, record.key).transactional_id
    if record.value is None:
        return TransactionEntry(transactional_id, None)
    value = decode(TransactionLogValue, record.value)
    try:
        state = TransactionState(value.transaction_status)
    except ValueError as error:
        raise UnreadableMessage(f"{transactional_id!r} has the unknown state {value.transaction_status}") from error
    return TransactionEntry(
        transactional_id,
        Transaction(
            producer_id=value.producer_id,
            producer_epoch=value.producer_epoch,
            timeout_ms=Milliseconds(value.transaction_timeout),
            state=state,
            partitions=frozenset(
                TopicPartition(each.topic, partition)
                for each in value.transaction_partitions or ()
                for partition in each.partition_ids
            ),
            updated_at=value.transaction_last_update_timestamp,
            started_at=None if value.transaction_start_timestamp == NO_START else value.transaction_start_timestamp,
        ),
    )


def _key(transactional_id: str) -> bytes:
    return encode(TransactionLogKey(transactional_id=transactional_id), _KEY_VERSION)
