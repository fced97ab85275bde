"""A session with ZooKeeper that can send any request of its protocol, and reports every event.

The requests are those of zookeeper/protocol; kazoo sends them, keeps the session alive and reconnects.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import kazoo.exceptions
from kazoo.protocol.states import EventType, KazooState, KeeperState, WatchedEvent

from pykafka_cli.model import Seconds
from pykafka_cli.zookeeper.client_security import PLAIN, ClientSecurity
from pykafka_cli.zookeeper.kazoo_handler import kazoo_client
from pykafka_cli.zookeeper.protocol.errors import ErrorCode
from pykafka_cli.zookeeper.protocol.jute import JuteRecord, decode, encode
from pykafka_cli.zookeeper.protocol.requests import RESPONSES, Empty, OpCode, WatchableRequest

logging.getLogger("kazoo").setLevel(logging.CRITICAL)

OnEvent = Callable[[str, str, str | None], None]
"""Called in another thread with (state, type, path), in ZooKeeper's names; path is None for changes of the session."""

CONNECTION_LOSS = -4
_ANSWER_WITHIN_S = 30.0
_EVENT_TYPES = {
    EventType.CREATED: "NodeCreated",
    EventType.DELETED: "NodeDeleted",
    EventType.CHANGED: "NodeDataChanged",
    EventType.CHILD: "NodeChildrenChanged",
}


class Rejected(Exception):
    """ZooKeeper responded to a request with an error, or did not respond."""

    def __init__(self, code: int, path: str) -> None:
        super().__init__(f"error {code} for {path}")
        self.code = code
        self.path = path


class _Request:
    """One of our requests, in the form that kazoo sends."""

    def __init__(self, kind: OpCode, record: JuteRecord) -> None:
        self.type = int(kind)
        self._kind, self._record = kind, record

    def serialize(self) -> bytes:
        return encode(self._record)

    def deserialize(self, data: bytes, offset: int) -> JuteRecord:
        return decode(RESPONSES.get(self._kind, Empty), bytes(data[offset:]))


class _Watchers(defaultdict[str, set[Callable[..., None]]]):
    """Replaces kazoo's table of watchers: the shell gets all events, also of watches that stay set (addWatch)."""

    def __init__(self, notify: Callable[[WatchedEvent], None]) -> None:
        super().__init__(set)
        self._notify = notify

    def pop(self, _path: str, _default: object = None) -> Any:
        return (self._notify,)


class ShellSession:
    """A session, opened by `open`; for the thread that created it."""

    def __init__(
        self, connect: str, *, timeout_s: Seconds, on_event: OnEvent, security: ClientSecurity = PLAIN
    ) -> None:
        """
        connect     `host:port,host:port/chroot`
        timeout_s   of the session
        security    TLS and login
        """
        self.connect = connect
        hosts, slash, chroot = connect.partition("/")
        self._chroot = (slash + chroot).rstrip("/")
        self._on_event, self._logs_in = on_event, security.login is not None
        self._last_event: WatchedEvent | None = None
        self._connection_reported = threading.Event()
        self._kazoo = kazoo_client(hosts, timeout_s, security)
        self._kazoo.add_listener(self._state_changed)
        self._notify_all()

    def _notify_all(self) -> None:
        self._kazoo._data_watchers = _Watchers(self._node_changed)
        self._kazoo._child_watchers = _Watchers(self._node_changed)

    def open(self, within_s: Seconds) -> None:
        """Connect, and return once `on_event` has been called for it, so that it does not print into a prompt.

        raises  Rejected (CONNECTION_LOSS) if no server responds in time
        """
        try:
            self._kazoo.start(within_s)
            self._connection_reported.wait(within_s)
        except self._kazoo.handler.timeout_exception:
            self.close()
            raise Rejected(CONNECTION_LOSS, "/") from None

    @property
    def last_failure(self) -> str | None:
        """Why TLS did not begin when it last tried to connect, if that was so."""
        failure: str | None = self._kazoo.handler.last_failure
        return failure

    def close(self) -> None:
        """End the session; its ephemeral znodes go with it."""
        self._kazoo.stop()
        self._kazoo.close()

    @property
    def is_alive(self) -> bool:
        return self._kazoo.client_state not in (
            KeeperState.CLOSED,
            KeeperState.EXPIRED_SESSION,
            KeeperState.AUTH_FAILED,
        )

    @property
    def state(self) -> str:
        """The state in the terms of ZooKeeper's client: CONNECTED, CONNECTING, CLOSED or AUTH_FAILED."""
        states = {KeeperState.CONNECTED: "CONNECTED", KeeperState.CONNECTING: "CONNECTING"}
        state = self._kazoo.client_state
        return states.get(state, "AUTH_FAILED" if state == KeeperState.AUTH_FAILED else "CLOSED")

    def ask(self, kind: OpCode, record: JuteRecord) -> Any:
        """Send a request, and return its response. raises Rejected."""
        (answer,) = self.ask_all(kind, [record])
        if isinstance(answer, Rejected):
            raise answer
        return answer

    def ask_all(self, kind: OpCode, records: Sequence[JuteRecord]) -> list[Any]:
        """Send requests of one kind together, and return their responses; a Rejected is one of them."""
        waiting = []
        for record in records:
            path = getattr(record, "path", "")
            if self._chroot and path.startswith("/"):
                record = record._replace(path=self._chroot if path == "/" else self._chroot + path)  # type: ignore[attr-defined]
            result = self._kazoo.handler.async_result()
            self._kazoo._call(_Request(kind, record), result)
            waiting.append((path, result))
        return [self._answer(path, result) for path, result in waiting]

    def _answer(self, path: str, result: Any) -> Any:
        try:
            answer = result.get(timeout=_ANSWER_WITHIN_S)
        except (kazoo.exceptions.KazooException, RuntimeError) as error:
            return Rejected(int(getattr(error, "code", None) or CONNECTION_LOSS), path)
        except self._kazoo.handler.timeout_exception:
            return Rejected(CONNECTION_LOSS, path)
        if answer is None:  # kazoo's result if `exists` found nothing
            return Rejected(ErrorCode.NO_NODE, path)
        created = getattr(answer, "path", None)
        if self._chroot and isinstance(created, str):
            return answer._replace(path=created.removeprefix(self._chroot) or "/")
        return answer

    def add_auth(self, scheme: str, credential: str) -> None:
        """Add an identity, also after reconnecting. A rejected one ends the session, as in ZooKeeper."""
        try:
            self._kazoo.add_auth(scheme, credential)
        except kazoo.exceptions.AuthFailedError:
            raise Rejected(ErrorCode.AUTH_FAILED, "") from None

    def _state_changed(self, state: str) -> None:
        """kazoo's listener, in its thread."""
        if state == KazooState.CONNECTED:
            self._on_event("SyncConnected", "None", None)
            if self._logs_in:
                self._on_event("SaslAuthenticated", "None", None)
            self._connection_reported.set()
        elif state == KazooState.SUSPENDED:
            self._on_event("Disconnected", "None", None)
        else:
            self._notify_all()
            why = {KeeperState.EXPIRED_SESSION: "Expired", KeeperState.AUTH_FAILED: "AuthFailed"}
            self._on_event(why.get(self._kazoo.client_state, "Closed"), "None", None)

    def _node_changed(self, event: WatchedEvent) -> None:
        if event is self._last_event:  # kazoo reports a deletion to data watchers and to child watchers
            return
        self._last_event = event
        path = str(event.path)
        self._on_event("SyncConnected", _EVENT_TYPES[event.type], path.removeprefix(self._chroot) or "/")


def subtree(session: ShellSession, path: str, *, watches: bool = False) -> Iterator[str]:
    """The path and everything below it: first the children of a znode, then what is below each."""
    session.ask(OpCode.GET_DATA, WatchableRequest(path, watches))
    yield path
    yield from _below(session, path, watches)


def _below(session: ShellSession, path: str, watches: bool) -> Iterator[str]:
    try:
        found = session.ask(OpCode.GET_CHILDREN2, WatchableRequest(path, watches))
    except Rejected as refused:
        if refused.code == ErrorCode.NO_NODE:  # deleted meanwhile
            return
        raise
    paths = [path.rstrip("/") + "/" + name for name in sorted(found.children)]
    yield from paths
    for each in paths:
        yield from _below(session, each, watches)
