"""A ZooKeeper server's metrics for Prometheus: the figures of `mntr`, under the names of ZooKeeper's own provider.

source  org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pykafka_cli.metrics_endpoint import MetricsEndpoint
from pykafka_cli.properties.metrics import MetricsAddress
from pykafka_cli.zookeeper.server.four_letter_words import About, monitored

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_LATENCY = "latency"


def metrics_endpoint(address: MetricsAddress, server: About) -> MetricsEndpoint[Mapping[str, object]]:
    """The endpoint that will serve this server's metrics, not started yet."""
    return MetricsEndpoint(address, lambda: monitored(server), named)


def named(figures: Mapping[str, object]) -> Iterator["Metric"]:
    """The metrics of the figures, in any thread."""
    from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily

    texts = {name: value for name, value in figures.items() if isinstance(value, str)}
    yield InfoMetricFamily("zookeeper_server", "What the server is.", value=texts)
    for name, value in figures.items():
        if isinstance(value, int | float):
            unit = ", in ms" if _LATENCY in name else ""
            yield GaugeMetricFamily(name, f"{name} of the four-letter word mntr{unit}.", value=value)
