"""Connections to a listener with TLS count from the moment at which they are accepted."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.connection import Peer
from pykafka_cli.broker.network.listener import SocketServer
from pykafka_cli.model import Seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.protocol.buffers import Buffer
from tests.fakes.clock import FakeClock
from tests.support.certificates import Authority, pem_store
from tests.support.event_loop import settle, until
from tests.support.polling import PATIENCE_S

ECHO = b"\0\0\0\1x"
DEADLINE = PATIENCE_S


async def echo(request: bytearray, _peer: Peer) -> list[Buffer]:
    return [bytes(request)]


class Listening:
    """A listener with TLS, and connections to it."""

    def __init__(self, folder: Path, given: dict[str, str]) -> None:
        self.authority, self.clock, self.metrics = Authority(), FakeClock(), Metrics()
        store = pem_store(folder / "broker.pem", self.authority.identity("CN=broker", hosts=("broker.test",)))
        named = {
            "zookeeper.connect": "z",
            "listeners": "SSL://127.0.0.1:0",
            "security.inter.broker.protocol": "SSL",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            **given,
        }
        settings = BrokerSettings(Property(name, text, 0) for name, text in named.items())
        self.server = SocketServer(settings, self.clock, self.metrics)

    async def half_open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which TLS does not begin."""
        return await asyncio.open_connection("127.0.0.1", self.server.endpoints[0].port)

    async def is_served(self) -> bool:
        context = ssl.create_default_context(cadata=self.authority.certificate)
        port = self.server.endpoints[0].port
        try:
            async with asyncio.timeout(DEADLINE):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", port, ssl=context, server_hostname="broker.test"
                )
                writer.write(ECHO)
                served = await reader.readexactly(len(ECHO)) == ECHO
                writer.close()
                await writer.wait_closed()
        except OSError:
            return False
        return served


@asynccontextmanager
async def listening(folder: Path, **given: str) -> AsyncIterator[Listening]:
    it = Listening(folder, {name.replace("_", "."): text for name, text in given.items()})
    await it.server.bind()
    await it.server.serve(echo)
    try:
        yield it
    finally:
        await it.server.stop(grace=Seconds(0))


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_ip"])
async def test_half_open_handshakes_count_among_the_connections(
    limit: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(tmp_path, **{limit: "3"}) as it:
        opened = [await it.half_open() for _ in range(3)]
        reader, writer = await it.half_open()
        async with asyncio.timeout(DEADLINE):
            assert await reader.read() == b""  # closed at once
        writer.close()
        assert f"{limit.replace('_', '.')}=3" in caplog.text
        assert it.metrics.connections_refused == 1
        assert not await it.is_served()

        opened[0][1].close()
        await until(lambda: it.metrics.connections_ended["handshake"] == 1)

        assert await it.is_served()
        for _, writer in opened:
            writer.close()


async def test_a_connection_with_tls_counts_once_and_no_longer_than_it_is_open(tmp_path: Path) -> None:
    async with listening(tmp_path, max_connections="1") as it:
        for _ in range(5):
            assert await it.is_served()
            await until(lambda: it.metrics.connections_open == 0)


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\0\x05hello", bytes(5000)])
async def test_what_is_no_handshake_leaves_nothing(
    garbage: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with listening(tmp_path, max_connections="1") as it:
        for count in range(1, 4):
            _, writer = await it.half_open()
            writer.write(garbage)
            await until(lambda: it.metrics.connections_ended["handshake"] == count)  # noqa: B023
            writer.close()
        assert await it.is_served()
    assert "TLS with 127.0.0.1:" in caplog.text
    assert "on SSL has not begun: " in caplog.text


async def test_above_the_rate_of_an_address_no_handshake_begins(tmp_path: Path) -> None:
    async with listening(tmp_path) as it:
        it.server.rates.configure("ips/127.0.0.1", {"connection_creation_rate": "1"})
        opened = [await it.half_open() for _ in range(11)]
        late = asyncio.create_task(opened[10][0].read())
        await settle()
        assert not late.done()

        it.clock.advance(1.01)

        async with asyncio.timeout(DEADLINE):
            assert await late == b""
        assert it.metrics.connections_ended == {"rate": 1}
        for _, writer in opened:
            writer.close()


async def test_half_open_handshakes_do_not_hold_up_the_stop(tmp_path: Path) -> None:
    async with listening(tmp_path) as it:
        opened = [await it.half_open() for _ in range(3)]
        async with asyncio.timeout(DEADLINE):
            await it.server.stop(grace=Seconds(3600.0))
            assert [await reader.read() for reader, _ in opened] == [b""] * 3
