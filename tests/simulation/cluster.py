"""Brokers on a virtual clock: everything of ours but the controller, ZooKeeper and the sockets.

Requests go through the broker's own connections, dispatcher, handlers, coordinators, replication and logs; the disks
are in memory, the controller is the model of tests/fakes/replica_cluster.py. What the controller says reaches each
broker at its own moment, so that for a while brokers differ about who leads what, as they do in Kafka.
"""

import asyncio
import itertools
import random
import uuid
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.coordinator.group.coordinator import OFFSETS_TOPIC
from pykafka_cli.broker.coordinator.transaction.coordinator import TransactionCoordinator
from pykafka_cli.broker.errors import BrokerError, TopicAlreadyExists
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.network.connection import Peer
from pykafka_cli.model import BrokerId, ProducerId, TopicPartition
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.codec import message_codec, read_request_header
from pykafka_cli.topic_names import TRANSACTION_STATE
from pykafka_cli.zookeeper.kafka_znodes import ProducerIdBlock
from tests.fakes.replica_cluster import CONTROLLER, Node, ReplicaCluster
from tests.simulation.consumer_group import ConsumerGroup
from tests.simulation.controller import SimulatedController
from tests.simulation.implicit_transactions import ImplicitTransactions
from tests.simulation.loop import LoopClock, VirtualLoop, age
from tests.simulation.network import SimulatedNetwork
from tests.simulation.node import COORDINATOR_PARTITIONS, Deletion, SimulatedNode
from tests.simulation.rejections import HEARTBEAT, OF_COORDINATOR, OFFSET_COMMIT, RETRIABLE
from tests.support.logs import broker_settings

TOPIC = "t"
"""What clients write and read."""
GROUP = "g"
MOST_RETRIES_IN_A_ROW = 6
"""How often one connection is rejected the same thing one time after the other; a cluster has its good moments."""


class UncleanElection(NamedTuple):
    """What the former leader had from `diverged` on is lost. The new one had something else there up to `log_end`."""

    at: float
    diverged: int
    log_end: int


def _common_end(new: PartitionLog, former: PartitionLog) -> int:
    """The offset up to which two logs have the same records, by their leader epochs."""
    for epoch, _ in reversed(new.epochs.entries):
        its_end, other = new.end_offset_for_epoch(epoch), former.end_offset_for_epoch(epoch)
        if its_end and other and other.epoch == its_end.epoch == epoch:
            return min(its_end.end_offset, other.end_offset)
    return 0


class SimulatedCluster(ReplicaCluster):
    """Brokers 0, 1, 2 with the partitions, and broker 100, the controller, with none. All chance comes from `chance`.

    errors             the chance that a request is rejected with an error after which it is to be sent again
    losses             the chance that a request is carried out and the connection ends instead of a response
    stalls             the chance that a request is answered seconds later
    replication_delay  seconds that a message between brokers takes at most
    """

    def __init__(
        self, loop: VirtualLoop, chance: random.Random, *, has_new_groups: bool = False,
        has_implicit_transactions: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(clock=LoopClock(loop))  # type: ignore[arg-type]
        self.loop = loop
        self.chance = chance
        self.network = SimulatedNetwork(loop, chance)
        self.controller = SimulatedController(self)
        self.errors = self.losses = self.stalls = 0.0
        self.replication_delay = 0.002
        self.news_delay = 0.05
        self.has_new_groups = has_new_groups
        self.implicit_transactions = (
            ImplicitTransactions(self._transaction_coordinators, self._travel) if has_implicit_transactions else None
        )
        self._new_group = ConsumerGroup(
            self.clock,
            lambda: sorted(self.controller.partitions),
            lambda: self.controller.topic_ids,
            is_served=lambda: any(node.coordinates(GROUP) for node in self.running()),  # type: ignore[attr-defined]
        )
        self._coordinator: tuple[int, int] | None = None
        self.deletions: dict[TopicPartition, list[Deletion]] = {}
        self.unclean_elections: dict[TopicPartition, list[UncleanElection]] = {}
        self.requests: Counter[int] = Counter()
        self._refused: Counter[tuple[int, int]] = Counter()
        self._last_news: dict[int, float] = {}
        self._news: dict[int, deque[Any]] = {}
        self._blocks = itertools.count()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def begin(self, *, min_insync_replicas: int = 1, **settings: object) -> None:
        keys = {"segment.index.bytes": "4096", "min.insync.replicas": str(min_insync_replicas)}
        self._config = TopicConfig.resolve(broker_settings(), keys)
        for broker_id in (0, 1, 2, CONTROLLER):
            node = self.nodes[broker_id] = SimulatedNode(self, broker_id, **settings)
            await node.start()
        for topic in (OFFSETS_TOPIC, TRANSACTION_STATE):
            await self.controller.create(topic, *self.assignment(COORDINATOR_PARTITIONS))

    def _transaction_coordinators(self) -> Iterable[TransactionCoordinator]:
        return [node.transactions for node in self.running()]  # type: ignore[attr-defined]

    async def _travel(self) -> None:
        await asyncio.sleep(self.chance.random() * self.replication_delay)

    def new_group(self, coordinator: Node) -> ConsumerGroup:
        """The group, as its coordinator finds it."""
        its = (coordinator.broker_id, coordinator.epoch)
        if its != self._coordinator:
            self._coordinator = its
            self._new_group.begin_sessions()
        return self._new_group

    def is_member(self, member_id: str) -> bool:
        return member_id in self._new_group.members

    def forget_member(self, frame: bytearray) -> None:
        """The one that this heartbeat is from; the coordinator is about to say so."""
        header = read_request_header(memoryview(frame))
        if header.api_key == HEARTBEAT:
            codec = message_codec(header.api_key, header.api_version, 1)
            self._new_group.forget(codec.decode_request(memoryview(frame), header.position).member_id)

    def topic_config(self, _topic: str) -> TopicConfig:
        return self._config

    @property
    def bootstrap(self) -> str:
        return ",".join(f"b{each}:{9000 + each}" for each in (0, 1, 2))

    def assignment(self, partitions: int) -> list[tuple[int, ...]]:
        first = self.chance.randrange(3)
        return [tuple((first + index + each) % 3 for each in range(3)) for index in range(partitions)]

    def create_soon(self, topic: str, partitions: int = 1) -> BrokerError | None:
        if topic in self.controller.topic_ids:
            return TopicAlreadyExists(f"Topic '{topic}' already exists.")
        self.controller.topic_ids[topic] = uuid.UUID(int=0)

        async def create() -> None:
            await asyncio.sleep(self.chance.random())
            await self.controller.create(topic, *self.assignment(partitions))

        self._start(create())
        return None

    async def next_producer_ids(self) -> ProducerIdBlock:
        start = 1000 * next(self._blocks)
        return ProducerIdBlock(BrokerId(0), ProducerId(start), ProducerId(start + 999))

    def _start(self, work: Any) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- what reaches brokers

    def post(self, node: Node, act: Any) -> None:
        """Have a broker told something soon, after all that it was told before."""
        epoch = node.epoch
        moment = max(self._last_news.get(node.broker_id, 0.0), self.loop.now + self.chance.random() * self.news_delay)
        self._last_news[node.broker_id] = moment
        waiting = self._news.setdefault(node.broker_id, deque())
        waiting.append(act)

        async def deliver() -> None:
            act = waiting.popleft()
            if node.is_running and node.epoch == epoch:
                await act()

        self.loop.call_at(moment, lambda: self._start(deliver()))

    def fault_for(self, frame: bytearray, peer: Peer) -> tuple[str, float] | None:
        header = read_request_header(memoryview(frame))
        self.requests[header.api_key] += 1
        key = (peer.port, header.api_key)
        draw = self.chance.random()
        codes = RETRIABLE.get(header.api_key, ())
        if self.has_new_groups and header.api_key == OFFSET_COMMIT:
            codes = (*OF_COORDINATOR, ErrorCode.unknown_member_id, ErrorCode.stale_member_epoch)
        if codes and draw < self.errors and self._refused[key] < MOST_RETRIES_IN_A_ROW:
            self._refused[key] += 1
            return "error", int(self.chance.choice(codes))
        self._refused.pop(key, None)
        draw -= self.errors
        if 0 <= draw < self.losses:
            return "lost", 0.0
        if 0 <= draw - self.losses < self.stalls:
            return "delay", self.chance.random() * 5
        return None

    # ---- brokers that come and go

    async def fail(self, broker_id: int, *, how: str = "stop") -> None:
        node = self.nodes[broker_id]
        assert isinstance(node, SimulatedNode)
        node.is_running = False
        self._check_connections()
        node.hang_up()
        await (node.stop() if how == "stop" else node.crash())
        await self.controller.broker_failed(broker_id)

    async def restart(self, broker_id: int) -> None:
        node = self.nodes[broker_id]
        await node.start()
        node.metadata.apply(self.controller.update_metadata(list(self.controller.partitions), node))
        await self.controller.broker_started(broker_id)

    async def elect_uncleanly(self, topic_partition: TopicPartition, broker_id: int) -> None:
        """Have a broker lead that is not in the ISR: what it does not have is lost."""
        new = self.nodes[broker_id].logs.get(topic_partition)
        former = self.nodes[self.controller.partitions[topic_partition].isr[0]].logs.get(topic_partition)
        diverged = _common_end(new, former) if new and former else 0
        election = UncleanElection(self.loop.now, diverged, new.log_end if new else 0)
        self.unclean_elections.setdefault(topic_partition, []).append(election)
        await self.controller.elect(topic_partition, broker_id)

    async def move_leader(self, topic_partition: TopicPartition) -> None:
        state = self.controller.partitions.get(topic_partition)
        if state is None:
            return
        running = {node.broker_id for node in self.running()}
        others = [each for each in state.isr if each in running and each != state.leader]
        if others:
            await self.controller.elect(topic_partition, self.chance.choice(others))

    async def close(self) -> None:
        for node in self.running():
            assert isinstance(node, SimulatedNode)
            node.hang_up()
        await super().close()
        for task in sorted(self._tasks, key=age):
            task.cancel()
