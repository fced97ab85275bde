"""Listeners and connections over real sockets; requests are bare frames, served by a function of the test's own."""

import asyncio
import logging
import re
import select
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from pykafka_cli.broker.errors import SaslAuthenticationFailed
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.connection import Disconnect, Peer
from pykafka_cli.broker.network.limits import READ_AHEAD_REQUESTS
from pykafka_cli.broker.network.listener import CannotListen, SocketServer
from pykafka_cli.broker.network.pace import BULK_BYTES, Pace
from pykafka_cli.model import Seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.repeated_lines import INTERVAL_S
from tests.fakes.clock import FakeClock
from tests.support.costs import kept_blocks
from tests.support.event_loop import settle, settle_until_quiet, until
from tests.support.polling import PATIENCE_S
from tests.support.standstill import watched_loop

DEADLINE = Seconds(PATIENCE_S)
Serve = Callable[[bytearray, Peer], Awaitable[list[Buffer] | None]]


def frame(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
UNSIGNED = {"sasl.enabled.mechanisms": "OAUTHBEARER", "oauthbearer.sasl.jaas.config": f"{OAUTH};"}
JUDGE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
SIGNED = "oauthbearer.sasl.server.callback.handler.class"


async def echo(request: bytearray, _peer: Peer) -> list[Buffer]:
    return [b"<", memoryview(request), b">"]


class Client:
    """One connection to the server under test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.port: int = writer.get_extra_info("sockname")[1]

    def send(self, *bodies: bytes) -> None:
        self.writer.write(b"".join(map(frame, bodies)))

    async def read(self) -> bytes:
        async with asyncio.timeout(DEADLINE):
            (size,) = struct.unpack(">i", await self.reader.readexactly(4))
            return await self.reader.readexactly(size)

    async def read_to_the_end(self) -> bytes:
        async with asyncio.timeout(DEADLINE):
            with suppress(ConnectionResetError):
                return await self.reader.read()
            return b""


class Running:
    """A server and what can be seen of it."""

    def __init__(self, **given: str) -> None:
        named = {"zookeeper.connect": "z", "listeners": "PLAINTEXT://127.0.0.1:0"}
        named |= {name.replace("_", "."): text for name, text in given.items()}
        self.clock, self.metrics = FakeClock(), Metrics()
        settings = BrokerSettings(Property(name, text, 0) for name, text in named.items())
        self.server = SocketServer(settings, self.clock, self.metrics)
        self.clients: list[Client] = []

    async def connect(self, listener: int = 0) -> Client:
        async with asyncio.timeout(DEADLINE):
            port = self.server.endpoints[listener].port
            client = Client(*await asyncio.open_connection("127.0.0.1", port))
        self.clients.append(client)
        return client


@asynccontextmanager
async def running(answer: Serve = echo, **given: str) -> AsyncIterator[Running]:
    it = Running(**given)
    await it.server.bind()
    await it.server.serve(answer)
    try:
        async with watched_loop():
            yield it
    finally:
        await it.server.stop(grace=Seconds(0))
        for client in it.clients:
            client.writer.close()


async def test_each_request_is_answered_on_its_connection() -> None:
    async with running() as it:
        one, other = await it.connect(), await it.connect()
        one.send(b"a")
        other.send(b"b")
        assert (await one.read(), await other.read()) == (b"<a>", b"<b>")
        assert (it.metrics.request_bytes, it.metrics.response_bytes, it.metrics.connections_open) == (2, 6, 2)


async def test_answers_are_in_the_order_of_the_requests() -> None:
    async def slow_if_asked(request: bytearray, _peer: Peer) -> list[Buffer]:
        for _ in range(5 if request == b"slow" else 0):
            await asyncio.sleep(0)
        return [bytes(request)]

    async with running(slow_if_asked) as it:
        client = await it.connect()
        client.send(b"slow", b"quick", b"slow", b"last")
        assert [await client.read() for _ in range(4)] == [b"slow", b"quick", b"slow", b"last"]


async def test_a_request_that_waits_holds_up_its_own_connection_only() -> None:
    released = asyncio.Event()

    async def wait_if_asked(request: bytearray, _peer: Peer) -> list[Buffer]:
        if request == b"wait":
            await released.wait()
        return [bytes(request)]

    async with running(wait_if_asked) as it:
        waiting, other = await it.connect(), await it.connect()
        waiting.send(b"wait", b"next")
        other.send(b"x")
        assert await other.read() == b"x"
        released.set()
        assert [await waiting.read(), await waiting.read()] == [b"wait", b"next"]


async def test_a_client_that_sends_many_requests_at_once_delays_no_other() -> None:
    """The requests wait for nothing; the other client sends its own when the first of them is served."""
    served: list[bytes] = []

    async def send_another(request: bytearray, _peer: Peer) -> list[Buffer]:
        if not served:
            other.send(b"x")
        served.append(bytes(request))
        return [bytes(request)]

    async with running(send_another) as it:
        greedy, other = await it.connect(), await it.connect()
        many = 10_000
        greedy.send(*[b"a"] * many)
        assert await other.read() == b"x"
        for _ in range(many):
            await greedy.read()

    assert len(served) == many + 1
    assert served[-1] == b"a"


async def test_large_answers_keep_the_pace_of_a_client_that_has_one() -> None:
    async def large(_request: bytearray, peer: Peer) -> list[Buffer]:
        peer.pace = pace
        return [bytes(size)]

    size, took, pace = 2 * BULK_BYTES, 0.002, Pace()
    async with running(large) as it:
        client = await it.connect()
        client.send(b"first")
        assert len(await client.read()) == size
        it.clock.advance(took)
        pending = it.clock.pending
        client.send(b"second")
        second = asyncio.create_task(client.read())
        await until(lambda: it.clock.pending > pending)
        it.clock.advance(took * 0.9)
        assert it.metrics.response_bytes == size
        it.clock.advance(took * 0.2)
        assert len(await second) == size


async def test_an_answer_does_not_wait_for_a_request_behind_it() -> None:
    async def wait_if_asked(request: bytearray, _peer: Peer) -> list[Buffer]:
        if request == b"wait":
            await asyncio.get_running_loop().create_future()
        return [bytes(request)]

    async with running(wait_if_asked) as it:
        client = await it.connect()
        client.send(b"one", b"two", b"wait")
        assert [await client.read(), await client.read()] == [b"one", b"two"]


async def test_a_request_without_an_answer_is_followed_by_the_next() -> None:
    async def odd_ones(request: bytearray, _peer: Peer) -> list[Buffer] | None:
        return None if request == b"silent" else [bytes(request)]

    async with running(odd_ones) as it:
        client = await it.connect()
        client.send(b"silent", b"loud")
        assert await client.read() == b"loud"


async def test_the_peer_is_named_by_address_and_listener() -> None:
    async def who(_request: bytearray, peer: Peer) -> list[Buffer]:
        return [f"{peer.host} {peer.listener_name} {peer.principal}".encode()]

    listeners = {
        "listeners": "ONE://127.0.0.1:0,TWO://:0",
        "listener_security_protocol_map": "ONE:PLAINTEXT,TWO:PLAINTEXT",
        "advertised_listeners": "ONE://localhost:1",
        "inter_broker_listener_name": "ONE",
    }
    async with running(who, **listeners) as it:
        assert len({endpoint.port for endpoint in it.server.endpoints} - {0}) == 2
        for number, name in enumerate((b"ONE", b"TWO")):
            client = await it.connect(number)
            client.send(b"?")
            assert await client.read() == b"127.0.0.1 " + name + b" User:ANONYMOUS"


async def test_a_large_request_and_a_large_answer_pass_whole() -> None:
    body = bytes(range(256)) * 20_000
    async with running() as it:
        client = await it.connect()
        client.send(body)
        assert await client.read() == b"<" + body + b">"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xff\xff\xff", "a request of -1 bytes"),
        (frame(bytes(2000)), "more than socket.request.max.bytes=1000"),
        (b"GET / HTTP/1.1\r\n\r\n", "it looks like HTTP"),
    ],
)
async def test_what_is_no_frame_ends_its_connection_with_a_reason(
    data: bytes, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(socket_request_max_bytes="1000") as it:
        bad, good = await it.connect(), await it.connect()
        bad.send(b"before")
        bad.writer.write(data)
        assert await bad.read_to_the_end() in (frame(b"<before>"), b"")
        good.send(b"x")
        assert await good.read() == b"<x>"
        assert it.metrics.connections_ended["protocol"] == 1
    assert words in caplog.text
    assert "on PLAINTEXT" in caplog.text


async def test_one_that_sends_garbage_again_and_again_adds_two_lines_a_minute_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with running() as it:
        for _ in range(20):
            bad = await it.connect()
            bad.writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await bad.read_to_the_end() == b""
        assert it.metrics.connections_ended["protocol"] == 20
        assert caplog.text.count("Closing the connection from 127.0.0.1:") == 1

        it.clock.advance(INTERVAL_S)

        last = f"Closing the connection from 127.0.0.1:{bad.port} on PLAINTEXT: "
        assert f"19 more from 127.0.0.1 in the last minute, the last: {last}" in caplog.text
        assert caplog.text.count("Closing the connection from 127.0.0.1:") == 2


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ProtocolError("nonsense"), "protocol", "nonsense"),
        (Disconnect("acks=0", "t-0 refused"), "acks=0", "t-0 refused"),
        (RuntimeError("bug"), "failure", "bug"),
    ],
)
async def test_a_request_that_cannot_be_served_ends_its_connection_with_a_reason(
    error: Exception, kind: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_request: bytearray, _peer: Peer) -> None:
        raise error

    caplog.set_level(logging.INFO)
    async with running(fail) as it:
        client = await it.connect()
        client.send(b"x", b"y")
        assert await client.read_to_the_end() == b""
        assert it.metrics.connections_ended[kind] == 1
    assert words in caplog.text


async def test_requests_are_served_even_if_their_sender_does_not_wait() -> None:
    served = []

    async def take_time(request: bytearray, _peer: Peer) -> None:
        await asyncio.sleep(0)
        served.append(bytes(request))

    async with running(take_time) as it:
        client = await it.connect()
        client.send(b"a", b"b", b"c")
        client.writer.close()
        await until(lambda: it.metrics.connections_opened == 1 and it.metrics.connections_open == 0)
        await until(lambda: len(served) == 3)
        assert served == [b"a", b"b", b"c"]


async def test_a_request_whose_sender_is_gone_does_not_wait_for_ever() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def wait_for_ever(_request: bytearray, _peer: Peer) -> None:
        started.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()

    async with running(wait_for_ever) as it:
        client = await it.connect()
        client.send(b"x", b"y")
        await started.wait()
        client.writer.close()
        await until(lambda: it.metrics.connections_open == 0)
        assert not cancelled.is_set()

        it.clock.advance(10.0)

        async with asyncio.timeout(DEADLINE):
            await cancelled.wait()


async def test_no_more_is_read_ahead_than_the_limit() -> None:
    released = asyncio.Event()
    served = 0

    async def wait(_request: bytearray, _peer: Peer) -> list[Buffer]:
        nonlocal served
        await released.wait()
        served += 1
        return [b"."]

    async with running(wait) as it:
        client = await it.connect()
        # Each as large as what is received at a time, so that reading can be seen to stop.
        body = bytes(64 * 1024)
        total = READ_AHEAD_REQUESTS * 4
        for _ in range(total):
            client.send(body)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.writer.drain()
        assert client.writer.transport.get_write_buffer_size() > READ_AHEAD_REQUESTS * len(body)

        released.set()
        for _ in range(total):
            await client.read()
        assert served == total


async def test_a_client_that_never_reads_is_not_served_on() -> None:
    served = 0

    async def much(_request: bytearray, _peer: Peer) -> list[Buffer]:
        nonlocal served
        served += 1
        return [bytes(1_000_000)]

    async with running(much) as it:
        greedy = await it.connect()
        assert isinstance(greedy.writer.transport, asyncio.Transport)
        greedy.writer.transport.pause_reading()
        for _ in range(200):
            greedy.send(b"x")
        other = await it.connect()
        for _ in range(20):
            other.send(b"x")
            await other.read()
        assert served - 20 < 50


async def test_an_idle_connection_is_closed_though_its_request_waits(caplog: pytest.LogCaptureFixture) -> None:
    """As with Kafka: the client may be gone for long, which is not seen while its socket is not read."""
    caplog.set_level(logging.INFO)
    started = asyncio.Event()

    async def wait_for_ever(_request: bytearray, _peer: Peer) -> None:
        started.set()
        await asyncio.get_running_loop().create_future()

    async with running(wait_for_ever, connections_max_idle_ms="1000") as it:
        idle, waiting, active = await it.connect(), await it.connect(), await it.connect()
        await until(lambda: it.metrics.connections_open == 3)
        waiting.send(b"x")
        await started.wait()
        it.clock.advance(0.8)
        active.send(b"x")
        await until(lambda: it.metrics.request_bytes == 2)

        it.clock.advance(0.9)

        assert await idle.read_to_the_end() == await waiting.read_to_the_end() == b""
        assert (it.metrics.connections_open, it.metrics.connections_ended["idle"]) == (1, 2)
    assert "connections.max.idle.ms=1000" in caplog.text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"max_connections_per_ip": "1"}, "max.connections.per.ip=1 from 127.0.0.1 is reached"),
        ({"max_connections_per_ip_overrides": "127.0.0.1:1"}, "max.connections.per.ip=1 from 127.0.0.1"),
        ({"max_connections": "1"}, "max.connections=1"),
        ({"listener.name.plaintext.max.connections": "1"}, "max.connections=1"),
    ],
)
async def test_a_connection_above_a_limit_is_closed_at_once(
    given: dict[str, Any], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(**given) as it:
        first = await it.connect()
        first.send(b"a")
        assert await first.read() == b"<a>"

        second = await it.connect()
        assert await second.read_to_the_end() == b""
        assert it.metrics.connections_refused == 1

        first.writer.close()
        await until(lambda: it.metrics.connections_open == 0)
        third = await it.connect()
        third.send(b"c")
        assert await third.read() == b"<c>"
    assert words in caplog.text


async def test_connections_above_the_rate_are_served_later() -> None:
    async with running(max_connection_creation_rate="1") as it:
        clients = [await it.connect() for _ in range(12)]
        for client in clients:
            client.send(b"x")
        assert [await client.read() for client in clients[:10]] == [b"<x>"] * 10
        await settle()
        assert it.metrics.response_bytes == 10 * len(b"<x>")
        for client in clients[10:]:
            it.clock.advance(1.01)
            assert await client.read() == b"<x>"


async def test_connections_above_the_rate_of_their_address_are_closed_later() -> None:
    async with running() as it:
        it.server.rates.configure("ips/127.0.0.1", {"connection_creation_rate": "1"})
        clients = [await it.connect() for _ in range(11)]
        for client in clients:
            client.send(b"x")
        assert [await client.read() for client in clients[:10]] == [b"<x>"] * 10
        await until(lambda: it.metrics.connections_open == 11)
        it.clock.advance(1.01)
        assert await clients[10].read_to_the_end() == b""
        assert it.metrics.connections_ended == {"rate": 1}


async def test_held_connections_do_not_hold_up_the_stop() -> None:
    async with running(max_connection_creation_rate="1") as it:
        clients = [await it.connect() for _ in range(12)]
        await until(lambda: it.metrics.connections_open == 12)
        async with asyncio.timeout(DEADLINE):
            await it.server.stop(grace=Seconds(3600.0))
        assert await clients[-1].read_to_the_end() == b""


async def test_a_host_name_is_listened_on_at_all_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(*_: object, **__: object) -> list[tuple[object, ...]]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.0.0.1", 0)), (*kind, ("127.0.0.2", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    it = Running(listeners="PLAINTEXT://twofold:0")
    (endpoint,) = await it.server.bind()
    monkeypatch.undo()
    await it.server.serve(echo)

    for address in ("127.0.0.1", "127.0.0.2"):
        client = Client(*await asyncio.open_connection(address, endpoint.port))
        client.send(b"x")
        assert await client.read() == b"<x>"
        client.writer.close()
    await it.server.stop(grace=Seconds(0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "sasl_plaintext.gssapi.sasl.jaas.config is not set"),
        (
            {"sasl.enabled.mechanisms": "PLAIN,DIGEST-MD5"},
            "sasl.enabled.mechanisms has DIGEST-MD5; there are PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, GSS",
        ),
        (
            {"sasl.enabled.mechanisms": "OAUTHBEARER", "oauthbearer.sasl.jaas.config": f"{OAUTH};", SIGNED: JUDGE},
            "OAuthBearerValidatorCallbackHandler needs sasl.oauthbearer.jwks.endpoint.url",
        ),
        (
            {
                "sasl.enabled.mechanisms": "OAUTHBEARER",
                "oauthbearer.sasl.jaas.config": f"{OAUTH};",
                SIGNED: JUDGE,
                "sasl.oauthbearer.jwks.endpoint.url": "file:///nowhere",
            },
            "cannot read the keys of the token issuer from file:///nowhere: ",
        ),
        (
            {
                "sasl.enabled.mechanisms": "OAUTHBEARER",
                "oauthbearer.sasl.jaas.config": f"{OAUTH};",
                SIGNED: JUDGE,
                "sasl.oauthbearer.jwks.endpoint.url": "https://alice:a-secret@127.0.0.1/keys",
            },
            "sasl.oauthbearer.jwks.endpoint.url=https://[hidden]@127.0.0.1/keys has a login, which cannot be sent",
        ),
        (
            {
                "sasl.enabled.mechanisms": "OAUTHBEARER",
                "oauthbearer.sasl.jaas.config": f"{OAUTH} unsecuredValidatorAllowableClockSkewMs=-1;",
            },
            "unsecuredValidatorAllowableClockSkewMs=-1 must be a number of milliseconds, and not negative",
        ),
        ({"sasl.enabled.mechanisms": ""}, "sasl.enabled.mechanisms is empty"),
        ({"sasl.enabled.mechanisms": "PLAIN"}, "sasl_plaintext.plain.sasl.jaas.config is not set"),
        (
            {"sasl.enabled.mechanisms": "PLAIN", "plain.sasl.jaas.config": "a.ScramLoginModule required;"},
            "sasl_plaintext.plain.sasl.jaas.config has no PlainLoginModule",
        ),
        ({"sasl.enabled.mechanisms": "PLAIN", "plain.sasl.jaas.config": "a.B"}, "Login module control flag is not"),
    ],
)
async def test_a_listener_where_nobody_could_log_in_is_not_opened(
    settings: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAFKA_OPTS", raising=False)
    listeners = {"listeners": "PLAINTEXT://127.0.0.1:0,SASL_PLAINTEXT://127.0.0.1:0"}
    with pytest.raises(CannotListen, match=re.escape(message)):
        await Running(**listeners, **settings).server.bind()


async def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen) as refusal:
            await Running(listeners=f"PLAINTEXT://127.0.0.1:{port}").server.bind()
    assert str(refusal.value) == f"cannot listen on PLAINTEXT://127.0.0.1:{port}: address already in use"


async def test_stopping_lets_the_answer_under_way_arrive_and_accepts_nobody() -> None:
    started, released = asyncio.Event(), asyncio.Event()

    async def wait(request: bytearray, _peer: Peer) -> list[Buffer]:
        started.set()
        await released.wait()
        return [bytes(request)]

    it = Running()
    await it.server.bind()
    port = it.server.endpoints[0].port
    await it.server.serve(wait)
    client = await it.connect()
    client.send(b"current", b"never")
    await started.wait()

    stopping = asyncio.create_task(it.server.stop(grace=DEADLINE))
    await asyncio.sleep(0)
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)
    released.set()
    await stopping

    assert await client.read_to_the_end() == frame(b"current")
    client.writer.close()


async def test_stopping_does_not_wait_for_ever() -> None:
    async def wait_for_ever(_request: bytearray, _peer: Peer) -> None:
        await asyncio.get_running_loop().create_future()

    async with running(wait_for_ever) as it:
        client = await it.connect()
        client.send(b"x")
        await until(lambda: it.metrics.request_bytes > 0)
        await it.server.stop(grace=Seconds(0.01))
        assert await client.read_to_the_end() == b""
        assert it.metrics.connections_open == 0


@pytest.mark.parametrize(("given", "waiting"), [({}, 200), ({"socket_listen_backlog_size": "10"}, 10)])
async def test_a_burst_of_connections_waits_to_be_accepted(given: dict[str, str], waiting: int) -> None:
    """Nobody is accepted here: those that find room in the queue are connected, the others must retry."""
    it = Running(**given)
    (endpoint,) = await it.server.bind()
    clients = [socket.socket() for _ in range(200)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", endpoint.port))

    connected = select.select([], clients, [], 0)[1]

    assert waiting <= len(connected) <= waiting + 1
    for client in clients:
        client.close()
    await it.server.stop(grace=Seconds(0))


LOGIN = {
    "listeners": "OUTSIDE://127.0.0.1:0,INSIDE://127.0.0.1:0",
    "listener.security.protocol.map": "OUTSIDE:SASL_PLAINTEXT,INSIDE:PLAINTEXT",
    "inter.broker.listener.name": "INSIDE",
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.outside.plain.sasl.jaas.config": (
        "org.apache.kafka.common.security.plain.PlainLoginModule required user_a='b';"
    ),
}


async def log_in(request: bytearray, peer: Peer) -> list[Buffer]:
    """`choose`, then a token of PLAIN; `large`, or anything else, has a response as well."""
    assert peer.authentication is not None
    if request == b"choose":
        peer.authentication.choose("PLAIN", bare=False)
    elif request.startswith(b"\0"):
        try:
            peer.authentication.respond(bytes(request))
        except SaslAuthenticationFailed as error:
            return [(error.message or "").encode()]
    return [bytes(1_000_000)] if request == b"large" else [b"%d" % len(request)]


async def test_who_has_not_logged_in_may_send_little_at_once() -> None:
    async with running(log_in, **LOGIN, **{"sasl.server.max.receive.size": "100"}) as it:
        stranger, user = await it.connect(), await it.connect()
        stranger.send(bytes(101))
        user.send(b"choose")
        assert await user.read() == b"6"
        user.send(b"\0a\0b")
        assert await user.read() == b"4"
        user.send(b"x" * 101)

        assert await user.read() == b"101"
        assert await stranger.read_to_the_end() == b""


async def test_a_rejection_waits_and_nothing_of_the_token_is_kept_meanwhile() -> None:
    """However many guess at once: together their requests may be more than all memory for requests under way."""
    size, strangers = 500_000, 10
    token = b"\0a\0" + b"x" * size
    async with running(log_in, **LOGIN, **{"connection.failed.authentication.delay.ms": "2000"}) as it:
        clients = [await it.connect() for _ in range(strangers)]
        others = it.clock.pending
        with kept_blocks(at_least=size // 8, within="pykafka_cli") as kept:
            for client in clients:
                client.send(b"choose", token)
                assert await client.read() == b"6"
            await until(lambda: it.clock.pending == others + strangers)
            assert kept() == []

            it.clock.advance(1.9)
            await settle()
            assert it.metrics.response_bytes == strangers
        it.clock.advance(0.2)

        for client in clients:
            assert await client.read() == b"Authentication failed: Invalid username or password"
            assert await client.read_to_the_end() == b""
        assert it.metrics.connections_ended == {"authentication": strangers}


async def test_rejected_logins_are_logged_with_their_peer_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    why = "its login by PLAIN was rejected: 'Authentication failed: Invalid username or password'"
    async with running(log_in, **LOGIN, **{"connection.failed.authentication.delay.ms": "0"}) as it:
        for _ in range(4):
            guessing = await it.connect()
            guessing.send(b"choose", b"\0a\0guess")
            await guessing.read_to_the_end()

    line = f"Closing the connection from 127.0.0.1:{guessing.port} on OUTSIDE: {why}"
    assert f"3 more from 127.0.0.1 in the last minute, the last: {line}" in caplog.text
    assert caplog.text.count(why) == 2


async def test_a_client_that_leaves_once_its_token_is_rejected_is_logged_as_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def reject(_request: bytearray, peer: Peer) -> list[Buffer]:
        assert peer.authentication is not None
        peer.authentication.choose("OAUTHBEARER", bare=False)
        return [peer.authentication.respond(b"n,,\1auth=Bearer a.b.c\1\1")]

    caplog.set_level(logging.INFO)
    unsigned = {f"listener.name.outside.{name}": text for name, text in UNSIGNED.items()}
    async with running(reject, **LOGIN | unsigned) as it:
        client = await it.connect()
        client.send(b"token")
        assert b"invalid_token" in await client.read()
        client.writer.close()
        await until(lambda: it.metrics.connections_open == 0)

    line = f"The client has closed the connection from 127.0.0.1:{client.port} on OUTSIDE: its login by OAUTHBEARER was"
    assert line in caplog.text


async def test_of_who_has_not_logged_in_and_reads_nothing_no_request_is_read_ahead() -> None:
    small, large = [b"large"] * 20, [b"x" * 500_000] * 8
    async with running(log_in, **LOGIN) as it:
        stranger = await it.connect()
        stranger.writer.transport.pause_reading()  # type: ignore[attr-defined]
        with kept_blocks(at_least=100_000, within="framing") as kept:
            stranger.send(*small, *large)
            await until(lambda: it.metrics.request_bytes)
            await settle_until_quiet(stranger.writer.transport.get_write_buffer_size, quiet_turns=100)
            assert kept() == []

        stranger.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert [len(await stranger.read()) for _ in small] == [1_000_000] * len(small)
        assert [await stranger.read() for _ in large] == [b"500000"] * len(large)


async def test_a_host_that_nobody_knows_is_named_without_the_number_of_the_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(CannotListen) as refusal:
        await Running(listeners="PLAINTEXT://nowhere.example:9092").server.bind()
    assert str(refusal.value) == "cannot listen on PLAINTEXT://nowhere.example:9092: name or service not known"


async def test_a_client_that_has_to_be_silent_is_answered_at_once_and_served_later() -> None:
    served: list[bytes] = []

    async def throttle(request: bytearray, peer: Peer) -> list[Buffer]:
        served.append(bytes(request))
        peer.silence = Seconds(5.0)
        return [bytes(request)]

    async with running(throttle) as it:
        client = await it.connect()
        client.send(b"first", b"second")
        assert await client.read() == b"first"
        it.clock.advance(4.9)
        await settle()
        assert served == [b"first"]
        it.clock.advance(0.2)
        assert await client.read() == b"second"


async def test_a_silent_client_is_not_read_from_and_does_not_hold_up_the_stop() -> None:
    async def throttle(request: bytearray, peer: Peer) -> list[Buffer]:
        peer.silence = Seconds(3600.0)
        return [bytes(request)]

    async with running(throttle) as it:
        client = await it.connect()
        client.send(b"x")
        assert await client.read() == b"x"
        client.send(b"y" * 1000)
        async with asyncio.timeout(DEADLINE):
            await it.server.stop(grace=Seconds(3600.0))
        assert await client.read_to_the_end() == b""
    assert it.metrics.request_bytes == 1
