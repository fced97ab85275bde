from collections.abc import AsyncIterator
from typing import Any

import pytest
from kio.schema.describe_log_dirs.v4.request import DescribableLogDirTopic, DescribeLogDirsRequest
from kio.schema.describe_log_dirs.v4.response import DescribeLogDirsResult
from kio.schema.errors import ErrorCode

from tests.fakes.replica_cluster import ReplicaCluster
from tests.support.replicas import TOPIC, cluster_with_topic
from tests.support.vectors import answers

DESCRIBE_LOG_DIRS = 35


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await cluster_with_topic(1, partitions=2)
    await cluster.nodes[1].produce(TOPIC, b"a")
    yield cluster
    await cluster.close()


async def described(cluster: ReplicaCluster, topics: tuple[DescribableLogDirTopic] | None = None) -> Any:
    (directory,) = (await cluster.nodes[1].ask(DESCRIBE_LOG_DIRS, DescribeLogDirsRequest(topics=topics))).results
    return directory


async def test_every_partition_is_listed_with_its_size(cluster: ReplicaCluster) -> None:
    directory = await described(cluster)

    (topic,) = directory.topics
    assert (directory.error_code, directory.log_dir, topic.name) == (ErrorCode.none, "/logs", TOPIC)
    assert [
        (each.partition_index, each.partition_size > 0, each.offset_lag, each.is_future_key)
        for each in topic.partitions
    ] == [(0, True, 0, False), (1, False, 0, False)]


async def test_only_what_was_asked_for_is_listed(cluster: ReplicaCluster) -> None:
    one = await described(cluster, (DescribableLogDirTopic(topic=TOPIC, partitions=(1,)),))
    none = await described(cluster, (DescribableLogDirTopic(topic="nobody", partitions=(0,)),))

    assert [each.partition_index for each in one.topics[0].partitions] == [1]
    assert none.topics == ()


async def test_the_answer_has_what_kafkas_has(cluster: ReplicaCluster) -> None:
    ours = await described(cluster)
    kafkas = next(each.results[0] for each in answers("admin", "DescribeLogDirs") if each.results[0].topics)

    def shape(directory: DescribeLogDirsResult) -> set[tuple[int, bool]]:
        return {(each.offset_lag, each.is_future_key) for topic in directory.topics for each in topic.partitions}

    assert shape(ours) == shape(kafkas) == {(0, False)}
    assert (ours.error_code, kafkas.total_bytes > kafkas.usable_bytes) == (kafkas.error_code, True)
