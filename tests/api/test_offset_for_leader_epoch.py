from collections.abc import AsyncIterator
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.offset_for_leader_epoch.v4.request import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)

from pykafka_cli.model import TopicPartition
from tests.fakes.replica_cluster import ReplicaCluster
from tests.support.replicas import TOPIC, cluster_with_topic

OFFSET_FOR_LEADER_EPOCH = 23


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    """Two records of epoch 0, one of epoch 1, then epoch 2 without any."""
    cluster = await cluster_with_topic(1, 2)
    leader, partition = cluster.nodes[1], TopicPartition(TOPIC, 0)
    await leader.produce(TOPIC, b"a", b"b", acks=-1)
    await cluster.controller.elect(partition, 1)
    await leader.produce(TOPIC, b"c", acks=-1)
    await cluster.controller.elect(partition, 1)
    yield cluster
    await cluster.close()


async def ended(cluster: ReplicaCluster, epoch: int, *, current: int = -1, on: int = 1, topic: str = TOPIC) -> Any:
    wanted = OffsetForLeaderPartition(partition=0, current_leader_epoch=current, leader_epoch=epoch)
    request = OffsetForLeaderEpochRequest(topics=(OffsetForLeaderTopic(topic=topic, partitions=(wanted,)),))
    (answer,) = (await cluster.nodes[on].ask(OFFSET_FOR_LEADER_EPOCH, request)).topics[0].partitions
    return answer.error_code, answer.leader_epoch, answer.end_offset


async def test_an_epoch_ends_where_the_next_begins(cluster: ReplicaCluster) -> None:
    assert await ended(cluster, 0) == (ErrorCode.none, 0, 2)
    assert await ended(cluster, 1) == (ErrorCode.none, 1, 3)
    assert await ended(cluster, 2) == (ErrorCode.none, 2, 3)


async def test_nothing_is_known_of_epochs_to_come(cluster: ReplicaCluster) -> None:
    assert await ended(cluster, 3) == (ErrorCode.none, -1, -1)


async def test_epochs_and_places_are_checked(cluster: ReplicaCluster) -> None:
    assert (await ended(cluster, 0, current=1))[0] is ErrorCode.fenced_leader_epoch
    assert (await ended(cluster, 0, current=3))[0] is ErrorCode.unknown_leader_epoch
    assert (await ended(cluster, 0, on=2))[0] is ErrorCode.not_leader_or_follower
    assert (await ended(cluster, 0, topic="nobody")) == (ErrorCode.unknown_topic_or_partition, -1, -1)
