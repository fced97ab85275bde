"""Brokers that do nothing but what a controller sends them: real controllers, a ZooKeeper in memory, no sockets.

Each broker records what it receives, keeps a real metadata cache, and answers at once. `settle` lets everything come
to rest; nothing here waits for time to pass.
"""

import asyncio
import dataclasses
from collections.abc import Collection, Iterable
from typing import Any

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.context import Broker
from pykafka_cli.broker.controller.alter_partition import WantedIsr
from pykafka_cli.broker.controller.controller import Controller
from pykafka_cli.broker.dispatch import Dispatcher
from pykafka_cli.broker.metadata.cache import MetadataCache
from pykafka_cli.broker.metadata.config_store import ConfigStore
from pykafka_cli.broker.metadata.dynamic_configs import DynamicConfigs
from pykafka_cli.broker.metadata.topic_admin import TopicAdmin
from pykafka_cli.broker.metadata.zk_store import ZkStore
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.connection import Peer
from pykafka_cli.broker.replication.peers import BrokerEndpoint
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.model import BrokerEpoch, TopicPartition
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.protocol.inter_broker import (
    LeaderAndIsrPartitionError,
    LeaderAndIsrRequest,
    LeaderAndIsrResponse,
    LeaderAndIsrTopicError,
    StopReplicaPartitionError,
    StopReplicaRequest,
    StopReplicaResponse,
    UpdateMetadataRequest,
    UpdateMetadataResponse,
)
from pykafka_cli.transport.errors import BrokerUnreachable
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.kafka_znodes import BrokerRegistration, Endpoint
from pykafka_cli.zookeeper.topic_znodes import PartitionState, ReplicaAssignment, TopicAssignment
from tests.fakes.clock import FakeClock
from tests.fakes.zookeeper import FakeZooKeeper
from tests.support.event_loop import settle_until_quiet

QUIET_TURNS = 60
LISTENER = "PLAINTEXT"


def answer_to(
    request: Any, *, lost: Collection[TopicPartition] = (), refuses_delete: Collection[TopicPartition] = ()
) -> Any:
    """What a broker answers to a controller, when it does all that it can."""

    def outcome(topic: str, partition: int, bad: Collection[TopicPartition]) -> ErrorCode:
        return ErrorCode.kafka_storage_error if TopicPartition(topic, partition) in bad else ErrorCode.none

    match request:
        case LeaderAndIsrRequest():
            return LeaderAndIsrResponse(
                topics=tuple(
                    LeaderAndIsrTopicError(
                        topic_id=topic.topic_id,
                        partition_errors=tuple(
                            LeaderAndIsrPartitionError(
                                partition_index=state.partition_index,
                                error_code=outcome(topic.topic_name, state.partition_index, lost),
                            )
                            for state in topic.partition_states
                        ),
                    )
                    for topic in request.topic_states
                )
            )
        case UpdateMetadataRequest():
            return UpdateMetadataResponse()
        case StopReplicaRequest():
            return StopReplicaResponse(
                partition_errors=tuple(
                    StopReplicaPartitionError(
                        topic_name=topic.topic_name,
                        partition_index=state.partition_index,
                        error_code=outcome(topic.topic_name, state.partition_index, refuses_delete),
                    )
                    for topic in request.topic_states
                    for state in topic.partition_states
                )
            )
    raise AssertionError(f"a controller does not send {request}")


class ControlledBroker:
    """One broker of a ControlledCluster.

    told             every request of a controller, in order
    answers          requests wait while this is not set
    refuses_delete   partitions whose files it cannot delete
    lost             partitions that went with a log directory
    """

    def __init__(self, cluster: "ControlledCluster", broker_id: int, rack: str | None) -> None:
        self.id = broker_id
        self.alive = True
        self.told: list[Any] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.refuses_delete: set[TopicPartition] = set()
        self.lost: set[TopicPartition] = set()
        self.waiting = waiting = WaitingRoom(cluster.clock)
        self.cache = MetadataCache(waiting, "in-memory-cluster")
        self.zookeeper = cluster.zookeeper.client()
        self.store = ZkStore(self.zookeeper, cluster.clock)
        self.listener = cluster.listener
        settings = {"zookeeper.connect": "in-memory:2181"} | cluster.settings | {"broker.id": str(broker_id)}
        self.settings = BrokerSettings(Property(key, value, 0) for key, value in settings.items())
        self.registration = BrokerRegistration(
            broker_id,
            tuple(
                Endpoint(name, "PLAINTEXT", "127.0.0.1", 9000 + broker_id)
                for name in dict.fromkeys([cluster.listener, self.settings.inter_broker_listener])
            ),
            rack,
        )
        self.configs = DynamicConfigs(ConfigStore(self.zookeeper), self.settings, cluster.clock)
        self.controller = Controller(
            settings=self.settings,
            store=self.store,
            clock=cluster.clock,
            connect=cluster.connect,
            unclean_election_allowed=cluster.unclean_election_allowed,
        )
        self.topics = TopicAdmin(
            settings=self.settings,
            store=self.store,
            configs=self.configs.store,
            cache=self.cache,
            waiting=waiting,
            clock=cluster.clock,
            all_answered=self.controller.all_answered,
        )
        parts: dict[str, Any] = dict.fromkeys(each.name for each in dataclasses.fields(Broker))
        parts |= {
            "settings": self.settings,
            "clock": cluster.clock,
            "metadata": self.cache,
            "store": self.store,
            "topics": self.topics,
            "configs": self.configs,
            "controller": self.controller,
            "waiting": waiting,
        }
        self.dispatcher = Dispatcher(Broker(**parts), Metrics())

    @property
    def epoch(self) -> BrokerEpoch:
        """Of its registration, which it has."""
        assert self.controller.broker_epoch is not None
        return self.controller.broker_epoch

    async def serve(self, frame: bytes) -> bytes:
        """The response to a client's request, both without their length in front."""
        answer = await self.dispatcher.answer(bytearray(frame), Peer("127.0.0.1", 50000, self.listener))
        assert answer is not None
        return b"".join(answer)

    def answer(self, request: Any) -> Any:
        self.told.append(request)
        if isinstance(request, UpdateMetadataRequest):
            self.cache.apply(request)
        return answer_to(request, lost=self.lost, refuses_delete=self.refuses_delete)

    def told_briefly(self) -> list[str]:
        """What it received since the last call, one line per request."""
        told, self.told = self.told, []
        return [briefly_told(request) for request in told]


class _Line:
    def __init__(self, broker: ControlledBroker, cluster: "ControlledCluster") -> None:
        self._broker = broker
        self._cluster = cluster

    @property
    def is_open(self) -> bool:
        return self._broker.alive

    async def request(self, request: Any) -> Any:
        await asyncio.sleep(0)
        self._cluster.activity += 1
        if not self._broker.alive:
            raise BrokerUnreachable(f"broker {self._broker.id} is dead")
        await self._broker.answers.wait()
        return self._broker.answer(request)

    def close(self) -> None:
        pass


class ControlledCluster:
    """Controllers of several brokers over one ZooKeeper in memory."""

    def __init__(self, listener: str = LISTENER, **settings: str) -> None:
        """`settings` by key, dots or underscores."""
        self.zookeeper = FakeZooKeeper()
        self.clock = FakeClock()
        self.listener = listener
        self.settings = {key.replace("_", "."): value for key, value in settings.items()}
        self.brokers: dict[int, ControlledBroker] = {}
        self.unclean_topics: set[str] = set()
        self.activity = 0
        self.hand = self.zookeeper.client()
        """A session of nobody's: for what operators and old tools write."""

    async def connect(self, endpoint: BrokerEndpoint, _client_id: str) -> _Line:
        broker = self.brokers.get(endpoint.broker_id)
        if broker is None or not broker.alive:
            raise BrokerUnreachable(f"{endpoint} does not listen")
        return _Line(broker, self)

    async def unclean_election_allowed(self, topic: str) -> bool:
        return topic in self.unclean_topics

    async def start(self, *broker_ids: int, rack: str | None = None) -> None:
        for broker_id in broker_ids:
            broker = self.brokers[broker_id] = ControlledBroker(self, broker_id, rack)
            await broker.store.ensure_persistent_paths()
            await broker.configs.start()
            await broker.controller.start(broker.registration)
            await self.settle()

    async def kill(self, broker_id: int) -> None:
        """It goes without a word, and its session ends."""
        broker = self.brokers[broker_id]
        broker.alive = False
        await broker.zookeeper.close()
        await broker.controller.stop()
        await broker.configs.stop()
        await self.settle()

    async def stop(self, broker_id: int) -> list[TopicPartition]:
        """Controlled shutdown; returns what it could not hand over."""
        broker = self.brokers[broker_id]
        remaining = await self.controller.controlled_shutdown(broker_id, broker.epoch)
        await self.settle()
        broker.alive = False
        await broker.controller.stop()
        await broker.configs.stop()
        await broker.zookeeper.close()
        await self.settle()
        return remaining

    async def close(self) -> None:
        for broker in self.brokers.values():
            if broker.alive:
                await broker.controller.stop()
                await broker.configs.stop()
        await asyncio.sleep(0)

    async def settle(self) -> None:
        """Let the loop turn until nothing has happened for a while."""
        await settle_until_quiet(lambda: (self.activity, self.zookeeper.activity), quiet_turns=QUIET_TURNS)

    @property
    def controller(self) -> Controller:
        """That of the broker which is the controller."""
        (active,) = [b.controller for b in self.brokers.values() if b.alive and b.controller.is_active]
        return active

    # ---- what is written by hand

    async def create_topic(self, topic: str, *replicas: Iterable[int]) -> None:
        """A topic with these replicas for its partitions 0, 1, ..."""
        await self.hand.create(f"/config/topics/{topic}", znodes.encode_config({}))
        await self.write_assignment(topic, *replicas)

    async def write_assignment(self, topic: str, *replicas: Iterable[int]) -> None:
        path = topic_znodes.topic_path(topic)
        partitions = {number: ReplicaAssignment(tuple(brokers)) for number, brokers in enumerate(replicas)}
        if await self.hand.exists(path):
            old = topic_znodes.decode_topic(topic, (await self.hand.get(path))[0])
            await self.hand.set(path, topic_znodes.encode_topic(TopicAssignment(partitions, old.topic_id)))
        else:
            await self.hand.create(
                path, topic_znodes.encode_topic(TopicAssignment(partitions, topic_znodes.new_topic_id()))
            )
        await self.settle()

    async def delete_topic(self, topic: str) -> None:
        await self.hand.create(topic_znodes.delete_topic_path(topic))
        await self.settle()

    async def write(self, path: str, data: bytes) -> None:
        await self.hand.create(path, data)
        await self.settle()

    async def catch_up(self, topic: str, partition: int, broker: int) -> None:
        """A follower has reached its leader, which asks the controller to take it into the ISR."""
        state = self.state(topic, partition)
        assert state.leader is not None
        leader = self.brokers[state.leader]
        wish = WantedIsr(state.leader, state.leader_epoch, (*state.isr, broker), 0, state.partition_epoch)
        outcomes = await self.controller.alter_isrs(
            state.leader, leader.epoch, {TopicPartition(topic, partition): wish}
        )
        assert not isinstance(outcomes[TopicPartition(topic, partition)], ErrorCode), outcomes
        await self.settle()

    # ---- what came of it

    def state(self, topic: str, partition: int) -> PartitionState:
        tp = TopicPartition(topic, partition)
        node = self.zookeeper.node(topic_znodes.partition_state_path(tp))
        return topic_znodes.decode_partition_state(tp, node.data, node.version)

    def briefly(self, topic: str, partition: int = 0) -> str:
        """`leader 0 epoch 1 isr 0,2`."""
        state = self.state(topic, partition)
        recovering = " recovering" if state.recovering else ""
        return f"leader {state.leader} epoch {state.leader_epoch} isr {_numbers(state.isr)}{recovering}"

    def assignment(self, topic: str) -> TopicAssignment:
        return topic_znodes.decode_topic(topic, self.zookeeper.node(topic_znodes.topic_path(topic)).data)

    def exists(self, path: str) -> bool:
        return path in self.zookeeper.tree()

    def told(self) -> dict[int, list[str]]:
        """What each live broker received since the last call."""
        return {broker.id: broker.told_briefly() for broker in self.brokers.values() if broker.alive}


def _numbers(values: Iterable[int]) -> str:
    return ",".join(map(str, values))


def briefly_told(request: Any) -> str:
    """A controller's request in one line."""
    match request:
        case LeaderAndIsrRequest():
            parts = [
                f"{topic.topic_name}-{s.partition_index} leader {s.leader} epoch {s.leader_epoch} isr {_numbers(s.isr)}"
                + (" new" if s.is_new else "")
                for topic in request.topic_states
                for s in topic.partition_states
            ]
            return f"LeaderAndIsr {'; '.join(parts)}"
        case UpdateMetadataRequest():
            parts = [
                f"{topic.topic_name}-{s.partition_index} leader {s.leader}"
                for topic in request.topic_states
                for s in topic.partition_states
            ]
            return f"UpdateMetadata brokers {_numbers(b.id for b in request.live_brokers)}" + "".join(
                f"; {part}" for part in parts
            )
        case StopReplicaRequest():
            parts = [
                f"{topic.topic_name}-{s.partition_index} epoch {s.leader_epoch}"
                + (" delete" if s.delete_partition else "")
                for topic in request.topic_states
                for s in topic.partition_states
            ]
            return f"StopReplica {'; '.join(parts)}"
    raise AssertionError(request)
