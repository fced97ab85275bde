"""ZooKeeper at a distance: sessions that expire, connections that are lost, requests of which only the response is.

The twin of pykafka_cli.zookeeper.client.ZooKeeperClient on a virtual clock. The tree is that of
tests/fakes/zookeeper.py; what is new is that each request travels there and back, in order with the events of watches.
"""

import asyncio
import contextvars
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from pykafka_cli.zookeeper.errors import NodeExists, ZooKeeperUnreachable
from pykafka_cli.zookeeper.operations import ANY_VERSION, Change, Operation, Watcher, WatchEvent
from pykafka_cli.zookeeper.protocol.records import Stat
from tests.fakes.zookeeper import FakeZooKeeper, FakeZooKeeperClient
from tests.simulation.loop import PROCESS, START_MS, VirtualLoop
from tests.simulation.network import SimulatedNetwork, host_of
from tests.simulation.retrying import Lost, again

_T = TypeVar("_T")

HOST = "zk"
TICK_S = 0.5
"""Seconds between the server's checks for sessions to expire."""
RETRY_S = 0.3
"""Pause between a client's attempts to connect."""
PAUSE_S = 0.1
"""Pause before a request is sent again."""
APART_S = 1e-6
"""Between two messages of one connection."""


class ZnodeSeen(NamedTuple):
    """A znode as somebody sees it who looks from outside."""

    path: str
    data: bytes | None
    version: int
    mzxid: int


class DistantZooKeeper(FakeZooKeeper):
    """The server. `is_down`: its process is not running; sessions get their full timeout when it is back.

    hosts    of its servers
    zxid     grows with each change
    broken   what servers did that they must not do
    """

    hosts: Sequence[str] = (HOST,)
    broken: Sequence[str] = ()

    def __init__(self, loop: VirtualLoop, network: SimulatedNetwork, chance: random.Random) -> None:
        super().__init__()
        self.loop, self.network, self.chance = loop, network, chance
        self.delay = 0.002
        self.is_down = False
        self._heard: dict[int, tuple[float, float]] = {}
        loop.call_later(TICK_S, self._expire)

    @property
    def zxid(self) -> int:
        return self._zxid

    def znodes(self) -> Iterator[ZnodeSeen]:
        """All znodes as they are now."""
        for path, data in self.tree().items():
            stat = self.stat(path)
            yield ZnodeSeen(path, data, stat.version, stat.mzxid)

    def start(self) -> None:
        """Run all servers."""

    def new_client(self, *, session_timeout: float, connection_timeout: float) -> "DistantZooKeeperClient":
        """A client that has not been started."""
        return DistantZooKeeperClient(self, session_timeout=session_timeout, connection_timeout=connection_timeout)

    def fail(self) -> None:
        """End all servers at once, until `restart`."""
        self.is_down = True

    async def lose_session(self, session: int) -> None:
        """End somebody's session."""
        self.end_session(session)

    def differences(self) -> list[str]:
        """What keeps it from being whole."""
        return []

    def open_session(self, timeout: float) -> int:
        session = self.new_session()
        self._heard[session] = self.loop.now, timeout
        return session

    def touch(self, session: int) -> bool:
        """Whether the session is alive; if so, it has just been active."""
        if session not in self._heard:
            return False
        self._heard[session] = self.loop.now, self._heard[session][1]
        return True

    def is_alive(self, session: int) -> bool:
        return session in self._heard

    def end_session(self, session: int) -> None:
        self._heard.pop(session, None)
        super().end_session(session)

    def restart(self) -> None:
        self.is_down = False
        for session, (_, timeout) in self._heard.items():
            self._heard[session] = self.loop.now, timeout

    def _expire(self) -> None:
        self.now_ms = START_MS + round(self.loop.now * 1000)
        if not self.is_down:
            for session, (heard, timeout) in list(self._heard.items()):
                if self.loop.now - heard > timeout:
                    self.end_session(session)
        self.loop.call_later(TICK_S, self._expire)


class DistantZooKeeperClient(FakeZooKeeperClient):
    """A process's session, renewed when it expires."""

    def __init__(self, server: DistantZooKeeper, *, session_timeout: float, connection_timeout: float) -> None:
        super().__init__(server)
        self._zookeeper = server
        self._host = host_of(PROCESS.get())
        self._context = contextvars.copy_context()
        self._timeout, self._patience = session_timeout, connection_timeout
        self.session_id = 0
        self._connected = asyncio.Event()
        self._connection = 0
        """Counts the connections, to recognize what belongs to an earlier one."""
        self._is_broken = False
        """Something could not pass that is not sent again: it ends as soon as that is noticed."""
        self._last_sent = 0.0
        self._watching: list[tuple[Watcher, str]] = []
        self._life: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()

    async def start(self) -> None:
        self._life = asyncio.get_running_loop().create_task(self._live(), name="zookeeper client")
        try:
            await asyncio.wait_for(self._connected.wait(), self._patience)
        except TimeoutError:
            self._life.cancel()
            raise ZooKeeperUnreachable("no ZooKeeper server responded") from None

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._life is not None:
            self._life.cancel()
        if self._is_reachable():
            self._zookeeper.forget_watches(self)
            self._zookeeper.end_session(self.session_id)
        self._connected.set()  # wakes whoever waits for a connection, of which there will be none

    # ---- the connection

    def _hears(self) -> bool:
        return not self._zookeeper.is_down and self._zookeeper.network.may_pass(HOST, self._host)

    def _is_heard(self) -> bool:
        return not self._zookeeper.is_down and self._zookeeper.network.may_pass(self._host, HOST)

    def _is_reachable(self) -> bool:
        return self._hears() and self._is_heard()

    async def _live(self) -> None:
        """Connect, send heartbeats, and connect again."""
        while True:
            await self._connect()
            last = self._zookeeper.loop.now
            self._is_broken = False
            while self._zookeeper.loop.now - last < self._timeout * 2 / 3 and not self._is_broken:
                await asyncio.sleep(self._timeout / 6)
                alive = self._zookeeper.touch(self.session_id) if self._is_heard() else True
                if not alive:
                    break  # the server has closed the connection of the session that it ended
                if self._is_reachable():
                    last = self._zookeeper.loop.now
            self._disconnect()

    async def _connect(self) -> None:
        server = self._zookeeper
        await self._until_reachable()
        is_new = not self.session_id
        if not is_new and not server.touch(self.session_id):
            self.session_id = 0
            self._watching.clear()
            for listener in self._listeners:
                listener.session_lost()
            await self._until_reachable()
        had_session = bool(self.session_id)
        if not had_session:
            self.session_id = server.open_session(self._timeout)
        self._connection += 1
        self._connected.set()
        if not had_session and not is_new:
            for listener in self._listeners:
                listener.session_begun()
        unseen, self._watching = self._watching, []
        for watcher, path in unseen:
            watcher(WatchEvent(Change.UNSEEN, path))

    async def _until_reachable(self) -> None:
        server = self._zookeeper
        while True:
            await asyncio.sleep(server.delay + server.chance.random() * RETRY_S)
            if self._is_reachable():
                return

    def _disconnect(self) -> None:
        self._connection += 1
        self._connected.clear()
        self._zookeeper.forget_watches(self)

    # ---- requests

    async def _turn(self) -> None:
        """The way there, then the way back: FakeZooKeeperClient's methods call it before and after what they do."""
        server, loop = self._zookeeper, self._zookeeper.loop
        server.activity += 1
        connection = self._connection
        moment = max(loop.now + server.delay * (0.5 + server.chance.random()), self._last_sent + APART_S)
        self._last_sent = moment
        await asyncio.sleep(moment - loop.now)
        if connection != self._connection or not self._is_reachable() or not server.is_alive(self.session_id):
            raise Lost

    @property
    def is_closed(self) -> bool:
        return self._closed

    async def until_connected(self) -> None:
        await self._connected.wait()

    async def _again(self, request: Callable[[], Awaitable[_T]]) -> _T:
        return await again(self, request, PAUSE_S)

    def hear(self, watcher: Watcher, change: Change, path: str) -> None:
        server, loop = self._zookeeper, self._zookeeper.loop
        connection = self._connection
        moment = max(loop.now + server.delay * (0.5 + server.chance.random()), self._last_sent + APART_S)
        self._last_sent = moment

        def arrive() -> None:
            if self._closed or connection != self._connection:
                return
            if not self._is_reachable():
                self._is_broken = True
                return
            if (watcher, path) in self._watching:
                self._watching.remove((watcher, path))
                watcher(WatchEvent(change, path))

        loop.call_at(moment, arrive, context=self._context)

    def _note(self, watch: Watcher | None, path: str) -> None:
        if watch is not None and (watch, path) not in self._watching:
            self._watching.append((watch, path))

    async def create(
        self, path: str, data: bytes | None = None, *, ephemeral: bool = False, sequential: bool = False
    ) -> str:
        make = super().create
        while True:
            try:
                return str(await self._again(lambda: make(path, data, ephemeral=ephemeral, sequential=sequential)))
            except NodeExists:
                if not sequential:  # else another has got the number, which a server would give only once
                    raise

    async def ensure_path(self, path: str) -> None:
        ensure = super().ensure_path
        await self._again(lambda: ensure(path))

    async def get(self, path: str, watch: Watcher | None = None) -> tuple[bytes | None, Stat]:
        look = super().get
        found = await self._again(lambda: look(path, watch))
        self._note(watch, path)
        return found

    async def exists(self, path: str, watch: Watcher | None = None) -> Stat | None:
        look = super().exists
        found = await self._again(lambda: look(path, watch))
        self._note(watch, path)
        return found

    async def children(self, path: str, watch: Watcher | None = None) -> list[str]:
        look = super().children
        found = await self._again(lambda: look(path, watch))
        self._note(watch, path)
        return found

    async def set(self, path: str, data: bytes, version: int = ANY_VERSION) -> Stat:
        write = super().set
        return await self._again(lambda: write(path, data, version))

    async def delete(self, path: str, version: int = ANY_VERSION) -> None:
        remove = super().delete
        await self._again(lambda: remove(path, version))

    async def multi(self, operations: Sequence[Operation]) -> list[Stat | str | None]:
        write = super().multi
        return await self._again(lambda: write(operations))
