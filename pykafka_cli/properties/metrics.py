"""The address on which a server serves its metrics to Prometheus.

    pk.metrics.port=9404            of a broker; Kafka's brokers ignore these two keys
    pk.metrics.host=127.0.0.1

    metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider
    metricsProvider.httpHost=127.0.0.1
    metricsProvider.httpPort=7000

source  ZooKeeper's PrometheusMetricsProvider
"""

from collections.abc import Mapping
from typing import NamedTuple

from pykafka_cli.properties.keys import BadProperty

BROKER_PORT, BROKER_HOST = "pk.metrics.port", "pk.metrics.host"
PROVIDER, PROVIDER_PORT, PROVIDER_HOST = (f"metricsProvider.{name}" for name in ("className", "httpPort", "httpHost"))
PROMETHEUS = "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider"
WITHOUT = "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider"
OF_ZOOKEEPER = frozenset({PROVIDER, PROVIDER_PORT, PROVIDER_HOST})

_LOOPBACK = "127.0.0.1"
_ZOOKEEPER_PORT = "7000"
_HIGHEST_PORT = 65535


class MetricsAddress(NamedTuple):
    """Port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/metrics"


def of_broker(originals: Mapping[str, str], lines: Mapping[str, int]) -> MetricsAddress | None:
    """A broker's address; None without pk.metrics.port.

    lines     the line number of each property in its file, by key
    raises    BadProperty
    """
    if not originals.get(BROKER_PORT, "").strip():
        return None
    return _address(originals, lines, BROKER_HOST, BROKER_PORT, originals[BROKER_PORT])


def of_zookeeper(originals: Mapping[str, str], lines: Mapping[str, int]) -> MetricsAddress | None:
    """A ZooKeeper server's address; None without a metricsProvider.className.

    raises    BadProperty, also for a provider that this server does not have
    """
    provider = originals.get(PROVIDER, WITHOUT).strip()
    if provider == WITHOUT:
        return None
    if provider != PROMETHEUS:
        raise BadProperty(PROVIDER, provider, lines.get(PROVIDER, 0), f"this server has {PROMETHEUS} and {WITHOUT}")
    return _address(originals, lines, PROVIDER_HOST, PROVIDER_PORT, originals.get(PROVIDER_PORT, _ZOOKEEPER_PORT))


def _address(
    originals: Mapping[str, str], lines: Mapping[str, int], host_key: str, port_key: str, port: str
) -> MetricsAddress:
    port = port.strip()
    if not (port.isascii() and port.isdecimal() and int(port) <= _HIGHEST_PORT):
        raise BadProperty(port_key, port, lines.get(port_key, 0), f"must be a port, 0 to {_HIGHEST_PORT}")
    return MetricsAddress(originals.get(host_key, "").strip() or _LOOPBACK, int(port))
