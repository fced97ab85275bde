"""Brokers' replicas in one process: real logs on disks in memory, real requests between them; no sockets, no real time.

Each Node has everything that replication needs of a broker and answers through the real handlers and codecs. The
controller is a model: it elects, writes ISRs and sends LeaderAndIsr and UpdateMetadata as Kafka's does, with none of
its bookkeeping.
"""

import asyncio
import io
import itertools
import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from kio.schema.alter_partition.v3 import request as alter_request
from kio.schema.alter_partition.v3 import response as alter_response
from kio.schema.errors import ErrorCode
from kio.serial import entity_reader, entity_writer

from pykafka_cli.broker.context import Broker, RequestContext
from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.broker.log.log_manager import LogManager
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.metadata.cache import MetadataCache
from pykafka_cli.broker.replication.peers import BrokerEndpoint
from pykafka_cli.broker.replication.replica_manager import ReplicaManager
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.model import BrokerEpoch, TopicPartition
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.codec import message_codec
from pykafka_cli.protocol.hot_path import fetch, produce
from pykafka_cli.protocol.inter_broker import (
    LeaderAndIsrPartitionState,
    LeaderAndIsrRequest,
    LeaderAndIsrTopicState,
    StopReplicaPartitionState,
    StopReplicaRequest,
    StopReplicaTopicState,
    UpdateMetadataBroker,
    UpdateMetadataEndpoint,
    UpdateMetadataPartitionState,
    UpdateMetadataRequest,
    UpdateMetadataTopicState,
)
from pykafka_cli.transport.errors import BrokerUnreachable, ConnectionLost
from pykafka_cli.transport.messages import response_type_of
from tests.fakes.clock import FakeClock
from tests.fakes.files import MemoryFiles
from tests.support.event_loop import settle
from tests.support.logs import batch, broker_settings

LISTENER = "PLAINTEXT"
CONTROLLER = 100
LEADER_AND_ISR, STOP_REPLICA = 4, 5


class NoOverrides:
    """Twin of DynamicConfigs where no topic sets anything itself."""

    async def load_topics(self, topics: Iterable[str]) -> None:
        pass


class Node:
    """One broker, as far as its replicas go. `files` outlives it, as a disk does."""

    def __init__(self, cluster: "ReplicaCluster", broker_id: int, **settings: object) -> None:
        self.cluster = cluster
        self.broker_id = broker_id
        self.files = MemoryFiles()
        self.is_running = False
        self.epoch = 0
        self.settings = broker_settings(
            **{
                "broker_id": broker_id,
                "log_dirs": "/logs",
                "transaction_partition_verification_enable": "false",  # nobody coordinates transactions here
                **settings,
            }
        )

    async def start(self) -> None:
        clock, waiting = self.cluster.clock, WaitingRoom(self.cluster.clock)
        self.epoch = next(self.cluster.epochs)
        self.logs = LogManager(
            self.settings,
            clock,
            self.cluster.topic_config,
            broker_id=self.broker_id,
            cluster_id="cluster",
            files=self.files,
        )
        await self.logs.start()
        self.metadata = MetadataCache(waiting, "cluster")
        self.replicas = ReplicaManager(
            self.settings,
            clock,
            self.logs,
            self.metadata,
            waiting,
            broker_epoch=lambda: BrokerEpoch(self.epoch),
            connect=self._connect,
        )
        self.broker = Broker(
            settings=self.settings,
            clock=clock,
            logs=self.logs,
            replicas=self.replicas,
            metadata=self.metadata,
            store=None,
            topics=None,
            configs=NoOverrides(),
            controller=None,
            groups=None,
            transactions=None,
            verification=None,
            producer_ids=None,
            waiting=waiting,
        )
        await self.replicas.start()
        self.is_running = True

    async def stop(self) -> None:
        self.is_running = False
        await self.replicas.stop()
        await self.logs.shutdown()
        self.files = self.files.restarted()

    async def crash(self, *, lost_power: random.Random | None = None) -> None:
        """Nothing is written any more; what the next start finds is what the disk has."""
        self.is_running = False
        left = self.files.restarted(lost_power=lost_power)
        await self.replicas.stop()
        await self.logs.shutdown()
        self.files = left

    async def ask(self, api_key: int, request: Any, *, version: int | None = None, client: str = "test") -> Any:
        """What the handler answers to a request in the newest shape, from a client that speaks `version`."""
        api = HANDLERS[api_key]
        context = RequestContext(
            self.broker, api_key, api.max_version if version is None else version, 1, client, "127.0.0.1", LISTENER
        )
        return await api.handle(context, request)

    async def exchange(self, api_key: int, version: int, header_version: int, body: bytes) -> memoryview:
        """Body in, body out: through the codec, as over a socket. Flexible versions only."""
        assert header_version == 2
        codec = message_codec(api_key, version, HANDLERS[api_key].max_version)
        request = codec.decode_request(memoryview(b"\0" + body), 0)
        response = await self.ask(api_key, request, version=version)
        return memoryview(b"".join(codec.encode_response(1, response, request)))[5:].toreadonly()

    async def _connect(self, endpoint: BrokerEndpoint, _client_id: str) -> "MemoryConnection":
        if not self.cluster.are_linked(self.broker_id, endpoint.broker_id):
            raise BrokerUnreachable(f"{endpoint} cannot be reached from {self.broker_id}")
        return MemoryConnection(self.cluster, self.broker_id, endpoint.broker_id)

    def log(self, topic: str, partition: int = 0) -> PartitionLog:
        log = self.replicas.partition(TopicPartition(topic, partition)).log
        assert log is not None
        return log

    async def produce(
        self, topic: str, *values: bytes, acks: int = 1, partition: int = 0, timeout_ms: int = 30_000
    ) -> Any:
        """The partition's response to a batch with these values."""
        request = produce.ProduceRequest(
            None,
            acks,
            timeout_ms,
            [
                produce.ProduceTopic(
                    topic, [produce.ProducePartition(partition, memoryview(batch(*values, timestamp=self._now())))]
                )
            ],
        )
        response = await self.ask(produce.API_KEY, request)
        return response.topics[0].partitions[0]

    async def fetch(self, topic: str, offset: int = 0, *, version: int = 12, partition: int = 0, **fields: Any) -> Any:
        """The partition's response to a consumer that waits for nothing, outside of a session."""
        wanted = fetch.FetchPartition(partition, offset, fields.pop("partition_max_bytes", 1 << 20))
        topic_id = self.metadata.topic_id(topic)
        named = fetch.FetchTopic(None, topic_id, [wanted]) if version >= 13 else fetch.FetchTopic(topic, None, [wanted])
        defaults: dict[str, Any] = {"max_wait_ms": 0, "min_bytes": 1, "session_epoch": -1}
        request = fetch.FetchRequest(topics=[named], **(defaults | fields))
        response = await self.ask(fetch.API_KEY, request, version=version)
        return response.topics[0].partitions[0]

    def _now(self) -> int:
        return self.cluster.clock.now_ms()


class MemoryConnection:
    """What one broker has open to another; it ends when the other stops or the two are cut off."""

    def __init__(self, cluster: "ReplicaCluster", here: int, there: int) -> None:
        self.cluster, self.here, self.there = cluster, here, there
        self._is_closed = False
        self._lost = asyncio.get_running_loop().create_future()
        cluster.connections.append(self)

    @property
    def is_open(self) -> bool:
        return not self._is_closed

    def close(self) -> None:
        self._is_closed = True
        if not self._lost.done():
            self._lost.set_result(None)

    def check(self) -> None:
        if not self.cluster.are_linked(self.here, self.there):
            self.close()

    async def request(self, request: Any) -> Any:
        if self.there == CONTROLLER:
            return await self._race(self.cluster.controller.alter_partition(request))
        body = io.BytesIO()
        entity_writer(type(request))(body, request)
        answer = await self.request_raw(type(request).__api_key__, type(request).__version__, 2, body.getvalue())
        return entity_reader(response_type_of(type(request)))(bytes(answer), 0)[0]

    async def request_raw(self, api_key: int, api_version: int, header_version: int, body: bytes) -> memoryview:
        node = self.cluster.nodes[self.there]
        return await self._race(node.exchange(api_key, api_version, header_version, body))

    async def _race(self, answer: Any) -> Any:
        task = asyncio.ensure_future(answer)
        try:
            await asyncio.wait([task, self._lost], return_when=asyncio.FIRST_COMPLETED)
            if self._is_closed or not task.done():
                raise ConnectionLost("cut off")
            return task.result()
        finally:
            task.cancel()


@dataclass
class PartitionState:
    """A partition's znode, in the model."""

    replicas: tuple[int, ...]
    leader: int
    isr: tuple[int, ...]
    leader_epoch: int = 0
    partition_epoch: int = 0


class ControllerModel:
    """Elects, and keeps what is written in ZooKeeper."""

    def __init__(self, cluster: "ReplicaCluster") -> None:
        self._cluster = cluster
        self.epoch = 1
        self.topic_ids: dict[str, uuid.UUID] = {}
        self.partitions: dict[TopicPartition, PartitionState] = {}
        self.refuse_with: ErrorCode = ErrorCode.none

    async def create(self, topic: str, *assignments: tuple[int, ...]) -> None:
        self.decide(topic, *assignments)
        await self.send([tp for tp in self.partitions if tp.topic == topic], is_new=True)

    def decide(self, topic: str, *assignments: tuple[int, ...]) -> None:
        """Create a topic that no broker knows."""
        self.topic_ids[topic] = uuid.uuid5(uuid.NAMESPACE_DNS, topic)
        for index, replicas in enumerate(assignments):
            self.partitions[TopicPartition(topic, index)] = PartitionState(replicas, replicas[0], replicas)

    async def broker_failed(self, broker_id: int) -> None:
        changed = []
        for topic_partition, state in self.partitions.items():
            if broker_id in state.replicas:
                if state.leader == broker_id:
                    self._elect(state, [each for each in state.replicas if each in state.isr])
                if broker_id in state.isr and len(state.isr) > 1:
                    state.isr = tuple(each for each in state.isr if each != broker_id)
                state.leader_epoch += 1
                state.partition_epoch += 1
                changed.append(topic_partition)
        await self.send(changed)

    async def broker_started(self, broker_id: int) -> None:
        for state in self.partitions.values():
            if state.leader < 0 and broker_id in state.isr:
                state.leader = broker_id
            if broker_id in state.replicas:
                state.leader_epoch += 1
                state.partition_epoch += 1
        await self.send([tp for tp, state in self.partitions.items() if broker_id in state.replicas])

    async def elect(self, topic_partition: TopicPartition, leader: int) -> None:
        """Make `leader` the leader; if it is not in the ISR that is an unclean election."""
        state = self.partitions[topic_partition]
        state.leader = leader
        if leader not in state.isr:
            state.isr = (leader,)
        state.leader_epoch += 1
        state.partition_epoch += 1
        await self.send([topic_partition])

    async def delete(self, topic: str) -> None:
        gone = [tp for tp in self.partitions if tp.topic == topic]
        for node in self._cluster.running():
            states = tuple(
                StopReplicaPartitionState(partition_index=tp.partition, leader_epoch=-2, delete_partition=True)
                for tp in gone
            )
            await node.ask(
                STOP_REPLICA,
                StopReplicaRequest(
                    controller_id=CONTROLLER,
                    controller_epoch=self.epoch,
                    broker_epoch=node.epoch,
                    topic_states=(StopReplicaTopicState(topic_name=topic, partition_states=states),),
                ),
            )
        for topic_partition in gone:
            del self.partitions[topic_partition]

    def _elect(self, state: PartitionState, candidates: list[int]) -> None:
        running = [node.broker_id for node in self._cluster.running()]
        state.leader = next((each for each in candidates if each in running), -1)

    async def alter_partition(self, request: alter_request.AlterPartitionRequest) -> Any:
        names: dict[uuid.UUID | None, str] = {topic_id: topic for topic, topic_id in self.topic_ids.items()}
        topics = []
        for topic in request.topics:
            answers = []
            for each in topic.partitions:
                state = self.partitions[TopicPartition(names[topic.topic_id], each.partition_index)]
                error = self._write_isr(state, each)
                answers.append(
                    alter_response.PartitionData(
                        partition_index=each.partition_index,
                        error_code=error,
                        leader_id=state.leader,
                        leader_epoch=state.leader_epoch,
                        isr=state.isr,
                        partition_epoch=state.partition_epoch,
                    )
                )
            topics.append(alter_response.TopicData(topic_id=topic.topic_id, partitions=tuple(answers)))
        return alter_response.AlterPartitionResponse(
            throttle_time=timedelta(), error_code=ErrorCode.none, topics=tuple(topics)
        )

    def _write_isr(self, state: PartitionState, proposed: alter_request.PartitionData) -> ErrorCode:
        if self.refuse_with is not ErrorCode.none:
            return self.refuse_with
        if proposed.leader_epoch != state.leader_epoch:
            return ErrorCode.fenced_leader_epoch
        if proposed.partition_epoch != state.partition_epoch:
            return ErrorCode.invalid_update_version
        state.isr = tuple(member.broker_id for member in proposed.new_isr_with_epochs)
        state.partition_epoch += 1
        return ErrorCode.none

    async def send(self, changed: list[TopicPartition], *, is_new: bool = False) -> None:
        """UpdateMetadata to all, so that followers know their leaders, then LeaderAndIsr to who has replicas."""
        for node in self._cluster.running():
            node.metadata.apply(self.update_metadata(changed, node))
        for node in self._cluster.running():
            own = [tp for tp in changed if node.broker_id in self.partitions[tp].replicas]
            if own:
                await node.ask(LEADER_AND_ISR, self.leader_and_isr(own, node, is_new=is_new))

    def leader_and_isr(
        self, partitions: list[TopicPartition], node: Node, *, is_new: bool = False, **fields: Any
    ) -> LeaderAndIsrRequest:
        by_topic = itertools.groupby(sorted(partitions), key=lambda tp: tp.topic)
        request = LeaderAndIsrRequest(
            controller_id=CONTROLLER,
            controller_epoch=self.epoch,
            broker_epoch=node.epoch,
            topic_states=tuple(
                LeaderAndIsrTopicState(
                    topic_name=topic,
                    topic_id=self.topic_ids[topic],
                    partition_states=tuple(
                        LeaderAndIsrPartitionState(
                            partition_index=tp.partition,
                            controller_epoch=self.epoch,
                            leader=self.partitions[tp].leader,
                            leader_epoch=self.partitions[tp].leader_epoch,
                            isr=self.partitions[tp].isr,
                            partition_epoch=self.partitions[tp].partition_epoch,
                            replicas=self.partitions[tp].replicas,
                            is_new=is_new,
                        )
                        for tp in group
                    ),
                )
                for topic, group in by_topic
            ),
        )
        return replace(request, **fields)

    def update_metadata(self, partitions: list[TopicPartition], node: Node) -> UpdateMetadataRequest:
        by_topic = itertools.groupby(sorted(partitions), key=lambda tp: tp.topic)
        alive = [*(each.broker_id for each in self._cluster.running()), CONTROLLER]
        return UpdateMetadataRequest(
            controller_id=CONTROLLER,
            controller_epoch=self.epoch,
            broker_epoch=node.epoch,
            topic_states=tuple(
                UpdateMetadataTopicState(
                    topic_name=topic,
                    topic_id=self.topic_ids[topic],
                    partition_states=tuple(
                        UpdateMetadataPartitionState(
                            partition_index=tp.partition,
                            controller_epoch=self.epoch,
                            leader=self.partitions[tp].leader,
                            leader_epoch=self.partitions[tp].leader_epoch,
                            isr=self.partitions[tp].isr,
                            zk_version=self.partitions[tp].partition_epoch,
                            replicas=self.partitions[tp].replicas,
                        )
                        for tp in group
                    ),
                )
                for topic, group in by_topic
            ),
            live_brokers=tuple(
                UpdateMetadataBroker(
                    id=broker_id,
                    endpoints=(
                        UpdateMetadataEndpoint(
                            port=9000 + broker_id, host=f"b{broker_id}", listener=LISTENER, security_protocol=0
                        ),
                    ),
                )
                for broker_id in alive
            ),
        )


@dataclass
class ReplicaCluster:
    """Some brokers and a controller. `topic_configs` holds overrides by topic."""

    clock: FakeClock = field(default_factory=FakeClock)
    topic_configs: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.nodes: dict[int, Node] = {}
        self.controller = ControllerModel(self)
        self.connections: list[MemoryConnection] = []
        self.epochs = itertools.count(1)
        self._cut: set[frozenset[int]] = set()

    @classmethod
    async def started(cls, *broker_ids: int, **settings: object) -> "ReplicaCluster":
        cluster = cls()
        for broker_id in broker_ids:
            cluster.nodes[broker_id] = Node(cluster, broker_id, **settings)
            await cluster.nodes[broker_id].start()
        return cluster

    def topic_config(self, topic: str) -> TopicConfig:
        return TopicConfig.resolve(broker_settings(), self.topic_configs.get(topic, {}))

    def running(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.is_running]

    def leader_of(self, topic: str, partition: int = 0) -> Node:
        return self.nodes[self.controller.partitions[TopicPartition(topic, partition)].leader]

    async def settle(self) -> None:
        """Let everything happen that needs no time to pass."""
        await settle(150)

    async def wait(self, seconds: float, *, step: float = 0.25) -> None:
        """Let time pass, in steps short enough for what is woken to act before the next."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            await self.settle()

    def are_linked(self, here: int, there: int) -> bool:
        if frozenset((here, there)) in self._cut:
            return False
        return all(each == CONTROLLER or self.nodes[each].is_running for each in (here, there))

    def cut(self, here: int, there: int) -> None:
        self._cut.add(frozenset((here, there)))
        self._check_connections()

    def mend(self, here: int, there: int) -> None:
        self._cut.discard(frozenset((here, there)))

    def _check_connections(self) -> None:
        for connection in self.connections:
            connection.check()

    async def fail(self, broker_id: int, *, how: str = "stop") -> None:
        """End a broker (stop, crash, power) and let the controller see to what it led."""
        node = self.nodes[broker_id]
        node.is_running = False
        self._check_connections()
        if how == "stop":
            await node.stop()
        else:
            await node.crash(lost_power=random.Random(broker_id) if how == "power" else None)
        await self.controller.broker_failed(broker_id)
        await self.settle()

    async def restart(self, broker_id: int) -> None:
        await self.nodes[broker_id].start()
        node = self.nodes[broker_id]
        node.metadata.apply(self.controller.update_metadata(list(self.controller.partitions), node))
        await self.controller.broker_started(broker_id)
        await self.settle()

    async def close(self) -> None:
        left = self.running()
        for node in left:
            node.is_running = False
        self._check_connections()
        for node in left:
            await node.replicas.stop()
            await node.logs.shutdown()
