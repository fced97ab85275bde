"""The transaction coordinator's records in __transaction_state: one per transactional id.

    key     version 0      transactional_id string
    value   version 0, 1   TransactionLogValue; absent in a tombstone

The topic is compacted, so the newest record of an id is its state. Kafka 3.9 writes values of version 0 as long as the
cluster has no feature `transaction.version`, which ZooKeeper mode never has, and also reads version 1. Without a
transaction the array of partitions is null while the id is Empty, and empty after a transaction has ended.

source  the message definitions of Kafka 3.9's transaction-coordinator; kafka.coordinator.transaction.TransactionLog
"""

import struct
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
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
_VALUE_START = struct.Struct(">hqhibi")
_VALUE_END = struct.Struct(">qq")
_NAME_SIZE, _COUNT = struct.Struct(">h"), struct.Struct(">i")
_NO_TOPICS = -1
_KEYS_KEPT = 4096  # for each transaction, the state of an id is written three times

NO_START = Timestamp(-1)


@dataclass(slots=True, kw_only=True)
class TransactionLogKey(StoredMessage):
    """The key of a transactional id."""

    versions: ClassVar[range] = range(1)
    transactional_id: str = stored("string")


@dataclass(slots=True, kw_only=True)
class StoredPartitions(StoredMessage):
    """Partitions of one topic that a transaction has written to."""

    versions: ClassVar[range] = range(2)
    flexible_from: ClassVar[int] = 1
    topic: str = stored("string")
    partition_ids: tuple[int, ...] = stored("int32")


@dataclass(slots=True, kw_only=True)
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
    return CoordinatorRecord(_key(transactional_id), _value(transaction))


def transaction_tombstone(transactional_id: str) -> CoordinatorRecord:
    """The record that removes a transactional id."""
    return CoordinatorRecord(_key(transactional_id), None)


def read_record(record: CoordinatorRecord) -> TransactionEntry | None:
    """What `record` says; None for a kind of key that Kafka 3.9 does not know.

    raises  UnreadableMessage
    """
    if version_of(record.key) not in TransactionLogKey.versions:
        return None
    transactional_id = _read_key(record.key)
    if record.value is None:
        return TransactionEntry(transactional_id, None)
    value = _read_value(record.value)
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


@lru_cache(_KEYS_KEPT)
@lru_cache(_KEYS_KEPT)
def _key(transactional_id: str) -> bytes:
    return encode(TransactionLogKey(transactional_id=transactional_id), _KEY_VERSION)


@lru_cache(_KEYS_KEPT)
def _read_key(data: bytes) -> str:
    return decode(TransactionLogKey, data).transactional_id


def _value(transaction: Transaction) -> bytes:
    """As `encode` writes it in version 0, but with each transaction in mind."""
    by_topic: dict[str, list[int]] = defaultdict(list)
    for topic, partition in sorted(transaction.partitions):
        by_topic[topic].append(partition)
    parts = [
        _VALUE_START.pack(
            _VALUE_VERSION,
            transaction.producer_id,
            transaction.producer_epoch,
            transaction.timeout_ms,
            transaction.state,
            _NO_TOPICS if transaction.state is TransactionState.EMPTY else len(by_topic),
        )
    ]
    for topic, partitions in by_topic.items():
        name = topic.encode()
        parts += (_NAME_SIZE.pack(len(name)), name, _COUNT.pack(len(partitions)), *map(_COUNT.pack, partitions))
    parts.append(
        _VALUE_END.pack(transaction.updated_at, NO_START if transaction.started_at is None else transaction.started_at)
    )
    return b"".join(parts)


def _read_value(data: bytes) -> TransactionLogValue:
    """As `decode` does it, but with each transaction in mind: its states are replayed as soon as they are stored."""
    try:
        return _read_usual_value(data)
    except (struct.error, UnicodeDecodeError, _Unusual):
        return decode(TransactionLogValue, data)  # it says what is wrong, if anything is


class _Unusual(Exception):
    """Not what this broker writes."""


def _read_usual_value(data: bytes) -> TransactionLogValue:
    """raises  _Unusual, struct.error, UnicodeDecodeError"""
    version, producer_id, producer_epoch, timeout, status, topics = _VALUE_START.unpack_from(data)
    if version != _VALUE_VERSION or topics < _NO_TOPICS:
        raise _Unusual
    partitions = []
    at = _VALUE_START.size
    for _ in range(topics):
        (size,) = _NAME_SIZE.unpack_from(data, at)
        ids_at = at + _NAME_SIZE.size + size
        (count,) = _COUNT.unpack_from(data, ids_at)
        if size < 0:
            raise _Unusual
        ids = struct.unpack_from(f">{count}i", data, ids_at + _COUNT.size)
        partitions.append(StoredPartitions(topic=data[at + _NAME_SIZE.size : ids_at].decode(), partition_ids=ids))
        at = ids_at + _COUNT.size + count * _COUNT.size
    updated_at, started_at = _VALUE_END.unpack_from(data, at)
    return TransactionLogValue(
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        transaction_timeout=timeout,
        transaction_status=status,
        transaction_partitions=None if topics == _NO_TOPICS else tuple(partitions),
        transaction_last_update_timestamp=updated_at,
        transaction_start_timestamp=started_at,
    )
