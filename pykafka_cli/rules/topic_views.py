"""Chooses what `topics --describe` shows: headers and partitions, or only partitions with some kind of problem."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from pykafka_cli.model import BrokerId, PartitionDescription, TopicDescription

MIN_INSYNC_REPLICAS = "min.insync.replicas"


class DescribeFilter(NamedTuple):
    """The filters of the command line; a partition is shown if any of them selects it."""

    under_replicated: bool = False
    unavailable: bool = False
    under_min_isr: bool = False
    at_min_isr: bool = False
    only_overridden: bool = False

    @property
    def shows_headers(self) -> bool:
        return not (self.under_replicated or self.unavailable or self.under_min_isr or self.at_min_isr)

    @property
    def shows_partitions(self) -> bool:
        return not self.only_overridden

    def wants(self, partition: PartitionDescription, *, min_isr: int, live_brokers: Collection[BrokerId]) -> bool:
        in_sync = len(partition.isr)
        return (
            self.shows_headers
            or (self.under_replicated and partition.replication_factor > in_sync)
            or (self.unavailable and partition.leader not in live_brokers)
            or (self.under_min_isr and (partition.leader is None or in_sync < min_isr))
            or (self.at_min_isr and in_sync == min_isr)
        )


class TopicView(NamedTuple):
    """A topic and the parts of it to show. Its configs are only those that differ from Kafka's defaults."""

    topic: TopicDescription
    shows_header: bool
    partitions: tuple[PartitionDescription, ...]


def view_topics(
    topics: Iterable[TopicDescription], wanted: DescribeFilter, live_brokers: Collection[BrokerId]
) -> list[TopicView]:
    """The parts to show of descriptions whose `configs` hold all configs of each topic."""
    views = []
    for topic in topics:
        min_isr = next((int(entry.value or 0) for entry in topic.configs if entry.name == MIN_INSYNC_REPLICAS), 1)
        overridden = tuple(entry for entry in topic.configs if not entry.is_default)
        partitions = tuple(
            partition
            for partition in topic.partitions
            if wanted.shows_partitions and wanted.wants(partition, min_isr=min_isr, live_brokers=live_brokers)
        )
        shows_header = wanted.shows_headers and bool(overridden or not wanted.only_overridden)
        if shows_header or partitions:
            views.append(TopicView(topic._replace(configs=overridden), shows_header, partitions))
    return views
