"""The port for TLS, with real sockets: certificates right and wrong, and peers that never begin."""

import asyncio
import logging
import ssl
import struct
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

import pytest

from pykafka_cli.zookeeper.protocol.errors import ErrorCode
from pykafka_cli.zookeeper.protocol.records import Acl, Id
from pykafka_cli.zookeeper.protocol.requests import CreateRequest, GetDataResponse, OpCode, WatchableRequest
from pykafka_cli.zookeeper.server import ports as ports_module
from pykafka_cli.zookeeper.server.server import ServerUnusable, ZooKeeperServer
from tests.support.certificates import PASSWORD
from tests.support.event_loop import until
from tests.support.zookeeper.raw_client import RawClient
from tests.support.zookeeper.secured import ADMIN, ALICE, SERVER, Stores
from tests.support.zookeeper.starting import StartServer


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(tmp_path)


async def connected(server: ZooKeeperServer, context: ssl.SSLContext, port: int | None = None) -> RawClient:
    """A client with a session over TLS; raises OSError if TLS does not begin, AssertionError without an answer."""
    at = server.secure_port if port is None else port
    opened = await asyncio.open_connection("127.0.0.1", at, ssl=context, server_hostname="localhost")
    client = RawClient(*opened)
    assert (await client.connect()).session_id
    return client


async def is_served(server: ZooKeeperServer, stores: Stores) -> bool:
    """Whether another client with TLS is still answered."""
    client = await connected(server, stores.client(stores.alice))
    served = (await client.ask(OpCode.EXISTS, WatchableRequest("/", False)))[0] == 0
    await client.close()
    return served


async def test_who_shows_a_certificate_is_its_subject(start_server: StartServer, stores: Stores) -> None:
    server = await start_server(**stores.of_server())
    client = await connected(server, stores.client(stores.alice))
    acl = (Acl(31, Id("x509", ALICE)),)

    assert (await client.ask(OpCode.CREATE, CreateRequest("/a", b"hers", acl, 0)))[0] == 0

    err, answer = await client.ask(OpCode.GET_DATA, WatchableRequest("/a", False))
    assert (err, isinstance(answer, GetDataResponse) and answer.data) == (0, b"hers")
    over_plain = await RawClient.with_session(server.port)
    assert (await over_plain.ask(OpCode.GET_DATA, WatchableRequest("/a", False)))[0] == -102


async def test_the_subject_of_the_settings_is_a_super_user(start_server: StartServer, stores: Stores) -> None:
    server = await start_server(**stores.of_server(X509AuthenticationProvider__superUser=ADMIN))
    alice = await connected(server, stores.client(stores.alice))
    admin = await connected(server, stores.client(stores.admin))
    await alice.ask(OpCode.CREATE, CreateRequest("/a", b"", (Acl(1, Id("ip", "10.0.0.1")),), 0))

    assert (await alice.ask(OpCode.GET_DATA, WatchableRequest("/a", False)))[0] == -102
    assert (await admin.ask(OpCode.GET_DATA, WatchableRequest("/a", False)))[0] == 0


@pytest.mark.parametrize("own", ["expired", "stranger", None])
async def test_a_certificate_that_is_not_trusted_opens_no_session(
    start_server: StartServer, stores: Stores, own: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server = await start_server(**stores.of_server())

    with pytest.raises((OSError, AssertionError)):
        await connected(server, stores.client(getattr(stores, own) if own else None))

    await until(lambda: "has not begun" in caplog.text)
    assert not server.pipeline.clients
    assert server.statistics.failed_authentications == 1
    assert await is_served(server, stores)


@pytest.mark.parametrize("auth", ["want", "none"])
async def test_a_certificate_may_be_optional(start_server: StartServer, stores: Stores, auth: str) -> None:
    server = await start_server(**stores.of_server(ssl__clientAuth=auth))

    assert await connected(server, stores.client(None))


@pytest.mark.parametrize(("protocol", "version"), [("TLSv1.2", "TLSv1.2"), ("TLSv1.3", "TLSv1.3"), ("TLS", "TLSv1.3")])
async def test_the_version_is_that_of_the_settings(
    start_server: StartServer, stores: Stores, protocol: str, version: str
) -> None:
    server = await start_server(**stores.of_server(ssl__protocol=protocol))

    client = await connected(server, stores.client(stores.alice))

    assert client.writer.get_extra_info("ssl_object").version() == version


async def test_a_version_that_is_not_enabled_is_not_spoken(start_server: StartServer, stores: Stores) -> None:
    server = await start_server(**stores.of_server(ssl__enabledProtocols="TLSv1.3"))
    context = stores.client(stores.alice)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    with pytest.raises(OSError):
        await connected(server, context)


async def test_stores_may_be_pkcs12_and_passwords_in_files(
    start_server: StartServer, stores: Stores, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    store = stores.pkcs12("server", stores.authority.identity(SERVER))
    keys = {
        f"ssl__{kind}__{name}": value
        for kind in ("keyStore", "trustStore")
        for name, value in (("location", store), ("passwordPath", password))
    }

    assert await is_served(await start_server(**stores.of_server(**keys)), stores)


async def test_a_server_may_have_no_port_without_tls(start_server: StartServer, stores: Stores, tmp_path: Path) -> None:
    server = await start_server(clientPort=None, clientPortAddress=None, **stores.of_server())

    assert await is_served(server, stores)
    assert dict(server.configuration())["clientPort"] == -1
    assert dict(server.configuration())["secureClientPort"] == server.secure_port


@pytest.mark.parametrize(
    "sent",
    [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", bytes(200), b"\x16\x03\x01\x40\x00" + bytes(16), b"ruok"],
)
async def test_what_is_no_handshake_costs_nobody_else_anything(
    start_server: StartServer, stores: Stores, sent: bytes
) -> None:
    server = await start_server(**stores.of_server())
    strangers = [await RawClient.open(server.secure_port) for _ in range(20)]
    for stranger in strangers:
        stranger.writer.write(sent)

    assert await is_served(server, stores)

    for stranger in strangers:
        await stranger.close()
    assert await is_served(server, stores)
    await until(lambda: not server.connections)
    assert server.connection_limits.count == 0


async def test_peers_that_reset_in_the_middle_of_a_handshake_leave_nothing(
    start_server: StartServer, stores: Stores
) -> None:
    server = await start_server(**stores.of_server())
    for _ in range(20):
        client = await RawClient.open(server.secure_port)
        client.writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        client.writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        client.writer.transport.abort()

    await until(lambda: server.connection_limits.count == 0 and server.statistics.failed_authentications == 20)
    assert await is_served(server, stores)


async def test_half_open_handshakes_count_among_the_connections_of_their_address(
    start_server: StartServer, stores: Stores
) -> None:
    server = await start_server(maxClientCnxns=3, **stores.of_server())
    waiting = [await RawClient.open(server.secure_port) for _ in range(3)]
    await until(lambda: server.connection_limits.count == 3)

    one_more = await RawClient.open(server.secure_port)

    assert await one_more.rest() == b""
    await waiting[0].close()
    await until(lambda: server.connection_limits.count == 2)
    assert await is_served(server, stores)


async def test_a_handshake_that_does_not_come_is_not_waited_for(
    start_server: StartServer, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports_module, "SESSIONLESS_S", 0.05)
    server = await start_server(**stores.of_server())

    silent = await RawClient.open(server.secure_port)

    assert await silent.rest() == b""
    await until(lambda: server.connection_limits.count == 0)


async def test_a_server_stops_while_handshakes_are_under_way(start_server: StartServer, stores: Stores) -> None:
    server = await start_server(**stores.of_server())
    silent = await RawClient.open(server.secure_port)
    await until(lambda: server.connection_limits.count == 1)

    await server.stop()

    assert await silent.rest() == b""
    assert server.connection_limits.count == 0


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"ssl__keyStore__location": None}, "ssl.keyStore.location is not set: TLS needs"),
        ({"ssl__trustStore__location": None}, "ssl.trustStore.location is not set: clients' certificates"),
        ({"ssl__keyStore__location": "/nowhere"}, "ssl.keyStore.location=/nowhere: no such file or directory"),
        ({"ssl__keyStore__passwordPath": "/nowhere"}, "ssl.keyStore.passwordPath=/nowhere cannot be read"),
        ({"ssl__ciphersuites": "TLS_NULL"}, "Unsupported CipherSuite: TLS_NULL"),
    ],
)
async def test_tls_that_cannot_be_refuses_to_start(
    start_server: StartServer, stores: Stores, keys: dict[str, str | None], words: str
) -> None:
    with pytest.raises(ServerUnusable) as refused:
        await start_server(**stores.of_server(**keys))

    assert words in str(refused.value)


UNIFIED = {"client__portUnification": "true", "secureClientPort": None, "secureClientPortAddress": None}


async def test_one_port_may_serve_both_who_use_tls_and_who_do_not(start_server: StartServer, stores: Stores) -> None:
    server = await start_server(**{**stores.of_server(), **UNIFIED})
    alice = await connected(server, stores.client(stores.alice), server.port)
    plain = await RawClient.with_session(server.port)
    acl = (Acl(31, Id("x509", ALICE)),)

    assert (await alice.ask(OpCode.CREATE, CreateRequest("/a", b"hers", acl, 0)))[0] == 0

    assert (await alice.ask(OpCode.GET_DATA, WatchableRequest("/a", False)))[0] == 0
    assert (await plain.ask(OpCode.GET_DATA, WatchableRequest("/a", False)))[0] == -102
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"srvr")
    assert (await reader.read()).startswith(b"Zookeeper version")


async def test_on_one_port_for_both_a_stranger_does_not_pass_for_a_plain_client(
    start_server: StartServer, stores: Stores
) -> None:
    server = await start_server(**{**stores.of_server(), **UNIFIED, "requireClientAuthScheme": "x509"})
    plain = RawClient(*await asyncio.open_connection("127.0.0.1", server.port))

    with pytest.raises((OSError, AssertionError)):
        await connected(server, stores.client(stores.stranger), server.port)
    await plain.connect()

    assert (await plain.ask(OpCode.EXISTS, WatchableRequest("/", False)))[
        0
    ] == ErrorCode.SESSION_CLOSED_REQUIRE_SASL_AUTH


async def test_on_one_port_for_both_who_sends_nothing_is_left_in_time(
    start_server: StartServer, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports_module, "SESSIONLESS_S", 0.1)
    server = await start_server(**{**stores.of_server(), **UNIFIED})
    silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(5)]

    assert [await reader.read() for reader, _ in silent] == [b""] * 5

    for _, writer in silent:
        writer.close()
    assert await RawClient.with_session(server.port)


async def test_one_port_for_both_needs_a_certificate(start_server: StartServer) -> None:
    with pytest.raises(ServerUnusable, match=r"clientPort with TLS cannot be opened: .*ssl\.keyStore\.location"):
        await start_server(client__portUnification="true")
