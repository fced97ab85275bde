"""Requests that only leaders of partitions serve: finds leaders, and retries when they change."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum, auto
from typing import TypeVar

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.retries import ask_until_final
from pykafka_cli.clients.error_traits import RETRIABLE
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId, TopicPartition
from pykafka_cli.transport.errors import (
    AnswerUnreadable,
    BrokerUnreachable,
    ConnectionFailed,
    ConnectionLost,
    HostUnknown,
    NoAnswerInTime,
    Rejected,
    TlsFailed,
)

T = TypeVar("T")

_MAY_HEAL = RETRIABLE - {ErrorCode.unknown_topic_or_partition, ErrorCode.unknown_topic_id}
"""Errors that another leader, or the same one a little later, may not have. A missing topic is not among them."""


_LASTING = (AnswerUnreadable, HostUnknown, TlsFailed)
"""Failures that waiting does not end."""


class Patience(Enum):
    """Which errors to retry."""

    RETRY = auto()
    """All transient errors."""
    NEEDS_LEADER = auto()
    """All transient errors, except that a partition without a leader is LEADER_NOT_AVAILABLE at once."""
    ASK_ONCE = auto()
    """None, as the caller retries; NETWORK_EXCEPTION for partitions whose leader cannot be reached."""


_PASSING = {
    Patience.RETRY: _MAY_HEAL,
    Patience.NEEDS_LEADER: _MAY_HEAL - {ErrorCode.leader_not_available},
    Patience.ASK_ONCE: frozenset[ErrorCode](),
}


async def ask_leaders(
    session: Session,
    partitions: Iterable[TopicPartition],
    ask: Callable[[BrokerId, list[TopicPartition]], Awaitable[Mapping[TopicPartition, T | ApiError]]],
    *,
    patience: Patience = Patience.RETRY,
) -> dict[TopicPartition, T | ApiError]:
    """Each partition's result from its leader; transient errors only after default.api.timeout.ms.

    A leader that has died or stands still is named until the cluster notices it. Where there are other brokers, its
    partitions are looked up again until then.

    ask       sends one broker a request about the partitions that it leads
    raises    ConnectionFailed
    """

    silent: set[BrokerId] = set()

    async def ask_all(wanted: list[TopicPartition]) -> dict[TopicPartition, T | ApiError]:
        led, without_leader, are_others = await _leaders(session, wanted)
        if patience is Patience.ASK_ONCE:
            known = {partition: broker for broker, theirs in led.items() for partition in theirs}
            return {**without_leader, **await ask_known_leaders(known, known, ask)}
        results: dict[TopicPartition, T | ApiError] = {**without_leader}
        for broker, theirs in led.items():
            try:
                results.update(await ask(broker, theirs))
            except _LASTING:
                raise
            except (BrokerUnreachable, ConnectionLost, NoAnswerInTime) as failure:
                if not are_others:
                    raise
                if broker not in silent:
                    session.warn(f"Broker {broker} cannot be asked: {failure}. Looking for another leader.")
                    silent.add(broker)
                results.update(dict.fromkeys(theirs, _Unanswered(failure)))
        return results

    results = await ask_until_final(session, partitions, ask_all, _PASSING[patience])
    for result in results.values():
        if isinstance(result, _Unanswered):
            raise result.failure
    return results


class _Unanswered(ApiError):
    """The leader did not respond."""

    def __init__(self, failure: ConnectionFailed) -> None:
        super().__init__(ErrorCode.network_exception, str(failure))
        self.failure = failure


async def ask_known_leaders(
    leaders: Mapping[TopicPartition, BrokerId],
    partitions: Iterable[TopicPartition],
    ask: Callable[[BrokerId, list[TopicPartition]], Awaitable[Mapping[TopicPartition, T | ApiError]]],
) -> dict[TopicPartition, T | ApiError]:
    """Ask known leaders, without retries; partitions whose leader cannot be reached get NETWORK_EXCEPTION."""
    led: dict[BrokerId, list[TopicPartition]] = {}
    for partition in partitions:
        led.setdefault(leaders[partition], []).append(partition)
    results: dict[TopicPartition, T | ApiError] = {}
    for broker, theirs in led.items():
        try:
            results.update(await ask(broker, theirs))
        except Rejected:
            raise
        except ConnectionFailed as failure:
            results.update(dict.fromkeys(theirs, ApiError(ErrorCode.network_exception, str(failure))))
    return results


async def _leaders(
    session: Session, partitions: list[TopicPartition]
) -> tuple[dict[BrokerId, list[TopicPartition]], dict[TopicPartition, ApiError], bool]:
    """Partitions by their leader, an error for each without one, and whether several brokers are alive."""
    answer = await session.metadata({partition.topic: None for partition in partitions})
    alive = {broker.node_id for broker in answer.brokers}
    known: dict[TopicPartition, BrokerId] = {}
    topic_errors: dict[str, int] = {}
    for topic in answer.topics:
        topic_errors[topic.name or ""] = topic.error_code
        for each in topic.partitions:
            known[TopicPartition(topic.name or "", each.partition_index)] = each.leader_id
    led: dict[BrokerId, list[TopicPartition]] = {}
    failed: dict[TopicPartition, ApiError] = {}
    for partition in partitions:
        if topic_errors.get(partition.topic):
            failed[partition] = ApiError(topic_errors[partition.topic])
        elif partition not in known:
            failed[partition] = ApiError(ErrorCode.unknown_topic_or_partition)
        elif known[partition] not in alive:
            failed[partition] = ApiError(ErrorCode.leader_not_available)
        else:
            led.setdefault(known[partition], []).append(partition)
    return led, failed, len(alive) > 1
