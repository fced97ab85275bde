"""The active controller's view of the cluster: brokers, assignments, leaders, and their states.

Read from ZooKeeper when it is elected, kept up to date by its own writes, forgotten when it resigns. Pure memory: asks
nobody, decides nothing.

source  kafka.controller.ControllerContext
"""

import logging
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from pykafka_cli.broker.controller import partition_states, replica_states
from pykafka_cli.broker.controller.partition_states import PartitionStatus
from pykafka_cli.broker.controller.replica_states import ReplicaStatus
from pykafka_cli.broker.metadata.fenced_writes import Fence
from pykafka_cli.model import BrokerId, TopicPartition
from pykafka_cli.zookeeper.kafka_znodes import BrokerRegistration
from pykafka_cli.zookeeper.topic_znodes import PartitionState, ReplicaAssignment, TopicAssignment

_log = logging.getLogger(__name__)

NO_ASSIGNMENT = ReplicaAssignment(())


class Replica(NamedTuple):
    """One copy of a partition, on one broker."""

    partition: TopicPartition
    broker: BrokerId

    @property
    def topic(self) -> str:
        return self.partition.topic

    def __str__(self) -> str:
        return f"{self.partition} on broker {self.broker}"


class ClusterState:
    """
    brokers            those that are registered, with the ones in `stopping`
    stopping           brokers that have requested a controlled shutdown and are still there
    offline_dirs       partitions that a broker has lost with a log directory
    leaders            each partition's state znode, as last written or read
    to_delete          topics that are to be deleted; `deletion_begun` are those whose partitions are gone already,
                       `deletion_halted` those that cannot continue for now
    reassigning        partitions that are being moved
    """

    def __init__(self, fence: Fence) -> None:
        self.fence = fence
        self.brokers: dict[BrokerId, BrokerRegistration] = {}
        self.stopping: set[BrokerId] = set()
        self.offline_dirs: dict[BrokerId, set[TopicPartition]] = {}
        self.assignments: dict[str, dict[int, ReplicaAssignment]] = {}
        self.topic_ids: dict[str, uuid.UUID] = {}
        self.topic_names: dict[uuid.UUID, str] = {}
        self.leaders: dict[TopicPartition, PartitionState] = {}
        self.partition_status: dict[TopicPartition, PartitionStatus] = {}
        self.replica_status: dict[Replica, ReplicaStatus] = {}
        self.to_delete: set[str] = set()
        self.deletion_begun: set[str] = set()
        self.deletion_halted: set[str] = set()
        self.reassigning: set[TopicPartition] = set()

    # ---- brokers

    @property
    def live(self) -> set[BrokerId]:
        """Brokers that may be made leaders."""
        return self.brokers.keys() - self.stopping

    def is_online(self, broker: BrokerId | None, partition: TopicPartition, *, even_stopping: bool = False) -> bool:
        """Whether the broker, if there is one, is alive and has not lost this partition's directory."""
        if broker is None:
            return False
        alive = broker in self.brokers and (even_stopping or broker not in self.stopping)
        return alive and partition not in self.offline_dirs.get(broker, ())

    def online(
        self, replicas: Iterable[BrokerId], partition: TopicPartition, *, even_stopping: bool = False
    ) -> tuple[BrokerId, ...]:
        return tuple(broker for broker in replicas if self.is_online(broker, partition, even_stopping=even_stopping))

    def counts(self) -> dict[str, tuple[str, int]]:
        """For metrics, by name: what it is, and how many.

        source    kafka.controller.KafkaController
        """
        leaders = [(partition, state.leader) for partition, state in self.leaders.items()]
        offline = sum(not self.is_online(leader, partition) for partition, leader in leaders)
        elsewhere = sum((leader,) != self.replicas(partition)[:1] for partition, leader in leaders)
        return {
            "activebrokercount": ("Brokers that are registered.", len(self.brokers)),
            "globaltopiccount": ("Topics of the cluster.", len(self.assignments)),
            "globalpartitioncount": ("Partitions of the cluster.", sum(map(len, self.assignments.values()))),
            "offlinepartitionscount": ("Partitions without a leader that is alive.", offline),
            "preferredreplicaimbalancecount": ("Partitions whose leader is not their first replica.", elsewhere),
            "topicstodeletecount": ("Topics that are being deleted.", len(self.to_delete)),
        }

    # ---- topics and partitions

    def add_topic(self, topic: str, assignment: TopicAssignment) -> None:
        if assignment.topic_id is not None:
            self.topic_ids[topic] = assignment.topic_id
            self.topic_names[assignment.topic_id] = topic
        self.assignments[topic] = dict(assignment.partitions)

    def remove_topics(self, topics: Collection[str]) -> None:
        """Forget everything about these topics."""
        if not topics:
            return
        gone = set(topics)
        for partition in (partition for topic in gone for partition in self.partitions_of(topic)):
            self.leaders.pop(partition, None)
            self.partition_status.pop(partition, None)
            self.reassigning.discard(partition)
        # One pass for all: a cluster may have thousands of topics, and tens of thousands of replicas.
        for replica in [replica for replica in self.replica_status if replica.topic in gone]:
            del self.replica_status[replica]
        for marked in (self.to_delete, self.deletion_begun, self.deletion_halted):
            marked -= gone
        for topic in gone:
            self.assignments.pop(topic, None)
            if topic_id := self.topic_ids.pop(topic, None):
                self.topic_names.pop(topic_id, None)

    def assignment(self, partition: TopicPartition) -> ReplicaAssignment:
        """NO_ASSIGNMENT for a partition that does not exist."""
        return self.assignments.get(partition.topic, {}).get(partition.partition, NO_ASSIGNMENT)

    def set_assignment(self, partition: TopicPartition, assignment: ReplicaAssignment) -> None:
        self.assignments.setdefault(partition.topic, {})[partition.partition] = assignment

    def topic_assignment(self, topic: str) -> TopicAssignment:
        """In the form in which ZooKeeper has it."""
        return TopicAssignment(dict(self.assignments[topic]), self.topic_ids.get(topic))

    def replicas(self, partition: TopicPartition) -> tuple[BrokerId, ...]:
        return self.assignment(partition).replicas

    def all_partitions(self) -> Iterator[TopicPartition]:
        for topic, partitions in self.assignments.items():
            for number in partitions:
                yield TopicPartition(topic, number)

    def partitions_of(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in self.assignments.get(topic, ())]

    def partitions_on(self, broker: BrokerId) -> list[TopicPartition]:
        return [partition for partition in self.all_partitions() if broker in self.replicas(partition)]

    def restarted_since(self, written: Mapping[TopicPartition, int]) -> list[BrokerId]:
        """Brokers that have registered since a partition's state was written in which they are in sync, while another
        broker in sync has not. What they have may end before what was acknowledged, if they lost power meanwhile.

        written    the zxid of each state; it grows with time, as broker epochs do, which are zxids as well
        """
        found = set()
        for partition, zxid in written.items():
            in_sync = self.online(self.leaders[partition].isr, partition)
            restarted = {broker for broker in in_sync if self.brokers[broker].epoch > zxid}
            if len(restarted) < len(in_sync):
                found |= restarted
        return sorted(found)

    def led_by(self, broker: BrokerId) -> list[TopicPartition]:
        """Partitions that this broker leads and another could: of several replicas, and not about to be deleted."""
        return [
            partition
            for partition, state in self.leaders.items()
            if state.leader == broker and partition.topic not in self.to_delete and len(self.replicas(partition)) > 1
        ]

    def without_live_leader(self) -> list[TopicPartition]:
        return [
            partition
            for partition, state in self.leaders.items()
            if not self.is_online(state.leader, partition) and partition.topic not in self.to_delete
        ]

    def replicas_of(self, partitions: Iterable[TopicPartition]) -> list[Replica]:
        return [Replica(partition, broker) for partition in partitions for broker in self.replicas(partition)]

    def replicas_on(self, brokers: Collection[BrokerId]) -> list[Replica]:
        return [replica for replica in self.replicas_of(self.all_partitions()) if replica.broker in brokers]

    # ---- states

    def partitions_with(self, *status: PartitionStatus) -> list[TopicPartition]:
        return [partition for partition, current in self.partition_status.items() if current in status]

    def replicas_with(self, topic: str, status: ReplicaStatus) -> list[Replica]:
        return [
            replica
            for replica in self.replicas_of(self.partitions_of(topic))
            if self.replica_status.get(replica) is status
        ]

    def movable_partitions(self, partitions: Iterable[TopicPartition], target: PartitionStatus) -> list[TopicPartition]:
        """The partitions that may move to `target`. Others are a bug: they are logged as errors, and left unchanged."""
        movable = []
        for partition in partitions:
            current = self.partition_status.setdefault(partition, PartitionStatus.NON_EXISTENT)
            if current in partition_states.REACHED_FROM[target]:
                movable.append(partition)
            else:
                _log.error("partition %s cannot become %s: it is %s", partition, target.value, current.value)
        return movable

    def movable_replicas(self, replicas: Iterable[Replica], target: ReplicaStatus) -> list[Replica]:
        """The replicas that may move to `target`, as `movable_partitions` does."""
        movable = []
        for replica in replicas:
            current = self.replica_status.setdefault(replica, ReplicaStatus.NON_EXISTENT)
            if current in replica_states.REACHED_FROM[target]:
                movable.append(replica)
            else:
                _log.error("replica %s cannot become %s: it is %s", replica, target.value, current.value)
        return movable
