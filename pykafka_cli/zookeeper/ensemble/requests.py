"""The path of a request in an ensemble: reads are answered here, changes are sent to the leader.

    a read      answered from this server's tree, after the session's earlier changes have been answered
    a change    upstream.forward -> ... committed by the quorum ... -> committed(): apply, watch events, answer

Several changes of one session may be outstanding; they are committed in order. The first read after a change waits, and
everything after that read is answered after it. What a client sees is durable on a quorum, and on this server. The
leader's own clients are served in the same way; only its Upstream is different.
Source: org.apache.zookeeper.server.quorum.{CommitProcessor, FollowerRequestProcessor}.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, cast

from pykafka_cli.model import Timestamp
from pykafka_cli.zookeeper.ensemble.packets import LearnerRequest, SessionTimeout, SessionValidity
from pykafka_cli.zookeeper.protocol.errors import ErrorCode, MarshallingError
from pykafka_cli.zookeeper.protocol.jute import encode
from pykafka_cli.zookeeper.protocol.records import Id, Stat
from pykafka_cli.zookeeper.protocol.requests import (
    GetDataResponse,
    OpCode,
    PathRequest,
    read_request,
    read_request_header,
    reply_frame,
)
from pykafka_cli.zookeeper.protocol.txn_records import CreateSessionTxn, TxnHeader
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.paths import CONFIG
from pykafka_cli.zookeeper.server.pipeline import (
    CHANGES,
    KINDS,
    Client,
    Delivery,
    Greeting,
    Limits,
    Pipeline,
    Rejected,
    milliseconds,
)
from pykafka_cli.zookeeper.server.sessions import Sessions, printed
from pykafka_cli.zookeeper.server.tree import Event, Outcome

_log = logging.getLogger(__name__)

_HEADER_SIZE = 8
_AT_ONCE = CHANGES | {OpCode.AUTH, OpCode.SASL, OpCode.SYNC, OpCode.CLOSE_SESSION}
"""Not postponed: what is forwarded waits for its outcome in order, and a login determines who sends what follows."""


class Upstream(Protocol):
    """The way to the leader, which may be this server."""

    def forward(self, request: LearnerRequest, identities: Sequence[Id]) -> None:
        """Have the leader turn a request into a transaction."""

    def sync(self, request: LearnerRequest, identities: Sequence[Id]) -> None:
        """Have `Requests.synced` called once everything is applied here that was committed before."""

    def revalidate(self, session: SessionTimeout) -> None:
        """Have `Requests.revalidated` called with whether the session is open, and belongs to this server now."""


class _Forwarded(NamedTuple):
    size: int
    kind: OpCode
    xid: int
    received_at: float
    path: str = ""
    """What the response to a `sync` contains."""


class _Postponed(NamedTuple):
    size: int
    frame: bytes
    received_at: float


class Requests(Pipeline):
    """Processes the requests of the clients of one server while it has a leader."""

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        limits: Limits,
        upstream: Upstream,
        *,
        now_ms: Callable[[], Timestamp],
        expire: Callable[[float], None] | None = None,
        delete_expired: Callable[[Sequence[str]], None] | None = None,
    ) -> None:
        """expire, delete_expired    what a leader does about sessions, and about containers and times to live"""
        super().__init__(database, sessions, limits, append=_never_append, hold=_deliver, now_ms=now_ms)
        self._upstream = upstream
        self._waiting: dict[Client, deque[_Forwarded | _Postponed]] = {}
        """What each client waits for; the first one is always forwarded."""
        self._greetings: dict[int, Greeting] = {}
        """Connections that wait for the session with that id."""
        self._syncing: deque[Client] = deque()
        self._expire = expire
        self._delete_expired = delete_expired

    # From connections.

    def submit(self, client: Client, frame: bytes, received_at: float) -> None:
        """Process a request frame, or postpone it; raises MarshallingError if it is invalid, Rejected."""
        if not client.session_id:
            raise Rejected("it sent a request before it had a session")
        waiting = self._waiting.get(client)
        if waiting is None or KINDS.get(read_request_header(frame)[1]) in _AT_ONCE:
            super().submit(client, frame, received_at)
            return
        self.sessions.touch(client.session_id, milliseconds(received_at))
        waiting.append(_Postponed(len(frame), frame, received_at))
        client.postpone(len(frame))

    def disconnected(self, client: Client) -> None:
        """The connection is closed: its watches and what it waits for are forgotten, but not its session."""
        super().disconnected(client)
        self._waiting.pop(client, None)
        for session_id, greeting in list(self._greetings.items()):
            if greeting.client is client:
                del self._greetings[session_id]

    def expire_sessions(self, now: float) -> None:
        """Close expired sessions, as of `now` (monotonic seconds), if this server leads."""
        if self._expire is not None:
            self._expire(now)

    def delete_expired(self) -> None:
        """Delete unused containers and znodes whose time to live is over, if this server leads."""
        if self._delete_expired is not None:
            self._delete_expired(self._expired_paths())

    def _open_session(self, greeting: Greeting) -> None:
        session_id = self.sessions.new_id()
        self._greetings[session_id] = greeting._replace(session_id=session_id)
        body = encode(CreateSessionTxn(greeting.timeout_ms))
        self._upstream.forward(LearnerRequest(session_id, 0, OpCode.CREATE_SESSION, body), ())

    def _resume_session(self, greeting: Greeting) -> None:
        if before := self._greetings.get(greeting.session_id):
            before.client.end("its client has reconnected")
        self._greetings[greeting.session_id] = greeting
        self._upstream.revalidate(SessionTimeout(greeting.session_id, greeting.timeout_ms))

    def _change(self, client: Client, kind: OpCode, xid: int, frame: bytes, received_at: float) -> None:
        read_request(kind, frame)  # invalid bytes close this connection, and affect nobody else
        self._forward(client, kind, xid, frame[_HEADER_SIZE:], received_at)

    def _end_session(self, client: Client, xid: int, received_at: float) -> None:
        self._forward(client, OpCode.CLOSE_SESSION, xid, b"", received_at)

    def _read(self, client: Client, kind: OpCode, xid: int, frame: bytes, received_at: float) -> None:
        if kind is OpCode.SYNC:
            request = cast("PathRequest", read_request(kind, frame))
            self._forward(client, kind, xid, frame[_HEADER_SIZE:], received_at, request.path)
        else:
            super()._read(client, kind, xid, frame, received_at)

    def _forward(self, client: Client, kind: OpCode, xid: int, body: bytes, received_at: float, path: str = "") -> None:
        # Before it is sent, as an ensemble of one server commits it at once.
        self._waiting.setdefault(client, deque()).append(_Forwarded(len(body), kind, xid, received_at, path))
        client.postpone(len(body))
        request = LearnerRequest(client.session_id, xid, kind, body)
        if kind is OpCode.SYNC:
            self._syncing.append(client)
            self._upstream.sync(request, client.identities)
        else:
            self._upstream.forward(request, client.identities)

    # From the leader, in the order of its history.

    def committed(self, header: TxnHeader, outcome: Outcome, events: list[Event]) -> None:
        """A transaction has been applied: notify watchers, and respond if it is from a client of this server."""
        self._fire(events)
        session_id = header.client_id
        if header.type == OpCode.CREATE_SESSION and (greeting := self._greetings.pop(session_id, None)):
            self.sessions.touch(session_id, milliseconds(greeting.received_at))
            self._greet(greeting)
        client = self.clients.get(session_id)
        if client is None:
            return
        waiting = self._waiting.get(client)
        first = waiting[0] if waiting else None
        if isinstance(first, _Forwarded) and first.xid == header.cxid and header.type in (first.kind, OpCode.ERROR):
            self._finish(client, outcome)
        elif header.type == OpCode.CLOSE_SESSION:
            self._hold(Delivery(client, b"", end="its session expired"))

    def synced(self) -> None:
        """The oldest `sync` of a client here is done; raises MarshallingError if there is none."""
        if not self._syncing:
            raise MarshallingError("SYNC answers no request")
        client = self._syncing.popleft()
        waiting = self._waiting.get(client)
        first = waiting[0] if waiting else None
        if isinstance(first, _Forwarded) and first.kind is OpCode.SYNC:
            self._finish(client, None)

    def revalidated(self, validity: SessionValidity) -> None:
        """Accept or reject the connection that asked for this session."""
        greeting = self._greetings.pop(validity.session_id, None)
        if greeting is None:
            return
        if validity.is_valid:
            self.sessions.touch(greeting.session_id, milliseconds(greeting.received_at), greeting.timeout_ms)
            self._greet(greeting)
        else:
            self._refuse(greeting)

    def _finish(self, client: Client, outcome: Outcome | None) -> None:
        """Respond to the first request that a client waits for, and process what was postponed behind it."""
        waiting = self._waiting[client]
        request = waiting.popleft()
        assert isinstance(request, _Forwarded)
        client.postpone(-request.size)
        _, kind, xid, received_at, path = request
        if outcome is None:
            self._answer_sync(client, path, xid, received_at)
        elif outcome.err == ErrorCode.SESSION_MOVED:
            client.end(f"session 0x{printed(client.session_id)} has moved to another server")
        elif kind is OpCode.CLOSE_SESSION and not outcome.err:
            self._part(client, xid, received_at)
        elif kind is OpCode.RECONFIG and outcome.stat is not None:
            self._answer_reconfig(client, xid, outcome.stat, received_at)
        else:
            self._respond(client, kind, xid, outcome, received_at)
        while waiting and isinstance(postponed := waiting[0], _Postponed):
            waiting.popleft()
            client.postpone(-postponed.size)
            self._submit_postponed(client, postponed)
        if not waiting:
            self._waiting.pop(client, None)

    def _submit_postponed(self, client: Client, postponed: _Postponed) -> None:
        try:
            super().submit(client, postponed.frame, postponed.received_at)
        except MarshallingError as error:
            client.end(str(error))

    def _answer_reconfig(self, client: Client, xid: int, stat: Stat, received_at: float) -> None:
        zxid = self._tree.last_zxid
        reply = reply_frame(xid, zxid, ErrorCode.OK, GetDataResponse(self._tree.node(CONFIG).data, stat))
        self._hold(Delivery(client, reply, OpCode.RECONFIG, xid, zxid, received_at))

    def _answer_sync(self, client: Client, path: str, xid: int, received_at: float) -> None:
        zxid = self._tree.last_zxid
        reply = reply_frame(xid, zxid, ErrorCode.OK, PathRequest(path))
        self._hold(Delivery(client, reply, OpCode.SYNC, xid, zxid, received_at))


def _deliver(delivery: Delivery) -> None:
    delivery.client.deliver(delivery)


def _never_append(_zxid: int, _entry: bytes) -> None:
    raise AssertionError("in an ensemble, only the leader's history is logged")
