"""Conditions as words, and what each lacks in what was seen."""

import pytest

from pykafka_cli.model import BrokerId, Offset, TopicPartition
from pykafka_cli.rules.wait_conditions import (
    BadCondition,
    Brokers,
    Condition,
    Group,
    Lag,
    Records,
    Topic,
    lags_of,
    missing_brokers,
    missing_of_group,
    missing_of_lag,
    missing_of_topic,
    missing_records,
    parse_condition,
    parse_duration,
)


@pytest.mark.parametrize(
    ("word", "condition"),
    [
        ("broker", Brokers(1)),
        ("broker=3", Brokers(3)),
        ("topic=orders", Topic("orders", None)),
        ("topic=orders:6", Topic("orders", 6)),
        ("records=orders:0", Records("orders", 0)),
        ("group=billing", Group("billing", None, None)),
        ("group=billing:stable", Group("billing", "Stable", None)),
        ("group=billing:PreparingRebalance:2", Group("billing", "PreparingRebalance", 2)),
        ("group=team:billing:Empty", Group("team:billing", "Empty", None)),
        ("lag=billing:5", Lag("billing", 5, None)),
        ("lag=billing:5:orders", Lag("billing", 5, "orders")),
        ("lag=team:billing:0", Lag("team:billing", 0, None)),
    ],
)
def test_words_become_conditions(word: str, condition: Condition) -> None:
    assert parse_condition(word) == condition


@pytest.mark.parametrize(
    "word",
    [
        "", "brokers", "broker=", "broker=0", "broker=two", "broker=-1", "topic", "topic=", "topic=a:0", "topic=a:b",
        "records=a", "records=a:b", "group", "group=:Stable", "lag=a", "lag=a:b", "lag=:1", "topic=a:\u0663",
    ],
)  # fmt: skip
def test_other_words_are_refused_with_the_forms_that_there_are(word: str) -> None:
    with pytest.raises(BadCondition) as refused:
        parse_condition(word)

    assert repr(word) in str(refused.value)
    assert "Conditions are:" in refused.value.hint


def test_a_mistyped_state_is_not_a_part_of_the_name() -> None:
    with pytest.raises(BadCondition, match="'Stabel' is not the state of a group"):
        parse_condition("group=billing:Stabel")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("500ms", 0.5), ("2m", 120), ("1.5h", 5400), ("7d", 604_800), ("30", 30), ("0", 0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 s", "1w", "inf", "1e9"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as"):
        parse_duration(text)


def test_brokers_are_registered_have_a_controller_and_can_be_reached() -> None:
    two = {BrokerId(0): "a:9092", BrokerId(1): "b:9092"}

    assert missing_brokers(Brokers(2), two, BrokerId(1), {}) == ""
    assert missing_brokers(Brokers(1), two, BrokerId(1), {}) == ""
    assert missing_brokers(Brokers(3), two, BrokerId(1), {}) == "2 of 3 brokers registered (0, 1)"
    assert missing_brokers(Brokers(1), {}, BrokerId(1), {}) == "0 of 1 brokers registered"
    assert missing_brokers(Brokers(2), two, None, {}) == "no controller is known"
    assert missing_brokers(Brokers(1), two, BrokerId(0), {BrokerId(1): "host unknown"}) == (
        "broker 1 advertises b:9092, which cannot be reached from here: host unknown"
    )


def test_a_topic_needs_partitions_with_leaders() -> None:
    assert missing_of_topic(Topic("t", None), {0: BrokerId(1)}) == ""
    assert missing_of_topic(Topic("t", 2), {0: BrokerId(1), 1: BrokerId(1), 2: BrokerId(0)}) == ""
    assert missing_of_topic(Topic("t", None), None) == "the topic does not exist"
    assert missing_of_topic(Topic("t", None), {}) == "the topic has no partitions yet"
    assert missing_of_topic(Topic("t", 2), {0: BrokerId(1)}) == "1 of 2 partitions"
    assert missing_of_topic(Topic("t", None), {0: BrokerId(1), 1: None, 2: None}) == "no leader of partitions 1, 2"
    assert missing_of_topic(Topic("t", None), dict.fromkeys(range(9))) == "no leader of 9 partitions"


def test_records_of_all_partitions_count() -> None:
    assert missing_records(Records("t", 5), {0: 2, 1: 3}) == ""
    assert missing_records(Records("t", 5), {0: 2, 1: 2}) == "4 of 5 records"
    assert missing_records(Records("t", 0), None) == "the topic does not exist"


def test_a_group_is_in_a_state_with_members() -> None:
    assert missing_of_group(Group("g", None, None), "Empty", 0) == ""
    assert missing_of_group(Group("g", None, None), "Dead", 0) == "the group does not exist"
    assert missing_of_group(Group("g", "Dead", None), "Dead", 0) == ""
    assert missing_of_group(Group("g", "Stable", 2), "Stable", 2) == ""
    assert missing_of_group(Group("g", "Stable", 2), "Stable", 1) == "the group is Stable, with 1 of 2 members"
    assert missing_of_group(Group("g", "Stable", None), "Empty", 0) == "the group is Empty, with 0 members"


def test_lag_is_the_sum_over_partitions() -> None:
    first, second = TopicPartition("t", 0), TopicPartition("t", 1)

    assert missing_of_lag(Lag("g", 5, None), {first: 2, second: 3}) == ""
    assert missing_of_lag(Lag("g", 4, None), {first: 2, second: 3}) == "the lag is 5, above 4; most is in t-1: 3"
    assert missing_of_lag(Lag("g", 0, "u"), {}) == "the group has committed nothing in u"
    assert missing_of_lag(Lag("g", 0, None), None) == "the group does not exist"


def test_what_a_group_never_committed_is_still_to_be_read() -> None:
    read, unread, deleted, gone = (TopicPartition("t", each) for each in range(4))

    lags = lags_of(
        [read, unread, deleted, gone],
        committed={read: Offset(8), deleted: Offset(1)},
        beginnings={read: Offset(0), unread: Offset(4), deleted: Offset(6)},
        ends={read: Offset(10), unread: Offset(10), deleted: Offset(10)},
    )

    assert lags == {read: 2, unread: 6, deleted: 4}
