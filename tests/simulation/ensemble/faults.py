"""The faults of an ensemble: of its servers, their disks and clocks, the network, and sessions."""

import asyncio
import errno
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager

from pykafka_cli.zookeeper.server.sessions import password_of
from tests.simulation.ensemble.client import EnsembleClient
from tests.simulation.ensemble.reconfigurations import Reconfigurations
from tests.simulation.ensemble.servers import FastOrSlowClock, SimulatedEnsemble, SimulatedServer
from tests.simulation.loop import PROCESS
from tests.simulation.mending import Mending
from tests.simulation.network import Weather

RECONFIGURATIONS = "reconfigurations"
_DRAWN = (
    "kills", "power losses", "stops", "pauses", "partitions", "lost sessions", "slow disks", "failing disks",
    "full disks", "cuts", "drifting clocks", "distance", "short reigns",
)  # fmt: skip
KINDS = (*_DRAWN, RECONFIGURATIONS)
ELECTED_S, LOOK_S = 5.0, 0.005
"""How long a leader is waited for, and how often it is looked for."""
MOST_STEPS = 12
"""Within how many changes to its disk a server dies that dies while it writes."""


class EnsembleFaults:
    """Some kinds of trouble, drawn from `chance`, for some virtual seconds; then everything is repaired.

    Reconfigurations are among them if the ensemble can be reconfigured.

    others         hosts that may be cut off from servers
    without        kinds that are left out though they were drawn
    has_weather    whether the distance of the whole network is its own matter
    """

    def __init__(
        self,
        ensemble: SimulatedEnsemble,
        chance: random.Random,
        others: Collection[str],
        *,
        without: Collection[str] = (),
        has_weather: bool = True,
    ) -> None:
        self._ensemble, self._chance, self._others = ensemble, chance, list(others)
        drawn = [kind for kind in _DRAWN if chance.random() < 0.35]
        if ensemble.can_change:
            drawn.append(RECONFIGURATIONS)
        self.kinds = [kind for kind in drawn if kind not in without]
        self.seconds = chance.choice([10, 20, 40])
        self._pace = chance.choice([0.3, 1.0, 3.0])
        self.distance = chance.choice([0.0005, 0.005, 0.05]) if "distance" in self.kinds else 0.0005
        self._has_weather = has_weather
        self._mending = Mending()
        self._reconfigurations = Reconfigurations(ensemble, chance, self._tell)
        self._reconfiguring: asyncio.Task[None] | None = None
        self._may_act = asyncio.Event()
        self._may_act.set()
        self._is_acting = False
        acts: Mapping[str, Callable[[], Awaitable[object]]] = {
            "kills": self._kill,
            "power losses": self._lose_power,
            "stops": self._stop,
            "pauses": self._pause,
            "partitions": self._part,
            "lost sessions": self._lose_session,
            "failing disks": self._fail_disk,
            "full disks": self._fill_disk,
            "cuts": self._cut,
            "short reigns": self._shorten_reigns,
            RECONFIGURATIONS: self._reconfigure,
        }
        self._acts = [acts[kind] for kind in self.kinds if kind in acts]
        ensemble.disks_may_fail = not {"failing disks", "full disks"}.isdisjoint(self.kinds)
        if "drifting clocks" in self.kinds:
            for each in ensemble.servers.values():
                each.clock = FastOrSlowClock(
                    ensemble.loop, off_ms=chance.randint(-5000, 5000), rate=chance.uniform(-0.05, 0.05)
                )

    def __str__(self) -> str:
        return f"{self.seconds} s of {', '.join(self.kinds) or 'nothing'}, {self.distance * 1000:g} ms away"

    async def rage(self) -> None:
        ensemble, chance = self._ensemble, self._chance
        if self._has_weather:
            ensemble.network.weather = Weather(self.distance, self.distance / 2, 0.2)
        if "slow disks" in self.kinds:
            slow, others = chance.choice(list(ensemble.servers.values())).host, ensemble.loop.work_takes
            ensemble.loop.work_takes = lambda: chance.random() * 0.5 if PROCESS.get().startswith(slow) else others()
        end = ensemble.loop.time() + self.seconds
        while ensemble.loop.time() < end:
            await asyncio.sleep(chance.expovariate(1 / self._pace))
            await self._may_act.wait()
            if self._acts:
                self._is_acting = True
                await chance.choice(self._acts)()
                self._is_acting = False
        self.end()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[bool]:
        """Let nothing happen in the block; gives whether nothing goes on in it that has begun before."""
        self._may_act.clear()
        try:
            is_reconfiguring = self._reconfiguring is not None and not self._reconfiguring.done()
            yield not (self._is_acting or self._mending.is_due or is_reconfiguring)
        finally:
            self._may_act.set()

    def end(self) -> None:
        """Repair everything: all servers run, and reach each other."""
        ensemble = self._ensemble
        self._mending.cancel()
        if self._reconfiguring is not None:
            self._reconfiguring.cancel()
        ensemble.loop.work_takes = float
        ensemble.network.unblock()
        for each in ensemble.servers.values():
            each.files.repair()
            if each.is_paused:
                each.resume()
            if not each.is_running and each.is_set_up:
                each.start()

    def _tell(self, what: str) -> None:
        self._ensemble.stories.append(f"{self._ensemble.loop.time():.2f} {what}")

    def _some(self) -> list[SimulatedServer]:
        """One running server, often the leader, or several."""
        running = [each for each in self._ensemble.running() if not each.is_paused]
        leading = [each for each in running if each.mode == "leader"]
        if leading and self._chance.random() < 0.4:
            return leading
        return self._chance.sample(running, min(len(running), self._chance.choice([1, 1, 1, 2, 5])))

    def _start_soon(self, server: SimulatedServer) -> None:
        self._mending.later(self._chance.choice([0.1, 1.0, 5.0]), lambda: None if server.is_running else server.start())

    # ---- processes

    async def _kill(self) -> None:
        for server in self._some():
            self._tell(f"{server.process} is killed")
            self._end(server, None)

    async def _lose_power(self) -> None:
        for server in self._some():
            self._tell(f"{server.process} loses power")
            self._end(server, self._chance)

    def _end(self, server: SimulatedServer, lost_power: random.Random | None) -> None:
        """Now, or in the middle of what it writes next."""
        if self._chance.random() < 0.5:
            server.end(lost_power=lost_power)
        else:
            server.end_in(self._chance.randint(1, MOST_STEPS), lost_power=lost_power)
        self._start_soon(server)

    async def _shorten_reigns(self) -> None:
        """Several leaders in a row die as soon as they lead, or have proposed little."""
        for _ in range(self._chance.randint(1, 4)):
            for _ in range(int(ELECTED_S / LOOK_S)):
                if leading := [each for each in self._ensemble.running() if each.mode == "leader"]:
                    await asyncio.sleep(self._chance.choice([0.0, 0.0, 0.01, 0.1]))
                    self._tell(f"{leading[0].process} leads, and is killed")
                    leading[0].end(lost_power=self._chance.choice([None, self._chance]))
                    self._start_soon(leading[0])
                    break
                await asyncio.sleep(LOOK_S)

    async def _stop(self) -> None:
        for server in self._some():
            self._tell(f"{server.process} is stopped")
            await server.stop()
            self._start_soon(server)

    async def _pause(self) -> None:
        for server in self._some():
            self._tell(f"{server.process} is paused")
            server.pause()
            self._mending.later(self._chance.choice([0.5, 3.0, 8.0]), self._resumption(server, server.process))

    @staticmethod
    def _resumption(server: SimulatedServer, process: str) -> Callable[[], None]:
        def resume() -> None:
            if server.is_paused and server.process == process:
                server.resume()

        return resume

    # ---- network and sessions

    async def _part(self) -> None:
        """Drop everything between some hosts, in one direction or both."""
        network, chance = self._ensemble.network, self._chance
        hosts = [each.host for each in self._ensemble.servers.values()]
        cut_off = chance.sample(hosts, chance.choice([1, 1, len(hosts) // 2]))
        others = [each for each in [*hosts, *self._others] if each not in cut_off and chance.random() < 0.8]
        ways = chance.choice(["both", "in", "out"])
        self._tell(f"nothing passes {ways} between {cut_off} and {others}")
        for here in cut_off:
            for there in others:
                if ways != "in":
                    network.block(here, there)
                if ways != "out":
                    network.block(there, here)
        self._mending.later(chance.choice([1.0, 5.0, 15.0]), network.unblock)

    async def _lose_session(self) -> None:
        """Close somebody's session, as an administrator would."""
        newest = self._ensemble.newest()
        sessions = sorted(newest.sessions) if newest is not None else []
        if not sessions:
            return
        session = self._chance.choice(sessions)
        self._tell(f"session 0x{session & (1 << 64) - 1:x} is lost")
        other = EnsembleClient(self._ensemble.addresses, self._chance, session_timeout=3.0, connection_timeout=1.0)
        await other.take_over(session, password_of(session))

    async def _reconfigure(self) -> None:
        """Request one change at a time, while other faults go on."""
        if self._reconfiguring is None or self._reconfiguring.done():
            self._reconfiguring = asyncio.create_task(self._reconfigurations.request())

    async def _cut(self) -> None:
        links = list(self._ensemble.network.links.values())
        if links:
            self._chance.choice(links).cut()

    # ---- disks

    async def _fail_disk(self) -> None:
        for server in self._some():
            self._tell(f"the disk of {server.process} fails")
            error = OSError(errno.EIO, os.strerror(errno.EIO))
            server.files.fail_at(self._chance.randint(1, MOST_STEPS), error, times=self._chance.choice([1, 5]))

    async def _fill_disk(self) -> None:
        for server in self._some()[:1]:
            self._tell(f"the disk of {server.process} is full")
            server.files.room = self._chance.choice([0, 500, 5000])

            def make_room(server: SimulatedServer = server) -> None:
                server.files.room = None

            self._mending.later(self._chance.choice([1.0, 5.0]), make_room)
