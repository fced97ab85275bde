"""What Java's, librdkafka's and Python's consumers said to a Kafka broker in groups, said to ours at the same pace.

Every answer must be there when Kafka's was and say the same. Member ids are random, so each of theirs is taken for the
one that ours gave in its place; lists that Kafka gives in hash order are compared in one order.
"""

import asyncio
import dataclasses
import gzip
import itertools
import json
from types import SimpleNamespace
from typing import Any

import pytest

from pykafka_cli.broker.context import Broker, RequestContext
from pykafka_cli.broker.coordinator.group.coordinator import OFFSETS_TOPIC, GroupCoordinator
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.codec import message_codec, read_request_header
from pykafka_cli.zookeeper.kafka_znodes import Endpoint
from tests.fakes.clock import FakeClock
from tests.fakes.partition_writer import FakePartitionWriter
from tests.logs import broker_settings
from tests.vectors_of import VECTORS, response_of

GROUPS = {
    "FindCoordinator", "JoinGroup", "SyncGroup", "Heartbeat", "LeaveGroup", "OffsetCommit", "OffsetFetch",
    "OffsetDelete", "DescribeGroups", "DeleteGroups", "ConsumerGroupHeartbeat", "ConsumerGroupDescribe",
}  # fmt: skip

PARTITIONS = 2
GROUP, JOIN_GROUP = 0, 11
BROKER = 0


class Topics:
    """A cluster whose topics all exist, unless they are just being made."""

    def __init__(self) -> None:
        self.are_being_made = False

    def __contains__(self, _topic: str) -> bool:
        return not self.are_being_made

    async def auto_create(self, _topics: list[str]) -> None:
        pass

    def partition_count(self, _topic: str) -> int:
        return PARTITIONS

    def partition_state(self, _partition: TopicPartition) -> Any:
        return SimpleNamespace(leader=BROKER)

    def endpoint(self, _broker: int, _listener: str) -> Endpoint:
        return Endpoint("CLIENT", "PLAINTEXT", "127.0.0.1", 19650)


class Conversation:
    """The frames of one recording, played to our handlers."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        partitions = [TopicPartition(OFFSETS_TOPIC, number) for number in range(PARTITIONS)]
        settings = broker_settings(group_initial_rebalance_delay_ms=0, offsets_topic_num_partitions=PARTITIONS)
        writer = FakePartitionWriter(self.clock, partitions)
        self.groups = GroupCoordinator(settings, self.clock, writer, lambda: PARTITIONS, itertools.count(1).__next__)
        self.groups.start()
        self.groups.on_leadership([(partition, 0) for partition in partitions], [])
        self.topics = Topics()
        parts: dict[str, Any] = dict.fromkeys(field.name for field in dataclasses.fields(Broker))
        parts |= {"settings": settings, "clock": self.clock, "metadata": self.topics, "topics": self.topics}
        parts |= {"groups": self.groups, "waiting": WaitingRoom(self.clock)}
        self.broker = Broker(**parts)
        self.ours_for: dict[str, str] = {}
        self.asked: dict[tuple[int, int], tuple[asyncio.Future[Any], Any, Any]] = {}

    async def at(self, milliseconds: float) -> None:
        """Let the time come."""
        self.clock.advance(max(0.0, milliseconds / 1000 - self.clock.monotonic()))
        for _ in range(10):
            await asyncio.sleep(0)
            self.clock.advance(0)

    async def ask(self, frame: dict[str, Any]) -> None:
        data = memoryview(_data(frame))[4:]
        header = read_request_header(data)
        api = HANDLERS[header.api_key]
        codec = message_codec(header.api_key, header.api_version, api.max_version)
        request = self.translated(codec.decode_request(data, header.position))
        ctx = RequestContext(
            self.broker, api.key, header.api_version, header.correlation_id, header.client_id, "127.0.0.1", "CLIENT"
        )

        async def answer() -> Any:
            try:
                return await api.handle(ctx, request)
            except BrokerError as error:
                return codec.error_response(request, error.code, error.message)

        self.asked[frame["c"], frame["id"]] = asyncio.ensure_future(answer()), codec, request

    def compare(self, frame: dict[str, Any]) -> None:
        task, codec, request = self.asked.pop((frame["c"], frame["id"]))
        assert task.done(), "Kafka has answered by now"
        body = b"".join(codec.encode_response(frame["id"], task.result(), request))
        ours = response_of(frame | {"hex": (len(body).to_bytes(4, "big") + body).hex()})
        theirs = response_of(frame)
        if frame["key"] == JOIN_GROUP and theirs.member_id:
            self.ours_for.setdefault(theirs.member_id, ours.member_id)
        assert meaning(ours) == meaning(self.translated(theirs))

    def translated(self, value: Any) -> Any:
        """`value` with our member ids for theirs."""
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            changes = {each.name: self.translated(getattr(value, each.name)) for each in dataclasses.fields(value)}
            return dataclasses.replace(value, **changes)
        if isinstance(value, tuple):
            return tuple(map(self.translated, value))
        return self.ours_for.get(value, value) if isinstance(value, str) else value


def _data(frame: dict[str, Any]) -> bytes:
    return bytes.fromhex(frame["hex"])


def meaning(value: Any) -> Any:
    """All lists in one order."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: meaning(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return sorted(map(meaning, value), key=repr)
    return value


@pytest.mark.parametrize(("name", "at_least"), [("admin", 250), ("console", 650), ("clients", 40)])
async def test_every_answer_in_a_group_says_what_kafkas_said(name: str, at_least: int) -> None:
    conversation = Conversation()
    compared, step = 0, ""
    with gzip.open(VECTORS / "wire" / f"{name}.jsonl.gz", "rt") as lines:
        recorded = [json.loads(line) for line in lines]
    unavailable = {
        (frame["c"], frame["id"])
        for frame in recorded
        if frame.get("api") == "FindCoordinator" and frame["d"] == "response" and b"127.0.0.1" not in _data(frame)
    }
    for frame in recorded:
        step = frame.get("step", step)
        if frame.get("api") not in GROUPS:
            continue
        await conversation.at(frame["t"])
        if frame["d"] == "request":
            conversation.topics.are_being_made = (frame["c"], frame["id"]) in unavailable
            await conversation.ask(frame)
        elif (frame["c"], frame["id"]) in conversation.asked:
            await conversation.at(frame["t"])
            try:
                conversation.compare(frame)
            except AssertionError as error:
                raise AssertionError(f"{frame['api']} in step {step!r} at {frame['t']}: {error}") from error
            compared += 1

    assert compared >= at_least
