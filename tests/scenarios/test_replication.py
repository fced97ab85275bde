"""Histories of replication, one idea per file in replication/: what is done, and below the line what is then seen.

    topic T replicas=1,2,3 [key=value ...]     more keys are the topic's settings
    produce T VALUE ... [acks=all|1] [on=BROKER] [timeout=SECONDS]     default acks=all, on the leader
    read T [from=OFFSET] [on=BROKER]           what a consumer sees
    delete T OFFSET                            DeleteRecords
    stop | crash | power BROKER                cleanly; kill -9; loss of power. The controller then elects
    start BROKER
    cut A B | mend A B                         the network between two brokers
    elect T BROKER                             unclean, if the broker is not in the ISR
    wait SECONDS
    show T                                     leader, epoch, ISR as the controller has them; each log's bounds, mark

Two or more spaces separate several commands on one line. Brokers have replica.lag.time.max.ms=10000 and are those of
the first topic; broker 100 is the controller. `PK_REWRITE_SCENARIOS=1 pytest tests/scenarios` writes down what is seen,
to be reviewed.
"""

import asyncio
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kio.schema.delete_records.v2.request import DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic
from kio.schema.errors import ErrorCode

from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.records import records_in
from tests.fakes.replica_cluster import ReplicaCluster

SCENARIOS = sorted((Path(__file__).parent / "replication").glob("*.txt"))
LINE = "----\n"
DELETE_RECORDS = 21


class Story:
    """Runs the commands of one file; `told` is what they print."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._cluster: ReplicaCluster | None = None
        self._asked: dict[str, asyncio.Task[Any]] = {}

    @property
    def cluster(self) -> ReplicaCluster:
        assert self._cluster is not None, "the first command must be `topic`"
        return self._cluster

    async def run(self, commands: list[str]) -> None:
        try:
            for command in commands:
                words = command.split()
                positional = [word for word in words[1:] if "=" not in word]
                options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
                await getattr(self, f"do_{words[0]}")(*positional, **options)
                if self._cluster is not None:
                    await self._cluster.settle()
                self._tell_answers()
        finally:
            for task in self._asked.values():
                task.cancel()
            if self._cluster is not None:
                await self._cluster.close()

    def _tell_answers(self) -> None:
        for name, task in list(self._asked.items()):
            if task.done():
                self.told.append(f"{name}: {task.result()}")
                del self._asked[name]

    async def _ask(self, name: str, answer: Any) -> None:
        self._asked[name] = asyncio.ensure_future(answer)
        await self.cluster.settle()
        if not self._asked[name].done():
            self.told.append(f"{name}: waits")

    async def do_topic(self, topic: str, *, replicas: str, **config: str) -> None:
        assigned = tuple(map(int, replicas.split(",")))
        if self._cluster is None:
            self._cluster = await ReplicaCluster.started(*assigned, replica_lag_time_max_ms=10_000)
        self.cluster.topic_configs[topic] = config
        await self.cluster.controller.create(topic, assigned)

    async def do_produce(self, topic: str, *values: str, acks: str = "all", on: str = "", timeout: str = "30") -> None:
        node = self.cluster.nodes[int(on)] if on else self.cluster.leader_of(topic)

        async def outcome() -> str:
            answer = await node.produce(
                topic,
                *(value.encode() for value in values),
                acks=-1 if acks == "all" else int(acks),
                timeout_ms=int(timeout) * 1000,
            )
            if answer.error_code is not ErrorCode.none:
                return answer.error_code.name
            return f"offset {answer.base_offset}"

        await self._ask(f"produce {' '.join(values)}", outcome())

    async def do_read(self, topic: str, on: str = "", **options: str) -> None:
        node = self.cluster.nodes[int(on)] if on else self.cluster.leader_of(topic)
        answer = await node.fetch(topic, int(options.get("from", "0")))
        if answer.error_code is not ErrorCode.none:
            self.told.append(f"read: {answer.error_code.name}")
            return
        seen = [record.value.decode() for record in records_in(answer.records)]
        self.told.append(f"read: {' '.join(seen) or 'nothing'}")

    async def do_delete(self, topic: str, offset: str) -> None:
        async def outcome() -> str:
            request = DeleteRecordsRequest(
                topics=(
                    DeleteRecordsTopic(
                        name=topic, partitions=(DeleteRecordsPartition(partition_index=0, offset=int(offset)),)
                    ),
                ),
                timeout=timedelta(seconds=30),
            )
            (answer,) = (await self.cluster.leader_of(topic).ask(DELETE_RECORDS, request)).topics[0].partitions
            if answer.error_code is not ErrorCode.none:
                return answer.error_code.name
            return f"low watermark {answer.low_watermark}"

        await self._ask(f"delete {offset}", outcome())

    async def do_stop(self, broker: str) -> None:
        await self.cluster.fail(int(broker))

    async def do_crash(self, broker: str) -> None:
        await self.cluster.fail(int(broker), how="crash")

    async def do_power(self, broker: str) -> None:
        await self.cluster.fail(int(broker), how="power")

    async def do_start(self, broker: str) -> None:
        await self.cluster.restart(int(broker))

    async def do_cut(self, here: str, there: str) -> None:
        self.cluster.cut(int(here), int(there))

    async def do_mend(self, here: str, there: str) -> None:
        self.cluster.mend(int(here), int(there))

    async def do_elect(self, topic: str, broker: str) -> None:
        await self.cluster.controller.elect(TopicPartition(topic, 0), int(broker))

    async def do_wait(self, seconds: str) -> None:
        for _ in range(int(seconds)):
            await self.cluster.wait(1)
            self._tell_answers()

    async def do_show(self, topic: str) -> None:
        state = self.cluster.controller.partitions[TopicPartition(topic, 0)]
        isr = ",".join(map(str, state.isr))
        self.told.append(f"{topic}: leader {state.leader} epoch {state.leader_epoch} isr {isr}")
        for broker_id in state.replicas:
            node = self.cluster.nodes[broker_id]
            if not node.is_running:
                self.told.append(f"  {broker_id} is down")
                continue
            log = node.log(topic)
            self.told.append(f"  {broker_id} has {log.log_start}..{log.log_end}, mark {log.high_watermark}")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_history_ends_as_written(path: Path) -> None:
    script = path.read_text().partition(LINE)[0]
    lines = [line for line in script.splitlines() if line.strip() and not line.startswith("#")]
    story = Story()

    asyncio.run(story.run([command for line in lines for command in re.split(r"\s{2,}", line.strip())]))

    told = "\n".join(story.told) + "\n"
    if os.environ.get("PK_REWRITE_SCENARIOS"):
        path.write_text(script + LINE + told)
    assert told == path.read_text().partition(LINE)[2]
