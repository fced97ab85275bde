"""Deleting topics: brokers forget them, replicas stop, replicas delete their files, and then the znodes go.

    1  UpdateMetadata with leader -2 to every broker: clients see that the topic is gone
    2  StopReplica without deletion, which also takes the replicas out of the ISR: fetches end
    3  StopReplica with deletion; the responses come back one broker at a time
    4  when all replicas are deleted: /brokers/topics/T, /config/topics/T, /admin/delete_topics/T, in this order

A topic waits at step 2, marked as halted, while a replica's broker is down (until it is back), while a partition is
being moved (until that is done), or after a broker could not delete its replica (until it tries again after a restart).

source  kafka.controller.TopicDeletionManager
"""

import logging
from collections.abc import Iterable

from pykafka_cli.broker.controller.cluster_state import Replica
from pykafka_cli.broker.controller.controller_context import ControllerContext
from pykafka_cli.broker.controller.partition_moves import PartitionMoves
from pykafka_cli.broker.controller.replica_moves import ReplicaMoves
from pykafka_cli.broker.controller.replica_states import ReplicaStatus

_log = logging.getLogger(__name__)


class TopicDeletion:
    """All topics that are being deleted. With delete.topic.enable=false (`enabled`), requests are dropped."""

    def __init__(
        self, context: ControllerContext, partitions: PartitionMoves, replicas: ReplicaMoves, *, enabled: bool
    ) -> None:
        self._context = context
        self._state = context.state
        self._partitions = partitions
        self._replicas = replicas
        self._enabled = enabled

    async def take_over(self, requested: Iterable[str]) -> None:
        """At the election, adopt what was requested from an earlier controller; nothing is sent yet."""
        requested = set(requested)
        if not self._enabled:
            await self._context.store.delete_topic_deletions(requested, self._context.fence)
            return
        self._state.to_delete |= requested
        moving = {partition.topic for partition in self._state.reassigning}
        self._state.deletion_halted |= requested & (moving | self._topics_with_offline_replicas(requested))

    def _topics_with_offline_replicas(self, topics: Iterable[str]) -> set[str]:
        return {
            topic
            for topic in topics
            for replica in self._state.replicas_of(self._state.partitions_of(topic))
            if not self._state.is_online(replica.broker, replica.partition)
        }

    async def request(self, topics: Iterable[str]) -> None:
        """Begin to delete topics that exist; a request for another is dropped."""
        topics = set(topics)
        unknown = topics - self._state.assignments.keys()
        refused = unknown if self._enabled else topics
        if refused:
            _log.warning("not deleting %s", ", ".join(sorted(refused)))
            await self._context.store.delete_topic_deletions(refused, self._context.fence)
        accepted = topics - refused
        if accepted:
            self._state.to_delete |= accepted
            moving = {partition.topic for partition in self._state.reassigning}
            self.halt(accepted & moving, "partitions are being moved")
            await self.advance()

    def halt(self, topics: Iterable[str], reason: str) -> None:
        """Postpone the deletion of topics."""
        halted = self._state.to_delete & set(topics)
        if halted:
            _log.info("the deletion of %s has to wait: %s", ", ".join(sorted(halted)), reason)
            self._state.deletion_halted |= halted

    async def resume(self, topics: Iterable[str]) -> None:
        """Resume the deletion of topics: the reason to wait is gone."""
        resumed = self._state.to_delete & set(topics)
        if resumed:
            self._state.deletion_halted -= resumed
            await self.advance()

    async def replicas_deleted(self, replicas: Iterable[Replica]) -> None:
        """A broker has deleted these."""
        self._replicas.finish_deletion(r for r in replicas if r.topic in self._state.to_delete)
        await self.advance()

    async def replicas_failed(self, replicas: Iterable[Replica]) -> None:
        """A broker could not delete these, or is gone."""
        failed = [replica for replica in replicas if replica.topic in self._state.to_delete]
        if failed:
            self._replicas.make_ineligible(failed)
            self.halt({replica.topic for replica in failed}, "a replica could not be deleted")
            await self.advance()

    async def advance(self) -> None:
        """Advance the deletion of each topic as far as possible now."""
        retried: list[Replica] = []
        ready: list[str] = []
        finished: list[str] = []
        for topic in sorted(self._state.to_delete):
            statuses = {
                self._state.replica_status.get(replica)
                for replica in self._state.replicas_of(self._state.partitions_of(topic))
            }
            if statuses == {ReplicaStatus.DELETION_SUCCESSFUL}:
                finished.append(topic)
                continue
            if ReplicaStatus.DELETION_STARTED not in statuses:
                retried += self._state.replicas_with(topic, ReplicaStatus.DELETION_INELIGIBLE)
                if topic not in self._state.deletion_halted:
                    ready.append(topic)
        if finished:
            await self._finish(finished)
        if retried:
            await self._replicas.make_offline(retried)
        if ready:
            await self._begin(ready)

    async def _begin(self, topics: list[str]) -> None:
        partitions = [partition for topic in topics for partition in self._state.partitions_of(topic)]
        unseen = [partition for partition in partitions if partition.topic not in self._state.deletion_begun]
        self._partitions.make_offline(unseen)
        self._partitions.make_non_existent(unseen)
        self._state.deletion_begun |= {partition.topic for partition in unseen}

        batch = self._context.batch()
        batch.update_metadata(self._state.brokers, partitions)
        self._context.send(batch)

        replicas = self._state.replicas_of(partitions)
        # A set that keeps its order: what is requested from brokers, and when, should not depend on chance.
        dead = dict.fromkeys(r for r in replicas if not self._state.is_online(r.broker, r.partition))
        alive = [
            replica
            for replica in replicas
            if replica not in dead and self._state.replica_status.get(replica) is not ReplicaStatus.DELETION_SUCCESSFUL
        ]
        self._replicas.make_ineligible(dead)
        await self._replicas.make_offline(alive)
        self._replicas.start_deletion(alive)
        self.halt({replica.topic for replica in dead}, "a replica's broker is down")

    async def _finish(self, topics: list[str]) -> None:
        for topic in topics:
            self._replicas.make_non_existent(self._state.replicas_with(topic, ReplicaStatus.DELETION_SUCCESSFUL))
        await self._context.store.remove_topics(topics, self._context.fence)
        self._state.remove_topics(topics)
        _log.info("topics %s are deleted", ", ".join(topics))
