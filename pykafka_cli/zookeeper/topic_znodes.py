"""The znodes of topics and partitions, and those that request changes of them; kafka_znodes.py lists them all.

source  kafka.zk.ZkData of Apache Kafka 3.9
"""

import base64
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pykafka_cli.model import (
    FIRST_PARTITION_EPOCH,
    BrokerId,
    ControllerEpoch,
    LeaderEpoch,
    PartitionEpoch,
    TopicPartition,
)
from pykafka_cli.protocol.absence import known_broker, or_minus_one
from pykafka_cli.zookeeper.kafka_znodes import DELETE_TOPICS, REASSIGN_PARTITIONS, TOPICS
from pykafka_cli.zookeeper.znode_data import BadZnode, base64_text, decoded, encoded

# ---- topics


@dataclass(frozen=True, slots=True)
class ReplicaAssignment:
    """Replicas of one partition, preferred leader first.

    During a reassignment (KIP-455), `replicas` has the target replicas, then those to remove; `adding` and `removing`
    are the new ones among them and those to remove.
    """

    replicas: tuple[BrokerId, ...]
    adding: tuple[BrokerId, ...] = ()
    removing: tuple[BrokerId, ...] = ()

    @property
    def is_being_reassigned(self) -> bool:
        return bool(self.adding or self.removing)

    @property
    def target(self) -> tuple[BrokerId, ...]:
        """The replicas after the reassignment."""
        return tuple(replica for replica in self.replicas if replica not in self.removing)

    @property
    def origin(self) -> tuple[BrokerId, ...]:
        """The replicas before the reassignment."""
        return tuple(replica for replica in self.replicas if replica not in self.adding)

    def reassign_to(self, target: Iterable[BrokerId]) -> "ReplicaAssignment":
        """The assignment during a reassignment to `target`, without replicas that an earlier one was adding."""
        target = tuple(target)
        return ReplicaAssignment(
            tuple(dict.fromkeys((*target, *self.origin))),
            tuple(replica for replica in dict.fromkeys(target) if replica not in self.origin),
            tuple(replica for replica in self.origin if replica not in target),
        )

    def without(self, replica: BrokerId) -> "ReplicaAssignment":
        """The assignment without `replica`."""
        keep = [tuple(r for r in part if r != replica) for part in (self.replicas, self.adding, self.removing)]
        return ReplicaAssignment(*keep)


@dataclass(frozen=True, slots=True)
class TopicAssignment:
    """The content of /brokers/topics/T. `topic_id` is None for topics of brokers before 2.8."""

    partitions: Mapping[int, ReplicaAssignment]
    topic_id: uuid.UUID | None = None


def topic_path(topic: str) -> str:
    return f"{TOPICS}/{topic}"


def new_topic_id() -> uuid.UUID:
    """A random id whose text does not begin with a dash, which a command line would take for an option."""
    while True:
        topic_id = uuid.uuid4()
        if not base64_text(topic_id).startswith("-"):
            return topic_id


def encode_topic(topic: TopicAssignment) -> bytes:
    partitions = sorted(topic.partitions.items())
    value: dict[str, object] = {"partitions": {str(p): assignment.replicas for p, assignment in partitions}}
    if topic.topic_id is not None:
        value["topic_id"] = base64_text(topic.topic_id)
    return encoded(
        value
        | {
            "adding_replicas": {str(p): assignment.adding for p, assignment in partitions if assignment.adding},
            "removing_replicas": {str(p): assignment.removing for p, assignment in partitions if assignment.removing},
            "version": 3,
        }
    )


def decode_topic(topic: str, data: bytes | None) -> TopicAssignment:
    """Versions 1 (replicas only) to 3."""
    value = decoded(topic_path(topic), data)
    adding, removing = value.get("adding_replicas") or {}, value.get("removing_replicas") or {}
    try:
        partitions = {
            int(p): ReplicaAssignment(
                *(tuple(map(_broker_id, part)) for part in (replicas, adding.get(p, ()), removing.get(p, ())))
            )
            for p, replicas in value["partitions"].items()
        }
        topic_id = value.get("topic_id")
        decoded_id = uuid.UUID(bytes=base64.urlsafe_b64decode(topic_id + "==")) if topic_id else None
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadZnode(f"{topic_path(topic)} is not a replica assignment: {data!r} ({error!r})") from None
    return TopicAssignment(dict(sorted(partitions.items())), decoded_id)


@dataclass(frozen=True, slots=True)
class PartitionState:
    """Leadership of one partition. `partition_epoch` is the znode's version; it is not in the data.

    invariant   the leader is in the ISR, or there is none
    recovering  1 after an unclean election until the leader reports that it has recovered (KIP-704), else 0
    """

    leader: BrokerId | None
    leader_epoch: LeaderEpoch
    isr: tuple[BrokerId, ...]
    controller_epoch: ControllerEpoch
    recovering: int = 0
    partition_epoch: PartitionEpoch = FIRST_PARTITION_EPOCH


def partitions_path(topic: str) -> str:
    return f"{TOPICS}/{topic}/partitions"


def partition_path(partition: TopicPartition) -> str:
    return f"{TOPICS}/{partition.topic}/partitions/{partition.partition}"


def partition_state_path(partition: TopicPartition) -> str:
    return f"{partition_path(partition)}/state"


def encode_partition_state(state: PartitionState) -> bytes:
    value: dict[str, object] = {
        "controller_epoch": state.controller_epoch,
        "leader": or_minus_one(state.leader),
        "version": 1,
    }
    if state.recovering:
        value["leader_recovery_state"] = state.recovering
    return encoded(value | {"leader_epoch": state.leader_epoch, "isr": state.isr})


def decode_partition_state(partition: TopicPartition, data: bytes | None, version: int) -> PartitionState:
    value = decoded(partition_state_path(partition), data)
    try:
        return PartitionState(
            known_broker(int(value["leader"])),
            LeaderEpoch(int(value["leader_epoch"])),
            tuple(map(_broker_id, value["isr"])),
            ControllerEpoch(int(value["controller_epoch"])),
            int(value.get("leader_recovery_state", 0)),
            PartitionEpoch(version),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadZnode(f"{partition_state_path(partition)} is not a partition's state: {data!r} ({error!r})") from None


def _broker_id(value: Any) -> BrokerId:
    return BrokerId(int(value))


# ---- requests by znode


def encode_reassignment(wanted: Mapping[TopicPartition, Iterable[BrokerId]]) -> bytes:
    partitions = [
        {"topic": tp.topic, "partition": tp.partition, "replicas": list(replicas)} for tp, replicas in wanted.items()
    ]
    return encoded({"version": 1, "partitions": partitions})


def decode_reassignment(data: bytes | None) -> dict[TopicPartition, tuple[BrokerId, ...]]:
    try:
        return {
            TopicPartition(entry["topic"], int(entry["partition"])): tuple(map(_broker_id, entry["replicas"]))
            for entry in decoded(REASSIGN_PARTITIONS, data)["partitions"]
        }
    except (KeyError, TypeError, ValueError) as error:
        raise BadZnode(f"{REASSIGN_PARTITIONS} is not a reassignment: {data!r} ({error!r})") from None


def encode_partitions(partitions: Iterable[TopicPartition]) -> bytes:
    """Encode partitions for an election, or a notification of changed ISRs."""
    named = [{"topic": tp.topic, "partition": tp.partition} for tp in partitions]
    return encoded({"version": 1, "partitions": named})


def decode_partitions(path: str, data: bytes | None) -> list[TopicPartition]:
    try:
        return [TopicPartition(e["topic"], int(e["partition"])) for e in decoded(path, data)["partitions"]]
    except (KeyError, TypeError, ValueError) as error:
        raise BadZnode(f"{path} names no partitions: {data!r} ({error!r})") from None


def delete_topic_path(topic: str) -> str:
    return f"{DELETE_TOPICS}/{topic}"
