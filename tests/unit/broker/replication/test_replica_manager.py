import errno
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.errors import (
    KafkaStorageError,
    NotEnoughReplicas,
    NotLeaderOrFollower,
    RequestTimedOut,
    UnknownTopicOrPartition,
)
from pykafka_cli.model import Offset, TopicPartition
from pykafka_cli.protocol.records import records_in
from pykafka_cli.storage.segment_list import FetchData
from tests.fakes.replica_cluster import ReplicaCluster
from tests.support.logs import batch
from tests.support.replicas import TOPIC, begun, cluster_with_topic

T0 = TopicPartition(TOPIC, 0)


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await cluster_with_topic(1, 2)
    yield cluster
    await cluster.close()


async def test_partitions_that_are_elsewhere_and_that_are_nowhere_are_distinguished(cluster: ReplicaCluster) -> None:
    await cluster.controller.create("elsewhere", (2,))

    with pytest.raises(NotLeaderOrFollower):
        cluster.nodes[1].replicas.partition(TopicPartition("elsewhere", 0))
    with pytest.raises(UnknownTopicOrPartition):
        cluster.nodes[1].replicas.partition(TopicPartition("nowhere", 0))


async def test_a_topic_is_one_line_in_the_log_however_many_partitions_it_has(
    cluster: ReplicaCluster, caplog: pytest.LogCaptureFixture
) -> None:
    roles = "pykafka_cli.broker.replication.roles"
    caplog.set_level(logging.INFO, roles)
    await cluster.controller.create("many", *[(1, 2)] * 12)
    await cluster.controller.create("one", (2, 1))

    def lines() -> list[str]:
        return sorted(record.getMessage() for record in caplog.records if record.name == roles)

    assert lines() == [
        "many: following other brokers in 12 partitions: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...",
        "many: leading in 12 partitions: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...",
        "one-0: following broker 2 in epoch 0",
        "one-0: leading in epoch 0, ISR 2,1",
    ]

    caplog.clear()
    caplog.set_level(logging.DEBUG, roles)
    await cluster.controller.create("shown", (1,), (1,))
    assert lines() == [
        "shown-0: leading in epoch 0, ISR 1",
        "shown-1: leading in epoch 0, ISR 1",
        "shown: leading in 2 partitions: 0, 1",
    ]


async def test_a_failed_disk_takes_its_partitions_away_and_nothing_else(cluster: ReplicaCluster) -> None:
    follower = cluster.nodes[2]
    follower.files.fail_at(1, OSError(errno.EIO, "broken"))

    await cluster.nodes[1].produce(TOPIC, b"a", acks=1)
    await cluster.wait(1)

    assert follower.replicas.hosted.is_offline(T0)
    with pytest.raises(KafkaStorageError):
        follower.replicas.partition(T0)
    await cluster.controller.elect(T0, 2)
    assert (await follower.produce(TOPIC, b"b")).error_code is ErrorCode.kafka_storage_error


async def test_a_broken_leader_answers_with_a_storage_error(cluster: ReplicaCluster) -> None:
    leader = cluster.nodes[1]
    leader.files.fail_at(1, OSError(errno.EIO, "broken"))

    answer = await leader.produce(TOPIC, b"a")

    assert answer.error_code is ErrorCode.kafka_storage_error
    assert (await leader.fetch(TOPIC)).error_code is ErrorCode.kafka_storage_error


async def test_a_coordinator_writes_waits_and_reads(cluster: ReplicaCluster) -> None:
    replicas = cluster.nodes[1].replicas
    last = replicas.append_records(T0, batch(b"a", b"b"))
    stored = await begun(cluster, replicas.replicated(T0, last, 1000))

    assert await stored is None
    assert [record.value for record in records_in(replicas.read(T0, 0))] == [b"a", b"b"]
    assert (replicas.log_start(T0), replicas.log_end(T0), replicas.high_watermark(T0)) == (0, 2, 2)
    assert replicas.read(T0, 2) == b""


async def test_a_coordinator_learns_when_its_records_do_not_get_around(cluster: ReplicaCluster) -> None:
    replicas = cluster.nodes[1].replicas
    cluster.cut(1, 2)
    last = replicas.append_records(T0, batch(b"a"))
    late = await begun(cluster, replicas.replicated(T0, last, 500))
    await cluster.wait(0.5)
    with pytest.raises(RequestTimedOut):
        await late

    deposed = await begun(cluster, replicas.replicated(T0, last, 10_000))
    await cluster.controller.elect(T0, 2)
    with pytest.raises(NotLeaderOrFollower):
        await deposed


async def test_a_coordinator_does_not_write_below_min_insync_replicas() -> None:
    cluster = await cluster_with_topic(1, 2, min_insync_replicas="2")
    await cluster.fail(2)

    with pytest.raises(NotEnoughReplicas):
        cluster.nodes[1].replicas.append_records(T0, batch(b"a"))
    await cluster.close()


async def test_a_read_begins_with_the_batch_that_holds_the_offset(cluster: ReplicaCluster) -> None:
    replicas = cluster.nodes[1].replicas
    replicas.append_records(T0, batch(b"a", b"b"))

    assert [record.offset for record in records_in(replicas.read(T0, 1))] == [0, 1]


async def test_flush_messages_makes_the_answer_wait_for_the_disk() -> None:
    cluster = await cluster_with_topic(1, flush_messages="1")

    await cluster.nodes[1].produce(TOPIC, b"a")

    assert cluster.nodes[1].log(TOPIC).recovery_point == 1
    await cluster.close()


async def test_fetchers_end_with_the_last_partition_that_they_follow(cluster: ReplicaCluster) -> None:
    follower = cluster.nodes[2].replicas
    assert follower.fetcher_count == 1

    await cluster.controller.elect(T0, 2)

    assert follower.fetcher_count == 0


@pytest.fixture
async def idle(cluster: ReplicaCluster, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The reads of T0 on its leader, once its follower has nothing more to learn."""
    await cluster.wait(3)
    reads: list[int] = []
    log = cluster.nodes[1].log(TOPIC)
    read = log.read

    def noting(start: Offset, **limits: Any) -> FetchData:
        reads.append(start)
        return read(start, **limits)

    monkeypatch.setattr(log, "read", noting)
    return reads


async def test_a_partition_in_which_nothing_happens_is_not_read_for_its_follower(
    cluster: ReplicaCluster, idle: list[int]
) -> None:
    await cluster.wait(5)
    assert not idle

    await cluster.nodes[1].produce(TOPIC, b"a")
    await cluster.wait(1)

    assert cluster.nodes[2].log(TOPIC).log_end == 1
    assert [node.log(TOPIC).high_watermark for node in cluster.nodes.values()] == [1, 1]


async def test_a_follower_of_an_idle_partition_stays_in_the_isr_for_the_lag_time_after_an_append(
    cluster: ReplicaCluster, idle: list[int]
) -> None:
    lag_s = cluster.nodes[1].settings.replica_lag_time_max_ms / 1000
    await cluster.wait(2 * lag_s)
    assert not idle
    cluster.cut(1, 2)
    await cluster.nodes[1].produce(TOPIC, b"a")

    await cluster.wait(lag_s - 1)
    assert cluster.controller.partitions[T0].isr == (1, 2)
    await cluster.wait(lag_s)

    assert cluster.controller.partitions[T0].isr == (1,)


async def test_a_follower_of_an_idle_partition_is_told_what_retention_deleted(
    cluster: ReplicaCluster, idle: list[int]
) -> None:
    leader, follower = cluster.nodes[1], cluster.nodes[2]
    await leader.produce(TOPIC, b"a")
    await cluster.wait(3)

    leader.log(TOPIC).advance_log_start(Offset(1))
    await cluster.wait(leader.settings.replica_lag_time_max_ms / 1000)

    assert follower.log(TOPIC).log_start == 1
    assert len(idle) > 0


async def test_a_new_leader_epoch_of_an_idle_partition_is_followed(cluster: ReplicaCluster, idle: list[int]) -> None:
    await cluster.controller.elect(T0, 1)
    await cluster.nodes[1].produce(TOPIC, b"a")
    await cluster.wait(1)

    assert cluster.nodes[2].log(TOPIC).log_end == 1
    assert cluster.nodes[2].replicas.partition(T0).leader_epoch == 1
    assert idle


async def test_several_fetchers_share_the_partitions_of_one_leader() -> None:
    from tests.fakes.replica_cluster import ReplicaCluster

    cluster = await ReplicaCluster.started(1, 2, num_replica_fetchers=2)
    await cluster.controller.create(TOPIC, *[(1, 2)] * 4)
    for partition in range(4):
        await cluster.nodes[1].produce(TOPIC, b"a", partition=partition)
    await cluster.wait(1)

    assert cluster.nodes[2].replicas.fetcher_count == 2
    assert [cluster.nodes[2].log(TOPIC, partition).log_end for partition in range(4)] == [1] * 4
    await cluster.close()
