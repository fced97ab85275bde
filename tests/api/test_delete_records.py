from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from kio.schema.delete_records.v2.request import DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic
from kio.schema.errors import ErrorCode

from tests.fakes.replica_cluster import ReplicaCluster
from tests.support.replicas import TOPIC, begun, cluster_with_topic

DELETE_RECORDS = 21


async def deleted(
    cluster: ReplicaCluster, offset: int, *, topic: str = TOPIC, partition: int = 0, timeout: int = 1
) -> Any:
    request = DeleteRecordsRequest(
        topics=(
            DeleteRecordsTopic(
                name=topic, partitions=(DeleteRecordsPartition(partition_index=partition, offset=offset),)
            ),
        ),
        timeout=timedelta(seconds=timeout),
    )
    (answer,) = (await cluster.nodes[1].ask(DELETE_RECORDS, request)).topics[0].partitions
    return answer.error_code, answer.low_watermark


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await cluster_with_topic(1)
    await cluster.nodes[1].produce(TOPIC, b"a", b"b", b"c")
    yield cluster
    await cluster.close()


@pytest.mark.parametrize(("offset", "start"), [(2, 2), (-1, 3), (0, 0)])
async def test_records_go_and_the_new_start_is_reported(cluster: ReplicaCluster, offset: int, start: int) -> None:
    assert await deleted(cluster, offset) == (ErrorCode.none, start)
    assert cluster.nodes[1].log(TOPIC).log_start == start


async def test_the_start_does_not_move_back(cluster: ReplicaCluster) -> None:
    await deleted(cluster, 2)

    assert await deleted(cluster, 1) == (ErrorCode.none, 2)


@pytest.mark.parametrize("offset", [4, -2])
async def test_an_offset_outside_of_the_log_is_rejected(cluster: ReplicaCluster, offset: int) -> None:
    assert await deleted(cluster, offset) == (ErrorCode.offset_out_of_range, -1)


async def test_what_cannot_be_deleted_says_why(cluster: ReplicaCluster) -> None:
    await cluster.controller.create("__consumer_offsets", (1,))
    cluster.topic_configs["compacted"] = {"cleanup.policy": "compact"}
    await cluster.controller.create("compacted", (1,))

    assert await deleted(cluster, 0, topic="nobody") == (ErrorCode.unknown_topic_or_partition, -1)
    assert await deleted(cluster, 0, partition=9) == (ErrorCode.unknown_topic_or_partition, -1)
    assert await deleted(cluster, 0, topic="__consumer_offsets") == (ErrorCode.invalid_topic_exception, -1)
    assert await deleted(cluster, 0, topic="compacted") == (ErrorCode.policy_violation, -1)


async def test_a_replica_that_does_not_follow_suit_costs_the_timeout() -> None:
    cluster = await cluster_with_topic(1, 2)
    await cluster.nodes[1].produce(TOPIC, b"a", acks=-1)
    cluster.cut(1, 2)
    asked = await begun(cluster, deleted(cluster, 1, timeout=1))
    assert not asked.done()

    await cluster.wait(1)

    assert await asked == (ErrorCode.request_timed_out, -1)
    assert cluster.nodes[1].log(TOPIC).log_start == 1
    await cluster.close()
