"""One broker of a simulated cluster, which clients reach through the simulated network."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from kio.schema.consumer_group_heartbeat.v1.request import ConsumerGroupHeartbeatRequest
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.context import Api, RequestContext
from pykafka_cli.broker.coordinator.group.coordinator import GroupCoordinator
from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.coordinator.group.shard import Committer
from pykafka_cli.broker.coordinator.transaction.coordinator import TransactionCoordinator
from pykafka_cli.broker.coordinator.transaction.markers import MarkerWriter
from pykafka_cli.broker.coordinator.transaction.verification import TransactionVerification
from pykafka_cli.broker.dispatch import Dispatcher
from pykafka_cli.broker.errors import BrokerError, UnknownTopicOrPartition
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
from pykafka_cli.model import BrokerId, Milliseconds, Offset, ProducerIdAndEpoch, TopicPartition, in_seconds
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.repeated_lines import RepeatedLines
from pykafka_cli.transport.errors import BrokerUnreachable
from tests.fakes.replica_cluster import CONTROLLER, LISTENER, MemoryConnection, Node
from tests.simulation.consumer_group import ConsumerGroup, Refused
from tests.simulation.loop import age
from tests.simulation.rejections import HEARTBEAT, rejection

if TYPE_CHECKING:
    from tests.simulation.cluster import SimulatedCluster

COORDINATOR_PARTITIONS = 2


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


class _Groups(GroupCoordinator):
    """Lets members of the modeled group commit: what passes its checks is written like any other group's offsets."""

    modeled: Callable[[], ConsumerGroup] | None = None

    async def commit(
        self,
        group_id: str,
        committer: Committer,
        offsets: Mapping[TopicPartition, OffsetCommitValue],
        producer: ProducerIdAndEpoch | None = None,
    ) -> dict[TopicPartition, BrokerError | None]:
        if self.modeled is None:
            return await super().commit(group_id, committer, offsets, producer)
        self.fetch_offsets(group_id, (), require_stable=False)  # raises if it coordinates others only
        try:
            self.modeled().check_commit(committer.member_id, committer.generation)
        except Refused as refusal:
            raise type("Refusal", (BrokerError,), {"code": refusal.code})(str(refusal)) from refusal
        return await super().commit(group_id, Committer("", None, -1), offsets, producer)


class Deletion(NamedTuple):
    """A log that began at `log_start`, at time `at` or before."""

    at: float
    log_start: int


class SimulatedNode(Node):
    """A broker that clients reach through the network."""

    cluster: "SimulatedCluster"

    async def start(self) -> None:
        await super().start()
        cluster, settings, clock = self.cluster, self.settings, self.cluster.clock
        self.metrics = Metrics()
        producer_ids = ProducerIds(cluster.next_producer_ids)
        self.groups = _Groups(
            settings,
            clock,
            self.replicas,
            lambda: COORDINATOR_PARTITIONS,
            lambda: f"{cluster.chance.getrandbits(64):x}",
        )
        if cluster.has_new_groups:
            self.groups.modeled = lambda: cluster.new_group(self)
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
        self.dispatcher = Dispatcher(broker, self.metrics, self.apis)
        self.service = Service(
            LISTENER, self._answer, clock, self.metrics, ConnectionLimits(settings),
            ConnectionRates(settings, clock), Intake(settings), Memory(settings, clock), RepeatedLines(clock),
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

    def coordinates(self, group_id: str) -> bool:
        try:
            self.groups.fetch_offsets(group_id, (), require_stable=False)
        except BrokerError:
            return False
        return self.is_running

    def _watch_deletions(self) -> None:
        """Note where logs begin after records were deleted, even if the client gets no response."""
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
        """Accept no more connections, and close the open ones."""
        self.cluster.network.stop_listening(self.address)
        for worker in sorted(self.service.workers, key=age):  # a set of tasks is in the order of their addresses
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
            return rejection(frame, ErrorCode(int(value)), self.apis)
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
    cluster: "SimulatedCluster"

    async def request(self, request: Any) -> Any:
        await self._travel()
        return await super().request(request)

    async def request_raw(self, api_key: int, api_version: int, header_version: int, body: bytes) -> memoryview:
        await self._travel()
        return await super().request_raw(api_key, api_version, header_version, body)

    async def _travel(self) -> None:
        cluster = self.cluster
        await asyncio.sleep(cluster.chance.random() * cluster.replication_delay)
        if not cluster.are_linked(self.here, self.there):
            raise BrokerUnreachable("cut off")
