import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from pykafka_cli.http_endpoint import LONGEST_HEAD, MOST_CONNECTIONS, HttpEndpoint, called_on
from pykafka_cli.model import Seconds

HOST = "127.0.0.1"
LONG = Seconds(600.0)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/broken":
        raise ValueError("broken")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode()]


@pytest.fixture
async def endpoint() -> AsyncIterator[HttpEndpoint]:
    endpoint = HttpEndpoint(HOST, 0, application, LONG)
    endpoint.start()
    yield endpoint
    await endpoint.stop()


async def ask(port: int, request: bytes) -> bytes:
    """Everything that comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


async def get(port: int, path: str = "/x") -> bytes:
    return await ask(port, f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())


async def test_a_request_is_passed_on_and_the_connection_closed(endpoint: HttpEndpoint) -> None:
    head, _, body = (await get(endpoint.port)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b"Content-Type: text/plain\r\nContent-Length: 6" in head
    assert body == b"GET /x"


async def test_head_has_the_headers_of_get_and_no_body(endpoint: HttpEndpoint) -> None:
    head, _, body = (await ask(endpoint.port, b"HEAD /x HTTP/1.1\r\n\r\n")).partition(b"\r\n\r\n")

    assert b"Content-Length: 6" in head
    assert body == b""


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"TRACE", b"OPTIONS"])
async def test_nothing_can_be_sent(endpoint: HttpEndpoint, method: bytes) -> None:
    response = await ask(endpoint.port, method + b" /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n")

    assert response.startswith(b"HTTP/1.0 405 Method Not Allowed\r\n")
    assert b"Allow: GET, HEAD\r\n" in response


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\r\n\r\n", b""),
        (b"\n\n", b""),
        (b"GET\r\n\r\n", b"400"),
        (b"GET /x HTTP/9.9.9\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", b"400"),
        (b"GET /x HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /" + b"x" * 2 * LONGEST_HEAD, b"431"),
    ],
    ids=["empty", "empty lines", "no path", "no version", "TLS", "many headers", "too long"],
)
async def test_what_is_no_request_gets_an_error_and_others_are_served(
    endpoint: HttpEndpoint, request_: bytes, status: bytes
) -> None:
    try:
        response = await ask(endpoint.port, request_)
    except ConnectionResetError:  # it did not read everything
        response = b"HTTP/1.0 431 "

    assert status in response.partition(b"\r\n")[0]
    assert (await get(endpoint.port)).endswith(b"GET /x")


async def test_whoever_sends_no_whole_request_in_time_is_disconnected() -> None:
    endpoint = HttpEndpoint(HOST, 0, application, Seconds(0.01))
    endpoint.start()

    assert await ask(endpoint.port, b"") == b""
    assert await ask(endpoint.port, b"GET /x HTTP/1.1\r\nHost:") == b""
    await endpoint.stop()


async def test_there_are_only_so_many_connections_and_room_again_when_some_end(endpoint: HttpEndpoint) -> None:
    idle = [await asyncio.open_connection(HOST, endpoint.port) for _ in range(MOST_CONNECTIONS)]
    try:
        refused = await get(endpoint.port)
    except ConnectionResetError:
        refused = b""
    for _, writer in idle:
        writer.close()

    served = b""
    while not served:
        try:
            served = await get(endpoint.port)
        except ConnectionResetError:
            continue
    assert refused == b""
    assert served.endswith(b"GET /x")


async def test_a_fault_of_the_application_is_logged_and_reported(
    endpoint: HttpEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    response = await get(endpoint.port, "/broken")

    assert response.startswith(b"HTTP/1.0 500 Internal Server Error\r\n")
    assert "/broken cannot be shown" in caplog.text
    assert (await get(endpoint.port)).endswith(b"GET /x")


async def test_the_port_is_free_once_it_has_stopped_and_one_in_use_is_an_error() -> None:
    first = HttpEndpoint(HOST, 0, application)
    first.start()
    with pytest.raises(OSError, match="in use"):
        HttpEndpoint(HOST, first.port, application).start()

    await first.stop()

    socket.create_server((HOST, first.port)).close()


async def test_a_function_runs_on_the_event_loop_and_its_errors_reach_the_thread() -> None:
    loop = asyncio.get_running_loop()
    running = called_on(loop, asyncio.get_running_loop)
    failing = called_on(loop, int)

    assert await asyncio.to_thread(running) is loop
    with pytest.raises(ValueError, match="invalid literal"):
        await asyncio.to_thread(failing, "x")
