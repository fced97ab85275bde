"""Key stores and trust stores that change while a broker runs, and what brokers require of their own."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509

from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.connection import Peer
from pykafka_cli.broker.network.listener import SocketServer
from pykafka_cli.broker.network.peer_security import PeerSecurity
from pykafka_cli.model import Seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.protocol.buffers import Buffer
from tests.fakes.clock import FakeClock
from tests.support.certificates import Authority, pem_store
from tests.support.polling import PATIENCE_S

KEY_STORE = "listener.name.ssl.ssl.keystore.location"


async def echo(request: bytearray, _peer: Peer) -> list[Buffer]:
    return [bytes(request)]


class Client:
    """One connection over TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self.serial = x509.load_der_x509_certificate(certificate).serial_number

    async def ask(self, question: bytes) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            self.writer.write(struct.pack(">i", len(question)) + question)
            (size,) = struct.unpack(">i", await self.reader.readexactly(4))
            return await self.reader.readexactly(size)


class Broker:
    """Listeners over TLS, and the settings that they follow."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.authority, self.folder = Authority(), folder
        self.trust = folder / "trust.pem"
        self.trust.write_text(self.authority.certificate)
        given = {
            "zookeeper.connect": "z",
            "listeners": "SSL://127.0.0.1:0",
            "security.inter.broker.protocol": "SSL",
            "ssl.keystore.type": "PEM",
            KEY_STORE: str(self.store("first")),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.trust),
            **{name.replace("_", "."): text for name, text in more.items()},
        }
        self.settings = BrokerSettings(Property(name, text, 0) for name, text in given.items())
        self.server = SocketServer(self.settings, FakeClock(), Metrics())

    def store(self, name: str, subject: str = "CN=broker", hosts: tuple[str, ...] = ("broker.test",)) -> Path:
        return pem_store(self.folder / f"{name}.pem", self.authority.identity(subject, hosts=hosts))

    async def connect(self) -> Client:
        async with asyncio.timeout(PATIENCE_S):
            context = ssl.create_default_context(cadata=self.authority.certificate)
            port = self.server.endpoints[0].port
            return Client(*await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="broker.test"))


@asynccontextmanager
async def serving(broker: Broker) -> AsyncIterator[Broker]:
    await broker.server.bind()
    await broker.server.serve(echo)
    try:
        yield broker
    finally:
        await broker.server.stop(grace=Seconds(0))


async def test_new_connections_see_the_new_certificate_and_those_that_are_open_stay(tmp_path: Path) -> None:
    async with serving(Broker(tmp_path)) as broker:
        before = await broker.connect()
        broker.settings.apply_dynamic({}, {KEY_STORE: str(broker.store("second"))})
        await broker.server.reload()
        after = await broker.connect()

        assert after.serial != before.serial
        assert [await client.ask(b"x") for client in (before, after)] == [b"x", b"x"]


async def test_a_store_that_was_written_anew_is_read_again(tmp_path: Path) -> None:
    async with serving(Broker(tmp_path)) as broker:
        before = await broker.connect()
        broker.store("first")
        await broker.server.reload()

        assert (await broker.connect()).serial != before.serial


async def test_a_store_that_cannot_be_used_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Broker(tmp_path)) as broker:
        before = await broker.connect()
        (tmp_path / "first.pem").write_text("no certificate")
        await broker.server.reload()

        assert (await broker.connect()).serial == before.serial
        assert "listener SSL keeps the security that it has: Failed to load the SSL keystore" in caplog.text


async def test_certificates_swapped_under_load_lose_no_connection(tmp_path: Path) -> None:
    async with serving(Broker(tmp_path)) as broker:

        async def come_and_go() -> int:
            served = 0
            while not done.is_set():
                client = await broker.connect()
                served += await client.ask(b"x") == b"x"
                client.writer.close()
            return served

        done = asyncio.Event()
        clients = [asyncio.create_task(come_and_go()) for _ in range(3)]
        for _ in range(10):
            broker.store("first")
            await broker.server.reload()
            assert await (await broker.connect()).ask(b"y") == b"y"
        done.set()

        assert all(served > 0 for served in await asyncio.gather(*clients))


@pytest.mark.parametrize(
    ("subject", "hosts", "words"),
    [
        ("CN=other", ("broker.test",), "DistinguishedName does not match: existing=CN=broker, new=CN=other"),
        ("CN=broker", ("elsewhere",), "SubjectAltNames do not match: existing=broker.test, new=elsewhere"),
    ],
)
async def test_a_certificate_of_another_name_is_rejected_unless_that_is_allowed(
    subject: str, hosts: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    async with serving(Broker(tmp_path)) as broker:
        other = {KEY_STORE: str(broker.store("other", subject, hosts))}
        with pytest.raises(ConfigError, match=words):
            broker.settings.check_dynamic({}, other, broker.server.ensure_usable)
    async with serving(Broker(tmp_path, ssl_allow_dn_changes="true", ssl_allow_san_changes="true")) as broker:
        broker.settings.check_dynamic({}, other, broker.server.ensure_usable)


async def test_settings_that_a_listener_cannot_use_are_rejected(tmp_path: Path) -> None:
    async with serving(Broker(tmp_path)) as broker:
        with pytest.raises(ConfigError, match=r"listener SSL cannot use this: /nowhere\.pem: no such file"):
            broker.settings.check_dynamic({}, {KEY_STORE: "/nowhere.pem"}, broker.server.ensure_usable)


def test_a_broker_whose_certificate_its_own_trust_store_does_not_trust_is_not_to_start(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    assert PeerSecurity(broker.settings, FakeClock()).tls is not None

    broker.trust.write_text(Authority("stranger").certificate)

    with pytest.raises(ValueError, match="does not accept its own certificate: unable to get local issuer"):
        PeerSecurity(broker.settings, FakeClock())


def test_a_broker_that_does_not_trust_itself_as_a_client_is_not_to_start(tmp_path: Path) -> None:
    clients = tmp_path / "clients.pem"
    clients.write_text(Authority("clients").certificate)
    broker = Broker(tmp_path, ssl_client_auth="required", listener_name_ssl_ssl_truststore_location=str(clients))

    with pytest.raises(ValueError, match="does not accept its own certificate"):
        PeerSecurity(broker.settings, FakeClock())


async def test_handshakes_that_are_never_finished_hold_up_nobody(tmp_path: Path) -> None:
    async with serving(Broker(tmp_path)) as broker:
        port = broker.server.endpoints[0].port
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        for _, writer in silent[::2]:
            writer.write(b"\x16\x03\x01\x02\x00")  # a record of a handshake, and not one byte of what is in it

        assert await (await broker.connect()).ask(b"x") == b"x"
        for _, writer in silent:
            writer.close()


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 1000, b"\x16\x03\x01\0\x05hello"])
async def test_what_is_no_tls_ends_its_own_connection_only(garbage: bytes, tmp_path: Path) -> None:
    async with serving(Broker(tmp_path)) as broker:
        client = await broker.connect()
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.server.endpoints[0].port)
        writer.write(garbage)
        async with asyncio.timeout(PATIENCE_S):
            await reader.read()

        assert await client.ask(b"x") == b"x"
        writer.close()
