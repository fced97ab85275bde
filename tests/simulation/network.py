"""A network in memory: bytes arrive late, in pieces, in order within a connection and in any order between them.

A Link is one connection. It can be cut, in the middle of whatever it carries, or fall silent: then nothing arrives any
more and nobody is told, until the silence ends in a cut.
"""

import asyncio
import random
import zlib
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any

from tests.simulation.loop import CLIENTS, PROCESS, SimulatedSocket, VirtualLoop

Protocol = asyncio.BufferedProtocol | asyncio.Protocol
Factory = Callable[[], Protocol]

SYN_RETRY_S = 1.0
SYSTEM_BUFFER = 64 * 1024
"""Bytes under way that the operating systems hold; what is more waits in the transport."""
HIGH_WATER = 64 * 1024
"""Bytes waiting above which a writer is asked to pause, if it says nothing else."""


@dataclass(slots=True)
class Weather:
    """How the network is at present; seconds, and the chance that a write arrives in pieces."""

    delay: float = 0.001
    jitter: float = 0.001
    pieces: float = 0.2
    connect_silence: float = 0.0
    """The chance that a connection attempt is never answered."""


def host_of(process: str) -> str:
    """Where a process runs: its name up to #, as a host runs one after the other."""
    return process.partition("#")[0]


class SimulatedTransport(asyncio.Transport):
    """One end of a Link.

    context    in which its protocol runs: that of the process at this end
    """

    def __init__(self, network: "SimulatedNetwork", link: "Link", protocol: Protocol, context: Context) -> None:
        super().__init__()
        self.context = context
        self._network = network
        self._link = link
        self.protocol = protocol
        self.process = context.get(PROCESS, CLIENTS)
        self.host = host_of(self.process)
        self.peer: SimulatedTransport | None = None
        self.is_ended = False
        self._closing = False
        self._sent: deque[bytes | None] = deque()  # on their way to the peer; None: this side has closed
        self._arriving: deque[bytes | None] = deque()  # here, and not read yet
        self._is_reading = True
        self._last_arrival = 0.0
        self._under_way = 0
        self._held = 0
        self._is_paused = False
        self._high = HIGH_WATER

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:  # noqa: ARG002
        self._high = HIGH_WATER if high is None else high

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "socket":
            return SimulatedSocket("10.0.0.1", self._link.number)
        return ("10.0.0.1", self._link.number) if name == "peername" else default

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return max(0, self._under_way - SYSTEM_BUFFER)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or self.process in self._network.loop.dead:
            return
        rest = bytes(data)
        chance = self._network.chance
        while rest:
            size = len(rest)
            if size > 1 and chance.random() < self._network.weather.pieces:
                size = chance.randint(1, size - 1)
            self._send(rest[:size])
            rest = rest[size:]
        if self.get_write_buffer_size() > self._high and not self._is_paused:
            self._is_paused = True
            self.protocol.pause_writing()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(bytes(each) for each in list_of_data))

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._send(None)
            self._network.loop.call_soon(self._end, None, context=self.context)

    def abort(self) -> None:
        loop = self._network.loop
        if not loop.is_closed() and self.process not in loop.dead:
            self._link.cut()

    def pause_reading(self) -> None:
        self._is_reading = False

    def is_reading(self) -> bool:
        return self._is_reading

    def resume_reading(self) -> None:
        self._is_reading = True
        self._network.loop.call_soon(self._deliver, context=self.context)

    # ---- under way

    def _send(self, data: bytes | None) -> None:
        loop, weather = self._network.loop, self._network.weather
        arrival = loop.now + weather.delay + self._network.chance.random() * weather.jitter
        self._last_arrival = max(self._last_arrival, arrival)
        self._under_way += len(data or b"")
        self._sent.append(data)
        assert self.peer is not None
        loop.call_at(self._last_arrival, self._arrive, context=self.peer.context)

    def let_pass(self) -> None:
        """Let arrive what could not pass."""
        held, self._held = self._held, 0
        for _ in range(held):
            assert self.peer is not None
            self._network.loop.call_soon(self._arrive, context=self.peer.context)

    def _arrive(self) -> None:
        peer = self.peer
        assert peer is not None
        if not self._network.may_pass(self.host, peer.host):
            self._held += 1
            return
        data = self._sent.popleft()  # calls for the same moment come in no particular order
        self._network.note(self._link.number, data or b"")
        self._under_way -= len(data or b"")
        if not self._link.is_silent and not peer.is_ended:
            peer.receive(data)
        if self._is_paused and self.get_write_buffer_size() <= self._high // 4 and not self.is_ended:
            self._is_paused = False
            self.context.run(self.protocol.resume_writing)

    def receive(self, data: bytes | None) -> None:
        """data    None: the peer has closed"""
        self._arriving.append(data)
        self._deliver()

    def fail_after(self, seconds: float) -> None:
        """Neither read nor write any more, and learn of it later."""
        self._closing = True
        reset = ConnectionResetError(104, "Connection reset by peer")
        self._network.loop.call_later(seconds, self._end, reset, context=self.context)

    def _deliver(self) -> None:
        while self._arriving and self._is_reading and not self._closing:
            data = self._arriving.popleft()
            if data is None:
                self._closing = True
                self._end(None)
                return
            if not isinstance(self.protocol, asyncio.BufferedProtocol):
                self.protocol.data_received(data)
                continue
            rest = memoryview(data)
            while rest and not self._closing:
                buffer = memoryview(self.protocol.get_buffer(-1))
                size = min(len(buffer), len(rest))
                buffer[:size] = rest[:size]
                self.protocol.buffer_updated(size)
                rest = rest[size:]

    def _end(self, error: Exception | None) -> None:
        if not self.is_ended:
            self.is_ended = self._closing = True
            self._arriving.clear()
            self._network.ended(self._link)
            self.protocol.connection_lost(error)


class Link:
    """One connection, from `client` to `server` (a name of the listener)."""

    def __init__(self, network: "SimulatedNetwork", number: int, address: str) -> None:
        self._network = network
        self.number = number
        self.address = address
        self.is_silent = False
        self.ends: tuple[SimulatedTransport, ...] = ()

    @property
    def is_over(self) -> bool:
        return all(end.is_ended for end in self.ends)

    def cut(self) -> None:
        """Both ends learn of it a little later, each at its own moment; what is under way is lost."""
        self.is_silent = True
        for end in self.ends:
            end.fail_after(self._network.chance.random() * self._network.weather.delay)

    def fall_silent(self, seconds: float) -> None:
        self.is_silent = True
        self._network.loop.call_later(seconds, self.cut)


class SimulatedNetwork:
    """Listeners by address, and the links that are up."""

    def __init__(self, loop: VirtualLoop, chance: random.Random) -> None:
        self.loop = loop
        self.chance = chance
        self.weather = Weather()
        self.links: dict[int, Link] = {}
        self._listeners: dict[str, tuple[Factory, Context]] = {}
        self._blocked: set[tuple[str, str]] = set()
        self._opened = 0
        self.digest = 0
        """CRC of all that has arrived so far, where and when: that of a run stands for the course that it took."""
        loop.network = self

    def listen(self, address: str, factory: Factory) -> None:
        self._listeners[address] = factory, copy_context()

    def accept_nobody(self, address: str) -> None:
        self._listeners.pop(address, None)

    def block(self, here: str, there: str) -> None:
        """Let nothing pass from one host to another."""
        self._blocked.add((here, there))

    def unblock(self) -> None:
        """Let everything pass again, everywhere."""
        self._blocked.clear()
        for link in self.links.values():
            for end in link.ends:
                end.let_pass()

    def may_pass(self, here: str, there: str) -> bool:
        return (here, there) not in self._blocked

    def end_process(self, process: str) -> None:
        """It has ended: so have its listeners, and all connections from it and to it."""
        for address, (_, context) in list(self._listeners.items()):
            if context.get(PROCESS) == process:
                del self._listeners[address]
        for link in list(self.links.values()):
            if process in (end.process for end in link.ends):
                link.cut()

    def stop_listening(self, address: str) -> None:
        """Whoever is connected is cut off."""
        self._listeners.pop(address, None)
        for link in list(self.links.values()):
            if link.address == address:
                link.cut()

    def note(self, number: int, data: bytes) -> None:
        self.digest = zlib.crc32(data, zlib.crc32(f"{self.loop.now} {number}".encode(), self.digest))

    def ended(self, link: Link) -> None:
        if link.is_over:
            self.links.pop(link.number, None)

    async def _until_open(self, here: str, there: str) -> None:
        """As the system sends SYN again and again."""
        while True:
            if self.may_pass(here, there) and self.may_pass(there, here):
                return
            await asyncio.sleep(SYN_RETRY_S)

    async def connect(self, factory: Factory, host: str, port: int) -> tuple[SimulatedTransport, Any]:
        address = f"{host}:{port}"
        await asyncio.sleep(2 * self.weather.delay + self.chance.random() * self.weather.jitter)
        if self.chance.random() < self.weather.connect_silence:
            await self.loop.create_future()
        caller, callee = host_of(PROCESS.get()), address.partition(":")[0]
        await self._until_open(caller, callee)
        if address not in self._listeners:
            raise ConnectionRefusedError(111, "Connection refused")
        listener, context = self._listeners[address]
        self._opened += 1
        link = Link(self, self._opened, address)
        theirs = context.copy()
        here = SimulatedTransport(self, link, factory(), copy_context())
        there = SimulatedTransport(self, link, theirs.run(listener), theirs)
        here.peer, there.peer = there, here
        link.ends = (here, there)
        self.links[link.number] = link
        if there.process in self.loop.paused:
            self.loop.call_soon(there.protocol.connection_made, there, context=theirs)  # the system accepts it
        else:
            theirs.run(there.protocol.connection_made, there)
        here.protocol.connection_made(here)
        return here, here.protocol
