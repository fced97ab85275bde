"""`pk up --faults` and `pk fault`: what clients do about errors, silence and lost connections."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.polling import PATIENCE_S
from tests.support.running import RunningCluster, pk


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    cluster = RunningCluster(tmp_path_factory.mktemp("up") / "d", extra=("--faults", "--topic", "t"))
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(running: RunningCluster) -> Iterator[RunningCluster]:
    yield running
    fault(running, "--clear")


def fault(cluster: RunningCluster, *words: str) -> list[dict[str, Any]]:
    """Those that are active then."""
    asked = pk("fault", *words, "--data-dir", str(cluster.data_dir), "--output", "json")
    assert asked.returncode == 0, asked.stderr
    found: list[dict[str, Any]] = json.loads(asked.stdout)
    return found


def produce(cluster: RunningCluster, **settings: Any) -> str | None:
    """The error that a producer reports in the end."""
    outcomes: list[Any] = []
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "retry.backoff.ms": 10, **settings})
    producer.produce("t", b"x", on_delivery=lambda error, _: outcomes.append(error))
    assert producer.flush(60) == 0
    (error,) = outcomes
    return None if error is None else error.name()


def records(cluster: RunningCluster) -> int:
    line = pk("get-offsets", "--bootstrap-server", cluster.bootstrap, "--topic", "t").stdout
    return int(line.strip().rpartition(":")[2])


def test_a_producer_retries_what_may_be_retried_and_gives_up_on_the_rest(cluster: RunningCluster) -> None:
    before = records(cluster)
    fault(cluster, "Produce", "--error", "NOT_LEADER_OR_FOLLOWER", "--times", "2")
    assert produce(cluster) is None
    assert fault(cluster) == []

    fault(cluster, "Produce", "--error", "TopicAuthorizationException")
    assert produce(cluster) == "TOPIC_AUTHORIZATION_FAILED"

    assert records(cluster) == before + 1


def test_a_response_that_is_lost_after_the_work_is_done_makes_a_duplicate_unless_producers_are_idempotent(
    cluster: RunningCluster,
) -> None:
    before = records(cluster)
    for idempotent in (False, True):
        fault(cluster, "Produce", "--disconnect", "--after")
        assert produce(cluster, **{"enable.idempotence": idempotent}) is None

    assert records(cluster) == before + 3


def test_a_delay_is_longer_than_a_client_waits(cluster: RunningCluster) -> None:
    fault(cluster, "CreateTopics", "--delay", "1h", "--always", "--client-id", "impatient")
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap, "client.id": "impatient"})

    assert admin.list_topics("t", timeout=PATIENCE_S).topics
    creation = admin.create_topics([NewTopic("late", 1)], request_timeout=0.2)["late"]

    with pytest.raises(KafkaException) as ended:
        creation.result()

    assert ended.value.args[0].name() == "_TIMED_OUT"
    assert pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", "in-time").returncode == 0


def test_every_consumer_gets_over_an_error_of_a_fetch(cluster: RunningCluster) -> None:
    assert produce(cluster) is None
    fault(cluster, "Fetch", "--error", "NotLeaderOrFollower", "--times", "2")

    words = ("--topic", "t", "--from-beginning", "--max-messages", "1", "--timeout-ms", "30000")
    read = pk("console-consumer", "--bootstrap-server", cluster.bootstrap, *words)

    assert read.stdout == "x\n"
    assert fault(cluster) == []


def test_what_has_been_asked_for_is_shown(cluster: RunningCluster) -> None:
    data = ("--data-dir", str(cluster.data_dir))
    pk("fault", "OffsetCommit", "--disconnect", "--after", "--client-id", "billing", "--delay", "500ms", *data)

    shown = pk("fault", "Fetch", "--error", "6", "--always", *data)

    assert shown.stdout == (
        "OffsetCommit\tserved, delayed by 0.5 s, disconnected\tbilling\t1 more\n"
        "Fetch\tNOT_LEADER_OR_FOLLOWER\tevery client\tuntil cleared\n"
    )


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["Produce"], 2, "No fault was given for Produce\n--error, --delay or --disconnect\n"),
        (["Produce", "--error", "NOPE"], 2, "'NOPE' is not an error of Kafka\n"),
        (["Producer", "--disconnect"], 2, "'Producer' is not an API of Kafka\nDid you mean Produce?\n"),
        (["Produce", "--disconnect", "--error", "6"], 2, "--error and --disconnect cannot be used together\n"),
        (["Produce", "--clear"], 2, "--clear cannot be used with an API\n"),
        (["Produce", "--delay", "soon"], 2, "--delay: 'soon' is not a duration such as 500ms, 60s or 2m\n"),
        (["Produce", "--delay", "2d"], 1, "A request cannot be delayed by 172800 s, only by up to a day\n"),
    ],
)
def test_what_cannot_be_is_rejected(cluster: RunningCluster, words: list[str], status: int, message: str) -> None:
    rejected = pk("fault", *words, "--data-dir", str(cluster.data_dir))

    assert (rejected.returncode, rejected.stderr) == (status, message)


def test_nothing_fails_where_it_was_not_allowed(tmp_path: Path) -> None:
    other = RunningCluster(tmp_path / "d", extra=("--clock", "manual"))
    rejected = pk("fault", "Produce", "--disconnect", "--data-dir", str(other.data_dir))
    other.stop()

    assert rejected.returncode == 1
    assert rejected.stderr == "Requests cannot be made to fail: the servers were started without --faults\n"
