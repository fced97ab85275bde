"""A broker's metrics for Prometheus, under the names that dashboards know.

The JMX exporter derives them from Kafka's MBeans by its usual rules: kafka.server:type=BrokerTopicMetrics,
name=BytesInPerSec becomes kafka_server_brokertopicmetrics_bytesin_total.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pykafka_cli.broker.context import Broker
from pykafka_cli.broker.coordinator.group.group import GroupState
from pykafka_cli.broker.replication.high_watermark import effective_min_isr
from pykafka_cli.broker.replication.partition import Partition
from pykafka_cli.broker.replication.partition_role import Leader

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

RUNNING = 3
"""KafkaServer.brokerState."""
QUANTILES = (0.5, 0.75, 0.95, 0.98, 0.99, 0.999)


class PartitionFigures(NamedTuple):
    """One replica; `isr` and `replicas` are counts, and 0 unless it is the leader."""

    topic: str
    partition: int
    is_leader: bool
    isr: int
    replicas: int
    min_isr: int
    log_start: int
    log_end: int
    size: int
    segments: int
    messages_in: int
    bytes_in: int
    replicated_in: int

    @property
    def is_under_replicated(self) -> bool:
        return self.is_leader and self.isr < self.replicas


@dataclass
class Figures:
    """A broker at one moment."""

    partitions: list[PartitionFigures]
    offline_partitions: int
    requests: dict[str, int]
    errors: dict[tuple[str, str], int]
    times: dict[str, tuple[int, list[float]]]
    bytes_out: dict[str, int]
    replicated_out: dict[str, int]
    counts: dict[str, int]
    connections_open: int
    connections_ended: dict[str, int]
    group_states: Counter[GroupState]
    cluster: dict[str, tuple[str, int]]
    """The controller's: by name, a description and a number."""
    tasks: int


def look(broker: Broker) -> Figures:
    """Copy a broker's figures; this runs on the event loop, so nothing here may take long."""
    metrics, (groups, _) = broker.metrics, broker.groups.list_groups()
    return Figures(
        [figures for each in broker.replicas.hosted if (figures := _partition(each)) is not None],
        broker.replicas.hosted.offline_count,
        dict(metrics.requests),
        dict(metrics.errors),
        {name: (times.count, list(times.recent)) for name, times in metrics.times.items()},
        dict(metrics.bytes_out),
        dict(metrics.replicated_out),
        {
            "connections_opened": metrics.connections_opened,
            "connections_rejected": metrics.connections_refused,
            "received_bytes": metrics.request_bytes,
            "sent_bytes": metrics.response_bytes,
        },
        metrics.connections_open,
        dict(metrics.connections_ended),
        Counter(each.state for each in groups),
        broker.controller.counts(),
        len(asyncio.all_tasks()),
    )


def _partition(partition: Partition) -> PartitionFigures | None:
    log, role = partition.log, partition.role
    if log is None:
        return None
    isr, replicas = (len(role.isr.committed), len(role.followers) + 1) if isinstance(role, Leader) else (0, 0)
    return PartitionFigures(
        *partition.topic_partition,
        isinstance(role, Leader),
        isr,
        replicas,
        effective_min_isr(log.config.min_insync_replicas, replicas),
        log.log_start,
        log.log_end,
        log.segments.size_in_bytes,
        len(log.segments),
        log.messages_in,
        log.bytes_in,
        log.replicated_in,
    )


def named(figures: Figures) -> Iterator["Metric"]:
    """The metrics of the figures, in any thread."""
    yield from _replicas(figures)
    yield from _topics(figures)
    yield from _partitions(figures.partitions)
    yield from _requests(figures)
    yield from _connections(figures)
    yield from _groups(figures.group_states)
    yield _gauge("python_asyncio_tasks", "Tasks of the broker's event loop.", figures.tasks)
    for name, (what, count) in figures.cluster.items():
        yield _gauge(f"kafka_controller_kafkacontroller_{name}", what, count)


def _replicas(figures: Figures) -> Iterator["Metric"]:
    led = [each for each in figures.partitions if each.is_leader]
    prefix = "kafka_server_replicamanager_"
    yield _gauge("kafka_server_kafkaserver_brokerstate", "State of the broker; 3 is running.", RUNNING)
    yield _gauge(f"{prefix}partitioncount", "Replicas on this broker.", len(figures.partitions))
    yield _gauge(f"{prefix}leadercount", "Partitions that this broker leads.", len(led))
    under = sum(each.is_under_replicated for each in led)
    yield _gauge(f"{prefix}underreplicatedpartitions", "Partitions led here with replicas that are not in sync.", under)
    below = sum(each.isr < each.min_isr for each in led)
    yield _gauge(f"{prefix}underminisrpartitioncount", "Partitions led here below min.insync.replicas.", below)
    at = sum(each.isr == each.min_isr for each in led)
    yield _gauge(f"{prefix}atminisrpartitioncount", "Partitions led here at min.insync.replicas.", at)
    offline = figures.offline_partitions
    yield _gauge(f"{prefix}offlinereplicacount", "Replicas in log directories that have failed.", offline)


def _topics(figures: Figures) -> Iterator["Metric"]:
    messages_in, bytes_in, replicated_in = Counter[str](), Counter[str](), Counter[str]()
    for each in figures.partitions:
        messages_in[each.topic] += each.messages_in
        bytes_in[each.topic] += each.bytes_in
        replicated_in[each.topic] += each.replicated_in
    for name, what, counts in (
        ("messagesin", "Records from producers.", messages_in),
        ("bytesin", "Bytes of records from producers.", bytes_in),
        ("bytesout", "Bytes of records sent to consumers.", figures.bytes_out),
        ("replicationbytesin", "Bytes of records fetched from leaders.", replicated_in),
        ("replicationbytesout", "Bytes of records sent to followers.", figures.replicated_out),
    ):
        by_topic = {(topic,): count for topic, count in counts.items()}
        yield _counter(f"kafka_server_brokertopicmetrics_{name}", what, ["topic"], by_topic)


def _partitions(partitions: Sequence[PartitionFigures]) -> Iterator["Metric"]:
    labels = ["topic", "partition"]
    for name, field_name, what in (
        ("logstartoffset", "log_start", "The first offset of the log."),
        ("logendoffset", "log_end", "The offset after the last record."),
        ("size", "size", "Bytes of the log."),
        ("numlogsegments", "segments", "Segments of the log."),
    ):
        values = {(each.topic, str(each.partition)): getattr(each, field_name) for each in partitions}
        yield _gauge(f"kafka_log_log_{name}", what, values, labels)
    led = [each for each in partitions if each.is_leader]
    for name, value, what in (
        ("insyncreplicascount", lambda each: each.isr, "In-sync replicas of a partition led here."),
        ("replicascount", lambda each: each.replicas, "Replicas of a partition led here."),
        ("underreplicated", lambda each: int(each.is_under_replicated), "1 if not all replicas are in sync."),
    ):
        values = {(each.topic, str(each.partition)): value(each) for each in led}
        yield _gauge(f"kafka_cluster_partition_{name}", what, values, labels)


def _requests(figures: Figures) -> Iterator["Metric"]:
    from prometheus_client.metrics_core import SummaryMetricFamily

    prefix = "kafka_network_requestmetrics_"
    requests = {(name,): count for name, count in figures.requests.items()}
    yield _counter(f"{prefix}requests", "Requests answered.", ["request"], requests)
    yield _counter(f"{prefix}errors", "Requests rejected as a whole.", ["request", "error"], figures.errors)
    times = SummaryMetricFamily(
        f"{prefix}totaltimems", "Milliseconds from the arrival of a request to its response.", labels=["request"]
    )
    for name, (count, recent) in figures.times.items():
        recent.sort()
        for quantile in QUANTILES:
            labels = {"request": name, "quantile": f"{quantile:g}"}
            times.add_sample(f"{prefix}totaltimems", labels, _quantile(recent, quantile) * 1000)
        times.add_sample(f"{prefix}totaltimems_count", {"request": name}, count)
    yield times


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that `share` of the values do not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _connections(figures: Figures) -> Iterator["Metric"]:
    prefix = "kafka_network_socketserver_"
    yield _gauge(f"{prefix}connection_count", "Open connections.", figures.connections_open)
    for name, count in figures.counts.items():
        what = name.replace("_", " ").capitalize()
        yield _counter(f"{prefix}{name}", f"{what} since the start.", [], {(): count})
    ended = {(reason,): count for reason, count in figures.connections_ended.items()}
    yield _counter(f"{prefix}connections_ended", "Connections closed by the broker.", ["reason"], ended)


def _groups(states: Counter[GroupState]) -> Iterator["Metric"]:
    prefix = "kafka_coordinator_group_groupmetadatamanager_numgroups"
    yield _gauge(prefix, "Consumer groups that this broker coordinates.", states.total())
    for state in GroupState:
        name = state.value.lower()
        yield _gauge(f"{prefix}{name}", f"Consumer groups that are {state.value}.", states[state])


def _gauge(name: str, what: str, value: float | Mapping[Any, float], labels: Sequence[str] = ()) -> "Metric":
    from prometheus_client.metrics_core import GaugeMetricFamily

    if not isinstance(value, Mapping):
        return GaugeMetricFamily(name, what, value=value)
    family = GaugeMetricFamily(name, what, labels=labels)
    for each, number in value.items():
        family.add_metric(each, number)
    return family


def _counter(name: str, what: str, labels: Sequence[str], values: Mapping[Any, float]) -> "Metric":
    from prometheus_client.metrics_core import CounterMetricFamily

    family = CounterMetricFamily(name, what, labels=labels)
    for each, number in values.items():
        family.add_metric(each, number)
    return family
