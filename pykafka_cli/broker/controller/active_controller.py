"""The work of the active controller: at its election, and on each event until it resigns.

Every method here is one step, run by the controller's single task; nothing changes between steps. When another broker
is elected or the session ends, the object is dropped with all its state, and its watches have no effect.

source  kafka.controller.KafkaController
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.controller import alter_partition
from pykafka_cli.broker.controller.alter_partition import Unchanged, WantedIsr
from pykafka_cli.broker.controller.broker_channel import BrokerChannels
from pykafka_cli.broker.controller.cluster_state import ClusterState, Replica
from pykafka_cli.broker.controller.controller_context import ControllerContext
from pykafka_cli.broker.controller.leader_elections import LeaderElections
from pykafka_cli.broker.controller.partition_moves import PartitionMoves
from pykafka_cli.broker.controller.partition_states import PartitionStatus
from pykafka_cli.broker.controller.reassignment import Reassignment
from pykafka_cli.broker.controller.replica_moves import ReplicaMoves
from pykafka_cli.broker.controller.replica_states import ReplicaStatus
from pykafka_cli.broker.controller.topic_deletion import TopicDeletion
from pykafka_cli.broker.errors import BrokerError, BrokerNotAvailable, InvalidUpdateVersion, StaleBrokerEpoch
from pykafka_cli.broker.metadata.fenced_writes import Fence
from pykafka_cli.broker.metadata.zk_store import ZkStore
from pykafka_cli.model import BrokerEpoch, BrokerId, Seconds, TopicPartition
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.protocol.absence import is_of_earlier_run
from pykafka_cli.protocol.inter_broker import LeaderAndIsrResponse, UpdateMetadataResponse
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.kafka_znodes import BrokerRegistration
from pykafka_cli.zookeeper.operations import Change, WatchEvent
from pykafka_cli.zookeeper.topic_znodes import PartitionState, TopicAssignment

_log = logging.getLogger(__name__)

Step = Callable[[], Awaitable[object]]


class ActiveController:
    """One broker's time as the controller. `post` queues a step for the controller's task."""

    def __init__(
        self,
        fence: Fence,
        *,
        broker_id: BrokerId,
        settings: BrokerSettings,
        store: ZkStore,
        channels: BrokerChannels,
        unclean_election_allowed: Callable[[str], Awaitable[bool]],
        post: Callable[[Step], None],
    ) -> None:
        self.state = ClusterState(fence)
        self._settings = settings
        self._store = store
        self._channels = channels
        self._post = post
        self._context = ControllerContext(
            broker_id=broker_id,
            inter_broker_listener=settings.inter_broker_listener,
            state=self.state,
            store=store,
            channels=channels,
            answers=self,
            unclean_election_allowed=unclean_election_allowed,
        )
        self.partitions = PartitionMoves(self._context)
        self.replicas = ReplicaMoves(self._context)
        self.deletion = TopicDeletion(
            self._context, self.partitions, self.replicas, enabled=settings.delete_topic_enable
        )
        self.reassignment = Reassignment(self._context, self.partitions, self.replicas, self.deletion)
        self.elections = LeaderElections(self.state, self.partitions)

    # ---- start and end

    async def begin(self) -> None:
        """Read everything, send every broker the live brokers, bring partitions online where possible, and resume
        what earlier controllers began."""
        await self._store.ensure_features()
        await self._store.delete_notifications(await self._store.log_dir_events(self._log_dir_failed), self.state.fence)
        await self._store.delete_notifications(await self._store.isr_changes(self._isrs_changed), self.state.fence)
        restarted = await self._read_cluster()
        await self.deletion.take_over(await self._store.topic_deletions(self._deletion_requested))
        self._send_update_metadata(self.state.brokers)
        await self._initialize_states()
        if restarted:
            await self._brokers_joined(restarted)
        _log.info("broker %d is the controller, epoch %d", self._context.broker_id, self.state.fence.epoch)

        begun = await self.reassignments_requested()
        await self.reassignment.resume(besides=begun)
        await self.deletion.advance()
        await self.elections_requested()

    def end(self) -> None:
        """Send no more requests."""
        self._channels.close()

    async def all_answered(self, limit: Seconds) -> None:
        """Wait until every live broker has what was sent to it, but no longer than `limit` seconds."""
        await self._channels.all_answered(limit)

    async def _read_cluster(self) -> dict[BrokerId, BrokerRegistration]:
        """Returns the brokers of whose restart no controller knows yet. They count as gone until others are elected:
        they may have lost records that they had."""
        self.state.brokers = await self._store.brokers(self._brokers_changed)
        for broker in self.state.brokers.values():
            self._channels.add(broker)
            await self._store.broker(broker.id, self._broker_modified)
        await self._read_topics(await self._store.topics(self._topics_changed))
        written = await self._store.written_states(self.state.all_partitions())
        self.state.leaders = {partition: state for partition, (state, _) in written.items()}
        for partition in self.state.all_partitions():
            if self.state.assignment(partition).is_being_reassigned:
                self.state.reassigning.add(partition)
        restarted = self.state.restarted_since({partition: zxid for partition, (_, zxid) in written.items()})
        return {broker: self.state.brokers.pop(broker) for broker in restarted}

    async def _read_topics(self, topics: Iterable[str]) -> list[TopicPartition]:
        """Read topics, and give an id to those that older brokers created. Returns their partitions."""
        found = []
        for topic in sorted(topics):
            assignment = await self._store.assignment(topic, self._partitions_modified)
            if assignment is None:
                continue
            if assignment.topic_id is None:
                assignment = TopicAssignment(assignment.partitions, topic_znodes.new_topic_id())
                await self._store.set_assignment(topic, assignment, self.state.fence)
            self.state.add_topic(topic, assignment)
            found += self.state.partitions_of(topic)
        return found

    async def _initialize_states(self) -> None:
        """Replicas first, so that brokers know leaders and followers; then partitions without a leader."""
        replicas = self.state.replicas_of(self.state.all_partitions())
        online = [replica for replica in replicas if self.state.is_online(replica.broker, replica.partition)]
        offline = [replica for replica in replicas if not self.state.is_online(replica.broker, replica.partition)]
        self.state.replica_status = dict.fromkeys(online, ReplicaStatus.ONLINE)
        self.state.replica_status |= dict.fromkeys(offline, ReplicaStatus.DELETION_INELIGIBLE)
        self.replicas.make_online(online)
        await self.replicas.make_offline(offline)
        for partition in self.state.all_partitions():
            leadership = self.state.leaders.get(partition)
            if leadership is None:
                status = PartitionStatus.NEW
            elif self.state.is_online(leadership.leader, partition):
                status = PartitionStatus.ONLINE
            else:
                status = PartitionStatus.OFFLINE
            self.state.partition_status[partition] = status
        await self.partitions.bring_all_online()

    # ---- brokers

    def _brokers_changed(self, _: WatchEvent) -> None:
        self._post(self.brokers_changed)

    async def brokers_changed(self) -> None:
        """Brokers have joined, left, or restarted so fast that only their epoch shows it."""
        present = await self._store.brokers(self._brokers_changed)
        known = self.state.brokers
        new = [broker for broker in present if broker not in known]
        gone = [broker for broker in known if broker not in present]
        restarted = [broker for broker in present if broker in known and present[broker].epoch > known[broker].epoch]
        for broker in sorted(restarted + gone):
            self._channels.remove(broker)
        for broker in sorted(new + restarted):
            self._channels.add(present[broker])
        if new:
            await self._brokers_joined({broker: present[broker] for broker in sorted(new)})
        if restarted:
            await self._brokers_left(restarted)
            await self._brokers_joined({broker: present[broker] for broker in sorted(restarted)})
        if gone:
            await self._brokers_left(gone)

    async def _brokers_joined(self, brokers: Mapping[BrokerId, BrokerRegistration]) -> None:
        _log.info("brokers %s have joined", ", ".join(map(str, brokers)))
        others = list(self.state.brokers)
        self.state.brokers = dict(sorted({**self.state.brokers, **brokers}.items()))
        for broker in brokers:
            self.state.offline_dirs.pop(broker, None)
        self._send_update_metadata(others)
        self._send_update_metadata(brokers, (tp for tp in self.state.leaders if tp.topic not in self.state.to_delete))
        replicas = self.state.replicas_on(brokers)
        self.replicas.make_online(replicas)
        await self.partitions.bring_all_online()
        await self.reassignment.resume(among=brokers)
        await self.deletion.resume(replica.topic for replica in replicas)
        for broker in brokers:
            await self._store.broker(broker, self._broker_modified)

    async def _brokers_left(self, brokers: Iterable[BrokerId]) -> None:
        _log.info("brokers %s have left", ", ".join(map(str, brokers)))
        for broker in brokers:
            self.state.brokers.pop(broker, None)
            self.state.stopping.discard(broker)
            self.state.offline_dirs.pop(broker, None)
        await self._replicas_left(self.state.replicas_on(set(brokers)))

    async def _replicas_left(self, replicas: list[Replica]) -> None:
        """Elect other leaders where these led, and remove them from the ISRs."""
        self.partitions.make_offline(self.state.without_live_leader())
        elections = await self.partitions.bring_all_online()
        kept = [replica for replica in replicas if replica.topic not in self.state.to_delete]
        await self.replicas.make_offline(kept)
        await self.deletion.replicas_failed(r for r in replicas if r.topic in self.state.to_delete)
        if not kept and not any(isinstance(outcome, PartitionState) for outcome in elections.values()):
            self._send_update_metadata(self.state.brokers)  # nothing above has sent that brokers have left

    def _broker_modified(self, event: WatchEvent) -> None:
        if event.change is not Change.DELETED:
            broker_id = BrokerId(int(event.path.rpartition("/")[2]))
            self._post(lambda: self.broker_modified(broker_id))

    async def broker_modified(self, broker_id: BrokerId) -> None:
        """A broker has changed its listeners."""
        present = await self._store.broker(broker_id, self._broker_modified)
        known = self.state.brokers.get(broker_id)
        if present and known and present.endpoints != known.endpoints:
            self.state.brokers[broker_id] = present
            self._send_update_metadata(self.state.brokers)

    async def controlled_shutdown(self, broker_id: BrokerId, broker_epoch: BrokerEpoch) -> list[TopicPartition]:
        """Move what a broker leads to others; returns what it still leads because there is no other in sync.

        raises  StaleBrokerEpoch, BrokerNotAvailable
        """
        registration = self.state.brokers.get(broker_id)
        if registration is None:
            raise BrokerNotAvailable(f"Broker id {broker_id} does not exist.")
        if is_of_earlier_run(broker_epoch, registration.epoch):
            raise StaleBrokerEpoch(
                f"Received controlled shutdown request from an old broker epoch {broker_epoch} for broker "
                f"{broker_id}. Current broker epoch is {registration.epoch}."
            )
        self.state.stopping.add(broker_id)
        moved = [
            partition
            for partition in self.state.partitions_on(broker_id)
            if len(self.state.replicas(partition)) > 1
            and partition in self.state.leaders
            and partition.topic not in self.state.to_delete
        ]
        led = [partition for partition in moved if self.state.leaders[partition].leader == broker_id]
        followed = [partition for partition in moved if self.state.leaders[partition].leader != broker_id]
        await self.partitions.bring_online(led, self.partitions.besides_stopping)
        # Stopped before the ISR shrinks, or its fetches could bring it back into the ISR.
        batch = self._context.batch()
        for partition in followed:
            batch.stop(broker_id, partition, delete=False)
        self._context.send(batch)
        await self.replicas.make_offline(Replica(partition, broker_id) for partition in followed)
        return self.state.led_by(broker_id)

    # ---- topics

    def _topics_changed(self, _: WatchEvent) -> None:
        self._post(self.topics_changed)

    async def topics_changed(self) -> None:
        """Topics were created, by us or by hand, or their znodes were deleted."""
        present = await self._store.topics(self._topics_changed)
        self.state.remove_topics(self.state.assignments.keys() - present)
        partitions = await self._read_topics(present - self.state.assignments.keys())
        if partitions:
            await self._partitions_made(partitions)

    def _partitions_modified(self, event: WatchEvent) -> None:
        if event.change is not Change.DELETED:
            topic = event.path.rpartition("/")[2]
            self._post(lambda: self.partitions_modified(topic))

    async def partitions_modified(self, topic: str) -> None:
        """A topic was given more partitions (or this is what we wrote ourselves)."""
        assignment = await self._store.assignment(topic, self._partitions_modified)
        known = self.state.assignments.get(topic)
        if assignment is None or known is None:
            return
        added = {number: replicas for number, replicas in assignment.partitions.items() if number not in known}
        if not added:
            return
        if topic in self.state.to_delete:
            _log.warning("%s is being deleted: its new partitions %s are not created", topic, sorted(added))
            await self._store.set_assignment(topic, self.state.topic_assignment(topic), self.state.fence)
            return
        known.update(added)
        await self._partitions_made([TopicPartition(topic, number) for number in sorted(added)])

    async def _partitions_made(self, partitions: list[TopicPartition]) -> None:
        replicas = self.state.replicas_of(partitions)
        self.partitions.make_new(partitions)
        self.replicas.make_new(replicas)
        await self.partitions.bring_online(partitions)
        self.replicas.make_online(replicas)

    def _deletion_requested(self, _: WatchEvent) -> None:
        self._post(self.deletions_requested)

    async def deletions_requested(self) -> None:
        topics = await self._store.topic_deletions(self._deletion_requested)
        await self.deletion.request(topics - self.state.to_delete)

    # ---- leaders

    def _elections_requested(self, _: WatchEvent) -> None:
        self._post(self.elections_requested)

    async def elections_requested(self) -> None:
        """Process /admin/preferred_replica_election, delete it, and watch for the next."""
        while (requested := await self._store.requested_elections(self._elections_requested)) is not None:
            await self.elections.elect(requested, preferred=True)
            await self._store.forget_requested_elections(self.state.fence)

    async def unclean_election_enabled(self, topic: str | None) -> None:
        """unclean.leader.election.enable has become true, for one topic or for all."""
        await self.partitions.bring_all_online(topic)

    # ---- ISRs

    async def alter_isrs(
        self, wanted: Mapping[TopicPartition, WantedIsr]
    ) -> dict[TopicPartition, PartitionState | BrokerError]:
        """Write the ISRs that leaders request, and send them to every broker."""
        outcomes: dict[TopicPartition, PartitionState | BrokerError] = {}
        changes: dict[TopicPartition, PartitionState] = {}
        for partition, requested in wanted.items():
            try:
                decision = alter_partition.decide(requested, self.state.leaders.get(partition), self.state.live)
            except BrokerError as error:
                _log.info("the ISR of %s is not changed to %s: %s", partition, requested, error.code.name)
                outcomes[partition] = error
                continue
            match decision:
                case Unchanged(state):
                    outcomes[partition] = state
                case PartitionState():
                    changes[partition] = replace(decision, controller_epoch=self.state.fence.epoch)
        for partition, written in (await self._store.update_partition_states(changes, self.state.fence)).items():
            if isinstance(written, PartitionState):
                self.state.leaders[partition] = outcomes[partition] = written
            else:
                _log.info("the ISR of %s could not be written: %r", partition, written)
                outcomes[partition] = InvalidUpdateVersion()
        self._send_update_metadata(self.state.brokers, wanted)
        return outcomes

    async def isrs_altered(self, outcomes: Mapping[TopicPartition, PartitionState | BrokerError]) -> None:
        """After the leaders were answered: a reassignment may have waited for this."""
        for partition, outcome in outcomes.items():
            if isinstance(outcome, PartitionState):
                await self.reassignment.isr_changed(partition)

    def _isrs_changed(self, _: WatchEvent) -> None:
        self._post(self.isrs_changed)

    async def isrs_changed(self) -> None:
        """Leaders of older brokers have written their ISRs themselves."""
        changes = await self._store.isr_changes(self._isrs_changed)
        partitions = list(dict.fromkeys(partition for changed in changes.values() for partition in changed))
        self.state.leaders |= await self._store.partition_states(partitions)
        if partitions:
            self._send_update_metadata(self.state.brokers, partitions)
        for partition in partitions:
            await self.reassignment.isr_changed(partition)
        await self._store.delete_notifications(changes, self.state.fence)

    # ---- reassignments and directories

    def _reassignment_requested(self, event: WatchEvent) -> None:
        # We changed the data ourselves; what counts is that it is created, and once it is deleted, the next one.
        own_change = event.change is Change.DATA
        self._post(self._watch_reassignments if own_change else self.reassignments_requested)

    async def _watch_reassignments(self) -> None:
        await self._store.requested_reassignment(self._reassignment_requested)

    async def reassignments_requested(self) -> set[TopicPartition]:
        """Process /admin/reassign_partitions, which shrinks as moves complete. Returns what was begun."""
        wanted = await self._store.requested_reassignment(self._reassignment_requested)
        return set() if wanted is None else await self.reassignment.follow_znode(wanted)

    def _log_dir_failed(self, _: WatchEvent) -> None:
        self._post(self.log_dirs_failed)

    async def log_dirs_failed(self) -> None:
        """Find out which replicas brokers that lost a log directory still have, by sending them all of theirs again."""
        events = await self._store.log_dir_events(self._log_dir_failed)
        self.replicas.make_online(self.state.replicas_on({broker for broker in events.values() if broker is not None}))
        await self._store.delete_notifications(events, self.state.fence)

    # ---- responses of brokers

    def leader_and_isr_answered(self, broker_id: BrokerId, answer: LeaderAndIsrResponse) -> None:
        self._post(lambda: self._after_leader_and_isr(broker_id, answer))

    async def _after_leader_and_isr(self, broker_id: BrokerId, answer: LeaderAndIsrResponse) -> None:
        if answer.error_code:
            _log.error("broker %d rejected LeaderAndIsr: %s", broker_id, answer.error_code.name)
            return
        known = self.state.offline_dirs.get(broker_id, set())
        offline = set(known)
        for topic in answer.topics:
            name = self.state.topic_names.get(topic.topic_id) if topic.topic_id else None
            for outcome in topic.partition_errors if name else ():
                partition = TopicPartition(name or "", outcome.partition_index)
                if outcome.error_code is ErrorCode.kafka_storage_error:
                    offline.add(partition)
                elif not outcome.error_code:
                    offline.discard(partition)
                elif outcome.error_code is not ErrorCode.stale_controller_epoch:  # that one: it knows the epoch already
                    _log.error("broker %d: LeaderAndIsr of %s: %s", broker_id, partition, outcome.error_code.name)
        self.state.offline_dirs[broker_id] = offline
        if offline - known:
            await self._replicas_left([Replica(partition, broker_id) for partition in sorted(offline - known)])

    def update_metadata_answered(self, broker_id: BrokerId, answer: UpdateMetadataResponse) -> None:
        if answer.error_code:
            _log.error("broker %d rejected UpdateMetadata: %s", broker_id, answer.error_code.name)

    def deletions_answered(
        self, broker_id: BrokerId, error: ErrorCode, partitions: Mapping[TopicPartition, ErrorCode]
    ) -> None:
        self._post(lambda: self._after_deletion(broker_id, error, partitions))

    async def _after_deletion(
        self, broker_id: BrokerId, error: ErrorCode, partitions: Mapping[TopicPartition, ErrorCode]
    ) -> None:
        failed = {partition for partition, outcome in partitions.items() if error or outcome}
        await self.deletion.replicas_failed(Replica(partition, broker_id) for partition in failed)
        deleted = [Replica(partition, broker_id) for partition in partitions if partition not in failed]
        if deleted:
            await self.deletion.replicas_deleted(deleted)

    def _send_update_metadata(self, brokers: Iterable[BrokerId], partitions: Iterable[TopicPartition] = ()) -> None:
        batch = self._context.batch()
        batch.update_metadata(brokers, partitions)
        self._context.send(batch)
