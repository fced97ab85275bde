"""Tables of kafka-transactions.sh."""

from pykafka_cli.model import (
    BrokerId,
    OpenTransaction,
    ProducerEpoch,
    ProducerId,
    ProducerState,
    Timestamp,
    TopicPartition,
    TransactionDescription,
    TransactionListing,
)
from pykafka_cli.output import transactions as text

HERE = TopicPartition("t", 0)


def test_every_cell_is_padded_and_followed_by_a_tab() -> None:
    assert text.listing([TransactionListing("tx1", BrokerId(1), ProducerId(26), "CompleteCommit")]) == (
        "TransactionalId\tCoordinator\tProducerId\tTransactionState\t\n"
        "tx1            \t1          \t26        \tCompleteCommit  \t\n"
    )


def test_a_table_without_rows_is_its_header() -> None:
    assert text.listing([]) == "TransactionalId\tCoordinator\tProducerId\tTransactionState\t\n"


def test_what_is_not_there_is_none_or_minus_one() -> None:
    idle = ProducerState(ProducerId(7), ProducerEpoch(1), None, 3, Timestamp(1000), None)
    described = TransactionDescription(BrokerId(0), "tx", ProducerId(7), ProducerEpoch(1), "Empty", 60000, None, ())

    assert [cell.strip() for cell in text.producers([idle]).splitlines()[1].split("\t")] == (
        ["7", "1", "-1", "3", "1000", "None", ""]
    )
    assert [cell.strip() for cell in text.description(described, Timestamp(0)).splitlines()[1].split("\t")] == (
        ["0", "tx", "7", "1", "Empty", "60000", "None", "None", "", ""]
    )


def test_an_open_transaction_has_its_age() -> None:
    described = TransactionDescription(
        BrokerId(0),
        "tx",
        ProducerId(7),
        ProducerEpoch(1),
        "Ongoing",
        60000,
        Timestamp(500),
        (HERE, TopicPartition("t", 1)),
    )
    hangs = OpenTransaction(HERE, ProducerState(ProducerId(7), ProducerEpoch(1), None, 3, Timestamp(1000), 42))

    assert "\t500 " in text.description(described, Timestamp(1500))
    assert "\t1000 " in text.description(described, Timestamp(1500))
    assert "\tt-0,t-1        \t\n" in text.description(described, Timestamp(1500))
    assert [cell.strip() for cell in text.hanging([hangs], Timestamp(121_000)).splitlines()[1].split("\t")] == (
        ["t", "0", "7", "1", "-1", "42", "1000", "2", ""]
    )
