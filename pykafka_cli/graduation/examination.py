"""Checks whether a stopped cluster's directories are fit for Apache Kafka, and what is in them. Nothing changes.

    locks           no server uses the directories, or can start to while they are read
    belonging       meta.properties of every log directory and /cluster/id in ZooKeeper name one cluster
    completeness    every replica in ZooKeeper has a folder, every folder its replica, with the same topic id
    soundness       storage/inspection.py over every file

All problems are collected and reported together.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from pykafka_cli.broker.coordinator.stored_messages import UnreadableMessage
from pykafka_cli.graduation.coordinators import CoordinatorRecords, Group, OpenTransaction
from pykafka_cli.graduation.report import BrokerPart, NotReady, Report, Topic
from pykafka_cli.graduation.znodes import ClusterRecord, NoCluster, data_directory, read_cluster
from pykafka_cli.model import BrokerId, TopicPartition
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.protocol.records import CorruptRecords
from pykafka_cli.storage.checkpoints import LOCK, MalformedFile
from pykafka_cli.storage.files import ReadOnlyFiles
from pykafka_cli.storage.inspection import InspectedDirectory, InspectedLog, inspect_directory
from pykafka_cli.topic_names import CONSUMER_OFFSETS, TRANSACTION_STATE
from pykafka_cli.zookeeper.server.data_directory import DirectoryUnusable
from pykafka_cli.zookeeper.server.snapshot import SnapshotInvalid
from pykafka_cli.zookeeper.server.txn_log import LogDamaged
from pykafka_cli.zookeeper.znode_data import BadZnode

_SHOWN = 3
"""Number of problems of a kind that are listed; the others are counted."""


def examine(zookeeper: ZooKeeperSettings, brokers: Sequence[BrokerSettings]) -> Report:
    """Examine all files of servers with these settings.

    raises    NotReady
    """
    with ExitStack() as locks:
        try:
            cluster = _read_cluster(zookeeper, locks)
            parts = [_read_broker(settings, locks) for settings in brokers]
        except OSError as error:
            raise NotReady([f"{error.filename} cannot be read: {error.strerror}"]) from error
        return _Examination(cluster, parts).report()


def _read_cluster(settings: ZooKeeperSettings, locks: ExitStack) -> ClusterRecord:
    directory = data_directory(settings)
    try:
        locks.enter_context(directory.kept_from_servers())
        return read_cluster(directory)
    except (NoCluster, DirectoryUnusable, BadZnode, LogDamaged, SnapshotInvalid) as error:
        raise NotReady([f"ZooKeeper: {error}"]) from error


class _BrokerFiles:
    """The files of one broker."""

    def __init__(
        self, settings: BrokerSettings, directories: list[InspectedDirectory], records: CoordinatorRecords
    ) -> None:
        used = [each.meta for each in directories if each.meta is not None]
        if not used:
            raise NotReady(
                [f"{', '.join(settings.log_directories)}: no broker has ever been here (no meta.properties)"]
            )
        self.directories, self.records = directories, records
        self.settings = settings
        self.id = used[0].broker_id
        self.logs = {log.topic_partition: log for directory in directories for log in directory.logs}


def _read_broker(settings: BrokerSettings, locks: ExitStack) -> _BrokerFiles:
    files, records, found = ReadOnlyFiles(), CoordinatorRecords(), list[InspectedDirectory]()
    for path in (os.path.abspath(each) for each in settings.log_directories):
        lock = os.path.join(path, LOCK)
        if not files.is_directory(path):
            raise NotReady([f"{path} does not exist, so it is not a log directory"])
        if files.exists(lock):
            try:
                locks.callback(files.lock(lock).release)
            except BlockingIOError:
                raise NotReady([f"{path} is in use by a broker; stop it first (Ctrl-C, or `pk server-stop`)"]) from None
        try:
            found.append(inspect_directory(files, path, records.take))
        except (MalformedFile, CorruptRecords) as error:
            raise NotReady([str(error)]) from None
    return _BrokerFiles(settings, found, records)


class _Examination:
    """Compares ZooKeeper's data with the brokers' directories."""

    def __init__(self, cluster: ClusterRecord, brokers: Sequence[_BrokerFiles]) -> None:
        self._cluster = cluster
        self._brokers = {broker.id: broker for broker in brokers}
        self._problems: list[str] = []
        self._notes: list[str] = []
        if len(self._brokers) < len(brokers):
            self._problems.append(f"two brokers have the same id: {sorted(broker.id for broker in brokers)}")

    def report(self) -> Report:
        """raises NotReady"""
        for broker in self._brokers.values():
            self._check_belonging(broker)
            self._check_completeness(broker)
            self._check_soundness(broker)
        self._note_what_is_elsewhere()
        chosen = self._chosen_replicas()
        groups, transactions = list[Group](), list[OpenTransaction]()
        try:
            for partition, broker_id in sorted(chosen.items()):
                records = self._brokers[broker_id].records
                if partition.topic == CONSUMER_OFFSETS:
                    groups += records.groups(partition)
                elif partition.topic == TRANSACTION_STATE:
                    transactions += records.open_transactions(partition)
        except UnreadableMessage as error:
            self._problems.append(f"{partition}: {error}")
        if self._problems:
            raise NotReady(self._problems)
        return Report(
            self._cluster.cluster_id,
            tuple(_part(self._brokers[broker_id]) for broker_id in sorted(self._brokers)),
            tuple(self._topic(topic, chosen) for topic in sorted(self._cluster.topics)),
            tuple(sorted(groups)),
            tuple(sorted(transactions)),
            self._cluster.settings,
            tuple(self._notes),
        )

    def _check_belonging(self, broker: _BrokerFiles) -> None:
        configured = broker.settings.broker_id
        for directory in broker.directories:
            if directory.meta is None:
                if directory.logs:
                    self._problems.append(f"{directory.path} has logs, but no meta.properties to identify their broker")
                continue
            if directory.meta.cluster_id != self._cluster.cluster_id:
                self._problems.append(
                    f"{directory.path} belongs to cluster {directory.meta.cluster_id}, ZooKeeper's files to cluster "
                    f"{self._cluster.cluster_id}: use those that belong together"
                )
            if directory.meta.broker_id != (broker.id if configured < 0 else configured):
                wanted = broker.id if configured < 0 else configured
                self._problems.append(f"{directory.path} belongs to broker {directory.meta.broker_id}, not {wanted}")
        seen: dict[TopicPartition, str] = {}
        for log in (log for directory in broker.directories for log in directory.logs):
            if (other := seen.setdefault(log.topic_partition, log.folder)) != log.folder:
                self._problems.append(f"{log.topic_partition} is in two directories, {other} and {log.folder}")

    def _check_completeness(self, broker: _BrokerFiles) -> None:
        wanted = {
            TopicPartition(topic, number)
            for topic, assignment in self._cluster.topics.items()
            for number, replicas in assignment.partitions.items()
            if broker.id in replicas.replicas
        }
        # A partition that never had a leader was never written to.
        for partition in sorted(wanted - broker.logs.keys()):
            if partition in self._cluster.leaders:
                self._problems.append(
                    f"{partition}: broker {broker.id} has a replica according to ZooKeeper, but it has no folder in "
                    f"{', '.join(each.path for each in broker.directories)}. Kafka would create it again, empty"
                )
        for partition in sorted(broker.logs.keys() - wanted):
            self._problems.append(
                f"{broker.logs[partition].folder}: ZooKeeper has no such partition on broker {broker.id}. If it "
                "is not needed, move it away"
            )
        for partition in wanted & broker.logs.keys():
            log, topic_id = broker.logs[partition], self._cluster.topics[partition.topic].topic_id
            if log.topic_id is not None and topic_id is not None and log.topic_id != topic_id:
                self._problems.append(
                    f"{log.folder} belongs to a deleted topic with the id {log.topic_id}: the id of "
                    f"{partition.topic} is now {topic_id}"
                )

    def _check_soundness(self, broker: _BrokerFiles) -> None:
        for directory in broker.directories:
            self._problems += directory.damage
            for log in directory.logs:
                self._problems += log.damage
        unclean = [each for each in broker.directories if not each.was_left_cleanly and each.logs]
        if unclean:
            self._notes.append(
                f"Broker {broker.id} was not stopped cleanly. Nothing that was acknowledged is lost: the next start, "
                "by Kafka or by pk, recovers what was written last. To recover it now, start pk once more "
                "and stop it with Ctrl-C"
            )
        unfinished = [problem for each in unclean for log in each.logs for problem in log.unfinished]
        self._notes += [f"To be recovered: {problem}" for problem in unfinished[:_SHOWN]]
        if len(unfinished) > _SHOWN:
            self._notes.append(f"To be recovered: {len(unfinished) - _SHOWN} more of this kind")

    def _note_what_is_elsewhere(self) -> None:
        for broker_id, timeout_ms in sorted(self._cluster.registered.items()):
            self._notes.append(
                f"Broker {broker_id} did not close its ZooKeeper session: start Kafka's broker "
                f"{timeout_ms / 1000:.0f} s after ZooKeeper, not earlier"
            )
        elsewhere: dict[BrokerId, int] = defaultdict(int)
        for assignment in self._cluster.topics.values():
            for replicas in assignment.partitions.values():
                for broker_id in set(replicas.replicas) - self._brokers.keys():
                    elsewhere[broker_id] += 1
        for broker_id, count in sorted(elsewhere.items()):
            self._notes.append(f"Broker {broker_id}, which was not checked, has {count} replicas of partitions")
        for broker in self._brokers.values():
            if broker.settings.without_effect:
                names = ", ".join(broker.settings.without_effect)
                self._notes.append(
                    f"Broker {broker.id}: these settings had no effect here, but Kafka obeys them: {names}"
                )

    def _chosen_replicas(self) -> Mapping[TopicPartition, BrokerId]:
        """The replica of each partition that counts: the leader's, otherwise the longest."""
        chosen: dict[TopicPartition, BrokerId] = {}
        for broker_id, broker in self._brokers.items():
            for partition, log in broker.logs.items():
                best = self._replica(partition, chosen.get(partition))
                is_leader = self._cluster.leaders.get(partition) == broker_id
                if best is None or is_leader or (
                    log.log_end > best.log_end and self._cluster.leaders.get(partition) != chosen[partition]
                ):  # fmt: skip
                    chosen[partition] = broker_id
        return chosen

    def _replica(self, partition: TopicPartition, broker_id: BrokerId | None) -> InspectedLog | None:
        return None if broker_id is None else self._brokers[broker_id].logs[partition]

    def _topic(self, topic: str, chosen: Mapping[TopicPartition, BrokerId]) -> Topic:
        partitions = [TopicPartition(topic, number) for number in self._cluster.topics[topic].partitions]
        records = sum(log.records for each in partitions if (log := self._replica(each, chosen.get(each))))
        stored = sum(
            broker.logs[each].size_in_bytes
            for broker in self._brokers.values()
            for each in partitions
            if each in broker.logs
        )
        return Topic(topic, len(partitions), records, stored)


def _part(broker: _BrokerFiles) -> BrokerPart:
    return BrokerPart(
        broker.id,
        tuple(each.path for each in broker.directories),
        len(broker.logs),
        sum(log.size_in_bytes for log in broker.logs.values()),
        all(each.was_left_cleanly for each in broker.directories if each.logs),
    )
