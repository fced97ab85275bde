import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from pykafka_cli.model import Seconds
from pykafka_cli.repeated_lines import RepeatedLines
from pykafka_cli.zookeeper.ensemble.configuration import Address
from pykafka_cli.zookeeper.ensemble.election_connections import ElectionConnections
from pykafka_cli.zookeeper.ensemble.notifications import (
    LONGEST_FRAME,
    Frames,
    Hello,
    Notification,
    ServerState,
    read_hello,
)
from pykafka_cli.zookeeper.ensemble.vote import Vote
from tests.fakes.clock import FakeClock
from tests.support.event_loop import settle, until
from tests.support.ports import free_port

HOST = "127.0.0.1"


def vote_for(leader: int, zxid: int = 0) -> Notification:
    return Notification(ServerState.LOOKING, Vote(leader, zxid, 1, 1), "version=0")


class Server:
    """Connections of one server, and what it has heard: (sender, leader)."""

    def __init__(self, server_id: int, port: int, addresses: dict[int, Address], **limits: Seconds) -> None:
        self.id, self.port, self.addresses = server_id, port, addresses
        self.heard: list[tuple[int, int]] = []
        self.connections = ElectionConnections(
            Hello(server_id, (Address(HOST, port),)),
            addresses,
            lambda sender, notification: self.heard.append((sender, notification.vote.leader)),
            RepeatedLines(FakeClock()),
            **limits,
        )

    async def listen(self) -> "Server":
        listening = socket.create_server((HOST, self.port))
        listening.setblocking(False)
        await self.connections.listen(listening)
        return self


Start = Callable[..., Awaitable[Server]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start server N of those with the ports given first; listens unless told not to."""
    servers: list[Server] = []
    ports = {n: free_port() for n in (1, 2, 3)}

    async def start_one(server_id: int, *, listening: bool = True, **limits: Seconds) -> Server:
        addresses = {n: Address(HOST, port) for n, port in ports.items() if n != server_id}
        server = Server(server_id, ports[server_id], addresses, **limits)
        servers.append(server)
        return await server.listen() if listening else server

    yield start_one
    for server in servers:
        await server.connections.close()


class Scripted:
    """One end of a connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, server: Server, hello: bytes = b"") -> "Scripted":
        scripted = cls(*await asyncio.open_connection(HOST, server.port))
        scripted.writer.write(hello)
        return scripted

    async def leader_said(self) -> int:
        (length,) = struct.unpack(">i", await self.reader.readexactly(4))
        return Notification.decode(await self.reader.readexactly(length)).vote.leader

    async def is_closed(self) -> bool:
        try:
            return await self.reader.read(1) == b""
        except ConnectionResetError:
            return True


class Unresponsive:
    """A host of which nobody hears; counts the attempts to connect to it that are under way."""

    host = "192.0.2.1"

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.attempts = 0
        self._loop = asyncio.get_running_loop()
        self._create_connection = self._loop.create_connection
        monkeypatch.setattr(self._loop, "create_connection", self._connect)

    async def _connect(self, protocol: object, host: str, port: int, **rest: object) -> object:
        if host != self.host:
            return await self._create_connection(protocol, host, port, **rest)  # type: ignore[call-overload]
        self.attempts += 1
        try:
            return await self._loop.create_future()
        finally:
            self.attempts -= 1


@pytest.fixture
async def unresponsive(monkeypatch: pytest.MonkeyPatch) -> Unresponsive:
    return Unresponsive(monkeypatch)


async def accepting(port: int) -> tuple[asyncio.Server, "asyncio.Queue[Scripted]"]:
    """A scripted server; its connections, in order."""
    accepted: asyncio.Queue[Scripted] = asyncio.Queue()
    server = await asyncio.start_server(lambda r, w: accepted.put_nowait(Scripted(r, w)), HOST, port)
    return server, accepted


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 1)])
async def test_either_server_may_begin_and_both_are_heard(start: Start, one: int, other: int) -> None:
    servers = {1: await start(1), 2: await start(2)}

    servers[one].connections.send(other, vote_for(one))
    await until(lambda: servers[other].heard == [(one, one)])
    servers[other].connections.send(one, vote_for(other))
    await until(lambda: servers[one].heard == [(other, other)])

    assert servers[1].connections.connected() == [2]


async def test_servers_that_connect_at_once_agree_on_one_connection(start: Start) -> None:
    servers = [await start(n) for n in (1, 2, 3)]

    for server in servers:
        for other in {1, 2, 3} - {server.id}:
            server.connections.send(other, vote_for(server.id))

    await until(lambda: all({sender for sender, _ in each.heard} == {1, 2, 3} - {each.id} for each in servers))
    await until(lambda: all(len(each.connections.connected()) == 2 for each in servers))


async def test_a_smaller_id_says_who_it_is_and_closes(start: Start) -> None:
    one = await start(1)
    server, accepted = await accepting(one.addresses[2].port)

    one.connections.send(2, vote_for(1))
    first = await accepted.get()

    assert await first.reader.read() == one.connections.me.encode()
    server.close()


async def test_a_larger_id_connects_back_where_the_configuration_says(start: Start) -> None:
    two = await start(2)
    server, accepted = await accepting(two.addresses[1].port)

    first = await Scripted.connect(two, Hello(1, (Address("elsewhere.invalid", 9),)).encode())
    assert await first.is_closed()
    back = await accepted.get()

    read = read_hello(await back.reader.readexactly(len(two.connections.me.encode())))
    assert read is not None
    assert read[0] == two.connections.me
    server.close()


async def test_a_server_in_no_configuration_is_connected_to_where_it_says(start: Start) -> None:
    three = await start(3)
    port = free_port()
    server, accepted = await accepting(port)

    await Scripted.connect(three, Hello(0, (Address("0.0.0.0", 1), Address(HOST, port))).encode())

    assert await accepted.get()
    server.close()


async def test_the_last_message_is_sent_again_on_a_new_connection(start: Start) -> None:
    one = await start(1)
    first = await Scripted.connect(one, Hello(2, (Address(HOST, 1),)).encode())
    await until(lambda: one.connections.connected() == [2])
    one.connections.send(2, vote_for(1))
    assert await first.leader_said() == 1

    second = await Scripted.connect(one, Hello(2, (Address(HOST, 1),)).encode())

    assert await second.leader_said() == 1
    assert await first.is_closed()


async def test_only_the_newest_message_waits(start: Start) -> None:
    one = await start(1, listening=False)
    for leader in (1, 2, 3):
        one.connections.send(2, vote_for(leader))

    await one.listen()
    two = await Scripted.connect(one, Hello(2, (Address(HOST, 1),)).encode())

    assert await two.leader_said() == 3


async def test_a_peer_that_reads_nothing_holds_one_message(start: Start) -> None:
    one = await start(1)
    stalled = await Scripted.connect(one, Hello(2, (Address(HOST, 1),)).encode())
    stalled.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await until(lambda: one.connections.connected() == [2])

    long = Notification(ServerState.LOOKING, Vote(1, 0, 1, 1), "x" * (LONGEST_FRAME - 100))
    for _ in range(60):
        one.connections.send(2, long)
        await settle(2)
    one.connections.send(2, vote_for(7))

    stalled.writer.transport.resume_reading()  # type: ignore[attr-defined]
    heard: list[int] = []
    frames = Frames()
    while not heard or heard[-1] != 7:
        heard += [Notification.decode(body).vote.leader for body in frames.feed(await stalled.reader.read(1 << 20))]
    assert len(heard) < 60


async def test_a_server_that_starts_later_is_connected_to_then(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    two = await start(2, patience=Seconds(0.0))
    two.connections.send(1, vote_for(2))
    await until(lambda: "Server 1 cannot be reached" in caplog.text)

    one = await start(1)

    await until(lambda: one.heard == [(2, 2)])
    assert caplog.text.count("Server 1 cannot be reached") == 1
    assert "Server 1 can be reached for elections again" in caplog.text


async def test_a_server_that_comes_up_a_moment_later_is_not_warned_of(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    refusals: list[OSError] = []
    loop = asyncio.get_running_loop()
    create_connection = loop.create_connection

    async def recording_refusals(*arguments: object) -> object:
        try:
            return await create_connection(*arguments)  # type: ignore[call-overload]
        except OSError as error:
            refusals.append(error)
            raise

    monkeypatch.setattr(loop, "create_connection", recording_refusals)
    two = await start(2, patience=Seconds(1000.0))
    two.connections.send(1, vote_for(2))
    await until(lambda: len(refusals) > 1)

    one = await start(1)

    await until(lambda: one.heard == [(2, 2)])
    assert "reached" not in caplog.text


@pytest.mark.parametrize("host", ["nowhere.invalid", "..", "a" * 300])
async def test_a_host_that_cannot_be_resolved_is_named(host: str, caplog: pytest.LogCaptureFixture) -> None:
    server = Server(2, free_port(), {1: Address(host, 3888)}, patience=Seconds(0.0))

    server.connections.send(1, vote_for(2))

    await until(lambda: "Server 1 cannot be reached at" in caplog.text)
    await server.connections.close()


async def test_a_connection_that_is_reset_is_opened_again_for_the_next_message(start: Start) -> None:
    two = await start(2)
    server, accepted = await accepting(two.addresses[1].port)
    two.connections.send(1, vote_for(2))
    first = await accepted.get()
    first.writer.transport.abort()
    await until(lambda: two.connections.connected() == [])

    two.connections.send(1, vote_for(3))
    second = await accepted.get()
    await second.reader.readexactly(len(two.connections.me.encode()))

    assert await second.leader_said() == 3
    server.close()


@pytest.mark.parametrize(
    ("hello", "complaint"),
    [
        (b"\xff" * 20, "protocol version -1 is unknown"),
        (struct.pack(">qqi", -65536, 3, 2**31 - 1), "addresses of 2147483647 bytes"),
        (Hello(1, (Address(HOST, 1),)).encode(), "two servers have the same myid"),
        (Hello(3).encode()[:8] + struct.pack(">qi", 3, -1), "addresses of -1 bytes"),
        (Hello(3, (Address(HOST, 1),)).encode() + struct.pack(">i", 2**31 - 1), "a notification of 2147483647 bytes"),
    ],
)
async def test_who_lies_is_closed_and_named(
    start: Start, hello: bytes, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    one = await start(1)

    liar = await Scripted.connect(one, hello)

    assert await liar.is_closed()
    assert complaint in caplog.text


async def test_a_malformed_notification_is_ignored_and_the_next_one_heard(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    one = await start(1)
    two = await Scripted.connect(one, Hello(2, (Address(HOST, 1),)).encode())

    two.writer.write((struct.pack(">i", 5) + b"short") * 2 + vote_for(2).encode())

    await until(lambda: one.heard == [(2, 2)])
    assert caplog.text.count("Ignored a malformed notification of server 2") == 1


async def test_a_hello_and_notifications_may_come_in_any_pieces(start: Start) -> None:
    one = await start(1)
    two = await Scripted.connect(one)

    for byte in Hello(2, (Address(HOST, 1),)).encode() + vote_for(2).encode():
        two.writer.write(bytes([byte]))
        await settle(2)

    await until(lambda: one.heard == [(2, 2)])


async def test_a_hello_from_before_3_5_is_accepted(start: Start) -> None:
    one = await start(1)

    await Scripted.connect(one, struct.pack(">q", 2) + vote_for(2).encode())

    await until(lambda: one.heard == [(2, 2)])


async def test_who_says_nothing_is_closed(start: Start) -> None:
    one = await start(1, hello_timeout=Seconds(0.01))

    silent = await Scripted.connect(one, b"\xff")

    assert await silent.is_closed()


async def test_who_has_not_said_who_it_is_gives_way_when_they_are_too_many(start: Start) -> None:
    one = await start(1)
    crowd = [await Scripted.connect(one) for _ in range(64)]
    await settle()

    two = await Scripted.connect(one, Hello(2, (Address(HOST, 1),)).encode() + vote_for(2).encode())

    assert await crowd[0].is_closed()
    await until(lambda: one.heard == [(2, 2)])
    for each in (*crowd, two):
        each.writer.close()


async def test_strangers_are_limited(start: Start) -> None:
    one = await start(1)
    crowd = [await Scripted.connect(one, Hello(100 + n, (Address(HOST, 1),)).encode()) for n in range(33)]

    assert await crowd[0].is_closed()
    await until(lambda: one.connections.connected() == list(range(101, 133)))


async def test_attempts_to_connect_to_strangers_are_limited(unresponsive: Unresponsive) -> None:
    server = await Server(1000, free_port(), {}, connect_timeout=Seconds(1000.0)).listen()

    for n in range(100):
        stranger = await Scripted.connect(server, Hello(n, (Address(unresponsive.host, 1),)).encode())
        assert await stranger.is_closed()

    await until(lambda: unresponsive.attempts == 32)
    await server.connections.close()
    assert unresponsive.attempts == 0


async def test_a_server_that_is_removed_is_no_longer_connected_to(start: Start, unresponsive: Unresponsive) -> None:
    two = await start(2, connect_timeout=Seconds(1000.0))
    two.connections.set_addresses({1: Address(unresponsive.host, 1)})
    two.connections.send(1, vote_for(2))
    await until(lambda: unresponsive.attempts == 1)

    two.connections.set_addresses({})

    await until(lambda: unresponsive.attempts == 0)


async def test_a_server_that_is_added_again_is_connected_to_at_once(start: Start, unresponsive: Unresponsive) -> None:
    one, two = await start(1), await start(2, connect_timeout=Seconds(1000.0))
    two.connections.set_addresses({1: Address(unresponsive.host, 1)})
    two.connections.send(1, vote_for(2))
    await until(lambda: unresponsive.attempts == 1)

    two.connections.set_addresses({})
    two.connections.set_addresses({1: Address(HOST, one.port)})
    two.connections.send(1, vote_for(2))

    await until(lambda: one.heard == [(2, 2)])
    assert unresponsive.attempts == 0


async def test_an_attempt_to_connect_to_a_stranger_outlasts_configurations(unresponsive: Unresponsive) -> None:
    server = await Server(3, free_port(), {2: Address(HOST, 1)}, connect_timeout=Seconds(1000.0)).listen()
    await Scripted.connect(server, Hello(1, (Address(unresponsive.host, 1),)).encode())
    await until(lambda: unresponsive.attempts == 1)

    server.connections.set_addresses({})
    await settle()

    assert unresponsive.attempts == 1
    await server.connections.close()


async def test_nothing_is_connected_to_after_the_end(start: Start) -> None:
    two = await start(2)
    await two.connections.close()

    two.connections.send(1, vote_for(2))
    await settle()

    assert two.connections.connected() == []
