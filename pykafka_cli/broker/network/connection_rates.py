"""How fast clients may connect: to the broker, to one of its listeners, from one address (KIP-402, KIP-612).

Above max.connection.creation.rate, a connection is accepted but served later. Above an address's quota, it is closed,
also later, so that its client does not retry immediately.

source  kafka.network.ConnectionQuotas
"""

import socket
from collections.abc import Mapping
from typing import NamedTuple

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.quotas.limits import as_limit
from pykafka_cli.broker.quotas.rates import Rate, Windows
from pykafka_cli.model import NO_TIME, Seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.keys import MAX_INT
from pykafka_cli.zookeeper.kafka_znodes import DEFAULT_ENTITY, desanitized

QUOTA = "connection_creation_rate"
_FOLDER = "ips/"
_MOST_KNOWN = 10_000


class Hold(NamedTuple):
    """How long a new connection has to wait, and whether it is then closed instead of served."""

    wait: Seconds
    is_closed: bool


NOT_AT_ALL = Hold(NO_TIME, is_closed=False)


class ConnectionRates:
    """Rates of new connections to one broker."""

    def __init__(self, settings: BrokerSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._windows = Windows(settings.quota_window_num, settings.quota_window_size_seconds)
        self._of_broker = Rate(self._windows)
        self._of_listeners: dict[str, Rate] = {}
        self._of_hosts: dict[str, Rate] = {}
        self._default: float | None = None
        self._limits: dict[str, float | None] = {}

    def configure(self, entity: str, config: Mapping[str, str]) -> None:
        """Apply the quota of one address, such as ips/10.0.0.7, or that of all others, ips/<default>."""
        if not entity.startswith(_FOLDER):
            return
        limit, name = as_limit(config, QUOTA), entity.removeprefix(_FOLDER)
        if name == DEFAULT_ENTITY:
            self._default = limit
        else:
            for address in addresses_of(desanitized(name)):
                self._limits[address] = limit

    def take(self, host: str, listener: str) -> Hold:
        """Count a connection."""
        now = self._clock.monotonic()
        limit = self._limits.get(host) or self._default
        if limit is not None:
            rate = self._rate_of(host, now)
            rate.record(1, now)
            if wait := rate.excess(limit, now):
                rate.record(-1, now)
                return Hold(min(wait, Seconds(self._windows.size_s)), is_closed=True)
        wait = self._excess(
            self._of_listeners.setdefault(listener, Rate(self._windows)),
            self._settings.for_listener(listener, "max.connection.creation.rate"),
            now,
        )
        if listener not in self._settings.protected_listeners:
            wait = max(wait, self._excess(self._of_broker, self._settings.max_connection_creation_rate, now))
        return Hold(wait, is_closed=False) if wait else NOT_AT_ALL

    def _rate_of(self, host: str, now: float) -> Rate:
        if host not in self._of_hosts and len(self._of_hosts) >= _MOST_KNOWN:
            self._of_hosts = {each: rate for each, rate in self._of_hosts.items() if not rate.is_idle(now)}
        return self._of_hosts.setdefault(host, Rate(self._windows))

    @staticmethod
    def _excess(rate: Rate, limit: int, now: float) -> Seconds:
        if limit == MAX_INT:
            return NO_TIME
        rate.record(1, now)
        return rate.excess(limit, now) if limit else NO_TIME


def addresses_of(name: str) -> set[str]:
    """The addresses of a host; just its name if it cannot be resolved."""
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(name, None)}
    except OSError:
        return {name}
