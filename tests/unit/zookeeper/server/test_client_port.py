import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from pykafka_cli.zookeeper.server.client_port import ClientPort, Close
from pykafka_cli.zookeeper.server.listening import CannotListen
from tests.support.ports import free_port

HOST = "127.0.0.1"


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


class Client:
    """A connection, and what comes back on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection(HOST, port))

    async def echo(self, data: bytes) -> bytes:
        self._writer.write(data)
        return await self._reader.readexactly(len(data))

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
async def port() -> AsyncIterator[ClientPort]:
    async def accept(listening: socket.socket) -> Close:
        server = await asyncio.get_running_loop().create_server(Echo, sock=listening)

        async def close() -> None:
            server.close()

        return close

    port = ClientPort(accept, 16)
    listening = socket.create_server((HOST, 0))
    listening.setblocking(False)
    await port.open(listening)
    yield port
    await port.close()


async def test_a_port_that_moves_keeps_its_connections_and_accepts_others_at_the_new_address(port: ClientPort) -> None:
    former = port.port
    before = await Client.open(former)
    assert await before.echo(b"one") == b"one"

    await port.move(HOST, free_port())
    after = await Client.open(port.port)

    assert port.port != former
    assert await before.echo(b"two") == b"two"
    assert await after.echo(b"three") == b"three"
    with pytest.raises(ConnectionRefusedError):
        await Client.open(former)
    for client in (before, after):
        client.close()


async def test_the_same_port_of_another_address_is_opened_once_it_is_free(port: ClientPort) -> None:
    before = await Client.open(port.port)
    assert await before.echo(b"one") == b"one"

    await port.move("0.0.0.0", port.port)
    after = await Client.open(port.port)

    assert await before.echo(b"two") == b"two"
    assert await after.echo(b"three") == b"three"
    for client in (before, after):
        client.close()


async def test_a_port_that_cannot_be_opened_leaves_the_former_one(port: ClientPort) -> None:
    with socket.create_server((HOST, 0)) as taken, pytest.raises(CannotListen, match="is in use"):
        await port.move(HOST, taken.getsockname()[1])

    client = await Client.open(port.port)

    assert await client.echo(b"one") == b"one"
    client.close()
