"""What --describe shows under each filter."""

import pytest

from pykafka_cli.model import BrokerId, ConfigEntry, PartitionDescription, TopicDescription
from pykafka_cli.rules.topic_views import DescribeFilter, view_topics
from tests.support.brokers import broker_ids

HEALTHY = PartitionDescription(0, BrokerId(1), broker_ids(1, 2), broker_ids(1, 2))
LAGGING = PartitionDescription(1, BrokerId(1), broker_ids(1, 2), broker_ids(1))
LEADERLESS = PartitionDescription(2, None, broker_ids(1, 2), ())
ORPHANED = PartitionDescription(3, BrokerId(9), broker_ids(9, 1), broker_ids(9, 1))
MIN_ISR = ConfigEntry("min.insync.replicas", "2", "STATIC_BROKER_CONFIG")
DEFAULT = ConfigEntry("retention.ms", "604800000", "DEFAULT_CONFIG")
TOPIC = TopicDescription("t", None, (HEALTHY, LAGGING, LEADERLESS, ORPHANED), configs=(MIN_ISR, DEFAULT))
LIVE = broker_ids(1, 2)


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (DescribeFilter(under_replicated=True), [1, 2]),
        (DescribeFilter(unavailable=True), [2, 3]),
        (DescribeFilter(under_min_isr=True), [1, 2]),
        (DescribeFilter(at_min_isr=True), [0, 3]),
        (DescribeFilter(under_min_isr=True, at_min_isr=True), [0, 1, 2, 3]),
    ],
)
def test_a_filter_leaves_partitions_without_a_header(wanted: DescribeFilter, shown: list[int]) -> None:
    (view,) = view_topics([TOPIC], wanted, LIVE)

    assert [partition.partition for partition in view.partitions] == shown
    assert not view.shows_header


def test_without_a_filter_all_is_shown_and_defaults_are_not() -> None:
    (view,) = view_topics([TOPIC], DescribeFilter(), LIVE)

    assert view.shows_header
    assert len(view.partitions) == 4
    assert view.topic.configs == (MIN_ISR,)


def test_topics_with_overrides_are_headers_only() -> None:
    plain = TopicDescription("plain", None, (HEALTHY,), configs=(DEFAULT,))

    (view,) = view_topics([plain, TOPIC], DescribeFilter(only_overridden=True), LIVE)

    assert view.topic.topic == "t"
    assert view.partitions == ()


def test_nothing_is_left_of_a_topic_in_order() -> None:
    topic = TopicDescription("t", None, (HEALTHY,), configs=())

    assert view_topics([topic], DescribeFilter(under_replicated=True), LIVE) == []


def test_replicas_on_their_way_do_not_count() -> None:
    moving = PartitionDescription(
        0,
        BrokerId(1),
        broker_ids(2, 3, 1),
        broker_ids(1),
        adding_replicas=broker_ids(2, 3),
        removing_replicas=broker_ids(1),
    )

    assert moving.replication_factor == 1
    assert view_topics([TopicDescription("t", None, (moving,))], DescribeFilter(under_replicated=True), LIVE) == []
