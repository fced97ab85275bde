import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from kio.schema.alter_partition.v3.request import AlterPartitionRequest
from kio.schema.alter_partition.v3.response import AlterPartitionResponse, PartitionData, TopicData
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.replication.isr_updates import RETRY_AFTER, IsrConfirmed, IsrUpdates
from pykafka_cli.model import BrokerEpoch, BrokerId
from pykafka_cli.transport.errors import ConnectionLost
from tests.fakes.clock import FakeClock
from tests.support.event_loop import settle
from tests.support.isr_updates_contract import IsrUpdatesContract, T, change

U = uuid.UUID(int=2)


def confirming(request: AlterPartitionRequest, error: ErrorCode = ErrorCode.none) -> AlterPartitionResponse:
    """The response of a controller that grants everything, or rejects everything with `error`."""
    return AlterPartitionResponse(
        throttle_time=timedelta(),
        error_code=ErrorCode.none,
        topics=tuple(
            TopicData(
                topic_id=topic.topic_id,
                partitions=tuple(
                    PartitionData(
                        partition_index=partition.partition_index,
                        error_code=error,
                        leader_id=1,
                        leader_epoch=partition.leader_epoch,
                        isr=tuple(member.broker_id for member in partition.new_isr_with_epochs),
                        partition_epoch=partition.partition_epoch + 1,
                    )
                    for partition in topic.partitions
                ),
            )
            for topic in request.topics
        ),
    )


class FakeController:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.requests: list[AlterPartitionRequest] = []
        self._answers: list[asyncio.Future[Any]] = []

    async def __call__(self, request: AlterPartitionRequest) -> AlterPartitionResponse:
        self.requests.append(request)
        self._answers.append(asyncio.get_running_loop().create_future())
        return await self._answers[-1]

    async def answer(self, response: AlterPartitionResponse | Exception) -> None:
        if isinstance(response, Exception):
            self._answers[-1].set_exception(response)
        else:
            self._answers[-1].set_result(response)
        await settle()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def controller() -> FakeController:
    return FakeController()


@pytest.fixture
async def updates(controller: FakeController, clock: FakeClock) -> AsyncIterator[IsrUpdates]:
    updates = IsrUpdates(1, broker_epoch=lambda: BrokerEpoch(77), ask_controller=controller, clock=clock)
    yield updates
    await updates.stop()


async def test_a_change_is_sent_as_kafka_sends_it_in_zookeeper_mode(
    updates: IsrUpdates, controller: FakeController
) -> None:
    updates.submit(change(2, isr=(1, 3)), lambda outcome: None)
    await settle()

    (request,) = controller.requests
    (topic,) = request.topics
    (partition,) = topic.partitions
    assert (request.broker_id, request.broker_epoch, topic.topic_id) == (1, 77, T)
    assert [(m.broker_id, m.broker_epoch) for m in partition.new_isr_with_epochs] == [(1, -1), (3, -1)]
    assert (partition.partition_index, partition.leader_epoch, partition.partition_epoch) == (2, 3, 4)


async def test_changes_that_come_up_meanwhile_travel_together(updates: IsrUpdates, controller: FakeController) -> None:
    outcomes: list[object] = []
    updates.submit(change(0), outcomes.append)
    await settle()
    for partition in (1, 2):
        updates.submit(change(partition), outcomes.append)
    updates.submit(change(0, topic="u", topic_id=U), outcomes.append)
    await settle()
    assert len(controller.requests) == 1

    await controller.answer(confirming(controller.requests[0]))

    assert [(t.topic_id, len(t.partitions)) for t in controller.requests[1].topics] == [(T, 2), (U, 1)]


@pytest.mark.parametrize(
    "trouble",
    [
        ConnectionLost("gone"),
        AlterPartitionResponse(throttle_time=timedelta(), error_code=ErrorCode.not_controller, topics=()),
        AlterPartitionResponse(throttle_time=timedelta(), error_code=ErrorCode.none, topics=()),
    ],
)
async def test_a_change_is_repeated_until_the_controller_answers_it(
    updates: IsrUpdates, controller: FakeController, clock: FakeClock, trouble: Any
) -> None:
    outcomes: list[object] = []
    updates.submit(change(), outcomes.append)
    await settle()

    await controller.answer(trouble)
    assert outcomes == []
    clock.advance(RETRY_AFTER)
    await settle()
    await controller.answer(confirming(controller.requests[1]))

    assert outcomes == [IsrConfirmed((1, 2), 3, 5)]


class TestIsrUpdates(IsrUpdatesContract):
    @pytest.fixture
    def controller(self) -> "_Deciding":
        return _Deciding()

    @pytest.fixture
    async def updates(self, controller: "_Deciding", clock: FakeClock) -> AsyncIterator[IsrUpdates]:
        updates = IsrUpdates(
            BrokerId(1), broker_epoch=lambda: BrokerEpoch(77), ask_controller=controller.requests_to, clock=clock
        )
        yield updates
        await updates.stop()


class _Deciding:
    """A controller that decides on the request that was sent last."""

    def __init__(self) -> None:
        self.requests_to = FakeController()

    async def confirm(self) -> None:
        await self.reject(ErrorCode.none)

    async def reject(self, error: ErrorCode) -> None:
        await settle()
        await self.requests_to.answer(confirming(self.requests_to.requests[-1], error))
