"""Turns the requests of the whole ensemble's clients into the leader's proposals. Pure: no I/O, times are arguments.

    request -> check its session -> prepare, against what is proposed already -> LeaderState.propose

A request that fails is proposed as well, as an error, so that its client gets responses in order. Source:
org.apache.zookeeper.server.PrepRequestProcessor, org.apache.zookeeper.server.quorum.LeaderSessionTracker.
"""

import logging
from collections.abc import Callable, Sequence
from typing import cast

from pykafka_cli.model import Milliseconds, Timestamp
from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.leader_state import LeaderState
from pykafka_cli.zookeeper.ensemble.outstanding import OutstandingView
from pykafka_cli.zookeeper.ensemble.packets import LearnerRequest, SessionTimeout
from pykafka_cli.zookeeper.protocol.errors import (
    KeeperError,
    ReconfigInProgress,
    SessionExpired,
    SessionMoved,
    Unimplemented,
    UnknownSession,
)
from pykafka_cli.zookeeper.protocol.jute import JuteRecord, decode
from pykafka_cli.zookeeper.protocol.records import Id, Perms
from pykafka_cli.zookeeper.protocol.requests import OpCode, ReconfigRequest, read_request
from pykafka_cli.zookeeper.protocol.txn_records import (
    CloseSessionTxn,
    CreateSessionTxn,
    ErrorTxn,
    SetDataTxn,
    TxnHeader,
    encode_entry,
)
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.paths import CONFIG
from pykafka_cli.zookeeper.server.pipeline import CHANGES, KINDS, Limits
from pykafka_cli.zookeeper.server.sessions import Sessions, printed
from pykafka_cli.zookeeper.server.transactions import Requester, prepare, prepare_expiry

_log = logging.getLogger(__name__)

_NO_VERSION = -1  # /zookeeper/config keeps its own number in its data
_HEADER = bytes(8)  # read_request skips a client's header, which learners do not forward


class Proposer:
    """Turns requests into proposals; `owner` is the id of the server whose client sent the request."""

    def __init__(
        self,
        state: LeaderState,
        database: Database,
        sessions: Sessions,
        limits: Limits,
        now_ms: Callable[[], Timestamp],
        reconfigure: Callable[[ReconfigRequest], EnsembleConfiguration],
    ) -> None:
        """reconfigure    returns the configuration that a client requests, not numbered yet, or raises its error"""
        self._state = state
        self._tree = database.tree
        self._sessions = sessions
        self._limits = limits
        self._now_ms = now_ms
        self._reconfigure = reconfigure
        self._view = OutstandingView(database.tree)
        self._owners: dict[int, int] = {}
        """The server that each session moved to last, if it has sent something in this epoch."""

    def request(self, request: LearnerRequest, identities: Sequence[Id], owner: int, now: int) -> None:
        """Propose the transaction that a request asks for, or its error."""
        session_id, cxid, operation, body = request
        kind: int = operation
        quorum: EnsembleConfiguration | None = None
        try:
            if operation == OpCode.CREATE_SESSION:
                record: JuteRecord = decode(CreateSessionTxn, body)
                self._sessions.open(session_id, Milliseconds(cast("CreateSessionTxn", record).timeout_ms), now)
                self._owners[session_id] = owner
            elif operation == OpCode.CLOSE_SESSION:
                record = self._close_session(session_id)
            elif operation == OpCode.RECONFIG:
                self._check_session(session_id, owner)
                quorum = self._new_configuration(body, session_id, identities)
                record = SetDataTxn(CONFIG, str(quorum).encode(), _NO_VERSION)
            elif KINDS.get(operation) in CHANGES:
                self._check_session(session_id, owner)
                record = self._prepare(KINDS[operation], body, session_id, identities)
            else:
                raise Unimplemented(f"operation {operation} changes nothing")
        except KeeperError as error:
            _log.debug("Operation %d of session 0x%s failed: %s", operation, printed(session_id), error)
            kind, record = OpCode.ERROR, ErrorTxn(error.code)
        self._propose(session_id, cxid, kind, record, now, quorum)

    def revalidate(self, session: SessionTimeout, owner: int, now: int) -> bool:
        """Whether a session is open; it belongs to the server `owner` from now on."""
        is_valid = self._sessions.touch(session.session_id, now, Milliseconds(session.timeout_ms))
        if is_valid:
            self._owners[session.session_id] = owner
        return is_valid

    def touch(self, session: SessionTimeout, now: int) -> None:
        """Record that a learner reports a session as active."""
        self._sessions.touch(session.session_id, now, Milliseconds(session.timeout_ms))

    def expire_sessions(self, now: int) -> None:
        """Propose to close the sessions that have been silent for their timeout."""
        for session_id in self._sessions.expire(now):
            timeout_ms = self._sessions.timeout_ms(session_id)
            _log.info("Session 0x%s expired: no message from its client for %d ms", printed(session_id), timeout_ms)
            self._propose(session_id, 0, OpCode.CLOSE_SESSION, self._close_session(session_id), now)

    def delete_expired(self, paths: Sequence[str], now: int) -> None:
        """Propose to delete containers without children, and znodes whose time to live has passed."""
        for path in paths:
            try:
                record = prepare_expiry(path, self._view)
            except KeeperError:
                continue  # it is being deleted, or has a child again
            self._propose(0, 0, OpCode.DELETE_CONTAINER, record, now)

    def applied(self, header: TxnHeader) -> None:
        """A transaction has been committed and is in the tree."""
        self._view.applied(header.zxid)
        if header.type == OpCode.CLOSE_SESSION:
            self._sessions.remove(header.client_id)
            self._owners.pop(header.client_id, None)

    def _check_session(self, session_id: int, owner: int) -> None:
        try:
            self._sessions.check(session_id)
        except UnknownSession as error:
            raise SessionExpired(str(error)) from None
        if self._owners.setdefault(session_id, owner) != owner:
            raise SessionMoved(f"the session {session_id:#x} has moved to another server")

    def _prepare(self, kind: OpCode, body: bytes, session_id: int, identities: Sequence[Id]) -> JuteRecord:
        request = read_request(kind, _HEADER + body)
        return prepare(kind, request, self._requester(session_id, identities), self._view)

    def _requester(self, session_id: int, identities: Sequence[Id]) -> Requester:
        limits = self._limits
        return Requester(
            session_id,
            identities,
            limits.skip_acl,
            limits.authentication.schemes,
            limits.has_extended_types,
            limits.has_enforced_quotas,
        )

    def _new_configuration(self, body: bytes, session_id: int, identities: Sequence[Id]) -> EnsembleConfiguration:
        """The configuration to propose, with the number that it will have."""
        request = cast("ReconfigRequest", read_request(OpCode.RECONFIG, _HEADER + body))
        if self._state.is_reconfiguring:
            raise ReconfigInProgress("another configuration is being agreed on")
        configuration = self._reconfigure(request)
        self._requester(session_id, identities).authorize(self._view.facts(CONFIG).acl, Perms.WRITE, CONFIG)
        return configuration.with_version(self._state.last_proposed + 1)

    def _close_session(self, session_id: int) -> CloseSessionTxn:
        self._sessions.close(session_id)
        return CloseSessionTxn(self._view.ephemerals(session_id))

    def _propose(
        self,
        session_id: int,
        cxid: int,
        kind: int,
        record: JuteRecord,
        now: int,
        quorum: EnsembleConfiguration | None = None,
    ) -> None:
        def entry_of(zxid: int) -> bytes:
            header = TxnHeader(session_id, cxid, zxid, self._now_ms(), kind)
            return encode_entry(header, record, self._view.note(header, record))

        self._state.propose(entry_of, now, quorum)
