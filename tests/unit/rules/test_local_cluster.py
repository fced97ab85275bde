"""Topics, settings and addresses that `pk up` is asked for, as words."""

import pytest

from pykafka_cli.rules.local_cluster import (
    BadPlan,
    WantedTopic,
    parse_client_listeners,
    parse_overrides,
    parse_topic,
    parse_zookeeper_overrides,
    split_topics,
)


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


def test_overrides_of_zookeepers() -> None:
    assert parse_zookeeper_overrides(["tickTime=500", "broker.id=1"]) == {"tickTime": "500", "broker.id": "1"}


@pytest.mark.parametrize("word", ["a", "=1", "clientPort=2181", "dataDir=/x", "server.1=localhost:2888:3888"])
def test_overrides_of_zookeepers_that_are_rejected(word: str) -> None:
    with pytest.raises(BadPlan, match="--zookeeper-override"):
        parse_zookeeper_overrides([word])


@pytest.mark.parametrize(
    ("listen", "advertise", "listening", "advertised", "is_exposed"),
    [
        ("0.0.0.0", "kafka:9092", "0.0.0.0:5", ["kafka:9092", "kafka:9093"], True),
        ("::", "[2001:db8::1]:9092", "[::]:5", ["[2001:db8::1]:9092", "[2001:db8::1]:9093"], True),
        ("[::1]", None, "[::1]:5", ["[::1]:0", "[::1]:0"], False),
        ("10.0.0.5", None, "10.0.0.5:5", ["10.0.0.5:0", "10.0.0.5:0"], True),
        ("127.0.0.2", None, "127.0.0.2:5", ["127.0.0.2:0", "127.0.0.2:0"], False),
        (None, "forwarded:65534", "localhost:5", ["forwarded:65534", "forwarded:65535"], False),
    ],
)
def test_where_clients_connect(
    listen: str | None, advertise: str | None, listening: str, advertised: list[str], is_exposed: bool
) -> None:
    found = parse_client_listeners(listen, advertise, brokers=2)

    assert found is not None
    assert found.listening(5).address == listening
    assert [found.advertised_by(broker).address for broker in range(2)] == advertised
    assert found.is_exposed is is_exposed


def test_without_options_clients_connect_where_brokers_do() -> None:
    assert parse_client_listeners(None, None, brokers=2) is None


@pytest.mark.parametrize(
    ("listen", "advertise", "problem", "hint"),
    [
        ("0.0.0.0", None, "every address of this machine", "--advertise HOST:PORT sets"),
        ("::", None, "every address of this machine", "--advertise HOST:PORT sets"),
        ("kafka:9092", None, "without a port", "--port sets the port."),
        ("[::1]:9092", None, "without a port", "--port sets the port."),
        ("", None, "is not a host name", "0.0.0.0"),
        ("a b", None, "is not a host name", "0.0.0.0"),
        ("0.0.0.0", "0.0.0.0:9092", "clients cannot connect to 0.0.0.0", "by which they reach this machine"),
        ("0.0.0.0", "[::]:9092", "clients cannot connect to ::", "by which they reach this machine"),
        (None, "kafka", "not of the form HOST:PORT", ""),
        (None, "kafka:", "not of the form HOST:PORT", ""),
        (None, ":9092", "not of the form HOST:PORT", ""),
        (None, "kafka:0", "not of the form HOST:PORT", ""),
        (None, "kafka:65536", "not of the form HOST:PORT", ""),
        (None, "::1:9092", "not of the form HOST:PORT", ""),
        (None, "a:1,b:2", "not of the form HOST:PORT", ""),
        (None, "kafka:65535", "2 brokers would need ports above 65535", ""),
    ],
)
def test_addresses_that_cannot_work(listen: str | None, advertise: str | None, problem: str, hint: str) -> None:
    with pytest.raises(BadPlan, match=r"--advertise|--listen") as refused:
        parse_client_listeners(listen, advertise, brokers=2)

    assert problem in str(refused.value)
    assert hint in refused.value.hint
