"""Moves replicas between their states, and sends their brokers requests to follow, stop or delete.

source  kafka.controller.ZkReplicaStateMachine
"""

import logging
from collections.abc import Iterable
from dataclasses import replace

from pykafka_cli.broker.controller.cluster_state import Replica
from pykafka_cli.broker.controller.controller_context import ControllerContext
from pykafka_cli.broker.controller.elections import without_replica
from pykafka_cli.broker.controller.replica_states import ReplicaStatus
from pykafka_cli.broker.controller.request_batch import RequestBatch
from pykafka_cli.model import BrokerId, TopicPartition
from pykafka_cli.zookeeper.errors import BadVersion
from pykafka_cli.zookeeper.topic_znodes import PartitionState

_log = logging.getLogger(__name__)


class ReplicaMoves:
    """Each call is one step, as in PartitionMoves."""

    def __init__(self, context: ControllerContext) -> None:
        self._context = context
        self._state = context.state

    def make_new(self, replicas: Iterable[Replica]) -> None:
        """Send their brokers requests to follow; where a partition has no leader yet, once it has one."""
        batch = self._context.batch()
        for replica in self._state.movable_replicas(replicas, ReplicaStatus.NEW):
            leadership = self._state.leaders.get(replica.partition)
            if leadership is not None:
                if leadership.leader == replica.broker:
                    _log.error("replica %s cannot be new: it leads", replica)
                    continue
                batch.lead_or_follow([replica.broker], replica.partition, is_new=True)
            self._state.replica_status[replica] = ReplicaStatus.NEW
        self._context.send(batch)

    def make_online(self, replicas: Iterable[Replica]) -> None:
        """Send the leaders to brokers that have returned; new replicas have been sent them already."""
        batch = self._context.batch()
        for replica in self._state.movable_replicas(replicas, ReplicaStatus.ONLINE):
            new = self._state.replica_status[replica] is ReplicaStatus.NEW
            if not new and replica.partition in self._state.leaders:
                batch.lead_or_follow([replica.broker], replica.partition, is_new=False)
            self._state.replica_status[replica] = ReplicaStatus.ONLINE
        self._context.send(batch)

    async def make_offline(self, replicas: Iterable[Replica]) -> None:
        """Stop them and remove them from the ISRs; the others get the smaller ISR."""
        batch = self._context.batch()
        by_broker: dict[BrokerId, list[Replica]] = {}
        for replica in self._state.movable_replicas(replicas, ReplicaStatus.OFFLINE):
            by_broker.setdefault(replica.broker, []).append(replica)
        for broker, gone in by_broker.items():
            for replica in gone:
                batch.stop(broker, replica.partition, delete=False)
            led = [replica.partition for replica in gone if replica.partition in self._state.leaders]
            for partition in await self._shrink_isrs(broker, led):
                if partition.topic not in self._state.to_delete:
                    others = [other for other in self._state.replicas(partition) if other != broker]
                    batch.lead_or_follow(others, partition, is_new=False)
                self._state.replica_status[Replica(partition, broker)] = ReplicaStatus.OFFLINE
            for replica in gone:
                if replica.partition not in self._state.leaders:
                    batch.update_metadata(self._state.brokers, [replica.partition])
                    self._state.replica_status[replica] = ReplicaStatus.OFFLINE
        self._context.send(batch)

    def start_deletion(self, replicas: Iterable[Replica]) -> None:
        """Send their brokers requests to delete the files; the responses arrive as events."""
        batch: RequestBatch = self._context.batch()
        for replica in self._state.movable_replicas(replicas, ReplicaStatus.DELETION_STARTED):
            self._state.replica_status[replica] = ReplicaStatus.DELETION_STARTED
            batch.stop(replica.broker, replica.partition, delete=True)
        self._context.send(batch)

    def make_ineligible(self, replicas: Iterable[Replica]) -> None:
        for replica in self._state.movable_replicas(replicas, ReplicaStatus.DELETION_INELIGIBLE):
            self._state.replica_status[replica] = ReplicaStatus.DELETION_INELIGIBLE

    def finish_deletion(self, replicas: Iterable[Replica]) -> None:
        for replica in self._state.movable_replicas(replicas, ReplicaStatus.DELETION_SUCCESSFUL):
            self._state.replica_status[replica] = ReplicaStatus.DELETION_SUCCESSFUL

    def make_non_existent(self, replicas: Iterable[Replica]) -> None:
        """Remove deleted replicas from the assignment in memory."""
        for replica in self._state.movable_replicas(replicas, ReplicaStatus.NON_EXISTENT):
            assignment = self._state.assignment(replica.partition).without(replica.broker)
            self._state.set_assignment(replica.partition, assignment)
            del self._state.replica_status[replica]

    async def _shrink_isrs(self, broker: BrokerId, partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
        """Remove the broker from these ISRs; returns the partitions that no longer have it, whatever removed it."""
        out: list[TopicPartition] = []
        remaining = list(partitions)
        while remaining:
            smaller = {}
            current = await self._context.store.partition_states(remaining)
            for partition in remaining:
                state = current.get(partition)
                if state is None:
                    if partition.topic not in self._state.to_delete:
                        _log.error("there is no state of partition %s in ZooKeeper", partition)
                elif state.controller_epoch > self._context.fence.epoch:
                    _log.error("%s was written by a later controller (epoch %d)", partition, state.controller_epoch)
                elif broker in state.isr:
                    smaller[partition] = replace(
                        without_replica(state, broker), controller_epoch=self._context.fence.epoch
                    )
                else:
                    self._state.leaders[partition] = replace(state, controller_epoch=self._context.fence.epoch)
                    out.append(partition)
            remaining = []
            written = await self._context.store.update_partition_states(smaller, self._context.fence)
            for partition, result in written.items():
                if isinstance(result, PartitionState):
                    self._state.leaders[partition] = result
                    out.append(partition)
                elif isinstance(result, BadVersion):
                    remaining.append(partition)
                else:
                    _log.error("the ISR of %s could not be written: %r", partition, result)
        return out
