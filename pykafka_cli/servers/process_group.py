"""Servers of one kind of a `pk up`, each in its own process: one ends and is started while the others continue."""

import asyncio
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from pykafka_cli.servers.control import BadRequest
from pykafka_cli.servers.run_states import PAUSED, RUNNING, STOPPED
from pykafka_cli.servers.server_process import Kind, ServerProcess, how_it_ended, start_process, stop_processes

LOOK_AGAIN_S = 0.01


class Called(NamedTuple):
    """What servers of a kind are called.

    name       one, at the beginning of a message
    one        within a message
    several    likewise
    command    of pk, which changes one of them
    """

    name: str
    one: str
    several: str
    command: str


class CannotStart(Exception):
    """A server did not start; the message says why."""


class LocalServer:
    """One server, whose processes come and go."""

    def __init__(self, number: int, process: ServerProcess) -> None:
        self.number = number
        self.process: ServerProcess | None = process
        self.changing = asyncio.Lock()
        self.watching: asyncio.Task[None]

    @property
    def state(self) -> str:
        if self.process is None:
            return STOPPED
        return PAUSED if self.process.is_paused else RUNNING


S = TypeVar("S", bound=LocalServer)


class ProcessGroup(ABC, Generic[S]):
    """All servers of one kind.

    kind       how their processes are started
    called     what they are called
    servers    with the processes that were started for the plan
    report     called with a line about each server that ends or starts while the others continue
    """

    def __init__(self, kind: Kind, called: Called, servers: Sequence[S], report: Callable[[str], None]) -> None:
        self.on_change: Callable[[], None] = lambda: None
        """Called when a server has ended, or has been started."""
        self._kind, self._called, self._report = kind, called, report
        self._servers = {each.number: each for each in servers}
        self._is_stopping = False

    @property
    def numbers(self) -> Sequence[int]:
        return list(self._servers)

    @abstractmethod
    async def document(self, number: int) -> dict[str, Any]:
        """One server for JSON, with its state; see docs/output.md. Raises BadRequest."""

    async def kill(self, number: int) -> None:
        """Kill a server as kill -9 does, even while it starts or stops; raises BadRequest."""
        process = self._running(number)
        process.send(signal.SIGKILL)
        await process.end()

    async def stop_one(self, number: int) -> None:
        """Stop a server in order, even a paused one; raises BadRequest."""
        async with self._server(number).changing:
            process = self._running(number)
            process.send(signal.SIGTERM)
            process.send(signal.SIGCONT)
            await process.end()

    async def pause(self, number: int) -> None:
        """Suspend a server's process; raises BadRequest."""
        await _until_paused(self._running(number), by=signal.SIGSTOP, is_paused=True)

    async def resume(self, number: int) -> None:
        """raises    BadRequest"""
        await _until_paused(self._running(number), by=signal.SIGCONT, is_paused=False)

    async def start_one(self, number: int) -> None:
        """Start a server that has ended, with its former ports and data; raises BadRequest."""
        server = self._server(number)
        name = f"{self._called.name} {number}"
        async with server.changing:
            if server.process is not None:
                raise BadRequest(f"{name} is {server.state}, in process {server.process.pid}")
            server.process = process = start_process(self._kind, number)
            await process.channel.open()
            try:
                await self._start_again(server, process)
            except CannotStart as error:
                process.channel.close()
                await process.end()
                server.process = None
                raise BadRequest(f"{name} cannot run: {error}") from None
            self._report(f"{name} runs again, in process {process.pid}")
            self.on_change()

    async def restart(self, number: int) -> None:
        """Stop a server, if it is running, and start it; raises BadRequest."""
        if self._server(number).process is not None:
            await self.stop_one(number)
        await self.start_one(number)

    # ---- for a kind of server

    @abstractmethod
    async def _start_again(self, server: S, process: ServerProcess) -> None:
        """Start the server in a new process, and `_watch` that; raises CannotStart."""

    def _watch(self, server: S, process: ServerProcess) -> None:
        """Report when the process ends, once it runs the server."""
        server.watching = asyncio.create_task(self._report_end(server, process))

    async def _stop_all(self) -> None:
        """Stop every server at once."""
        self._is_stopping = True
        await stop_processes(self._processes(), self._called.several, self._report)

    def _processes(self) -> list[ServerProcess]:
        return [each.process for each in self._servers.values() if each.process is not None]

    def _server(self, number: int) -> S:
        if number not in self._servers:
            numbers, (_, one, several, _) = self.numbers, self._called
            known = f"{several} {numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else f"{one} {numbers[0]}"
            raise BadRequest(f"There is no {one} {number}, only {known}")
        return self._servers[number]

    def _running(self, number: int) -> ServerProcess:
        process = self._server(number).process
        if process is None:
            name, command = self._called.name, self._called.command
            raise BadRequest(f"{name} {number} is not running: pk {command} start {number} starts it")
        return process

    async def _report_end(self, server: S, process: ServerProcess) -> None:
        status = await process.end()
        if self._is_stopping:
            return
        server.process = None
        name, command = self._called.name, self._called.command
        again = f"`pk {command} start {server.number}` starts it again."
        self._report(f"{name} {server.number} (process {process.pid}) {how_it_ended(status)}. {again}")
        self.on_change()


async def _until_paused(process: ServerProcess, *, by: signal.Signals, is_paused: bool) -> None:
    """Send a signal, and wait until it has taken effect, which the system may delay."""
    process.send(by)
    while process.is_paused is not is_paused and process.is_alive:  # noqa: ASYNC110  # the system notifies nobody
        await asyncio.sleep(LOOK_AGAIN_S)
