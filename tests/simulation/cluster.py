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
from collections.abc import Iterable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

from kio.schema.consumer_group_heartbeat.v1.request import ConsumerGroupHeartbeatRequest
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.context import Api, RequestContext
from pykafka_cli.broker.coordinator.group.coordinator import OFFSETS_TOPIC, GroupCoordinator
from pykafka_cli.broker.coordinator.group.shard import Committer
from pykafka_cli.broker.coordinator.transaction.coordinator import TransactionCoordinator
from pykafka_cli.broker.coordinator.transaction.markers import MarkerWriter
from pykafka_cli.broker.coordinator.transaction.verification import TransactionVerification
from pykafka_cli.broker.dispatch import Dispatcher
from pykafka_cli.broker.errors import BrokerError, TopicAlreadyExists, UnknownTopicOrPartition
from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.metadata.producer_ids import ProducerIds
from pykafka_cli.broker.metadata.topic_admin import CreatedTopic
from pykafka_cli.broker.metadata.topic_rules import NewTopic
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.connection import Connection, Disconnect, Peer, Service
from pykafka_cli.broker.network.connection_rates import ConnectionRates
from pykafka_cli.broker.network.limits import ConnectionLimits, Intake
from pykafka_cli.broker.network.memory import Memory
from pykafka_cli.broker.replication.peers import BrokerEndpoint
from pykafka_cli.model import (
    BrokerEpoch,
    BrokerId,
    ControllerEpoch,
    LeaderEpoch,
    Milliseconds,
    Offset,
    ProducerId,
    TopicPartition,
    in_seconds,
)
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.codec import message_codec, read_request_header
from pykafka_cli.protocol.inter_broker import (
    LEADER_DURING_DELETE,
    StopReplicaPartitionState,
    StopReplicaRequest,
    StopReplicaTopicState,
)
from pykafka_cli.topic_names import TRANSACTION_STATE
from pykafka_cli.transport.errors import BrokerUnreachable
from pykafka_cli.zookeeper.kafka_znodes import ProducerIdBlock
from tests.fakes.replica_cluster import (
    CONTROLLER,
    LEADER_AND_ISR,
    LISTENER,
    STOP_REPLICA,
    ControllerModel,
    MemoryConnection,
    Node,
    PartitionState,
    ReplicaCluster,
)
from tests.simulation.consumer_group import ConsumerGroup, Refused
from tests.simulation.implicit_transactions import ImplicitTransactions
from tests.simulation.loop import LoopClock, VirtualLoop
from tests.simulation.network import SimulatedNetwork
from tests.support.logs import broker_settings

TOPIC = "t"
"""What clients write and read."""
GROUP = "g"
OFFSET_COMMIT, HEARTBEAT = 8, 68
COORDINATOR_PARTITIONS = 2
MOST_RETRIES_IN_A_ROW = 6
"""How often one connection is rejected the same thing one time after the other; a cluster has its good moments."""

_LEADER = (
    ErrorCode.not_leader_or_follower, ErrorCode.leader_not_available, ErrorCode.kafka_storage_error,
    ErrorCode.replica_not_available,
)  # fmt: skip
_COORDINATOR = (
    ErrorCode.coordinator_load_in_progress, ErrorCode.coordinator_not_available, ErrorCode.not_coordinator,
)  # fmt: skip
RETRIABLE: Mapping[int, tuple[ErrorCode, ...]] = {
    0: (*_LEADER[:3], ErrorCode.not_enough_replicas, ErrorCode.request_timed_out, ErrorCode.corrupt_message,
        ErrorCode.unknown_topic_or_partition),
    1: (*_LEADER, ErrorCode.unknown_topic_or_partition, ErrorCode.fenced_leader_epoch, ErrorCode.unknown_leader_epoch,
        ErrorCode.offset_not_available),
    2: (*_LEADER, ErrorCode.fenced_leader_epoch, ErrorCode.unknown_leader_epoch, ErrorCode.offset_not_available,
        ErrorCode.unknown_topic_or_partition),
    3: (ErrorCode.leader_not_available, ErrorCode.unknown_topic_or_partition),
    8: _COORDINATOR,
    9: _COORDINATOR,
    10: (ErrorCode.coordinator_not_available,),
    11: (*_COORDINATOR, ErrorCode.unknown_member_id, ErrorCode.rebalance_in_progress),
    12: (*_COORDINATOR, ErrorCode.rebalance_in_progress, ErrorCode.unknown_member_id, ErrorCode.illegal_generation),
    13: _COORDINATOR,
    14: (*_COORDINATOR, ErrorCode.rebalance_in_progress, ErrorCode.unknown_member_id, ErrorCode.illegal_generation),
    22: (*_COORDINATOR, ErrorCode.concurrent_transactions),
    23: (*_LEADER, ErrorCode.unknown_leader_epoch, ErrorCode.fenced_leader_epoch),
    24: (*_COORDINATOR, ErrorCode.concurrent_transactions),
    26: (*_COORDINATOR, ErrorCode.concurrent_transactions),
    HEARTBEAT: (*_COORDINATOR, ErrorCode.unknown_member_id, ErrorCode.fenced_member_epoch),
}  # fmt: skip
"""What a broker may answer to an API of its own accord, and what a client must then try again; by key."""


class _Topics:
    """Twin of TopicAdmin over the model of a controller."""

    def __init__(self, cluster: "SimulatedCluster") -> None:
        self._cluster = cluster

    async def auto_create(self, names: Iterable[str]) -> dict[str, BrokerError | None]:
        return {name: self._cluster.create_soon(name) for name in names}

    async def create(self, topics: Iterable[NewTopic], **_: object) -> dict[str, CreatedTopic | BrokerError]:
        outcomes: dict[str, CreatedTopic | BrokerError] = {}
        for topic in topics:
            error = self._cluster.create_soon(topic.name, max(1, topic.partitions))
            outcomes[topic.name] = error or CreatedTopic(None, max(1, topic.partitions), 1, {})
        await asyncio.sleep(self._cluster.chance.random())
        return outcomes

    async def delete(self, topics: Iterable[str], **_: object) -> dict[str, BrokerError | None]:
        outcomes: dict[str, BrokerError | None] = {}
        for topic in topics:
            known = topic in self._cluster.controller.topic_ids
            outcomes[topic] = None if known else UnknownTopicOrPartition()
            if known:
                await self._cluster.controller.delete(topic)
        return outcomes


class Deletion(NamedTuple):
    """A log that began at `log_start`, at that time at the latest."""

    at: float
    log_start: int


class UncleanElection(NamedTuple):
    """What the former leader had from `diverged` on is lost. The new one had something else there up to `log_end`."""

    at: float
    diverged: int
    log_end: int


class SimulatedNode(Node):
    """A broker that clients reach through the network."""

    cluster: "SimulatedCluster"

    async def start(self) -> None:
        await super().start()
        cluster, settings, clock = self.cluster, self.settings, self.cluster.clock
        self.metrics = Metrics()
        producer_ids = ProducerIds(cluster.next_producer_ids)
        self.groups = GroupCoordinator(
            settings,
            clock,
            self.replicas,
            lambda: COORDINATOR_PARTITIONS,
            lambda: f"{cluster.chance.getrandbits(64):x}",
        )
        self.transactions = TransactionCoordinator(
            settings,
            clock,
            self.replicas,
            lambda: COORDINATOR_PARTITIONS,
            producer_ids.next,
            MarkerWriter(
                self.metadata, LISTENER, self._connect, lambda each: self.dispatcher.answer_own(each), clock,
                BrokerId(self.broker_id),
            ),
            write_timeout_ms=Milliseconds(settings.request_timeout_ms),
        )  # fmt: skip
        self.verification = TransactionVerification(
            self.transactions,
            self.metadata,
            clock,
            self._connect,
            lambda partition, producer: (
                self.replicas.partition(partition).leader_log().has_ongoing_transaction(producer)
            ),
            broker_id=BrokerId(self.broker_id),
            listener=LISTENER,
            forget_s=in_seconds(settings.producer_id_expiration_ms),
        )
        self.replicas.on_leadership.extend(
            (self.groups.on_leadership, self.transactions.on_leadership, self.verification.on_leadership)
        )
        broker = self.broker
        broker.groups, broker.transactions, broker.verification = self.groups, self.transactions, self.verification
        broker.producer_ids, broker.topics = producer_ids, _Topics(cluster)  # type: ignore[assignment]
        broker.controller = SimpleNamespace(  # type: ignore[assignment]
            is_active=self.broker_id == CONTROLLER, topic_name=lambda _: None
        )
        self._watch_deletions()
        if cluster.has_new_groups:
            self._serve_new_groups()
        self.dispatcher = Dispatcher(broker, self.metrics, self.apis)
        self.service = Service(
            LISTENER, self._answer, clock, self.metrics, ConnectionLimits(settings),
            ConnectionRates(settings, clock), Intake(settings), Memory(settings, clock),
            settings.socket_request_max_bytes,
        )  # fmt: skip
        self.groups.start()
        self.transactions.start()
        cluster.network.listen(self.address, partial(Connection, self.service))

    @property
    def apis(self) -> Mapping[int, Api]:
        apis = dict(HANDLERS)
        if self.cluster.has_new_groups:
            apis[HEARTBEAT] = Api("ConsumerGroupHeartbeat", HEARTBEAT, 0, 1, self._heartbeat)
        if self.cluster.implicit_transactions:
            apis |= self.cluster.implicit_transactions.apis
        return apis

    async def _heartbeat(self, _: RequestContext, request: ConsumerGroupHeartbeatRequest) -> Any:
        self.groups.fetch_offsets(request.group_id, (), require_stable=False)  # raises if it coordinates others only
        return self.cluster.new_group(self).heartbeat(request)

    def _serve_new_groups(self) -> None:
        """Have members of the modelled group commit: what passes its checks is written as anybody's offsets."""
        write = self.groups.commit

        async def commit(group_id: str, committer: Committer, *what: Any) -> Any:
            self.groups.fetch_offsets(group_id, (), require_stable=False)
            try:
                self.cluster.new_group(self).check_commit(committer.member_id, committer.generation)
            except Refused as refusal:
                raise type("Refusal", (BrokerError,), {"code": refusal.code})(str(refusal)) from refusal
            return await write(group_id, Committer("", None, -1), *what)

        self.groups.commit = commit  # type: ignore[assignment, method-assign]

    def coordinates(self, group_id: str) -> bool:
        try:
            self.groups.fetch_offsets(group_id, (), require_stable=False)
        except BrokerError:
            return False
        return self.is_running

    def _watch_deletions(self) -> None:
        """Note where logs begin once records were deleted, whether or not anybody hears of it."""
        delete = self.replicas.delete_records

        async def delete_records(before: Mapping[TopicPartition, Any], timeout_ms: Milliseconds) -> Any:
            for each in before:
                if log := self.replicas.partition(each).log:
                    self._watch_start(log)
            return await delete(before, timeout_ms)

        self.replicas.delete_records = delete_records  # type: ignore[method-assign]

    def _watch_start(self, log: PartitionLog) -> None:
        advance = type(log).advance_log_start

        def advance_log_start(offset: Offset) -> bool:
            try:
                return advance(log, offset)
            finally:
                deletion = Deletion(self.cluster.loop.now, log.log_start)
                self.cluster.deletions.setdefault(log.topic_partition, []).append(deletion)

        log.advance_log_start = advance_log_start  # type: ignore[method-assign]

    @property
    def address(self) -> str:
        return f"b{self.broker_id}:{9000 + self.broker_id}"

    def hang_up(self) -> None:
        """Take no more requests, and end the connections that are there."""
        self.cluster.network.stop_listening(self.address)
        for worker in sorted(self.service.workers, key=_age):  # a set of tasks is in the order of their addresses
            worker.cancel()
        self.groups.close()
        self.transactions.close()
        self.verification.close()

    async def _answer(self, frame: bytearray, peer: Peer) -> list[Buffer] | None:
        fault = self.cluster.fault_for(frame, peer)
        if fault is None:
            return await self.dispatcher.answer(frame, peer)
        kind, value = fault
        if kind == "delay" and int.from_bytes(frame[:2]) != HEARTBEAT:
            await asyncio.sleep(float(value))
        elif kind == "error":
            if value == ErrorCode.unknown_member_id:
                self.cluster.forget_member(frame)
            return _refusal(frame, ErrorCode(int(value)), self.apis)
        answer = await self.dispatcher.answer(frame, peer)
        if kind == "delay" and int.from_bytes(frame[:2]) == HEARTBEAT:
            await asyncio.sleep(float(value))  # carried out in turn: a coordinator never sees an older one afterwards
        if kind == "lost":
            raise Disconnect("simulated", "the answer is lost")
        return answer

    async def _connect(self, endpoint: BrokerEndpoint, client_id: str) -> MemoryConnection:
        await asyncio.sleep(self.cluster.chance.random() * 0.002)
        connection = await super()._connect(endpoint, client_id)
        return _SlowConnection(connection.cluster, connection.here, connection.there)


class _SlowConnection(MemoryConnection):
    async def request(self, request: Any) -> Any:
        await self._travel()
        return await super().request(request)

    async def request_raw(self, api_key: int, api_version: int, header_version: int, body: bytes) -> memoryview:
        await self._travel()
        return await super().request_raw(api_key, api_version, header_version, body)

    async def _travel(self) -> None:
        cluster = self.cluster
        assert isinstance(cluster, SimulatedCluster)
        await asyncio.sleep(cluster.chance.random() * cluster.replication_delay)
        if not cluster.are_linked(self.here, self.there):
            raise BrokerUnreachable("cut off")


def _common_end(new: PartitionLog, former: PartitionLog) -> int:
    """The offset up to which two logs have the same records, by their leader epochs."""
    for epoch, _ in reversed(new.epochs.entries):
        its_end, other = new.end_offset_for_epoch(epoch), former.end_offset_for_epoch(epoch)
        if its_end and other and other.epoch == its_end.epoch == epoch:
            return min(its_end.end_offset, other.end_offset)
    return 0


def _age(task: asyncio.Task[None]) -> int:
    """Grows from one task to the next."""
    return int(task.get_name().rpartition("-")[2])


def _refusal(frame: bytearray, code: ErrorCode, apis: Mapping[int, Api]) -> list[Buffer]:
    data = memoryview(frame)
    header = read_request_header(data)
    codec = message_codec(header.api_key, header.api_version, apis[header.api_key].max_version)
    request = codec.decode_request(data, header.position)
    return codec.encode_response(header.correlation_id, codec.error_response(request, code, None), request)


class _Controller(ControllerModel):
    """The model, with the way to each broker a different one, and topics that are forgotten when they are deleted."""

    _cluster: "SimulatedCluster"

    async def send(self, changed: list[TopicPartition], *, is_new: bool = False) -> None:
        for node in self._cluster.running():
            own = [each for each in changed if node.broker_id in self.partitions[each].replicas]
            news = self.update_metadata(changed, node)
            roles = self.leader_and_isr(own, node, is_new=is_new) if own else None
            self._cluster.post(node, partial(self._tell, node, news, roles))

    async def _tell(self, node: Node, news: Any, roles: Any) -> None:
        node.metadata.apply(news)
        if roles is not None:
            await node.ask(LEADER_AND_ISR, roles)

    def update_metadata(self, partitions: list[TopicPartition], node: Node) -> Any:
        request = super().update_metadata(partitions, node)
        brokers = {each.id: each for each in request.live_brokers}
        return _replaced(request, live_brokers=tuple(brokers.values()))

    async def delete(self, topic: str) -> None:
        gone = [each for each in self.partitions if each.topic == topic]
        for each in gone:
            self.partitions[each].leader = LEADER_DURING_DELETE
        for node in self._cluster.running():
            states = tuple(
                StopReplicaPartitionState(
                    partition_index=each.partition, leader_epoch=LeaderEpoch(-2), delete_partition=True
                )
                for each in gone
                if node.broker_id in self.partitions[each].replicas
            )
            stop = StopReplicaRequest(
                controller_id=BrokerId(CONTROLLER),
                controller_epoch=ControllerEpoch(self.epoch),
                broker_epoch=BrokerEpoch(node.epoch),
                topic_states=(StopReplicaTopicState(topic_name=topic, partition_states=states),),
            )
            self._cluster.post(node, partial(self._forget, node, self.update_metadata(gone, node), stop))
        for each in gone:
            del self.partitions[each]
        del self.topic_ids[topic]

    async def _forget(self, node: Node, news: Any, stop: Any) -> None:
        node.metadata.apply(news)
        await node.ask(STOP_REPLICA, stop)

    async def create(self, topic: str, *assignments: tuple[int, ...]) -> None:
        self.topic_ids[topic] = uuid.UUID(int=self._cluster.chance.getrandbits(128))
        running = {node.broker_id for node in self._cluster.running()}
        for index, replicas in enumerate(assignments):
            alive = tuple(each for each in replicas if each in running) or replicas[:1]
            self.partitions[TopicPartition(topic, index)] = PartitionState(replicas, alive[0], alive)
        await self.send([each for each in self.partitions if each.topic == topic], is_new=True)


def _replaced(request: Any, **values: Any) -> Any:
    from dataclasses import replace

    return replace(request, **values)


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
        self.controller = _Controller(self)
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
            codes = (*_COORDINATOR, ErrorCode.unknown_member_id, ErrorCode.stale_member_epoch)
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
        for task in sorted(self._tasks, key=_age):
            task.cancel()
