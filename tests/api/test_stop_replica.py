from collections.abc import AsyncIterator
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.inter_broker import StopReplicaPartitionState, StopReplicaRequest, StopReplicaTopicState
from tests.fakes.replica_cluster import CONTROLLER, STOP_REPLICA, ReplicaCluster
from tests.support.replicas import TOPIC, begun, cluster_with_topic

T0 = TopicPartition(TOPIC, 0)


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await cluster_with_topic(1, 2)
    await cluster.nodes[1].produce(TOPIC, b"a", acks=-1)
    yield cluster
    await cluster.close()


async def stopped(
    cluster: ReplicaCluster,
    node: int,
    *,
    delete: bool = True,
    leader_epoch: int = -2,
    controller_epoch: int = 1,
    broker_epoch: int = -1,
    topic: str = TOPIC,
) -> Any:
    states = StopReplicaPartitionState(partition_index=0, leader_epoch=leader_epoch, delete_partition=delete)
    response = await cluster.nodes[node].ask(
        STOP_REPLICA,
        StopReplicaRequest(
            controller_id=CONTROLLER,
            controller_epoch=controller_epoch,
            broker_epoch=broker_epoch,
            topic_states=(StopReplicaTopicState(topic_name=topic, partition_states=(states,)),),
        ),
    )
    return response.error_code, [each.error_code for each in response.partition_errors]


async def test_a_deleted_replica_is_gone_and_its_files_are_set_aside(cluster: ReplicaCluster) -> None:
    assert await stopped(cluster, 1) == (ErrorCode.none, [ErrorCode.none])

    assert cluster.nodes[1].logs.get(T0) is None
    assert cluster.nodes[1].replicas.hosted.get(T0) is None
    assert (await cluster.nodes[1].produce(TOPIC, b"b")).error_code is ErrorCode.not_leader_or_follower


async def test_a_stopped_follower_keeps_its_files_and_fetches_no_more(cluster: ReplicaCluster) -> None:
    await stopped(cluster, 2, delete=False)
    await begun(cluster, cluster.nodes[1].produce(TOPIC, b"b", acks=1))
    await cluster.wait(1)

    assert cluster.nodes[2].logs.get(T0).log_end == 1


async def test_stopping_continues_when_the_controller_says_so_again(cluster: ReplicaCluster) -> None:
    await stopped(cluster, 2, delete=False)

    await cluster.controller.elect(T0, 1)
    await cluster.nodes[1].produce(TOPIC, b"b", acks=-1)

    assert cluster.nodes[2].logs.get(T0).log_end == 2


async def test_an_earlier_leader_epoch_is_fenced_and_no_epoch_is_not(cluster: ReplicaCluster) -> None:
    await cluster.controller.elect(T0, 1)

    assert await stopped(cluster, 1, leader_epoch=0) == (ErrorCode.none, [ErrorCode.fenced_leader_epoch])
    assert await stopped(cluster, 1, leader_epoch=-1) == (ErrorCode.none, [ErrorCode.none])


async def test_late_requests_are_rejected_as_a_whole(cluster: ReplicaCluster) -> None:
    assert await stopped(cluster, 1, broker_epoch=0) == (ErrorCode.stale_broker_epoch, [])
    await stopped(cluster, 1, controller_epoch=5, topic="nobody")
    assert await stopped(cluster, 1, controller_epoch=4) == (ErrorCode.stale_controller_epoch, [])


async def test_a_log_left_from_before_the_broker_was_down_is_deleted(cluster: ReplicaCluster) -> None:
    await cluster.fail(2)
    await cluster.nodes[2].start()
    assert cluster.nodes[2].logs.get(T0) is not None

    assert await stopped(cluster, 2) == (ErrorCode.none, [ErrorCode.none])
    assert cluster.nodes[2].logs.get(T0) is None


async def test_what_was_never_here_is_stopped_without_ado(cluster: ReplicaCluster) -> None:
    assert await stopped(cluster, 1, topic="nobody") == (ErrorCode.none, [ErrorCode.none])
