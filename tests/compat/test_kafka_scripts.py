"""Apache Kafka 3.9.1's own command-line tools against our broker."""

import re
import uuid

import pytest

from tests.support.kafka_scripts import kafka
from tests.support.running import RunningCluster, pk


@pytest.fixture
def topic() -> str:
    return f"java-{uuid.uuid4().hex[:8]}"


def test_kafka_topics_creates_describes_alters_and_deletes(cluster: RunningCluster, topic: str) -> None:
    server = ("--bootstrap-server", cluster.bootstrap)

    created = kafka(
        "topics", *server, "--create", "--topic", topic, "--partitions", "2", "--config", "retention.ms=1000"
    )
    kafka("topics", *server, "--alter", "--topic", topic, "--partitions", "3")
    described = kafka("topics", *server, "--describe", "--topic", topic)
    kafka("topics", *server, "--delete", "--topic", topic)
    listed = kafka("topics", *server, "--list")

    assert created.endswith(f"Created topic {topic}.\n")
    assert re.match(
        rf"Topic: {topic}\tTopicId: \S{{22}}\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: ", described
    )
    assert "retention.ms=1000" in described
    assert described.count("Leader: 0\tReplicas: 0\tIsr: 0") == 3
    assert topic not in listed.split()


def test_kafka_console_tools_produce_and_read_with_keys_and_compression(cluster: RunningCluster, topic: str) -> None:
    server = ("--bootstrap-server", cluster.bootstrap, "--topic", topic)
    lines = [f"key{n % 5}:value {n}" for n in range(200)]
    keys = ("--property", "parse.key=true", "--property", "key.separator=:")

    kafka("console-producer", *server, *keys, "--compression-codec", "zstd", stdin="\n".join(lines) + "\n")
    read = kafka(
        "console-consumer", *server, "--from-beginning", "--max-messages", "200",
        "--property", "print.key=true", "--property", "key.separator=:",
    )  # fmt: skip

    assert read.splitlines() == lines


def test_kafka_consumer_groups_describes_and_resets_what_our_consumer_read(cluster: RunningCluster, topic: str) -> None:
    group = f"group-{topic}"
    server = ("--bootstrap-server", cluster.bootstrap)
    produced = pk("console-producer", *server, "--topic", topic, stdin="a\nb\nc\n")
    consumed = pk(
        "console-consumer", *server, "--topic", topic, "--group", group, "--from-beginning", "--max-messages", "3"
    )

    before = kafka("consumer-groups", *server, "--describe", "--group", group)
    choice = ("--group", group, "--topic", topic)
    reset = kafka("consumer-groups", *server, *choice, "--reset-offsets", "--shift-by", "-2", "--execute")
    after = kafka("consumer-groups", *server, "--describe", "--group", group)

    assert produced.returncode == 0, produced.stderr
    assert consumed.stdout == "a\nb\nc\n", consumed.stderr
    assert re.search(rf"{topic}\s+0\s+3\s+3\s+0\s", before)
    assert re.search(rf"{topic}\s+0\s+1\s+3\s+2\s", after), reset


def test_kafka_console_consumer_joins_a_group_and_commits(cluster: RunningCluster, topic: str) -> None:
    group = f"group-{topic}"
    server = ("--bootstrap-server", cluster.bootstrap)
    produced = pk("console-producer", *server, "--topic", topic, stdin="a\nb\n")
    read = kafka(
        "console-consumer", *server, "--topic", topic, "--group", group, "--from-beginning", "--max-messages", "2"
    )
    described = pk("consumer-groups", *server, "--describe", "--group", group)

    assert produced.returncode == 0, produced.stderr
    assert read == "a\nb\n"
    assert re.search(rf"{topic}\s+0\s+2\s+2\s+0\s", described.stdout), described


def test_kafka_tools_find_our_offsets_log_dirs_and_api_versions(cluster: RunningCluster, topic: str) -> None:
    server = ("--bootstrap-server", cluster.bootstrap)
    produced = pk("console-producer", *server, "--topic", topic, stdin="a\nb\n")

    offsets = kafka("get-offsets", *server, "--topic", topic)
    directories = kafka("log-dirs", *server, "--describe", "--topic-list", topic)
    versions = kafka("broker-api-versions", *server)

    assert produced.returncode == 0, produced.stderr
    assert offsets == f"{topic}:0:2\n"
    assert f'"partition":"{topic}-0"' in directories
    assert "UNKNOWN" not in versions.split("\n", 1)[0]
    assert re.search(r"Produce\(0\): 0 to 11 \[usable: 11\]", versions)


def test_kafka_producer_perf_test_delivers_every_record(cluster: RunningCluster, topic: str) -> None:
    server = f"bootstrap.servers={cluster.bootstrap}"

    printed = kafka(
        "producer-perf-test", "--topic", topic, "--num-records", "20000", "--record-size", "100", "--throughput", "-1",
        "--producer-props", server, "acks=all",
    )  # fmt: skip

    assert printed.splitlines()[-1].startswith("20000 records sent")
    offsets = kafka("get-offsets", "--bootstrap-server", cluster.bootstrap, "--topic", topic)
    assert offsets == f"{topic}:0:20000\n"
