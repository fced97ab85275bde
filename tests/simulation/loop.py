"""An event loop whose time is a number: when nothing is ready, it is at once the moment at which something will be.

No descriptors, no threads, no chance: what runs on it runs the same way each time. Connections go through a
SimulatedNetwork, work for threads is done on the spot, or after the time that a slow disk takes.

Each process that is simulated runs in contexts in which PROCESS has its name. So it can be paused or killed: of what
was to run in its contexts, nothing runs meanwhile, or ever.
"""

import asyncio
import socket
from asyncio.base_events import BaseEventLoop
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from pykafka_cli.broker.clock import Timer
from pykafka_cli.model import Timestamp
from tests.fakes.files import Crash
from tests.simulation import process

if TYPE_CHECKING:
    from tests.simulation.network import SimulatedNetwork

START_MS = Timestamp(1_700_000_000_000)
"""Wall-clock time at which the virtual clock starts."""


CLIENTS = "clients"
PROCESS: ContextVar[str] = ContextVar("PROCESS", default=CLIENTS)
"""Whose code this is."""

MOST_TURNS = 20_000
"""How often the loop may turn at one moment of the virtual clock."""


class Standstill(Exception):
    """Something is waited for, and nothing is left that could still happen; or things happen without end."""


class _Moments:
    """What the base class takes for a selector."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop
        self._turns = 0  # since time last moved

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Standstill("nothing is scheduled any more")
        before = self._loop.now
        self._loop.now = self._loop.moment_at(before + timeout)
        self._turns = 0 if self._loop.now > before else self._turns + 1
        if self._turns > MOST_TURNS:
            raise Standstill(f"the loop has turned {MOST_TURNS} times at {before} s: somebody spins")
        return []


def _nothing() -> None:
    pass


class _Ready(deque[asyncio.Handle]):
    """What is to run next; of processes that are paused or dead, nothing does."""

    def __init__(self, loop: "VirtualLoop") -> None:
        super().__init__()
        self._loop = loop

    def popleft(self) -> asyncio.Handle:
        handle = super().popleft()
        loop = self._loop
        if not loop.paused and not loop.dead:
            return handle
        process = handle._context.get(PROCESS, "")  # type: ignore[attr-defined]  # noqa: SLF001 - public from 3.12 on
        if process in loop.paused:
            loop.paused[process].append(handle)
        elif process in loop.dead:
            loop.dead[process].append(handle)
        else:
            return handle
        return loop.idle


class VirtualLoop(BaseEventLoop):
    """`network` is who `create_connection` asks; `mistakes` is what callbacks and forgotten tasks raised.

    work_takes   gives the seconds that work for a thread takes, in the process that asks for it
    paused       by process: what it will do once it goes on
    dead         by process of which nothing runs any more: what it would have done
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.work_takes: Callable[[], float] = float
        self.paused: dict[str, list[asyncio.Handle]] = {}
        self.dead: dict[str, list[asyncio.Handle]] = {}
        self.idle = asyncio.Handle(_nothing, (), self)
        self._ready = _Ready(self)
        self.network: SimulatedNetwork | None = None
        self.mistakes: list[str] = []
        self._selector = _Moments(self)
        self.set_exception_handler(self._note)
        self.set_task_factory(process.create_task)

    def time(self) -> float:
        return self.now

    def moment_at(self, now: float) -> float:
        """`now`, or when the first timer is due that asyncio takes to be due by then: who waits looks at the clock."""
        first = self._scheduled[0].when() if self._scheduled else now  # type: ignore[attr-defined]
        return float(first) if now < first < now + self._clock_resolution else now  # type: ignore[attr-defined]

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _note(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error, task = context.get("exception"), context.get("task")
        if isinstance(error, Crash):
            return
        # Servers that crash leave tasks behind.
        if error is not None or not any(each in repr(task) for each in ("/broker/", "/zookeeper/")):
            self.mistakes.append(f"{context.get('message')}: {error or task!r}")

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.BufferedProtocol], host: str, port: int, **_: object
    ) -> tuple[asyncio.Transport, asyncio.BufferedProtocol]:
        assert self.network is not None
        return await self.network.connect(protocol_factory, host, port)

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Any, host: str = "", port: int = 0, *, sock: Any = None, **_: Any
    ) -> "SimulatedServer":
        """Serve what connects to an address, perhaps that of a SimulatedSocket."""
        assert self.network is not None
        address = f"{host}:{port}" if sock is None else sock.address
        self.network.listen(address, protocol_factory)
        return SimulatedServer(self.network, address)

    def pause(self, process: str) -> None:
        self.paused.setdefault(process, [])

    def resume(self, process: str) -> None:
        self._ready.extend(self.paused.pop(process, ()))

    def kill(self, process: str) -> None:
        self.dead.setdefault(process, []).extend(self.paused.pop(process, ()))

    def wake_all(self) -> None:
        """Let all that was paused or killed go on, so that it can be canceled."""
        for handles in [*self.paused.values(), *self.dead.values()]:
            self._ready.extend(handles)
        self.paused.clear()
        self.dead.clear()

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]  # noqa: ARG002
        done = self.create_future()

        def work() -> None:
            if done.cancelled():
                return
            try:
                done.set_result(func(*args))
            except Crash:
                pass  # nobody is left who waits
            except Exception as error:
                done.set_exception(error)

        takes = self.work_takes()
        if takes:
            self.call_later(takes, work)
        else:
            work()
        return done


class SimulatedSocket:
    """Stands for a listening socket at an address of the SimulatedNetwork."""

    def __init__(self, host: str, port: int) -> None:
        self.address = f"{host}:{port}"
        self._name = (host, port)

    def getsockname(self) -> tuple[str, int]:
        return self._name

    def dup(self) -> "SimulatedSocket":
        return self

    def setsockopt(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


class SimulatedServer:
    def __init__(self, network: "SimulatedNetwork", address: str) -> None:
        self._network, self._address = network, address

    def close(self) -> None:
        """Accept nobody else; connections stay."""
        self._network.accept_nobody(self._address)


class LoopClock:
    """The broker's Clock on a VirtualLoop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    @property
    def of_peers(self) -> "LoopClock":
        return self

    def monotonic(self) -> float:
        return self._loop.now

    def now_ms(self) -> Timestamp:
        return Timestamp(START_MS + round(self._loop.now * 1000))

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        return self._loop.call_later(delay, callback)

    async def sleep(self, delay: float) -> None:
        await asyncio.sleep(delay)


def age(task: asyncio.Task[None]) -> int:
    """Grows from one task to the next."""
    return int(task.get_name().rpartition("-")[2])
