"""Replicas that are behind, under a throttle: bytes a second, by the clock of the test."""

import pytest

from pykafka_cli.broker.quotas.replication_quotas import FOLLOWER_RATE, LEADER_RATE
from pykafka_cli.model import TopicPartition
from tests.fakes.replica_cluster import Node, ReplicaCluster

TOPIC = "t"
RATE = 10_000
BATCHES = 30
VALUE = bytes(2_000)
T0 = TopicPartition(TOPIC, 0)


async def cluster_behind(**config: str) -> tuple[ReplicaCluster, Node, Node]:
    """A leader with some 60,000 bytes, and a follower that has none of them and is not in sync; with a clock that is
    driven by the caller."""
    cluster = await ReplicaCluster.started(1, 2)
    cluster.topic_configs[TOPIC] = {name.replace("_", "."): value for name, value in config.items()}
    await cluster.controller.create(TOPIC, (1, 2))
    await cluster.settle()
    leader, follower = cluster.nodes[1], cluster.nodes[2]
    await follower.stop()
    await cluster.controller.broker_failed(2)
    await cluster.settle()
    for _ in range(BATCHES):
        await leader.produce(TOPIC, VALUE)
    return cluster, leader, follower


async def started(cluster: ReplicaCluster, follower: Node, seconds: int) -> list[int]:
    """Start the follower; how many records it has at first and after each second."""
    await follower.start()
    await cluster.controller.broker_started(follower.broker_id)
    await cluster.settle()
    ends = [int(follower.log(TOPIC).log_end)]
    for _ in range(seconds):
        for _ in range(10):
            cluster.clock.advance(0.1)
            await cluster.settle()
        ends.append(int(follower.log(TOPIC).log_end))
    return ends


def throttle(node: Node, key: str, rate: int = RATE) -> None:
    node.settings.apply_dynamic({key: str(rate)}, {})


async def test_without_a_throttle_everything_is_copied_at_once() -> None:
    cluster, _, follower = await cluster_behind()

    assert await started(cluster, follower, 0) == [BATCHES]
    await cluster.close()


@pytest.mark.parametrize(
    ("key", "config"),
    [
        (LEADER_RATE, {"leader_replication_throttled_replicas": "*"}),
        (LEADER_RATE, {"leader_replication_throttled_replicas": "7:1,0:1"}),
        (FOLLOWER_RATE, {"follower_replication_throttled_replicas": "*"}),
        (FOLLOWER_RATE, {"follower_replication_throttled_replicas": "0:2"}),
    ],
)
async def test_a_replica_that_is_behind_catches_up_at_the_rate_and_joins(key: str, config: dict[str, str]) -> None:
    cluster, leader, follower = await cluster_behind(**config)
    throttle(leader if key == LEADER_RATE else follower, key)
    follower.settings.apply_dynamic(
        {"replica.fetch.response.max.bytes": "5000", "replica.fetch.max.bytes": "5000"}
        | ({key: str(RATE)} if key == FOLLOWER_RATE else {}),
        {},
    )

    ends = await started(cluster, follower, 12)

    size = len(VALUE)
    for second, end in enumerate(ends):
        assert end * size <= RATE * (second + 1) + 5 * size, ends
    assert ends[2] < BATCHES
    assert ends[-1] == BATCHES
    assert set(cluster.controller.partitions[T0].isr) == {1, 2}
    await cluster.close()


@pytest.mark.parametrize(
    ("key", "config"),
    [
        (LEADER_RATE, {"leader_replication_throttled_replicas": "0:2,1:1"}),
        (FOLLOWER_RATE, {"follower_replication_throttled_replicas": "0:1"}),
        (LEADER_RATE, {}),
    ],
)
async def test_other_replicas_are_not_throttled(key: str, config: dict[str, str]) -> None:
    cluster, leader, follower = await cluster_behind(**config)
    for node in leader, follower:
        throttle(node, key, rate=1)

    assert await started(cluster, follower, 0) == [BATCHES]
    await cluster.close()


async def test_a_follower_in_sync_is_not_held_back() -> None:
    cluster = await ReplicaCluster.started(1, 2)
    cluster.topic_configs[TOPIC] = {
        "leader.replication.throttled.replicas": "*",
        "follower.replication.throttled.replicas": "*",
    }
    await cluster.controller.create(TOPIC, (1, 2))
    await cluster.settle()
    leader, follower = cluster.nodes[1], cluster.nodes[2]
    throttle(leader, LEADER_RATE, rate=1)
    throttle(follower, FOLLOWER_RATE, rate=1)

    for _ in range(BATCHES):
        await leader.produce(TOPIC, VALUE)
        await cluster.settle()

    assert follower.log(TOPIC).log_end == BATCHES
    await cluster.close()


async def test_a_throttle_that_is_lifted_holds_nobody_back_any_more() -> None:
    cluster, leader, follower = await cluster_behind(leader_replication_throttled_replicas="*")
    throttle(leader, LEADER_RATE, rate=1)
    follower.settings.apply_dynamic({"replica.fetch.max.bytes": "5000"}, {})
    assert (await started(cluster, follower, 3))[-1] < BATCHES

    leader.settings.apply_dynamic({}, {})
    for _ in range(20):
        cluster.clock.advance(0.1)
        await cluster.settle()

    assert follower.log(TOPIC).log_end == BATCHES
    await cluster.close()
