"""One run: a cluster, clients, a storm, and what must be true afterwards. Everything in it follows from the seed."""

import asyncio
import random
from typing import Any

from pykafka_cli.model import TopicPartition
from tests.simulation import truth
from tests.simulation.cluster import GROUP, TOPIC, SimulatedCluster
from tests.simulation.loop import VirtualLoop
from tests.simulation.scene import Outcome, played
from tests.simulation.storm import Storm
from tests.simulation.tasks import stack_of, stacks_of
from tests.simulation.workers import Administrator, Reader, Run, TransactionalWriter, Writer

NO_PROGRESS_S = 150
"""Virtual seconds without any progress, the cluster being well, after which somebody waits in vain. Above the longest
wait that the settings allow: a rebalance waits 20 s for members that died, a request 5 s, a delivery 60 s."""

LONGEST_S = 1500
NOTICE_S = 20
"""After which a member must have noticed that the group has given it up: it sends a heartbeat each second."""
ASSIGNORS = ("RangeAssignor", "CooperativeStickyAssignor", "RoundRobinAssignor", "StickyAssignor")


def simulate(seed: int) -> Outcome:
    """Run one seed, which takes the same course each time, whatever the process has done before."""
    return played(lambda loop: _Scene(loop, seed), seed)


class _Scene:
    def __init__(self, loop: VirtualLoop, seed: int) -> None:
        self.loop = loop
        self.chance = random.Random(seed)
        self.extras = extras = random.Random(seed + 3)
        self.is_unclean = extras.random() < 0.2
        has_new_groups = extras.random() < 0.3
        self.cluster = SimulatedCluster(
            loop,
            random.Random(seed + 1),
            has_new_groups=has_new_groups,
            has_implicit_transactions=random.Random(seed + 4).random() < 0.5,
        )
        self.storm = Storm(self.cluster, random.Random(seed + 2), is_unclean=self.is_unclean)
        self.run = Run(self.cluster.bootstrap, self.chance)
        self.story = ""
        self.read_up_to: dict[TopicPartition, truth.Log] | None = None

    def outcome(self, seed: int) -> Outcome:
        mistakes = [f"raised where nobody looks: {each}" for each in self.loop.mistakes]
        faults = [*self.run.complaints, *mistakes]
        return Outcome(seed, self.story, faults, self.loop.now, self.cluster.network.digest)

    async def play(self) -> None:
        chance, run = self.chance, self.run
        await self.cluster.begin(
            group_initial_rebalance_delay_ms=chance.choice([0, 3000]),
            replica_fetch_wait_max_ms=5000,
            log_flush_offset_checkpoint_interval_ms=600_000,
            replica_high_watermark_checkpoint_interval_ms=600_000,
            default_replication_factor=3,
            min_insync_replicas=chance.choice([1, 2]),
        )
        count = chance.randint(1, 4)
        partitions = [TopicPartition(TOPIC, index) for index in range(count)]
        await self.cluster.controller.create(TOPIC, *self.cluster.assignment(count))
        await asyncio.sleep(2)
        writers = self._writers()
        self.reads_committed = any(isinstance(each, TransactionalWriter) for each in writers) or chance.random() < 0.3
        alone = Reader(run, "a reader alone", self._reading(), partitions=partitions)
        members = self._members()
        deletes = chance.random() < 0.25 and not self.is_unclean  # deleted records would be back for good
        administrator = Administrator(run, GROUP, deletes=deletes)
        workers: list[Any] = [*writers, alone, *members, administrator]
        self.story = (
            f"{self.storm}; {count} partitions; {', '.join(self._said(each) for each in writers)}; "
            f"{len(members)} members{f' with {members[0].assignor}' if members else ''}"
        )
        tasks = [self.loop.create_task(each.work()) for each in workers]
        for each in tasks:
            each.add_done_callback(self._ended)
        await self.storm.rage()
        run.calm_since = self.loop.now
        await self._until_done(writers, alone, members)
        run.is_over = True
        await self._stop(tasks)
        self._check(writers, alone, members)
        await self._check_leaks()
        await self.cluster.close()

    def _said(self, writer: Writer) -> str:
        kind = f"acks={writer.settings.required_acks}"
        if isinstance(writer, TransactionalWriter):
            kind = "implicitly transactional" if self.cluster.implicit_transactions else "transactional"
        return f"{writer.count} records {kind}{'' if writer.settings.idempotent else ' without idempotence'}"

    def _writers(self) -> list[Writer]:
        chance = self.chance
        found: list[Writer] = []
        for number in range(chance.randint(1, 2)):
            settings = {
                "request.timeout.ms": "5000",
                "delivery.timeout.ms": chance.choice(["20000", "60000"]),
                "linger.ms": chance.choice(["0", "5", "100"]),
                "batch.size": chance.choice(["100", "300", "16384"]),
                "max.in.flight.requests.per.connection": chance.choice(["1", "2", "5"]),
                "retry.backoff.ms": chance.choice(["10", "100"]),
                "max.block.ms": "60000",
            }
            if settings["max.in.flight.requests.per.connection"] == "1" and settings["batch.size"] != "16384":
                settings["delivery.timeout.ms"] = "60000"  # small batches one at a time take a while when far away
            kind = chance.choice(["idempotent", "idempotent", "transactional", "plain"])
            if kind == "transactional" and self.is_unclean:
                kind = "idempotent"  # a marker that is lost would keep its transaction open for ever
            if kind == "plain":
                settings |= {"enable.idempotence": "false", "acks": chance.choice(["1", "all"])}
            maker = Writer
            if kind == "transactional":
                settings |= {"transactional.id": f"T{number}", "transaction.timeout.ms": "10000"}
                settings["delivery.timeout.ms"] = "20000"
                maker = TransactionalWriter
            pause = chance.choice([0.01, 0.2, 1.0])
            found.append(maker(self.run, f"W{number}", chance.choice([10, 60, 200]), settings, pause=pause))
        return found

    def _reading(self) -> dict[str, str]:
        return {
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed" if self.reads_committed else "read_uncommitted",
            "request.timeout.ms": "5000",
            "fetch.max.wait.ms": self.chance.choice(["500", "2000"]),
            "metadata.max.age.ms": self.chance.choice(["5000", "60000"]),
            "max.partition.fetch.bytes": self.chance.choice(["200", "1048576"]),
            "retry.backoff.ms": "100",
        }

    def _members(self) -> list[Reader]:
        chance = self.chance
        assignor = chance.choice(ASSIGNORS)
        lives = chance.choice([None, 5.0, 15.0])
        settings = {
            "group.id": GROUP,
            "partition.assignment.strategy": f"org.apache.kafka.clients.consumer.{assignor}",
            "session.timeout.ms": "10000",
            "heartbeat.interval.ms": "1000",
            "max.poll.interval.ms": "20000",
            "auto.commit.interval.ms": chance.choice(["500", "5000"]),
        }
        if self.cluster.has_new_groups:
            settings = {
                each: settings[each] for each in ("group.id", "max.poll.interval.ms", "auto.commit.interval.ms")
            }
            settings["group.protocol"] = "consumer"
        pattern = TOPIC if self.extras.random() < 0.3 else None
        found = []
        for number in range(chance.randint(0, 3)):
            its = settings | self._reading()
            if chance.random() < 0.2:
                its["group.instance.id"] = f"i{number}"
            found.append(
                Reader(
                    self.run,
                    f"member {number}",
                    its,
                    pattern=pattern,
                    lifetime=lambda: None if lives is None else chance.expovariate(1 / lives),
                )
            )
        if self.cluster.has_new_groups:
            for each in found:
                each.pause = self.extras.choice([0.0, 3.0, 3.0])
                each.others, each.is_member = [other for other in found if other is not each], self.cluster.is_member
        return found

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            import traceback

            self.run.complaints.append(
                f"{task.get_coro().__qualname__} ended: " + "".join(traceback.format_exception(error))
            )

    async def _until_done(self, writers: list[Writer], alone: Reader, members: list[Reader]) -> None:
        """Until all is written and read; what a plain producer's lost requests still bring later need nobody read."""
        run, began, seen = self.run, self.loop.now, (-1, 0.0)
        while self.loop.now - began < LONGEST_S:
            await asyncio.sleep(1.0)
            if run.complaints:
                return
            if all(writer.is_done for writer in writers) and self._is_stable():
                logs = truth.read_logs(self.cluster)
                if truth.is_read_up(alone, logs, committed=self.reads_committed) and (
                    not members or not self._left_by(members, logs)
                ):
                    self.read_up_to = logs
                    await self._check_membership(members)
                    return
            if run.progress != seen[0]:
                seen = (run.progress, self.loop.now)
            elif self.loop.now - seen[1] > NO_PROGRESS_S:
                break
        waiting = [writer.name for writer in writers if not writer.is_done]
        logs = truth.read_logs(self.cluster)
        if not truth.is_read_up(alone, logs, committed=self.reads_committed):
            waiting.append(alone.name)
        if members and self._left_by(members, logs):
            waiting.append("the group")
        run.complaints.append(
            f"no progress for {self.loop.now - seen[1]:.0f} s, though there is something to do for "
            f"{', '.join(waiting) or 'nobody: a transaction stays open'}\n{stacks_of(self.loop)}"
        )

    async def _check_membership(self, members: list[Reader]) -> None:
        """No member may read on for good that the coordinator has given up."""
        if not self.cluster.has_new_groups:
            return
        await asyncio.sleep(NOTICE_S)
        for member in members:
            if member.assigned and not member.is_in_group:
                self.run.complaints.append(f"{member.name} reads on, though the group has given it up")

    def _is_stable(self) -> bool:
        """Whether no transaction is open any more, and all replicas have everything."""
        for each, state in self.cluster.controller.partitions.items():
            if each.topic == TOPIC:
                log = self.cluster.nodes[state.leader].logs.get(each)  # none while it has not heard that it leads
                if log is None or log.last_stable < log.log_end:
                    return False
        return True

    def _left_by(self, members: list[Reader], logs: dict[TopicPartition, truth.Log]) -> bool:
        return bool(truth.missing(truth.seen_by(members), logs, committed=self.reads_committed))

    async def _stop(self, tasks: list[asyncio.Task[None]]) -> None:
        _done, left = await asyncio.wait(tasks, timeout=60)
        for task in left:
            self.run.complaints.append(f"does not end: {task.get_coro().__qualname__}\n{stack_of(task)}")
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _check(self, writers: list[Writer], alone: Reader, members: list[Reader]) -> None:
        logs = truth.read_logs(self.cluster)
        found: list[str] = []
        for writer in writers:
            found += truth.check_writer(writer, logs)
        for reader in [alone, *members]:
            found += truth.check_reader(reader, logs, committed=self.reads_committed)
        if members:
            found += truth.check_group(members, self.read_up_to or logs, committed=self.reads_committed)
        self.run.complaints += found

    async def _check_leaks(self) -> None:
        await asyncio.sleep(10)
        for link in self.cluster.network.links.values():
            if not link.is_silent:
                self.run.complaints.append(f"a connection to {link.address} is left open")
        for task in asyncio.all_tasks():
            code = getattr(task.get_coro(), "cr_code", None)
            if code and any(f"pykafka_cli/{part}/" in code.co_filename for part in ("clients", "transport")):
                self.run.complaints.append(f"a task is left: {task.get_coro().__qualname__}\n{stack_of(task)}")
