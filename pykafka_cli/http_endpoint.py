"""A small HTTP server, for what a server shows about itself: metrics, and ZooKeeper's admin commands.

It serves a WSGI application in threads, by wsgiref. A connection is for one GET or HEAD request. Whoever sends nothing,
or slowly, or too much, or does not read, is disconnected, and there are only so many connections at a time.
"""

import asyncio
import io
import logging
import select
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from pykafka_cli.model import Seconds

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_S = Seconds(10.0)
"""How long the event loop may take, and by default a client."""
MOST_CONNECTIONS = 16
LONGEST_HEAD = 16 * 1024
"""Bytes of a request."""
_ENDS_OF_HEAD = (b"\r\n\r\n", b"\n\n")
_METHODS = ("GET", "HEAD")
_BACKLOG = 16
_HANDSHAKE = b"\x16"
"""The first byte of a TLS connection."""


class Response(NamedTuple):
    """Status ("200 OK"), headers and body."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


class Tls(NamedTuple):
    """How connections are secured; plain ones are served as well if TLS is optional."""

    context: ssl.SSLContext
    is_optional: bool


class HttpEndpoint:
    """Serves an application on one port. `port` is the actual one once it has started.

    application    is called in threads, only with GET; it must not block for long; with TLS, HTTPS is "on" in `environ`
    patience       seconds that a client may take to send its request, and then to read the response
    tls            None: without
    """

    def __init__(
        self,
        host: str,
        port: int,
        application: "WSGIApplication",
        patience: Seconds = PATIENCE_S,
        tls: Tls | None = None,
    ) -> None:
        self.host, self.port = host, port
        self._application, self._patience, self._tls = application, patience, tls
        self._server: _Server | None = None

    def start(self) -> None:
        """Listen; raises OSError."""
        self._server = server = _Server(self.host, self.port, self._patience, self._tls)
        server.set_app(_only_get(self._application))
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, name=f"http-{self.port}", daemon=True).start()

    async def stop(self) -> None:
        """Stop listening; responses in progress are completed by their threads."""
        assert self._server is not None
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = _BACKLOG

    def __init__(self, host: str, port: int, patience: Seconds, tls: Tls | None) -> None:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family, address = found[0][0], found[0][4]
        self.patience, self.tls = patience, tls
        self._free = threading.Semaphore(MOST_CONNECTIONS)
        super().__init__(address[:2], _Handler)  # type: ignore[arg-type]

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's asks the resolver for this machine's name
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        return self._free.acquire(blocking=False)

    def process_request(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be started
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        _log.debug("A response to %s was not read", client_address, exc_info=True)


class _Responding(ServerHandler):
    server_software = "pk"


class _Handler(WSGIRequestHandler):
    server: _Server
    connection: socket.socket

    def setup(self) -> None:
        """Let TLS begin, where the client uses it; raises OSError."""
        tls, deadline = self.server.tls, time.monotonic() + self.server.patience
        self.request.settimeout(self.server.patience)
        if tls is not None and not (tls.is_optional and self.request.recv(1, socket.MSG_PEEK) != _HANDSHAKE):
            self.request = _secured(self.request, tls.context, deadline)
        super().setup()

    def finish(self) -> None:
        super().finish()
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.close()  # the server has only the socket below it

    def get_environ(self) -> "WSGIEnvironment":
        environ = super().get_environ()
        if isinstance(self.connection, ssl.SSLSocket):
            environ["HTTPS"] = "on"
        return environ

    def handle(self) -> None:
        try:
            head = self._read_head()
        except OSError as error:
            _log.debug("No request came from %s: %s", self.client_address, error)
            return
        self.connection.settimeout(self.server.patience)
        self.requestline = self.request_version = self.command = ""
        if head is None:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        rest = io.BytesIO(head)
        self.rfile = io.BufferedReader(rest)
        self.raw_requestline = self.rfile.readline()
        if not head or not self.parse_request():
            return
        responding = _Responding(io.BytesIO(), self.wfile, io.StringIO(), self.get_environ(), multithread=True)  # type: ignore[arg-type]
        responding.request_handler = self  # type: ignore[attr-defined]
        responding.run(self.server.get_app())  # type: ignore[arg-type]

    def _read_head(self) -> bytes | None:
        """The request line and the headers; empty if none came, None if they are too long. Raises OSError."""
        deadline = time.monotonic() + self.server.patience
        head = b""
        while not any(end in head for end in _ENDS_OF_HEAD):
            if len(head) > LONGEST_HEAD:
                return None
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"it was not complete after {self.server.patience:g} s")
            self.connection.settimeout(left)
            data = self.connection.recv(LONGEST_HEAD)
            if not data:
                return b""
            head += data
        return head

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name in the library
        _log.debug("%s: %s", self.client_address, format % args)


def _secured(connection: socket.socket, context: ssl.SSLContext, deadline: float) -> ssl.SSLSocket:
    """The connection with TLS, once that has begun; raises OSError."""
    secured = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
    try:
        secured.setblocking(False)
        while True:
            reading, writing = list[ssl.SSLSocket](), list[ssl.SSLSocket]()
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                reading = [secured]
            except ssl.SSLWantWriteError:
                writing = [secured]
            else:
                return secured
            if not any(select.select(reading, writing, [], max(deadline - time.monotonic(), 0))):
                raise TimeoutError("TLS did not begin in time")
    except OSError:
        secured.close()
        raise


def called_on(loop: asyncio.AbstractEventLoop, look: Callable[..., T]) -> Callable[..., T]:
    """A function for threads that calls `look` on the event loop, and waits for it; raises TimeoutError."""

    def call(*arguments: Any) -> T:
        async def on_loop() -> T:
            return look(*arguments)

        return asyncio.run_coroutine_threadsafe(on_loop(), loop).result(PATIENCE_S)

    return call


def _only_get(application: "WSGIApplication") -> "WSGIApplication":
    """The application for GET and HEAD; whatever goes wrong in it is logged."""

    def respond(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        status, headers, body = _response(application, environ)
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    return respond


def _response(application: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    method = environ["REQUEST_METHOD"]
    if method not in _METHODS:
        return plain(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not supported", [("Allow", ", ".join(_METHODS))])
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], error: object = None, /) -> Callable[[bytes], object]:  # noqa: ARG001
        started.append((status, headers))
        return body.append

    body: list[bytes] = []
    try:
        body.extend(application({**environ, "REQUEST_METHOD": "GET"}, start))
    except Exception:
        _log.exception("%s cannot be shown", environ["PATH_INFO"])
        return plain(HTTPStatus.INTERNAL_SERVER_ERROR, "The server's log has the reason")
    return Response(*started[-1], b"".join(body))


def plain(status: HTTPStatus, text: str, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """A line of text."""
    kind = ("Content-Type", "text/plain; charset=utf-8")
    return Response(f"{status.value} {status.phrase}", [kind, *headers], f"{text}\n".encode())
