"""A server of HTTP whose responses a test writes byte by byte, and which may stop in the middle of one."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.support.certificates import Authority, pem_store


class RawServer:
    """Sends `response` to each request and closes the connection, unless it stalls.

    stalls      after the response, send nothing more and keep the connection
    trickles    then send a byte now and then, without end
    is_hasty    do not wait for a request
    requests    what was asked, one entry for each connection
    """

    def __init__(self, response: bytes = b"", tls: ssl.SSLContext | None = None) -> None:
        self.response, self.stalls, self.trickles, self.is_hasty = response, False, False, False
        self.requests: list[str] = []
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/token"

    def close(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(accepted,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError), accepted:
            connection = self._tls.wrap_socket(accepted, server_side=True) if self._tls else accepted
            with connection:
                self.requests.append("" if self.is_hasty else _request(connection))
                connection.sendall(self.response)
                while self.trickles and not self._over.wait(0.02):
                    connection.sendall(b"x")
                if self.stalls:
                    self._over.wait()


def _request(connection: socket.socket) -> str:
    """Head and body, as the head tells how long the body is."""
    data = b""
    while b"\r\n\r\n" not in data:
        received = connection.recv(65536)
        if not received:
            return data.decode()
        data += received
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while lengths and len(body) < lengths[0]:
        received = connection.recv(65536)
        if not received:
            break
        body += received
    return (head + b"\r\n\r\n" + body).decode()


def ok(body: bytes) -> bytes:
    """A response with this body."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


def failed(status: int, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d Oh\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body


@contextlib.contextmanager
def raw_server(response: bytes = b"", tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    server = RawServer(response, tls)
    try:
        yield server
    finally:
        server.close()


def server_context(authority: Authority, folder: Path, subject: str = "CN=issuer") -> ssl.SSLContext:
    """TLS for a server that this authority vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem_store(folder / "server.pem", authority.identity(subject)))
    return context
