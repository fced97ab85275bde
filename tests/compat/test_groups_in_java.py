"""Groups of Java's consumers: static and cooperative through deaths of theirs and ours, limits, removal by force."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.broker_processes import PkBroker, running
from tests.support.kafka_scripts import command, kafka, run_kafka
from tests.support.polling import PATIENCE_S, until
from tests.support.running import RunningCluster
from tests.support.server_processes import ServerProcess
from tests.support.zookeeper.servers import pk_zookeeper

TOPIC, GROUP, PARTITIONS, A_ROUND = "numbers", "readers", 4, 40


class StaticMember(ServerProcess):
    """Kafka's VerifiableConsumer as a static member that rebalances cooperatively; it reports what happens to it."""

    def __init__(self, folder: Path, name: str, bootstrap: str, *, instance: str | None = None) -> None:
        super().__init__(folder / f"{name}.log")
        self._command = command(
            "verifiable-consumer", "--bootstrap-server", bootstrap, "--topic", TOPIC, "--group-id", GROUP,
            "--group-instance-id", instance or name, "--session-timeout", "30000",
            "--assignment-strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
        )  # fmt: skip

    def command(self) -> Sequence[str]:
        return self._command

    def serves(self) -> bool:
        return bool(self.partitions())

    def events(self) -> list[dict[str, Any]]:
        """What has happened since it was started last."""
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{") and line.endswith("}")]

    def rebalances(self) -> list[dict[str, Any]]:
        """What was assigned to it and revoked."""
        return [event for event in self.events() if event["name"].startswith("partitions_")]

    def partitions(self) -> set[int]:
        """What it has now."""
        owned: set[int] = set()
        for event in self.rebalances():
            named = {each["partition"] for each in event["partitions"]}
            owned = owned | named if event["name"] == "partitions_assigned" else owned - named
        return owned

    def read(self) -> Counter[int]:
        """How many records of each partition it has read."""
        return self._counted("records_consumed", lambda each: each["count"])

    def committed(self) -> dict[int, int]:
        """The offsets that it has committed."""
        events = [event for event in self.events() if event["name"] == "offsets_committed" and event["success"]]
        return {each["partition"]: each["offset"] for event in events for each in event["offsets"]}

    def _counted(self, name: str, amount: Any) -> Counter[int]:
        counts: Counter[int] = Counter()
        for event in self.events():
            if event["name"] == name:
                counts.update({each["partition"]: amount(each) for each in event["partitions"]})
        return counts


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[StaticMember]]:
    """Put members in here; they are killed at the end."""
    started: list[StaticMember] = []
    yield started
    for member in started:
        member.kill()


def produce(bootstrap: str) -> None:
    """A round of records, the same number to each partition."""
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(A_ROUND):
        producer.produce(TOPIC, str(number), partition=number % PARTITIONS)
    assert producer.flush(60) == 0


def create_topic(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(PATIENCE_S)


def test_static_cooperative_members_keep_their_partitions_through_our_death_theirs_and_impostors(
    members: list[StaticMember], tmp_path: Path, fresh_cluster: RunningCluster
) -> None:
    create_topic(fresh_cluster.bootstrap)
    members += [StaticMember(tmp_path, name, fresh_cluster.bootstrap) for name in ("left", "right")]
    left, right = members

    def until_committed(rounds: int) -> None:
        each = rounds * A_ROUND // PARTITIONS
        wanted = dict.fromkeys(range(PARTITIONS), each)
        until(lambda: left.committed() | right.committed() == wanted, lambda: f"{left.said()}\n{right.said()}"[-4000:])

    def group() -> tuple[str, set[str]]:
        # A client that has seen its only broker die may ask one that it has given up, and gets nothing.
        fresh = AdminClient({"bootstrap.servers": fresh_cluster.bootstrap})
        described = fresh.describe_consumer_groups([GROUP])[GROUP].result(PATIENCE_S)
        return described.state.name, {member.member_id for member in described.members}

    for member in members:
        member.begin()
    until(lambda: [len(member.partitions()) for member in members] == [2, 2], "they do not share evenly")
    produce(fresh_cluster.bootstrap)
    until_committed(1)
    before, rebalances = group(), [member.rebalances() for member in members]

    fresh_cluster.kill()
    fresh_cluster.start()
    produce(fresh_cluster.bootstrap)
    until_committed(2)
    assert group() == before
    assert [member.rebalances() for member in members] == rebalances

    had, read_before = right.partitions(), right.read()
    right.kill()
    right.begin()
    produce(fresh_cluster.bootstrap)
    until_committed(3)
    assert right.partitions() == had
    assert left.rebalances() == rebalances[0]
    assert group()[0] == "STABLE"
    assert left.read() + read_before + right.read() == dict.fromkeys(range(PARTITIONS), 3 * A_ROUND // PARTITIONS)

    impostor = StaticMember(tmp_path, "impostor", fresh_cluster.bootstrap, instance="right")
    members.append(impostor)
    impostor.begin()
    until(lambda: not right.is_running, lambda: right.said()[-4000:])
    assert "FencedInstanceIdException" in right.said()
    assert impostor.partitions() == had
    assert left.rebalances() == rebalances[0]


def test_a_group_is_limited_in_size_and_in_its_members_patience(tmp_path: Path) -> None:
    limits = {"group.max.size": "1", "group.min.session.timeout.ms": "6000"}
    with (
        pk_zookeeper(tmp_path) as zookeeper,
        running(PkBroker(0, tmp_path, zookeeper.address, settings=limits)) as broker,
    ):
        create_topic(broker.bootstrap)
        first = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": GROUP})
        first.subscribe([TOPIC])
        until(lambda: first.poll(0.1) or len(first.assignment()) == PARTITIONS, "the first member gets nothing")
        joining = ("--bootstrap-server", broker.bootstrap, "--topic", TOPIC, "--group-id", GROUP, "--session-timeout")

        impatient = run_kafka("verifiable-consumer", *joining, "5999")
        second = run_kafka("verifiable-consumer", *joining, "6000")

        assert "InvalidSessionTimeoutException" in impatient.stderr
        assert "GroupMaxSizeReachedException" in second.stderr
        assert first.poll(0.1) is None
        assert len(first.assignment()) == PARTITIONS
        first.close()


def test_javas_admin_removes_members_all_at_once(cluster: RunningCluster, tmp_path: Path) -> None:
    application = "forced"
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_topics([NewTopic(application, 2, 1)])[application].result(PATIENCE_S)
    usual = {"bootstrap.servers": cluster.bootstrap, "group.id": application, "session.timeout.ms": 60_000}
    members = [Consumer({**usual, "group.instance.id": "static"}), Consumer(usual)]
    for member in members:
        member.subscribe([application])

    def have_joined() -> bool:
        for member in members:
            member.poll(0.1)
        return [len(member.assignment()) for member in members] == [1, 1]

    until(have_joined, "they do not share")
    words = ("--bootstrap-server", cluster.bootstrap, "--application-id", application, "--input-topics", application)

    refused = run_kafka("streams-application-reset", *words)
    kafka("streams-application-reset", *words, "--force")

    assert "is still active and has following members" in refused.stderr
    assert admin.describe_consumer_groups([application])[application].result(PATIENCE_S).state.name == "EMPTY"
    for member in members:
        member.close()
