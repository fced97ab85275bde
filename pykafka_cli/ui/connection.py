"""The session with the cluster, which all pages share."""

import asyncio

from pykafka_cli.clients.admin.configs import zookeeper_of
from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.model import Seconds
from pykafka_cli.script.opening import unchecked_session
from pykafka_cli.zookeeper.client import ZooKeeperClient

PATIENCE = {
    "request.timeout.ms": "2500",
    "default.api.timeout.ms": "5000",
    "socket.connection.setup.timeout.ms": "2500",
}
"""How long a page waits for one broker, so that it can show what the others respond; a file of client properties can
override it."""

ZOOKEEPER_PATIENCE_S = Seconds(3.0)
ZOOKEEPER_SESSION_S = Seconds(18.0)

MOST_S = 10.0
"""Seconds after which a waiting page shows an error."""


class NoZooKeeper(Exception):
    """The brokers do not name one."""


class ClusterConnection:
    """Opens a session when a page first needs it; if that fails, the next page retries.

    The session reconnects to brokers that come and go.

    zookeeper    HOST:PORT,...; if not given, the brokers know it
    """

    def __init__(self, bootstrap: str, settings: ClientSettings, zookeeper: str | None = None) -> None:
        self.bootstrap = bootstrap
        self.settings = settings
        self._zookeeper_address = zookeeper
        self._session: Session | None = None
        self._zookeeper: ZooKeeperClient | None = None
        self._lock = asyncio.Lock()

    async def session(self) -> Session:
        """raises    ConnectionFailed"""
        async with self._lock:
            if self._session is None:
                self._session = await unchecked_session(self.bootstrap, self.settings).__aenter__()
            return self._session

    async def zookeeper(self) -> ZooKeeperClient:
        """Without a chroot, which a client would create.

        raises    ConnectionFailed, ApiError, NoZooKeeper, ZooKeeperUnreachable
        """
        session = None if self._zookeeper_address else await self.session()
        async with self._lock:
            if self._zookeeper is None:
                address = self._zookeeper_address or (await zookeeper_of(session) if session else None)
                if address is None:
                    raise NoZooKeeper("The brokers use no ZooKeeper: the cluster is in KRaft mode")
                client = ZooKeeperClient(
                    address.partition("/")[0],
                    session_timeout=ZOOKEEPER_SESSION_S,
                    connection_timeout=ZOOKEEPER_PATIENCE_S,
                )
                await client.start()
                self._zookeeper = client
            return self._zookeeper

    async def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
        if self._zookeeper is not None:
            await self._zookeeper.close()
            self._zookeeper = None
