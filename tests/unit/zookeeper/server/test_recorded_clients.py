"""The recorded sessions of kazoo and of ZooKeeper's shell, played again: our answers are ZooKeeper's.

Every request goes to our pipeline in the recorded order; what each connection is answered must be what it was answered
then, but for times, and for session ids, which are compared by which session they mean, and for the order of children.
"""

from typing import Any

from pykafka_cli.zookeeper.protocol.jute import Reader, decode, read
from pykafka_cli.zookeeper.protocol.records import Stat
from pykafka_cli.zookeeper.protocol.requests import (
    ConnectResponse,
    GetChildren2Response,
    GetChildrenResponse,
    OpCode,
    ReplyHeader,
    WatcherEvent,
    WhoAmIResponse,
    read_connect_request,
    read_response,
)
from pykafka_cli.zookeeper.server.sessions import password_of
from tests.support.zookeeper.frames import END, Frame, history
from tests.support.zookeeper.pipeline import FakeClient, PipelineServer


class Replay:
    """A server compared with the recorded one; `ours` maps the recorded sessions to ours."""

    def __init__(self) -> None:
        self.server = PipelineServer(min_session_timeout_ms=4000, max_session_timeout_ms=40_000)
        self.clients: dict[int, FakeClient] = {}
        self.kinds: dict[int, list[OpCode]] = {}
        self.ours = {0: 0}

    def request(self, frame: Frame) -> None:
        client = self.clients.setdefault(frame.connection, FakeClient())
        if frame.kind is not None:
            self.kinds.setdefault(frame.connection, []).append(frame.kind)
            self.server.pipeline.submit(client, frame.body, 0.0)
            return
        request, read_only = read_connect_request(frame.body)
        if request.session_id:
            session_id = self.ours[request.session_id]
            request = request._replace(session_id=session_id, password=password_of(session_id))
        self.server.pipeline.connect(client, request, read_only, 0.0)

    def answers(self, frame: Frame) -> tuple[Any, Any]:
        """The recorded frame and our next one on its connection, both decoded and made comparable."""
        ours = self.clients[frame.connection].received()
        assert ours is not None, f"nothing was sent where ZooKeeper sent {frame}"
        if frame.operation == "connect":
            theirs = decode(ConnectResponse, frame.body)
            response = decode(ConnectResponse, ours)
            self.ours[theirs.session_id] = response.session_id
            return theirs._replace(session_id=0, password=b""), response._replace(session_id=0, password=b"")
        if frame.operation == "notification":
            return event(frame.body), event(ours)
        kind = self.kinds[frame.connection].pop(0)
        assert kind is frame.kind
        return self.comparable(read_response(kind, frame.body)), self.comparable(read_response(kind, ours))

    def comparable(self, value: Any) -> Any:
        """Without times and the order of children; sessions of theirs as ours."""
        if isinstance(value, Stat):
            owner = self.ours.get(value.ephemeral_owner, value.ephemeral_owner)
            return value._replace(ctime=0, mtime=0, ephemeral_owner=owner)
        if isinstance(value, GetChildrenResponse | GetChildren2Response):
            value = value._replace(children=tuple(sorted(value.children)))
        if isinstance(value, WhoAmIResponse):
            value = value._replace(clients=tuple(sorted(value.clients)))
        if isinstance(value, tuple):
            return tuple(self.comparable(each) for each in value)
        return value


def event(body: bytes) -> tuple[ReplyHeader, WatcherEvent]:
    reader = Reader(body)
    return read(ReplyHeader, reader), read(WatcherEvent, reader)


def test_every_recorded_request_is_answered_as_zookeeper_answered_it() -> None:
    recorded = [frame for frame in history("zookeeper-clients") if frame.connection != 1]  # that one got no response
    replay = Replay()

    for frame in recorded:
        if frame.operation == END:
            replay.server.pipeline.disconnected(replay.clients[frame.connection])
        elif frame.is_request:
            replay.request(frame)
        else:
            theirs, ours = replay.answers(frame)
            assert ours == theirs, frame.operation

    assert len(recorded) > 220
    assert all(client.received() is None for client in replay.clients.values())
    assert len(replay.server.pipeline.watches) == 0
    asked_for_a_closed_session = replay.clients[6]
    assert "is gone" in (asked_for_a_closed_session.ended or "")
