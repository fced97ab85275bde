"""The port for TLS: connections become those of the server once TLS has begun.

Until then they count among those of their address, and have a limited time: half-open ones cost little, and keep nobody
else out. Source: org.apache.zookeeper.server.NettyServerCnxnFactory.CertificateVerifier.
"""

import asyncio
import logging
import socket
import ssl
from typing import Protocol

from pykafka_cli.model import Seconds
from pykafka_cli.tls.names import subject_of
from pykafka_cli.zookeeper.server.authentication import Authentication
from pykafka_cli.zookeeper.server.connection import Connection, Host, address_text

_log = logging.getLogger(__name__)

_PAUSE_S = 1.0  # where no connection can be accepted, mostly as there are too many open files
_SHUTDOWN_S = 5.0


class SecureHost(Host, Protocol):
    """What the port needs of its server."""

    authentication: Authentication

    def admit_handshake(self, address: str) -> str | None:
        """Count a connection on which TLS has yet to begin; or return why it must be rejected."""

    def forget_handshake(self, address: str) -> None:
        """It has begun, or never will."""


class SecurePort:
    """Accepts connections on one socket.

    within    seconds in which TLS must have begun
    """

    def __init__(
        self, host: SecureHost, listening: socket.socket, context: ssl.SSLContext, frame_limit: int, within: Seconds
    ) -> None:
        self.port: int = listening.getsockname()[1]
        self._host, self._listening, self._context = host, listening, context
        self._frame_limit, self._within = frame_limit, within
        self._tasks: set[asyncio.Task[None]] = set()
        self._start(self._accept())

    async def close(self) -> None:
        """Accept nothing more, and drop those on which TLS has not begun."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._listening.close()

    def _start(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, peer = await loop.sock_accept(self._listening)
            except OSError as error:
                _log.error("No connection can be accepted on the secure port %d: %s", self.port, error.strerror)
                await asyncio.sleep(_PAUSE_S)
                continue
            address = address_text(peer[0])
            if refusal := self._host.admit_handshake(address):
                _log.info("Closing connection /%s:%d: %s", address, peer[1], refusal)
                accepted.close()
                self._host.forget_handshake(address)
            else:
                self._start(self._begin(accepted, address, peer[1]))

    async def _begin(self, accepted: socket.socket, address: str, peer_port: int) -> None:
        """Let TLS begin on a connection."""
        connection = SecureConnection(self._host, self._frame_limit, address)
        try:
            accepted.setblocking(False)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=self._within,
                ssl_shutdown_timeout=_SHUTDOWN_S,
            )
        except OSError as error:
            self._host.statistics.failed_authentications += 1
            _log.info("TLS with /%s:%d has not begun: %s", address, peer_port, _reason(error))
        finally:
            connection.has_begun()


class SecureConnection(Connection):
    """A connection with TLS; whoever shows a certificate has the identities that it gives."""

    def __init__(self, host: SecureHost, frame_limit: int, address: str) -> None:
        super().__init__(host, frame_limit)
        self._secure_host = host
        self._address: str | None = address

    def has_begun(self) -> None:
        """TLS has begun, or never will."""
        if self._address is not None:
            self._secure_host.forget_handshake(self._address)
            self._address = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.has_begun()
        super().connection_made(transport)
        certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        if certificate is None:
            return
        try:
            self.identities += self._secure_host.authentication.by_certificate(subject_of(certificate))
        except ValueError as error:
            self.end(f"its certificate cannot be read: {error}")


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return str(error) or type(error).__name__
