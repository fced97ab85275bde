"""Groups as a whole, with clients that nobody here wrote: mixed, static, cooperative, and across the broker's death."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaConsumer

from tests.support.confluent import value_of
from tests.support.polling import PATIENCE_S
from tests.support.running import RunningCluster

PARTITIONS = 6
PATIENCE = 300  # polls of a fifth of a second: a minute


def new_topic(bootstrap: str) -> str:
    """A topic with ten records in each of its partitions."""
    topic = f"topic-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})  # its responses end with it
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(PATIENCE_S)
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(10 * PARTITIONS):
        producer.produce(topic, str(number), partition=number % PARTITIONS)
    assert producer.flush(PATIENCE_S) == 0
    return topic


def consumer(bootstrap: str, group: str, **settings: Any) -> Consumer:
    defaults = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": 6_000,
        "heartbeat.interval.ms": 500,
    }
    return Consumer(defaults | {name.replace("_", "."): value for name, value in settings.items()})


class Reading:
    """Members polled in turn, and all they have read."""

    def __init__(self, *members: Consumer) -> None:
        self.members = list(members)
        self.values: list[bytes] = []

    def until(self, condition: Callable[[], bool]) -> None:
        """Poll until `condition` holds."""
        for _ in range(PATIENCE):
            if condition():
                return
            for member in self.members:
                message = member.poll(0.2 / len(self.members))
                if message is not None and message.error() is None:
                    self.values.append(value_of(message))
        raise AssertionError(f"it never came to pass; shares are {self.shares()}, {len(self.values)} records were read")

    def shares(self) -> list[int]:
        """How many partitions each has, the fewest first."""
        return sorted(len(member.assignment()) for member in self.members)

    def leave(self, member: Consumer) -> None:
        self.members.remove(member)
        member.close()


def state_of(bootstrap: str, group: str) -> tuple[str, set[str]]:
    """The group's state and its members' ids."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    described = admin.describe_consumer_groups([group])[group].result(PATIENCE_S)
    return described.state.name, {member.member_id for member in described.members}


async def test_three_kinds_of_clients_share_one_group(cluster: RunningCluster) -> None:
    topic, group = new_topic(cluster.bootstrap), f"group-{uuid.uuid4().hex[:8]}"
    asynchronous = AIOKafkaConsumer(
        topic, bootstrap_servers=cluster.bootstrap, group_id=group, heartbeat_interval_ms=500, enable_auto_commit=False
    )
    await (
        asynchronous.start()
    )  # the first: it waits for its assignment, and the others must be polled to give theirs up
    python = KafkaConsumer(
        topic,
        bootstrap_servers=cluster.bootstrap,
        group_id=group,
        session_timeout_ms=10_000,
        heartbeat_interval_ms=500,
        enable_auto_commit=False,
    )
    librdkafka = consumer(cluster.bootstrap, group, partition_assignment_strategy="range,roundrobin")
    librdkafka.subscribe([topic])

    for _ in range(PATIENCE):
        librdkafka.poll(0.1)
        python.poll(timeout_ms=100)
        await asynchronous.getmany(timeout_ms=100)
        assignments = [len(librdkafka.assignment()), len(python.assignment()), len(asynchronous.assignment())]
        if assignments == [2, 2, 2]:
            break
    await asynchronous.stop()
    python.close()
    librdkafka.close()

    assert assignments == [2, 2, 2]


@pytest.mark.parametrize("strategy", ["range", "roundrobin", "cooperative-sticky"])
def test_members_come_and_go_and_every_record_is_read(cluster: RunningCluster, strategy: str) -> None:
    topic, group = new_topic(cluster.bootstrap), f"group-{uuid.uuid4().hex[:8]}"
    first, second, third = (
        consumer(cluster.bootstrap, group, partition_assignment_strategy=strategy) for _ in range(3)
    )
    first.subscribe([topic])
    reading = Reading(first)
    reading.until(lambda: reading.shares() == [6])
    second.subscribe([topic])
    third.subscribe([topic])
    reading.members += [second, third]
    reading.until(lambda: reading.shares() == [2, 2, 2])

    reading.leave(first)
    reading.until(lambda: reading.shares() == [3, 3])
    reading.leave(second)
    reading.until(lambda: reading.shares() == [6])
    reading.until(lambda: len(set(reading.values)) == 60)
    reading.leave(third)

    assert {int(value) for value in reading.values} == set(range(60))
    assert state_of(cluster.bootstrap, group)[0] == "EMPTY"


def test_a_member_that_dies_is_replaced_after_its_session(cluster: RunningCluster) -> None:
    topic, group = new_topic(cluster.bootstrap), f"group-{uuid.uuid4().hex[:8]}"
    dying, staying = consumer(cluster.bootstrap, group, max_poll_interval_ms=6_000), consumer(cluster.bootstrap, group)
    for member in (dying, staying):
        member.subscribe([topic])
    reading = Reading(dying, staying)
    reading.until(lambda: reading.shares() == [3, 3])

    reading.members.remove(dying)  # polls no more, so its client stops its heartbeats
    reading.until(lambda: reading.shares() == [6])

    reading.leave(staying)
    dying.close()


def test_a_static_member_that_restarts_causes_no_rebalance(cluster: RunningCluster) -> None:
    topic, group = new_topic(cluster.bootstrap), f"group-{uuid.uuid4().hex[:8]}"
    revoked: list[Any] = []
    staying = consumer(cluster.bootstrap, group, group_instance_id="staying", session_timeout_ms=30_000)
    leaving = consumer(cluster.bootstrap, group, group_instance_id="leaving", session_timeout_ms=30_000)
    staying.subscribe([topic], on_revoke=lambda _, partitions: revoked.append(partitions))
    leaving.subscribe([topic])
    reading = Reading(staying, leaving)
    reading.until(lambda: reading.shares() == [3, 3])
    revoked.clear()
    had = leaving.assignment()

    reading.leave(leaving)
    again = consumer(cluster.bootstrap, group, group_instance_id="leaving", session_timeout_ms=30_000)
    again.subscribe([topic])
    reading.members.append(again)
    reading.until(lambda: reading.shares() == [3, 3])

    assert sorted(again.assignment()) == sorted(had)
    assert revoked == []
    assert state_of(cluster.bootstrap, group)[0] == "STABLE"
    reading.leave(staying)
    reading.leave(again)


def test_members_and_offsets_outlive_the_broker(tmp_path: Path) -> None:
    cluster = RunningCluster(tmp_path / "data")
    ports = cluster.port, cluster.zookeeper_port
    topic, group = new_topic(cluster.bootstrap), "group"
    revoked: list[Any] = []
    member = consumer(cluster.bootstrap, group, session_timeout_ms=45_000)
    member.subscribe([topic], on_revoke=lambda _, partitions: revoked.append(partitions))
    reading = Reading(member)
    reading.until(lambda: len(reading.values) == 60)
    member.commit(asynchronous=False)
    before = state_of(cluster.bootstrap, group)

    cluster.kill()
    cluster = RunningCluster(tmp_path / "data", ports=ports)
    producer = Producer({"bootstrap.servers": cluster.bootstrap})
    producer.produce(topic, "after", partition=0)
    assert producer.flush(60) == 0
    reading.until(lambda: len(reading.values) > 60)
    member.commit(asynchronous=False)

    assert reading.values[60:] == [b"after"]
    assert revoked == []
    assert state_of(cluster.bootstrap, group) == before
    committed = member.committed(member.assignment(), timeout=PATIENCE_S)
    assert sorted(each.offset for each in committed) == [10, 10, 10, 10, 10, 11]
    member.close()
    assert cluster.stop() == 0
