"""Which transactions of the leader answer which requests of a server's clients."""

from collections.abc import Sequence

import pytest

from pykafka_cli.model import Milliseconds
from pykafka_cli.zookeeper.ensemble.packets import LearnerRequest, SessionTimeout
from pykafka_cli.zookeeper.ensemble.requests import Requests
from pykafka_cli.zookeeper.protocol.errors import ErrorCode
from pykafka_cli.zookeeper.protocol.jute import JuteRecord, encode
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, Id
from pykafka_cli.zookeeper.protocol.requests import (
    ConnectRequest,
    CreateRequest,
    CreateResponse,
    OpCode,
    read_connect_request,
    read_response,
    request_frame,
)
from pykafka_cli.zookeeper.protocol.txn_records import (
    CloseSessionTxn,
    CreateSessionTxn,
    CreateTxn,
    ErrorTxn,
    TxnHeader,
)
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.pipeline import Limits
from pykafka_cli.zookeeper.server.sessions import Sessions
from tests.fakes.clock import FakeClock
from tests.support.zookeeper.pipeline import TICK_MS, FakeClient


class Server:
    """A server without a leader: a test plays what is committed. It is the Upstream of its own requests."""

    def __init__(self) -> None:
        self.forwarded: list[LearnerRequest] = []
        self.database = Database()
        self.clock = FakeClock()
        sessions = Sessions(TICK_MS, self.database.timeouts, now_ms=0, wall_ms=self.clock.now_ms())
        limits = Limits(Milliseconds(2000), Milliseconds(20_000))
        self.requests = Requests(self.database, sessions, limits, self, now_ms=self.clock.now_ms)

    def forward(self, request: LearnerRequest, identities: Sequence[Id]) -> None:
        del identities
        self.forwarded.append(request)

    def sync(self, request: LearnerRequest, identities: Sequence[Id]) -> None:
        raise AssertionError(f"nobody syncs: {request}, {identities}")

    def revalidate(self, session: SessionTimeout) -> None:
        raise AssertionError(f"nobody comes back: {session}")

    def client(self) -> FakeClient:
        client = FakeClient()
        greeting = encode(ConnectRequest(0, 0, 4000, 0, bytes(16))) + b"\0"
        self.requests.connect(client, *read_connect_request(greeting), self.clock.monotonic())
        session_id = self.forwarded.pop().session_id
        self.commit(session_id, 0, OpCode.CREATE_SESSION, CreateSessionTxn(4000))
        assert client.received() is not None
        return client

    def ask_to_create(self, client: FakeClient, xid: int) -> None:
        frame = request_frame(xid, OpCode.CREATE, CreateRequest("/n", b"", OPEN_ACL, 0))
        self.requests.submit(client, frame[4:], self.clock.monotonic())
        assert self.forwarded.pop().cxid == xid

    def commit(self, session_id: int, xid: int, kind: OpCode, record: JuteRecord) -> None:
        header = TxnHeader(session_id, xid, self.database.tree.last_zxid + 1, 1, kind)
        outcome = self.database.apply(header, record, [])
        self.requests.committed(header, outcome, [])


@pytest.fixture
def server() -> Server:
    return Server()


def test_a_request_is_answered_by_what_came_of_it(server: Server) -> None:
    client = server.client()
    server.ask_to_create(client, 7)

    server.commit(client.session_id, 7, OpCode.CREATE, CreateTxn("/n", b"", OPEN_ACL, False, 1))

    header, answer = read_response(OpCode.CREATE, client.received() or b"")
    assert (header.xid, header.err, answer) == (7, 0, CreateResponse("/n"))


def test_an_error_is_an_answer(server: Server) -> None:
    client = server.client()
    server.ask_to_create(client, 7)

    server.commit(client.session_id, 7, OpCode.ERROR, ErrorTxn(ErrorCode.NODE_EXISTS))

    header, _ = read_response(OpCode.CREATE, client.received() or b"")
    assert (header.xid, header.err) == (7, ErrorCode.NODE_EXISTS)


def test_another_connections_end_of_the_session_answers_no_request_with_the_same_number(server: Server) -> None:
    client = server.client()
    server.ask_to_create(client, 1)

    server.commit(client.session_id, 1, OpCode.CLOSE_SESSION, CloseSessionTxn(()))

    assert client.received() is None
    assert client.ended == "its session expired"
