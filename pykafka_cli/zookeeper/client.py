"""Asyncio bridge over kazoo: the ZooKeeper client for everything but the shell (shell_session.py).

kazoo runs its connection in a separate thread. Everything that thread reports - responses, watches, changes of the
session's state - is put on the event loop in the order in which the server sent it, so ZooKeeper's guarantee holds here
as well: a watch fires before its setter can read the new data.

Without a connection, requests wait, and those lost with the last one are retried, as by Kafka's own client, while the
session is alive. So a create or a conditional write may fail because its first attempt succeeded: NodeExists,
BadVersion.
At most `max_in_flight` requests are in flight at a time; others wait in order. Nothing here blocks the event loop
(kazoo_handler.py explains what would).
"""

import asyncio
import functools
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import kazoo.exceptions
from kazoo.client import KazooClient, TransactionRequest
from kazoo.protocol.serialization import Create as CreateRecord
from kazoo.protocol.states import EventType, KazooState, KeeperState, WatchedEvent
from kazoo.security import ACL
from kazoo.security import Id as KazooId

from pykafka_cli.model import Seconds
from pykafka_cli.properties.grammar import without_login
from pykafka_cli.zookeeper.client_security import PLAIN, ClientSecurity
from pykafka_cli.zookeeper.errors import (
    BadVersion,
    ConnectionClosed,
    MultiFailed,
    NodeExists,
    NoNode,
    NotEmpty,
    NotPermitted,
    SessionExpired,
    ZooKeeperError,
    ZooKeeperUnreachable,
)
from pykafka_cli.zookeeper.kazoo_handler import kazoo_client
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

_log = logging.getLogger(__name__)

# kazoo warns at every attempt, without naming the server; this module logs each event once.
logging.getLogger("kazoo").setLevel(logging.ERROR)

CLOSE_S = 3.0  # for the end of the session; otherwise the session expires
MAX_IN_FLIGHT = 10
"""The default of Kafka's zookeeper.max.in.flight.requests."""


_ERRORS: dict[type[Exception], type[ZooKeeperError]] = {
    kazoo.exceptions.NoNodeError: NoNode,
    kazoo.exceptions.NodeExistsError: NodeExists,
    kazoo.exceptions.BadVersionError: BadVersion,
    kazoo.exceptions.NotEmptyError: NotEmpty,
    kazoo.exceptions.NoAuthError: NotPermitted,
    kazoo.exceptions.AuthFailedError: NotPermitted,
    kazoo.exceptions.SessionExpiredError: SessionExpired,
    kazoo.exceptions.ConnectionClosedError: ConnectionClosed,
}


_CHANGES = {
    EventType.CREATED: Change.CREATED,
    EventType.DELETED: Change.DELETED,
    EventType.CHANGED: Change.DATA,
    EventType.CHILD: Change.CHILDREN,
}


@dataclass(frozen=True)
class _Watch:
    """A watch for kazoo, which sets and fires equal ones on one path only once."""

    client: "ZooKeeperClient"
    callback: Watcher
    path: str

    def __call__(self, event: WatchedEvent) -> None:
        self.client._post(self.client._watch_fired, self, event)


class ZooKeeperClient:
    """One session with ZooKeeper, renewed when it expires. All methods are for the event loop that called `start`."""

    def __init__(
        self,
        connect: str,
        *,
        session_timeout: Seconds,
        connection_timeout: Seconds,
        max_in_flight: int = MAX_IN_FLIGHT,
        security: ClientSecurity = PLAIN,
        make_kazoo: Callable[[str, float, ClientSecurity], KazooClient] = kazoo_client,
    ) -> None:
        """
        connect              `host:port,host:port/chroot`, Kafka's zookeeper.connect
        session_timeout      seconds without a heartbeat after which the session ends
        connection_timeout   seconds that `start` waits for the first connection
        max_in_flight        requests that may be in flight at a time
        security             TLS, login, and whose znodes are that it creates
        make_kazoo           makes the client that this one is a bridge to
        """
        hosts, slash, chroot = connect.partition("/")
        self.hosts = hosts
        self._shown = without_login(hosts)
        self.chroot = (slash + chroot).rstrip("/")
        self._connection_timeout = connection_timeout
        self._listeners: list[SessionListener] = []
        self._interrupted: list[_Watch] = []
        self._connected = asyncio.Event()
        self._slots = asyncio.Semaphore(max_in_flight)
        self._closed = False
        self._lost_session = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._security = security
        self._kazoo = make_kazoo(hosts, session_timeout, security)
        self._kazoo.add_listener(self._state_changed)

    async def start(self) -> None:
        """Connect, and create the chroot if there is one.

        raises  ZooKeeperUnreachable if no server responds within the connection timeout, or it rejects the login
        """
        self._loop = asyncio.get_running_loop()
        _log.info("connecting to ZooKeeper at %s, for up to %g s", self._shown, self._connection_timeout)
        self._kazoo.start_async()
        try:
            await asyncio.wait_for(self._connected.wait(), self._connection_timeout)
        except TimeoutError:
            failure = self._kazoo.handler.last_failure
            await self.close()
            if failure is not None:
                raise ZooKeeperUnreachable(f"ZooKeeper at {self._shown} cannot be used: {failure}") from None
            raise ZooKeeperUnreachable(
                f"no ZooKeeper server responded at {self._shown} within {self._connection_timeout:g} s; "
                "check the address, and that a server is running"
            ) from None
        if self._security.login is not None:
            await self._ensure_logged_in(self._security.login.user)
        if self.chroot:
            await self.ensure_path("/")

    async def _ensure_logged_in(self, user: str) -> None:
        """kazoo is connected before it logs in, but makes no request before it has."""
        try:
            await self._answered(functools.partial(self._kazoo.exists_async, "/"))
        except (NotPermitted, ConnectionClosed):
            await self.close()
            raise ZooKeeperUnreachable(
                f"ZooKeeper at {self._shown} has rejected the login of {user}; check its user and password there"
            ) from None

    async def close(self) -> None:
        """End the session; ephemeral znodes go with it. Requests in flight fail with ConnectionClosed."""
        if self._closed:
            return
        self._closed = True
        self._connected.set()  # wakes requests that wait for a connection, which then fail
        # Not in the loop's executor, for which the process would wait: a stalled server may never respond.
        closed = asyncio.get_running_loop().create_future()
        threading.Thread(target=self._stop_kazoo, args=(closed,), daemon=True).start()
        await asyncio.wait((closed,), timeout=CLOSE_S)

    def _stop_kazoo(self, closed: asyncio.Future[None]) -> None:
        try:
            self._kazoo.stop()
            self._kazoo.close()
        except Exception as error:  # kazoo's own exceptions, without a common base class
            _log.debug("the ZooKeeper session was not closed: %r", error)
        self._post(_settle_done, closed)

    @property
    def is_connected(self) -> bool:
        return bool(self._kazoo.connected)

    @property
    def session_id(self) -> int:
        """The session's id, which is the owner of its ephemeral znodes; 0 without a session."""
        identity = self._kazoo.client_id
        return int(identity[0]) if identity else 0

    def add_listener(self, listener: SessionListener) -> None:
        self._listeners.append(listener)

    async def create(
        self, path: str, data: bytes | None = None, *, ephemeral: bool = False, sequential: bool = False
    ) -> str:
        """Create a znode and return its path (with the number that ZooKeeper added to a sequential one).

        Missing parents are created as Kafka does, with null data.
        raises  NodeExists, NotPermitted
        """
        send = functools.partial(
            self._kazoo.create_async,
            self.chroot + path,
            data,
            self._acl_of(self.chroot + path),
            ephemeral=ephemeral,
            sequence=sequential,
        )
        try:
            created = await self._answered(send)
        except NoNode:
            await self.ensure_path(path.rpartition("/")[0])
            created = await self._answered(send)
        return str(created)[len(self.chroot) :]

    async def ensure_path(self, path: str) -> None:
        """Create a persistent znode with null data, and its parents, unless they exist."""
        await self._ensure_absolute((self.chroot + path).rstrip("/"))

    async def _ensure_absolute(self, path: str) -> None:
        if not path:
            return
        send = functools.partial(self._kazoo.create_async, path, None, self._acl_of(path))
        try:
            try:
                await self._answered(send)
            except NoNode:
                await self._ensure_absolute(path.rpartition("/")[0])
                await self._answered(send)
        except NodeExists:
            pass

    async def get(self, path: str, watch: Watcher | None = None) -> tuple[bytes | None, Stat]:
        """Data and stat; `watch` is called at the next change or deletion. Raises NoNode (and then sets no watch)."""
        data, stat = await self._answered(
            functools.partial(self._kazoo.get_async, self.chroot + path, self._watch(watch, path))
        )
        return data, _stat(stat)

    async def exists(self, path: str, watch: Watcher | None = None) -> Stat | None:
        """The stat, or None; `watch` is called at the next creation, change or deletion."""
        stat = await self._answered(
            functools.partial(self._kazoo.exists_async, self.chroot + path, self._watch(watch, path))
        )
        return None if stat is None else _stat(stat)

    async def children(self, path: str, watch: Watcher | None = None) -> list[str]:
        """Names of the children, in no order; `watch` is called when the next one is created or deleted. Raises
        NoNode."""
        names, _ = await self._answered(
            functools.partial(
                self._kazoo.get_children_async, self.chroot + path, self._watch(watch, path), include_data=True
            )
        )
        return list(names)

    async def set(self, path: str, data: bytes, version: int = ANY_VERSION) -> Stat:
        """Replace the data. Raises NoNode, BadVersion."""
        return _stat(await self._answered(functools.partial(self._kazoo.set_async, self.chroot + path, data, version)))

    async def delete(self, path: str, version: int = ANY_VERSION) -> None:
        """Remove a znode. Raises NoNode, BadVersion, NotEmpty."""
        await self._answered(functools.partial(self._kazoo.delete_async, self.chroot + path, version))

    async def reset_acl(self, path: str) -> None:
        """Give a znode the ACL that it would have if it were created now. Raises NoNode, NotPermitted."""
        absolute = (self.chroot + path).rstrip("/") or "/"
        await self._answered(functools.partial(self._kazoo.set_acls_async, absolute, self._acl_of(absolute)))

    async def multi(self, operations: Sequence[Operation]) -> list[Stat | str | None]:
        """Carry out all operations or none; return a create's path, a set's stat, None for the others.

        raises  MultiFailed, with the rejected operation
        """
        results = await self._answered(lambda: self._transaction(operations).commit_async())
        for index, result in enumerate(results):
            if isinstance(result, Exception) and not isinstance(result, kazoo.exceptions.RolledBackError):
                raise MultiFailed(index, _translated(result, operations[index].path))
        answers: list[Stat | str | None] = []
        for operation, result in zip(operations, results, strict=True):
            match operation:
                case Create():
                    answers.append(str(result)[len(self.chroot) :])
                case SetData():
                    answers.append(_stat(result))
                case _:
                    answers.append(None)
        return answers

    def _transaction(self, operations: Iterable[Operation]) -> Any:
        transaction = TransactionRequest(self._kazoo)
        for operation in operations:
            path = self.chroot + operation.path
            match operation:
                case Create(data=data, ephemeral=ephemeral):
                    # not transaction.create, which rejects null data
                    transaction._add(CreateRecord(path, data, self._acl_of(path), int(ephemeral)), None)
                case SetData(data=data, version=version):
                    transaction.set_data(path, data, version)
                case Delete(version=version):
                    transaction.delete(path, version)
                case Check(version=version):
                    transaction.check(path, version)
        return transaction

    async def _answered(self, send: Callable[[], Any]) -> Any:
        """Send a request, and retry it whenever the connection is lost; return the response."""
        async with self._slots:
            while True:
                await self._connection()
                answer = asyncio.get_running_loop().create_future()
                send().rawlink(lambda result, answer=answer: self._post(_settle, answer, result))
                try:
                    return await answer
                except kazoo.exceptions.ConnectionLoss:
                    continue
                except Exception as error:
                    raise _translated(error, "") from None

    async def _connection(self) -> None:
        """Wait while kazoo is between two connections; raises ConnectionClosed."""
        # kazoo's state is ahead of what its thread has posted to the loop. While it is CONNECTING, the notification of
        # the
        # next connection is still to come, so clearing the event loses nothing.
        while self._kazoo.client_state == KeeperState.CONNECTING and not self._closed:
            self._connected.clear()
            await self._connected.wait()
        if self._closed:
            raise ConnectionClosed(f"the session with {self._shown} is closed")

    def _acl_of(self, absolute: str) -> list[ACL]:
        """The ACL of a new znode, in kazoo's form."""
        acl = self._security.acl_of(absolute.removeprefix(self.chroot))
        return [ACL(each.perms, KazooId(each.id.scheme, each.id.id)) for each in acl]

    def _watch(self, watcher: Watcher | None, path: str) -> _Watch | None:
        return None if watcher is None else _Watch(self, watcher, path)

    def _post(self, function: Callable[..., object], *arguments: object) -> None:
        """Run on the loop; called in kazoo's thread, and on the loop when kazoo answers at once."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            _log.debug("a response from ZooKeeper arrived after the event loop was closed")

    def _state_changed(self, state: str) -> None:
        """kazoo's listener, in its thread."""
        self._post(self._follow_session, state, self._kazoo.client_state)

    def _follow_session(self, state: str, client_state: str) -> None:
        if self._closed:
            return
        if state == KazooState.CONNECTED:
            self._connected.set()
            _log.info("connected to ZooKeeper at %s", self._shown)
            if self._lost_session:
                self._lost_session = False
                for listener in self._listeners:
                    listener.session_begun()
            interrupted, self._interrupted = self._interrupted, []
            for watch in interrupted:
                watch.callback(WatchEvent(Change.UNSEEN, watch.path))
        else:
            self._connected.clear()
            if state == KazooState.SUSPENDED:
                _log.warning("lost the connection to ZooKeeper at %s; reconnecting", self._shown)
            if client_state == KeeperState.EXPIRED_SESSION:
                _log.warning("the session with ZooKeeper at %s has expired", self._shown)
                self._lost_session = True
                self._interrupted.clear()
                for listener in self._listeners:
                    listener.session_lost()

    def _watch_fired(self, watch: _Watch, event: WatchedEvent) -> None:
        if self._closed:
            return
        if event.type != EventType.NONE:
            watch.callback(WatchEvent(_CHANGES[event.type], watch.path))
        elif event.state == KeeperState.CONNECTING:
            # kazoo drops all watches with the connection and, unlike ZooKeeper's Java client, does not restore them
            self._interrupted.append(watch)


def _settle_done(closed: asyncio.Future[None]) -> None:
    if not closed.done():
        closed.set_result(None)


def _settle(answer: asyncio.Future[Any], result: Any) -> None:
    if answer.done():  # its waiter was canceled
        return
    if result.exception is None:
        answer.set_result(result.value)
    else:
        answer.set_exception(result.exception)


def _stat(stat: Any) -> Stat:
    return Stat(*stat)


def _translated(error: Exception, path: str) -> ZooKeeperError:
    """kazoo's error in this module's terms."""
    for theirs, ours in _ERRORS.items():
        if isinstance(error, theirs):
            return ours(path or str(error) or type(error).__name__)
    return ZooKeeperError(f"{type(error).__name__} {error}".rstrip())
