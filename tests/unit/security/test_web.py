"""What servers of tokens and keys may do: be slow, stop, lie, send too much, or send the client elsewhere."""

import http.client
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pykafka_cli.model import Seconds
from pykafka_cli.security.web import MOST_BYTES, BadStatus, read_url
from tests.support.certificates import Authority
from tests.support.web_servers import RawServer, failed, ok, raw_server, server_context

LONG, SHORT = Seconds(60.0), Seconds(0.2)


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as running:
        yield running


def read(
    server: RawServer, data: bytes | None = None, within: Seconds = LONG, tls: ssl.SSLContext | None = None
) -> bytes:
    return read_url(urllib.request.Request(server.url, data), tls=tls, timeout=LONG, within=within)


def test_a_body_is_read(server: RawServer) -> None:
    server.response = ok(b"hello")

    assert read(server) == b"hello"


def test_a_body_in_chunks_is_read(server: RawServer) -> None:
    server.response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"

    assert read(server) == b"hello"


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 100_000 + b"\r\n\r\n",
    ],
    ids=["nothing", "TLS", "SSH", "half a chunk", "no chunk", "many headers", "a long header"],
)
def test_what_is_no_response_is_an_error(response: bytes, server: RawServer) -> None:
    server.response = response

    with pytest.raises(OSError):
        read(server)


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["head", "header", "body"]
)
def test_a_server_that_sends_a_byte_now_and_then_is_left_in_time(start: bytes, server: RawServer) -> None:
    server.response, server.trickles = start, True

    with pytest.raises(TimeoutError, match=r"it takes longer than 0\.2 s"):
        read(server, within=SHORT)


def test_a_server_that_does_not_respond_is_left_in_time(server: RawServer) -> None:
    server.stalls = True

    with pytest.raises(TimeoutError, match=r"it takes longer than 0\.2 s"):
        read(server, within=SHORT)


def test_a_handshake_that_does_not_end_is_left_in_time(server: RawServer) -> None:
    server.response, server.trickles, server.is_hasty = b"\x16\x03\x03\x40\x00", True, True
    request = urllib.request.Request(server.url.replace("http:", "https:"))

    with pytest.raises(TimeoutError, match=r"it takes longer than 0\.2 s"):
        read_url(request, tls=None, timeout=LONG, within=SHORT)


def test_more_than_anybody_needs_is_not_read(server: RawServer) -> None:
    server.response = ok(b"x" * (MOST_BYTES + 1))

    with pytest.raises(ValueError, match=f"more than {MOST_BYTES} bytes"):
        read(server)


def test_an_error_keeps_what_the_server_says(server: RawServer) -> None:
    server.response = failed(401, b'{"error": "invalid_client"}')

    with pytest.raises(BadStatus, match="401") as refused:
        read(server)
    assert (refused.value.status, refused.value.body) == (401, b'{"error": "invalid_client"}')


def test_credentials_are_not_sent_elsewhere(server: RawServer) -> None:
    with raw_server(ok(b"caught")) as other:
        server.response = (
            f"HTTP/1.1 302 Found\r\nLocation: {other.url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        with pytest.raises(BadStatus, match=f"it redirects to {other.url}, which is not followed"):
            read(server, b"a request with credentials")
        assert other.requests == []

        assert read(server) == b"caught"


def test_https_does_not_become_http(tmp_path: Path) -> None:
    authority = Authority()
    trusting = ssl.create_default_context(cadata=authority.certificate)
    with raw_server(ok(b"forged")) as other, raw_server(tls=server_context(authority, tmp_path)) as secured:
        secured.response = (
            f"HTTP/1.1 302 Found\r\nLocation: {other.url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        with pytest.raises(BadStatus, match="which is not followed"):
            read(secured, tls=trusting)
        assert other.requests == []

        secured.response = ok(b"genuine")
        assert read(secured, tls=trusting) == b"genuine"


def test_a_certificate_that_nobody_vouches_for_is_rejected(tmp_path: Path) -> None:
    with raw_server(ok(b"forged"), tls=server_context(Authority(), tmp_path)) as secured:
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            read(secured)
        assert [request for request in secured.requests if request] == []


def test_a_redirect_to_a_file_is_not_followed(server: RawServer) -> None:
    server.response = b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"

    with pytest.raises((OSError, http.client.HTTPException)):
        read(server)
