"""The faults of a cluster of whole brokers, during the first part of a run."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager

from pykafka_cli.clients.admin import configs, reassignments
from pykafka_cli.clients.admin.cluster import ElectionType, elect_leaders
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.model import AlterConfigOp, BrokerId, ConfigResourceType, TopicPartition
from pykafka_cli.transport.errors import ConnectionFailed
from tests.simulation.cluster import TOPIC
from tests.simulation.ensemble.faults import EnsembleFaults
from tests.simulation.loop import PROCESS
from tests.simulation.mending import Mending
from tests.simulation.network import Weather
from tests.simulation.servers.cluster import DriftingClock, ServerCluster, SimulatedBroker
from tests.simulation.servers.compaction import COMPACTED

_DRAWN = (
    "kills", "power losses", "stops", "pauses", "partitions", "ZooKeeper restarts", "lost sessions", "slow disks",
    "cuts", "elections", "reassignments", "config changes", "full disks", "drifting clocks", "distance",
)  # fmt: skip
IN_CLEANING = "deaths in cleaning"
KINDS = (*_DRAWN, IN_CLEANING)
COMPACTED_CHANGES = (
    (ConfigResourceType.TOPIC, COMPACTED, "cleanup.policy", ["compact", "compact,delete", "delete"]),
    (ConfigResourceType.TOPIC, COMPACTED, "retention.ms", ["3000", "604800000"]),
    (ConfigResourceType.TOPIC, COMPACTED, "min.insync.replicas", ["1", "2"]),
    (ConfigResourceType.TOPIC, COMPACTED, "min.cleanable.dirty.ratio", ["0.01", "0.5"]),
    (ConfigResourceType.TOPIC, COMPACTED, "segment.bytes", ["400", "1000", "3000"]),
    (ConfigResourceType.TOPIC, TOPIC, "min.insync.replicas", ["1", "2"]),
    (ConfigResourceType.BROKER, "", "log.cleaner.backoff.ms", ["200", "2000"]),
)
"""What the administrator of a cluster that compacts changes: resource, key and values."""
CLEANING_S, CLEANING_STEPS = 5, 60
"""How long a cleaning is waited for, and within how many of its changes to the disk a broker dies."""
HEAL_S = 60
"""How long a cluster may take to recover after a power loss."""


class Faults:
    """Some kinds of trouble, drawn from `chance`, for some virtual seconds; then everything is repaired.

    Brokers also die in cleaning if the cluster compacts.

    without    kinds that are left out though they were drawn
    others     those of ZooKeeper's servers, which go on at the same time
    """

    others: EnsembleFaults | None = None

    def __init__(self, cluster: ServerCluster, chance: random.Random, without: Collection[str] = ()) -> None:
        self._cluster = cluster
        self._chance = chance
        drawn = [kind for kind in _DRAWN if chance.random() < 0.3]
        if cluster.compacts:
            drawn.append(IN_CLEANING)
        self.kinds = [kind for kind in drawn if kind not in without]
        self.seconds = chance.choice([10, 20, 40])
        self._pace = chance.choice([0.3, 1.0, 3.0])
        self._distance = chance.choice([0.0005, 0.005, 0.05]) if "distance" in self.kinds else 0.0005
        self._mending = Mending()
        acts: Mapping[str, Callable[[], Awaitable[object]]] = {
            "kills": self._kill,
            "power losses": self._lose_power,
            "stops": self._stop,
            "pauses": self._pause,
            "partitions": self._part,
            "ZooKeeper restarts": self._restart_zookeeper,
            "lost sessions": self._lose_session,
            "cuts": self._cut,
            "elections": self._elect,
            "reassignments": self._reassign,
            "config changes": self._change_config,
            "full disks": self._fill_disk,
            IN_CLEANING: self._die_in_cleaning,
        }
        self._acts = [acts[kind] for kind in self.kinds if kind in acts]
        if "drifting clocks" in self.kinds:
            for each in cluster.brokers.values():
                each.clock = DriftingClock(
                    cluster.loop, off_ms=chance.randint(-5000, 5000), rate=chance.uniform(-0.05, 0.05)
                )

    def __str__(self) -> str:
        return f"{self.seconds} s of {', '.join(self.kinds) or 'nothing'}, {self._distance * 1000:g} ms away"

    async def rage(self) -> None:
        cluster, loop, chance = self._cluster, asyncio.get_running_loop(), self._chance
        cluster.network.weather = Weather(self._distance, self._distance / 2, 0.2)
        cluster.zookeeper.delay = max(0.001, self._distance)
        if "slow disks" in self.kinds:
            slow = chance.choice(list(cluster.brokers.values())).host
            cluster.loop.work_takes = lambda: chance.random() * 0.5 if PROCESS.get().startswith(slow) else 0.0
        end = loop.time() + self.seconds
        while loop.time() < end:
            await asyncio.sleep(chance.expovariate(1 / self._pace))
            if self._acts:
                await chance.choice(self._acts)()
        await self.end()

    async def end(self) -> None:
        """Repair everything: all brokers run, and reach each other."""
        cluster = self._cluster
        self._mending.cancel()
        cluster.loop.work_takes = float
        cluster.network.unblock()
        if cluster.zookeeper.is_down:
            cluster.zookeeper.restart()
        for each in cluster.brokers.values():
            each.survive()
            if each.files.room is not None:
                each.files.room = None
                if each.is_running:
                    each.end()  # its log directory may be offline, until it starts again
            if each.is_paused:
                each.resume()
            if not each.is_running:
                each.start()

    def _tell(self, what: str) -> None:
        self._cluster.stories.append(f"{self._cluster.loop.now:.3f} {what}")

    def _one(self) -> SimulatedBroker | None:
        """A running broker, chosen by chance."""
        running = [each for each in self._cluster.running() if not each.is_paused]
        return self._chance.choice(running) if running else None

    def _start_soon(self, broker: SimulatedBroker) -> None:
        self._mending.later(self._chance.choice([0.1, 1.0, 5.0]), lambda: None if broker.is_running else broker.start())

    # ---- processes

    async def _kill(self) -> None:
        if broker := self._one():
            self._tell(f"{broker.process} is killed")
            broker.end()
            self._start_soon(broker)

    async def _lose_power(self) -> None:
        """One broker at a time, when no partition depends on it alone: what is not synced is only as safe as that.

        Nothing else happens until the cluster is whole again: while ZooKeeper counts the broker among its partitions'
        replicas in sync, the others could be removed from them, as when their sessions are lost.
        """
        async with self._nothing_else() as is_calm:
            if not (is_calm and await self._is_whole(5)):
                return
            broker = self._one()
            assert broker is not None
            self._tell(f"{broker.process} loses power")
            broker.end(lost_power=self._chance)
            await asyncio.sleep(self._chance.choice([0.1, 1.0, 5.0]))
            broker.start()
            await self._is_whole(HEAL_S)

    @asynccontextmanager
    async def _nothing_else(self) -> AsyncIterator[bool]:
        """No other faults, of which one happens at a time; gives whether none of ZooKeeper's servers goes on."""
        if self.others is None:
            yield True
        else:
            async with self.others.held() as is_calm:
                yield is_calm

    async def _die_in_cleaning(self) -> None:
        """Often as kill -9 does it; by a power loss, if the cluster is whole and remains so."""
        if self._chance.random() >= 0.3:
            await self._die_in_next_cleaning(loses_power=False)
            return
        async with self._nothing_else() as is_calm:
            if is_calm and await self._is_whole(5):
                await self._die_in_next_cleaning(loses_power=True)
                await self._is_whole(HEAL_S)

    async def _die_in_next_cleaning(self, *, loses_power: bool) -> None:
        broker = self._one()
        if broker is None:
            return
        process, steps = broker.process, self._chance.randint(1, CLEANING_STEPS)
        self._tell(f"{process} {'loses power' if loses_power else 'is killed'} in step {steps} of its next cleaning")
        broker.end_in_cleaning(steps, lambda: self._chance if loses_power and self._is_whole_now() else None)
        for _ in range(CLEANING_S * 2):
            await asyncio.sleep(0.5)
            if not broker.is_running or broker.process != process:
                break
        else:
            broker.survive()
            return
        await asyncio.sleep(self._chance.choice([0.1, 1.0]))
        if not broker.is_running:
            broker.start()

    async def _is_whole(self, seconds: float) -> bool:
        """Whether all brokers run, all replicas are in sync, and no other fault is due, within that time."""
        for _ in range(int(seconds / 0.5)):
            if self._is_whole_now():
                return True
            await asyncio.sleep(0.5)
        return False

    def _is_whole_now(self) -> bool:
        cluster = self._cluster
        if self._mending.is_due or not all(
            each.has_started and not each.is_paused for each in cluster.brokers.values()
        ):
            return False
        states, assigned = cluster.states(), cluster.assignments()
        return (
            states.keys() == assigned.keys()
            and cluster.is_settled()
            and all(
                set(states[each].isr) == set(replicas) and len(replicas) > 1 and cluster.leading(each) is not None
                for each, replicas in assigned.items()
            )
        )

    async def _stop(self) -> None:
        if broker := self._one():
            self._tell(f"{broker.process} is stopped")
            if self._chance.random() < 0.7:
                await broker.stop()
            else:
                await asyncio.wait((asyncio.ensure_future(broker.stop()),), timeout=self._chance.random() * 5)
                if broker.is_running:
                    broker.end()
            self._start_soon(broker)

    async def _pause(self) -> None:
        if broker := self._one():
            self._tell(f"{broker.process} is paused")
            broker.pause()
            process = broker.process

            def resume() -> None:
                if broker.is_paused and broker.process == process:
                    broker.resume()

            self._mending.later(self._chance.choice([0.5, 3.0, 8.0]), resume)

    # ---- network and ZooKeeper

    async def _part(self) -> None:
        """Drop everything between some hosts, in one direction or both."""
        network, chance = self._cluster.network, self._chance
        hosts = [each.host for each in self._cluster.brokers.values()]
        cut_off = chance.sample(hosts, chance.choice([1, 1, len(hosts) // 2]))
        others = [each for each in [*hosts, *self._cluster.zookeeper.hosts, "clients"] if each not in cut_off]
        others = [each for each in others if chance.random() < 0.8]
        ways = chance.choice(["both", "in", "out"])
        self._tell(f"nothing passes {ways} between {cut_off} and {others}")
        for here in cut_off:
            for there in others:
                if ways != "in":
                    network.block(here, there)
                if ways != "out":
                    network.block(there, here)
        self._mending.later(chance.choice([1.0, 5.0, 15.0]), network.unblock)

    async def _restart_zookeeper(self) -> None:
        zookeeper = self._cluster.zookeeper
        if not zookeeper.is_down:
            self._tell("ZooKeeper is down")
            zookeeper.fail()
            self._mending.later(self._chance.choice([0.2, 2.0, 10.0]), zookeeper.restart)

    async def _lose_session(self) -> None:
        if broker := self._one():
            its = broker.broker
            session = its.store.client.session_id if its is not None else 0
            if session:
                self._tell(f"{broker.process} loses its session")
                await self._cluster.zookeeper.lose_session(session)

    async def _cut(self) -> None:
        links = list(self._cluster.network.links.values())
        if links:
            self._chance.choice(links).cut()

    # ---- what an administrator does

    async def _ask(self, request: Callable[[Session], Awaitable[object]]) -> None:
        settings = {"request.timeout.ms": "2000", "default.api.timeout.ms": "4000"}
        session = Session(self._cluster.bootstrap, ClientSettings(settings))
        try:
            async with asyncio.timeout(6):
                await session.__aenter__()
                await request(session)
        except (ApiError, ConnectionFailed, TimeoutError) as error:
            self._tell(f"  in vain: {error}")
        finally:
            session.close()

    def _partition(self) -> TopicPartition | None:
        partitions = sorted(each for each in self._cluster.states() if each.topic == TOPIC)
        return self._chance.choice(partitions) if partitions else None

    async def _elect(self) -> None:
        self._tell("preferred leaders are elected")
        await self._ask(lambda session: elect_leaders(session, ElectionType.PREFERRED, None))

    async def _reassign(self) -> None:
        if partition := self._partition():
            ids = [BrokerId(each) for each in self._cluster.brokers]
            replicas = tuple(self._chance.sample(ids, min(len(ids), 3)))
            self._tell(f"{partition} moves to {replicas}")
            await self._ask(lambda session: reassignments.alter_reassignments(session, {partition: replicas}))

    async def _change_config(self) -> None:
        type_, name, key, values = ConfigResourceType.TOPIC, TOPIC, "segment.bytes", ["400", "2000", "100000"]
        if self._cluster.compacts and self._chance.random() < 0.8:
            type_, name, key, values = self._chance.choice(COMPACTED_CHANGES)
        value = self._chance.choice(values)
        self._tell(f"{key}={value} of {name or 'all brokers'}")
        change = configs.Change(key, AlterConfigOp.SET, value)
        resource = configs.Resource(type_, name)
        await self._ask(lambda session: configs.alter_configs(session, {resource: [change]}))

    # ---- disks

    async def _fill_disk(self) -> None:
        if broker := self._one():
            self._tell(f"the disk of {broker.process} is full")
            files = broker.files
            files.room = self._chance.choice([0, 500, 5000])

            def make_room() -> None:
                files.room = broker.files.room = None
                if broker.is_running:
                    broker.end()  # its log directory is offline until it starts again
                broker.start()

            self._mending.later(self._chance.choice([1.0, 5.0]), make_room)
