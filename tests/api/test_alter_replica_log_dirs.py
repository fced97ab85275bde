import errno
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kio.schema.alter_replica_log_dirs.v2.request import (
    AlterReplicaLogDir,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirTopic,
)
from kio.schema.describe_log_dirs.v4.request import DescribeLogDirsRequest
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.quotas.replication_quotas import MOVES_RATE
from pykafka_cli.broker.replication.directory_moves import CHUNK_BYTES
from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.hot_path.fetch import FetchPartitionResponse
from pykafka_cli.protocol.records import records_in
from tests.fakes.replica_cluster import Node, ReplicaCluster
from tests.support.event_loop import until
from tests.support.replicas import TOPIC

ALTER_REPLICA_LOG_DIRS, DESCRIBE_LOG_DIRS = 34, 35
T0 = TopicPartition(TOPIC, 0)


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await ReplicaCluster.started(1, log_dirs="/a,/b")
    await cluster.controller.create(TOPIC, (1,))
    yield cluster
    await cluster.close()


@pytest.fixture
def broker(cluster: ReplicaCluster) -> Node:
    return cluster.nodes[1]


@pytest.fixture
async def elsewhere(broker: Node) -> str:
    """The directory in which the partition is not."""
    return "/b" if str(broker.log(TOPIC).directory.parent) == "/a" else "/a"


async def moved(node: Node, path: str, *, topic: str = TOPIC, partition: int = 0) -> ErrorCode:
    wanted = AlterReplicaLogDirTopic(name=topic, partitions=(partition,))
    request = AlterReplicaLogDirsRequest(dirs=(AlterReplicaLogDir(path=path, topics=(wanted,)),))
    response = await node.ask(ALTER_REPLICA_LOG_DIRS, request)
    return response.results[0].partitions[0].error_code


async def places(node: Node) -> dict[tuple[str, bool], int]:
    """(directory, is a copy on its way) -> lag, of partition 0."""
    response = await node.ask(DESCRIBE_LOG_DIRS, DescribeLogDirsRequest(topics=None))
    return {
        (directory.log_dir, each.is_future_key): each.offset_lag
        for directory in response.results
        for topic in directory.topics
        for each in topic.partitions
    }


async def test_a_move_takes_no_more_than_its_rate(cluster: ReplicaCluster, broker: Node, elsewhere: str) -> None:
    """Two megabytes at half a megabyte a second: one chunk, and the next when the rate has fallen."""
    broker.settings.apply_dynamic({MOVES_RATE: str(CHUNK_BYTES // 2)}, {})
    for _ in range(4):
        await broker.produce(TOPIC, bytes(CHUNK_BYTES // 2))

    assert await moved(broker, elsewhere) is ErrorCode.none
    await cluster.settle()
    assert (elsewhere, True) in await places(broker)
    cluster.clock.advance(0.5)
    await cluster.settle()
    assert (elsewhere, True) in await places(broker)
    for _ in range(8):
        cluster.clock.advance(0.5)
        await cluster.settle()
    await until_moved(broker, elsewhere)

    assert await places(broker) == {(elsewhere, False): 0}


async def until_moved(node: Node, path: str) -> None:
    await until(lambda: node.log(TOPIC).directory.parent == Path(path), f"it is not moved to {path}")


def values(answer: FetchPartitionResponse) -> list[bytes | None]:
    return [record.value for record in records_in(answer.records)]


async def test_a_replica_moves_with_everything_and_continues_there(
    cluster: ReplicaCluster, broker: Node, elsewhere: str
) -> None:
    await broker.produce(TOPIC, b"a", b"b")
    await cluster.controller.elect(T0, 1)
    broker.replicas.partition(T0).delete_records(1)
    epochs = broker.log(TOPIC).epochs.entries

    assert await moved(broker, elsewhere) is ErrorCode.none
    await until_moved(broker, elsewhere)
    await broker.produce(TOPIC, b"c")

    assert values(await broker.fetch(TOPIC, 1)) == [b"a", b"b", b"c"]
    log = broker.log(TOPIC)
    assert (log.log_start, log.high_watermark, log.log_end) == (1, 3, 3)
    assert log.epochs.entries == epochs
    assert await places(broker) == {(elsewhere, False): 0}


async def test_a_copy_on_its_way_is_shown_with_what_it_lacks(broker: Node, elsewhere: str) -> None:
    await broker.produce(TOPIC, b"a", b"b")

    await moved(broker, elsewhere)

    assert (await places(broker))[elsewhere, True] == 2


async def test_what_is_written_during_the_move_arrives_too(
    cluster: ReplicaCluster, broker: Node, elsewhere: str
) -> None:
    for number in range(50):
        await broker.produce(TOPIC, b"%d" % number)
    await moved(broker, elsewhere)
    for number in range(50, 60):
        await broker.produce(TOPIC, b"%d" % number)

    await until_moved(broker, elsewhere)

    assert values(await broker.fetch(TOPIC)) == [b"%d" % number for number in range(60)]


async def test_a_move_to_where_it_is_does_nothing(broker: Node) -> None:
    here = str(broker.log(TOPIC).directory.parent)

    assert await moved(broker, here) is ErrorCode.none
    assert await places(broker) == {(here, False): 0}


async def test_a_move_back_takes_the_copy_away(broker: Node, elsewhere: str) -> None:
    here = str(broker.log(TOPIC).directory.parent)
    await moved(broker, elsewhere)

    await moved(broker, here)

    assert await places(broker) == {(here, False): 0}


async def test_a_topic_deleted_on_its_way_leaves_nothing(cluster: ReplicaCluster, broker: Node, elsewhere: str) -> None:
    await moved(broker, elsewhere)
    await cluster.controller.delete(TOPIC)
    await cluster.settle()

    assert await places(broker) == {}


async def test_a_restart_keeps_the_original_and_removes_the_copy(
    cluster: ReplicaCluster, broker: Node, elsewhere: str
) -> None:
    await broker.produce(TOPIC, b"a")
    await moved(broker, elsewhere)
    await cluster.fail(1)
    await cluster.restart(1)

    assert values(await broker.fetch(TOPIC)) == [b"a"]
    assert (elsewhere, True) not in await places(broker)


async def test_what_cannot_be_moved_says_why(cluster: ReplicaCluster, broker: Node) -> None:
    assert await moved(broker, "/nowhere") is ErrorCode.log_dir_not_found
    assert await moved(broker, "/a", topic="nobody") is ErrorCode.unknown_topic_or_partition


async def test_a_replica_that_is_not_here_yet_will_be_made_there(cluster: ReplicaCluster, broker: Node) -> None:
    other, later = "/b", TopicPartition("later", 0)
    cluster.controller.decide("later", (1,))
    broker.metadata.apply(cluster.controller.update_metadata([later], broker))

    assert await moved(broker, other, topic="later") is ErrorCode.replica_not_available
    await cluster.controller.send([later], is_new=True)

    assert str(broker.log("later").directory.parent) == other


async def test_a_disk_that_fails_under_the_copy_leaves_the_original_in_service(
    cluster: ReplicaCluster, broker: Node, elsewhere: str
) -> None:
    here = str(broker.log(TOPIC).directory.parent)
    await broker.produce(TOPIC, b"a")
    await moved(broker, elsewhere)
    broker.files.fail_at(1, OSError(errno.EIO, "broken"))
    await cluster.settle()

    assert await places(broker) == {(here, False): 0}
    assert (await broker.produce(TOPIC, b"b")).error_code is ErrorCode.none
