"""The keys of an issuer of tokens, from a file and from a server of the test's own."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from pykafka_cli.broker.network.issuer_keys import IssuerKeys, KeySource
from pykafka_cli.model import Milliseconds, Seconds
from pykafka_cli.security.web import MOST_BYTES
from tests.fakes.clock import FakeClock
from tests.support.certificates import Authority
from tests.support.event_loop import until
from tests.support.issuer_servers import IssuerServer, SecureIssuerServer, published, serving
from tests.support.web_servers import ok, raw_server

HOUR_S = 3600.0


@pytest.fixture
def issuer() -> Iterator[IssuerServer]:
    with serving(IssuerServer(content=published("one"))) as server:
        yield server


def source(url: str) -> KeySource:
    return KeySource(url, Milliseconds(3_600_000), Milliseconds(100), Milliseconds(400))


def names(keys: IssuerKeys) -> list[str | None]:
    return [] if keys.keys is None else [key.kid for key in keys.keys.keys]


async def test_keys_are_read_at_the_start_and_every_hour(issuer: IssuerServer) -> None:
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


async def test_a_key_that_is_not_known_has_them_read_again_but_not_at_once_each_time(issuer: IssuerServer) -> None:
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
    issuer: IssuerServer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    keys = IssuerKeys(source(issuer.url), None, clock)
    issuer.content = None
    keys.start()
    await until(lambda: "no token is accepted" in caplog.text and clock.pending == 1)
    issuer.content = published("one")
    clock.advance(0.1)
    await until(lambda: names(keys) == ["one"] and clock.pending == 2)

    issuer.content = b"[]"
    clock.advance(HOUR_S)
    await until(lambda: "the earlier keys remain in use" in caplog.text)

    assert names(keys) == ["one"]
    keys.stop()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"keys": 1}', b'{"keys": [{}]}', b"\xff", b"[" * 100_000])
def test_a_file_without_keys_is_rejected(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(content)

    with pytest.raises(ValueError, match="cannot read the keys of the token issuer from file:"):
        IssuerKeys(source(f"file://{file}"), None, FakeClock())


def test_a_url_of_another_kind_is_rejected() -> None:
    with pytest.raises(ValueError, match="is not a file:, https: or http: URL"):
        IssuerKeys(source("ldap://issuer"), None, FakeClock())


async def test_an_authority_of_ones_own_vouches_for_the_issuers_server_and_no_other_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority, clock = Authority(), FakeClock()
    with serving(SecureIssuerServer(authority, tmp_path, content=published("one"))) as issuer:
        trusting = IssuerKeys(source(issuer.url), ssl.create_default_context(cadata=authority.certificate), clock)
        wary = IssuerKeys(source(issuer.url), ssl.create_default_context(cadata=Authority().certificate), clock)
        trusting.start()
        wary.start()
        await until(lambda: names(trusting) == ["one"] and "certificate verify failed" in caplog.text)
        trusting.stop()
        wary.stop()

    assert names(wary) == []


async def test_a_server_that_never_comes_to_an_end_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    with raw_server(b"HTTP/1.0 200 OK\r\n\r\n") as issuer:
        issuer.trickles = True
        keys = IssuerKeys(source(issuer.url), None, FakeClock(), within=Seconds(0.2))
        keys.start()
        await until(lambda: "it takes longer than 0.2 s; no token is accepted" in caplog.text)
        keys.stop()


@pytest.mark.parametrize(
    "lie",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhel",
        b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n",
        ok(b"x" * (MOST_BYTES + 1)),
        ok(b'{"keys": [{"kty": "oct", "k": ""}]}'),
    ],
    ids=["SSH", "half", "a file", "too much", "no public key"],
)
async def test_whatever_a_server_sends_it_is_asked_again(lie: bytes, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    with raw_server(lie) as issuer:
        keys = IssuerKeys(source(issuer.url), None, clock)
        keys.start()
        await until(lambda: clock.pending > 0)
        issuer.response = ok(published("one"))
        clock.advance(HOUR_S)
        await until(lambda: names(keys) == ["one"])
        keys.stop()
