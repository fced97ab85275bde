"""Records of __transaction_state, against those that Apache Kafka 3.9.1 wrote."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.broker.coordinator.step import CoordinatorRecord
from pykafka_cli.broker.coordinator.stored_messages import UnreadableMessage, decode, encode
from pykafka_cli.broker.coordinator.transaction.records import (
    StoredPartitions,
    TransactionEntry,
    TransactionLogKey,
    TransactionLogValue,
    read_record,
    transaction_record,
    transaction_tombstone,
)
from pykafka_cli.broker.coordinator.transaction.transaction import Transaction, TransactionState
from pykafka_cli.model import Milliseconds, ProducerEpoch, ProducerId, Timestamp, TopicPartition
from tests.support.vectors import VECTORS


def recorded() -> Iterator[CoordinatorRecord]:
    """Keys and values that Kafka's consumer read from __transaction_state."""
    for line in (VECTORS / "disk" / "clean.records.jsonl").open():
        partition = json.loads(line)
        if partition["partition"].startswith("__transaction_state") and partition["isolation"] == "read_uncommitted":
            for record in partition["records"]:
                value = record["value"]
                yield CoordinatorRecord(bytes.fromhex(record["key"]), None if value is None else bytes.fromhex(value))


@pytest.mark.parametrize("record", list(recorded()))
def test_what_kafka_wrote_is_written_again_byte_for_byte(record: CoordinatorRecord) -> None:
    entry = read_record(record)

    assert entry is not None
    assert entry.transaction is not None
    assert transaction_record(entry.transactional_id, entry.transaction) == record


def test_the_recorded_ids_went_through_every_state_that_is_stored() -> None:
    entries = [read_record(record) for record in recorded()]

    assert {entry.transaction.state for entry in entries if entry and entry.transaction} == {
        TransactionState.EMPTY,
        TransactionState.ONGOING,
        TransactionState.PREPARE_COMMIT,
        TransactionState.PREPARE_ABORT,
        TransactionState.COMPLETE_COMMIT,
        TransactionState.COMPLETE_ABORT,
    }


TRANSACTION = Transaction(
    producer_id=ProducerId(1000),
    producer_epoch=ProducerEpoch(3),
    timeout_ms=Milliseconds(60_000),
    state=TransactionState.ONGOING,
    partitions=frozenset({TopicPartition("b", 0), TopicPartition("a", 2), TopicPartition("a", 1)}),
    updated_at=Timestamp(8),
    started_at=Timestamp(7),
)


def test_partitions_are_stored_by_topic() -> None:
    _, value = transaction_record("t", TRANSACTION)

    assert value is not None
    assert decode(TransactionLogValue, value).transaction_partitions == (
        StoredPartitions(topic="a", partition_ids=(1, 2)),
        StoredPartitions(topic="b", partition_ids=(0,)),
    )


def test_the_flexible_version_of_later_brokers_is_read_too() -> None:
    key, value = transaction_record("t", TRANSACTION)
    assert value is not None

    later = CoordinatorRecord(key, encode(decode(TransactionLogValue, value), 1))

    assert read_record(later) == TransactionEntry("t", TRANSACTION)


def test_a_tombstone_removes_the_id() -> None:
    assert read_record(transaction_tombstone("t")) == TransactionEntry("t", None)


def test_a_key_of_another_kind_is_left_alone() -> None:
    assert read_record(CoordinatorRecord(b"\0\1\0\1t", None)) is None


def test_a_state_that_does_not_exist_is_rejected() -> None:
    value = TransactionLogValue(
        producer_id=ProducerId(1),
        producer_epoch=ProducerEpoch(0),
        transaction_timeout=1,
        transaction_status=9,
        transaction_partitions=None,
        transaction_last_update_timestamp=Timestamp(1),
        transaction_start_timestamp=Timestamp(-1),
    )

    with pytest.raises(UnreadableMessage, match="has the unknown state 9"):
        read_record(CoordinatorRecord(encode(TransactionLogKey(transactional_id="t"), 0), encode(value, 0)))


names = st.text(max_size=5)
values = st.builds(
    TransactionLogValue,
    producer_id=st.integers(-1, 1 << 62).map(ProducerId),
    producer_epoch=st.integers(-1, 1 << 14).map(ProducerEpoch),
    transaction_timeout=st.integers(0, 1 << 30),
    transaction_status=st.sampled_from(TransactionState),
    transaction_partitions=st.none()
    | st.lists(
        st.builds(
            StoredPartitions, topic=names, partition_ids=st.lists(st.integers(0, 1 << 30), max_size=3).map(tuple)
        ),
        max_size=3,
    ).map(tuple),
    transaction_last_update_timestamp=st.integers(-1, 1 << 62).map(Timestamp),
    transaction_start_timestamp=st.integers(-1, 1 << 62).map(Timestamp),
)


def outcome(key: bytes, value: bytes) -> TransactionEntry | str | None:
    try:
        return read_record(CoordinatorRecord(key, value))
    except UnreadableMessage as error:
        return str(error)


@given(values)
def test_whatever_is_stored_in_version_0_is_read_as_in_version_1(value: TransactionLogValue) -> None:
    """Version 1 is read by kio alone."""
    key = encode(TransactionLogKey(transactional_id="t"), 0)

    entry = outcome(key, encode(value, 0))

    assert isinstance(entry, TransactionEntry)
    assert entry == outcome(key, encode(value, 1))


@given(values, st.data())
def test_what_is_wrong_with_a_value_is_reported_as_by_kio(value: TransactionLogValue, data: st.DataObject) -> None:
    damaged = bytearray(encode(value, 0))
    changes = data.draw(st.lists(st.tuples(st.integers(2, len(damaged) - 1), st.integers(0, 255)), max_size=2))
    for position, byte in changes:
        damaged[position] = byte
    cut = bytes(damaged[: data.draw(st.integers(2, len(damaged)))])
    key = encode(TransactionLogKey(transactional_id="t"), 0)
    try:
        expected: TransactionLogValue | str = decode(TransactionLogValue, cut)
    except UnreadableMessage as error:
        expected = str(error)

    entry = outcome(key, cut)

    if isinstance(expected, str):
        assert entry == expected
    elif isinstance(entry, TransactionEntry):
        assert entry.transaction is not None
        assert outcome(key, encode(expected, 1)) == entry
    else:
        assert "unknown state" in str(entry)


transactions = st.builds(
    Transaction,
    producer_id=st.integers(0, 1 << 62).map(ProducerId),
    producer_epoch=st.integers(0, 1 << 14).map(ProducerEpoch),
    timeout_ms=st.integers(0, 1 << 30).map(Milliseconds),
    state=st.sampled_from([each for each in TransactionState if each is not TransactionState.EMPTY]),
    partitions=st.frozensets(st.builds(TopicPartition, names, st.integers(0, 9))),
    updated_at=st.integers(0, 1 << 62).map(Timestamp),
    started_at=st.none() | st.integers(0, 1 << 62).map(Timestamp),
)


@given(transactions)
def test_whatever_state_is_written_kio_writes_the_same_bytes(transaction: Transaction) -> None:
    key, value = transaction_record("t", transaction)

    assert value is not None
    assert encode(decode(TransactionLogValue, value), 0) == value
    assert read_record(CoordinatorRecord(key, value)) == TransactionEntry("t", transaction)
