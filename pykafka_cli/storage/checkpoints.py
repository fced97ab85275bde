"""The small text files of a log directory and of a partition's folder, as Kafka writes them.

    recovery-point-offset-checkpoint   below these offsets everything is on the device
    log-start-offset-checkpoint        log starts that are not their first segment's base offset
    replication-offset-checkpoint      high watermarks
    cleaner-offset-checkpoint          where cleaning continues
        0                              version
        2                              number of lines that follow
        orders 0 42                    topic, partition, offset
    leader-epoch-checkpoint            see leader_epochs.py: the same frame, lines of epoch and offset
    partition.metadata                 "version: 0", "topic_id: <16 bytes in base64url without padding>"
    meta.properties                    whose directory it is, as .properties: version 0 (ZooKeeper) with broker.id and
                                       cluster.id; version 1 (KRaft) with node.id, cluster.id and directory.id
    .kafka_cleanshutdown               {"version":0,"brokerEpoch":-1}; only after a clean stop

Each is replaced as a whole. Source: CheckpointFile, PartitionMetadataFile, MetaProperties, CleanShutdownFileHandler.
"""

import base64
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pykafka_cli.model import UNKNOWN_BROKER_EPOCH, BrokerEpoch, BrokerId, LeaderEpoch, Offset, TopicPartition
from pykafka_cli.properties.grammar import read_properties, write_properties
from pykafka_cli.storage.files import Files
from pykafka_cli.storage.leader_epochs import EpochStart

RECOVERY_POINTS = "recovery-point-offset-checkpoint"
LOG_STARTS = "log-start-offset-checkpoint"
HIGH_WATERMARKS = "replication-offset-checkpoint"
CLEANER_OFFSETS = "cleaner-offset-checkpoint"
LEADER_EPOCHS = "leader-epoch-checkpoint"
PARTITION_METADATA = "partition.metadata"
META_PROPERTIES = "meta.properties"
CLEAN_SHUTDOWN = ".kafka_cleanshutdown"
LOCK = ".lock"

ZOOKEEPER_VERSION, KRAFT_VERSION = 0, 1
"""Versions of meta.properties."""

_VERSION = "0"


class MalformedFile(Exception):
    """A checkpoint that is not in its format; the message names file and line."""


class WrongDirectory(Exception):
    """A log directory that belongs to another broker or cluster. Nothing in it was touched."""


class MetaProperties(NamedTuple):
    """The owner of a log directory.

    version         0 in ZooKeeper mode, 1 in KRaft mode (org.apache.kafka.metadata.properties.MetaPropertiesVersion)
    directory_id    of version 1 alone; which of a node's directories this is
    """

    broker_id: BrokerId
    cluster_id: str
    version: int = ZOOKEEPER_VERSION
    directory_id: str | None = None


def read_offsets(files: Files, path: str) -> dict[TopicPartition, Offset]:
    """Offsets per partition; empty when there is no such file. raises MalformedFile."""
    offsets: dict[TopicPartition, Offset] = {}
    for topic, partition, offset in _read_lines(files, path, 3):
        offsets[TopicPartition(topic, int(partition))] = Offset(int(offset))
    return offsets


def write_offsets(files: Files, path: str, offsets: Mapping[TopicPartition, Offset]) -> None:
    """Replace the file durably."""
    lines = (f"{tp.topic} {tp.partition} {offset}" for tp, offset in offsets.items())
    files.replace(path, _frame(lines))


def read_leader_epochs(files: Files, path: str) -> list[EpochStart]:
    """Epochs in the order of the file; empty when there is none. raises MalformedFile."""
    return [EpochStart(LeaderEpoch(int(epoch)), Offset(int(offset))) for epoch, offset in _read_lines(files, path, 2)]


def write_leader_epochs(files: Files, path: str, entries: Iterable[EpochStart], *, durable: bool) -> None:
    """Replace the file. Without `durable` a loss of power may bring back the old one, which recovery puts right."""
    files.replace(path, _frame(f"{epoch} {offset}" for epoch, offset in entries), durable=durable)


def _frame(lines: Iterable[str]) -> bytes:
    body = list(lines)
    return "".join(f"{line}\n" for line in (_VERSION, len(body), *body)).encode()


def _read_lines(files: Files, path: str, fields: int) -> list[list[str]]:
    if not files.exists(path) or not (content := files.read(path)):
        return []  # Kafka makes its checkpoints as empty files
    try:
        version, count, *lines = content.decode().splitlines()
        rows = [line.split() for line in lines]
        if version != _VERSION:
            raise MalformedFile(f"{path}: version {version}, only {_VERSION} is supported")
        if len(rows) != int(count):
            raise MalformedFile(f"{path}: declares {count} lines but has {len(rows)}")
        for number, row in enumerate(rows, 3):
            if len(row) != fields or not all(field.lstrip("-").isdigit() for field in row[-2:]):
                raise MalformedFile(f"{path}, line {number}: {' '.join(row)!r} is not {fields} fields with numbers")
    except (ValueError, UnicodeDecodeError):
        raise MalformedFile(f"{path}: not a checkpoint, which starts with a version and a number of lines") from None
    return rows


def read_topic_id(files: Files, path: str) -> uuid.UUID | None:
    """The id in a partition.metadata; None when there is no such file, or an empty one. raises MalformedFile."""
    if not files.exists(path) or not (content := files.read(path)):
        return None
    try:
        fields = dict(line.split(": ", 1) for line in content.decode().splitlines() if line)
        if fields["version"] != _VERSION:
            raise MalformedFile(f"{path}: version {fields['version']}, only {_VERSION} is supported")
        return uuid.UUID(bytes=base64.urlsafe_b64decode(fields["topic_id"] + "=="))
    except (KeyError, ValueError):
        raise MalformedFile(f"{path}: not the two lines `version: 0` and `topic_id: ...`") from None


def write_topic_id(files: Files, path: str, topic_id: uuid.UUID) -> None:
    """Write a partition.metadata, without a sync: the controller sends the id again with the next leadership."""
    text = base64.urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")
    files.replace(path, f"version: {_VERSION}\ntopic_id: {text}".encode(), durable=False)


def read_meta_properties(files: Files, directory: str) -> MetaProperties | None:
    """The meta.properties of a log directory; None if the directory is new. raises MalformedFile."""
    path = os.path.join(directory, META_PROPERTIES)
    if not files.exists(path):
        return None
    values = {each.key: each.value for each in read_properties(files.read(path))}
    try:
        if values.get("version") == str(ZOOKEEPER_VERSION):
            return MetaProperties(BrokerId(int(values["broker.id"])), values["cluster.id"])
        if values.get("version") == str(KRAFT_VERSION):
            return MetaProperties(
                BrokerId(int(values["node.id"])), values["cluster.id"], KRAFT_VERSION, values.get("directory.id")
            )
    except (KeyError, ValueError):
        raise MalformedFile(f"{path}: broker.id (node.id in version 1) and cluster.id are needed") from None
    version = f"version {values['version']}" if "version" in values else "no version"
    raise MalformedFile(f"{path}: {version}; only 0 and 1 are supported")


def check_meta_properties(directory: str, found: MetaProperties | None, expected: MetaProperties) -> None:
    """raises  WrongDirectory when the directory belongs to another cluster, broker or mode."""
    path = os.path.join(directory, META_PROPERTIES)
    if found is None:
        if expected.version == KRAFT_VERSION:
            raise WrongDirectory(
                f"No `meta.properties` found in {directory} (have you run `kafka-storage.sh` to format the directory?)"
            )
        return
    if found.version != expected.version:
        mode, unset = ("KRaft", "Set") if found.version == KRAFT_VERSION else ("ZooKeeper", "Remove")
        raise WrongDirectory(
            f"{path}: version {found.version}: the directory was used in {mode} mode. "
            f"{unset} process.roles to start it so, or choose another directory in log.dirs."
        )
    in_kraft = expected.version == KRAFT_VERSION
    if found.cluster_id != expected.cluster_id:
        whose, key = ("metadata.log.dir's", "metadata.log.dir") if in_kraft else ("ZooKeeper's", "zookeeper.connect")
        raise WrongDirectory(
            f"{path}: the directory belongs to cluster {found.cluster_id}, but {whose} cluster is "
            f"{expected.cluster_id}. Check {key} and log.dirs."
        )
    if found.broker_id != expected.broker_id:
        key = "node.id" if in_kraft else "broker.id"
        raise WrongDirectory(
            f"{path}: the directory belongs to broker {found.broker_id}, but {key} is {expected.broker_id}. "
            f"Check {key} and log.dirs."
        )


def write_meta_properties(files: Files, directory: str, meta: MetaProperties) -> None:
    """Replace the file durably."""
    if meta.version == KRAFT_VERSION:
        whose = {"cluster.id": meta.cluster_id, "directory.id": meta.directory_id or "", "node.id": str(meta.broker_id)}
    else:
        whose = {"broker.id": str(meta.broker_id), "cluster.id": meta.cluster_id}
    text = write_properties({**whose, "version": str(meta.version)})
    files.replace(os.path.join(directory, META_PROPERTIES), f"#\n{text}".encode())


def mark_clean_shutdown(files: Files, directory: str, broker_epoch: BrokerEpoch = UNKNOWN_BROKER_EPOCH) -> None:
    content = json.dumps({"version": 0, "brokerEpoch": broker_epoch}, separators=(",", ":"))
    files.replace(os.path.join(directory, CLEAN_SHUTDOWN), content.encode())


def take_clean_shutdown_mark(files: Files, directory: str) -> bool:
    """Whether the directory was left cleanly. The mark is gone afterwards: a crash from now on is seen as one."""
    path = os.path.join(directory, CLEAN_SHUTDOWN)
    was_clean = files.exists(path)
    if was_clean:
        files.remove(path)
        files.sync_directory(directory)
    return was_clean
