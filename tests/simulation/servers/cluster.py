"""Whole brokers on a virtual clock: BrokerServer as it is, with a network, disks and a ZooKeeper in memory.

Each broker is a process that can be killed (kill -9), lose power, be paused, be cut off, or stopped; its disk outlives
it. Requests between brokers, and those of clients, go through the broker's own connections.
"""

import asyncio
import contextvars
import random
import socket
from collections.abc import Callable, Mapping
from typing import cast

from pykafka_cli.broker.context import Broker
from pykafka_cli.broker.coordinator.group.coordinator import OFFSETS_TOPIC
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.outside import Outside
from pykafka_cli.broker.replication.partition import Partition
from pykafka_cli.broker.replication.partition_role import Leader
from pykafka_cli.broker.server import BrokerServer, BrokerUnusable
from pykafka_cli.model import BrokerId, Timestamp, TopicPartition, in_seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.listeners import Listener
from pykafka_cli.storage.files import Files
from pykafka_cli.storage.segment import CLEANED_SUFFIX
from pykafka_cli.topic_names import TRANSACTION_STATE
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.kafka_znodes import BROKER_IDS, TOPICS
from pykafka_cli.zookeeper.topic_znodes import PartitionState
from tests.fakes.files import MemoryFiles
from tests.simulation.loop import LoopClock, SimulatedSocket, VirtualLoop
from tests.simulation.machine import Machine
from tests.simulation.network import SimulatedNetwork
from tests.simulation.servers.ensemble import EnsembleOfCluster
from tests.simulation.servers.zookeeper import DistantZooKeeper
from tests.support.logs import broker_settings

INTERNAL = (OFFSETS_TOPIC, TRANSACTION_STATE)
SESSION_TIMEOUT_MS = 3000
RESTART_S = 1.0
"""Seconds after which a supervisor restarts a broker that could not start."""


class DriftingClock(LoopClock):
    """A machine's clock: wall-clock time that is wrong, and runs slightly too fast or too slowly."""

    def __init__(self, loop: VirtualLoop, *, off_ms: int, rate: float) -> None:
        super().__init__(loop)
        self._off_ms, self._rate = off_ms, rate

    def now_ms(self) -> Timestamp:
        return Timestamp(super().now_ms() + self._off_ms + round(self.monotonic() * self._rate * 1000))


class SimulatedOutside(Outside):
    """What a broker finds outside of its process, in memory."""

    def __init__(self, cluster: "ServerCluster", files: MemoryFiles) -> None:
        self._cluster = cluster
        self.files = cast("Files", files)

    def listening_sockets(self, listener: Listener, settings: BrokerSettings) -> list[socket.socket]:  # noqa: ARG002
        return [cast("socket.socket", SimulatedSocket(listener.host, listener.port))]

    def zookeeper(self, settings: BrokerSettings) -> ZooKeeperClient:
        client = self._cluster.zookeeper.new_client(
            session_timeout=in_seconds(settings.zookeeper_session_timeout_ms),
            connection_timeout=in_seconds(settings.zookeeper_connect_timeout_ms),
        )
        return cast("ZooKeeperClient", client)


class SimulatedBroker(Machine):
    """A machine with one broker."""

    def __init__(self, cluster: "ServerCluster", broker_id: int, settings: dict[str, str]) -> None:
        super().__init__(cluster.loop, cluster.network, f"b{broker_id}")
        self.cluster = cluster
        self.id = broker_id
        self.clock = LoopClock(cluster.loop)
        self._given = settings
        self._server: BrokerServer | None = None
        self._starting: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{9000 + self.id}"

    def end_in_cleaning(self, steps: int, lost_power: Callable[[], random.Random | None]) -> None:
        """End it with one of its next changes to its disk, once it begins to clean a segment.

        lost_power    tells at that moment whether it loses power
        """

        def begin(path: str) -> None:
            if path.endswith(CLEANED_SUFFIX):
                self.files.created = lambda _: None
                self.files.die_at(steps, lambda: self.end(lost_power=lost_power()))

        self.files.created = begin

    def survive(self) -> None:
        """Do not end in cleaning."""
        self.files.fail_at(1, times=0)
        self.files.created = lambda _: None

    def start(self) -> None:
        """Begin a process, which starts by itself."""
        context = self.new_process()
        settings = broker_settings(
            **{
                "broker_id": self.id,
                "log_dirs": "/logs",
                "listeners": f"PLAINTEXT://{self.address}",
                "zookeeper_session_timeout_ms": SESSION_TIMEOUT_MS,
                "zookeeper_connection_timeout_ms": 60_000,
                "controlled_shutdown_retry_backoff_ms": 500,
                "offsets_topic_num_partitions": 2,
                "transaction_state_log_num_partitions": 2,
                "replica_lag_time_max_ms": 3000,
                "replica_socket_timeout_ms": 3000,
                "log_index_size_max_bytes": 4096,
                **self._given,
            }
        )
        self._server = BrokerServer(settings, self.clock, outside=SimulatedOutside(self.cluster, self.files))
        self._starting = self.cluster.loop.create_task(self._start(self._server), context=context)

    async def _start(self, server: BrokerServer) -> None:
        try:
            await server.start()
        except BrokerUnusable as error:
            self.cluster.stories.append(f"{self.process} could not start: {error}")
            self.end()
            self.cluster.loop.call_later(RESTART_S, self._start_again, context=self.cluster.outside)

    def _start_again(self) -> None:
        if not self.is_running:
            self.start()

    async def stop(self) -> None:
        """Stop as after SIGTERM, which also interrupts a start; kill what does not end."""
        server, stopping = self._server, self._starting
        assert server is not None
        assert stopping is not None
        if self.has_started:
            stopping = self.cluster.loop.create_task(server.stop(), context=self.context())
        else:
            stopping.cancel()
        await self.kill_unless_done(stopping)

    # ---- seen from outside

    @property
    def broker(self) -> Broker | None:
        """Its parts, once they are built."""
        return getattr(self._server, "_broker", None) if self.is_running else None

    @property
    def has_started(self) -> bool:
        return self.is_running and self._starting is not None and self._starting.done()

    @property
    def is_controller(self) -> bool:
        broker = self.broker
        return broker is not None and broker.controller.is_active

    def partitions(self) -> dict[TopicPartition, Partition]:
        broker = self.broker
        return {} if broker is None else {each.topic_partition: each for each in broker.replicas.hosted}

    def log(self, partition: TopicPartition) -> PartitionLog | None:
        broker = self.broker
        return None if broker is None else broker.logs.get(partition)


class ServerCluster:
    """Brokers 0 to `count` - 1 and a ZooKeeper. All chance comes from `chance`; `stories` has what happened.

    compacts    whether logs are cleaned in the run
    """

    compacts = False

    def __init__(
        self,
        loop: VirtualLoop,
        chance: random.Random,
        count: int,
        settings: dict[str, str],
        ensemble: tuple[int, Mapping[str, str], int] | None = None,
    ) -> None:
        """Start nothing yet.

        ensemble    how many ZooKeeper servers there are, their settings, and how many may join; None: a simple one
        """
        self.loop = loop
        self.chance = chance
        self.network = SimulatedNetwork(loop, chance)
        self.zookeeper: DistantZooKeeper | EnsembleOfCluster
        if ensemble is None:
            self.zookeeper = DistantZooKeeper(loop, self.network, chance)
        else:
            self.zookeeper = EnsembleOfCluster(loop, self.network, chance, *ensemble)
        self.stories: list[str] = []
        self.outside = contextvars.copy_context()
        self._looked_at_zxid = -1
        self._states: dict[TopicPartition, PartitionState] = {}
        self._assignments: dict[TopicPartition, tuple[BrokerId, ...]] = {}
        self._written_at: dict[TopicPartition, int] = {}  # zxid of each partition's state
        self._registered_at: dict[int, int] = {}  # and of each broker's registration
        self.brokers = {each: SimulatedBroker(self, each, settings) for each in range(count)}

    def now_ms(self) -> Timestamp:
        """What a clock shows that is right."""
        return LoopClock(self.loop).now_ms()

    def running(self) -> list[SimulatedBroker]:
        return [each for each in self.brokers.values() if each.is_running]

    @property
    def bootstrap(self) -> str:
        return ",".join(each.address for each in self.brokers.values())

    async def begin(self) -> None:
        self.zookeeper.start()
        for each in self.brokers.values():
            each.start()
        while True:
            if all(each.has_started for each in self.brokers.values()):
                return
            await asyncio.sleep(0.1)

    def states(self) -> dict[TopicPartition, PartitionState]:
        """ZooKeeper's state of each partition that has had a leader."""
        self._look()
        return self._states

    def assignments(self) -> dict[TopicPartition, tuple[BrokerId, ...]]:
        """The replicas of each partition, according to ZooKeeper."""
        self._look()
        return self._assignments

    def is_settled(self) -> bool:
        """Whether the state of each partition is of after all its replicas' brokers have registered.

        Otherwise a session may have been lost that the controller has still to act on, whatever the state says.
        """
        self._look()
        return all(
            self._registered_at.get(broker, written_at) < written_at
            for partition, written_at in self._written_at.items()
            for broker in self._assignments.get(partition, ())
        )

    def _look(self) -> None:
        """Read what has changed in ZooKeeper."""
        if self.zookeeper.zxid == self._looked_at_zxid:
            return
        self._looked_at_zxid = self.zookeeper.zxid
        self._states, self._assignments, self._written_at, self._registered_at = {}, {}, {}, {}
        for path, data, version, mzxid in self.zookeeper.znodes():
            if path.startswith(f"{BROKER_IDS}/"):
                self._registered_at[int(path.rpartition("/")[2])] = mzxid
            if not path.startswith(f"{TOPICS}/"):
                continue
            if path.endswith("/state"):
                _, _, _, topic, _, number, _ = path.split("/")
                partition = TopicPartition(topic, int(number))
                self._written_at[partition] = mzxid
                self._states[partition] = topic_znodes.decode_partition_state(partition, data, version)
            elif path.count("/") == 3:
                topic = path.rpartition("/")[2]
                for index, assigned in topic_znodes.decode_topic(topic, data).partitions.items():
                    self._assignments[TopicPartition(topic, index)] = assigned.replicas

    def leading(self, partition: TopicPartition) -> Leader | None:
        """The role of its leader, where ZooKeeper and the broker agree about it."""
        state = self.states().get(partition)
        if state is None or state.leader is None:
            return None
        its = self.brokers[state.leader].partitions().get(partition)
        if its is None or its.leader_epoch != state.leader_epoch:
            return None
        return its.role if isinstance(its.role, Leader) else None
