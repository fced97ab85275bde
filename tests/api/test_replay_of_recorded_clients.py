"""What real clients sent to Apache Kafka is sent to our handlers, in order; answers and stored bytes must be alike."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import fields
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.codec import message_codec, read_request_header
from pykafka_cli.protocol.hot_path import fetch, produce
from pykafka_cli.protocol.records.batch import read_header
from tests.fakes.replica_cluster import Node, ReplicaCluster
from tests.support.vectors import frames, response_of

PARTITIONS = 6


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await ReplicaCluster.started(1)
    yield cluster
    await cluster.close()


def exchanges(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Requests where they were sent, with their responses; each response a second time where it came."""
    answers = {(f["c"], f["id"], f["api"]): f for f in frames(name) if f["d"] == "response"}
    for frame in frames(name):
        yield frame, answers.get((frame["c"], frame["id"], frame["api"])) if frame["d"] == "request" else None


def request_of(frame: dict[str, Any]) -> Any:
    """The request in the newest shape, as a handler gets it."""
    data = bytearray.fromhex(frame["hex"])[4:]
    view = memoryview(data if frame["api"] == "Produce" else bytes(data))
    codec = message_codec(frame["key"], frame["v"], HANDLERS[frame["key"]].max_version)
    return codec.decode_request(view, read_request_header(view).position)


def topic_names(name: str) -> dict[uuid.UUID, str]:
    return {
        topic.topic_id: topic.name
        for frame in frames(name)
        if frame["api"] == "Metadata" and frame["d"] == "response" and frame["v"] >= 10
        for topic in response_of(frame).topics
    }


class Replay:
    def __init__(self, node: Node, controller: Any) -> None:
        self.node = node
        self._controller = controller
        self.beyond: set[TopicPartition] = set()
        """Partitions with transactions: their markers are not in these requests, so offsets differ from here on."""
        self.compared = 0

    async def produce(self, frame: dict[str, Any], answer: dict[str, Any] | None) -> None:
        request = request_of(frame)
        for topic in request.topics:
            if topic.name not in self.node.metadata:
                await self._controller.create(topic.name, *[(1,)] * PARTITIONS)
            for each in topic.partitions:
                if read_header(each.records).is_transactional:
                    self.beyond.add(TopicPartition(topic.name, each.index))
        response = await self.node.ask(produce.API_KEY, request, version=frame["v"], client=frame["client"])
        if answer is None:
            return
        ours = {
            TopicPartition(topic.name, each.index): (each.error_code, each.base_offset, each.log_start_offset)
            for topic in response.topics
            for each in topic.partitions
        }
        for topic in response_of(answer).responses:
            for each in topic.partition_responses:
                topic_partition = TopicPartition(topic.name, each.index)
                if topic_partition not in self.beyond:
                    assert ours[topic_partition] == (each.error_code, each.base_offset, each.log_start_offset)
                    self.compared += 1

    async def compare_offsets(self, frame: dict[str, Any], answer: dict[str, Any]) -> None:
        """ListOffsets and DeleteRecords: the same fields for each partition that still has Kafka's offsets."""
        response = await self.node.ask(frame["key"], request_of(frame), version=frame["v"], client=frame["client"])
        ours = {(topic.name, each.partition_index): each for topic in response.topics for each in topic.partitions}
        for topic in response_of(answer).topics:
            for each in topic.partitions:
                if (
                    topic.name in self.node.metadata
                    and TopicPartition(topic.name, each.partition_index) not in self.beyond
                ):
                    mine = ours[topic.name, each.partition_index]
                    assert {f.name: getattr(mine, f.name) for f in fields(each)} == {
                        f.name: getattr(each, f.name) for f in fields(each)
                    }
                    self.compared += 1

    async def compare_fetch(self, frame: dict[str, Any], names: dict[uuid.UUID, str]) -> None:
        data = memoryview(bytes.fromhex(frame["hex"]))[4:]
        flexible = frame["v"] >= 12
        response = fetch.decode_response(data, 5 if flexible else 4, frame["v"])
        for topic in response.topics:
            name = topic.topic if topic.topic_id is None else names[topic.topic_id]
            assert name
            for each in topic.partitions:
                topic_partition = TopicPartition(name, each.partition_index)
                if not each.records or topic_partition in self.beyond or name not in self.node.metadata:
                    continue
                start = read_header(each.records).base_offset
                ours = await self.node.fetch(name, start, partition=each.partition_index)
                assert ours.error_code is ErrorCode.none
                assert bytes(ours.records).startswith(bytes(each.records))
                self.compared += 1


@pytest.mark.parametrize(("name", "at_least"), [("console", 25), ("clients", 29), ("admin", 40)])
async def test_offsets_errors_and_stored_bytes_are_kafkas(cluster: ReplicaCluster, name: str, at_least: int) -> None:
    replay, names = Replay(cluster.nodes[1], cluster.controller), topic_names(name)

    for frame, answer in exchanges(name):
        if frame["api"] == "Produce" and frame["d"] == "request":
            await replay.produce(frame, answer)
        elif frame["api"] == "Fetch" and frame["d"] == "response":
            await replay.compare_fetch(frame, names)
        elif frame["api"] in ("ListOffsets", "DeleteRecords") and answer is not None:
            await replay.compare_offsets(frame, answer)

    assert replay.compared >= at_least
