"""Our controller replays the history that was recorded from three Kafka brokers, and must do the same.

What is done to the cluster comes from the recording's steps; the ISR changes that leaders requested are replayed from
their recorded AlterPartition requests. Compared are the znodes of all topics after each step, byte for byte, and
everything that each broker got from its controller, in order (partitions of one request in any order).
"""

import gzip
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kio.schema.alter_partition.v3.request import AlterPartitionRequest
from kio.serial import entity_reader

from pykafka_cli.broker.controller.alter_partition import WantedIsr
from pykafka_cli.model import LeaderEpoch, PartitionEpoch, TopicPartition
from pykafka_cli.protocol import inter_broker
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from tests.fakes.controlled_cluster import ControlledBroker, ControlledCluster, briefly_told
from tests.support.brokers import broker_ids

VECTORS = Path(__file__).resolve().parents[3] / "vectors"

INTERNAL_TOPICS_MADE_IN = {
    "kafka-console-consumer --topic t": "__consumer_offsets",
    "java Transactions.java": "__transaction_state",
}

SAVED_AFTER = {
    "kafka-topics --create --topic placed": "03-topics-created",
    "kafka-topics --alter --topic t": "04-altered",
    "java Transactions.java": "08-used",
    "broker 2 is suspended": "09-isr-shrunk",
    "broker 2 goes on": "10-isr-expanded",
    "kafka-topics --delete --topic placed": "12-deletion-waits",
    "kafka-leader-election --election-type preferred": "14-preferred-elected",
    "znode /admin/reassign_partitions": "18-by-znode",
    "kafka-topics --delete --topic moved": "19-topic-deleted",
    "broker 2 is killed": "20-broker-killed",
    "kafka-leader-election --election-type unclean": "22-unclean-elected",
    "broker 2 starts again": "23-all-back",
}

ISRS_FIRST = "kafka-leader-election --election-type unclean"
"""In this step leaders were still busy with the one before."""

LAST_STEP = "znode /controller is deleted by hand"


def history() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each step, and the frames that came before the next."""
    name, frames = "", []
    started = set()
    with gzip.open(VECTORS / "wire" / "cluster.jsonl.gz", "rt") as lines:
        for line in map(json.loads, lines):
            if "step" not in line:
                frames.append(line)
            elif line["step"] != "end":
                if name:
                    yield name, frames
                name, frames = line["step"], []
                if name.endswith(" starts"):
                    name += " again" if name in started else ""
                    started.add(name)
                if name == LAST_STEP:
                    return


def message(line: dict[str, Any], kind: Any) -> Any:
    data = bytes.fromhex(line["hex"])[4:]
    _, position = entity_reader(kind.__header_schema__)(data, 0)
    return entity_reader(kind)(data, position)[0]


def recorded_tree(name: str) -> dict[str, str | None]:
    tree = json.loads((VECTORS / "znodes" / f"{name}.json").read_text())["znodes"]
    return {znode["path"]: znode.get("data") for znode in tree if znode["path"].startswith("/brokers/topics")}


def recorded_assignment(topic: str) -> bytes:
    """As it was first written: at the end of the first step that has it, where no step changes it in between."""
    for path in sorted((VECTORS / "znodes").glob("*.json")):
        found = recorded_tree(path.stem).get(f"/brokers/topics/{topic}")
        if found and topic == "moved":
            return (
                found.replace('"0":[2,1,0]', '"0":[0,1]').replace('{"0":[2]}', "{}").replace('{"0":[0]}', "{}").encode()
            )
        if found:
            return found.encode()
    raise AssertionError(topic)


class Story:
    """Does to our cluster what was done to Kafka's."""

    def __init__(self) -> None:
        self.cluster = ControlledCluster()
        self.told: dict[int, list[str]] = {0: [], 1: [], 2: []}

    async def live_through(self, step: str, frames: list[dict[str, Any]]) -> None:
        asked = [line for line in frames if line.get("api") == "AlterPartition" and line["d"] == "request"]
        wishes = [message(line, AlterPartitionRequest) for line in asked]
        before, after = (wishes, []) if step.startswith(ISRS_FIRST) else ([], wishes)
        for wish in before:
            await self._alter_isrs(wish)
        await self._act(step)
        for wish in after:
            await self._alter_isrs(wish)
        self._note_what_was_told()

    async def _act(self, step: str) -> None:
        cluster = self.cluster
        if found := re.match(r"broker (\d) starts", step):
            await cluster.start(int(found[1]))
        elif found := re.match(r"broker (\d) stops cleanly", step):
            broker = cluster.brokers[int(found[1])]
            await cluster.stop(broker.id)
            self._keep(broker)
        elif found := re.match(r"broker (\d) is killed", step):
            broker = cluster.brokers[int(found[1])]
            await cluster.kill(broker.id)
            self._keep(broker)
        elif found := re.match(r"kafka-topics --create --topic (\S+)", step):
            await cluster.write(f"/brokers/topics/{found[1]}", recorded_assignment(found[1]))
        elif step.startswith("kafka-topics --alter --topic t "):
            await cluster.hand.set("/brokers/topics/t", recorded_tree("04-altered")["/brokers/topics/t"].encode())
        elif found := re.match(r"kafka-topics --delete --topic (\S+)", step):
            await cluster.delete_topic(found[1])
        elif found := re.match(r"kafka-leader-election --election-type (\S+)", step):
            unclean, known = [TopicPartition("unclean", 0)], next(iter(cluster.brokers.values())).cache
            everything = [TopicPartition(topic, each) for topic in known.topics() for each in known.partitions(topic)]
            everything.sort()
            preferred = found[1] == "preferred"
            await cluster.controller.elect_leaders(everything if preferred else unclean, preferred=preferred)
        elif step.startswith("kafka-reassign-partitions --execute"):
            await cluster.controller.alter_reassignments({TopicPartition("moved", 0): broker_ids(2, 1)})
        elif step.startswith("znode /admin/preferred_replica_election"):
            request = topic_znodes.encode_partitions([TopicPartition("t", 0)])
            await cluster.write(znodes.PREFERRED_REPLICA_ELECTION, request)
        elif step.startswith("znode /admin/reassign_partitions"):
            request = topic_znodes.encode_reassignment({TopicPartition("moved", 0): broker_ids(1, 0)})
            await cluster.write(znodes.REASSIGN_PARTITIONS, request)
        for beginning, topic in INTERNAL_TOPICS_MADE_IN.items():
            if step.startswith(beginning):
                await cluster.write(f"/brokers/topics/{topic}", recorded_assignment(topic))
        await cluster.settle()

    def _name(self, topic_id: uuid.UUID | None) -> str:
        assert topic_id
        name = self.cluster.controller.topic_name(topic_id)
        assert name
        return name

    async def _alter_isrs(self, request: AlterPartitionRequest) -> None:
        wanted = {
            TopicPartition(self._name(topic.topic_id), partition.partition_index): WantedIsr(
                request.broker_id,
                LeaderEpoch(partition.leader_epoch),
                tuple(broker.broker_id for broker in partition.new_isr_with_epochs),
                partition.leader_recovery_state,
                PartitionEpoch(partition.partition_epoch),
            )
            for topic in request.topics
            for partition in topic.partitions
        }
        leader = self.cluster.brokers[request.broker_id]
        await self.cluster.controller.alter_isrs(request.broker_id, leader.epoch, wanted)
        await self.cluster.settle()

    def _note_what_was_told(self) -> None:
        for broker in self.cluster.brokers.values():
            self._keep(broker)

    def _keep(self, broker: ControlledBroker) -> None:
        self.told[broker.id] += [in_one_order(told) for told in broker.told_briefly()]


def in_one_order(told: str) -> str:
    """Partitions and brokers are named in hash order by Kafka."""
    head, *parts = told.split("; ")
    kind, _, first = head.partition(" ")
    if kind == "UpdateMetadata":
        brokers = ",".join(sorted(first.removeprefix("brokers ").split(",")))
        return "; ".join([f"UpdateMetadata brokers {brokers}", *sorted(parts)])
    return f"{kind} {'; '.join(sorted([first, *parts]))}"


def recorded_requests(frames: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    for line in frames:
        if line.get("key") in (4, 5, 6) and line["d"] == "request":
            request = message(line, inter_broker.load(line["key"], line["v"], "request"))
            yield int(line["to"].removeprefix("broker-")), in_one_order(briefly_told(request))


async def test_our_controller_does_what_kafkas_did() -> None:
    story = Story()
    theirs: dict[int, list[str]] = {0: [], 1: [], 2: []}
    compared = 0

    for step, frames in history():
        await story.live_through(step, frames)
        for broker, told in recorded_requests(frames):
            theirs[broker].append(told)
        if step.startswith("broker 1 stops"):
            del story.told[1][len(theirs[1]) :]  # a stopping broker does not listen to the end, ours does
        for beginning, saved in SAVED_AFTER.items():
            if step.startswith(beginning):
                ours = story.cluster.zookeeper.tree()
                assert {
                    path: data and data.decode() for path, data in ours.items() if path.startswith("/brokers/topics")
                } == recorded_tree(saved), step
                compared += 1

    assert compared == len(SAVED_AFTER)
    for broker in theirs:
        assert story.told[broker] == theirs[broker]
    await story.cluster.close()
