"""A port for TLS, or for TLS and plain clients: connections become the server's once TLS has begun, and count before.

Source: org.apache.zookeeper.server.NettyServerCnxnFactory.CertificateVerifier.
"""

import asyncio
import logging
import socket
import ssl
from typing import Protocol

from pykafka_cli.model import Seconds
from pykafka_cli.tls.names import subject_of
from pykafka_cli.tls.port import TlsPort
from pykafka_cli.zookeeper.server.authentication import Authentication
from pykafka_cli.zookeeper.server.connection import Connection, Host, address_text

_log = logging.getLogger(__name__)


class SecureHost(Host, Protocol):
    """What the port needs of its server."""

    authentication: Authentication

    def admit_handshake(self, address: str) -> str | None:
        """Count a connection before its TLS handshake; or return why it must be rejected."""

    def forget_handshake(self, address: str) -> None:
        """The handshake is complete, or has failed."""


class SecurePort:
    """Accepts connections on one socket.

    within           seconds for the TLS handshake
    accepts_plain    whether TLS is optional
    """

    def __init__(
        self,
        host: SecureHost,
        listening: socket.socket,
        context: ssl.SSLContext,
        frame_limit: int,
        within: Seconds,
        *,
        accepts_plain: bool = False,
    ) -> None:
        self._host, self._frame_limit = host, frame_limit
        self._accepting = TlsPort(self, listening, context, within, accepts_plain=accepts_plain)

    async def close(self) -> None:
        """Accept no more connections, and drop those whose TLS handshake is not complete."""
        await self._accepting.close()

    # What the port calls.

    def admit(self, address: str, port: int) -> "SecureConnection | None":
        address = address_text(address)
        if refusal := self._host.admit_handshake(address):
            self._host.lines.log(
                _log, logging.INFO, "limit", address, f"Closing connection /{address}:{port}: {refusal}"
            )
            self._host.forget_handshake(address)
            return None
        return SecureConnection(self._host, self._frame_limit, address, port)

    async def may_begin(self, made: "SecureConnection") -> bool:  # noqa: ARG002
        return True

    def has_failed(self, made: "SecureConnection", reason: str) -> None:
        if reason:
            self._host.statistics.failed_authentications += 1
            line = f"TLS with {made} has not begun: {reason}"
            self._host.lines.log(_log, logging.INFO, "handshake", made.peer[0], line)
        made.has_begun()


class SecureConnection(Connection):
    """A connection with TLS, unless the client does without; one that shows a certificate has the identities in it."""

    def __init__(self, host: SecureHost, frame_limit: int, address: str, port: int) -> None:
        super().__init__(host, frame_limit)
        self.peer = (address, port)
        self._secure_host = host
        self._address: str | None = address

    def has_begun(self) -> None:
        """The handshake is complete, or has failed."""
        if self._address is not None:
            self._secure_host.forget_handshake(self._address)
            self._address = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.has_begun()
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        self.is_secure = tls is not None
        certificate = tls.getpeercert(binary_form=True) if self.is_secure else None
        if certificate is None:
            return
        try:
            self.identities += self._secure_host.authentication.by_certificate(subject_of(certificate))
        except ValueError as error:
            self.end(f"its certificate cannot be read: {error}", cause="certificate")
