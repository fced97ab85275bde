"""A broker that only coordinates groups: real handlers, codecs and coordinator on a log in memory."""

import asyncio
import dataclasses
import io
import itertools
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from kio.serial import entity_reader, entity_writer

from pykafka_cli.broker.context import Broker, RequestContext
from pykafka_cli.broker.coordinator.group.coordinator import OFFSETS_TOPIC, GroupCoordinator
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.model import LeaderEpoch, TopicPartition
from pykafka_cli.protocol.codec import message_codec
from pykafka_cli.transport.messages import response_type_of
from pykafka_cli.zookeeper.kafka_znodes import Endpoint
from tests.fakes.clock import FakeClock
from tests.fakes.partition_writer import FakePartitionWriter
from tests.support.logs import broker_settings

LISTENER = "PLAINTEXT"
PARTITIONS = 2
BROKER = 0


class Topics:
    """Metadata cache and topic admin. All topics exist but the `missing`, and have leaders but the `leaderless`."""

    def __init__(self) -> None:
        self.missing: set[str] = set()
        self.leaderless: set[str] = set()
        self.made: list[str] = []

    def __contains__(self, topic: str) -> bool:
        return topic not in self.missing

    async def auto_create(self, topics: list[str], charge: Callable[[int], None]) -> None:
        charge(PARTITIONS * len(topics))
        self.made += topics

    def partition_count(self, _topic: str) -> int:
        return PARTITIONS

    def partition_state(self, partition: TopicPartition) -> Any:
        if partition.topic in self.missing:
            return None
        return SimpleNamespace(leader=-1 if partition.topic in self.leaderless else BROKER)

    def endpoint(self, broker: int, _listener: str) -> Endpoint | None:
        return Endpoint(LISTENER, "PLAINTEXT", "127.0.0.1", 19650) if broker == BROKER else None


class Replicas:
    """The partitions that are not the coordinator's: whatever is written there is."""

    async def append(self, entries: Mapping[TopicPartition, bytearray], **_: Any) -> dict[TopicPartition, None]:
        return dict.fromkeys(entries)


class NothingToVerify:
    """Every partition has been announced to whoever coordinates the transaction."""

    async def refused(self, _transactional_id: str, _producer: object, _sequences: object) -> dict[Any, Any]:
        return {}

    def ended(self, _partition: TopicPartition, _producer_id: int) -> None:
        pass


class GroupBroker:
    """`leads` says whether the coordinator's partitions are here."""

    def __init__(self, *, leads: bool = True, **settings: Any) -> None:
        self.settings = broker_settings(**({"group_initial_rebalance_delay_ms": 0} | settings))
        self.clock = FakeClock()
        self.topics = Topics()
        partitions = [TopicPartition(OFFSETS_TOPIC, number) for number in range(PARTITIONS)]
        self.writer = FakePartitionWriter(self.clock, partitions)
        self.groups = GroupCoordinator(
            self.settings, self.clock, self.writer, lambda: PARTITIONS, itertools.count(1).__next__
        )
        self.groups.start()
        if leads:
            self.groups.on_leadership([(partition, LeaderEpoch(0)) for partition in partitions], [])
        parts: dict[str, Any] = dict.fromkeys(each.name for each in dataclasses.fields(Broker))
        parts |= {"settings": self.settings, "clock": self.clock, "waiting": WaitingRoom(self.clock)}
        parts |= {"metadata": self.topics, "topics": self.topics, "replicas": Replicas(), "groups": self.groups}
        parts["verification"] = NothingToVerify()
        self.broker = Broker(**parts)

    @classmethod
    async def started(cls, **settings: Any) -> "GroupBroker":
        broker = cls(**settings)
        await broker.settle()
        return broker

    async def settle(self) -> None:
        """Let everything happen that needs no time to pass."""
        for _ in range(10):
            await asyncio.sleep(0)
            self.clock.advance(0)

    async def handled(self, api_key: int, version: int, request: Any, client_id: str | None = "c") -> Any:
        """The response of the handler, or of dispatch for an error that it raised, both of the newest version."""
        api = HANDLERS[api_key]
        context = RequestContext(self.broker, api_key, version, 1, client_id, "127.0.0.1", LISTENER)
        try:
            return await api.handle(context, request)
        except BrokerError as error:
            codec = message_codec(api_key, version, api.max_version)
            return codec.error_response(request, error.code, error.message)

    async def ask(self, request: Any) -> Any:
        """The response to a request of any version, as its client reads it."""
        body = io.BytesIO()
        entity_writer(type(request))(body, request)
        api_key, version = type(request).__api_key__, type(request).__version__
        codec = message_codec(api_key, version, HANDLERS[api_key].max_version)
        newest = codec.decode_request(memoryview(b"\0" * type(request).__flexible__ + body.getvalue()), 0)
        response = await self.handled(api_key, version, newest)
        answer = b"".join(codec.encode_response(1, response, newest))
        return entity_reader(response_type_of(type(request)))(answer, 5 if type(request).__flexible__ else 4)[0]
