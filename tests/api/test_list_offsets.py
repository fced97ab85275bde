from collections.abc import AsyncIterator
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.list_offsets.v9.request import ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic

from pykafka_cli.model import OffsetSpec, TopicPartition
from pykafka_cli.protocol.first_versions_adapters import OldStyleListOffsetsPartition
from tests.fakes.replica_cluster import Node, ReplicaCluster
from tests.support.logs import batch, sequenced
from tests.support.replicas import TOPIC, cluster_with_topic

LIST_OFFSETS = 2
T0 = TopicPartition(TOPIC, 0)


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await cluster_with_topic(1)
    yield cluster
    await cluster.close()


@pytest.fixture
def broker(cluster: ReplicaCluster) -> Node:
    return cluster.nodes[1]


async def listed(
    node: Node,
    timestamp: int,
    *,
    version: int = 9,
    replica_id: int = -1,
    isolation: int = 0,
    epoch: int = -1,
    topic: str = TOPIC,
    times: int = 1,
) -> Any:
    wanted = ListOffsetsPartition(partition_index=0, timestamp=timestamp, current_leader_epoch=epoch)
    request = ListOffsetsRequest(
        replica_id=replica_id,
        isolation_level=isolation,
        topics=(ListOffsetsTopic(name=topic, partitions=(wanted,) * times),),
    )
    response = await node.ask(LIST_OFFSETS, request, version=version)
    return response.topics[0].partitions[0]


async def write(node: Node, *batches: bytearray) -> None:
    for each in batches:
        await node.replicas.append({T0: memoryview(each)}, acks=1, timeout_ms=0)


def found(answer: Any) -> tuple[int, int, int]:
    assert answer.error_code is ErrorCode.none
    return answer.timestamp, answer.offset, answer.leader_epoch


async def test_the_ends_of_the_log(broker: Node) -> None:
    await write(broker, batch(b"a", b"b"), batch(b"c"))
    broker.replicas.partition(T0).delete_records(1)

    assert found(await listed(broker, OffsetSpec.EARLIEST)) == (-1, 1, 0)
    assert found(await listed(broker, OffsetSpec.EARLIEST_LOCAL)) == (-1, 1, 0)
    assert found(await listed(broker, OffsetSpec.LATEST)) == (-1, 3, 0)
    assert found(await listed(broker, OffsetSpec.LATEST_TIERED)) == (-1, -1, -1)


async def test_an_empty_log_has_ends_and_nothing_between(broker: Node) -> None:
    assert found(await listed(broker, OffsetSpec.EARLIEST))[1] == 0
    assert found(await listed(broker, OffsetSpec.LATEST))[1] == 0
    assert found(await listed(broker, OffsetSpec.MAX_TIMESTAMP)) == (-1, -1, -1)
    assert found(await listed(broker, 0)) == (-1, -1, -1)


async def test_a_time_gives_the_first_record_that_is_not_older(broker: Node) -> None:
    await write(broker, batch(b"a", timestamp=1000), batch(b"b", timestamp=3000), batch(b"c", timestamp=2000))

    assert found(await listed(broker, 1001)) == (3000, 1, 0)
    assert found(await listed(broker, 3001)) == (-1, -1, -1)
    assert found(await listed(broker, OffsetSpec.MAX_TIMESTAMP)) == (3000, 1, 0)


async def test_what_is_not_committed_is_not_found() -> None:
    cluster = await cluster_with_topic(1, 2)
    cluster.cut(1, 2)
    leader = cluster.nodes[1]
    await write(leader, batch(b"a", timestamp=1000))

    assert found(await listed(leader, OffsetSpec.LATEST))[1] == 0
    assert found(await listed(leader, 1000)) == (-1, -1, -1)
    assert found(await listed(leader, OffsetSpec.LATEST, replica_id=2))[1] == 1
    assert found(await listed(leader, 1000, replica_id=2))[1] == 0
    await cluster.close()


async def test_read_committed_ends_at_the_last_stable_offset(broker: Node) -> None:
    await write(broker, batch(b"a"), sequenced(b"open", sequence=0, transactional=True), batch(b"b"))

    assert found(await listed(broker, OffsetSpec.LATEST, isolation=1))[1] == 1
    assert found(await listed(broker, OffsetSpec.LATEST, isolation=0))[1] == 3


async def test_a_new_leader_does_not_say_how_far_it_is_before_it_knows() -> None:
    cluster = await cluster_with_topic(1, 2, 3)
    await cluster.nodes[1].produce(TOPIC, b"a", acks=-1)
    cluster.cut(2, 3)
    await cluster.fail(1, how="crash")
    leader = cluster.nodes[2]

    assert (await listed(leader, OffsetSpec.LATEST)).error_code is ErrorCode.offset_not_available
    assert (await listed(leader, OffsetSpec.LATEST, version=4)).error_code is ErrorCode.leader_not_available
    assert found(await listed(leader, OffsetSpec.EARLIEST))[1] == 0
    assert found(await listed(leader, OffsetSpec.LATEST, replica_id=3))[1] == 1
    await cluster.close()


@pytest.mark.parametrize(
    ("timestamp", "version"),
    [(OffsetSpec.MAX_TIMESTAMP, 6), (OffsetSpec.EARLIEST_LOCAL, 7), (OffsetSpec.LATEST_TIERED, 8), (-6, 9)],
)
async def test_a_name_from_the_future_is_rejected(broker: Node, timestamp: int, version: int) -> None:
    assert (await listed(broker, timestamp, version=version)).error_code is ErrorCode.unsupported_version


async def test_a_partition_named_twice_is_rejected(broker: Node) -> None:
    assert (await listed(broker, OffsetSpec.LATEST, times=2)).error_code is ErrorCode.invalid_request


async def test_epochs_and_places_are_checked(cluster: ReplicaCluster, broker: Node) -> None:
    await cluster.controller.elect(T0, 1)

    assert (await listed(broker, OffsetSpec.LATEST, epoch=0)).error_code is ErrorCode.fenced_leader_epoch
    assert (await listed(broker, OffsetSpec.LATEST, epoch=2)).error_code is ErrorCode.unknown_leader_epoch
    assert (await listed(broker, OffsetSpec.LATEST, topic="nobody")).error_code is ErrorCode.unknown_topic_or_partition


async def test_only_the_debugging_replica_id_asks_a_follower() -> None:
    cluster = await cluster_with_topic(1, 2)

    assert (await listed(cluster.nodes[2], OffsetSpec.LATEST)).error_code is ErrorCode.not_leader_or_follower
    assert found(await listed(cluster.nodes[2], OffsetSpec.LATEST, replica_id=-2))[1] == 0
    await cluster.close()


async def old_style(node: Node, timestamp: int, limit: int, *, replica_id: int = -1, topic: str = TOPIC) -> Any:
    """(offsets, code) of a ListOffsets 0."""
    wanted = OldStyleListOffsetsPartition(partition_index=0, timestamp=timestamp, max_num_offsets=limit)
    topics = (ListOffsetsTopic(name=topic, partitions=(wanted,)),)
    request = ListOffsetsRequest(replica_id=replica_id, isolation_level=0, topics=topics)
    (partition,) = (await node.ask(LIST_OFFSETS, request, version=0)).topics[0].partitions
    return list(getattr(partition, "old_style_offsets", ())), partition.error_code


async def test_version_0_lists_where_segments_begin_and_the_end(broker: Node) -> None:
    log = broker.log(TOPIC)
    for modified_ms, data in ((1000, batch(b"a", b"b")), (2000, batch(b"c")), (3000, batch(b"d"))):
        await write(broker, data)
        broker.files.set_modified_ms(log.segments.active.path, modified_ms)
        if modified_ms < 3000:
            log.roll()

    assert await old_style(broker, OffsetSpec.LATEST, 9) == ([4, 3, 2, 0], ErrorCode.none)
    assert await old_style(broker, OffsetSpec.LATEST, 1) == ([4], ErrorCode.none)
    assert await old_style(broker, OffsetSpec.EARLIEST, 9) == ([0], ErrorCode.none)
    assert await old_style(broker, 2500, 9) == ([2, 0], ErrorCode.none)
    assert await old_style(broker, 500, 9) == ([], ErrorCode.none)


async def test_version_0_shows_consumers_no_more_than_is_committed(broker: Node) -> None:
    await write(broker, batch(b"a", b"b"))
    broker.log(TOPIC).set_high_watermark(1)

    assert await old_style(broker, OffsetSpec.LATEST, 9) == ([1, 0], ErrorCode.none)
    assert await old_style(broker, OffsetSpec.LATEST, 9, replica_id=2) == ([2, 0], ErrorCode.none)


async def test_version_0_knows_no_other_names_of_offsets(broker: Node) -> None:
    assert await old_style(broker, OffsetSpec.MAX_TIMESTAMP, 1) == ([], ErrorCode.unsupported_version)
    assert await old_style(broker, OffsetSpec.LATEST, 1, topic="nosuch") == ([], ErrorCode.unknown_topic_or_partition)
