"""Detects when a broker to which a session is connected becomes unreachable, and when it is back."""

import asyncio
from collections.abc import Callable

from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import Address
from pykafka_cli.transport.connection import Connection
from pykafka_cli.transport.errors import ConnectionFailed

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0
"""The time between attempts to connect, as reconnect.backoff.max.ms of Kafka's clients."""


class BrokerContact:
    """A context within which a session's brokers are watched.

    A connection that ends is opened again immediately, since brokers close idle connections; only if that fails, the
    broker is unreachable.

    on_gone, on_back    called with the broker's address
    """

    def __init__(
        self, session: Session, *, on_gone: Callable[[Address], None], on_back: Callable[[Address], None]
    ) -> None:
        self._session = session
        self._on_gone = on_gone
        self._on_back = on_back
        self._attempts: dict[Address, asyncio.Task[None]] = {}

    def __enter__(self) -> "BrokerContact":
        self._session.watch_connections(self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        self._session.watch_connections(None)
        for attempt in self._attempts.values():
            attempt.cancel()

    @property
    def is_lost(self) -> bool:
        """Whether a broker does not respond at the moment."""
        return bool(self._attempts)

    def _watch(self, address: Address, connection: Connection) -> None:
        connection.on_end = lambda: self._lost(address)

    def _lost(self, address: Address) -> None:
        if address not in self._attempts and not self._session.is_closed:
            self._attempts[address] = asyncio.ensure_future(self._reach(address))

    async def _reach(self, address: Address) -> None:
        pause, is_gone = _FIRST_PAUSE_S, False
        while not await self._responds(address):
            if not is_gone:
                is_gone = True
                self._on_gone(address)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        del self._attempts[address]
        if is_gone:
            self._on_back(address)

    async def _responds(self, address: Address) -> bool:
        try:
            await self._session.reach(address)
        except ConnectionFailed:
            return False
        return True
