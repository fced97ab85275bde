"""What Java's, librdkafka's and Python's consumers said to a Kafka broker in groups, said to ours at the same pace.

Every response must be there when Kafka's was and say the same. Member ids are random, so each of theirs is taken for
the one that ours gave in its place; lists that Kafka gives in hash order are compared in one order.
"""

import asyncio
import dataclasses
import gzip
import json
from typing import Any

import pytest

from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.protocol.codec import message_codec, read_request_header
from pykafka_cli.topic_names import CONSUMER_OFFSETS, TRANSACTION_STATE
from tests.support.group_broker import GroupBroker
from tests.support.vectors import VECTORS, response_of

GROUPS = {
    "FindCoordinator", "JoinGroup", "SyncGroup", "Heartbeat", "LeaveGroup", "OffsetCommit", "OffsetFetch",
    "OffsetDelete", "DescribeGroups", "DeleteGroups", "ConsumerGroupHeartbeat", "ConsumerGroupDescribe",
    "TxnOffsetCommit", "WriteTxnMarkers",
}  # fmt: skip

JOIN_GROUP = 11


class Conversation:
    """The frames of one recording, played to our handlers."""

    def __init__(self) -> None:
        self.node = GroupBroker()
        self.ours_for: dict[str, str] = {}
        self.asked: dict[tuple[int, int], tuple[asyncio.Future[Any], Any, Any]] = {}

    async def at(self, milliseconds: float) -> None:
        """Let the time come."""
        self.node.clock.advance(max(0.0, milliseconds / 1000 - self.node.clock.monotonic()))
        await self.node.settle()

    def ask(self, frame: dict[str, Any]) -> None:
        data = memoryview(_data(frame))[4:]
        header = read_request_header(data)
        codec = message_codec(header.api_key, header.api_version, HANDLERS[header.api_key].max_version)
        request = self.translated(codec.decode_request(data, header.position))
        answer = self.node.handled(header.api_key, header.api_version, request, header.client_id)
        self.asked[frame["c"], frame["id"]] = asyncio.ensure_future(answer), codec, request

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


@pytest.mark.parametrize(
    ("name", "at_least"), [("admin", 250), ("console", 650), ("clients", 40), ("transactions", 30)]
)
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
            being_made = (frame["c"], frame["id"]) in unavailable
            conversation.node.topics.missing = {CONSUMER_OFFSETS, TRANSACTION_STATE} if being_made else set()
            conversation.ask(frame)
        elif (frame["c"], frame["id"]) in conversation.asked:
            await conversation.at(frame["t"])
            try:
                conversation.compare(frame)
            except AssertionError as error:
                raise AssertionError(f"{frame['api']} in step {step!r} at {frame['t']}: {error}") from error
            compared += 1

    assert compared >= at_least
