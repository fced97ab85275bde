"""The requests of one step of the controller, collected and then sent: to each broker at most one LeaderAndIsr, one
UpdateMetadata and one StopReplica, in that order.

Brokers that lead or follow get LeaderAndIsr, and then every broker gets the new leaders and ISRs by
UpdateMetadata. `type` stays 0 in this mode.

source  kafka.controller.AbstractControllerBrokerRequestBatch
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.controller.cluster_state import ClusterState
from pykafka_cli.model import BrokerId, LeaderEpoch, TopicPartition
from pykafka_cli.protocol.absence import or_minus_one
from pykafka_cli.protocol.inter_broker import (
    EPOCH_DURING_DELETE,
    LEADER_DURING_DELETE,
    NO_EPOCH,
    LeaderAndIsrLiveLeader,
    LeaderAndIsrPartitionState,
    LeaderAndIsrRequest,
    LeaderAndIsrResponse,
    LeaderAndIsrTopicState,
    StopReplicaPartitionState,
    StopReplicaRequest,
    StopReplicaResponse,
    StopReplicaTopicState,
    UpdateMetadataBroker,
    UpdateMetadataEndpoint,
    UpdateMetadataPartitionState,
    UpdateMetadataRequest,
    UpdateMetadataResponse,
    UpdateMetadataTopicState,
)
from pykafka_cli.zookeeper.kafka_znodes import SECURITY_PROTOCOLS, BrokerRegistration


class Channels(Protocol):
    """What a batch needs of BrokerChannels."""

    def send(self, broker_id: BrokerId, request: Any, on_answer: Callable[[Any], None]) -> None: ...


class Answers(Protocol):
    """Receives the brokers' responses."""

    def leader_and_isr_answered(self, broker_id: BrokerId, answer: LeaderAndIsrResponse) -> None: ...

    def update_metadata_answered(self, broker_id: BrokerId, answer: UpdateMetadataResponse) -> None: ...

    def deletions_answered(
        self, broker_id: BrokerId, error: ErrorCode, partitions: Mapping[TopicPartition, ErrorCode]
    ) -> None:
        """Only partitions that were to be deleted, of topics that are being deleted."""


@dataclass(slots=True)
class RequestBatch:
    """Requests of one step. Make one, add to it, send it, drop it."""

    controller_id: BrokerId
    state: ClusterState
    inter_broker_listener: str
    _to_lead_or_follow: dict[BrokerId, dict[TopicPartition, LeaderAndIsrPartitionState]] = field(default_factory=dict)
    _to_stop: dict[BrokerId, dict[TopicPartition, StopReplicaPartitionState]] = field(default_factory=dict)
    _to_update: dict[BrokerId, None] = field(default_factory=dict)
    _partition_states: dict[TopicPartition, UpdateMetadataPartitionState] = field(default_factory=dict)

    def lead_or_follow(self, brokers: Iterable[BrokerId], partition: TopicPartition, *, is_new: bool) -> None:
        """Send these brokers the partition's leadership, and every broker what clients need to know about it."""
        leadership = self.state.leaders[partition]
        assignment = self.state.assignment(partition)
        for broker in brokers:
            states = self._to_lead_or_follow.setdefault(broker, {})
            earlier = states.get(partition)
            states[partition] = LeaderAndIsrPartitionState(
                partition_index=partition.partition,
                controller_epoch=leadership.controller_epoch,
                leader=BrokerId(or_minus_one(leadership.leader)),
                leader_epoch=leadership.leader_epoch,
                isr=leadership.isr,
                partition_epoch=leadership.partition_epoch,
                replicas=assignment.replicas,
                adding_replicas=assignment.adding,
                removing_replicas=assignment.removing,
                is_new=is_new or (earlier is not None and earlier.is_new),
                leader_recovery_state=leadership.recovering,
            )
        self.update_metadata(self.state.brokers, [partition])

    def stop(self, broker: BrokerId, partition: TopicPartition, *, delete: bool) -> None:
        """Request that a broker stops its replica."""
        leadership = self.state.leaders.get(partition)
        if partition.topic in self.state.to_delete:
            epoch = EPOCH_DURING_DELETE
        else:
            epoch = leadership.leader_epoch if leadership else NO_EPOCH
        states = self._to_stop.setdefault(broker, {})
        earlier = states.get(partition)
        states[partition] = StopReplicaPartitionState(
            partition_index=partition.partition,
            leader_epoch=epoch,
            delete_partition=delete or (earlier is not None and earlier.delete_partition),
        )

    def update_metadata(self, brokers: Iterable[BrokerId], partitions: Iterable[TopicPartition] = ()) -> None:
        """Send these brokers the live brokers, and the state of these partitions (of those that have had a leader)."""
        self._to_update.update(dict.fromkeys(brokers))
        for partition in partitions:
            leadership = self.state.leaders.get(partition)
            if leadership is None:
                continue
            replicas = self.state.replicas(partition)
            update = UpdateMetadataPartitionState(
                partition_index=partition.partition,
                controller_epoch=leadership.controller_epoch,
                leader=BrokerId(or_minus_one(leadership.leader)),
                leader_epoch=leadership.leader_epoch,
                isr=leadership.isr,
                zk_version=leadership.partition_epoch,
                replicas=replicas,
                offline_replicas=tuple(r for r in replicas if not self.state.is_online(r, partition)),
            )
            if partition.topic in self.state.to_delete:
                update = replace(update, leader=LEADER_DURING_DELETE, leader_epoch=LeaderEpoch(0), zk_version=0)
            self._partition_states[partition] = update

    def send(self, channels: Channels, answers: Answers) -> None:
        """Queue all requests for live brokers; drop those for others."""
        for broker, states in self._to_lead_or_follow.items():
            if broker in self.state.brokers:
                channels.send(
                    broker, self._leader_and_isr(broker, states), _with(answers.leader_and_isr_answered, broker)
                )
        topics, brokers = self._topic_states(), self._live_brokers()
        for broker in self._to_update:
            if broker in self.state.brokers:
                request = UpdateMetadataRequest(
                    controller_id=self.controller_id,
                    controller_epoch=self.state.fence.epoch,
                    broker_epoch=self.state.brokers[broker].epoch,
                    topic_states=topics,
                    live_brokers=brokers,
                )
                channels.send(broker, request, _with(answers.update_metadata_answered, broker))
        for broker, stops in self._to_stop.items():
            if broker in self.state.brokers:
                channels.send(broker, self._stop_replica(broker, stops), self._when_stopped(broker, stops, answers))

    def _leader_and_isr(
        self, broker: BrokerId, states: Mapping[TopicPartition, LeaderAndIsrPartitionState]
    ) -> LeaderAndIsrRequest:
        leaders = {state.leader for state in states.values()}
        return LeaderAndIsrRequest(
            controller_id=self.controller_id,
            controller_epoch=self.state.fence.epoch,
            broker_epoch=self.state.brokers[broker].epoch,
            topic_states=tuple(
                LeaderAndIsrTopicState(
                    topic_name=topic, topic_id=self.state.topic_ids.get(topic), partition_states=partitions
                )
                for topic, partitions in _by_topic(states).items()
            ),
            live_leaders=tuple(
                LeaderAndIsrLiveLeader(broker_id=leader.id, host_name=endpoint.host, port=endpoint.port)
                for leader in self.state.brokers.values()
                if leader.id in leaders and (endpoint := leader.endpoint(self.inter_broker_listener))
            ),
        )

    def _topic_states(self) -> tuple[UpdateMetadataTopicState, ...]:
        return tuple(
            UpdateMetadataTopicState(
                topic_name=topic, topic_id=self.state.topic_ids.get(topic), partition_states=partitions
            )
            for topic, partitions in _by_topic(self._partition_states).items()
        )

    def _live_brokers(self) -> tuple[UpdateMetadataBroker, ...]:
        return tuple(_live_broker(broker) for broker in self.state.brokers.values())

    def _stop_replica(
        self, broker: BrokerId, states: Mapping[TopicPartition, StopReplicaPartitionState]
    ) -> StopReplicaRequest:
        return StopReplicaRequest(
            controller_id=self.controller_id,
            controller_epoch=self.state.fence.epoch,
            broker_epoch=self.state.brokers[broker].epoch,
            topic_states=tuple(
                StopReplicaTopicState(topic_name=topic, partition_states=partitions)
                for topic, partitions in _by_topic(states).items()
            ),
        )

    def _when_stopped(
        self, broker: BrokerId, states: Mapping[TopicPartition, StopReplicaPartitionState], answers: Answers
    ) -> Callable[[StopReplicaResponse], None]:
        def answered(answer: StopReplicaResponse) -> None:
            outcomes = {TopicPartition(e.topic_name, e.partition_index): e.error_code for e in answer.partition_errors}
            if answer.error_code:  # rejected whole: nothing was deleted, whether named or not
                outcomes = dict.fromkeys(states, answer.error_code)
            deletions = {
                partition: error
                for partition, error in outcomes.items()
                if partition in states
                and states[partition].delete_partition
                and partition.topic in self.state.to_delete
            }
            if deletions:
                answers.deletions_answered(broker, answer.error_code, deletions)

        return answered


def _with(function: Callable[[BrokerId, Any], None], broker: BrokerId) -> Callable[[Any], None]:
    return lambda answer: function(broker, answer)


def _by_topic(states: Mapping[TopicPartition, Any]) -> dict[str, tuple[Any, ...]]:
    topics: dict[str, list[Any]] = {}
    for partition, state in states.items():
        topics.setdefault(partition.topic, []).append(state)
    return {topic: tuple(partitions) for topic, partitions in topics.items()}


def _live_broker(broker: BrokerRegistration) -> UpdateMetadataBroker:
    return UpdateMetadataBroker(
        id=broker.id,
        endpoints=tuple(
            UpdateMetadataEndpoint(
                port=endpoint.port,
                host=endpoint.host,
                listener=endpoint.listener,
                security_protocol=SECURITY_PROTOCOLS.index(endpoint.security_protocol),
            )
            for endpoint in broker.endpoints
        ),
        rack=broker.rack,
    )
