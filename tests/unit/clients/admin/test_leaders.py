"""Asking leaders, some of which are not there."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12.response import MetadataResponse, MetadataResponseTopic
from kio.schema.types import BrokerId

from pykafka_cli.clients.admin.leaders import Patience, ask_known_leaders, ask_leaders
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import TopicPartition
from pykafka_cli.transport.errors import (
    AnswerUnreadable,
    AuthenticationFailed,
    BrokerUnreachable,
    ConnectionFailed,
    ConnectionLost,
    HostUnknown,
    NoAnswerInTime,
    TlsFailed,
)
from tests.fakes.cluster import FakeSession
from tests.simulation.loop import VirtualLoop

LED, LEADERLESS = TopicPartition("t", 0), TopicPartition("t", 1)


class Session(FakeSession):
    """Nobody leads the topic's second partition."""

    def _topic(self, name: str, error: ErrorCode) -> MetadataResponseTopic:
        topic = super()._topic(name, error)
        first, second = topic.partitions
        return replace(topic, partitions=(first, replace(second, leader_id=BrokerId(-1))))


async def seven(_broker: int, partitions: list[TopicPartition]) -> dict[TopicPartition, int | ApiError]:
    return dict.fromkeys(partitions, 7)


async def fail(_broker: int, _partitions: list[TopicPartition]) -> dict[TopicPartition, int | ApiError]:
    raise ConnectionLost("gone")


def asked(patience: Patience) -> tuple[dict[TopicPartition, Any], float]:
    """The results of both partitions, and the seconds that they took."""
    loop = VirtualLoop()
    session: Any = Session({}, {"t": 2}, {"default.api.timeout.ms": "5000"})
    results = loop.run_until_complete(ask_leaders(session, [LED, LEADERLESS], seven, patience=patience))
    took = loop.time()
    loop.close()
    return results, took


def test_a_partition_without_leader_is_waited_for() -> None:
    results, took = asked(Patience.RETRY)

    assert results[LED] == 7
    assert results[LEADERLESS].code is ErrorCode.leader_not_available
    assert 4.8 < took <= 5


@pytest.mark.parametrize("patience", [Patience.NEEDS_LEADER, Patience.ASK_ONCE])
def test_a_partition_without_leader_keeps_no_other_waiting_where_that_is_said(patience: Patience) -> None:
    results, took = asked(patience)

    assert results[LED] == 7
    assert results[LEADERLESS].code is ErrorCode.leader_not_available
    assert took == 0


async def test_a_leader_that_is_away_is_an_error_of_its_partitions_where_leaders_are_known() -> None:
    results: dict[TopicPartition, Any] = await ask_known_leaders({LED: BrokerId(0)}, [LED], fail)

    assert (results[LED].code, str(results[LED])) == (ErrorCode.network_exception, "gone")


class Cluster(FakeSession):
    """Broker 1 leads the topic, and broker 0 as soon as the others have noticed its death."""

    def __init__(self, noticed_at: float, *, brokers: int = 2) -> None:
        super().__init__({}, {"t": 1}, {"default.api.timeout.ms": "5000"})
        self.noticed_at, self.brokers = noticed_at, brokers
        self.warnings: list[str] = []
        self.warn = self.warnings.append

    async def metadata(self, topics: Iterable[str] | None, *, create: bool = False) -> MetadataResponse:
        answer = await super().metadata(topics, create=create)
        brokers = [replace(answer.brokers[0], node_id=BrokerId(1 - each)) for each in range(self.brokers)]
        return replace(answer, brokers=tuple(brokers))

    def _topic(self, name: str, error: ErrorCode) -> MetadataResponseTopic:
        topic = super()._topic(name, error)
        leader = BrokerId(int(asyncio.get_running_loop().time() < self.noticed_at))
        return replace(topic, partitions=(replace(topic.partitions[0], leader_id=leader),))


def asked_of(cluster: Any, failure: Exception) -> tuple[Any, float]:
    """The result or the failure where broker 1 fails each request, and the seconds that it took."""

    async def ask(broker: int, partitions: list[TopicPartition]) -> dict[TopicPartition, int | ApiError]:
        if broker == 1:
            raise failure
        return dict.fromkeys(partitions, 7)

    loop = VirtualLoop()
    try:
        result: Any = loop.run_until_complete(ask_leaders(cluster, [LED], ask))[LED]
    except ConnectionFailed as raised:
        result = raised
    took = loop.time()
    loop.close()
    return result, took


TRANSIENT = [ConnectionLost("gone"), NoAnswerInTime("stalls"), BrokerUnreachable("refused")]
LASTING = [HostUnknown("no such name"), TlsFailed("no TLS"), AnswerUnreadable("too short"), AuthenticationFailed("no")]


@pytest.mark.parametrize("failure", TRANSIENT, ids=str)
def test_the_leader_after_one_that_died_is_asked_once_the_cluster_knows_it(failure: ConnectionFailed) -> None:
    cluster = Cluster(noticed_at=3)

    result, took = asked_of(cluster, failure)

    assert result == 7
    assert 3 <= took < 3.3
    assert cluster.warnings == [f"Broker 1 cannot be asked: {failure}. Looking for another leader."]


@pytest.mark.parametrize("failure", TRANSIENT, ids=str)
def test_a_leader_that_stays_away_is_reported_in_the_end(failure: ConnectionFailed) -> None:
    result, took = asked_of(Cluster(noticed_at=60), failure)

    assert result is failure
    assert 4.8 < took <= 5


@pytest.mark.parametrize("failure", [*TRANSIENT, *LASTING], ids=str)
def test_the_only_broker_is_not_waited_for(failure: ConnectionFailed) -> None:
    assert asked_of(Cluster(noticed_at=60, brokers=1), failure) == (failure, 0)


@pytest.mark.parametrize("failure", LASTING, ids=str)
def test_what_waiting_does_not_end_is_reported_at_once(failure: ConnectionFailed) -> None:
    assert asked_of(Cluster(noticed_at=60), failure) == (failure, 0)
