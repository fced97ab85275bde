"""The search of `pk transactions find-hanging`: compares partitions' open transactions with the coordinators' state."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.topics import describe_topics, list_topics
from pykafka_cli.clients.admin.transactions import describe_producers, describe_transactions, list_transactions
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import (
    BrokerId,
    Milliseconds,
    OpenTransaction,
    ProducerState,
    Timestamp,
    TopicPartition,
    TransactionDescription,
)
from pykafka_cli.rules.transactions import hanging, open_longer_than
from pykafka_cli.script.errors import reported
from pykafka_cli.transport.errors import ConnectionFailed

T = TypeVar("T")

BATCH = 500
"""Number of topics or partitions in one request."""

FOR_MORE = "Enable debug logging for additional detail."


def failing_as(what: str) -> AbstractContextManager[None]:
    """Name the step that the cluster rejected."""
    return reported(f"{what}: ", dict.fromkeys((ApiError, ConnectionFailed), lambda error: f"{error}. {FOR_MORE}"))


async def find_hanging(
    session: Session,
    topic: str | None,
    partition: int | None,
    broker: BrokerId | None,
    limit_ms: Milliseconds,
    now_ms: Timestamp,
) -> list[OpenTransaction]:
    """Find transactions that have been open for longer than `limit_ms` and that no coordinator will complete.

    raises    ScriptError
    """
    if topic is not None and partition is not None:
        partitions = [TopicPartition(topic, partition)]
    else:
        partitions = await _partitions(session, topic, broker)
    producers: dict[TopicPartition, list[ProducerState]] = {}
    for batch in _batches(partitions):
        where = "Optional.empty" if broker is None else f"Optional[{broker}]"
        with failing_as(f"Failed to describe producers for {len(batch)} partitions on broker {where}"):
            producers.update(_all_of(await describe_producers(session, batch, broker=broker)))
    candidates = open_longer_than(limit_ms, producers, now_ms)
    if not candidates:
        return []
    producer_ids = {candidate.producer.producer_id for candidate in candidates}
    with failing_as(f"Failed to list transactions for {len(producer_ids)} producers"):
        listed = await list_transactions(session, producer_ids=producer_ids)
    ids = {each.producer_id: each.transactional_id for each in listed if each.producer_id in producer_ids}
    with failing_as(f"Failed to describe {len(ids)} transactions"):
        descriptions = _still_known(await describe_transactions(session, ids.values()))
    return hanging(candidates, ids, descriptions)


async def _partitions(session: Session, topic: str | None, broker: BrokerId | None) -> list[TopicPartition]:
    topics = [topic] if topic is not None else []
    if not topics:
        with failing_as("Failed to list topics"):
            topics = [each.topic for each in await list_topics(session)]
    found = []
    for batch in _batches(topics):
        with failing_as(f"Failed to describe {len(batch)} topics"):
            found += [
                TopicPartition(description.topic, each.partition)
                for description in await describe_topics(session, batch)
                for each in description.partitions
                if broker is None or broker in each.replicas
            ]
    return found


def _all_of(found: dict[TopicPartition, list[ProducerState] | ApiError]) -> dict[TopicPartition, list[ProducerState]]:
    states = {}
    for partition, result in found.items():
        if isinstance(result, ApiError):
            raise result
        states[partition] = result
    return states


def _still_known(found: dict[str, TransactionDescription | ApiError]) -> dict[str, TransactionDescription]:
    descriptions = {}
    for transactional_id, result in found.items():
        if not isinstance(result, ApiError):
            descriptions[transactional_id] = result
        elif result.code != ErrorCode.transactional_id_not_found:
            raise result
    return descriptions


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
