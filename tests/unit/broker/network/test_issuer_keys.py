"""The keys of an issuer of tokens, from a file and from a server of the test's own."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from pykafka_cli.broker.network.issuer_keys import IssuerKeys, KeySource
from pykafka_cli.model import Milliseconds
from tests.fakes.clock import FakeClock
from tests.support.event_loop import until

HOUR_S = 3600.0


def published(*names: str) -> bytes:
    return json.dumps(
        {"keys": [ECKey.generate_key("P-256", {"kid": name}).as_dict(private=False) for name in names]}
    ).encode()


class Issuer(HTTPServer):
    """Answers with `content`, or with an error if there is none."""

    content: bytes | None = published("one")
    requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/keys"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Issuer)
        server.requests += 1
        self.send_response(200 if server.content is not None else 503)
        self.end_headers()
        self.wfile.write(server.content or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    server = Issuer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def source(url: str) -> KeySource:
    return KeySource(url, Milliseconds(3_600_000), Milliseconds(100), Milliseconds(400))


def names(keys: IssuerKeys) -> list[str | None]:
    return [] if keys.keys is None else [key.kid for key in keys.keys.keys]


async def test_keys_are_read_at_the_start_and_every_hour(issuer: Issuer) -> None:
    clock = FakeClock()
    keys = IssuerKeys(source(issuer.url), None, clock)
    assert names(keys) == []
    keys.start()
    await until(lambda: names(keys) == ["one"])

    issuer.content = published("one", "two")
    await until(lambda: clock.pending == 2)
    clock.advance(HOUR_S)
    await until(lambda: names(keys) == ["one", "two"])
    keys.stop()


async def test_a_key_that_is_not_known_has_them_read_again_but_not_at_once_each_time(issuer: Issuer) -> None:
    clock = FakeClock()
    keys = IssuerKeys(source(issuer.url), None, clock)
    keys.start()
    await until(lambda: names(keys) == ["one"] and clock.pending == 2)
    issuer.content = published("two")

    for _ in range(5):
        keys.miss()
    clock.advance(59.0)
    assert issuer.requests == 1
    clock.advance(1.0)

    await until(lambda: names(keys) == ["two"])
    keys.stop()


async def test_an_issuer_that_fails_is_asked_again_soon_and_its_last_keys_hold(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    keys = IssuerKeys(source(issuer.url), None, clock)
    issuer.content = None
    keys.start()
    await until(lambda: "no token lets anybody in" in caplog.text and clock.pending == 1)
    issuer.content = published("one")
    clock.advance(0.1)
    await until(lambda: names(keys) == ["one"] and clock.pending == 2)

    issuer.content = b"[]"
    clock.advance(HOUR_S)
    await until(lambda: "the keys from before hold" in caplog.text)

    assert names(keys) == ["one"]
    keys.stop()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"keys": 1}', b'{"keys": [{}]}', b"\xff", b"[" * 100_000])
def test_a_file_without_keys_is_rejected(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(content)

    with pytest.raises(ValueError, match="no keys of the issuer of tokens from file:"):
        IssuerKeys(source(f"file://{file}"), None, FakeClock())


def test_a_url_of_another_kind_is_rejected() -> None:
    with pytest.raises(ValueError, match="is none of file:, https: and http:"):
        IssuerKeys(source("ldap://issuer"), None, FakeClock())
