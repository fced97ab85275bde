"""What befalls a cluster during the first part of a run."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping

from pykafka_cli.model import TopicPartition
from tests.fakes.replica_cluster import CONTROLLER
from tests.simulation.cluster import TOPIC, SimulatedCluster
from tests.simulation.network import Weather

KINDS = ("cuts", "silences", "elections", "restarts", "errors", "losses", "stalls", "distance", "unanswered connects")


class Storm:
    """Some kinds of trouble, drawn from `chance`, until `end`; afterwards the cluster is well, if far away."""

    def __init__(self, cluster: SimulatedCluster, chance: random.Random, *, is_unclean: bool = False) -> None:
        self._cluster = cluster
        self._chance = chance
        self.kinds = frozenset(kind for kind in KINDS if chance.random() < 0.45)
        self.seconds = chance.choice([5, 10, 20])
        self._pace = chance.choice([0.3, 1.0, 3.0])
        self._distance = chance.choice([0.0005, 0.005, 0.05, 0.1]) if "distance" in self.kinds else 0.0005
        self._acts: Mapping[str, Callable[[], Awaitable[object]]] = {
            "cuts": self._cut,
            "silences": self._silence,
            "elections": self._elect,
            "restarts": self._restart,
        }
        if is_unclean:
            self.kinds |= {"unclean elections"}
            self._acts = {**self._acts, "unclean elections": self._elect_uncleanly}

    def __str__(self) -> str:
        return f"{self.seconds} s of {', '.join(sorted(self.kinds)) or 'nothing'}, {self._distance * 1000:g} ms away"

    async def rage(self) -> None:
        cluster, loop = self._cluster, asyncio.get_running_loop()
        strength = self._chance.choice([0.01, 0.05, 0.2])
        cluster.network.weather = Weather(
            self._distance, self._distance / 2, 0.3,
            connect_silence=0.05 if "unanswered connects" in self.kinds else 0.0,
        )  # fmt: skip
        cluster.errors = strength if "errors" in self.kinds else 0.0
        cluster.losses = strength / 2 if "losses" in self.kinds else 0.0
        cluster.stalls = strength / 2 if "stalls" in self.kinds else 0.0
        cluster.replication_delay = self._chance.choice([0.001, 0.02, 0.2])
        cluster.news_delay = self._chance.choice([0.01, 0.3, 1.0])
        end = loop.time() + self.seconds
        acts = [act for kind, act in self._acts.items() if kind in self.kinds]
        while loop.time() < end:
            await asyncio.sleep(self._chance.expovariate(1 / self._pace))
            if acts:
                await self._chance.choice(acts)()
        await self.end()

    async def end(self) -> None:
        cluster = self._cluster
        cluster.errors = cluster.losses = cluster.stalls = 0.0
        cluster.network.weather = Weather(self._distance, self._distance / 2, 0.1)
        for broker_id, node in cluster.nodes.items():
            if not node.is_running:
                await cluster.restart(broker_id)

    async def _cut(self) -> None:
        links = list(self._cluster.network.links.values())
        if links:
            self._chance.choice(links).cut()

    async def _silence(self) -> None:
        links = list(self._cluster.network.links.values())
        if links:
            self._chance.choice(links).fall_silent(self._chance.choice([1.0, 10.0, 60.0]))

    async def _elect(self) -> None:
        partitions: list[TopicPartition] = sorted(self._cluster.controller.partitions)
        await self._cluster.move_leader(self._chance.choice(partitions))

    async def _elect_uncleanly(self) -> None:
        """A broker comes back, and leads at once what the others have written more of meanwhile."""
        running = [node.broker_id for node in self._cluster.running() if node.broker_id != CONTROLLER]
        if len(running) < 2:
            return
        broker_id = self._chance.choice(running)
        await self._cluster.fail(broker_id, how=self._chance.choice(["stop", "crash"]))
        await asyncio.sleep(self._chance.choice([0.5, 2.0, 5.0]))
        lagging = [each for each in sorted(self._cluster.controller.partitions) if each.topic == TOPIC]
        await self._cluster.restart(broker_id)
        for each in lagging:
            if broker_id not in self._cluster.controller.partitions[each].isr:
                await self._cluster.elect_uncleanly(each, broker_id)

    async def _restart(self) -> None:
        running = [node.broker_id for node in self._cluster.running() if node.broker_id != CONTROLLER]
        if len(running) < 2:
            return
        broker_id = self._chance.choice(running)
        await self._cluster.fail(broker_id, how=self._chance.choice(["stop", "crash"]))
        await asyncio.sleep(self._chance.choice([0.1, 1.0, 5.0]))
        await self._cluster.restart(broker_id)
