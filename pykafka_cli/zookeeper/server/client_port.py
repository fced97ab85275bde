"""The port for clients, clientPort, which a reconfiguration of the ensemble may move.

Source: org.apache.zookeeper.server.NIOServerCnxnFactory.reconfigure
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from pykafka_cli.zookeeper.server.listening import CannotListen, listening_socket

_WILDCARDS = ("0.0.0.0", "::")
_KEYS = ("port for clients", "address for clients")
_ATTEMPTS, _PAUSE_S = 50, 0.02
"""How often, and at which intervals, a port is tried that was closed just before, as that takes a moment."""


Close = Callable[[], Awaitable[None]]
"""Stops accepting connections on a socket; those that are open stay."""


class ClientPort:
    """Accepts connections on one socket at a time."""

    def __init__(
        self,
        accept: Callable[[socket.socket], Awaitable[Close]],
        backlog: int,
        listen: Callable[..., socket.socket] = listening_socket,
    ) -> None:
        """
        accept     begins to accept connections on a bound socket, which `Close` closes
        backlog    how many connections may wait to be accepted
        listen     opens a socket, as listening_socket does
        """
        self._accept, self._backlog, self._listen = accept, backlog, listen
        self._close: Close | None = None
        self.port = 0

    async def open(self, listening: socket.socket) -> None:
        """Accept connections on a bound socket."""
        self.port = listening.getsockname()[1]
        self._close = await self._accept(listening)

    async def move(self, host: str, port: int) -> None:
        """Accept connections at another address, in place of the former one.

        raises    CannotListen; the former one stays open, unless it has the same port
        """
        attempts = 1
        if port == self.port:
            await self.close()
            attempts = _ATTEMPTS
        listening = await self._bound(None if host in _WILDCARDS else host, port, attempts)
        await self.close()
        await self.open(listening)

    async def close(self) -> None:
        """Accept no more connections."""
        if self._close is not None:
            close, self._close = self._close, None
            await close()

    async def _bound(self, address: str | None, port: int, attempts: int) -> socket.socket:
        while True:
            attempts -= 1
            try:
                return self._listen(address, port, self._backlog, keys=_KEYS)
            except CannotListen:
                if not attempts:
                    raise
                await asyncio.sleep(_PAUSE_S)
