"""kafka-transactions.sh: tables whose cells are all as wide as the widest of their column, a tab after each."""

from collections.abc import Iterable, Sequence

from pykafka_cli.model import OpenTransaction, ProducerState, TransactionDescription, TransactionListing

NOTHING = "None"
NO_EPOCH = NO_OFFSET = -1


def listing(found: Iterable[TransactionListing]) -> str:
    return _table(
        ("TransactionalId", "Coordinator", "ProducerId", "TransactionState"),
        [(each.transactional_id, each.coordinator, each.producer_id, each.state) for each in found],
    )


def description(found: TransactionDescription, now_ms: int) -> str:
    header = (
        "CoordinatorId",
        "TransactionalId",
        "ProducerId",
        "ProducerEpoch",
        "TransactionState",
        "TransactionTimeoutMs",
        "CurrentTransactionStartTimeMs",
        "TransactionDurationMs",
        "TopicPartitions",
    )
    row = (
        found.coordinator,
        found.transactional_id,
        found.producer_id,
        found.producer_epoch,
        found.state,
        found.timeout_ms,
        NOTHING if found.start_ms is None else found.start_ms,
        NOTHING if found.start_ms is None else now_ms - found.start_ms,
        ",".join(map(str, found.partitions)),
    )
    return _table(header, [row])


def producers(found: Iterable[ProducerState]) -> str:
    header = (
        "ProducerId",
        "ProducerEpoch",
        "LatestCoordinatorEpoch",
        "LastSequence",
        "LastTimestamp",
        "CurrentTransactionStartOffset",
    )
    rows = [
        (
            each.producer_id,
            each.producer_epoch,
            NO_EPOCH if each.coordinator_epoch is None else each.coordinator_epoch,
            each.last_sequence,
            each.last_timestamp,
            NOTHING if each.transaction_start is None else each.transaction_start,
        )
        for each in found
    ]
    return _table(header, rows)


def hanging(found: Iterable[OpenTransaction], now_ms: int) -> str:
    header = (
        "Topic",
        "Partition",
        "ProducerId",
        "ProducerEpoch",
        "CoordinatorEpoch",
        "StartOffset",
        "LastTimestamp",
        "Duration(min)",
    )
    rows = [
        (
            *each.partition,
            each.producer.producer_id,
            each.producer.producer_epoch,
            NO_EPOCH if each.producer.coordinator_epoch is None else each.producer.coordinator_epoch,
            NO_OFFSET if each.producer.transaction_start is None else each.producer.transaction_start,
            each.producer.last_timestamp,
            each.minutes(now_ms),
        )
        for each in found
    ]
    return _table(header, rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "".join(f"{cell:<{width}}\t" for cell, width in zip(line, widths, strict=True)) + "\n" for line in lines
    )
