"""Transactions for operators, and which of them hang: open in a partition that no coordinator knows.

Source: org.apache.kafka.tools.TransactionsCommand, 3.9
"""

from collections.abc import Iterable, Mapping

from pykafka_cli.model import (
    AbortSpec,
    CoordinatorEpoch,
    Milliseconds,
    Offset,
    OpenTransaction,
    ProducerId,
    ProducerState,
    Timestamp,
    TopicPartition,
    TransactionDescription,
)


def spec_to_abort(partition: TopicPartition, producers: Iterable[ProducerState], start: Offset) -> AbortSpec | None:
    """How to abort the open transaction that began at an offset; None if there is none.

    A producer that has never completed a transaction has no coordinator epoch; 0 is not above any leader's.
    """
    for producer in producers:
        if producer.transaction_start == start:
            coordinator_epoch = producer.coordinator_epoch or CoordinatorEpoch(0)
            return AbortSpec(partition, producer.producer_id, producer.producer_epoch, coordinator_epoch)
    return None


def open_longer_than(
    limit_ms: Milliseconds, producers: Mapping[TopicPartition, Iterable[ProducerState]], now_ms: Timestamp
) -> list[OpenTransaction]:
    """Transactions whose producer has not written for longer than `limit_ms`."""
    return [
        OpenTransaction(partition, producer)
        for partition, states in producers.items()
        for producer in states
        if producer.transaction_start is not None and now_ms - producer.last_timestamp > limit_ms
    ]


def hanging(
    candidates: Iterable[OpenTransaction],
    ids: Mapping[ProducerId, str],
    descriptions: Mapping[str, TransactionDescription],
) -> list[OpenTransaction]:
    """Transactions that no coordinator knows: none will ever write a marker to that partition.

    ids             transactional ids by producer id, those that coordinators know
    descriptions    of these ids; ids that have expired meanwhile are missing
    """

    def is_known(candidate: OpenTransaction) -> bool:
        description = descriptions.get(ids.get(candidate.producer.producer_id, ""))
        return description is not None and candidate.partition in description.partitions

    return [candidate for candidate in candidates if not is_known(candidate)]
