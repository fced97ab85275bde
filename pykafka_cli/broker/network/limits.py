"""Limits: connections, per address and in total, and requests that wait to be processed.

max.connections, max.connections.per.ip (.overrides)    a connection above them is closed at once; those between
                                                        brokers, on a separate listener, are not limited together
queued.max.requests, queued.max.request.bytes           once so much waits, no connection is read on that has a request
                                                        waiting
"""

from collections import Counter

from pykafka_cli.broker.network.connection_rates import addresses_of
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.keys import MAX_INT

# What one connection may send ahead of the request that is being served for it, before it is no longer read.
READ_AHEAD_REQUESTS = 64
READ_AHEAD_BYTES = 4 * 1024 * 1024

# What all connections may send ahead, where queued.max.request.bytes does not say it.
READ_AHEAD_TOGETHER_BYTES = 64 * 1024 * 1024


class ConnectionLimits:
    """Connections of one broker, counted by address and listener."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._by_host: Counter[str] = Counter()
        self._by_listener: Counter[str] = Counter()
        self._overrides: dict[str, int] = {}
        self._overrides_text: str | None = None

    def take(self, host: str, listener: str) -> str | None:
        """Count a connection from `host`; the limit that forbids it, if one does: then it is not counted."""
        of_host = self._limit_of(host)
        if self._by_host[host] >= of_host:
            return f"max.connections.per.ip={of_host} from {host}"
        of_listener = self._settings.for_listener(listener, "max.connections")
        of_broker = MAX_INT if listener in self._settings.protected_listeners else self._settings.max_connections
        if self._by_listener[listener] >= of_listener or self._by_listener.total() >= of_broker:
            return f"max.connections={min(of_listener, of_broker)}"
        self._by_host[host] += 1
        self._by_listener[listener] += 1
        return None

    def give_back(self, host: str, listener: str) -> None:
        self._by_listener[listener] -= 1
        self._by_host[host] -= 1
        if not self._by_host[host]:
            del self._by_host[host]

    def _limit_of(self, host: str) -> int:
        text = self._settings.max_connections_per_ip_overrides
        if text != self._overrides_text:  # it can be changed while the broker runs
            self._overrides = {
                address: limit
                for name, limit in self._settings.connections_per_ip_overrides.items()
                for address in addresses_of(name)
            }
            self._overrides_text = text
        return self._overrides.get(host, self._settings.max_connections_per_ip)


class Intake:
    """Requests that have arrived and are not being served yet, over all connections."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self.requests = self.bytes = 0

    def add(self, size: int) -> None:
        self.requests += 1
        self.bytes += size

    def remove(self, size: int) -> None:
        self.requests -= 1
        self.bytes -= size

    @property
    def is_full(self) -> bool:
        given = self._settings.queued_max_request_bytes
        limit = given if given > 0 else READ_AHEAD_TOGETHER_BYTES
        return self.requests >= self._settings.queued_max_requests or self.bytes >= limit
