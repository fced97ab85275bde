"""pk apply and pk export on Apache Kafka 3.9.1, on 4.3.1 far away, over connections that end, and on three brokers."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acl_brokers import acl_broker
from tests.support.broker_processes import KafkaBroker
from tests.support.far_cluster import FAR, FLAKY, Proxy, far_cluster
from tests.support.kafka_4 import Kafka4
from tests.support.ports import free_port
from tests.support.running import RunningCluster, pk

FILE = """\
topics:
  orders:
    partitions: 2
    configs: {min.cleanable.dirty.ratio: 0.50, cleanup.policy: "compact, delete", retention.ms: 60000}
    records:
      - {key: a, value: {amount: 5}, headers: {source: seed}, timestamp: 1700000000000}
      - {key: b, value: ~}
  plain: {}
users:
  alice:
    scram-sha-256: {password: {env: ALICE_PASSWORD}, iterations: 8192}
    scram-sha-512: {password: {env: ALICE_PASSWORD}}
quotas:
  - {user: alice, client-id: <default>, limits: {producer_byte_rate: 1024, request_percentage: 0.5}}
  - {ip: 10.0.0.1, limits: {connection_creation_rate: 5}}
"""
ACLS = """\
acls:
  - {principal: "User:alice", operations: [read, describe], topic: orders}
  - {principal: "User:alice", operations: all, group: g-, pattern: prefixed, permission: deny, host: 10.0.0.1}
  - {principal: "User:bob", operations: idempotent-write, cluster: ~}
"""
PASSWORD = {"ALICE_PASSWORD": "hunter2"}
STANDARD_AUTHORIZER = """\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""


def apply(bootstrap: str, text: str, *words: str) -> "subprocess.CompletedProcess[str]":
    command = ("apply", "-", "--detailed-exitcode", "--bootstrap-server", bootstrap, *words)
    return pk(*command, stdin=text, env=os.environ | PASSWORD, timeout=120)


@pytest.fixture(scope="module")
def kafka_3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with acl_broker(KafkaBroker, tmp_path_factory.mktemp("kafka-3"), {}) as broker:
        yield broker.addresses.bootstrap


@pytest.fixture(scope="module")
def far_kafka_4(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    near = free_port()
    proxy = Proxy(near, FAR)
    more = f"{STANDARD_AUTHORIZER}advertised.listeners=PLAINTEXT://127.0.0.1:{proxy.port}"
    server = Kafka4(tmp_path_factory.mktemp("kafka-4"), port=near, more=more)
    server.start()
    try:
        yield f"127.0.0.1:{proxy.port}"
    finally:
        server.kill()
        proxy.close()


@pytest.fixture(params=["kafka_3", "far_kafka_4"])
def kafka(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def test_what_is_declared_is_made_exported_and_changed(kafka: str) -> None:
    made, again = apply(kafka, FILE + ACLS), apply(kafka, FILE + ACLS, "--prune")

    assert (made.returncode, made.stderr) == (2, "")
    assert made.stdout.endswith("Added: 9, changed: 0, deleted: 0.\n"), made.stdout
    assert (again.returncode, again.stdout) == (0, "Nothing to change.\n")
    words = ("--topic", "orders", "--from-beginning", "--max-messages", "2", "--output", "json")
    read = pk("console-consumer", "--bootstrap-server", kafka, *words)
    assert {each["key"]: each["timestamp"] for each in map(json.loads, read.stdout.splitlines())}["a"] == 1700000000000

    for form in ("short", "strimzi", "jikkou"):
        exported = pk("export", "--bootstrap-server", kafka, "--format", form)
        assert exported.returncode == 0, exported.stderr
        assert apply(kafka, exported.stdout).stdout == "Nothing to change.\n"

    pruned = apply(
        kafka, "topics: {orders: {partitions: 3}}\n" + ACLS.splitlines()[0] + "\n" + ACLS.splitlines()[1], "--prune"
    )
    assert pruned.returncode == 2, pruned.stderr
    assert pruned.stdout.splitlines() == [
        "~ topic orders",
        "    ~ partitions: 2 -> 3",
        "    - cleanup.policy: compact,delete",
        "    - min.cleanable.dirty.ratio: 0.5",
        "    - retention.ms: 60000",
        "- ACL User:alice DENY ALL on group prefixed g- from 10.0.0.1",
        "- topic plain",
        "Added: 0, changed: 1, deleted: 2.",
    ]


def test_the_brokers_reject_before_anything_is_changed(kafka: str) -> None:
    done = apply(kafka, "topics:\n  first: {}\n  second: {configs: {retention.ms: soon}}\n")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("standard input, line 3, document 1, topics.second: second: Invalid value soon")
    assert "first" not in pk("topics", "--bootstrap-server", kafka, "--list").stdout.split()


def test_without_an_authorizer_there_are_no_acls(cluster: RunningCluster) -> None:
    exported = pk("export", "--bootstrap-server", cluster.bootstrap, "--kind", "acls", "--output", "json")
    done = apply(cluster.bootstrap, ACLS)

    assert (exported.returncode, json.loads(exported.stdout)) == (0, {"topics": {}})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "cannot read the ACLs: No Authorizer is configured on the broker\n"


def test_connections_that_end_hinder_nobody(tmp_path: Path) -> None:
    with far_cluster(tmp_path, FLAKY) as cluster:
        for _ in range(3):
            apply(cluster.bootstrap, FILE)

        done = apply(cluster.bootstrap, FILE)

    assert (done.returncode, done.stdout) == (0, "Nothing to change.\n"), done.stderr


def test_replicas_come_and_go_by_reassignment(tmp_path: Path) -> None:
    cluster = RunningCluster(tmp_path / "three", extra=("--brokers", "3"))
    try:
        for text in (
            "topics: {t: {partitions: 2, replication-factor: 1}}",
            "topics: {t: {partitions: 3, replication-factor: 3}}",
            "topics: {t: {replication-factor: 2}}",
        ):
            done = apply(cluster.bootstrap, text)
            assert done.returncode == 2, done.stderr
            assert apply(cluster.bootstrap, text).returncode == 0
        (topic,) = json.loads(
            pk(
                "topics", "--bootstrap-server", cluster.bootstrap, "--describe", "--topic", "t", "--output", "json"
            ).stdout
        )
    finally:
        cluster.stop()
    assert [(len(each["replicas"]), sorted(each["isr"])) for each in topic["partitions"]] == [
        (2, sorted(each["replicas"])) for each in topic["partitions"]
    ]
    assert len(topic["partitions"]) == 3
