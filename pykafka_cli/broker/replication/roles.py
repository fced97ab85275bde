"""Applies the controller's requests: LeaderAndIsr makes partitions leaders or followers, StopReplica ends that.

Requests can be late, so three epochs fence them: the broker epoch (meant for this run of the broker), the controller
epoch (from the controller of today) and, for each partition, the leader epoch. What is rejected changes nothing.
Source: ReplicaManager.becomeLeaderOrFollower, ReplicaManager.stopReplicas.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from pykafka_cli.broker.errors import (
    BrokerError,
    FencedLeaderEpoch,
    InconsistentTopicId,
    KafkaStorageError,
    StaleBrokerEpoch,
    StaleControllerEpoch,
    UnknownTopicOrPartition,
)
from pykafka_cli.broker.log.creations import NewLog
from pykafka_cli.broker.metadata.cache import MetadataCache
from pykafka_cli.broker.replication.directory_moves import DirectoryMoves
from pykafka_cli.broker.replication.fetchers import Fetchers
from pykafka_cli.broker.replication.hosted_partitions import HostedPartitions
from pykafka_cli.broker.replication.partition import Partition
from pykafka_cli.broker.replication.peers import BrokerEndpoint
from pykafka_cli.broker.replication.topic_lines import log_by_topic
from pykafka_cli.model import BrokerEpoch, BrokerId, LeaderEpoch, TopicPartition
from pykafka_cli.protocol.absence import is_of_earlier_run
from pykafka_cli.protocol.inter_broker import (
    EPOCH_DURING_DELETE,
    NO_EPOCH,
    NO_LEADER,
    LeaderAndIsrPartitionState,
    LeaderAndIsrRequest,
    StopReplicaPartitionState,
    StopReplicaRequest,
)

if TYPE_CHECKING:
    from pykafka_cli.broker.log.log_manager import LogManager
    from pykafka_cli.broker.log.partition_log import PartitionLog

_log = logging.getLogger(__name__)

MISSING_SHOWN = 10
"""Partitions that a warning names."""

OnLeadership: TypeAlias = Callable[[list[tuple[TopicPartition, LeaderEpoch]], list[TopicPartition]], None]
"""Called with the partitions that this broker now leads, with their leader epochs, and those it no longer leads."""

Errors: TypeAlias = dict[TopicPartition, BrokerError | None]
"""Why a partition is not as the controller wants it; None: it is."""


class Roles:
    """Applies the controller's requests to the hosted partitions, one after another; all roles change in one step.

    endpoint_of   where a live broker is reached by other brokers; None while this broker does not know it
    """

    def __init__(
        self,
        broker_id: BrokerId,
        *,
        hosted: HostedPartitions,
        logs: "LogManager",
        metadata: MetadataCache,
        fetchers: Fetchers,
        moves: DirectoryMoves,
        broker_epoch: Callable[[], BrokerEpoch | None],
        endpoint_of: Callable[[BrokerId], BrokerEndpoint | None],
    ) -> None:
        self.on_leadership: list[OnLeadership] = []
        self._broker_id = broker_id
        self._hosted = hosted
        self._logs = logs
        self._metadata = metadata
        self._fetchers = fetchers
        self._moves = moves
        self._broker_epoch = broker_epoch
        self._endpoint_of = endpoint_of
        self._applying = asyncio.Lock()

    # ---- LeaderAndIsr

    async def take_leader_and_isr(self, request: LeaderAndIsrRequest) -> Errors:
        """The result for each partition. raises StaleBrokerEpoch, StaleControllerEpoch."""
        async with self._applying:
            self._fence(request)
            await self._create_logs(request)
            self._fence(request)  # another controller, or another run of this broker, may have begun meanwhile
            return self._take_leader_and_isr(request)

    async def _create_logs(self, request: LeaderAndIsrRequest) -> None:
        """Create the logs of partitions that have none here, unless they are refused."""
        wanted: list[NewLog] = []
        missing: list[TopicPartition] = []
        for topic in request.topic_states:
            for state in topic.partition_states:
                partition = TopicPartition(topic.topic_name, state.partition_index)
                if self._logs.get(partition) is None and self._refusal(partition, topic.topic_id, state) is None:
                    wanted.append(NewLog(partition, topic.topic_id, state.is_new))
                    if not state.is_new and list(state.replicas) == [self._broker_id]:
                        missing.append(partition)
        if missing:
            self._warn_of_missing(missing)
        if wanted:
            await self._logs.create_all(wanted)

    def _take_leader_and_isr(self, request: LeaderAndIsrRequest) -> Errors:
        to_lead: list[tuple[Partition, uuid.UUID | None, LeaderAndIsrPartitionState]] = []
        to_follow: list[tuple[Partition, uuid.UUID | None, LeaderAndIsrPartitionState]] = []
        errors: Errors = {}
        for topic in request.topic_states:
            for state in topic.partition_states:
                topic_partition = TopicPartition(topic.topic_name, state.partition_index)
                errors[topic_partition] = error = self._refusal(topic_partition, topic.topic_id, state)
                if error is None:
                    chosen = to_lead if state.leader == self._broker_id else to_follow
                    chosen.append((self._hosted.get_or_add(topic_partition), topic.topic_id, state))
                elif not (isinstance(error, StaleControllerEpoch) and self._is_known(topic_partition, state)):
                    _log.warning("%s", error)
        leaders = self._lead(to_lead, errors)
        followers = self._follow(to_follow, errors)
        self._fetchers.close_idle()
        for notify in self.on_leadership:
            notify(leaders, followers)
        return errors

    def _is_known(self, topic_partition: TopicPartition, state: LeaderAndIsrPartitionState) -> bool:
        """Whether a state was sent before: a controller sends all of them whenever a broker starts."""
        partition = self._hosted.get(topic_partition)
        return partition is not None and partition.leader_epoch == state.leader_epoch

    def _warn_of_missing(self, missing: list[TopicPartition]) -> None:
        """This broker should have the only logs of these partitions, which are not new."""
        shown = ", ".join(map(str, missing[:MISSING_SHOWN])) + (", ..." if len(missing) > MISSING_SHOWN else "")
        _log.warning(
            "no log here of %d partitions that no other broker has, so they begin empty: %s. Looked in %s. If their "
            "records are elsewhere, stop this broker and correct log.dirs, which is relative to where it is started",
            len(missing),
            shown,
            ", ".join(map(str, self._logs.directories)),
        )

    def _fence(self, request: LeaderAndIsrRequest | StopReplicaRequest) -> None:
        what = type(request).__name__
        if is_of_earlier_run(request.broker_epoch, self._broker_epoch()):
            _log.info("refusing %s for an earlier run of this broker", what)
            raise StaleBrokerEpoch(f"{what} for an earlier run of this broker")
        if request.controller_epoch < self._metadata.controller_epoch:
            _log.warning("refusing %s of an earlier controller, %d", what, request.controller_id)
            raise StaleControllerEpoch(f"{what} of an earlier controller, {request.controller_id}")
        self._metadata.controller_epoch = request.controller_epoch

    def _refusal(
        self, topic_partition: TopicPartition, topic_id: uuid.UUID | None, state: LeaderAndIsrPartitionState
    ) -> BrokerError | None:
        if self._hosted.is_offline(topic_partition):
            return KafkaStorageError(f"{topic_partition} is in a log directory that has failed")
        stored = self._logs.get(topic_partition)
        if stored is not None and None not in (topic_id, stored.topic_id) and topic_id != stored.topic_id:
            return InconsistentTopicId(
                f"{topic_partition}: the log here is of topic id {stored.topic_id}, not {topic_id}"
            )
        partition = self._hosted.get(topic_partition)
        if partition is not None and state.leader_epoch <= partition.leader_epoch:
            # An equal epoch is an update already known; Kafka answers it with the same code.
            return StaleControllerEpoch(f"{topic_partition}: leader epoch {state.leader_epoch} is not newer")
        if self._broker_id not in state.replicas:
            return UnknownTopicOrPartition(
                f"{topic_partition} is assigned to brokers {state.replicas}, not to this one"
            )
        return None

    def _lead(
        self,
        chosen: list[tuple[Partition, uuid.UUID | None, LeaderAndIsrPartitionState]],
        errors: Errors,
    ) -> list[tuple[TopicPartition, LeaderEpoch]]:
        self._fetchers.drop(partition.topic_partition for partition, _, _ in chosen)
        began = []
        led: list[tuple[TopicPartition, str]] = []
        for partition, topic_id, state in chosen:
            try:
                is_new = partition.lead(state, partial(self._open_log, partition, topic_id, state))
            except KafkaStorageError as error:
                self._fail(partition, error, errors)
                continue
            partition.notify_all()
            isr = ",".join(map(str, state.isr))
            led.append((partition.topic_partition, f"leading in epoch {state.leader_epoch}, ISR {isr}"))
            if is_new:
                began.append((partition.topic_partition, state.leader_epoch))
        log_by_topic(_log, "leading", led)
        return began

    def _follow(
        self,
        chosen: list[tuple[Partition, uuid.UUID | None, LeaderAndIsrPartitionState]],
        errors: Errors,
    ) -> list[TopicPartition]:
        began = []
        followed: list[tuple[TopicPartition, str]] = []
        leaderless: list[tuple[TopicPartition, str]] = []
        for partition, topic_id, state in chosen:
            open_log = partial(self._open_log, partition, topic_id, state)
            leader = self._endpoint_of(state.leader)
            try:
                if leader is None:
                    if state.leader == NO_LEADER:
                        what = f"without a leader in epoch {state.leader_epoch}"
                        leaderless.append((partition.topic_partition, what))
                    else:
                        _log.error("%s: cannot follow broker %d, which is not known here", partition, state.leader)
                    partition.hold(open_log)
                    continue
                if not partition.follow(state, open_log):
                    continue
            except KafkaStorageError as error:
                self._fail(partition, error, errors)
                continue
            what = f"following broker {state.leader} in epoch {state.leader_epoch}"
            followed.append((partition.topic_partition, what))
            self._fetchers.drop([partition.topic_partition])
            partition.notify_all()
            self._fetchers.follow(partition, leader)
            began.append(partition.topic_partition)
        log_by_topic(_log, "without a leader", leaderless)
        log_by_topic(_log, "following other brokers", followed)
        return began

    def _open_log(
        self, partition: Partition, topic_id: uuid.UUID | None, state: LeaderAndIsrPartitionState
    ) -> "PartitionLog":
        if partition.log is not None:
            return partition.log
        log = self._logs.get_or_create(partition.topic_partition, topic_id, is_new=state.is_new)
        log.set_high_watermark(self._logs.checkpointed_high_watermark(partition.topic_partition))
        return log

    def _fail(self, partition: Partition, error: KafkaStorageError, errors: Errors) -> None:
        _log.error("%s: %s", partition, error)
        errors[partition.topic_partition] = error
        self._hosted.take_offline(partition.topic_partition)

    # ---- StopReplica

    async def take_stop_replica(self, request: StopReplicaRequest) -> Errors:
        """The result for each partition. raises StaleBrokerEpoch, StaleControllerEpoch."""
        async with self._applying:
            return self._take_stop_replica(request)

    def _take_stop_replica(self, request: StopReplicaRequest) -> Errors:
        self._fence(request)
        errors: Errors = {}
        gone = []
        for topic in request.topic_states:
            for state in topic.partition_states:
                topic_partition = TopicPartition(topic.topic_name, state.partition_index)
                errors[topic_partition] = None
                try:
                    self._stop(topic_partition, state)
                except BrokerError as error:
                    _log.warning("not stopping %s: %s", topic_partition, error)
                    errors[topic_partition] = error
                    continue
                if state.delete_partition:
                    gone.append(topic_partition)
        self._fetchers.close_idle()
        if gone:
            for notify in self.on_leadership:
                notify([], gone)
        return errors

    def _stop(self, topic_partition: TopicPartition, state: StopReplicaPartitionState) -> None:
        if self._hosted.is_offline(topic_partition):
            raise KafkaStorageError(f"{topic_partition} is in a log directory that has failed")
        partition = self._hosted.get(topic_partition)
        if (
            partition is not None
            and state.leader_epoch not in (EPOCH_DURING_DELETE, NO_EPOCH)
            and state.leader_epoch < partition.leader_epoch
        ):
            raise FencedLeaderEpoch(f"{topic_partition} is at leader epoch {partition.leader_epoch}")
        self._fetchers.drop([topic_partition])
        if not state.delete_partition:
            if partition is not None:
                partition.notify_all()
            return
        self._moves.cancel(topic_partition)
        self._hosted.remove(topic_partition)
        self._logs.delete(topic_partition)  # also one that was left here while this broker was down
