"""Which transactions hang, and how a broker is asked to abort one."""

from pykafka_cli.model import (
    AbortSpec,
    BrokerId,
    CoordinatorEpoch,
    Milliseconds,
    Offset,
    OpenTransaction,
    ProducerEpoch,
    ProducerId,
    ProducerState,
    Timestamp,
    TopicPartition,
    TransactionDescription,
)
from pykafka_cli.rules.transactions import hanging, open_longer_than, spec_to_abort

HERE = TopicPartition("t", 0)
MINUTE = Milliseconds(60_000)
OPEN = ProducerState(ProducerId(7), ProducerEpoch(1), None, 3, Timestamp(1_000), 42)
IDLE = ProducerState(ProducerId(8), ProducerEpoch(0), CoordinatorEpoch(5), 3, Timestamp(1_000), None)
KNOWN = TransactionDescription(
    BrokerId(0), "tx", ProducerId(7), ProducerEpoch(1), "Ongoing", MINUTE, Timestamp(500), (HERE,)
)


def test_a_transaction_is_aborted_by_the_offset_at_which_it_began() -> None:
    assert spec_to_abort(HERE, [IDLE, OPEN], Offset(42)) == AbortSpec(
        HERE, ProducerId(7), ProducerEpoch(1), CoordinatorEpoch(0)
    )
    assert spec_to_abort(HERE, [OPEN._replace(coordinator_epoch=CoordinatorEpoch(4))], Offset(42)) == AbortSpec(
        HERE, ProducerId(7), ProducerEpoch(1), CoordinatorEpoch(4)
    )
    assert spec_to_abort(HERE, [IDLE, OPEN], Offset(41)) is None


def test_what_is_to_be_aborted_is_named_as_kafka_does() -> None:
    assert str(AbortSpec(HERE, ProducerId(7), ProducerEpoch(1), CoordinatorEpoch(0))) == (
        "AbortTransactionSpec(topicPartition=t-0, producerId=7, producerEpoch=1, coordinatorEpoch=0)"
    )


def test_only_open_transactions_that_are_old_enough_can_hang() -> None:
    producers = {HERE: [OPEN, IDLE]}

    assert open_longer_than(MINUTE, producers, Timestamp(1_000 + MINUTE)) == []
    assert open_longer_than(MINUTE, producers, Timestamp(1_001 + MINUTE)) == [OpenTransaction(HERE, OPEN)]


def test_a_transaction_hangs_unless_its_coordinator_still_has_the_partition() -> None:
    candidate = OpenTransaction(HERE, OPEN)

    assert hanging([candidate], {ProducerId(7): "tx"}, {"tx": KNOWN}) == []
    assert hanging([candidate], {ProducerId(7): "tx"}, {"tx": KNOWN._replace(partitions=())}) == [candidate]
    assert hanging([candidate], {ProducerId(7): "tx"}, {}) == [candidate]
    assert hanging([candidate], {}, {"tx": KNOWN}) == [candidate]


def test_minutes_are_full_ones() -> None:
    candidate = OpenTransaction(HERE, OPEN)

    assert [candidate.minutes(Timestamp(1_000 + ms)) for ms in (MINUTE - 1, MINUTE, -1)] == [0, 1, 0]
