"""ZooKeeper in memory, and a client to it: the twin of pykafka_cli.zookeeper.client.ZooKeeperClient.

tests/unit/zookeeper/test_client.py holds both to the same contract. The tree is one Python object, so several clients
share it. An operation is done in one turn of the loop and answered in the next, so that watches are heard before later
answers, as from the real one.
"""

import asyncio
from collections.abc import Callable, Sequence

from pykafka_cli.model import Timestamp
from pykafka_cli.zookeeper.errors import (
    BadVersion,
    ConnectionClosed,
    MultiFailed,
    NodeExists,
    NoNode,
    NotEmpty,
    SessionExpired,
    ZooKeeperError,
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
from pykafka_cli.zookeeper.protocol.records import Stat


class _Node:
    def __init__(self, data: bytes | None, zxid: int, owner: int, now_ms: Timestamp) -> None:
        self.data, self.owner, self.ctime = data, owner, now_ms
        self.czxid = self.mzxid = self.pzxid = zxid
        self.version = self.cversion = 0
        self.made = 0

    def stat(self, children: int) -> Stat:
        size = len(self.data or b"")
        return Stat(
            self.czxid,
            self.mzxid,
            self.ctime,
            self.ctime,
            self.version,
            self.cversion,
            0,
            self.owner,
            size,
            children,
            self.pzxid,
        )


class FakeZooKeeper:
    """The tree. `writes` has the requests, in order, for tests that look at how something was written."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {"/": _Node(b"", 0, 0, 0)}
        self._zxid = 0
        self.now_ms = 1_700_000_000_000
        self._sessions = 0
        self._watches: dict[tuple[str, bool], dict[tuple[FakeZooKeeperClient, Watcher], None]] = {}
        self.writes: list[Sequence[Operation]] = []
        self.activity = 0
        """Counts all requests, so that a test can see when there are no more."""

    def client(self, chroot: str = "") -> "FakeZooKeeperClient":
        return FakeZooKeeperClient(self, chroot)

    def tree(self) -> dict[str, bytes | None]:
        """Every znode's data by its path."""
        return {path: node.data for path, node in sorted(self._nodes.items())}

    def new_session(self) -> int:
        self._sessions += 1
        return 0x1000000 + self._sessions

    def end_session(self, session: int) -> None:
        for path in [path for path, node in self._nodes.items() if node.owner == session]:
            self.apply([Delete(path)], session)

    def forget_watches(self, client: "FakeZooKeeperClient") -> None:
        for watchers in self._watches.values():
            for key in [key for key in watchers if key[0] is client]:
                del watchers[key]

    def node(self, path: str) -> _Node:
        try:
            return self._nodes[path]
        except KeyError:
            raise NoNode(path) from None

    def stat(self, path: str) -> Stat:
        return self.node(path).stat(len(self.children(path)))

    def children(self, path: str) -> list[str]:
        prefix = path.rstrip("/") + "/"
        return [
            p[len(prefix) :] for p in self._nodes if p != "/" and p.startswith(prefix) and "/" not in p[len(prefix) :]
        ]

    def watch(self, path: str, client: "FakeZooKeeperClient", watcher: Watcher | None, *, children: bool) -> None:
        if watcher is not None:
            self._watches.setdefault((path, children), {})[client, watcher] = None

    def apply(self, operations: Sequence[Operation], session: int) -> list[Stat | str | None]:
        """All or nothing; raises MultiFailed."""
        undo: list[Callable[[], None]] = []
        events: list[tuple[str, bool, Change]] = []
        answers: list[Stat | str | None] = []
        self._zxid += 1
        for index, operation in enumerate(operations):
            try:
                answers.append(self._apply_one(operation, session, undo, events))
            except ZooKeeperError as error:
                for step in reversed(undo):
                    step()
                raise MultiFailed(index, error) from None
        for path, children, change in events:
            for client, watcher in self._watches.pop((path, children), {}):
                client.hear(watcher, change, path)
        return answers

    def _apply_one(
        self,
        operation: Operation,
        session: int,
        undo: list[Callable[[], None]],
        events: list[tuple[str, bool, Change]],
    ) -> Stat | str | None:
        match operation:
            case Check(path, version):
                self._check(self.node(path), version)
                return None
            case Create(path, data, ephemeral):
                parent_path = path.rpartition("/")[0] or "/"
                parent = self.node(parent_path)
                if path in self._nodes:
                    raise NodeExists(path)
                self._nodes[path] = _Node(data, self._zxid, session if ephemeral else 0, self.now_ms)
                parent.cversion, parent.pzxid, parent.made = parent.cversion + 1, self._zxid, parent.made + 1
                undo.append(lambda: self._nodes.__delitem__(path))
                events += [(path, False, Change.CREATED), (parent_path, True, Change.CHILDREN)]
                return path
            case SetData(path, data, version):
                node = self.node(path)
                self._check(node, version)
                before = (node.data, node.version, node.mzxid)
                node.data, node.version, node.mzxid = data, node.version + 1, self._zxid

                def restore() -> None:
                    node.data, node.version, node.mzxid = before

                undo.append(restore)
                events.append((path, False, Change.DATA))
                return self.stat(path)
            case Delete(path, version):
                node = self.node(path)
                self._check(node, version)
                if self.children(path):
                    raise NotEmpty(path)
                del self._nodes[path]
                undo.append(lambda: self._nodes.__setitem__(path, node))
                parent_path = path.rpartition("/")[0] or "/"
                events += [(path, False, Change.DELETED), (path, True, Change.DELETED)]
                events.append((parent_path, True, Change.CHILDREN))
                return None

    def _check(self, node: _Node, version: int) -> None:
        if version not in (ANY_VERSION, node.version):
            raise BadVersion

    def next_number(self, path: str) -> int:
        """For a sequential create: how many children the parent has had."""
        return self.node(path.rpartition("/")[0] or "/").made


class FakeZooKeeperClient:
    """One session with a FakeZooKeeper."""

    def __init__(self, server: FakeZooKeeper, chroot: str = "") -> None:
        self.hosts = "in memory"
        self.chroot = chroot
        self._server = server
        self._listeners: list[SessionListener] = []
        self._closed = False
        self.session_id = server.new_session()

    async def start(self) -> None:
        if self.chroot:
            await self.ensure_path("/")

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._server.end_session(self.session_id)

    def expire(self) -> None:
        """End the session as a server does whose client was silent too long; a new one begins a moment later."""
        ended, self.session_id = self.session_id, 0
        self._server.forget_watches(self)
        self._server.end_session(ended)
        for listener in self._listeners:
            listener.session_lost()
        asyncio.get_running_loop().call_soon(self._begin_again)

    def _begin_again(self) -> None:
        self.session_id = self._server.new_session()
        for listener in self._listeners:
            listener.session_begun()

    def add_listener(self, listener: SessionListener) -> None:
        self._listeners.append(listener)

    def hear(self, watcher: Watcher, change: Change, path: str) -> None:
        if not self._closed:
            asyncio.get_running_loop().call_soon(watcher, WatchEvent(change, path[len(self.chroot) :]))

    async def create(
        self, path: str, data: bytes | None = None, *, ephemeral: bool = False, sequential: bool = False
    ) -> str:
        await self._turn()
        await self.ensure_path(path.rpartition("/")[0])
        if sequential:
            path += f"{self._server.next_number(self._full(path)):010}"
        await self._write([Create(path, data, ephemeral)])
        return path

    async def ensure_path(self, path: str) -> None:
        await self._turn()
        path = self._full(path)
        for end in [n for n, mark in enumerate(path) if mark == "/" and n] + [len(path)]:
            try:
                if end > 1:
                    self._server.apply([Create(path[:end], None)], self.session_id)
            except MultiFailed:
                pass

    async def get(self, path: str, watch: Watcher | None = None) -> tuple[bytes | None, Stat]:
        await self._turn()
        full = self._full(path)
        answer = self._server.node(full).data, self._server.stat(full)
        self._server.watch(full, self, watch, children=False)
        await self._turn()
        return answer

    async def exists(self, path: str, watch: Watcher | None = None) -> Stat | None:
        await self._turn()
        full = self._full(path)
        self._server.watch(full, self, watch, children=False)
        try:
            answer = self._server.stat(full)
        except NoNode:
            answer = None
        await self._turn()
        return answer

    async def children(self, path: str, watch: Watcher | None = None) -> list[str]:
        await self._turn()
        full = self._full(path)
        self._server.node(full)
        self._server.watch(full, self, watch, children=True)
        answer = self._server.children(full)
        await self._turn()
        return answer

    async def set(self, path: str, data: bytes, version: int = ANY_VERSION) -> Stat:
        (stat,) = await self._write([SetData(path, data, version)])
        assert isinstance(stat, Stat)
        return stat

    async def delete(self, path: str, version: int = ANY_VERSION) -> None:
        await self._write([Delete(path, version)])

    async def multi(self, operations: Sequence[Operation]) -> list[Stat | str | None]:
        await self._turn()
        self._server.writes.append(operations)
        full = [operation._replace(path=self._full(operation.path)) for operation in operations]
        answers = self._server.apply(full, self.session_id)
        await self._turn()
        return [answer[len(self.chroot) :] if isinstance(answer, str) else answer for answer in answers]

    async def _write(self, operations: Sequence[Operation]) -> list[Stat | str | None]:
        try:
            return await self.multi(operations)
        except MultiFailed as refused:
            raise refused.error from None

    def _full(self, path: str) -> str:
        return (self.chroot + path).rstrip("/") or "/"

    async def _turn(self) -> None:
        self._server.activity += 1
        await asyncio.sleep(0)
        if self._closed:
            raise ConnectionClosed("the session is closed")
        if not self.session_id:
            raise SessionExpired("the session has expired")
