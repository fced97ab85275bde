"""A ZooKeeperClient that one can look through: only tests of what kazoo makes of a bad line look there."""

from typing import Any

from kazoo.client import KazooClient

from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.client_security import ClientSecurity
from pykafka_cli.zookeeper.kazoo_handler import kazoo_client


class TransparentClient(ZooKeeperClient):
    """kazoo    the client that is behind this one"""

    kazoo: KazooClient
    _asked = _answered_ones = 0  # each is counted in one thread alone

    def __init__(self, connect: str, **settings: Any) -> None:
        super().__init__(connect, make_kazoo=self._make, **settings)

    def _make(self, hosts: str, timeout: float, security: ClientSecurity) -> KazooClient:
        self.kazoo = kazoo_client(hosts, timeout, security)
        self._exists_async, self.kazoo.exists_async = self.kazoo.exists_async, self._counted
        return self.kazoo

    @property
    def in_flight(self) -> int:
        """How often kazoo was asked whether a znode exists, and has not answered."""
        return self._asked - self._answered_ones

    def _counted(self, path: str, watch: Any = None) -> Any:
        self._asked += 1
        asked = self._exists_async(path, watch)
        asked.rawlink(self._answered_by_kazoo)
        return asked

    def _answered_by_kazoo(self, _result: object) -> None:
        self._answered_ones += 1
