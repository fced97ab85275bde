"""Moving partitions to other brokers (KIP-455): new replicas join and catch up, then the old ones go.

    A  while a wanted replica is not in the ISR: a new leader epoch, sent to old and new replicas; new ones follow
    B  when all are: a wanted replica leads, the others leave the ISR and are deleted, and ZooKeeper has the new list

A partition's progress is kept in /brokers/topics/T (adding_replicas, removing_replicas), so that the next controller
continues. Requests come by AlterPartitionReassignments, or by the znode /admin/reassign_partitions of the older tools,
which is emptied as they are done.

source  kafka.controller.KafkaController, onPartitionReassignment and around it
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from pykafka_cli.broker.controller.cluster_state import Replica
from pykafka_cli.broker.controller.controller_context import ControllerContext
from pykafka_cli.broker.controller.partition_moves import ElectionFailed, PartitionMoves
from pykafka_cli.broker.controller.replica_moves import ReplicaMoves
from pykafka_cli.broker.controller.replica_states import ReplicaStatus
from pykafka_cli.broker.controller.topic_deletion import TopicDeletion
from pykafka_cli.broker.errors import (
    BrokerError,
    InvalidReplicaAssignment,
    NoReassignmentInProgress,
    UnknownTopicOrPartition,
)
from pykafka_cli.model import BrokerId, LeaderEpoch, TopicPartition
from pykafka_cli.zookeeper.errors import BadVersion
from pykafka_cli.zookeeper.topic_znodes import PartitionState, ReplicaAssignment

_log = logging.getLogger(__name__)


class Reassignment:
    """All partitions that are being moved."""

    def __init__(
        self, context: ControllerContext, partitions: PartitionMoves, replicas: ReplicaMoves, deletion: TopicDeletion
    ) -> None:
        self._context = context
        self._state = context.state
        self._partitions = partitions
        self._replicas = replicas
        self._deletion = deletion

    # ---- requests

    async def alter(
        self, wanted: Mapping[TopicPartition, tuple[BrokerId, ...] | None]
    ) -> dict[TopicPartition, BrokerError | None]:
        """Begin, change or (None) cancel moves; None for each that was accepted, else why not."""
        outcomes: dict[TopicPartition, BrokerError | None] = {}
        accepted: dict[TopicPartition, ReplicaAssignment] = {}
        for partition, target in wanted.items():
            try:
                if target is not None:
                    self._ensure_valid(partition, target)
                accepted[partition] = self._planned(partition, target)
            except BrokerError as error:
                outcomes[partition] = error
        await self._drop_from_znode(lambda tp, _: tp in accepted)
        return outcomes | await self._begin(accepted)

    async def follow_znode(self, wanted: Mapping[TopicPartition, tuple[BrokerId, ...]]) -> set[TopicPartition]:
        """Process /admin/reassign_partitions, and remove from it what cannot be done. Returns what was begun."""
        outcomes: dict[TopicPartition, BrokerError | None] = {}
        accepted: dict[TopicPartition, ReplicaAssignment] = {}
        for partition, target in wanted.items():
            try:
                accepted[partition] = self._planned(partition, target)
            except BrokerError as error:
                outcomes[partition] = error
        outcomes |= await self._begin(accepted)
        failed = {partition for partition, error in outcomes.items() if error is not None}
        for partition in failed:
            _log.warning("could not reassign %s: %r", partition, outcomes[partition])
        if failed or not wanted:
            await self._drop_from_znode(lambda tp, _: tp in failed)
        return outcomes.keys() - failed

    def in_progress(self, partitions: Iterable[TopicPartition] | None) -> dict[TopicPartition, ReplicaAssignment]:
        """The assignments of those partitions (None: of all) that are being moved."""
        asked = self._state.reassigning if partitions is None else partitions
        return {
            partition: assignment
            for partition in sorted(asked)
            if (assignment := self._state.assignment(partition)).is_being_reassigned
        }

    def _ensure_valid(self, partition: TopicPartition, target: tuple[BrokerId, ...]) -> None:
        if not target:
            raise InvalidReplicaAssignment("Empty replica list specified in partition reassignment.")
        if len(set(target)) < len(target):
            raise InvalidReplicaAssignment(
                f"Duplicate replica ids in partition reassignment replica list: {_as_scala_prints(target)}"
            )
        if min(target) < 0:
            raise InvalidReplicaAssignment(f"Invalid broker id in replica list: {_as_scala_prints(target)}")
        adding = self._state.assignment(partition).reassign_to(target).adding
        if not self._state.live.issuperset(adding):
            raise InvalidReplicaAssignment(
                "Replica assignment has brokers that are not alive. Replica list: "
                f"{_as_scala_prints(adding)}, live broker list: Set({', '.join(map(str, sorted(self._state.live)))})"
            )

    def _planned(self, partition: TopicPartition, target: tuple[BrokerId, ...] | None) -> ReplicaAssignment:
        current = self._state.assignment(partition)
        if target is not None:
            return current.reassign_to(target)
        if current.is_being_reassigned:
            return current.reassign_to(current.origin)
        raise NoReassignmentInProgress("No partition reassignment is in progress.")

    async def _begin(
        self, accepted: Mapping[TopicPartition, ReplicaAssignment]
    ) -> dict[TopicPartition, BrokerError | None]:
        outcomes: dict[TopicPartition, BrokerError | None] = {}
        for partition, assignment in accepted.items():
            if partition.topic in self._state.to_delete or not self._state.replicas(partition):
                outcomes[partition] = UnknownTopicOrPartition("The partition does not exist.")
                continue
            await self.advance(partition, assignment)
            outcomes[partition] = None
        return outcomes

    # ---- progress

    async def resume(self, among: Iterable[BrokerId] | None = None, besides: Iterable[TopicPartition] = ()) -> None:
        """Continue moves: all, or those to one of these brokers, which have just returned."""
        done = set(besides)
        for partition in sorted(self._state.reassigning):
            assignment = self._state.assignment(partition)
            if partition not in done and (among is None or set(among) & set(assignment.target)):
                await self.advance(partition, assignment)

    async def isr_changed(self, partition: TopicPartition) -> None:
        """A partition's ISR has changed: if it is being moved, this may have been what it waited for."""
        if partition in self._state.reassigning:
            assignment = self._state.assignment(partition)
            if await self._is_complete(partition, assignment):
                await self.advance(partition, assignment)

    async def advance(self, partition: TopicPartition, assignment: ReplicaAssignment) -> None:
        """Move one partition as far as possible now towards `assignment`."""
        self._deletion.halt({partition.topic}, "partitions are being moved")
        assignment = await self._record(partition, assignment)
        if not await self._is_complete(partition, assignment):
            await self._announce(partition, assignment)
            self._replicas.make_new(
                replica
                for replica in _replicas(partition, assignment.adding)
                if self._state.replica_status.get(replica) in (None, ReplicaStatus.NON_EXISTENT)
            )
            return
        self._replicas.make_online(_replicas(partition, assignment.adding))
        finished = ReplicaAssignment(assignment.target)
        self._state.set_assignment(partition, finished)
        await self._move_leader(partition, finished)
        await self._remove(partition, assignment.removing)
        await self._write(partition, finished)
        await self._drop_from_znode(lambda tp, replicas: tp == partition and replicas == finished.replicas)
        self._state.reassigning.discard(partition)
        batch = self._context.batch()
        batch.update_metadata(self._state.brokers, [partition])
        self._context.send(batch)
        await self._deletion.resume({partition.topic})

    async def _record(self, partition: TopicPartition, assignment: ReplicaAssignment) -> ReplicaAssignment:
        """Write the plan, and return it. Replicas that an earlier plan was adding and this one does not are removed at
        once; if they are the only ones that could lead, they are removed at the end."""
        current = self._state.assignment(partition)
        if current != assignment:
            unneeded = tuple(replica for replica in current.replicas if replica not in assignment.replicas)
            if unneeded and not await self._can_do_without(partition, unneeded, assignment):
                replicas, removing = (*assignment.replicas, *unneeded), (*assignment.removing, *unneeded)
                assignment, unneeded = ReplicaAssignment(replicas, assignment.adding, removing), ()
            await self._write(partition, assignment)
            self._state.set_assignment(partition, assignment)
            known = self._state.leaders.get(partition)
            if known is not None and known.leader in unneeded:
                await self._partitions.bring_online([partition], self._partitions.among_planned)
            if unneeded:
                await self._remove(partition, unneeded)
        self._state.reassigning.add(partition)
        return assignment

    async def _can_do_without(
        self, partition: TopicPartition, unneeded: tuple[BrokerId, ...], assignment: ReplicaAssignment
    ) -> bool:
        """Whether another replica can lead, or none of these is in sync anyway."""
        state = await self._context.store.partition_state(partition)
        if state is None or not set(state.isr) & set(unneeded):
            return True
        return bool(set(state.isr) & set(self._state.online(assignment.replicas, partition)))

    async def _write(self, partition: TopicPartition, assignment: ReplicaAssignment) -> None:
        topic = self._state.topic_assignment(partition.topic)
        partitions = {**topic.partitions, partition.partition: assignment}
        await self._context.store.set_assignment(
            partition.topic, replace(topic, partitions=partitions), self._context.fence
        )

    async def _is_complete(self, partition: TopicPartition, assignment: ReplicaAssignment) -> bool:
        if not assignment.is_being_reassigned:
            return True
        state = await self._context.store.partition_state(partition)
        return state is not None and set(state.isr).issuperset(assignment.target)

    async def _announce(self, partition: TopicPartition, assignment: ReplicaAssignment) -> None:
        """Begin a new leader epoch, so that replicas take their roles in the new plan."""
        if not await self._begin_leader_epoch(partition):
            _log.error("%s is being moved, but its state could not be written", partition)
            return
        batch = self._context.batch()
        batch.lead_or_follow(assignment.origin, partition, is_new=False)
        batch.lead_or_follow(assignment.adding, partition, is_new=True)
        self._context.send(batch)

    async def _begin_leader_epoch(self, partition: TopicPartition) -> bool:
        while True:
            state = await self._context.store.partition_state(partition)
            if state is None or state.controller_epoch > self._context.fence.epoch:
                return False
            later = replace(
                state, leader_epoch=LeaderEpoch(state.leader_epoch + 1), controller_epoch=self._context.fence.epoch
            )
            written = await self._context.store.update_partition_states({partition: later}, self._context.fence)
            result = written[partition]
            if isinstance(result, PartitionState):
                self._state.leaders[partition] = result
                return True
            if not isinstance(result, BadVersion):
                raise result

    async def _move_leader(self, partition: TopicPartition, finished: ReplicaAssignment) -> None:
        leader = self._state.leaders[partition].leader
        if leader in finished.replicas and self._state.is_online(leader, partition):
            await self._announce(partition, finished)
            return
        outcomes = await self._partitions.bring_online([partition], self._partitions.among_wanted)
        if isinstance(outcomes.get(partition), ElectionFailed):
            _log.error("%s has moved to %s, none of which can lead", partition, finished.replicas)

    async def _remove(self, partition: TopicPartition, removed: tuple[BrokerId, ...]) -> None:
        """Stop replicas, remove them from the ISR and have them deleted, without waiting for the response."""
        replicas = _replicas(partition, removed)
        await self._replicas.make_offline(replicas)
        self._replicas.start_deletion(replicas)
        self._replicas.finish_deletion(replicas)
        self._replicas.make_non_existent(replicas)

    async def _drop_from_znode(self, is_done: Callable[[TopicPartition, tuple[BrokerId, ...]], bool]) -> None:
        """Remove partitions from /admin/reassign_partitions, and delete it once it is empty."""
        wanted = await self._context.store.requested_reassignment()
        if wanted is None:
            return
        kept = {partition: replicas for partition, replicas in wanted.items() if not is_done(partition, replicas)}
        if len(kept) < len(wanted) or not kept:
            await self._context.store.keep_requested_reassignment(kept, self._context.fence)


def _replicas(partition: TopicPartition, brokers: Iterable[BrokerId]) -> list[Replica]:
    return [Replica(partition, broker) for broker in brokers]


def _as_scala_prints(brokers: Iterable[BrokerId]) -> str:
    return f"ArrayBuffer({', '.join(map(str, brokers))})"
