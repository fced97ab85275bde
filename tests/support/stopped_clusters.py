"""Directories as a stopped cluster leaves them, made without starting any server."""

import uuid
from collections.abc import Mapping
from pathlib import Path

from pykafka_cli.broker.log.log_manager import LogManager
from pykafka_cli.model import BrokerId, ControllerEpoch, LeaderEpoch, TopicPartition
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import CreateSessionTxn, CreateTxn, TxnHeader
from pykafka_cli.zookeeper.server.data_directory import DataDirectory
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.snapshot import write_snapshot
from pykafka_cli.zookeeper.topic_znodes import PartitionState, ReplicaAssignment, TopicAssignment
from tests.fakes.clock import FakeClock
from tests.support.brokers import broker_ids
from tests.support.logs import NOW_MS, broker_settings, topic_config

CLUSTER = "dDYWg4oZRhWwgd5HEp9dOw"
TOPIC_ID = uuid.UUID(int=7)
SESSION, SESSION_TIMEOUT_MS = 77, 18_000


class StoppedCluster:
    """`root` is what `pk up --data-dir` has. `save` writes ZooKeeper's part; `logs` are a broker's, to be filled."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._database = Database()
        self._zxid = 0
        self.put(znodes.CLUSTER_ID, znodes.encode_cluster_id(CLUSTER))

    @property
    def zookeeper(self) -> ZooKeeperSettings:
        given = {"dataDir": str(self.root / "zookeeper"), "clientPort": "2181"}
        return ZooKeeperSettings([Property(name, text, 0) for name, text in given.items()])

    def put(self, path: str, data: bytes, *, ephemeral: bool = False) -> None:
        parent = path.rpartition("/")[0]
        if parent and parent not in self._database.tree.nodes:
            self.put(parent, b"")
        self._apply(OpCode.CREATE, CreateTxn(path, data, OPEN_ACL, ephemeral, -1), SESSION if ephemeral else 0)

    def put_topic(self, topic: str, replicas: Mapping[int, tuple[int, ...]], topic_id: uuid.UUID = TOPIC_ID) -> None:
        """A topic, led by the first replica of each partition."""
        assigned = {number: broker_ids(*each) for number, each in replicas.items()}
        assignment = TopicAssignment({number: ReplicaAssignment(each) for number, each in assigned.items()}, topic_id)
        self.put(topic_znodes.topic_path(topic), topic_znodes.encode_topic(assignment))
        for number, each in assigned.items():
            path = topic_znodes.partition_state_path(TopicPartition(topic, number))
            self.put(
                path,
                topic_znodes.encode_partition_state(PartitionState(each[0], LeaderEpoch(0), each, ControllerEpoch(1))),
            )

    def register(self, broker: int) -> None:
        """A broker that was killed, and has not signed off."""
        self._apply(OpCode.CREATE_SESSION, CreateSessionTxn(SESSION_TIMEOUT_MS), SESSION)
        self.put(znodes.broker_path(BrokerId(broker)), b"{}", ephemeral=True)

    def without_a_kafka(self) -> "StoppedCluster":
        """The same place, with a ZooKeeper that nobody has written to."""
        other = StoppedCluster(self.root)
        other._database, other._zxid = Database(), 0
        return other

    def save(self) -> None:
        with_lock = DataDirectory(self.root / "zookeeper").lock()
        write_snapshot(with_lock.snapshot_file(self._zxid), self._database.snapshot())
        with_lock.unlock()

    def logs(self, broker: int = 0, *, directories: int = 1, cluster: str = CLUSTER) -> LogManager:
        """A broker's logs on the disk; to be started, filled and shut down."""
        return LogManager(
            broker_settings(**self._keys(broker, directories)),
            FakeClock(NOW_MS),
            lambda _topic: topic_config(segment_index_bytes=4096, segment_bytes=300, index_interval_bytes=0),
            broker_id=BrokerId(broker),
            cluster_id=cluster,
        )

    def settings(self, broker: int = 0, *, directories: int = 1, **keys: str) -> BrokerSettings:
        return broker_settings(**self._keys(broker, directories), broker_id=broker, **keys)

    def _keys(self, broker: int, directories: int) -> dict[str, str]:
        first = self.root / ("kafka" if broker == 0 else f"kafka-{broker}")
        paths = [first, *(first.with_name(f"{first.name}-more-{number}") for number in range(1, directories))]
        return {"log_dirs": ",".join(map(str, paths))}

    def _apply(self, kind: OpCode, record: CreateTxn | CreateSessionTxn, session: int) -> None:
        self._zxid += 1
        self._database.apply(TxnHeader(session, 0, self._zxid, NOW_MS, kind), record, [])
