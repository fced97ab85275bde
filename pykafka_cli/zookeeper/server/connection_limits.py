"""How many clients may connect, and how much memory their connections may hold together."""

from collections import Counter
from typing import Protocol

from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.zookeeper.server.statistics import ServerStatistics

_MOST_HELD = 32 * 1024 * 1024
"""Bytes of incomplete requests and unread responses, over all connections."""
_LITTLE = 64 * 1024  # bytes of one connection that do not count


class Closable(Protocol):
    """What the limits need of a connection."""

    def end(self, reason: str) -> None: ...
    def abort(self) -> None: ...


class ConnectionLimits:
    """Counts all connections of a server, including those on which TLS has yet to begin."""

    def __init__(self, settings: ZooKeeperSettings, statistics: ServerStatistics) -> None:
        self._settings = settings
        self._statistics = statistics
        self.count = 0
        self._per_address: Counter[str] = Counter()
        self._held: dict[Closable, int] = {}
        self.held_bytes = 0
        """Bytes that connections hold; those of connections that hold few do not count."""

    def add(self, address: str) -> str | None:
        """Count a connection, or return why it must be rejected; `remove` follows in both cases."""
        limit, total = self._settings.max_client_cnxns, self._settings.max_cnxns
        self.count += 1
        self._per_address[address] += 1
        if limit and self._per_address[address] > limit:
            self._statistics.refused_connections += 1
            return f"{address} has reached the limit of connections from one address (maxClientCnxns={limit})"
        if total and self.count > total:
            self._statistics.refused_connections += 1
            return f"the limit of connections is reached (maxCnxns={total})"
        return None

    def remove(self, address: str) -> None:
        """A connection is closed."""
        self.count -= 1
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]

    def hold(self, connection: Closable, size: int) -> None:
        """Note that `connection` holds `size` bytes; if all hold too much together, close the one that holds most."""
        before = self._held.pop(connection, 0)
        if size > _LITTLE:
            self._held[connection] = size
        self.held_bytes += (size if size > _LITTLE else 0) - before
        if self.held_bytes > _MOST_HELD:
            greedy = max(self._held, key=self._held.__getitem__)
            greedy.end(f"it holds the most of {self.held_bytes} bytes of incomplete requests and unread responses")
            greedy.abort()
            self.held_bytes -= self._held.pop(greedy, 0)
