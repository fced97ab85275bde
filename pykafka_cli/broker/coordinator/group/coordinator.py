"""The group coordinator: what handlers call. It finds the partition of a group and lets its shard run the step.

source  kafka.coordinator.group.GroupCoordinator and GroupCoordinatorAdapter of Kafka 3.9
"""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from pykafka_cli import topic_names
from pykafka_cli.broker.clock import Clock, Timer
from pykafka_cli.broker.coordinator.group.group import Joined, NewMemberId, Synced
from pykafka_cli.broker.coordinator.group.member_requests import Joining, Leaving, Syncing
from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.coordinator.group.shard import (
    Committer,
    GroupDescription,
    GroupOverview,
    GroupShard,
)
from pykafka_cli.broker.coordinator.runtime import CoordinatorRuntime, PartitionWriter, partition_for
from pykafka_cli.broker.coordinator.step import Step
from pykafka_cli.broker.errors import (
    BrokerError,
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    InvalidCommitOffsetSize,
    InvalidGroupId,
    MessageTooLarge,
    RebalanceInProgress,
    RecordListTooLarge,
    UnstableOffsetCommit,
)
from pykafka_cli.model import (
    CoordinatorEpoch,
    LeaderEpoch,
    Milliseconds,
    ProducerEpoch,
    ProducerId,
    ProducerIdAndEpoch,
    TopicPartition,
    in_seconds,
)
from pykafka_cli.properties.broker_keys.coordinator import CoordinatorKeys
from pykafka_cli.protocol.records.batch import Compression

OFFSETS_TOPIC = topic_names.CONSUMER_OFFSETS

T = TypeVar("T")


class GroupCoordinator:
    """All groups whose partition of __consumer_offsets this broker leads.

    partition_count  how many partitions that topic has, or will have when it is created
    new_uuid         the random part of member ids, if not a UUID
    """

    def __init__(
        self,
        settings: CoordinatorKeys,
        clock: Clock,
        writer: PartitionWriter,
        partition_count: Callable[[], int],
        new_uuid: Callable[[], object] | None = None,
    ) -> None:
        self._runtime: CoordinatorRuntime[GroupShard] = CoordinatorRuntime(
            OFFSETS_TOPIC,
            writer,
            clock,
            partial(GroupShard, settings, new_uuid or uuid.uuid4),
            timeout_ms=Milliseconds(settings.offsets_commit_timeout_ms),
            compression=Compression(settings.offsets_topic_compression_codec),
        )
        self._clock = clock
        self._partition_count = partition_count
        self._check_interval = in_seconds(settings.offsets_retention_check_interval_ms)
        self._next_check: Timer | None = None

    # --- running

    def start(self) -> None:
        """Accept requests, and check for expired offsets periodically."""
        self._next_check = self._clock.call_later(self._check_interval, self._expire)

    def close(self) -> None:
        """Fail all waiters, so that they find another coordinator."""
        if self._next_check is not None:
            self._next_check.cancel()
            self._next_check = None
        self._runtime.close()

    def on_leadership(
        self,
        became_leader: Iterable[tuple[TopicPartition, LeaderEpoch]],
        became_follower_or_gone: Iterable[TopicPartition],
    ) -> None:
        """Partitions that this broker leads from now on, with the leader's epoch, and those that it no longer leads."""
        for partition, leader_epoch in became_leader:
            if partition.topic == OFFSETS_TOPIC:
                self._runtime.elected(partition.partition, leader_epoch)
        for partition in became_follower_or_gone:
            if partition.topic == OFFSETS_TOPIC:
                self._runtime.resigned(partition.partition)

    def partition_for(self, group_id: str) -> int:
        """The partition of __consumer_offsets that stores `group_id`; its leader coordinates the group."""
        return partition_for(group_id, self._partition_count())

    # --- membership

    async def join(self, group_id: str, joining: Joining) -> Joined | NewMemberId:
        """Join the group's next generation; the response comes when it starts, or has the id to join with.

        raises  InvalidSessionTimeout, GroupMaxSizeReached, InconsistentGroupProtocol, UnknownMemberId,
                FencedInstanceId, RebalanceInProgress
        """
        self._check_group_id(group_id)
        answer: asyncio.Future[Joined | NewMemberId | BrokerError] = asyncio.get_running_loop().create_future()
        await self._perform(group_id, lambda shard, step: shard.join(group_id, joining, _set(answer), step))
        outcome = await answer
        if isinstance(outcome, BrokerError):
            raise outcome
        return outcome

    async def sync(self, group_id: str, syncing: Syncing) -> Synced:
        """The member's assignment; the response comes when the leader's has been stored.

        raises  UnknownMemberId, FencedInstanceId, IllegalGeneration, InconsistentGroupProtocol, RebalanceInProgress
        """
        self._check_group_id(group_id)
        answer: asyncio.Future[Synced | BrokerError] = asyncio.get_running_loop().create_future()
        try:
            await self._perform(group_id, lambda shard, step: shard.sync(group_id, syncing, _set(answer), step))
        except CoordinatorLoadInProgress as error:
            # The rebalance that this belongs to was lost with the previous coordinator. Old clients do not expect the
            # error in response to SyncGroup; this one makes them rejoin.
            raise RebalanceInProgress(str(error)) from error
        outcome = await answer
        if isinstance(outcome, BrokerError):
            raise outcome
        return outcome

    async def heartbeat(self, group_id: str, member_id: str, group_instance_id: str | None, generation: int) -> None:
        """
        raises  UnknownMemberId, FencedInstanceId, IllegalGeneration, RebalanceInProgress
        """
        self._check_group_id(group_id)
        try:
            await self._perform(
                group_id,
                lambda shard, step: shard.heartbeat(group_id, member_id, group_instance_id, generation, step),
            )
        except CoordinatorLoadInProgress:
            return  # it may be a member; that is not known yet

    async def leave(self, group_id: str, members: Sequence[Leaving]) -> list[BrokerError | None]:
        """The result for each member that was to be removed."""
        self._check_group_id(group_id)
        return await self._perform(group_id, lambda shard, step: shard.leave(group_id, members, step))

    # --- offsets

    async def commit(
        self,
        group_id: str,
        committer: Committer,
        offsets: Mapping[TopicPartition, OffsetCommitValue],
        producer: ProducerIdAndEpoch | None = None,
    ) -> dict[TopicPartition, BrokerError | None]:
        """Commit offsets, or with a `producer` have them committed with its transaction. The result for each.

        raises  UnknownMemberId, FencedInstanceId, IllegalGeneration, RebalanceInProgress, InvalidCommitOffsetSize
        """

        def commit(shard: GroupShard, step: Step) -> dict[TopicPartition, BrokerError | None]:
            return shard.commit(group_id, committer, offsets, step, producer)

        try:
            if producer is None:
                return await self._runtime.perform_together(self._partition(group_id), commit)
            return await self._perform(group_id, commit)  # its batch has the producer in its header
        except (MessageTooLarge, RecordListTooLarge) as error:
            raise InvalidCommitOffsetSize(str(error)) from error

    def fetch_offsets(
        self, group_id: str, partitions: Sequence[TopicPartition] | None, *, require_stable: bool
    ) -> dict[TopicPartition, OffsetCommitValue | UnstableOffsetCommit | None]:
        """Committed offsets of `partitions`, or of all; see `GroupShard.fetch_offsets`."""
        partition = self._partition(group_id)
        return self._runtime.shard(partition).fetch_offsets(
            group_id,
            partitions,
            high_watermark=self._runtime.high_watermark(partition),
            require_stable=require_stable,
        )

    async def delete_offsets(
        self, group_id: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, BrokerError | None]:
        """Forget committed offsets. The result for each.

        raises  GroupIdNotFound, NonEmptyGroup
        """
        self._check_group_id(group_id)
        return await self._perform(group_id, lambda shard, step: shard.delete_offsets(group_id, partitions, step))

    async def end_transaction(
        self,
        partition: int,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        *,
        committed: bool,
        coordinator_epoch: CoordinatorEpoch,
    ) -> None:
        """Write a transaction's marker into a partition of __consumer_offsets: its offsets count, or are forgotten."""
        self._check_running()
        await self._runtime.end_transaction(
            partition, producer_id, producer_epoch, committed=committed, coordinator_epoch=coordinator_epoch
        )

    def on_partitions_deleted(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget the offsets of partitions that are gone."""
        deleted = frozenset(partitions)
        if deleted:
            self._for_every_group(
                lambda group_id, shard, step: shard.forget_topics(group_id, deleted.__contains__, step)
            )

    # --- administration

    async def delete_group(self, group_id: str) -> None:
        """
        raises  GroupIdNotFound, NonEmptyGroup
        """
        await self._perform(group_id, lambda shard, step: shard.delete_group(group_id, step))

    def list_groups(self) -> tuple[list[GroupOverview], bool]:
        """Every group known here, and whether that may not be all because partitions are being loaded."""
        self._check_running()
        overviews = [overview for shard in self._runtime.active().values() for overview in shard.overviews()]
        return overviews, self._runtime.is_loading

    def describe(self, group_id: str) -> GroupDescription:
        """A group and its members."""
        return self._runtime.shard(self._partition(group_id)).describe(group_id)

    # --- parts of the above

    def _check_running(self) -> None:
        if self._next_check is None:
            raise CoordinatorNotAvailable("the group coordinator is not running: the broker is starting or stopping")

    @staticmethod
    def _check_group_id(group_id: str) -> None:
        # The requests about offsets and the administrative ones take the empty id, which old simple consumers used.
        if not group_id:
            raise InvalidGroupId("the group id is empty")

    def _partition(self, group_id: str) -> int:
        self._check_running()
        return self.partition_for(group_id)

    async def _perform(self, group_id: str, operation: Callable[[GroupShard, Step], T]) -> T:
        return await self._runtime.perform(self._partition(group_id), operation)

    def _expire(self) -> None:
        self._next_check = self._clock.call_later(self._check_interval, self._expire)
        self._for_every_group(lambda group_id, shard, step: shard.expire(group_id, step))

    def _for_every_group(self, operation: Callable[[str, GroupShard, Step], None]) -> None:
        for partition, shard in self._runtime.active().items():
            for group_id in list(shard.groups):
                self._runtime.perform_unasked(partition, partial(operation, group_id))


def _set(answer: asyncio.Future[T]) -> Callable[[T], None]:
    """A function that gives `answer` its result, unless the waiter was canceled."""
    return lambda value: None if answer.done() else answer.set_result(value)
