"""The model of a coordinator by KIP-848 answers members as Apache Kafka 4.3.1's does."""

import datetime
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Protocol

import pytest
from kio.schema.consumer_group_heartbeat.v1.request import ConsumerGroupHeartbeatRequest, TopicPartitions
from kio.schema.errors import ErrorCode
from kio.schema.types import GroupId, TopicName
from kio.static.primitive import i32, i32Timedelta

from pykafka_cli.clients.coordinator import Coordinator
from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.model import Seconds, TopicPartition
from tests.fakes.clock import FakeClock
from tests.simulation.consumer_group import JOINING, LEAVING, LEAVING_FOR_A_WHILE, ConsumerGroup
from tests.support.kafka_4 import Kafka4
from tests.support.running import pk

TOPIC, PARTITIONS = "t", 2
PATIENCE = 500
"""Heartbeats within which Kafka's coordinator gets to an assignment."""


class Side(Protocol):
    topic_id: uuid.UUID
    group_id: str

    async def ask(self, request: ConsumerGroupHeartbeatRequest) -> Any: ...


class Model:
    def __init__(self) -> None:
        self.topic_id, self.group_id = uuid.UUID(int=7), "g"
        self._group = ConsumerGroup(
            FakeClock(),
            lambda: [TopicPartition(TOPIC, index) for index in range(PARTITIONS)],
            lambda: {TOPIC: self.topic_id},
        )

    async def ask(self, request: ConsumerGroupHeartbeatRequest) -> Any:
        return self._group.heartbeat(request)


class Real:
    def __init__(self, coordinator: Coordinator, topic_id: uuid.UUID) -> None:
        self.topic_id, self.group_id = topic_id, coordinator.group_id
        self._coordinator = coordinator

    async def ask(self, request: ConsumerGroupHeartbeatRequest) -> Any:
        return await self._coordinator.ask(request, oldest=1)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka4]:
    at_once = "group.consumer.assignment.interval.ms=0\ngroup.consumer.min.assignment.interval.ms=0"
    server = Kafka4(tmp_path_factory.mktemp("kafka-4"), more=at_once)
    server.start()
    assert pk("topics", "--bootstrap-server", server.bootstrap, "--create", "--topic", TOPIC, "--partitions", "2")
    yield server
    server.kill()


@pytest.fixture(params=["model", "Apache Kafka 4.3.1"])
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    if request.param == "model":
        yield Model()
        return
    async with Session(request.getfixturevalue("kafka").bootstrap, ClientSettings({})) as session:
        topic_id = (await session.metadata([TOPIC])).topics[0].topic_id
        assert topic_id
        yield Real(Coordinator(session, f"g-{uuid.uuid4()}", private=True, pause=Seconds(0.1)), topic_id)


class Member:
    """Says what a member says; `has` is what it was assigned last."""

    def __init__(self, side: Side, instance_id: str | None = None) -> None:
        self._side = side
        self._member_id = str(uuid.uuid4())
        self._instance_id = instance_id
        self.epoch = JOINING
        self.has: list[int] = []

    async def beat(self, *, epoch: int | None = None, owns: Sequence[int] | None = None) -> ErrorCode:
        joins = epoch == JOINING
        owned = None if owns is None else (self._topic(owns),)
        answer = await self._side.ask(
            ConsumerGroupHeartbeatRequest(
                group_id=GroupId(self._side.group_id),
                member_id=self._member_id,
                member_epoch=i32(self.epoch if epoch is None else epoch),
                instance_id=self._instance_id,
                rebalance_timeout=i32Timedelta.parse(datetime.timedelta(seconds=60 if joins else -0.001)),
                subscribed_topic_names=(TopicName(TOPIC),) if joins else None,
                topic_partitions=() if joins else owned,
            )
        )
        if answer.error_code is ErrorCode.none:
            self.epoch = int(answer.member_epoch)
            if answer.assignment is not None:
                topics = answer.assignment.topic_partitions
                self.has = sorted(int(each) for topic in topics for each in topic.partitions)
        return ErrorCode(answer.error_code)

    def _topic(self, indexes: Sequence[int]) -> TopicPartitions:
        return TopicPartitions(topic_id=self._side.topic_id, partitions=tuple(map(i32, indexes)))

    async def beat_until_it_has(self, count: int) -> None:
        for _ in range(PATIENCE):
            if len(self.has) == count:
                return
            assert await self.beat() is ErrorCode.none
        pytest.fail(f"it has {self.has} at epoch {self.epoch}")


async def two(side: Side) -> tuple[Member, Member]:
    """Members that have a partition each."""
    first, second = Member(side), Member(side)
    assert await first.beat(epoch=JOINING) is ErrorCode.none
    await first.beat_until_it_has(2)
    assert await second.beat(epoch=JOINING) is ErrorCode.none
    await first.beat_until_it_has(1)
    assert await first.beat(owns=first.has) is ErrorCode.none
    await second.beat_until_it_has(1)
    return first, second


async def test_a_partition_is_given_to_another_once_its_owner_has_confirmed_to_have_given_it_up(side: Side) -> None:
    first, second = Member(side), Member(side)
    assert await first.beat(epoch=JOINING) is ErrorCode.none
    await first.beat_until_it_has(2)
    began = first.epoch

    assert await second.beat(epoch=JOINING) is ErrorCode.none
    assert second.has == []
    await first.beat_until_it_has(1)
    assert first.epoch == began < second.epoch
    assert await first.beat() is ErrorCode.none
    assert await second.beat() is ErrorCode.none
    assert (first.epoch, second.has) == (began, [])

    assert await first.beat(owns=first.has) is ErrorCode.none
    assert first.epoch == second.epoch
    await second.beat_until_it_has(1)
    assert sorted(first.has + second.has) == [0, 1]


async def test_an_epoch_that_is_not_the_members_is_fenced(side: Side) -> None:
    first, second = await two(side)
    newest = first.epoch

    assert await first.beat(epoch=newest + 10) is ErrorCode.fenced_member_epoch
    assert await first.beat(epoch=newest - 1) is ErrorCode.fenced_member_epoch
    assert await Member(side).beat(epoch=1) is ErrorCode.unknown_member_id
    assert await second.beat() is ErrorCode.none


async def test_the_last_epoch_is_accepted_of_a_member_that_says_what_it_owns(side: Side) -> None:
    """The response that brought the new one was lost."""
    first, _ = await two(side)
    newest = first.epoch

    assert await first.beat(epoch=newest - 1, owns=first.has) is ErrorCode.none
    assert first.epoch == newest


async def test_what_a_member_had_that_leaves_is_given_to_the_others(side: Side) -> None:
    first, second = await two(side)
    assert await second.beat(epoch=LEAVING) is ErrorCode.none

    await first.beat_until_it_has(2)
    assert await second.beat(epoch=2) is ErrorCode.unknown_member_id


async def test_a_static_member_comes_back_under_another_id_for_what_it_had(side: Side) -> None:
    first, other = Member(side, "i"), Member(side, "i")
    assert await first.beat(epoch=JOINING) is ErrorCode.none
    await first.beat_until_it_has(2)
    epoch = first.epoch
    assert await other.beat(epoch=JOINING) is ErrorCode.unreleased_instance_id

    assert await first.beat(epoch=LEAVING_FOR_A_WHILE) is ErrorCode.none
    assert await other.beat(epoch=JOINING) is ErrorCode.none
    await other.beat_until_it_has(2)
    assert other.epoch == epoch
