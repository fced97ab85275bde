"""kafka-transactions.sh: tables whose cells are all as wide as the widest of their column, a tab after each."""

from collections.abc import Iterable

from pykafka_cli.model import OpenTransaction, ProducerState, Timestamp, TransactionDescription, TransactionListing
from pykafka_cli.output.render import OutputFormat, Table, show
from pykafka_cli.output.table_with_tabs import table_with_tabs
from pykafka_cli.protocol.absence import or_minus_one

NOTHING = "None"


def show_listing(form: OutputFormat, found: list[TransactionListing]) -> None:
    show(
        form,
        text=lambda: listing(found),
        table=lambda: [Table(("TRANSACTIONAL ID", "COORDINATOR", "PRODUCER ID", "STATE"), found)],
        document=lambda: [each._asdict() for each in found],
    )


def show_description(form: OutputFormat, found: TransactionDescription, now_ms: Timestamp) -> None:
    fields = {**found._asdict(), "partitions": [each._asdict() for each in found.partitions]}
    show(
        form,
        text=lambda: description(found, now_ms),
        table=lambda: [
            Table(
                (
                    "TRANSACTIONAL ID",
                    "COORDINATOR",
                    "PRODUCER ID",
                    "EPOCH",
                    "STATE",
                    "TIMEOUT (MS)",
                    "STARTED (MS)",
                    "OPEN FOR (MS)",
                ),
                [
                    (
                        found.transactional_id,
                        found.coordinator,
                        found.producer_id,
                        found.producer_epoch,
                        found.state,
                        found.timeout_ms,
                        "" if found.start_ms is None else found.start_ms,
                        "" if found.start_ms is None else now_ms - found.start_ms,
                    )
                ],
            ),
            *([f"In {', '.join(map(str, found.partitions))}."] if found.partitions else []),
        ],
        document=lambda: fields,
    )


def show_producers(form: OutputFormat, found: list[ProducerState]) -> None:
    show(
        form,
        text=lambda: producers(found),
        table=lambda: [
            Table(
                ("PRODUCER ID", "EPOCH", "COORDINATOR EPOCH", "LAST SEQUENCE", "LAST TIMESTAMP", "OPEN SINCE OFFSET"),
                [tuple("" if cell is None else cell for cell in each) for each in found],
            )
        ],
        document=lambda: [each._asdict() for each in found],
    )


def show_hanging(form: OutputFormat, found: list[OpenTransaction], now_ms: Timestamp) -> None:
    show(
        form,
        text=lambda: hanging(found, now_ms),
        table=lambda: [
            Table(
                (
                    "TOPIC",
                    "PARTITION",
                    "START OFFSET",
                    "PRODUCER ID",
                    "EPOCH",
                    "COORDINATOR EPOCH",
                    "LAST TIMESTAMP",
                    "MINUTES",
                ),
                [
                    (
                        *each.partition,
                        each.producer.transaction_start,
                        each.producer.producer_id,
                        each.producer.producer_epoch,
                        each.producer.coordinator_epoch,
                        each.producer.last_timestamp,
                        each.minutes(now_ms),
                    )
                    for each in found
                ],
            )
        ],
        document=lambda: [{**each.partition._asdict(), **each.producer._asdict()} for each in found],
    )


def listing(found: Iterable[TransactionListing]) -> str:
    return table_with_tabs(
        ("TransactionalId", "Coordinator", "ProducerId", "TransactionState"),
        [(each.transactional_id, each.coordinator, each.producer_id, each.state) for each in found],
    )


def description(found: TransactionDescription, now_ms: Timestamp) -> str:
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
    return table_with_tabs(header, [row])


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
            or_minus_one(each.coordinator_epoch),
            each.last_sequence,
            each.last_timestamp,
            NOTHING if each.transaction_start is None else each.transaction_start,
        )
        for each in found
    ]
    return table_with_tabs(header, rows)


def hanging(found: Iterable[OpenTransaction], now_ms: Timestamp) -> str:
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
            or_minus_one(each.producer.coordinator_epoch),
            or_minus_one(each.producer.transaction_start),
            each.producer.last_timestamp,
            each.minutes(now_ms),
        )
        for each in found
    ]
    return table_with_tabs(header, rows)
