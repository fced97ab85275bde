"""What IsrUpdates and its twin must do; subclasses give the fixtures of the implementation under test."""

import uuid
from typing import Any
from uuid import UUID

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.replication.isr_updates import IsrChange, IsrConfirmed
from pykafka_cli.model import LeaderEpoch, PartitionEpoch, TopicPartition
from tests.support.brokers import broker_ids

T = uuid.UUID(int=1)


def change(
    partition: int = 0, *, isr: tuple[int, ...] = (1, 2), topic: str = "t", topic_id: UUID = T, partition_epoch: int = 4
) -> IsrChange:
    return IsrChange(
        TopicPartition(topic, partition), topic_id, broker_ids(*isr), LeaderEpoch(3), PartitionEpoch(partition_epoch)
    )


class IsrUpdatesContract:
    """Fixtures: `updates` takes changes; `controller.confirm()` and `controller.reject(error)` decide on what is
    pending, and are awaited."""

    async def test_the_outcome_is_what_the_controller_wrote(self, updates: Any, controller: Any) -> None:
        outcomes: list[object] = []
        updates.submit(change(isr=(1, 2)), outcomes.append)

        await controller.confirm()

        assert outcomes == [IsrConfirmed(broker_ids(1, 2), LeaderEpoch(3), PartitionEpoch(5))]

    async def test_a_rejection_reaches_the_partition(self, updates: Any, controller: Any) -> None:
        outcomes: list[object] = []
        updates.submit(change(), outcomes.append)

        await controller.reject(ErrorCode.invalid_update_version)

        assert outcomes == [ErrorCode.invalid_update_version]

    async def test_a_second_change_of_one_partition_is_not_attempted(self, updates: Any, controller: Any) -> None:
        first: list[object] = []
        second: list[object] = []
        updates.submit(change(isr=(1, 2)), first.append)
        updates.submit(change(isr=(1,)), second.append)

        assert second == [ErrorCode.operation_not_attempted]
        await controller.confirm()
        assert first == [IsrConfirmed(broker_ids(1, 2), LeaderEpoch(3), PartitionEpoch(5))]

    async def test_a_callback_may_propose_the_next_change(self, updates: Any, controller: Any) -> None:
        outcomes: list[Any] = []
        updates.submit(change(), lambda _: updates.submit(change(partition_epoch=5), outcomes.append))
        await controller.confirm()

        await controller.confirm()

        assert [outcome.partition_epoch for outcome in outcomes] == [6]
