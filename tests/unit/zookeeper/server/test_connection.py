"""Connections as the network sees them: real sockets, hostile peers."""

import logging
from pathlib import Path

import pytest

from pykafka_cli.repeated_lines import INTERVAL_S
from pykafka_cli.zookeeper.protocol.framing import frame
from pykafka_cli.zookeeper.protocol.jute import encode
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, AddWatchMode
from pykafka_cli.zookeeper.protocol.requests import (
    AddWatchRequest,
    ConnectRequest,
    CreateRequest,
    Empty,
    OpCode,
    SaslToken,
    SetDataRequest,
    WatchableRequest,
    request_frame,
)
from pykafka_cli.zookeeper.server import connection
from pykafka_cli.zookeeper.server.server import ZooKeeperServer
from tests.fakes.clock import FakeClock
from tests.support.event_loop import until
from tests.support.zookeeper.raw_client import RawClient
from tests.support.zookeeper.secured import login_file
from tests.support.zookeeper.starting import StartServer


async def is_served(server: ZooKeeperServer) -> bool:
    """Whether somebody else is still answered."""
    client = await RawClient.with_session(server.port)
    return (await client.ask(OpCode.EXISTS, WatchableRequest("/", False)))[0] == 0


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "a frame of 1195725856 bytes was announced"),
        (b"\xff\xff\xff\xff", "a frame of -1 bytes"),
        (b"\x00\x10\x00\x00", "a frame of 1048576 bytes was announced, the limit before there is a session is 4096"),
        (b"\x00\x00\x00\x04abcd", "bytes expected"),
        (b"nope", "a frame of 1852797029 bytes"),
    ],
)
async def test_what_is_no_connect_request_ends_its_connection_only(
    server: ZooKeeperServer, caplog: pytest.LogCaptureFixture, sent: bytes, reason: str
) -> None:
    caplog.set_level(logging.INFO)
    client = await RawClient.open(server.port)

    client.writer.write(sent)

    assert await client.rest() == b""
    assert reason in caplog.text
    assert await is_served(server)


async def test_a_scanner_adds_two_lines_a_minute_to_the_log(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = FakeClock()
    server = await start_server(clock)
    for _ in range(20):
        client = await RawClient.open(server.port)
        client.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await client.rest() == b""
    assert caplog.text.count("Closing connection /127.0.0.1:") == 1

    clock.advance(INTERVAL_S)

    assert "19 more from 127.0.0.1 in the last minute, the last: Closing connection /127.0.0.1:" in caplog.text
    assert caplog.text.count("Closing connection /127.0.0.1:") == 2


async def test_what_is_no_request_ends_its_connection_only(
    server: ZooKeeperServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = await RawClient.with_session(server.port)

    client.writer.write(frame(b"short"))

    assert await client.rest() == b""
    assert "a request of 5 bytes, its header alone has 8" in caplog.text
    assert await is_served(server)


async def test_half_a_frame_waits_and_its_connection_may_go(server: ZooKeeperServer) -> None:
    client = await RawClient.with_session(server.port)
    client.writer.write(request_frame(1, OpCode.EXISTS, WatchableRequest("/", False))[:-1])
    assert await is_served(server)

    await client.close()

    assert await is_served(server)


async def test_requests_are_answered_in_order_however_they_are_cut(server: ZooKeeperServer) -> None:
    client = await RawClient.with_session(server.port)
    stream = b"".join(request_frame(xid, OpCode.EXISTS, WatchableRequest("/", False)) for xid in range(1, 31))

    for byte in stream:
        client.writer.write(bytes([byte]))
        await client.writer.drain()

    answers = [await client.receive() for _ in range(30)]
    assert [int.from_bytes((answer or b"")[:4]) for answer in answers] == list(range(1, 31))


async def test_a_request_as_long_as_allowed_is_accepted(server: ZooKeeperServer) -> None:
    client = await RawClient.with_session(server.port)
    overhead = len(request_frame(1, OpCode.CREATE, CreateRequest("/a", b"", OPEN_ACL, 0))) - 4
    largest = CreateRequest("/a", bytes(0xFFFFF - overhead), OPEN_ACL, 0)

    assert (await client.ask(OpCode.CREATE, largest))[0] == 0


async def test_one_that_floods_does_not_keep_others_waiting(server: ZooKeeperServer) -> None:
    flooding = await RawClient.with_session(server.port)
    request = request_frame(1, OpCode.EXISTS, WatchableRequest("/", False))
    flooding.writer.write(request * 50_000)

    assert await is_served(server)

    for _ in range(50_000):
        assert await flooding.receive() is not None


async def test_one_that_does_not_read_is_not_served_until_it_does(
    server: ZooKeeperServer,
) -> None:
    client = await RawClient.with_session(server.port)
    await client.ask(OpCode.CREATE, CreateRequest("/big", bytes(500_000), OPEN_ACL, 0))
    transport = client.writer.transport
    transport.pause_reading()  # type: ignore[attr-defined]

    for xid in range(200):
        client.send(OpCode.GET_DATA, WatchableRequest("/big", False), xid)
    (served,) = server.connections
    await until(lambda: not served.is_reading)

    assert served.statistics.received < 100  # 100 MB were requested; a few were sent
    assert await is_served(server)
    transport.resume_reading()  # type: ignore[attr-defined]
    answers = [await client.receive() for _ in range(200)]
    assert [len(answer or b"") for answer in answers] == [16 + 4 + 500_000 + 68] * 200


async def test_one_that_lets_events_pile_up_is_cut_off(
    server: ZooKeeperServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(connection, "UNSENT_TO_GIVE_UP", 200_000)
    path = "/" + "long" * 2000
    deaf, writer = await RawClient.with_session(server.port), await RawClient.with_session(server.port)
    await deaf.ask(OpCode.ADD_WATCH, AddWatchRequest("/", AddWatchMode.PERSISTENT_RECURSIVE))
    deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]

    await writer.ask(OpCode.CREATE, CreateRequest(path, b"", OPEN_ACL, 0))
    while len(server.connections) == 2:
        await writer.ask(OpCode.SET_DATA, SetDataRequest(path, b"", -1))

    assert "it does not read" in caplog.text
    assert await is_served(server)
    assert len(server.pipeline.watches) == 0


async def test_a_closed_session_is_answered_before_the_connection_ends(server: ZooKeeperServer) -> None:
    client = await RawClient.with_session(server.port)

    client.send(OpCode.CLOSE_SESSION, Empty(), 1)
    client.send(OpCode.EXISTS, WatchableRequest("/", False), 2)

    assert await client.receive() is not None
    assert await client.receive() is None


async def test_a_session_continues_over_another_connection(server: ZooKeeperServer) -> None:
    first = await RawClient.open(server.port)
    session = await first.connect()
    second = await RawClient.open(server.port)

    again = await second.connect(session.session_id, session.password or b"")

    assert again.session_id == session.session_id
    assert await first.receive() is None
    assert (await second.ask(OpCode.EXISTS, WatchableRequest("/", False)))[0] == 0


async def test_a_rejected_connect_request_is_not_followed_by_another(server: ZooKeeperServer) -> None:
    client = await RawClient.open(server.port)
    connect = frame(encode(ConnectRequest(0, 0, 6000, 0x99, bytes(16))) + b"\0")

    client.writer.write(connect + frame(encode(ConnectRequest(0, 0, 6000, 0, bytes(16))) + b"\0"))

    answer = await client.receive()
    assert answer is not None
    assert await client.receive() is None
    assert server.pipeline.database.timeouts == {}


async def test_connections_from_one_address_are_limited(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server = await start_server(maxClientCnxns=2)
    first, _second = [await RawClient.with_session(server.port) for _ in range(2)]

    third = await RawClient.open(server.port)
    assert await third.rest() == b""
    assert "maxClientCnxns=2" in caplog.text
    assert server.statistics.refused_connections == 1

    first.send(OpCode.CLOSE_SESSION, Empty())
    assert await first.receive() is not None
    assert await first.receive() is None
    assert await is_served(server)


async def test_connections_in_all_are_limited(start_server: StartServer) -> None:
    server = await start_server(maxClientCnxns=0, maxCnxns=1)
    _kept = await RawClient.with_session(server.port)

    assert await (await RawClient.open(server.port)).rest() == b""


async def test_a_connection_that_wants_no_session_is_closed_in_the_end(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(clock, tickTime=1000)
    idle, client = await RawClient.open(server.port), await RawClient.with_session(server.port)
    idle.writer.write(b"\0\0")
    await until(lambda: len(server.connections) == 2)

    clock.advance(10.5)
    client.send(OpCode.PING, Empty())
    assert await client.receive() is not None
    clock.advance(1)

    assert await idle.rest() == b""


async def test_a_bug_costs_the_connection_that_met_it_and_no_other(
    server: ZooKeeperServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = await RawClient.with_session(server.port)
    with monkeypatch.context() as broken:
        broken.setattr(server.pipeline, "submit", lambda *_: 1 / 0)
        client.send(OpCode.EXISTS, WatchableRequest("/", False))
        assert await client.receive() is None

    assert "A request of session" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert await is_served(server)


async def test_requests_that_are_never_whole_take_bounded_memory_in_all(start_server: StartServer) -> None:
    """Thirty-two megabytes over all connections; who takes the most is cut off, and others are served."""
    server = await start_server(maxClientCnxns=0, **{"4lw.commands.whitelist": "*"})
    clients = [await RawClient.with_session(server.port) for _ in range(60)]

    for client in clients:
        client.writer.write((1_000_000).to_bytes(4, "big") + bytes(900_000))
        await client.writer.drain()
    await until(lambda: len(server.connections) < len(clients))

    assert server.connection_limits.held_bytes <= 32 << 20
    assert await is_served(server)
    for client in clients:
        await client.close()


async def test_a_request_may_be_as_long_as_jute_maxbuffer(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server = await start_server(jute__maxbuffer=5000)
    client = await RawClient.with_session(server.port)
    assert (await client.ask(OpCode.CREATE, CreateRequest("/a", bytes(4000), OPEN_ACL, 0)))[0] == 0

    client.send(OpCode.CREATE, CreateRequest("/b", bytes(5000), OPEN_ACL, 0))

    assert await client.rest() == b""
    assert "jute.maxbuffer is 5000" in caplog.text
    assert await is_served(server)


async def test_failing_logins_and_huge_tokens_cost_nobody_else_anything(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_OPTS", f"-Djava.security.auth.login.config={login_file(tmp_path)}")
    server = await start_server(maxClientCnxns=0)
    clients = [await RawClient.with_session(server.port) for _ in range(100)]

    for number, client in enumerate(clients):
        client.send(OpCode.SASL, SaslToken(b""))
        client.send(OpCode.SASL, SaslToken(b'username="kafka"' * (1 + number * 500)), xid=2)

    assert await is_served(server)
    for client in clients:
        assert len(await client.rest()) < 1000
    assert server.statistics.failed_authentications == 100
    assert server.connection_limits.held_bytes == 0
