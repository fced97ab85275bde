"""A client of an ensemble on the virtual network: the twin of pykafka_cli.zookeeper.client.ZooKeeperClient.

It speaks ZooKeeper's protocol with one server at a time, and connects to another one when the connection is lost, with
the same session. Like the real one, it sends requests again that were lost with a connection.
"""

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from pykafka_cli.zookeeper.errors import (
    BadVersion,
    MultiFailed,
    NodeExists,
    NoNode,
    NotEmpty,
    SessionExpired,
    ZooKeeperError,
    ZooKeeperUnreachable,
)
from pykafka_cli.zookeeper.operations import (
    ANY_VERSION,
    Change,
    Check,
    Create,
    Delete,
    Operation,
    SessionListener,
    SetData,
    Watcher,
    WatchEvent,
)
from pykafka_cli.zookeeper.protocol.errors import ErrorCode
from pykafka_cli.zookeeper.protocol.framing import FrameReader, frame
from pykafka_cli.zookeeper.protocol.jute import JuteRecord, Reader, decode, encode, read
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, CreateFlags, EventType, Stat
from pykafka_cli.zookeeper.protocol.requests import (
    CheckVersionRequest,
    ConnectRequest,
    ConnectResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    Empty,
    ErrorResponse,
    GetChildrenResponse,
    GetDataResponse,
    MultiRequest,
    MultiResponse,
    OpCode,
    PathRequest,
    ReconfigRequest,
    ReplyHeader,
    SetDataRequest,
    StatResponse,
    WatchableRequest,
    WatcherEvent,
    read_response,
    request_frame,
)
from pykafka_cli.zookeeper.protocol.requests import Operation as Part
from tests.simulation.retrying import Lost, again

PING_XID, EVENT_XID = -2, -1
NO_PASSWORD = bytes(16)
MOST_IN_FLIGHT = 10
RETRY_S = 0.3
"""Longest pause between two attempts to connect."""
CLOSE_S = 3.0
READ_SIZE = 1 << 16
_ERRORS: dict[int, type[ZooKeeperError]] = {
    ErrorCode.NO_NODE: NoNode,
    ErrorCode.NODE_EXISTS: NodeExists,
    ErrorCode.BAD_VERSION: BadVersion,
    ErrorCode.NOT_EMPTY: NotEmpty,
    ErrorCode.SESSION_EXPIRED: SessionExpired,
}
_CHANGES = {
    EventType.NODE_CREATED: Change.CREATED,
    EventType.NODE_DELETED: Change.DELETED,
    EventType.NODE_DATA_CHANGED: Change.DATA,
    EventType.NODE_CHILDREN_CHANGED: Change.CHILDREN,
}


class _Watch(NamedTuple):
    path: str
    of_children: bool
    watcher: Watcher


class _Sent(NamedTuple):
    xid: int
    kind: OpCode
    record: JuteRecord
    watch: _Watch | None
    answer: "asyncio.Future[tuple[ReplyHeader, JuteRecord]]"


class EnsembleClient:
    """One session, renewed when it expires."""

    def __init__(
        self,
        servers: Sequence[tuple[str, int]],
        chance: random.Random,
        *,
        session_timeout: float,
        connection_timeout: float,
    ) -> None:
        self.chroot = ""
        self.hosts = ",".join(f"{host}:{port}" for host, port in servers)
        self.session_id = 0
        self.last_zxid = 0
        """The newest state that this session has seen."""
        self.connections = 0
        """How many there have been: the number of the present one."""
        self._servers, self._chance = servers, chance
        self._wanted, self._patience = session_timeout, connection_timeout
        self._timeout = session_timeout
        self._password = NO_PASSWORD
        self._listeners: list[SessionListener] = []
        self._watches: dict[tuple[str, bool], list[Watcher]] = {}
        """By path, and whether of its children."""
        self._sent: deque[_Sent] = deque()
        self._xids = itertools.count(1)
        self._slots = asyncio.Semaphore(MOST_IN_FLIGHT)
        self._connected = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._lost_session = False
        self._closed = False
        self._life: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._life = asyncio.create_task(self._live(), name="ZooKeeper client")
        try:
            await asyncio.wait_for(self._connected.wait(), self._patience)
        except TimeoutError:
            await self.close()
            raise ZooKeeperUnreachable(f"no ZooKeeper server responded at {self.hosts}") from None

    async def take_over(self, session_id: int, password: bytes) -> None:
        """Close somebody else's session, if it lives and a server can be reached."""
        self.session_id, self._password = session_id, password
        with suppress(ZooKeeperUnreachable):
            await self.start()
            if self.session_id == session_id:
                await self.close()
        await self.close()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._writer is not None:
            sent = self._send(OpCode.CLOSE_SESSION, Empty())
            await asyncio.wait((sent.answer,), timeout=CLOSE_S)
        if self._life is not None:
            self._life.cancel()
        self._disconnected()
        self._connected.set()  # wakes whoever waits for a connection, of which there will be none

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()

    def add_listener(self, listener: SessionListener) -> None:
        self._listeners.append(listener)

    # ---- the connection

    async def _live(self) -> None:
        servers = list(self._servers)
        self._chance.shuffle(servers)
        for host, port in itertools.cycle(servers):
            await self._use(host, port)
            await asyncio.sleep(self._chance.random() * RETRY_S)

    async def _use(self, host: str, port: int) -> None:
        """Be a client of one server, as long as that works."""
        writer: asyncio.StreamWriter | None = None
        frames = FrameReader(1 << 24)
        try:
            async with asyncio.timeout(self._wanted / len(self._servers)):
                reader, writer = await asyncio.open_connection(host, port)
                request = ConnectRequest(0, self.last_zxid, round(self._wanted * 1000), self.session_id, self._password)
                writer.write(frame(encode(request) + b"\0"))
                agreed = decode(ConnectResponse, await _next_frame(reader, frames))
            if self._agree(agreed, writer):
                pinging = asyncio.create_task(self._ping(writer))
                try:
                    while True:
                        async with asyncio.timeout(self._timeout * 2 / 3):
                            data = await _next_frame(reader, frames)
                        self._receive(data)
                finally:
                    pinging.cancel()
        except (OSError, EOFError, TimeoutError):
            pass
        finally:
            if writer is not None:
                writer.transport.abort()
            self._disconnected()

    def _agree(self, agreed: ConnectResponse, writer: asyncio.StreamWriter) -> bool:
        """Whether there is a session."""
        if not agreed.timeout_ms:
            self.session_id, self._password, self.last_zxid = 0, NO_PASSWORD, 0
            self._watches.clear()
            self._lost_session = True
            self._expired()
            for listener in self._listeners:
                listener.session_lost()
            return False
        self.session_id, self._password = agreed.session_id, agreed.password or NO_PASSWORD
        self._timeout = agreed.timeout_ms / 1000
        self._writer = writer
        self.connections += 1
        self._connected.set()
        if self._lost_session:
            self._lost_session = False
            for listener in self._listeners:
                listener.session_begun()
        unseen, self._watches = self._watches, {}
        for (path, _), watchers in unseen.items():
            for watcher in watchers:
                watcher(WatchEvent(Change.UNSEEN, path))
        return True

    async def _ping(self, writer: asyncio.StreamWriter) -> None:
        while True:
            await asyncio.sleep(self._timeout / 3)
            writer.write(request_frame(PING_XID, OpCode.PING, Empty()))

    def _disconnected(self) -> None:
        self._writer = None
        if not self._closed:
            self._connected.clear()
        sent, self._sent = self._sent, deque()
        for each in sent:
            if not each.answer.done():
                each.answer.set_exception(Lost())
                each.answer.exception()  # its waiter may be gone

    def _receive(self, data: bytes) -> None:
        reader = Reader(data)
        header = read(ReplyHeader, reader)
        if header.xid == EVENT_XID:
            self._hear(read(WatcherEvent, reader))
            return
        if header.xid == PING_XID:
            self._seen(header)
            return
        sent = self._sent.popleft()
        assert sent.xid == header.xid, f"the response to {sent.xid} was expected, {header.xid} came"
        self._seen(header)
        header, response = read_response(sent.kind, data)
        if sent.watch is not None and (not header.err or sent.kind is OpCode.EXISTS):
            watchers = self._watches.setdefault(sent.watch[:2], [])
            if sent.watch.watcher not in watchers:
                watchers.append(sent.watch.watcher)
        self._responded(sent.kind, sent.record, header, response)
        if not sent.answer.done():
            sent.answer.set_result((header, response))

    def _hear(self, event: WatcherEvent) -> None:
        change = _CHANGES[EventType(event.type)]
        watchers = []
        if change is not Change.CHILDREN:
            watchers += self._watches.pop((event.path, False), [])
        if change in (Change.CHILDREN, Change.DELETED):
            watchers += self._watches.pop((event.path, True), [])
        for watcher in watchers:
            watcher(WatchEvent(change, event.path))

    def _seen(self, header: ReplyHeader) -> None:
        self.last_zxid = max(self.last_zxid, header.zxid)

    # ---- what a client that checks looks at

    def _expired(self) -> None:
        """The session has ended."""

    def _responded(self, kind: OpCode, record: JuteRecord, header: ReplyHeader, response: JuteRecord) -> None:
        """A response has arrived, after all events before it."""

    # ---- requests

    def _send(self, kind: OpCode, record: JuteRecord, watch: _Watch | None = None) -> _Sent:
        assert self._writer is not None
        sent = _Sent(next(self._xids), kind, record, watch, asyncio.get_running_loop().create_future())
        self._sent.append(sent)
        self._writer.write(request_frame(sent.xid, kind, record))
        return sent

    @property
    def is_closed(self) -> bool:
        return self._closed

    async def until_connected(self) -> None:
        while self._writer is None and not self._closed:
            await self._connected.wait()

    async def ask(self, kind: OpCode, record: JuteRecord, watch: _Watch | None = None) -> JuteRecord:
        """Send a request, and again whenever the connection is lost; the session must stay the same."""

        def send() -> "asyncio.Future[tuple[ReplyHeader, JuteRecord]]":
            return self._send(kind, record, watch).answer

        async with self._slots:
            header, response = await again(self, send)
        if header.err:
            raise _error(header.err, str(getattr(record, "path", "")))
        return response

    async def create(
        self, path: str, data: bytes | None = None, *, ephemeral: bool = False, sequential: bool = False
    ) -> str:
        flags = CreateFlags.EPHEMERAL * ephemeral + CreateFlags.PERSISTENT_SEQUENTIAL * sequential
        request = CreateRequest(path, data, OPEN_ACL, flags)
        try:
            created = await self.ask(OpCode.CREATE, request)
        except NoNode:
            await self.ensure_path(path.rpartition("/")[0])
            created = await self.ask(OpCode.CREATE, request)
        assert isinstance(created, CreateResponse)
        return created.path

    async def ensure_path(self, path: str) -> None:
        if not path:
            return
        request = CreateRequest(path, None, OPEN_ACL, 0)
        try:
            try:
                await self.ask(OpCode.CREATE, request)
            except NoNode:
                await self.ensure_path(path.rpartition("/")[0])
                await self.ask(OpCode.CREATE, request)
        except NodeExists:
            pass

    async def get(self, path: str, watch: Watcher | None = None) -> tuple[bytes | None, Stat]:
        wanted = None if watch is None else _Watch(path, False, watch)
        found = await self.ask(OpCode.GET_DATA, WatchableRequest(path, watch is not None), wanted)
        assert isinstance(found, GetDataResponse)
        return found.data, found.stat

    async def exists(self, path: str, watch: Watcher | None = None) -> Stat | None:
        wanted = None if watch is None else _Watch(path, False, watch)
        try:
            found = await self.ask(OpCode.EXISTS, WatchableRequest(path, watch is not None), wanted)
        except NoNode:
            return None
        assert isinstance(found, StatResponse)
        return found.stat

    async def children(self, path: str, watch: Watcher | None = None) -> list[str]:
        wanted = None if watch is None else _Watch(path, True, watch)
        found = await self.ask(OpCode.GET_CHILDREN, WatchableRequest(path, watch is not None), wanted)
        assert isinstance(found, GetChildrenResponse)
        return list(found.children)

    async def set(self, path: str, data: bytes, version: int = ANY_VERSION) -> Stat:
        changed = await self.ask(OpCode.SET_DATA, SetDataRequest(path, data, version))
        assert isinstance(changed, StatResponse)
        return changed.stat

    async def delete(self, path: str, version: int = ANY_VERSION) -> None:
        await self.ask(OpCode.DELETE, DeleteRequest(path, version))

    async def reconfigure(self, joining: str | None, leaving: str | None, members: str | None = None) -> None:
        """Change the ensemble: servers that join it or change, ids of those that leave; or all servers."""
        await self.ask(OpCode.RECONFIG, ReconfigRequest(joining, leaving, members, ANY_VERSION))

    async def sync(self) -> None:
        """Let later reads see what was acknowledged before."""
        await self.ask(OpCode.SYNC, PathRequest("/"))

    async def multi(self, operations: Sequence[Operation]) -> list[Stat | str | None]:
        found = await self.ask(OpCode.MULTI, MultiRequest(tuple(map(_part, operations))))
        assert isinstance(found, MultiResponse)
        answers: list[Stat | str | None] = []
        for index, (_, record) in enumerate(found.results):
            match record:
                case ErrorResponse(err) if err not in (ErrorCode.OK, ErrorCode.RUNTIME_INCONSISTENCY):
                    raise MultiFailed(index, _error(err, operations[index].path))
                case CreateResponse(path):
                    answers.append(path)
                case StatResponse(stat):
                    answers.append(stat)
                case _:
                    answers.append(None)
        return answers


def _part(operation: Operation) -> Part:
    match operation:
        case Create(path, data, ephemeral):
            return Part(OpCode.CREATE, CreateRequest(path, data, OPEN_ACL, int(ephemeral)))
        case SetData(path, data, version):
            return Part(OpCode.SET_DATA, SetDataRequest(path, data, version))
        case Delete(path, version):
            return Part(OpCode.DELETE, DeleteRequest(path, version))
        case Check(path, version):
            return Part(OpCode.CHECK, CheckVersionRequest(path, version))


def _error(code: int, path: str) -> ZooKeeperError:
    return _ERRORS.get(code, ZooKeeperError)(f"{path} ({code})")


async def _next_frame(reader: asyncio.StreamReader, frames: FrameReader) -> bytes:
    while (whole := frames.take()) is None:
        data = await reader.read(READ_SIZE)
        if not data:
            raise EOFError
        frames.feed(data)
    return whole
