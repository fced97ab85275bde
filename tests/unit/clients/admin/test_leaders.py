"""Asking leaders, some of which are not there."""

from dataclasses import replace
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12.response import MetadataResponseTopic
from kio.schema.types import BrokerId

from pykafka_cli.clients.admin.leaders import Patience, ask_known_leaders, ask_leaders
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import TopicPartition
from pykafka_cli.transport.errors import ConnectionLost
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
