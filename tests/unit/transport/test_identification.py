"""Who listens on a port: recognized by first bytes, and asked on real sockets."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pykafka_cli.transport.identification import Kind, Peer, identify, recognize
from tests.support.certificates import identity
from tests.support.ports import free_port

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PATIENCE_S = 30.0
HURRY_S = 0.05
"""For peers that never respond: each question costs so much."""


@pytest.mark.parametrize(
    ("first_bytes", "kind"),
    [
        (b"\0\0\0\x0a\0\0\x70\x6b\0\0\0\0\0\0", Kind.KAFKA),
        (b"\0\0\0\x0a\0\0\x70\x6c\0\0\0\0\0\0", Kind.OTHER),
        (b"\x7f\xff\xff\xff\0\0\x70\x6b", Kind.OTHER),
        (b"\x15\x03\x03\0\x02\x02\x46", Kind.TLS),
        (b"HTTP/1.1 400 Bad Request\r\n", Kind.HTTP),
        (b'<!DOCTYPE HTML>\n<html lang="en">', Kind.HTTP),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Kind.SSH),
        (b"Zookeeper version: 3.8.4", Kind.ZOOKEEPER),
        (b"srvr is not executed because it is not in the whitelist.\n", Kind.ZOOKEEPER),
        (b"-ERR unknown command\r\n", Kind.OTHER),
        (b"\0", Kind.OTHER),
    ],
)
def test_first_bytes_say_who_sent_them(first_bytes: bytes, kind: Kind) -> None:
    assert recognize(first_bytes) is kind


def test_what_is_said_of_others_shows_what_they_sent() -> None:
    said = Peer(Kind.OTHER, b"-ERR unknown command\r\n" * 9).describe("localhost:6379")
    assert said == "localhost:6379 does not speak Kafka's protocol: it sent b'-ERR unknown command\\r\\n-E'"


@asynccontextmanager
async def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server that treats each connection so."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def answer_zookeeper_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if await reader.read(4) == b"srvr":
        writer.write(b"Zookeeper version: 3.8.4\n")
        await writer.drain()
    writer.close()


async def answer_http_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if b"\r\n\r\n" in await reader.read(512):
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
        await writer.drain()
        writer.close()
    else:
        await reader.read()


async def close_at_once(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.com ESMTP\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("serve", "kind", "patience"),
    [
        (answer_zookeeper_only, Kind.ZOOKEEPER, PATIENCE_S),
        (answer_http_only, Kind.HTTP, 1.0),
        (close_at_once, Kind.CLOSING, PATIENCE_S),
        (reset, Kind.CLOSING, PATIENCE_S),
        (say_nothing, Kind.SILENT, HURRY_S),
        (greet, Kind.OTHER, PATIENCE_S),
    ],
)
def test_servers_of_other_kinds(serve: Serve, kind: Kind, patience: float) -> None:
    async def run() -> Peer:
        async with listening(serve) as port:
            return await identify("127.0.0.1", port, patience)

    assert asyncio.run(run()).kind is kind


def test_a_tls_listener(tmp_path: Path) -> None:
    own = identity("localhost")
    (tmp_path / "server.pem").write_text(own.key + own.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")

    async def run() -> Peer:
        async with listening(say_nothing, context) as port:
            return await identify("127.0.0.1", port, PATIENCE_S)

    assert asyncio.run(run()).kind is Kind.TLS


def test_nobody() -> None:
    assert asyncio.run(identify("127.0.0.1", free_port(), PATIENCE_S)).kind is Kind.UNREACHABLE
