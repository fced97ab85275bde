"""Times and partitions of kafka-get-offsets."""

import pytest

from pykafka_cli.model import TopicPartition
from pykafka_cli.rules.offset_queries import (
    BadQuery,
    parse_time,
    partitions_of_rules,
    partitions_of_topics,
    select,
)

ALL = [TopicPartition(topic, partition) for topic in ("t", "tmore", "u") for partition in range(12)]


@pytest.mark.parametrize(
    ("text", "timestamp"),
    [
        ("latest", -1),
        ("earliest", -2),
        ("max-timestamp", -3),
        ("earliest-local", -4),
        ("latest-tiered", -5),
        ("-2", -2),
        ("1700000000000", 1700000000000),
    ],
)
def test_words_and_numbers_stand_for_times(text: str, timestamp: int) -> None:
    assert parse_time(text) == timestamp


@pytest.mark.parametrize("text", ["foo", "", "1.5", "9223372036854775808"])
def test_any_other_word_is_rejected(text: str) -> None:
    with pytest.raises(BadQuery, match=f"Malformed time argument {text}"):
        parse_time(text)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("t:1", ["t-1"]),
        ("t:1,u:3", ["t-1", "u-3"]),
        ("t:0-2", ["t-0", "t-1"]),
        ("t:10-", ["t-10", "t-11"]),
        ("t:-2", ["t-0", "t-1"]),
        ("t.*:5", ["t-5", "tmore-5"]),
        (":7", ["t-7", "tmore-7", "u-7"]),
        ("u", [f"u-{number}" for number in (0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9)]),
    ],
)
def test_rules_name_topics_and_partitions(rules: str, expected: list[str]) -> None:
    assert list(map(str, select(ALL, partitions_of_rules(rules)))) == expected


def test_a_bad_rule_is_rejected_as_the_script_rejects_it() -> None:
    with pytest.raises(BadQuery, match=r"TerseException: Invalid rule specification: t:a"):
        partitions_of_rules("t:a")


def test_topic_and_partitions_both_narrow() -> None:
    assert select(ALL, partitions_of_topics("t,u", "0,2,")) == [
        TopicPartition("t", 0),
        TopicPartition("t", 2),
        TopicPartition("u", 0),
        TopicPartition("u", 2),
    ]
    assert len(select(ALL, partitions_of_topics(None, None))) == len(ALL)


def test_partitions_must_be_numbers() -> None:
    with pytest.raises(BadQuery, match="numeric partition ids, but received: x"):
        partitions_of_topics("t", "x")
