"""--debug: what the client decides, on stderr, and never a secret."""

import pytest

from tests.support.running import RunningCluster, pk


@pytest.fixture(scope="module")
def topic(cluster: RunningCluster) -> str:
    done = pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", "debugged")
    assert done.returncode == 0, done.stderr
    return "debugged"


def test_every_command_has_it_and_prints_the_same(cluster: RunningCluster, topic: str) -> None:
    words = ("topics", "--describe", "--topic", topic, "--bootstrap-server", cluster.bootstrap)

    plain, debugged = pk(*words), pk(*words, "--debug")

    assert plain.stderr == ""
    assert debugged.stdout == plain.stdout
    assert f"DEBUG Connecting to {cluster.bootstrap} (PLAINTEXT)" in debugged.stderr
    assert f"brokers 0 at {cluster.bootstrap}, controller 0" in debugged.stderr
    assert f"{topic} (partition 0 led by 0 in epoch 0)" in debugged.stderr


def test_a_producer_says_who_it_is_and_a_consumer_how_its_group_rebalances(cluster: RunningCluster, topic: str) -> None:
    where = ("--bootstrap-server", cluster.bootstrap, "--topic", topic)
    produced = pk("console-producer", *where, "--debug", stdin="one\n")
    consumed = pk("console-consumer", *where, "--debug", "--group", "g", "--from-beginning", "--max-messages", "1")

    assert "DEBUG The producer has id " in produced.stderr
    assert consumed.stdout == "one\n"
    for said in (
        "DEBUG Broker 0 is the coordinator of g",
        "DEBUG Group g: joining was answered with MEMBER_ID_REQUIRED",
        "in generation 1, by range",
        f"DEBUG Group g: this member leads the group, and has assigned {topic} to 1 members",
        f"has {topic}-0 in generation 1",
        f"DEBUG {topic}-0: broker 0 leads in epoch 0",
        "leaves",
    ):
        assert said in consumed.stderr


def test_attempts_and_pauses_are_named(cluster: RunningCluster) -> None:
    words = ("--bootstrap-server", cluster.bootstrap, "--topic", "debugged-is-created")
    produced = pk("console-producer", *words, "--debug", stdin="one\n")

    assert "debugged-is-created (leader_not_available)" in produced.stderr
    assert "DEBUG Looking for the leaders of debugged-is-created in 0.1 s" in produced.stderr


def test_an_address_where_nobody_listens_is_named() -> None:
    done = pk("topics", "--list", "--bootstrap-server", "127.0.0.1:1", "--debug")

    assert done.returncode == 1
    assert "DEBUG Not connected: cannot connect to 127.0.0.1:1: connection refused" in done.stderr


def test_secrets_are_not_printed(cluster: RunningCluster, topic: str) -> None:
    login = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="me" password="hunter2";'
    properties = ("security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", f"sasl.jaas.config={login}")
    words = [word for each in properties for word in ("--producer-property", each)]
    done = pk(
        "console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, *words, "--debug", stdin="x\n"
    )

    assert done.returncode == 1
    assert "(SASL_PLAINTEXT)" in done.stderr
    assert "hunter2" not in done.stderr


def test_the_words_of_another_command_are_left_alone() -> None:
    done = pk("up", "--port", "0", "--zookeeper-port", "0", "--", "echo", "--debug")

    assert done.stdout.endswith("--debug\n")
