"""Replicas compared batch by batch, as far as each has them below its high watermark."""

import pytest

from pykafka_cli.model import BrokerId, Offset, ReplicaRecords, Timestamp, TopicPartition
from pykafka_cli.protocol.records import CorruptRecords, Record, build_batch
from pykafka_cli.rules.replica_verification import OtherChecksum, OtherOffset, lag_text, largest_lag, verify

ORDERS = TopicPartition("orders", 0)


def batches(*values: bytes, at: int = 0) -> bytes:
    return b"".join(
        bytes(build_batch([Record(Offset(offset), Timestamp(1), None, value)]))
        for offset, value in enumerate(values, at)
    )


def test_replicas_that_hold_the_same_are_verified_up_to_the_smallest_high_watermark() -> None:
    data = batches(b"a", b"b", b"c")

    verified = verify(
        ORDERS, Offset(0), {BrokerId(1): ReplicaRecords(Offset(3), data), BrokerId(2): ReplicaRecords(Offset(2), data)}
    )

    assert (verified.offset, verified.findings) == (2, [])


def test_a_replica_that_has_less_holds_the_others_back_without_a_finding() -> None:
    data = batches(b"a", b"b")

    cut = verify(
        ORDERS,
        Offset(0),
        {BrokerId(1): ReplicaRecords(Offset(2), data), BrokerId(2): ReplicaRecords(Offset(2), data[:-1])},
    )
    away = verify(ORDERS, Offset(0), {BrokerId(1): ReplicaRecords(Offset(2), data), BrokerId(2): ReplicaRecords()})

    assert (cut.offset, cut.findings) == (1, [])
    assert (away.offset, away.findings) == (0, [])


def test_batches_that_differ_are_found_and_the_rest_is_compared_all_the_same() -> None:
    mine, theirs = batches(b"a", b"b", b"c"), batches(b"a", b"x", b"c")

    verified = verify(
        ORDERS,
        Offset(0),
        {BrokerId(2): ReplicaRecords(Offset(3), theirs), BrokerId(1): ReplicaRecords(Offset(3), mine)},
    )

    (found,) = verified.findings
    assert isinstance(found, OtherChecksum)
    assert (found.offset, found.first_replica, found.replica, verified.offset) == (1, 1, 2, 3)
    assert str(found).startswith("partition orders-0 has unmatched checksum at offset 1; replica 1's checksum ")


def test_batches_at_other_offsets_end_the_comparison() -> None:
    verified = verify(
        ORDERS,
        Offset(0),
        {
            BrokerId(1): ReplicaRecords(Offset(9), batches(b"a", b"b")),
            BrokerId(2): ReplicaRecords(Offset(9), batches(b"a", at=5)),
        },
    )

    assert verified.findings == [OtherOffset(ORDERS, BrokerId(1), Offset(0), BrokerId(2), Offset(5))]
    assert str(verified.findings[0]) == "partition orders-0: replica 1's offset 0 doesn't match replica 2's offset 5"
    assert verified.findings[0].document() == {
        "topic": "orders",
        "partition": 0,
        "replicas": [{"broker": 1, "offset": 0}, {"broker": 2, "offset": 5}],
    }


def test_what_is_no_batch_is_reported() -> None:
    with pytest.raises(CorruptRecords):
        verify(ORDERS, Offset(0), {BrokerId(1): ReplicaRecords(Offset(3), bytes(100))})


def test_the_largest_lag_is_reported() -> None:
    other = TopicPartition("orders", 1)

    found = largest_lag({ORDERS: Offset(5), other: Offset(0)}, {ORDERS: Offset(6), other: Offset(4)})
    assert lag_text(found, 2) == ("max lag is 4 for partition orders-1 at offset 0 among 2 partitions")
    assert lag_text(largest_lag({ORDERS: Offset(5)}, {}), 1) == (
        "max lag is -1 for partition null at offset -1 among 1 partitions"
    )
