"""A machine of a simulation: its disk, its clock, and the process that runs on it, if there is one."""

import asyncio
import contextvars
import random

from tests.fakes.files import MemoryFiles
from tests.simulation.loop import PROCESS, VirtualLoop
from tests.simulation.network import SimulatedNetwork

STOP_S = 60
"""Seconds after which a process is killed that has been told to stop."""


class Machine:
    """Its process can be killed (kill -9), lose power, be paused, or stopped. The disk outlives it."""

    def __init__(self, loop: VirtualLoop, network: SimulatedNetwork, host: str) -> None:
        self.host = host
        self.files = MemoryFiles()
        self.is_running = self.is_paused = False
        self.incarnation = 0
        self._loop, self._network = loop, network

    @property
    def process(self) -> str:
        return f"{self.host}#{self.incarnation}"

    def new_process(self) -> contextvars.Context:
        """The context in which the next process runs, which has begun."""
        assert not self.is_running
        self.incarnation += 1
        self.is_running = True
        return self.context()

    def context(self) -> contextvars.Context:
        """One in which the process runs."""
        context = contextvars.copy_context()
        context.run(PROCESS.set, self.process)
        return context

    def end(self, *, lost_power: random.Random | None = None) -> None:
        """End the process at once: by kill -9, or by a power loss, which loses or tears data that was not synced."""
        if not self.is_running:
            return
        self.is_running = self.is_paused = False
        self.files = self.files.restarted(lost_power=lost_power)
        self._loop.kill(self.process)
        self._network.end_process(self.process)

    def end_in(self, steps: int, *, lost_power: random.Random | None = None) -> None:
        """The same, while it makes one of the next changes to its disk."""
        self.files.die_at(steps, lambda: self.end(lost_power=lost_power))

    async def kill_unless_done(self, stopping: "asyncio.Future[None]") -> None:
        """Wait for a process that is about to stop, but not forever."""
        process = self.process
        await asyncio.wait((stopping,), timeout=STOP_S)
        if self.process == process:
            self.end()

    def pause(self) -> None:
        self.is_paused = True
        self._loop.pause(self.process)

    def resume(self) -> None:
        self.is_paused = False
        self._loop.resume(self.process)
