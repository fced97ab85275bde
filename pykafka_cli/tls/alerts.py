"""Alerts of a TLS server: a client whose handshake fails is sent the reason before the connection is closed.

OpenSSL has the alert ready when it reports the failure, but asyncio closes the connection without sending it. A Java
client retries after a closed connection; an alert about its certificate is an error that it reports immediately.

source  RFC 8446, section 6.2; asyncio.sslproto
"""

import ssl
from collections.abc import Callable
from contextvars import ContextVar
from typing import cast

ON_FAILURE: ContextVar[Callable[[ssl.SSLError], object] | None] = ContextVar("ON_FAILURE", default=None)
"""Called when a handshake that started in this context has failed and its alert is about to be sent."""


class ServerConnection(ssl.SSLObject):
    """If there is an alert, lets asyncio send it first, by claiming that the handshake needs more from the client.

    Then the connection ends with the client's next bytes, when the client closes it, or at the handshake's time limit;
    `on_failure` may end it earlier.
    """

    outgoing: ssl.MemoryBIO
    on_failure: Callable[[ssl.SSLError], object] | None = None
    _failure: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLSyscallError):
            raise
        except ssl.SSLError as failure:
            if not self.outgoing.pending:
                raise
            self._failure = failure
            if self.on_failure is not None:
                self.on_failure(failure)
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "the alert has to be sent") from failure


class ServerContext(ssl.SSLContext):
    """A server's SSL context, whose connections send alerts."""

    sslobject_class = ServerConnection

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        connection = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        own = cast(ServerConnection, connection)
        own.outgoing, own.on_failure = outgoing, ON_FAILURE.get()
        return connection
