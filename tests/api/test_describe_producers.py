from collections.abc import AsyncIterator
from typing import Any

import pytest
from kio.schema.describe_producers.v0.request import DescribeProducersRequest, TopicRequest
from kio.schema.errors import ErrorCode

from pykafka_cli.model import TopicPartition
from tests.fakes.replica_cluster import ReplicaCluster
from tests.support.logs import NOW_MS, sequenced
from tests.support.replicas import TOPIC, cluster_with_topic

DESCRIBE_PRODUCERS = 61


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await cluster_with_topic(1)
    yield cluster
    await cluster.close()


async def described(cluster: ReplicaCluster, *, topic: str = TOPIC, partition: int = 0) -> Any:
    request = DescribeProducersRequest(topics=(TopicRequest(name=topic, partition_indexes=(partition,)),))
    (answer,) = (await cluster.nodes[1].ask(DESCRIBE_PRODUCERS, request)).topics[0].partitions
    return answer


async def test_producers_are_reported_with_their_sequences_and_open_transactions(cluster: ReplicaCluster) -> None:
    for records in (
        sequenced(b"a", b"b", sequence=0, producer=7),
        sequenced(b"c", sequence=0, producer=8, epoch=3, transactional=True),
    ):
        await cluster.nodes[1].replicas.append({TopicPartition(TOPIC, 0): memoryview(records)}, acks=1, timeout_ms=0)

    answer = await described(cluster)

    assert [
        (
            each.producer_id,
            each.producer_epoch,
            each.last_sequence,
            each.last_timestamp,
            each.coordinator_epoch,
            each.current_txn_start_offset,
        )
        for each in answer.active_producers
    ] == [(7, 0, 1, NOW_MS, -1, -1), (8, 3, 0, NOW_MS, -1, 2)]


async def test_what_is_not_there_says_why(cluster: ReplicaCluster) -> None:
    assert (await described(cluster, topic="a b")).error_code is ErrorCode.invalid_topic_exception
    assert (await described(cluster, topic="nobody")).error_code is ErrorCode.unknown_topic_or_partition
    assert (await described(cluster, partition=9)).error_code is ErrorCode.unknown_topic_or_partition
