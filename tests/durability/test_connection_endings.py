"""Every way in which a connection can end, at every stage of it, leaves nothing behind in either server.

Counted are descriptors of the process, tasks of the loop, and connections that the server remembers or that are still
somewhere in memory.
"""

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop

from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network import connection as broker_connection
from pykafka_cli.broker.network.connection import Peer
from pykafka_cli.broker.network.listener import SocketServer
from pykafka_cli.model import Seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.zookeeper.protocol.framing import frame
from pykafka_cli.zookeeper.protocol.jute import encode
from pykafka_cli.zookeeper.protocol.requests import ConnectRequest, OpCode, WatchableRequest, request_frame
from pykafka_cli.zookeeper.server import connection as zookeeper_connection
from pykafka_cli.zookeeper.server.server import ZooKeeperServer
from tests.fakes.clock import FakeClock
from tests.support.certificates import identity
from tests.support.polling import PATIENCE_S
from tests.support.standstill import watched_loop
from tests.support.zookeeper.raw_client import RawClient

CLIENTS = 8
LONG_ENOUGH_S = 60.0  # on the servers' clock, which is moved by hand
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}
FLOOD = 300


@dataclass
class Served:
    """A running server: what is left of its connections, and how a client comes to each stage of one."""

    port: int
    clock: FakeClock
    connections: Callable[[], int]
    stages: dict[str, Callable[[socket.socket], object]]


# ---- ZooKeeper

CONNECT = frame(encode(ConnectRequest(0, 0, 10_000, 0, bytes(16))) + b"\0")
EXISTS = request_frame(1, OpCode.EXISTS, WatchableRequest("/", watch=True))


def zookeeper_session(client: socket.socket) -> None:
    client.sendall(CONNECT)
    assert client.recv(1000)


ZOOKEEPER_STAGES: dict[str, Callable[[socket.socket], object]] = {
    "opened": lambda _: None,
    "in a length": lambda client: client.sendall(CONNECT[:2]),
    "in a frame": lambda client: client.sendall(CONNECT[:20]),
    "asked for a session": lambda client: client.sendall(CONNECT),
    "in a session": zookeeper_session,
    "in a request": lambda client: (zookeeper_session(client), client.sendall(EXISTS[:9])),
    "answers wait": lambda client: (zookeeper_session(client), client.sendall(EXISTS * FLOOD)),
    "a word": lambda client: client.sendall(b"ruok"),
    "garbage": lambda client: client.sendall(b"\x7f\xff\xff\xff"),
}


@asynccontextmanager
async def zookeeper(folder: Path) -> AsyncIterator[Served]:
    given = {"dataDir": folder, "clientPort": 0, "clientPortAddress": "127.0.0.1", "maxClientCnxns": 0}
    clock = FakeClock()
    server = ZooKeeperServer(ZooKeeperSettings([Property(key, str(text), 0) for key, text in given.items()]), clock)
    await server.start()
    await (await RawClient.with_session(server.port)).close()  # opens the log, which stays open
    yield Served(server.port, clock, lambda: len(server.connections), ZOOKEEPER_STAGES)
    await server.stop()


# ---- broker


def sized(request: bytes) -> bytes:
    return struct.pack(">i", len(request)) + request


BROKER_STAGES: dict[str, Callable[[socket.socket], object]] = {
    "opened": lambda _: None,
    "in a length": lambda client: client.sendall(sized(b"x")[:2]),
    "in a frame": lambda client: client.sendall(sized(b"x" * 100)[:50]),
    "answered": lambda client: (client.sendall(sized(b"x")), client.recv(100)),
    "a request waits": lambda client: client.sendall(sized(b"wait")),
    "requests wait": lambda client: client.sendall(sized(b"wait") * FLOOD),
    "answers wait": lambda client: client.sendall(sized(b"much") * FLOOD),
    "garbage": lambda client: client.sendall(b"\x7f\xff\xff\xff"),
}
LOGIN_STAGES = BROKER_STAGES | {
    "a login begun": lambda client: (client.sendall(sized(b"login")), client.recv(100)),
    "in a token": lambda client: (client.sendall(sized(b"login") + sized(b"\0a\0b")[:5]), client.recv(100)),
    "a login refused": lambda client: client.sendall(sized(b"login") + sized(b"refuse")),
}


async def answer(request: bytearray, peer: Peer) -> list[Buffer] | None:
    """Stands for a broker behind its sockets: answers at once, never, or with more than a socket takes."""
    if request == b"wait":
        await asyncio.get_running_loop().create_future()
    if request == b"login" and peer.authentication is not None:
        peer.authentication.choose("PLAIN", bare=False)
    if request == b"refuse" and peer.authentication is not None:
        with contextlib.suppress(Exception):
            peer.authentication.respond(b"\0nobody\0nothing")
    return [bytes(1 << 20 if request == b"much" else 10)]


def in_tls(stages: dict[str, Callable[[socket.socket], object]]) -> dict[str, Callable[[socket.socket], object]]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def after_handshake(stage: Callable[[socket.socket], object]) -> Callable[[socket.socket], object]:
        def go(client: socket.socket) -> None:
            # not wrap_socket, which would take the socket over: it is ended below TLS
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            encrypted = context.wrap_bio(incoming, outgoing)
            while True:
                try:
                    encrypted.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    client.sendall(outgoing.read())
                    incoming.write(client.recv(1 << 16))
            client.sendall(outgoing.read())
            stage(_Encrypting(client, encrypted, incoming, outgoing))  # type: ignore[arg-type]

        return go

    return {
        "before its handshake": lambda _: None,
        "in its handshake": lambda client: client.sendall(bytes.fromhex("16030100c8010000c4")),
        "plain in tls": lambda client: client.sendall(sized(b"x")),
        **{name: after_handshake(stage) for name, stage in stages.items()},
    }


@dataclass
class _Encrypting:
    """The two methods of a socket that stages need, through TLS."""

    client: socket.socket
    encrypted: ssl.SSLObject
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO

    def sendall(self, data: bytes) -> None:
        self.encrypted.write(data)
        self.client.sendall(self.outgoing.read())

    def recv(self, size: int) -> bytes:
        while True:
            try:
                return self.encrypted.read(size)
            except ssl.SSLWantReadError:
                self.incoming.write(self.client.recv(1 << 16))


def broker(protocol: str) -> Callable[[Path], contextlib.AbstractAsyncContextManager[Served]]:
    @asynccontextmanager
    async def serving(folder: Path) -> AsyncIterator[Served]:
        own = identity("broker.test")
        store = folder / "broker.pem"
        store.write_text(own.key + own.certificate)
        given = {
            "zookeeper.connect": "z",
            "listeners": f"{protocol}://127.0.0.1:0,INSIDE://127.0.0.1:0",
            "listener.security.protocol.map": f"{protocol}:{protocol},INSIDE:PLAINTEXT",
            "inter.broker.listener.name": "INSIDE",
            "ssl.keystore.location": str(store),
            "ssl.keystore.type": "PEM",
            "sasl.enabled.mechanisms": "PLAIN",
            f"listener.name.{protocol.lower()}.plain.sasl.jaas.config": (
                "org.apache.kafka.common.security.plain.PlainLoginModule required user_a='b';"
            ),
        }
        clock, metrics = FakeClock(), Metrics()
        settings = BrokerSettings(Property(name, text, 0) for name, text in given.items())
        server = SocketServer(settings, clock, metrics)
        endpoint, _ = await server.bind()
        await server.serve(answer)
        stages = LOGIN_STAGES if protocol.startswith("SASL") else BROKER_STAGES
        yield Served(
            endpoint.port,
            clock,
            lambda: metrics.connections_open,
            in_tls(stages) if protocol.endswith("SSL") else stages,
        )
        await server.stop(grace=Seconds(0))

    return serving


# ---- endings


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def half_close(client: socket.socket) -> None:
    """Sends no more, and reads nothing of what is sent to it."""
    client.shutdown(socket.SHUT_WR)


ENDINGS: dict[str, Callable[[socket.socket], object]] = {
    "closed": socket.socket.close,
    "reset": reset,
    "half closed": half_close,
}
SERVERS = {
    "ZooKeeper": zookeeper,
    **{protocol: broker(protocol) for protocol in ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")},
}


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def in_memory() -> "list[zookeeper_connection.Connection | broker_connection.Connection]":
    """Connections of either server that are still there."""
    gc.collect()
    kinds = (zookeeper_connection.Connection, broker_connection.Connection)
    return [each for each in gc.get_objects() if isinstance(each, kinds)]


def open_and_end(
    port: int, stage: Callable[[socket.socket], object], ending: Callable[[socket.socket], object]
) -> list[socket.socket]:
    """Many clients come to a stage and end there."""
    clients = []
    for _ in range(CLIENTS):
        client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        clients.append(client)
        with contextlib.suppress(OSError):  # the server may be quicker to end it
            stage(client)
            ending(client)
    # Connections are accepted in their order: once this one has been, so have all before it.
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as last, contextlib.suppress(OSError):
        last.shutdown(socket.SHUT_WR)
        while last.recv(1 << 16):
            pass
    return clients


async def left_behind(served: Served, pool: ThreadPoolExecutor, stage: str, ending: str) -> str:
    """What is still there after connections have ended so at that stage; nothing, in words, if all is well."""
    tasks_before, descriptors_before = len(asyncio.all_tasks()), descriptors()
    clients = await asyncio.get_running_loop().run_in_executor(
        pool, open_and_end, served.port, served.stages[stage], ENDINGS[ending]
    )
    still_open = sum(client.fileno() >= 0 for client in clients)

    def left() -> dict[str, int]:
        return {
            "connections": served.connections(),
            "tasks": len(asyncio.all_tasks()) - tasks_before,
            "descriptors": max(0, descriptors() - descriptors_before - still_open),
        }

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while any(left().values()):
                await asyncio.sleep(0)
                served.clock.advance(1)
    found = left()
    for client in clients:
        client.close()
    return ", ".join(f"{count} {what}" for what, count in found.items() if count)


@pytest.mark.parametrize(
    ("server", "loop"),
    [*((server, "uvloop") for server in SERVERS), ("ZooKeeper", "asyncio"), ("PLAINTEXT", "asyncio")],
)
def test_nothing_is_left_of_a_connection_however_it_ends(server: str, loop: str, tmp_path: Path) -> None:
    async def run() -> dict[tuple[str, str], str]:
        left, of_other_tests = {}, in_memory()
        async with SERVERS[server](tmp_path) as served, watched_loop():
            with ThreadPoolExecutor(1) as pool:
                for stage in served.stages:  # loops and logs open descriptors when they first need them
                    await left_behind(served, pool, stage, "closed")
                for stage in served.stages:
                    for ending in ENDINGS:
                        if remains := await left_behind(served, pool, stage, ending):
                            left[stage, ending] = remains
            served.clock.advance(LONG_ENOUGH_S)
            if own := [each for each in in_memory() if all(each is not other for other in of_other_tests)]:
                left["all", "in memory"] = f"{len(own)} connections"
                own.clear()
        return left

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        assert runner.run(run()) == {}
