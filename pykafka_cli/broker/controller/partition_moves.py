"""Moves partitions between their states: elects first and later leaders, and sends them to the brokers.

source  kafka.controller.ZkPartitionStateMachine
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from pykafka_cli.broker.controller import elections
from pykafka_cli.broker.controller.controller_context import ControllerContext
from pykafka_cli.broker.controller.partition_states import PartitionStatus
from pykafka_cli.broker.controller.request_batch import RequestBatch
from pykafka_cli.model import BrokerId, LeaderEpoch, TopicPartition
from pykafka_cli.zookeeper.errors import BadVersion, ZooKeeperError
from pykafka_cli.zookeeper.topic_znodes import PartitionState

_log = logging.getLogger(__name__)


class ElectionFailed(Exception):
    """Nobody could be made leader of a partition."""


Outcome = PartitionState | ElectionFailed | ZooKeeperError

Chosen = tuple[PartitionState | None, tuple[BrokerId, ...]]
"""A partition's next state, if there can be one, and the brokers to send it to."""

Choose = Callable[[TopicPartition, PartitionState], Chosen]
"""Elects a leader for one partition, given its state in ZooKeeper."""


class PartitionMoves:
    """Each call is one step: it writes to ZooKeeper, then sends what brokers must know."""

    def __init__(self, context: ControllerContext) -> None:
        self._context = context
        self._state = context.state

    def make_new(self, partitions: Iterable[TopicPartition]) -> None:
        self._mark(partitions, PartitionStatus.NEW)

    def make_offline(self, partitions: Iterable[TopicPartition]) -> None:
        self._mark(partitions, PartitionStatus.OFFLINE)

    def make_non_existent(self, partitions: Iterable[TopicPartition]) -> None:
        self._mark(partitions, PartitionStatus.NON_EXISTENT)

    def _mark(self, partitions: Iterable[TopicPartition], target: PartitionStatus) -> None:
        for partition in self._state.movable_partitions(partitions, target):
            self._state.partition_status[partition] = target

    async def bring_online(
        self, partitions: Iterable[TopicPartition], choose: Choose | None = None
    ) -> dict[TopicPartition, Outcome]:
        """Give new partitions their first leader and let `choose` elect one for the others.

        choose    by default the election for offline partitions, which heeds unclean.leader.election.enable
        returns   the outcome of each election (new partitions are not among them)
        """
        movable = self._state.movable_partitions(partitions, PartitionStatus.ONLINE)
        if not movable:
            return {}
        new = [tp for tp in movable if self._state.partition_status[tp] is PartitionStatus.NEW]
        old = [tp for tp in movable if self._state.partition_status[tp] is not PartitionStatus.NEW]
        batch = self._context.batch()
        await self._initialize(new, batch)
        outcomes = await self._elect(old, choose, batch)
        self._context.send(batch)
        return outcomes

    async def bring_all_online(self, topic: str | None = None) -> dict[TopicPartition, Outcome]:
        """Retry every partition that is new or offline, of one topic or of all, unless it is to be deleted."""
        waiting = self._state.partitions_with(PartitionStatus.NEW, PartitionStatus.OFFLINE)
        return await self.bring_online(
            tp for tp in waiting if tp.topic not in self._state.to_delete and topic in (None, tp.topic)
        )

    async def _initialize(self, partitions: Iterable[TopicPartition], batch: RequestBatch) -> None:
        """First state: the first live replica leads, all live ones are in sync, epoch 0."""
        states = {}
        for partition in partitions:
            live = self._state.online(self._state.replicas(partition), partition)
            if live:
                states[partition] = PartitionState(live[0], LeaderEpoch(0), live, self._context.fence.epoch)
            else:
                _log.error(
                    "%s has no leader: none of its replicas %s is alive", partition, self._state.replicas(partition)
                )
        for partition, error in (
            await self._context.store.create_partition_states(states, self._context.fence)
        ).items():
            if error is not None:
                _log.error("the state of new partition %s could not be written: %r", partition, error)
                continue
            self._state.leaders[partition] = states[partition]
            self._state.partition_status[partition] = PartitionStatus.ONLINE
            batch.lead_or_follow(states[partition].isr, partition, is_new=True)

    async def _elect(
        self, partitions: list[TopicPartition], choose: Choose | None, batch: RequestBatch
    ) -> dict[TopicPartition, Outcome]:
        outcomes: dict[TopicPartition, Outcome] = {}
        remaining = partitions
        while remaining:
            finished, remaining = await self._elect_once(remaining, choose, batch)
            outcomes |= finished
        for partition, outcome in outcomes.items():
            if isinstance(outcome, PartitionState):
                self._state.partition_status[partition] = PartitionStatus.ONLINE
            else:
                _log.warning("%s: %s", partition, outcome)
        return outcomes

    async def _elect_once(
        self, partitions: list[TopicPartition], choose: Choose | None, batch: RequestBatch
    ) -> tuple[dict[TopicPartition, Outcome], list[TopicPartition]]:
        """Outcomes, and the partitions whose state was changed by their leader meanwhile: to be elected again."""
        current = await self._context.store.partition_states(partitions)
        outcomes: dict[TopicPartition, Outcome] = {
            tp: ElectionFailed(f"there is no state of partition {tp} in ZooKeeper")
            for tp in partitions
            if tp not in current
        }
        for partition, state in current.items():
            if state.controller_epoch > self._context.fence.epoch:
                outcomes[partition] = ElectionFailed(
                    f"the state of {partition} was written by a later controller (epoch {state.controller_epoch})"
                )
        electable = {tp: state for tp, state in current.items() if tp not in outcomes}
        choose = choose or await self._for_offline(electable)
        chosen: dict[TopicPartition, PartitionState] = {}
        recipients: dict[TopicPartition, tuple[BrokerId, ...]] = {}
        for partition, state in electable.items():
            elected, recipients[partition] = choose(partition, state)
            if elected is None:
                outcomes[partition] = ElectionFailed(
                    f"Failed to elect leader for partition {partition}: ISR {list(state.isr)}, "
                    f"replicas {list(self._state.replicas(partition))}, live brokers {sorted(self._state.live)}"
                )
            else:
                chosen[partition] = replace(elected, controller_epoch=self._context.fence.epoch)
        again = []
        written = await self._context.store.update_partition_states(chosen, self._context.fence)
        for partition, result in written.items():
            if isinstance(result, BadVersion):
                again.append(partition)
                continue
            outcomes[partition] = result
            if isinstance(result, PartitionState):
                self._state.leaders[partition] = result
                batch.lead_or_follow(recipients[partition], partition, is_new=False)
        return outcomes, again

    # ---- elections

    async def _for_offline(self, current: Mapping[TopicPartition, PartitionState]) -> Choose:
        """For partitions whose leader is not alive; reads topic configs only where no in-sync replica is alive."""
        hopeless = {
            partition.topic for partition, state in current.items() if not self._state.online(state.isr, partition)
        }
        unclean = {topic: await self._context.unclean_election_allowed(topic) for topic in sorted(hopeless)}

        def choose(partition: TopicPartition, state: PartitionState) -> Chosen:
            return self._chosen_offline(partition, state, unclean=unclean.get(partition.topic, False))

        return choose

    def uncleanly(self, partition: TopicPartition, state: PartitionState) -> Chosen:
        """For offline partitions, whatever the topic's config says: an operator has requested it."""
        return self._chosen_offline(partition, state, unclean=True)

    def _chosen_offline(self, partition: TopicPartition, state: PartitionState, *, unclean: bool) -> Chosen:
        replicas = self._state.replicas(partition)
        live = self._state.online(replicas, partition)
        return elections.elect_for_offline(replicas, state, live, unclean=unclean), live

    def preferably(self, partition: TopicPartition, state: PartitionState) -> Chosen:
        """The preferred leader."""
        replicas = self._state.replicas(partition)
        return elections.elect_preferred(replicas, state, self._state.online(replicas, partition)), replicas

    def among_wanted(self, partition: TopicPartition, state: PartitionState) -> Chosen:
        """A replica that a reassignment keeps or adds."""
        target = self._state.assignment(partition).target
        return elections.elect_for_reassignment(target, state, self._state.online(target, partition)), target

    def among_planned(self, partition: TopicPartition, state: PartitionState) -> Chosen:
        """A replica that has a part in a reassignment, even if it leaves at the end."""
        planned = self._state.assignment(partition).replicas
        return elections.elect_for_reassignment(planned, state, self._state.online(planned, partition)), planned

    def besides_stopping(self, partition: TopicPartition, state: PartitionState) -> Chosen:
        """A replica on a broker that is not shutting down."""
        replicas = self._state.replicas(partition)
        answering = self._state.online(replicas, partition, even_stopping=True)
        return elections.elect_for_shutdown(replicas, state, answering, self._state.stopping), answering
