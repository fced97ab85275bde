"""A pipeline without network and disk: what is held is delivered at once, or when the test says so."""

from collections.abc import Callable
from typing import Any

from pykafka_cli.model import Milliseconds
from pykafka_cli.zookeeper.protocol.framing import FrameReader
from pykafka_cli.zookeeper.protocol.jute import JuteRecord, Reader, decode, encode, read
from pykafka_cli.zookeeper.protocol.records import Id
from pykafka_cli.zookeeper.protocol.requests import (
    ConnectRequest,
    ConnectResponse,
    OpCode,
    ReplyHeader,
    WatcherEvent,
    read_connect_request,
    read_response,
    request_frame,
)
from pykafka_cli.zookeeper.protocol.txn_records import Entry, decode_entry
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.digest_md5 import DigestMd5Server
from pykafka_cli.zookeeper.server.pipeline import Delivery, Limits, Pipeline
from pykafka_cli.zookeeper.server.sessions import Sessions
from tests.fakes.clock import FakeClock

TICK_MS = Milliseconds(1000)


class FakeClient:
    """A connection that keeps what it is sent; `ended` says why it was closed."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.session_id = 0
        self.identities = [Id("ip", address)]
        self.login: DigestMd5Server | None = None
        self.expected = 0
        self.postponed = 0
        self.takes_requests = True
        self.ended: str | None = None
        self._reader = FrameReader(1 << 24)

    def expect(self, size: int, *, last: bool) -> None:
        self.expected += size
        self.takes_requests = self.takes_requests and not last

    def deliver(self, delivery: Delivery) -> None:
        self.expected -= len(delivery.frame)
        self._reader.feed(delivery.frame)
        if delivery.end is not None:
            self.end(delivery.end)

    def postpone(self, size: int) -> None:
        self.postponed += size

    def end(self, reason: str) -> None:
        self.ended = reason

    def received(self) -> bytes | None:
        """The next frame it was sent."""
        return self._reader.take()

    def event(self) -> tuple[int, str] | None:
        """The next frame as (event type, path); None if there is none."""
        frame = self.received()
        if frame is None:
            return None
        reader = Reader(frame)
        assert read(ReplyHeader, reader) == ReplyHeader(-1, -1, 0)
        kind, state, path = read(WatcherEvent, reader)
        assert state == 3
        return kind, path


class PipelineServer:
    """A pipeline, its clients and its log."""

    def __init__(self, database: Database | None = None, **limits: Any) -> None:
        self.clock = FakeClock()
        self.database = database or Database()
        self.log: list[Entry] = []
        self.on_entry: Callable[[Entry], None] = self.log.append
        self.held: list[Delivery] | None = None
        sessions = Sessions(TICK_MS, self.database.timeouts, now_ms=0, wall_ms=self.clock.now_ms())
        self.pipeline = Pipeline(
            self.database,
            sessions,
            Limits(**{"min_session_timeout_ms": 2000, "max_session_timeout_ms": 20_000, **limits}),
            append=self._append,
            hold=self._hold,
            now_ms=self.clock.now_ms,
        )

    def client(self, timeout_ms: int = 4000) -> FakeClient:
        """A client with a new session."""
        client = FakeClient()
        assert self.connect(client, ConnectRequest(0, 0, timeout_ms, 0, bytes(16))).session_id == client.session_id
        return client

    def connect(self, client: FakeClient, request: ConnectRequest) -> ConnectResponse:
        self.pipeline.connect(client, *read_connect_request(encode(request) + b"\0"), self.clock.monotonic())
        frame = client.received()
        assert frame is not None
        return decode(ConnectResponse, frame)

    def send(self, client: FakeClient, kind: OpCode, record: JuteRecord, xid: int = 1) -> None:
        """Submit a request and leave what comes of it to the client."""
        self.pipeline.submit(client, request_frame(xid, kind, record)[4:], self.clock.monotonic())

    def ask(self, client: FakeClient, kind: OpCode, record: JuteRecord) -> tuple[int, JuteRecord]:
        """(err, answer) of a request; the response must be the next thing that the client is sent."""
        self.send(client, kind, record)
        frame = client.received()
        assert frame is not None
        header, answer = read_response(kind, frame)
        assert header.zxid == (self.database.tree.last_zxid if kind not in (OpCode.AUTH, OpCode.SASL) else 0)
        return header.err, answer

    def hold(self) -> None:
        """Deliver nothing until `release`, as while the log is being written."""
        self.held = []

    def release(self) -> None:
        held, self.held = self.held or [], None
        for delivery in held:
            delivery.client.deliver(delivery)

    def _append(self, zxid: int, framed: bytes) -> None:
        entry = decode_entry(framed[12:-1])
        assert entry.header.zxid == zxid
        self.on_entry(entry)

    def _hold(self, delivery: Delivery) -> None:
        if self.held is None:
            delivery.client.deliver(delivery)
        else:
            self.held.append(delivery)
