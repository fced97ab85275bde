"""What Java's, librdkafka's and Python's transactional producers said to a Kafka broker, said to our coordinator.

Every response must be there when Kafka's was, and say the same. A transaction's markers count as written as soon as the
recorded producer, which asks again and again, heard CONCURRENT_TRANSACTIONS no more; ours says that only after it has
waited for the markers.
"""

import asyncio
import dataclasses
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.context import Broker, RequestContext
from pykafka_cli.broker.coordinator.runtime import partition_for
from pykafka_cli.broker.coordinator.transaction.coordinator import PATIENCE_S, TransactionCoordinator
from pykafka_cli.broker.coordinator.transaction.markers import Marker
from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.model import LeaderEpoch, TopicPartition
from pykafka_cli.protocol.codec import message_codec, read_request_header
from pykafka_cli.topic_names import TRANSACTION_STATE
from tests.fakes.clock import FakeClock
from tests.fakes.partition_writer import FakePartitionWriter
from tests.support.event_loop import settle
from tests.support.logs import broker_settings
from tests.support.vectors import frames, request_of, response_of

TRANSACTIONAL = {
    "InitProducerId", "AddPartitionsToTxn", "AddOffsetsToTxn", "EndTxn", "DescribeTransactions", "ListTransactions",
}  # fmt: skip

PARTITIONS = 2
"""Of both coordinators' topics, in the recording."""


class Markers:
    """Notes what it is to write; a test says when it is written."""

    def __init__(self) -> None:
        self.asked: list[tuple[Marker, frozenset[TopicPartition]]] = []
        self._waiting: list[asyncio.Event] = []

    async def write(self, marker: Marker, partitions: Iterable[TopicPartition]) -> None:
        self.asked.append((marker, frozenset(partitions)))
        self._waiting.append(written := asyncio.Event())
        await written.wait()

    def all_written(self) -> None:
        while self._waiting:
            self._waiting.pop().set()

    def close(self) -> None:
        pass


class TransactionBroker:
    """A broker that only coordinates transactions; producer ids are those that Kafka's gave."""

    def __init__(self, producer_ids: Iterator[int]) -> None:
        self.clock = FakeClock()
        self.settings = broker_settings()
        home = [TopicPartition(TRANSACTION_STATE, number) for number in range(PARTITIONS)]
        self.markers = Markers()

        async def next_producer_id() -> int:
            return next(producer_ids)

        self.transactions = TransactionCoordinator(
            self.settings,
            self.clock,
            FakePartitionWriter(self.clock, home),
            lambda: PARTITIONS,
            next_producer_id,
            self.markers,
            write_timeout_ms=30_000,
        )
        self.transactions.start()
        self.transactions.on_leadership([(partition, LeaderEpoch(0)) for partition in home], [])
        parts: dict[str, Any] = dict.fromkeys(each.name for each in dataclasses.fields(Broker))
        parts |= {"settings": self.settings, "clock": self.clock, "transactions": self.transactions}
        parts["metadata"] = SimpleNamespace(partition_state=lambda _partition: SimpleNamespace(leader=0))
        parts["groups"] = SimpleNamespace(partition_for=lambda group: partition_for(group, PARTITIONS))
        parts["producer_ids"] = SimpleNamespace(next=next_producer_id)
        self.broker = Broker(**parts)

    async def ask(self, frame: dict[str, Any]) -> Any:
        """The response to a recorded request, as its client reads it."""
        data = memoryview(bytearray.fromhex(frame["hex"]))[4:]
        header = read_request_header(data)
        api = HANDLERS[header.api_key]
        codec = message_codec(header.api_key, header.api_version, api.max_version)
        request = codec.decode_request(data, header.position)
        context = RequestContext(
            self.broker, header.api_key, header.api_version, frame["id"], header.client_id, "127.0.0.1", "PLAINTEXT"
        )
        body = b"".join(codec.encode_response(frame["id"], await api.handle(context, request), request))
        answer = {"d": "response", "hex": (len(body).to_bytes(4, "big") + body).hex()}
        return response_of(frame | answer)


def meaning(value: Any) -> Any:
    """All lists in one order, without the moment at which a transaction began."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [each.name for each in dataclasses.fields(value) if each.name != "transaction_start_time"]
        return {name: meaning(getattr(value, name)) for name in names}
    return sorted(map(meaning, value), key=repr) if isinstance(value, tuple) else value


def given_out(recorded: list[dict[str, Any]]) -> Iterator[int]:
    """The producer ids of the recording, each once, as they were given out."""
    answers = [response_of(f) for f in recorded if f["api"] == "InitProducerId" and f["d"] == "response"]
    return iter(dict.fromkeys(answer.producer_id for answer in answers if answer.error_code is ErrorCode.none))


def is_ours(frame: dict[str, Any]) -> bool:
    return frame["api"] in TRANSACTIONAL


@pytest.mark.parametrize(("name", "at_least"), [("transactions", 33), ("clients", 10)])
async def test_every_answer_about_a_transaction_says_what_kafkas_said(name: str, at_least: int) -> None:
    recorded = frames(name)
    node = TransactionBroker(given_out(recorded))
    await settle()
    answers = {(f["c"], f["id"], f["api"]): response_of(f) for f in recorded if f["d"] == "response" and is_ours(f)}
    asked: dict[tuple[int, int, str], asyncio.Task[Any]] = {}
    sent: list[Any] = []
    compared = 0

    for frame in recorded:
        key = (frame["c"], frame["id"], frame["api"])
        node.clock.advance(max(0.0, frame["t"] / 1000 - node.clock.monotonic()))
        await settle()
        if frame["api"] == "WriteTxnMarkers" and frame["d"] == "request":
            sent += request_of(frame).markers
        elif is_ours(frame) and frame["d"] == "request":
            if "concurrent_transactions" not in repr(answers[key]):
                node.markers.all_written()
                await settle()
            asked[key] = asyncio.ensure_future(node.ask(frame))
        elif key in asked:
            await settle()
            if "concurrent_transactions" in repr(answers[key]):
                node.clock.advance(PATIENCE_S)
                await settle()
            assert asked[key].done(), f"Kafka has answered {frame['api']} at {frame['t']} by now"
            assert meaning(asked[key].result()) == meaning(answers[key]), f"{frame['api']} at {frame['t']}"
            compared += 1

    assert compared >= at_least
    ours = {(marker, partition) for marker, partitions in node.markers.asked for partition in partitions}
    theirs = {
        (
            Marker(each.producer_id, each.producer_epoch, each.transaction_result, each.coordinator_epoch),
            TopicPartition(topic.name, partition),
        )
        for each in sent
        if each.producer_id in set(given_out(recorded))  # not what an earlier recording left open
        for topic in each.topics
        for partition in topic.partition_indexes
    }
    assert ours == theirs
    node.transactions.close()
