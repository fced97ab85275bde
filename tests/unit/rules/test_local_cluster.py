"""Topics and settings that `pk up` is asked for, as words."""

import pytest

from pykafka_cli.rules.local_cluster import BadPlan, WantedTopic, parse_overrides, parse_topic, split_topics


@pytest.mark.parametrize(
    ("word", "topic"),
    [
        ("orders", WantedTopic("orders", None, None, {})),
        ("orders:3", WantedTopic("orders", 3, None, {})),
        ("orders:3:2", WantedTopic("orders", 3, 2, {})),
        ("orders:3:2:retention.ms=1000", WantedTopic("orders", 3, 2, {"retention.ms": "1000"})),
        ("orders:3:retention.ms=1000", WantedTopic("orders", 3, None, {"retention.ms": "1000"})),
        ("orders:retention.ms=1000", WantedTopic("orders", None, None, {"retention.ms": "1000"})),
        (
            "orders:3:cleanup.policy=compact,delete,retention.ms=1",
            WantedTopic("orders", 3, None, {"cleanup.policy": "compact,delete", "retention.ms": "1"}),
        ),
        (
            "orders:3:leader.replication.throttled.replicas=0:1,1:2",
            WantedTopic("orders", 3, None, {"leader.replication.throttled.replicas": "0:1,1:2"}),
        ),
        ("orders:3:1:compact", WantedTopic("orders", 3, 1, {"cleanup.policy": "compact"})),
        ("orders:3:1:compact,delete", WantedTopic("orders", 3, 1, {"cleanup.policy": "compact,delete"})),
    ],
)
def test_topics(word: str, topic: WantedTopic) -> None:
    assert parse_topic(word, brokers=3) == topic


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("", "the name is invalid: the empty string"),
        ("a b:3", "the name is invalid"),
        ("orders:0", "at least one partition"),
        ("orders:-1", "key=val"),
        ("orders:3:0", "replication factor of 0 is impossible with a cluster of 3 brokers"),
        ("orders:3:4", "replication factor of 4 is impossible with a cluster of 3 brokers"),
        ("orders:3:1:", "is not of the form"),
        ("orders:3:1:1", "is not of the form"),
        ("orders:3:1:squash", "key=val"),
        ("orders:3:1:retention=1", "Unknown topic config name: retention"),
        ("orders:3:1:retention.ms=soon", "retention.ms"),
    ],
)
def test_topics_that_cannot_be_created(word: str, problem: str) -> None:
    with pytest.raises(BadPlan, match="--topic") as refused:
        parse_topic(word, brokers=3)

    assert problem in str(refused.value)


def test_too_few_brokers_are_said_to_be_too_few() -> None:
    with pytest.raises(BadPlan) as refused:
        parse_topic("orders:3:3", brokers=1)

    assert refused.value.hint == "--brokers 3 starts enough."


def test_lists_of_topics() -> None:
    assert split_topics("a:1:1,b:2:1:compact") == ["a:1:1", "b:2:1:compact"]
    assert split_topics("\n  a:1:1,\n  b:1:1\n") == ["a:1:1", "b:1:1"]
    assert split_topics("a:1:1;b:1:1", ";") == ["a:1:1", "b:1:1"]
    assert split_topics("a:1:1\nb:1:1\n", "\n") == ["a:1:1", "b:1:1"]
    assert split_topics("") == []


def test_overrides() -> None:
    assert parse_overrides(["a=1", "b = x=y ", "a=2", "c="]) == {"a": "2", "b": "x=y", "c": ""}


@pytest.mark.parametrize("word", ["a", "=1", "listeners=PLAINTEXT://:1", "broker.id=4", "log.dirs=/x", "node.id=1"])
def test_overrides_that_are_refused(word: str) -> None:
    with pytest.raises(BadPlan, match="--override"):
        parse_overrides([word])
