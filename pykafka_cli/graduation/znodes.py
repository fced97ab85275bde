"""Reads the metadata of a Kafka cluster from a stopped ZooKeeper's files, without starting a server."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pykafka_cli.model import BrokerId, TopicPartition
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.server.data_directory import DataDirectory
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.recovery import read_database
from pykafka_cli.zookeeper.topic_znodes import TopicAssignment


class NoCluster(Exception):
    """There are no files of a ZooKeeper, or no Kafka has ever run on it."""


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """
    leaders       of the partitions that have had one
    settings      how many topics, brokers, users ... have their own configs
    registered    brokers that did not close their session, and its timeout in ms
    """

    cluster_id: str
    topics: Mapping[str, TopicAssignment]
    leaders: Mapping[TopicPartition, BrokerId]
    settings: Mapping[str, int]
    registered: Mapping[BrokerId, int]


def data_directory(settings: ZooKeeperSettings) -> DataDirectory:
    """The data directory of the server with these settings."""
    data, log = settings.directories
    return DataDirectory(Path(data), Path(log))


def read_cluster(directory: DataDirectory) -> ClusterRecord:
    """The state after the newest snapshot and the transactions that follow it.

    raises    NoCluster, BadZnode, LogDamaged, SnapshotInvalid, OSError
    """
    recovered = read_database(directory)
    if recovered is None:
        raise NoCluster(f"{directory.snapshots} has no snapshot of a ZooKeeper")
    database = recovered.database
    if znodes.CLUSTER_ID not in database.tree.nodes:
        raise NoCluster(f"{directory.snapshots}: no broker has ever run on this ZooKeeper")
    topics = {
        topic: topic_znodes.decode_topic(topic, _data(database, topic_znodes.topic_path(topic)))
        for topic in _children(database, znodes.TOPICS)
    }
    partitions = [TopicPartition(topic, number) for topic, each in topics.items() for number in each.partitions]
    return ClusterRecord(
        znodes.decode_cluster_id(_data(database, znodes.CLUSTER_ID)),
        topics,
        {each: leader for each in partitions if (leader := _leader(database, each)) is not None},
        {kind: count for kind in znodes.CONFIG_TYPES if (count := _configured(database, kind))},
        {BrokerId(int(name)): _timeout(database, name) for name in _children(database, znodes.BROKER_IDS)},
    )


def _children(database: Database, path: str) -> list[str]:
    node = database.tree.nodes.get(path)
    return [] if node is None else sorted(node.children)


def _data(database: Database, path: str) -> bytes | None:
    return database.tree.nodes[path].data


def _leader(database: Database, partition: TopicPartition) -> BrokerId | None:
    path = topic_znodes.partition_state_path(partition)
    if path not in database.tree.nodes:
        return None
    return topic_znodes.decode_partition_state(partition, _data(database, path), 0).leader


def _configured(database: Database, kind: str) -> int:
    paths = (znodes.config_path(f"{kind}/{name}") for name in _children(database, znodes.config_path(kind)))
    return sum(bool(znodes.decode_config(path, _data(database, path))) for path in paths)


def _timeout(database: Database, broker: str) -> int:
    owner = database.tree.nodes[f"{znodes.BROKER_IDS}/{broker}"].stat.ephemeral_owner
    return database.timeouts.get(owner, 0)
