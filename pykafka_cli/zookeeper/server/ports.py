"""The ports on which a server accepts clients: clientPort, and secureClientPort for those with TLS.

ports = Ports(settings, host, outside)
ports.bind()                  # raises CannotListen; nobody is accepted yet
await ports.open(context)     # clients are accepted from here on
await ports.close()
"""

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

from pykafka_cli.model import Seconds
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.zookeeper.server.client_port import ClientPort, Close
from pykafka_cli.zookeeper.server.connection import Connection
from pykafka_cli.zookeeper.server.outside import Outside

if TYPE_CHECKING:
    from pykafka_cli.zookeeper.server.secure_port import SecureHost, SecurePort

_PORT, _SECURE_PORT = "clientPort", "secureClientPort"
SESSIONLESS_S = 10.0
"""Seconds that a connection may stay without a session."""
_BACKLOG = 4096
"""Default of clientPortListenBacklog; the system's own limit is net.core.somaxconn."""


class Ports:
    """Both ports, of which at least one is configured.

    port           the number of clientPort; before `open`, the configured one. 0: there is none but for TLS
    secure_port    that of secureClientPort; 0: there is none
    """

    def __init__(self, settings: ZooKeeperSettings, host: "SecureHost", outside: Outside) -> None:
        self.port = settings.client_port or 0
        self.secure_port = settings.secure_client_port or 0
        self._settings, self._host, self._outside = settings, host, outside
        self._bound: dict[str, socket.socket] = {}
        self._tls: ssl.SSLContext | None = None
        self._client_port: ClientPort | None = None
        self._secure: SecurePort | None = None

    @property
    def description(self) -> str:
        ports = [f"port {self.port}"] if _PORT in self._bound else []
        return " and ".join([*ports, *([f"port {self.secure_port} with TLS"] if _SECURE_PORT in self._bound else [])])

    def bind(self) -> None:
        """Take the ports, on which nobody is accepted yet.

        raises    CannotListen; none is taken then
        """
        try:
            for name in (_PORT, _SECURE_PORT):
                if (port := self._settings[name]) is not None:
                    address, keys = self._settings[f"{name}Address"], (name, f"{name}Address")
                    self._bound[name] = self._outside.listening_socket(address, port, self._backlog, keys=keys)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give up what is bound, before `open`."""
        for each in self._bound.values():
            each.close()
        self._bound.clear()

    async def open(self, context: ssl.SSLContext | None) -> None:
        """Accept clients; those with TLS by the context."""
        self._tls = context
        if listening := self._bound.get(_PORT):
            self._client_port = ClientPort(self._accept, self._backlog, self._outside.listening_socket)
            await self._client_port.open(listening)
            self.port = self._client_port.port
        if listening := self._bound.get(_SECURE_PORT):
            self.secure_port = listening.getsockname()[1]
            self._secure = self._accept_tls(listening, accepts_plain=False)

    async def move(self, host: str, port: int) -> bool:
        """Listen at another address in place of that of clientPort; open connections stay.

        returns    False if there is no clientPort
        raises     CannotListen
        """
        if self._client_port is None:
            return False  # all clients use TLS, whose port is in no configuration
        await self._client_port.move(host, port)
        self.port = self._client_port.port
        return True

    async def close(self) -> None:
        """Accept no more clients."""
        if self._client_port is not None:
            await self._client_port.close()
        if self._secure is not None:
            await self._secure.close()

    async def _accept(self, listening: socket.socket) -> Close:
        """Accept clients on the socket of clientPort, and return how to stop that."""
        if self._settings.client_port_unification:
            return self._accept_tls(listening, accepts_plain=True).close
        host, frame_limit = self._host, self._settings.jute_maxbuffer
        listener = await asyncio.get_running_loop().create_server(
            lambda: Connection(host, frame_limit), sock=listening, backlog=self._backlog
        )

        async def close() -> None:
            listener.close()

        return close

    def _accept_tls(self, listening: socket.socket, *, accepts_plain: bool) -> "SecurePort":
        from pykafka_cli.zookeeper.server.secure_port import SecurePort  # most servers have none

        assert self._tls is not None
        frame_limit, within = self._settings.jute_maxbuffer, Seconds(SESSIONLESS_S)
        return SecurePort(self._host, listening, self._tls, frame_limit, within, accepts_plain=accepts_plain)

    @property
    def _backlog(self) -> int:
        configured = self._settings.client_port_listen_backlog
        return _BACKLOG if configured == -1 else configured
