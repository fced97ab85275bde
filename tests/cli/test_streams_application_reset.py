"""pk streams-application-reset where the recorded cases do not go: documents, static members, clients' own settings."""

import json
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.polling import PATIENCE_S, until
from tests.support.running import PK, RunningCluster, pk


@pytest.fixture
def application(cluster: RunningCluster) -> str:
    """An application id; it has the input topic of that name with ten records, and a changelog."""
    name = f"app-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    for created in admin.create_topics([NewTopic(name, 1, 1), NewTopic(f"{name}-store-changelog", 1, 1)]).values():
        created.result(PATIENCE_S)
    pk("console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", name, stdin="x\n" * 10)
    return name


@pytest.fixture
def members(cluster: RunningCluster, application: str) -> Iterator[None]:
    """Two members of the application's group, one of them static, that stand still; their sessions are long."""
    usual = [PK, "console-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", application,
             "--group", application, "--consumer-property", "session.timeout.ms=60000",
             "--consumer-property", "enable.auto.commit=false"]  # fmt: skip
    joined = [
        subprocess.Popen([*usual, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for words in ([], ["--consumer-property", "group.instance.id=static"])
    ]
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})

    def both_there() -> bool:
        group = admin.describe_consumer_groups([application])[application].result(PATIENCE_S)
        return (group.state.name, len(group.members)) == ("STABLE", 2)

    try:
        until(both_there, "the members did not get their shares")
        for member in joined:
            member.send_signal(signal.SIGSTOP)
        yield
    finally:
        for member in joined:
            member.kill()
            member.wait()


def reset(cluster: RunningCluster, application: str, *words: str) -> "tuple[int, str, str]":
    done = pk(
        "streams-application-reset", "--bootstrap-server", cluster.bootstrap, "--application-id", application, *words
    )
    return done.returncode, done.stdout, done.stderr


def committed(cluster: RunningCluster, application: str) -> int:
    reader = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": application})
    (found,) = reader.committed([TopicPartition(application, 0)], PATIENCE_S)
    reader.close()
    offset: int = found.offset
    return offset


def test_the_outcome_as_a_document(cluster: RunningCluster, application: str) -> None:
    words = ("--input-topics", application, "--shift-by", "-3", "--output", "json")

    status, stdout, stderr = reset(cluster, application, *words)

    assert (status, stderr) == (0, "")
    assert json.loads(stdout) == {
        "application_id": application,
        "executed": True,
        "offsets": [{"topic": application, "partition": 0, "new_offset": 7}],
        "internal_topics": [f"{application}-store-changelog"],
    }
    assert committed(cluster, application) == 7


def test_notices_do_not_get_into_a_document(cluster: RunningCluster, application: str) -> None:
    words = ("--input-topics", f"{application},nowhere", "--to-offset", "99", "--dry-run", "--output", "yaml")

    status, stdout, stderr = reset(cluster, application, *words)

    assert status == 1
    assert stdout.splitlines()[:2] == [f"application_id: {application}", "executed: false"]
    assert stderr.splitlines() == [
        "Following input topics are not found, skipping them",
        "Topic: nowhere",
        "New offset (99) is higher than latest offset. Value will be set to 10",
    ]
    assert committed(cluster, application) < 0


def test_a_group_that_has_committed_nothing_is_where_its_consumer_would_begin(
    cluster: RunningCluster, application: str, tmp_path: Path
) -> None:
    file = tmp_path / "client.properties"
    words = ("--input-topics", application, "--shift-by", "2", "--dry-run", "--config-file", str(file))

    file.write_text("auto.offset.reset=earliest\n")
    earliest = reset(cluster, application, *words)
    file.write_text("auto.offset.reset=none\n")
    nowhere = reset(cluster, application, *words)

    assert f"Topic: {application} Partition: 0 Offset: 2\n" in earliest[1]
    assert nowhere[0] == 1
    assert f"Undefined offset with no reset policy for partitions: [{application}-0]" in nowhere[2]


def test_members_are_removed_by_force_static_ones_too(cluster: RunningCluster, application: str, members: None) -> None:
    refused = reset(cluster, application, "--input-topics", application)
    forced = reset(cluster, application, "--input-topics", application, "--force")

    assert refused[0] == 1
    assert "groupInstanceId=static" in refused[2]
    assert f"topicPartitions={application}-0)" in refused[2]
    assert forced[0] == 0, forced[2]
    assert forced[1].startswith(f"Force deleting all active members in the group: {application}\n")
    assert committed(cluster, application) == 0


def test_words_of_kafka_2_are_accepted(cluster: RunningCluster, application: str) -> None:
    old = ("streams-application-reset", "--application-id", application, "--input-topics", application)

    done = pk(*old, "--bootstrap-servers", cluster.bootstrap, "--zookeeper", "localhost:2181", "--execute")
    both = pk(*old, "--bootstrap-servers", cluster.bootstrap, "--execute", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert committed(cluster, application) == 0
    assert both.returncode == 1
    assert "Only one of --dry-run and --execute can be specified" in both.stderr
