"""The path of a request: check it, turn it into a transaction, apply, log, respond.

    a read      reads.answer -------------------------------------------------> hold(response)
    a change    transactions.prepare -> Database.apply -> append(log entry) --> hold(watch events, answer)

A held item is sent when everything before it is durable (group_commit.py). A request runs from its check to its
effect without a pause, so none sees another half done. Events are held before the response of the request that
caused them, and before any response that shows its effect: ZooKeeper's order guarantees. A failed change is also a
transaction, and has a zxid. In an ensemble the steps of a change are apart, as others decide with it: see
ensemble/requests.py, which overrides the methods that open, resume and end sessions, and that change.
Source: org.apache.zookeeper.server.{PrepRequestProcessor, SyncRequestProcessor, FinalRequestProcessor}.
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, cast

from pykafka_cli.model import Milliseconds, Timestamp
from pykafka_cli.zookeeper.protocol.errors import AuthFailed, ErrorCode, KeeperError
from pykafka_cli.zookeeper.protocol.jute import JuteRecord
from pykafka_cli.zookeeper.protocol.records import EventType, Id, Perms
from pykafka_cli.zookeeper.protocol.requests import (
    AUTH_XID,
    NOTIFICATION_XID,
    REQUESTS,
    AuthPacket,
    ConnectRequest,
    ConnectResponse,
    Create2Response,
    CreateResponse,
    Empty,
    ErrorResponse,
    MultiResponse,
    OpCode,
    Operation,
    SaslToken,
    SetWatches,
    SetWatches2,
    StatResponse,
    WatcherEvent,
    connect_response_frame,
    read_request,
    read_request_header,
    reply_frame,
)
from pykafka_cli.zookeeper.protocol.txn_records import (
    CloseSessionTxn,
    CreateSessionTxn,
    ErrorTxn,
    TxnHeader,
    encode_entry,
)
from pykafka_cli.zookeeper.server import acl
from pykafka_cli.zookeeper.server.authentication import Authentication
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.digest_md5 import DigestMd5Server, LoginRefused
from pykafka_cli.zookeeper.server.reads import Reading, answer, missed_events
from pykafka_cli.zookeeper.server.sessions import Sessions, password_of, printed
from pykafka_cli.zookeeper.server.transactions import Requester, TreeView, prepare, prepare_expiry
from pykafka_cli.zookeeper.server.tree import Event, Outcome
from pykafka_cli.zookeeper.server.txn_log import frame_entry
from pykafka_cli.zookeeper.server.watches import Watches

_log = logging.getLogger(__name__)

_SYNC_CONNECTED = 3  # the only state of a client that a server sends
KINDS: Mapping[int, OpCode] = {kind.value: kind for kind in REQUESTS}
CHANGES = frozenset(
    (
        OpCode.CREATE,
        OpCode.CREATE2,
        OpCode.CREATE_CONTAINER,
        OpCode.CREATE_TTL,
        OpCode.DELETE,
        OpCode.SET_DATA,
        OpCode.SET_ACL,
        OpCode.MULTI,
        OpCode.RECONFIG,
    )
)


class Client(Protocol):
    """What the pipeline needs of a connection. Hashable by identity: it is also the watcher."""

    session_id: int
    identities: list[Id]
    login: DigestMd5Server | None
    """The login that it has begun."""

    def expect(self, size: int, *, last: bool) -> None:
        """Note that `size` bytes will be delivered later; after the `last` ones, no request is read."""

    def deliver(self, delivery: "Delivery") -> None:
        """Send what was expected, and close the connection if the delivery has a reason."""

    def postpone(self, size: int) -> None:
        """Count bytes of requests that wait for the outcome of earlier ones; negative ones do so no longer."""

    def end(self, reason: str) -> None:
        """Close the connection now."""


class Delivery(NamedTuple):
    """A frame for a client. `kind` is None for events; `end` is the reason to close the connection afterwards."""

    client: Client
    frame: bytes
    kind: OpCode | None = None
    xid: int = 0
    zxid: int = 0
    received_at: float = 0.0
    end: str | None = None


class Greeting(NamedTuple):
    """A connection that asks for a session: a new one (0), or the one with that id and the right password."""

    client: Client
    session_id: int
    timeout_ms: Milliseconds
    with_read_only: bool
    received_at: float


class Limits(NamedTuple):
    """What sessions may request, who they are, and whether ACLs hold."""

    min_session_timeout_ms: Milliseconds
    max_session_timeout_ms: Milliseconds
    authentication: Authentication = Authentication()
    skip_acl: bool = False
    has_extended_types: bool = False
    has_enforced_quotas: bool = False
    max_never_used_ms: Milliseconds = Milliseconds(0)
    """How long a container may have had no child yet; 0: forever."""


class Rejected(Exception):
    """A connection must be closed without a response; the message says why."""


class Pipeline:
    """Processes requests one at a time, each completely.

    append     takes a zxid and a log entry to be made durable
    hold       takes what to deliver once everything appended so far is durable
    now_ms     the wall clock, for znodes' times
    """

    is_read_only = False
    """Whether nothing can be changed, as clients learn from their session."""

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        limits: Limits,
        *,
        append: Callable[[int, bytes], None],
        hold: Callable[[Delivery], None],
        now_ms: Callable[[], Timestamp],
    ) -> None:
        self.database = database
        self.sessions = sessions
        self.watches: Watches[Client] = Watches()
        self.clients: dict[int, Client] = {}
        """The connection of each session that has one."""
        self._tree = database.tree
        self._limits = limits
        self._authentication = limits.authentication
        self._append = append
        self._hold_delivery = hold
        self._now_ms = now_ms

    def connect(self, client: Client, request: ConnectRequest, read_only: bool | None, received_at: float) -> None:
        """Give the connection a new session, or the requested one; raises Rejected."""
        if request.last_zxid_seen > self._tree.last_zxid:
            raise Rejected(
                f"it has seen transaction 0x{request.last_zxid_seen:x}, the last one here is "
                f"0x{self._tree.last_zxid:x}: it comes from another ensemble, or data was lost"
            )
        lowest, highest = self._limits.min_session_timeout_ms, self._limits.max_session_timeout_ms
        timeout_ms = Milliseconds(min(max(request.timeout_ms, lowest), highest))
        greeting = Greeting(client, request.session_id, timeout_ms, read_only is not None, received_at)
        if request.session_id == 0:
            self._open_session(greeting)
        elif request.password != password_of(request.session_id):
            self._refuse(greeting)
        else:
            self._resume_session(greeting)

    def _open_session(self, greeting: "Greeting") -> None:
        session_id = self.sessions.new_id()
        self.sessions.open(session_id, greeting.timeout_ms, milliseconds(greeting.received_at))
        self._commit(session_id, 0, OpCode.CREATE_SESSION, CreateSessionTxn(greeting.timeout_ms))
        self._greet(greeting._replace(session_id=session_id))

    def _resume_session(self, greeting: "Greeting") -> None:
        if self.sessions.touch(greeting.session_id, milliseconds(greeting.received_at), greeting.timeout_ms):
            self._greet(greeting)
        else:
            self._refuse(greeting)

    def _greet(self, greeting: "Greeting") -> None:
        """The session belongs to this connection from now on."""
        client, session_id, timeout_ms, with_read_only, received_at = greeting
        if before := self.clients.get(session_id):
            self.disconnected(before)  # its watches must not send to a connection that is no longer read
            before.end("its client has reconnected")
        client.session_id = session_id
        self.clients[session_id] = client
        agreed = ConnectResponse(0, timeout_ms, session_id, password_of(session_id))
        frame = connect_response_frame(agreed, with_read_only=with_read_only, is_read_only=self.is_read_only)
        self._hold(Delivery(client, frame, OpCode.CREATE_SESSION, 0, self._tree.last_zxid, received_at))

    def _refuse(self, greeting: "Greeting") -> None:
        gone = ConnectResponse(0, 0, 0, bytes(16))
        frame = connect_response_frame(gone, with_read_only=greeting.with_read_only)
        reason = f"session 0x{printed(greeting.session_id)} is gone or the password is wrong"
        self._hold(Delivery(greeting.client, frame, end=reason))

    def submit(self, client: Client, frame: bytes, received_at: float) -> None:
        """Process a request frame; raises MarshallingError if it is invalid, and the connection must end."""
        xid, number = read_request_header(frame)
        self.sessions.touch(client.session_id, milliseconds(received_at))
        kind = KINDS.get(number)
        if kind is None:
            reply = reply_frame(xid, self._tree.last_zxid, ErrorCode.UNIMPLEMENTED)
            self._hold(Delivery(client, reply, end=f"it sent operation {number}, which this server does not support"))
        elif kind is OpCode.AUTH:
            self._authenticate(client, cast("AuthPacket", read_request(kind, frame)), received_at)
        elif kind is OpCode.SASL:
            self._log_in(client, xid, cast("SaslToken", read_request(kind, frame)).token or b"", received_at)
        elif not self._authentication.serves(client.identities):
            reply = reply_frame(xid, 0, ErrorCode.SESSION_CLOSED_REQUIRE_SASL_AUTH)
            schemes = ", ".join(sorted(self._authentication.required))
            self._hold(
                Delivery(client, reply, OpCode.AUTH, xid, 0, received_at, f"it has not authenticated by {schemes}")
            )
        elif kind in CHANGES:
            self._change(client, kind, xid, frame, received_at)
        elif kind is OpCode.CLOSE_SESSION:
            self._end_session(client, xid, received_at)
        else:
            self._read(client, kind, xid, frame, received_at)

    def disconnected(self, client: Client) -> None:
        """The connection is closed: remove its watches; its session stays until it expires."""
        self.watches.remove_watcher(client)
        if self.clients.get(client.session_id) is client:
            del self.clients[client.session_id]

    def expire_sessions(self, now: float) -> None:
        """Close expired sessions, as of `now` (monotonic seconds)."""
        for session_id in self.sessions.expire(milliseconds(now)):
            timeout_ms = self.sessions.timeout_ms(session_id)
            _log.info("Session 0x%s expired: no message from its client for %d ms", printed(session_id), timeout_ms)
            client = self.clients.get(session_id)
            self._close_session(session_id, 0)
            if client is not None:
                self._hold(Delivery(client, b"", end="its session expired"))

    def delete_expired(self) -> None:
        """Delete the containers whose children are all gone, and znodes whose time to live is over."""
        for path in self._expired_paths():
            try:
                record = prepare_expiry(path, TreeView(self._tree))
            except KeeperError:
                continue  # it was a child of another one, or has a child again
            self._commit(0, 0, OpCode.DELETE_CONTAINER, record)

    def _expired_paths(self) -> list[str]:
        tree, limits, now_ms = self._tree, self._limits, self._now_ms()
        expired = list(tree.unused_containers(now_ms, limits.max_never_used_ms))
        if limits.has_extended_types:
            expired += tree.expired(now_ms)
        return expired

    def _change(self, client: Client, kind: OpCode, xid: int, frame: bytes, received_at: float) -> None:
        record: JuteRecord
        try:
            self.sessions.check(client.session_id)
            record = prepare(kind, read_request(kind, frame), self._requester(client), TreeView(self._tree))
        except KeeperError as error:
            _log.debug("%s of session 0x%s failed: %s", kind.name, printed(client.session_id), error)
            outcome = self._commit(client.session_id, xid, OpCode.ERROR, ErrorTxn(error.code))
        else:
            outcome = self._commit(client.session_id, xid, kind, record)
        self._respond(client, kind, xid, outcome, received_at)

    def _respond(self, client: Client, kind: OpCode, xid: int, outcome: Outcome, received_at: float) -> None:
        """Hold the response to a change."""
        zxid = self._tree.last_zxid
        if outcome.type == OpCode.MULTI:
            reply = reply_frame(xid, zxid, ErrorCode.OK, MultiResponse(tuple(map(_operation, outcome.results))))
        else:
            reply = reply_frame(xid, zxid, outcome.err, None if outcome.err else _result(outcome))
        self._hold(Delivery(client, reply, kind, xid, zxid, received_at))

    def _read(self, client: Client, kind: OpCode, xid: int, frame: bytes, received_at: float) -> None:
        zxid = self._tree.last_zxid
        try:
            self.sessions.check(client.session_id)
            request = read_request(kind, frame)
            reading = Reading(self._tree, self.watches, client, self._requester(client))
            if isinstance(request, SetWatches | SetWatches2):
                for event_type, path in missed_events(request, reading):
                    self._hold(Delivery(client, _event_frame(event_type, path)))
                reply = reply_frame(xid, zxid, ErrorCode.OK)
            else:
                reply = reply_frame(xid, zxid, ErrorCode.OK, answer(kind, request, reading))
        except KeeperError as error:
            reply = reply_frame(xid, zxid, error.code)
        self._hold(Delivery(client, reply, kind, xid, zxid, received_at))

    def _authenticate(self, client: Client, packet: AuthPacket, received_at: float) -> None:
        err, end = ErrorCode.OK, None
        try:
            proven = self._authentication.by_packet(packet.scheme, packet.auth or b"", client.identities)
            client.identities += [identity for identity in proven if identity not in client.identities]
        except AuthFailed as error:
            err, end = error.code, f"its authentication failed: {error}"
        self._hold(Delivery(client, reply_frame(AUTH_XID, 0, err), OpCode.AUTH, AUTH_XID, 0, received_at, end))

    def _log_in(self, client: Client, xid: int, token: bytes, received_at: float) -> None:
        """One step of a login by SASL."""
        authentication = self._authentication
        err, answer, end = ErrorCode.OK, b"", None
        try:
            if authentication.passwords is None:
                raise LoginRefused("this server has no JAAS entry with users who might log in")
            if client.login is None:
                client.login = DigestMd5Server(authentication.passwords, secrets.token_urlsafe(24))
            answer = client.login.respond(token)
            if client.login.user is not None:
                client.identities += authentication.by_login(client.login.user)
        except LoginRefused as refused:
            is_needed = "sasl" in authentication.required
            err = ErrorCode.SESSION_CLOSED_REQUIRE_SASL_AUTH if is_needed else ErrorCode.AUTH_FAILED
            end = f"its login failed: {refused}"
        reply = reply_frame(xid, 0, err, SaslToken(None if err else answer))
        self._hold(Delivery(client, reply, OpCode.SASL, xid, 0, received_at, end))

    def _end_session(self, client: Client, xid: int, received_at: float) -> None:
        self._close_session(client.session_id, xid)
        self._part(client, xid, received_at)

    def _part(self, client: Client, xid: int, received_at: float) -> None:
        """Hold the response to a client that has closed its session."""
        zxid = self._tree.last_zxid
        reply = reply_frame(xid, zxid, ErrorCode.OK)
        self._hold(Delivery(client, reply, OpCode.CLOSE_SESSION, xid, zxid, received_at, "it has closed its session"))

    def _close_session(self, session_id: int, xid: int) -> None:
        paths = tuple(self._tree.ephemerals.get(session_id, ()))
        self._commit(session_id, xid, OpCode.CLOSE_SESSION, CloseSessionTxn(paths))
        self.sessions.remove(session_id)

    def _commit(self, session_id: int, xid: int, kind: OpCode, record: JuteRecord) -> Outcome:
        """Apply a transaction, log it, and hold the events of watches."""
        tree = self._tree
        header = TxnHeader(session_id, xid, tree.last_zxid + 1, self._now_ms(), kind)
        events: list[Event] = []
        outcome = self.database.apply(header, record, events)
        self._append(header.zxid, frame_entry(encode_entry(header, record, tree.digest)))
        self._fire(events)
        return outcome

    def _fire(self, events: list[Event]) -> None:
        """Hold the events for the watches that they fire."""
        for event in events:
            watchers = self.watches.fire(event.type, event.path)
            if watchers:
                frame = _event_frame(event.type, event.path)
                for watcher in watchers:
                    if self._may_know(watcher, event):
                        self._hold(Delivery(watcher, frame))

    def _may_know(self, watcher: Client, event: Event) -> bool:
        return self._limits.skip_acl or not event.acl or acl.allows(event.acl, Perms.READ, watcher.identities)

    def _requester(self, client: Client) -> Requester:
        limits = self._limits
        return Requester(
            client.session_id,
            client.identities,
            limits.skip_acl,
            self._authentication.schemes,
            limits.has_extended_types,
            limits.has_enforced_quotas,
        )

    def _hold(self, delivery: Delivery) -> None:
        delivery.client.expect(len(delivery.frame), last=delivery.end is not None)
        self._hold_delivery(delivery)


def _result(outcome: Outcome) -> JuteRecord | None:
    """The response to a successful change; None: only a header."""
    kind, path, stat = outcome.type, outcome.path, outcome.stat
    if path is None or stat is None:
        return None
    if kind == OpCode.CREATE:
        return CreateResponse(path)
    if kind in (OpCode.CREATE2, OpCode.CREATE_CONTAINER, OpCode.CREATE_TTL):
        return Create2Response(path, stat)
    return StatResponse(stat)


def _operation(outcome: Outcome) -> Operation:
    """The result of one operation of a multi."""
    if outcome.type == OpCode.ERROR:
        return Operation(OpCode.ERROR, ErrorResponse(outcome.err))
    record = _result(outcome) or Empty()
    return Operation(OpCode.CREATE2 if isinstance(record, Create2Response) else OpCode(outcome.type), record)


def _event_frame(event_type: EventType, path: str) -> bytes:
    return reply_frame(NOTIFICATION_XID, -1, ErrorCode.OK, WatcherEvent(event_type, _SYNC_CONNECTED, path))


def milliseconds(moment: float) -> int:
    return int(moment * 1000)
