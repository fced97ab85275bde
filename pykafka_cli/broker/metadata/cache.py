"""The cluster's metadata, as the controller last sent them by UpdateMetadata: brokers, topics, leaders.

Every response to a client comes from here, never from ZooKeeper: all brokers are then consistent, one step behind
the controller. Each request replaces the brokers whole and the partitions one by one; leader LEADER_DURING_DELETE takes
a partition out.

source  kafka.server.metadata.ZkMetadataCache
"""

import uuid
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from pykafka_cli.broker.errors import StaleControllerEpoch
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.model import BrokerId, TopicPartition
from pykafka_cli.protocol.inter_broker import (
    LEADER_DURING_DELETE,
    UpdateMetadataPartitionState,
    UpdateMetadataRequest,
)
from pykafka_cli.zookeeper.kafka_znodes import SECURITY_PROTOCOLS, BrokerRegistration, Endpoint


class TopicChanged(NamedTuple):
    """The waiting room's key for changes of a topic."""

    topic: str


BROKERS_CHANGED = "brokers changed"
"""The waiting room's key for brokers that join or leave."""


class MetadataCache:
    """Brokers and partitions of the cluster. Only `apply` changes it, in one step of the loop.

    answers   responses by request, kept until something changes
    """

    def __init__(self, waiting: WaitingRoom, cluster_id: str = "") -> None:
        self.cluster_id = cluster_id
        self.controller_id: BrokerId | None = None
        self.controller_epoch = 0
        self.answers: dict[Hashable, Any] = {}
        self._waiting = waiting
        self._brokers: dict[BrokerId, BrokerRegistration] = {}
        self._topics: dict[str, dict[int, UpdateMetadataPartitionState]] = {}
        self._ids: dict[str, uuid.UUID] = {}
        self._names: dict[uuid.UUID, str] = {}

    def apply(self, request: UpdateMetadataRequest) -> list[TopicPartition]:
        """Take over what the controller says; returns the partitions that are gone.

        raises  StaleControllerEpoch if a newer controller has sent one before
        """
        if request.controller_epoch < self.controller_epoch:
            raise StaleControllerEpoch(
                f"UpdateMetadata of controller {request.controller_id} with epoch {request.controller_epoch}: "
                f"the newest known is {self.controller_epoch}"
            )
        self.answers.clear()
        self.controller_epoch = request.controller_epoch
        self.controller_id = request.controller_id if request.controller_id >= 0 else None
        self._brokers = {
            broker.id: BrokerRegistration(
                broker.id,
                tuple(
                    Endpoint(e.listener, SECURITY_PROTOCOLS[e.security_protocol], e.host, e.port)
                    for e in broker.endpoints
                ),
                broker.rack,
            )
            for broker in request.live_brokers
        }
        gone = []
        for topic in request.topic_states:
            for state in topic.partition_states:
                partition = TopicPartition(topic.topic_name, state.partition_index)
                if state.leader == LEADER_DURING_DELETE:
                    self._forget(partition)
                    gone.append(partition)
                else:
                    self._topics.setdefault(topic.topic_name, {})[state.partition_index] = state
                    self._remember_id(topic.topic_name, topic.topic_id)
        self._waiting.notify(BROKERS_CHANGED)
        for topic in request.topic_states:
            self._waiting.notify(TopicChanged(topic.topic_name))
        return gone

    def _forget(self, partition: TopicPartition) -> None:
        partitions = self._topics.get(partition.topic)
        if partitions is None:
            return
        partitions.pop(partition.partition, None)
        if not partitions:
            del self._topics[partition.topic]
            if topic_id := self._ids.pop(partition.topic, None):
                self._names.pop(topic_id, None)

    def _remember_id(self, topic: str, topic_id: uuid.UUID | None) -> None:
        if topic_id is None or self._ids.get(topic) == topic_id:
            return
        self._names.pop(self._ids.get(topic, topic_id), None)  # a topic that is created again has a new id
        self._ids[topic] = topic_id
        self._names[topic_id] = topic

    def topics(self) -> list[str]:
        """Names of all topics, in no order."""
        return list(self._topics)

    def __contains__(self, topic: str) -> bool:
        return topic in self._topics

    def topic_id(self, topic: str) -> uuid.UUID | None:
        return self._ids.get(topic)

    def topic_name(self, topic_id: uuid.UUID) -> str | None:
        return self._names.get(topic_id)

    def partitions(self, topic: str) -> Mapping[int, UpdateMetadataPartitionState]:
        """The topic's partitions by number; empty if there is no such topic."""
        return self._topics.get(topic, {})

    def partition_count(self, topic: str) -> int:
        return len(self._topics.get(topic, ()))

    def partition_state(self, partition: TopicPartition) -> UpdateMetadataPartitionState | None:
        return self._topics.get(partition.topic, {}).get(partition.partition)

    def brokers(self) -> list[BrokerRegistration]:
        """All live brokers, by id."""
        return [self._brokers[broker] for broker in sorted(self._brokers)]

    def is_alive(self, broker: BrokerId) -> bool:
        return broker in self._brokers

    def alive_brokers(self, listener: str) -> dict[BrokerId, Endpoint]:
        """Where live brokers are reached through this listener; those without it are left out."""
        return {broker.id: endpoint for broker in self.brokers() if (endpoint := broker.endpoint(listener)) is not None}

    def endpoint(self, broker: BrokerId, listener: str) -> Endpoint | None:
        """Where one broker is reached through this listener; None if it is not alive or has no such listener."""
        registration = self._brokers.get(broker)
        return registration.endpoint(listener) if registration else None

    def rack(self, broker: BrokerId) -> str | None:
        registration = self._brokers.get(broker)
        return registration.rack if registration else None

    def has_leaders(self, partitions: Iterable[TopicPartition]) -> bool:
        """Whether each of these partitions is known with a leader."""
        return all((state := self.partition_state(tp)) is not None and state.leader >= 0 for tp in partitions)
