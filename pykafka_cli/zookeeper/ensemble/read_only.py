"""Requests on a server that has lost the majority: reads, for clients that accept old data (readonlymode.enabled).

Sessions are local to this server and end with the mode; an earlier session is rejected, since the majority may keep or
end it. ZooKeeper 3.8 accepts nobody unless localSessionsEnabled is set; here, clients that ask for a read-only server
are accepted.
Source: org.apache.zookeeper.server.quorum.{ReadOnlyZooKeeperServer, ReadOnlyRequestProcessor}.
"""

from collections.abc import Callable

from pykafka_cli.model import Timestamp
from pykafka_cli.zookeeper.protocol.errors import ErrorCode
from pykafka_cli.zookeeper.protocol.requests import ConnectRequest, OpCode, reply_frame
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.pipeline import Client, Delivery, Greeting, Limits, Pipeline, Rejected, milliseconds
from pykafka_cli.zookeeper.server.sessions import Sessions

_OF_A_MAJORITY = frozenset((OpCode.SYNC, OpCode.CHECK))


class ReadOnlyRequests(Pipeline):
    """Answers reads from a tree that nobody changes."""

    is_read_only = True

    def __init__(
        self, database: Database, sessions: Sessions, limits: Limits, *, now_ms: Callable[[], Timestamp]
    ) -> None:
        """sessions    of this server only; none yet"""
        super().__init__(database, sessions, limits, append=_never_append, hold=_deliver, now_ms=now_ms)

    def connect(self, client: Client, request: ConnectRequest, read_only: bool | None, received_at: float) -> None:
        """Give the connection a session if its client accepts a read-only server; raises Rejected."""
        if not read_only:
            raise Rejected("this server has lost the majority, and the client does not accept a read-only server")
        super().connect(client, request, read_only, received_at)

    def delete_expired(self) -> None:
        """Do nothing: that would be a change."""

    def _open_session(self, greeting: Greeting) -> None:
        session_id = self.sessions.new_id()
        self.sessions.open(session_id, greeting.timeout_ms, milliseconds(greeting.received_at))
        self._greet(greeting._replace(session_id=session_id))

    def _resume_session(self, greeting: Greeting) -> None:
        if not self.sessions.touch(greeting.session_id, milliseconds(greeting.received_at), greeting.timeout_ms):
            raise Rejected("its session is from before this server lost the majority")
        self._greet(greeting)

    def _change(self, client: Client, kind: OpCode, xid: int, frame: bytes, received_at: float) -> None:  # noqa: ARG002
        zxid = self._tree.last_zxid
        reply = reply_frame(xid, zxid, ErrorCode.NOT_READ_ONLY)
        self._hold(Delivery(client, reply, kind, xid, zxid, received_at))

    def _read(self, client: Client, kind: OpCode, xid: int, frame: bytes, received_at: float) -> None:
        if kind in _OF_A_MAJORITY:
            self._change(client, kind, xid, frame, received_at)
        else:
            super()._read(client, kind, xid, frame, received_at)

    def _close_session(self, session_id: int, xid: int) -> None:  # noqa: ARG002
        self.sessions.remove(session_id)


def _deliver(delivery: Delivery) -> None:
    delivery.client.deliver(delivery)


def _never_append(_zxid: int, _entry: bytes) -> None:
    raise AssertionError("nothing changes in read-only mode")
