"""One run: whole brokers, clients, faults, what must hold throughout, and what must hold at the end."""

import asyncio
import random
import traceback
from collections.abc import Collection
from typing import Any
from unittest.mock import patch

from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.clients.admin.topics import create_topic
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import TopicPartition
from pykafka_cli.transport.errors import ConnectionFailed
from tests.simulation import truth
from tests.simulation.cluster import GROUP, TOPIC
from tests.simulation.ensemble import faults as ensemble_faults
from tests.simulation.ensemble.faults import EnsembleFaults
from tests.simulation.ensemble.run import CHANGING, drawn_settings
from tests.simulation.loop import CLIENTS, VirtualLoop
from tests.simulation.scene import Outcome, needed, played
from tests.simulation.servers import compaction
from tests.simulation.servers.cluster import ServerCluster
from tests.simulation.servers.compacted import Compacted
from tests.simulation.servers.ensemble import EnsembleOfCluster
from tests.simulation.servers.faults import KINDS, Faults
from tests.simulation.servers.invariants import Invariants, next_offset
from tests.simulation.tasks import stacks_of
from tests.simulation.workers import Reader, Run, TransactionalWriter, Writer

NO_PROGRESS_S = 150
"""As in tests/simulation/run.py: virtual seconds after which somebody waits in vain, the cluster being well."""
LONGEST_S = 1500
LOOK_S = 0.05
"""Seconds between two checks of the invariants."""
ENSEMBLE = "ensemble's "
"""Precedes the kinds of faults of ZooKeeper's servers."""
UNCLEAN = 0.15
"""How many of the clusters allow unclean elections, and may lose records."""
COMPACTING = 0.25
"""How many have a compacted topic, and clean it and the internal ones again and again."""
COMPARE_EVERY = 40
"""Checks between two comparisons of logs."""


def simulate(seed: int, without: Collection[str] = (), *, on_ensemble: bool = False) -> Outcome:
    """Run one seed, which runs the same way each time, whatever the process did before.

    without        kinds of faults that are left out though the seed has them
    on_ensemble    whether there are several ZooKeeper servers, which have faults as well
    """
    # There are no other threads to let run, and on a busy machine it takes a while to offer them that.
    with patch("pykafka_cli.broker.log.compaction._let_others_run", lambda check: check()):
        return played(lambda loop: _Scene(loop, seed, without, on_ensemble=on_ensemble), seed)


def shrunk(seed: int, *, on_ensemble: bool = False) -> list[str]:
    """The kinds of faults that a seed which fails needs to fail; empty if it fails without any, or passes."""
    kinds = (*KINDS, *(ENSEMBLE + kind for kind in ensemble_faults.KINDS)) if on_ensemble else KINDS
    return needed(kinds, lambda without: bool(simulate(seed, without, on_ensemble=on_ensemble).faults))


class _Scene:
    def __init__(self, loop: VirtualLoop, seed: int, without: Collection[str], *, on_ensemble: bool) -> None:
        self.loop = loop
        self.chance = chance = random.Random(seed)
        self.min_insync = chance.choice([1, 2])
        luck = random.Random(seed + 5).random()
        self.is_unclean = is_unclean = luck < UNCLEAN
        self.compacts = UNCLEAN <= luck < UNCLEAN + COMPACTING
        settings = {
            "default_replication_factor": "3",
            "min_insync_replicas": str(self.min_insync),
            "offsets_topic_replication_factor": "3",
            "transaction_state_log_replication_factor": "3",
            "transaction_state_log_min_isr": str(self.min_insync),
            "group_initial_rebalance_delay_ms": str(chance.choice([0, 3000])),
            "unclean_leader_election_enable": "true" if is_unclean else "false",
            "auto_leader_rebalance_enable": chance.choice(["true", "false"]),
            "leader_imbalance_check_interval_seconds": "5",
            **(compaction.BROKER_SETTINGS if self.compacts else {}),
        }
        count = chance.choice([3, 3, 4, 5])
        extras = random.Random(seed + 3)
        spares = 2 if luck > 1 - CHANGING else 0
        ensemble = (extras.choice([3, 3, 5]), drawn_settings(extras), spares) if on_ensemble else None
        self.cluster = ServerCluster(loop, random.Random(seed + 1), count, settings, ensemble)
        self.cluster.compacts = self.compacts
        self.faults = Faults(self.cluster, random.Random(seed + 2), without)
        self.ensemble_faults = self.faults.others = self._faults_of_ensemble(random.Random(seed + 4), without)
        self.run = Run(self.cluster.bootstrap, chance)
        self.story = ""

    def _faults_of_ensemble(self, chance: random.Random, without: Collection[str]) -> EnsembleFaults | None:
        zookeeper = self.cluster.zookeeper
        if not isinstance(zookeeper, EnsembleOfCluster):
            return None
        hosts = [each.host for each in self.cluster.brokers.values()]
        left_out = [each.removeprefix(ENSEMBLE) for each in without if each.startswith(ENSEMBLE)]
        return EnsembleFaults(zookeeper.servers, chance, [*hosts, CLIENTS], without=left_out, has_weather=False)

    def outcome(self, seed: int) -> Outcome:
        faults = [*self.run.complaints, *self.cluster.zookeeper.broken]
        faults += [f"raised where nobody looks: {each}" for each in self.loop.mistakes]
        return Outcome(seed, self.story, faults, self.loop.now, self.cluster.network.digest)

    async def play(self) -> None:
        await self.cluster.begin()
        await self._create_topic()
        writers = self._writers()
        committed = any(isinstance(each, TransactionalWriter) for each in writers)
        alone = Reader(self.run, "a reader alone", self._reading(committed), partitions=self._partitions())
        members = self._members(committed)
        latest = await self._compacted() if self.compacts else None
        self.story = (
            f"{len(self.cluster.brokers)} brokers, min.insync.replicas={self.min_insync}, "
            f"{'unclean elections; ' * self.is_unclean}{self.faults}; "
            f"{len(self.cluster.zookeeper.hosts)} ZooKeeper servers; {self.ensemble_faults or ''}; "
            f"{len(self._partitions())} partitions, {len(writers)} writers, {len(members)} members"
            f"{f'; {latest}' if latest else ''}"
        )
        checked = [*writers, *(latest.writers if latest else [])]
        self.invariants = Invariants(
            self.cluster, checked, latest.remains if latest else None, may_lose=self.is_unclean
        )
        workers: list[Writer | Reader] = [*writers, alone, *members, *(latest.workers if latest else [])]
        tasks = [self.loop.create_task(each.work()) for each in workers]
        for task in tasks:
            task.add_done_callback(self._ended)
        watch = self.loop.create_task(self._watch())
        watch.add_done_callback(self._ended)
        await self._rage()
        self.run.calm_since = self.loop.now
        await self._until_done(writers, alone, members, latest, committed=committed)
        self.run.is_over = True
        watch.cancel()
        await self._stop(tasks)
        if self.is_unclean:
            await self._until_equal()
        self._check(writers, [alone, *members], committed=committed)
        if latest is not None and not self.run.complaints:
            self.run.complaints += latest.faults(self.cluster)

    async def _rage(self) -> None:
        """All faults, until they have ended."""
        ensemble = self.ensemble_faults
        if ensemble is None:
            await self.faults.rage()
            return
        await asyncio.gather(self.faults.rage(), ensemble.rage())
        ensemble.end()
        await self.faults.end()

    async def _compacted(self) -> Compacted:
        partitions = self.chance.randint(1, 2)
        await self._create(compaction.COMPACTED, partitions, compaction.TOPIC_CONFIGS)
        clocks_agree = "drifting clocks" not in self.faults.kinds
        return Compacted(self.run, self.chance, partitions, self._reading, clocks_agree=clocks_agree)

    async def _create_topic(self) -> None:
        self.partition_count = self.chance.randint(1, 4)
        await self._create(TOPIC, self.partition_count, {"segment.bytes": "2000", "segment.index.bytes": "4096"})

    async def _create(self, topic: str, partitions: int, configs: dict[str, str]) -> None:
        while True:
            session = await self.run.session({})
            try:
                await create_topic(session, topic, partitions=partitions, replication_factor=3, configs=configs)
                return
            except (ApiError, ConnectionFailed) as error:
                if "exists" in str(error):
                    return
                await asyncio.sleep(0.5)
            finally:
                session.close()

    def _partitions(self) -> list[TopicPartition]:
        return [TopicPartition(TOPIC, index) for index in range(self.partition_count)]

    def _writers(self) -> list[Writer]:
        chance = self.chance
        found: list[Writer] = []
        for number in range(chance.randint(1, 3)):
            settings = {
                "request.timeout.ms": "5000",
                "delivery.timeout.ms": "60000",
                "linger.ms": chance.choice(["0", "5", "100"]),
                "batch.size": chance.choice(["100", "300", "16384"]),
                "retry.backoff.ms": "100",
                "max.block.ms": "120000",
                "enable.idempotence": chance.choice(["true", "true", "false"]),
                "acks": "all",
            }
            pause = chance.choice([0.01, 0.2, 1.0])
            count = chance.choice([20, 60, 150])
            if chance.random() < 0.3:
                settings |= {"transactional.id": f"T{number}", "transaction.timeout.ms": "10000"}
                settings |= {"delivery.timeout.ms": "20000", "enable.idempotence": "true"}
                found.append(TransactionalWriter(self.run, f"W{number}", count, settings, pause=pause))
            else:
                found.append(Writer(self.run, f"W{number}", count, settings, pause=pause))
        return found

    def _reading(self, committed: bool) -> dict[str, str]:
        return {
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed" if committed else "read_uncommitted",
            "request.timeout.ms": "5000",
            "metadata.max.age.ms": "5000",
            "retry.backoff.ms": "100",
        }

    def _members(self, committed: bool) -> list[Reader]:
        chance = self.chance
        settings = self._reading(committed) | {
            "group.id": GROUP,
            "session.timeout.ms": "10000",
            "heartbeat.interval.ms": "1000",
            "max.poll.interval.ms": "20000",
            "auto.commit.interval.ms": "500",
        }
        lives = chance.choice([None, 8.0])
        return [
            Reader(
                self.run, f"member {number}", settings,
                lifetime=lambda: None if lives is None else chance.expovariate(1 / lives),
            )
            for number in range(chance.randint(0, 2))
        ]  # fmt: skip

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            name = getattr(task.get_coro(), "__qualname__", "?")
            self.run.complaints.append(f"{name} ended: " + "".join(traceback.format_exception(error)))

    async def _watch(self) -> None:
        invariants = self.invariants
        while not invariants.broken:
            invariants.look()
            if invariants.looks % COMPARE_EVERY == 0:
                invariants.compare_logs()
            await asyncio.sleep(LOOK_S)
        self.run.complaints += [f"{self.loop.now:.2f} {each}" for each in invariants.broken[:5]]

    def _logs(self) -> dict[TopicPartition, truth.Log] | None:
        """What the leaders' logs contain; None while a leader is missing, or a transaction is open.

        An unclean election may lose what the coordinator knew of a transaction: then it stays open, as in Kafka.
        """
        found = {}
        for each in self._partitions():
            role = self.cluster.leading(each)
            if role is None or (role.log.last_stable < role.log.log_end and not self.is_unclean):
                return None
            found[each] = truth.read_log(role.log)
        return found

    async def _until_done(
        self, writers: list[Writer], alone: Reader, members: list[Reader], latest: Compacted | None, *, committed: bool
    ) -> None:
        """Wait until everything is written and read."""
        run, began, seen = self.run, self.loop.now, (-1, self.loop.now)
        while self.loop.now - began < LONGEST_S:
            await asyncio.sleep(1.0)
            if run.complaints or self.cluster.zookeeper.broken:
                return
            logs = self._logs()
            if all(writer.is_done for writer in writers) and logs is not None:
                group_read = not members or not truth.missing(truth.seen_by(members), logs, committed=committed)
                is_read = truth.is_read_up(alone, logs, committed=committed) and group_read
                is_read &= latest is None or not latest.waits(self.cluster)
                if (is_read or self.is_unclean) and self._is_whole():
                    return
            if run.progress != seen[0]:
                seen = (run.progress, self.loop.now)
            elif self.loop.now - seen[1] > NO_PROGRESS_S:
                break
        waiting = [writer.name for writer in writers if not writer.is_done]
        waiting += latest.waits(self.cluster) if latest is not None else []
        whole = "" if self._is_whole() else f"; not whole: {self._fractured()}"
        run.complaints.append(
            f"no progress for {self.loop.now - seen[1]:.0f} s, though there is something to do for "
            f"{', '.join(waiting) or 'readers or nobody'}{whole}\n{stacks_of(self.loop)}"
        )

    def _is_whole(self) -> bool:
        return not self._fractured()

    def _fractured(self) -> list[str]:
        """Brokers that have not started; partitions without a leader, or with replicas that are not in sync; ZooKeeper
        servers that differ."""
        states = self.cluster.states()
        starting = [each.process for each in self.cluster.brokers.values() if not each.has_started]
        return (
            starting
            + [
                f"{each} {states.get(each)} of {replicas}"
                for each, replicas in self.cluster.assignments().items()
                if each not in states or set(states[each].isr) != set(replicas) or self.cluster.leading(each) is None
            ]
            + self.cluster.zookeeper.differences()
        )

    async def _until_equal(self) -> None:
        """Wait until followers have what members of the group wrote last, as long as progress may take."""
        for _ in range(NO_PROGRESS_S):
            if not self._different():
                return
            await asyncio.sleep(1.0)

    def _different(self) -> list[TopicPartition]:
        """Partitions whose replicas do not have the same records; nobody writes any more."""
        different = []
        for partition, replicas in self.cluster.assignments().items():
            logs = [self.cluster.brokers[each].log(partition) for each in replicas]
            if len({_records(log) for log in logs if log is not None}) > 1:
                different.append(partition)
        return different

    async def _stop(self, tasks: list[asyncio.Task[None]]) -> None:
        _, left = await asyncio.wait(tasks, timeout=60)
        for task in left:
            self.run.complaints.append(f"does not end: {task}")
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _check(self, writers: list[Writer], readers: list[Reader], *, committed: bool) -> None:
        self.invariants.look()
        self.invariants.compare_logs()
        self.run.complaints += [each for each in self.invariants.broken if not self.run.complaints]
        if self.is_unclean:
            self.run.complaints += [f"replicas differ at the end: {each}" for each in self._different()]
            return
        logs: Any = self._logs()
        if logs is None:
            return
        for writer in writers:
            self.run.complaints += truth.check_writer(writer, logs)
        for reader in readers:
            self.run.complaints += truth.check_reader(reader, logs, committed=committed)
        if len(readers) > 1:
            self.run.complaints += truth.check_group(readers[1:], logs, committed=committed)


def _records(log: PartitionLog) -> bytes:
    """All that a log has, in whatever segments."""
    found, offset = bytearray(), log.log_start
    while offset < log.log_end:
        data = bytes(log.read(offset, max_bytes=1 << 24, up_to=log.log_end, min_one_batch=True).records)
        if not data:
            break
        found += data
        offset = next_offset(data, offset)
    return bytes(found)
