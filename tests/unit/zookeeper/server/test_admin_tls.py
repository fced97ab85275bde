"""The admin server with TLS, over real sockets."""

import asyncio
import ssl
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path

import pytest

from pykafka_cli.zookeeper.server.server import ServerUnusable
from tests.support.certificates import PASSWORD
from tests.support.zookeeper.secured import SERVER, Stores
from tests.support.zookeeper.starting import StartServer

FORCED, OPTIONAL = {"admin__forceHttps": "true"}, {"admin__portUnification": "true"}
TIMEOUT_S = 60


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(tmp_path)


def keys_of(stores: Stores, **more: object) -> dict[str, object]:
    return {
        "admin__enableServer": "true",
        "admin__serverPort": 0,
        "ssl__quorum__keyStore__location": stores.server,
        "ssl__quorum__trustStore__location": stores.trust,
        **more,
    }


async def port_of(start_server: StartServer, keys: Mapping[str, object]) -> int:
    server = await start_server(**keys)
    assert server.http is not None
    assert server.http.admin_port is not None
    return server.http.admin_port


async def answer(port: int, tls: ssl.SSLContext | None) -> tuple[int, str | None]:
    """The status of `ruok`, and how long clients shall use nothing but TLS; raises OSError."""

    def ask() -> tuple[int, str | None]:
        url = f"{'https' if tls else 'http'}://localhost:{port}/commands/ruok"
        with urllib.request.urlopen(url, timeout=TIMEOUT_S, context=tls) as response:
            assert response.read() == b'{\n  "command" : "ruok",\n  "error" : null\n}'
            return response.status, response.headers.get("Strict-Transport-Security")

    return await asyncio.to_thread(ask)


async def test_commands_are_served_by_tls_only_where_that_is_forced(start_server: StartServer, stores: Stores) -> None:
    port = await port_of(start_server, keys_of(stores, **FORCED))

    assert await answer(port, stores.client(None)) == (200, "max-age=86400; includeSubDomains")
    with pytest.raises((OSError, HTTPException)):
        await answer(port, None)


async def test_one_port_may_serve_both_tls_and_plain_clients(start_server: StartServer, stores: Stores) -> None:
    port = await port_of(start_server, keys_of(stores, **OPTIONAL))

    assert await answer(port, stores.client(None)) == (200, "max-age=86400; includeSubDomains")
    assert await answer(port, None) == (200, None)


@pytest.mark.parametrize("own", [None, "stranger", "expired"])
async def test_clients_must_show_a_certificate_where_that_is_required(
    start_server: StartServer, stores: Stores, own: str | None
) -> None:
    port = await port_of(start_server, keys_of(stores, **FORCED, admin__needClientAuth="true"))

    with pytest.raises(OSError):
        await answer(port, stores.client(getattr(stores, own) if own else None))
    assert (await answer(port, stores.client(stores.alice)))[0] == 200


async def test_stores_may_be_pkcs12_with_the_password_in_a_file(
    start_server: StartServer, stores: Stores, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    store = stores.pkcs12("server", stores.authority.identity(SERVER))
    keys = {"ssl__quorum__keyStore__location": store, "ssl__quorum__keyStore__passwordPath": password}

    port = await port_of(start_server, keys_of(stores, **FORCED, **keys))

    assert (await answer(port, stores.client(None)))[0] == 200


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x40\x00" + bytes(16), b"GET / HTTP/1.1\r\n\r\n"])
async def test_what_is_no_handshake_costs_nobody_else_anything(
    start_server: StartServer, stores: Stores, sent: bytes
) -> None:
    port = await port_of(start_server, keys_of(stores, **FORCED))
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)

    assert (await answer(port, stores.client(None)))[0] == 200
    writer.close()


async def test_who_never_completes_a_handshake_is_disconnected(start_server: StartServer, stores: Stores) -> None:
    port = await port_of(start_server, keys_of(stores, **FORCED, admin__idleTimeout=50))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x16\x03\x01\x40\x00")

    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"ssl__quorum__keyStore__location": None}, "ssl.quorum.keyStore.location is not set"),
        ({"ssl__quorum__keyStore__location": "/no/such/file"}, "ssl.quorum.keyStore.location=/no/such/file"),
        (
            {"ssl__quorum__trustStore__location": None, "admin__needClientAuth": "true"},
            "ssl.quorum.trustStore.location is not set",
        ),
    ],
)
async def test_a_server_whose_admin_server_cannot_use_tls_does_not_start(
    start_server: StartServer, stores: Stores, keys: dict[str, object], words: str
) -> None:
    with pytest.raises(ServerUnusable) as refused:
        await start_server(**keys_of(stores, **{**FORCED, **keys}))

    assert str(refused.value).startswith(f"the admin server cannot use TLS: {words}")
