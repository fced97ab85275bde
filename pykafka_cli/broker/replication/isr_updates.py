"""ISR changes on their way to the controller: AlterPartition requests (KIP-497), one in flight at a time.

Changes that come up meanwhile travel together in the next request, at most one for each partition. A change is repeated
until the controller has answered it; the partition that proposed it learns the outcome through a callback.
In ZooKeeper mode the broker epochs of the ISR's members are -1 (unchecked). Source: DefaultAlterPartitionManager.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from itertools import groupby
from typing import NamedTuple, TypeAlias

from kio.schema.alter_partition.v3.request import AlterPartitionRequest, BrokerState, PartitionData, TopicData
from kio.schema.alter_partition.v3.response import AlterPartitionResponse
from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId
from kio.static.primitive import i32, i64

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.model import BrokerEpoch, LeaderEpoch, PartitionEpoch, Seconds, TopicPartition
from pykafka_cli.protocol.absence import or_minus_one
from pykafka_cli.transport.errors import ConnectionFailed

_log = logging.getLogger(__name__)

RETRY_AFTER = Seconds(0.05)  # seconds, Kafka's own


class IsrChange(NamedTuple):
    """A leader's request, valid only while its leader epoch and the partition epoch are those of the controller."""

    topic_partition: TopicPartition
    topic_id: uuid.UUID | None
    isr: tuple[BrokerId, ...]
    leader_epoch: LeaderEpoch
    partition_epoch: PartitionEpoch


class IsrConfirmed(NamedTuple):
    """The ISR that the controller has written."""

    isr: tuple[BrokerId, ...]
    leader_epoch: LeaderEpoch
    partition_epoch: PartitionEpoch


Outcome: TypeAlias = IsrConfirmed | ErrorCode


class _Pending(NamedTuple):
    change: IsrChange
    when_answered: Callable[[Outcome], None]


class IsrUpdates:
    """The queue and its sender.

    broker_epoch     this broker's current epoch (czxid of its registration)
    ask_controller   sends to the controller; raises ConnectionFailed or BrokerError when that cannot be
    """

    def __init__(
        self,
        broker_id: BrokerId,
        *,
        broker_epoch: Callable[[], BrokerEpoch | None],
        ask_controller: Callable[[AlterPartitionRequest], Awaitable[AlterPartitionResponse]],
        clock: Clock,
    ) -> None:
        self._broker_id = broker_id
        self._broker_epoch = broker_epoch
        self._ask_controller = ask_controller
        self._clock = clock
        self._pending: dict[TopicPartition, _Pending] = {}
        self._sender: asyncio.Task[None] | None = None

    def submit(self, change: IsrChange, when_answered: Callable[[Outcome], None]) -> None:
        """Queue a change; `when_answered` is called once, with OPERATION_NOT_ATTEMPTED if one is queued already."""
        if change.topic_partition in self._pending:
            when_answered(ErrorCode.operation_not_attempted)
            return
        self._pending[change.topic_partition] = _Pending(change, when_answered)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.get_running_loop().create_task(self._send_all(), name="isr-updates")

    async def stop(self) -> None:
        """Drop what is queued; the next leader sees to the ISR."""
        self._pending.clear()
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)

    async def _send_all(self) -> None:
        while self._pending:
            in_flight = list(self._pending.values())
            try:
                response = await self._ask_controller(self._request([pending.change for pending in in_flight]))
                error = response.error_code
            except (ConnectionFailed, BrokerError) as failure:
                _log.info("AlterPartition did not reach the controller, trying again: %s", failure)
                await self._clock.sleep(RETRY_AFTER)
                continue
            if error is not ErrorCode.none:
                _log.warning("the controller refused AlterPartition with %s, trying again", error.name)
                await self._clock.sleep(RETRY_AFTER)
                continue
            if not self._answer(in_flight, response):
                await self._clock.sleep(RETRY_AFTER)  # nothing of what was asked was answered

    def _request(self, changes: list[IsrChange]) -> AlterPartitionRequest:
        topics = []
        in_order = sorted(changes, key=lambda change: change.topic_partition)
        for _, group in groupby(in_order, key=lambda change: change.topic_partition.topic):
            of_topic = list(group)
            topics.append(
                TopicData(
                    topic_id=of_topic[0].topic_id,
                    partitions=tuple(
                        PartitionData(
                            partition_index=i32(change.topic_partition.partition),
                            leader_epoch=i32(change.leader_epoch),
                            new_isr_with_epochs=tuple(BrokerState(broker_id=BrokerId(i)) for i in change.isr),
                            partition_epoch=i32(change.partition_epoch),
                        )
                        for change in of_topic
                    ),
                )
            )
        return AlterPartitionRequest(
            broker_id=BrokerId(self._broker_id),
            broker_epoch=i64(or_minus_one(self._broker_epoch())),
            topics=tuple(topics),
        )

    def _answer(self, in_flight: list[_Pending], response: AlterPartitionResponse) -> int:
        """Hand out the outcomes; a change that the response forgot stays queued. Returns how many were answered."""
        outcomes: dict[tuple[uuid.UUID | None, int], Outcome] = {
            (topic.topic_id, partition.partition_index): (
                IsrConfirmed(
                    tuple(partition.isr), LeaderEpoch(partition.leader_epoch), PartitionEpoch(partition.partition_epoch)
                )
                if partition.error_code is ErrorCode.none
                else partition.error_code
            )
            for topic in response.topics
            for partition in topic.partitions
        }
        answered = 0
        for pending in in_flight:
            topic_partition = pending.change.topic_partition
            outcome = outcomes.get((pending.change.topic_id, topic_partition.partition))
            if outcome is None:
                _log.warning("the controller did not answer the ISR change of %s", topic_partition)
                continue
            answered += 1
            self._pending.pop(topic_partition, None)  # before the callback, which may propose the next change
            pending.when_answered(outcome)
        return answered
