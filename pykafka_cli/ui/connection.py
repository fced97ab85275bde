"""The session with the cluster, which all pages share."""

import asyncio

from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import ClientSettings

PATIENCE = {
    "request.timeout.ms": "5000",
    "default.api.timeout.ms": "5000",
}
"""Isolation level of the pages; a file of client properties can override it."""

MOST_S = 10.0
"""Seconds after which a waiting page shows an error."""


class ClusterConnection:
    """Opens a session when a page first needs it; if that fails, the next page retries.

    The session reconnects to brokers that come and go.
    """

    def __init__(self, bootstrap: str, settings: ClientSettings) -> None:
        self.bootstrap = bootstrap
        self.settings = settings
        self._session: Session | None = None
        self._lock = asyncio.Lock()

    async def session(self) -> Session:
        """raises    ConnectionFailed"""
        async with self._lock:
            if self._session is None:
                self._session = await Session(self.bootstrap, self.settings).__aenter__()
            return self._session

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
