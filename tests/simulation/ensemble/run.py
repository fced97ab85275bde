"""One run: an ensemble, sessions, faults, what must hold throughout, and what must hold at the end."""

import asyncio
import random
import traceback
from collections.abc import Collection

from tests.simulation.ensemble.client import EnsembleClient
from tests.simulation.ensemble.faults import KINDS, EnsembleFaults
from tests.simulation.ensemble.servers import SimulatedEnsemble
from tests.simulation.ensemble.sessions import REGISTERS, Acknowledged, Worker, register
from tests.simulation.loop import CLIENTS, VirtualLoop
from tests.simulation.network import SimulatedNetwork
from tests.simulation.scene import Outcome, needed, played
from tests.simulation.tasks import stacks_of
from tests.simulation.workers import Run

NO_PROGRESS_S = 60
"""Virtual seconds after which an ensemble that is well has made no progress in vain."""
LONGEST_S = 600
CHANGING = 0.3
"""How many of the ensembles are reconfigured."""
NOTICE_S = 2.0
"""Virtual seconds after which an event has arrived where the connection lasts."""


def simulate(seed: int, without: Collection[str] = ()) -> Outcome:
    """Run one seed, which runs the same way each time, whatever the process did before.

    without    kinds of faults that are left out though the seed has them
    """
    return played(lambda loop: _Scene(loop, seed, without), seed)


def drawn_settings(chance: random.Random) -> dict[str, str]:
    """Settings that let a short run see snapshots, several logs, and all ways to synchronize."""
    return {
        "snapCount": chance.choice(["10", "50", "100000"]),
        "preAllocSize": chance.choice(["0", "1"]),
        "commitLogCount": chance.choice(["2", "20", "500"]),
        "snapshotSizeFactor": chance.choice(["-1", "0.33", "10"]),
    }


class _Scene:
    def __init__(self, loop: VirtualLoop, seed: int, without: Collection[str]) -> None:
        self.loop = loop
        self.chance = chance = random.Random(seed)
        self.network = SimulatedNetwork(loop, random.Random(seed + 1))
        count = chance.choice([3, 3, 3, 4, 5])
        observers = 1 if count > 3 and chance.random() < 0.5 else 0
        spares = 2 if random.Random(seed + 5).random() < CHANGING else 0
        self.ensemble = SimulatedEnsemble(
            loop, self.network, count, drawn_settings(chance), observers=observers, spares=spares
        )
        self.faults = EnsembleFaults(self.ensemble, random.Random(seed + 2), [CLIENTS], without=without)
        self.run = Run("", chance)
        self.told = Acknowledged()
        self.story = f"{count} servers, {observers} observers; {self.faults}"

    def outcome(self, seed: int) -> Outcome:
        mistakes = [f"raised where nobody looks: {each}" for each in self.loop.mistakes]
        faults = [*self.run.complaints, *self.ensemble.history.broken[:5], *mistakes]
        return Outcome(seed, self.story, faults, self.loop.now, self.network.digest)

    async def play(self) -> None:
        self.ensemble.start()
        await self._create_registers()
        workers = [
            Worker(
                self.ensemble.addresses, self.run, self.told,
                name=f"W{n}", count=self.chance.choice([20, 50]), pause=self.chance.choice([0.1, 0.5, 2.0]),
            )
            for n in range(self.chance.randint(2, 5))
        ]  # fmt: skip
        self.story += f"; {len(workers)} workers"
        tasks = [self.loop.create_task(each.work()) for each in workers]
        for task in tasks:
            task.add_done_callback(self._ended)
        await self.faults.rage()
        self.run.calm_since = self.loop.now
        await self._until_done(workers)
        await self._check_watches(workers)
        self.run.is_over = True
        await asyncio.wait(tasks, timeout=60)
        self.run.complaints += [f"does not end: {task}" for task in tasks if not task.done()]
        if not self.is_broken:
            await self._check_end()

    @property
    def is_broken(self) -> bool:
        return bool(self.run.complaints or self.ensemble.history.broken)

    async def _create_registers(self) -> None:
        client = EnsembleClient(self.ensemble.addresses, self.chance, session_timeout=3.0, connection_timeout=60.0)
        await client.start()
        for path in ("/live", "/made", *map(register, range(REGISTERS))):
            await client.ensure_path(path)
        await client.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self.run.complaints.append("a worker ended: " + "".join(traceback.format_exception(error)))

    async def _until_done(self, workers: list[Worker]) -> None:
        run, began, seen = self.run, self.loop.now, (-1, self.loop.now)
        while self.loop.now - began < LONGEST_S:
            await asyncio.sleep(0.5)
            if self.is_broken:
                return
            if all(each.is_done for each in workers) and not self.ensemble.differences():
                return
            done = sum(each.made for each in workers if not each.is_done)
            if done != seen[0]:
                seen = (done, self.loop.now)
            elif self.loop.now - seen[1] > NO_PROGRESS_S:
                break
        waiting = [each.name for each in workers if not each.is_done]
        run.complaints.append(
            f"no progress for {self.loop.now - seen[1]:.0f} s: {', '.join(waiting) or 'nobody'} waits; "
            f"{'; '.join(self.ensemble.differences())}\n{stacks_of(self.loop)}"
        )

    async def _check_watches(self, workers: list[Worker]) -> None:
        """What has changed is known soon to everybody who watches it."""
        missed = self._missed(workers)
        await asyncio.sleep(NOTICE_S)
        for name, path, _ in missed & self._missed(workers):
            self.run.complaints.append(f"{name} was not told that {path} has changed")

    def _missed(self, workers: list[Worker]) -> set[tuple[str, str, int]]:
        """Watches that should have fired, or are about to."""
        tree = self.ensemble.history.database.tree
        return {
            (worker.name, path, then)
            for worker in workers
            for path, then in worker.pending_watches()
            if tree.node(path).stat.mzxid != then
        }

    async def _check_end(self) -> None:
        """Nobody writes any more."""
        history, told = self.ensemble.history, self.told
        for _ in range(60):
            await asyncio.sleep(0.5)
            if not (differences := self.ensemble.differences()):
                break
        else:
            self.run.complaints.append(f"servers stay different: {differences}")
            return
        lost = [zxid for zxid in sorted(told.zxids) if not history.is_committed(zxid)]
        if lost:
            self.run.complaints.append(f"0x{lost[0]:x} was acknowledged, and is not in the history")
        newest = self.ensemble.newest()
        assert newest is not None
        assert newest.tree is not None
        for path, zxid in told.newest.items():
            if newest.tree.node(path).stat.mzxid < zxid:
                self.run.complaints.append(f"the write 0x{zxid:x} of {path} was acknowledged, and is gone")
        for session, paths in newest.tree.ephemerals.items():
            if session not in newest.sessions and paths:
                self.run.complaints.append(f"{sorted(paths)} are there, and their session has ended")


def shrunk(seed: int) -> list[str]:
    """The kinds of faults that a seed which fails needs to fail; empty if it fails without any, or passes."""
    return needed(KINDS, lambda without: bool(simulate(seed, without).faults))
