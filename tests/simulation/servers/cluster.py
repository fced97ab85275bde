"""Whole brokers on a virtual clock: BrokerServer as it is, with a network, disks and a ZooKeeper in memory.

Each broker is a process that can be killed (kill -9), lose power, be paused, be cut off, or stopped; its disk outlives
it. Requests between brokers, and those of clients, go through the broker's own connections.
"""

import asyncio
import contextvars
import random
import socket
from collections.abc import Mapping
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
from pykafka_cli.topic_names import TRANSACTION_STATE
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.kafka_znodes import TOPICS
from pykafka_cli.zookeeper.topic_znodes import PartitionState
from tests.fakes.files import MemoryFiles
from tests.simulation.loop import PROCESS, LoopClock, SimulatedSocket, VirtualLoop
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


class SimulatedBroker:
    """One broker: its disk, and the process that runs on it, if there is one."""

    def __init__(self, cluster: "ServerCluster", broker_id: int, settings: dict[str, str]) -> None:
        self.cluster = cluster
        self.id = broker_id
        self.files = MemoryFiles()
        self.is_running = False
        self.is_paused = False
        self.incarnation = 0
        self.clock = LoopClock(cluster.loop)
        self._given = settings
        self._server: BrokerServer | None = None
        self._starting: asyncio.Task[None] | None = None

    @property
    def host(self) -> str:
        return f"b{self.id}"

    @property
    def process(self) -> str:
        return f"{self.host}#{self.incarnation}"

    @property
    def address(self) -> str:
        return f"{self.host}:{9000 + self.id}"

    def start(self) -> None:
        """Begin a process, which starts by itself."""
        assert not self.is_running
        self.incarnation += 1
        self.is_running = True
        context = contextvars.copy_context()
        context.run(PROCESS.set, self.process)
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

    def end(self, *, lost_power: random.Random | None = None) -> None:
        """End the process at once: by kill -9, or by a power loss, which loses or tears data that was not synced."""
        assert self.is_running
        self.is_running = self.is_paused = False
        self.files = self.files.restarted(lost_power=lost_power)
        self.cluster.loop.kill(self.process)
        self.cluster.network.end_process(self.process)

    async def stop(self) -> None:
        """Stop as after SIGTERM, which also interrupts a start; kill what has not ended after a minute."""
        server, starting, process = self._server, self._starting, self.process
        assert server is not None
        assert starting is not None
        if self.has_started:
            context = contextvars.copy_context()
            context.run(PROCESS.set, process)
            stopping = self.cluster.loop.create_task(server.stop(), context=context)
        else:
            stopping = starting
            starting.cancel()
        await asyncio.wait((stopping,), timeout=60)
        if self.is_running and self.process == process:
            self.end()

    def pause(self) -> None:
        self.is_paused = True
        self.cluster.loop.pause(self.process)

    def resume(self) -> None:
        self.is_paused = False
        self.cluster.loop.resume(self.process)

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
    """Brokers 0 to `count` - 1 and a ZooKeeper. All chance comes from `chance`; `stories` has what happened."""

    def __init__(
        self,
        loop: VirtualLoop,
        chance: random.Random,
        count: int,
        settings: dict[str, str],
        ensemble: tuple[int, Mapping[str, str]] | None = None,
    ) -> None:
        """ensemble    how many ZooKeeper servers there are, and their settings; None: one, which is simple and quick"""
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
        self.brokers = {each: SimulatedBroker(self, each, settings) for each in range(count)}

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

    def _look(self) -> None:
        """Read what has changed in ZooKeeper."""
        if self.zookeeper.zxid == self._looked_at_zxid:
            return
        self._looked_at_zxid = self.zookeeper.zxid
        self._states, self._assignments = {}, {}
        for path, data, version in self.zookeeper.znodes():
            if not path.startswith(f"{TOPICS}/"):
                continue
            if path.endswith("/state"):
                _, _, _, topic, _, number, _ = path.split("/")
                partition = TopicPartition(topic, int(number))
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
