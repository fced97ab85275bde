"""Plain nouns shared by all layers; no behavior beyond what a noun can say of itself."""

import base64
import uuid
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, NewType, Protocol

if TYPE_CHECKING:  # the types of kio's messages; at run time a name will do, for to import them takes longer than help
    from kio.schema.types import BrokerId as BrokerId
    from kio.schema.types import ProducerId as ProducerId
else:
    BrokerId = NewType("BrokerId", int)
    ProducerId = NewType("ProducerId", int)

ProducerEpoch = NewType("ProducerEpoch", int)
"""Grows each time the transactional id of a producer is initialized, which fences its predecessors."""

LeaderEpoch = NewType("LeaderEpoch", int)
"""Grows each time a partition gets a leader."""

ControllerEpoch = NewType("ControllerEpoch", int)
"""Grows each time the cluster gets a controller."""

BrokerEpoch = NewType("BrokerEpoch", int)
"""The zxid under which a broker registered itself, and so one of each of its runs."""

PartitionEpoch = NewType("PartitionEpoch", int)
"""Grows each time the leader, the ISR or the replicas of a partition change: the version of its state znode."""

FIRST_PARTITION_EPOCH = PartitionEpoch(0)

CoordinatorEpoch = NewType("CoordinatorEpoch", int)
"""Grows each time the partition of a transaction coordinator gets a leader."""

Offset = NewType("Offset", int)
"""The offset of a record in a partition (docs/decisions/0012-quantities.md). A difference of two is a plain number."""

Timestamp = NewType("Timestamp", int)
"""A moment: milliseconds since the epoch. The difference of two is a plain number."""

Milliseconds = NewType("Milliseconds", int)
"""How long, as configs and the protocol have it."""

Seconds = NewType("Seconds", float)
"""How long, as the event loop has it. A moment on the monotonic clock is a `float`."""

NO_TIME = Seconds(0.0)

FIRST_OFFSET = Offset(0)

NO_OFFSET = Offset(-1)
"""How the protocol and files say that there is none; in pk it is None."""

UNKNOWN_BROKER_EPOCH = BrokerEpoch(-1)
"""The epoch in a message if it does not matter or is unknown; elsewhere it is None."""

CONSUMER_REPLICA_ID, DEBUGGING_REPLICA_ID = BrokerId(-1), BrokerId(-2)
"""Who asks in Fetch and ListOffsets if it is not a follower; -2 may see what is above the high watermark."""

NO_GENERATION = -1
"""Sent by a client that is in no generation of its group: JoinGroupRequest.UNKNOWN_GENERATION_ID."""


def in_seconds(milliseconds: int) -> Seconds:
    return Seconds(milliseconds / 1000)


class OffsetSpec(IntEnum):
    """A value that ListOffsets accepts in place of a timestamp, and the version of the API that introduced it."""

    first_version: int

    def __new__(cls, timestamp: int, first_version: int) -> "OffsetSpec":
        self = int.__new__(cls, timestamp)
        self._value_ = timestamp
        self.first_version = first_version
        return self

    LATEST = -1, 0  # the end that the asker may see
    EARLIEST = -2, 0  # the log start
    MAX_TIMESTAMP = -3, 7  # the first record that has the largest timestamp (KIP-734)
    EARLIEST_LOCAL = -4, 8  # the first offset on local disk (KIP-405)
    LATEST_TIERED = -5, 9  # the last offset in tiered storage (KIP-1005)


class ConfigResourceType(IntEnum):
    """Resources that have configs: org.apache.kafka.common.config.ConfigResource.Type."""

    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


class AlterConfigOp(IntEnum):
    """A change of a config: AlterConfigOp.OpType of Kafka. APPEND and SUBTRACT are for lists."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


class TopicPartition(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


def partitions_by_topic(partitions: Iterable[TopicPartition]) -> dict[str, list[int]]:
    """Indexes of partitions by topic, which is how most messages name them; both in the order given."""
    grouped: dict[str, list[int]] = {}
    for topic, partition in partitions:
        grouped.setdefault(topic, []).append(partition)
    return grouped


class ProducerIdAndEpoch(NamedTuple):
    """The identity of an idempotent producer: brokers drop what they already have under id, epoch and sequence."""

    producer_id: ProducerId
    producer_epoch: ProducerEpoch


class ConsumedRecord(Protocol):
    """The interface of a consumed record in any format; aiokafka's compiled records have it."""

    @property
    def offset(self) -> Offset: ...
    @property
    def timestamp(self) -> Timestamp | None: ...
    @property
    def timestamp_type(self) -> int | None:
        """0 CreateTime, 1 LogAppendTime, None in the oldest format."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class Broker(NamedTuple):
    """A broker that is alive, at one of its addresses."""

    id: BrokerId
    host: str
    port: int
    rack: str | None


class Endpoint(NamedTuple):
    """Where a node can be reached; `kind` is broker or controller. A fenced broker does not serve now."""

    id: BrokerId
    host: str
    port: int
    rack: str | None
    is_fenced: bool
    kind: str


class TopicListing(NamedTuple):
    """A topic as a list shows it. The id is None where the cluster gives its topics none."""

    topic: str
    topic_id: uuid.UUID | None
    is_internal: bool
    partition_count: int
    replication_factor: int


class PartitionDescription(NamedTuple):
    """Where one partition is. Replicas are in the order of assignment, the preferred leader first."""

    partition: int
    leader: BrokerId | None
    replicas: tuple[BrokerId, ...]
    isr: tuple[BrokerId, ...]
    adding_replicas: tuple[BrokerId, ...] | None = None
    removing_replicas: tuple[BrokerId, ...] | None = None
    """Both None unless the partition is being reassigned."""
    elr: tuple[BrokerId, ...] | None = None
    last_known_elr: tuple[BrokerId, ...] | None = None
    """Eligible leader replicas (KIP-966); None where the cluster does not say."""

    @property
    def replication_factor(self) -> int:
        """Replicas, less those that a reassignment has yet to bring in sync and still may give up."""
        changing = {*(self.adding_replicas or ()), *(self.removing_replicas or ())}
        in_progress = not changing.isdisjoint(self.replicas)
        return len(self.replicas) - len(self.adding_replicas or ()) if in_progress else len(self.replicas)


class Reassignment(NamedTuple):
    """A reassignment in progress; `replicas` are all replicas during it."""

    replicas: tuple[BrokerId, ...]
    adding: tuple[BrokerId, ...]
    removing: tuple[BrokerId, ...]


class ReplicaPlace(NamedTuple):
    """The log directory that holds a replica (None: no live one), and the one it is being moved to (None: none)."""

    current: str | None
    future: str | None


class ConfigSynonym(NamedTuple):
    """One place that an entry's value could come from."""

    name: str
    value: str | None
    source: str


class ConfigEntry(NamedTuple):
    """One setting of a topic, broker or group; `source` is a name of Kafka's ConfigSource, such as DEFAULT_CONFIG."""

    name: str
    value: str | None
    source: str
    is_sensitive: bool = False
    is_read_only: bool = False
    synonyms: tuple[ConfigSynonym, ...] = ()

    @property
    def is_default(self) -> bool:
        """Whether it is Kafka's own default: a value from server.properties is none."""
        return self.source == "DEFAULT_CONFIG"


class ReplicaRecords(NamedTuple):
    """A partition's log on one broker, from some offset on; empty if the broker did not report it."""

    high_watermark: Offset | None = None
    batches: bytes = b""


class TopicDescription(NamedTuple):
    """A topic with its partitions, in their order, and those settings that are not Kafka's defaults."""

    topic: str
    topic_id: uuid.UUID | None
    partitions: tuple[PartitionDescription, ...]
    is_internal: bool = False
    configs: tuple[ConfigEntry, ...] = ()
    is_marked_for_deletion: bool = False


class GroupListing(NamedTuple):
    """A group as a list shows it; type and state are Kafka's words, Unknown where the cluster does not say."""

    group: str
    type: str
    state: str
    protocol: str = "consumer"


class MemberDescription(NamedTuple):
    """One member of a group. `instance_id` names a static member; `host` is as the broker says, `/127.0.0.1`."""

    member_id: str
    instance_id: str | None
    client_id: str
    host: str
    assignment: tuple[TopicPartition, ...]
    epoch: int | None = None
    target: tuple[TopicPartition, ...] | None = None
    """The member's target assignment. None, like the epoch, in a group of the classic protocol."""


class GroupDescription(NamedTuple):
    """A group with its members and the broker that coordinates it. An unknown group has state Dead, and may have none.

    The epochs are None in a group of the classic protocol.
    """

    group: str
    state: str
    assignor: str
    coordinator: Broker | None
    members: tuple[MemberDescription, ...]
    epoch: int | None = None
    target_epoch: int | None = None


class GroupLag(NamedTuple):
    """How far a group is in one partition, and who reads it; None where that is not known, or nobody does."""

    group: str
    partition: TopicPartition
    current_offset: Offset | None
    log_end_offset: Offset | None
    member: MemberDescription | None
    leader_epoch: LeaderEpoch | None = None
    """The leader epoch of the last record before the committed offset."""

    @property
    def lag(self) -> int | None:
        """Records that are still to be read."""
        if self.current_offset is None or self.log_end_offset is None:
            return None
        return self.log_end_offset - self.current_offset


class ShareOffset(NamedTuple):
    """How far a share group is in a partition; None where it has not read yet, or the cluster does not say."""

    partition: TopicPartition
    start: Offset | None
    lag: int | None
    leader_epoch: LeaderEpoch | None


class StreamsTasks(NamedTuple):
    """Tasks of a Kafka Streams member: partitions by subtopology."""

    active: Mapping[str, tuple[int, ...]]
    standby: Mapping[str, tuple[int, ...]]
    warmup: Mapping[str, tuple[int, ...]]


class StreamsMember(NamedTuple):
    """One member of a streams group (KIP-1071); a classic one has not been upgraded to that protocol yet."""

    member_id: str
    process_id: str
    client_id: str
    epoch: int
    topology_epoch: int
    is_classic: bool
    tasks: StreamsTasks
    target: StreamsTasks


class StreamsGroup(NamedTuple):
    """A streams group. `topics` are those that the topology reads, internal ones included."""

    group: str
    state: str
    coordinator: Broker
    epoch: int
    target_epoch: int
    topics: tuple[str, ...]
    input_topics: tuple[str, ...]
    members: tuple[StreamsMember, ...]


class StreamsOffset(NamedTuple):
    """How far a streams group is in a partition; `current` is None where nothing has been committed."""

    partition: TopicPartition
    current: Offset | None
    leader_epoch: LeaderEpoch | None
    log_end: Offset
    lag: int


class TransactionListing(NamedTuple):
    """A transactional id as a list shows it, with the broker that coordinates it."""

    transactional_id: str
    coordinator: BrokerId
    producer_id: ProducerId
    state: str


class TransactionDescription(NamedTuple):
    """All that its coordinator knows of a transactional id. `start_ms` is None unless a transaction is open."""

    coordinator: BrokerId
    transactional_id: str
    producer_id: ProducerId
    producer_epoch: ProducerEpoch
    state: str
    timeout_ms: int
    start_ms: Timestamp | None
    partitions: tuple[TopicPartition, ...]


class ProducerState(NamedTuple):
    """The state of one producer in a partition. The coordinator's epoch and the start are None if there is none."""

    producer_id: ProducerId
    producer_epoch: ProducerEpoch
    coordinator_epoch: CoordinatorEpoch | None
    last_sequence: int
    last_timestamp: Timestamp
    transaction_start: int | None


class OpenTransaction(NamedTuple):
    """A transaction as one partition has it."""

    partition: TopicPartition
    producer: ProducerState

    def minutes(self, now_ms: Timestamp) -> int:
        """Since the producer's last record, as Java's TimeUnit has it: cut off toward zero."""
        return int((now_ms - self.producer.last_timestamp) / 60_000)


class AbortSpec(NamedTuple):
    """The fields with which a broker aborts a transaction in one partition."""

    partition: TopicPartition
    producer_id: ProducerId
    producer_epoch: ProducerEpoch
    coordinator_epoch: CoordinatorEpoch

    def __str__(self) -> str:
        return (
            f"AbortTransactionSpec(topicPartition={self.partition}, producerId={self.producer_id}, "
            f"producerEpoch={self.producer_epoch}, coordinatorEpoch={self.coordinator_epoch})"
        )


class UpgradeType(IntEnum):
    """How far the update of a feature may go: FeatureUpdate.UpgradeType of Kafka's admin client."""

    UPGRADE = 1
    SAFE_DOWNGRADE = 2
    UNSAFE_DOWNGRADE = 3


class Feature(NamedTuple):
    """One feature with the levels that brokers support and the one that the cluster has agreed on (0: off)."""

    name: str
    min_level: int
    max_level: int
    finalized_level: int


class Features(NamedTuple):
    """All that brokers support, by name; the epoch grows with each agreement and is None where there was none yet."""

    features: list[Feature]
    epoch: int | None


class QuorumReplica(NamedTuple):
    """A controller or broker that keeps the metadata log; times in milliseconds since the epoch."""

    id: BrokerId
    directory_id: uuid.UUID | None
    log_end: Offset
    last_fetch_ms: Timestamp | None
    last_caught_up_ms: Timestamp | None


class Quorum(NamedTuple):
    """The KRaft quorum. `endpoints` of a node are NAME://HOST:PORT; a quorum of fixed voters has none."""

    cluster_id: str | None
    leader: BrokerId
    leader_epoch: LeaderEpoch
    high_watermark: Offset
    voters: tuple[QuorumReplica, ...]
    observers: tuple[QuorumReplica, ...]
    endpoints: Mapping[BrokerId, tuple[str, ...]]

    @property
    def replicas(self) -> tuple[QuorumReplica, ...]:
        return (*self.voters, *self.observers)

    @property
    def leader_replica(self) -> QuorumReplica:
        """The leader's own place; all are at its end where it is not among the voters."""
        found = [each for each in self.voters if each.id == self.leader]
        return found[0] if found else QuorumReplica(self.leader, None, self.high_watermark, None, None)


def base64_id(value: uuid.UUID) -> str:
    """A topic's id as Kafka writes it: 22 characters of base64 for URLs."""
    return base64.urlsafe_b64encode(value.bytes).decode().rstrip("=")
