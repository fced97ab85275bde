"""OffsetCommit, OffsetFetch, OffsetDelete."""

import struct
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.offset_commit import v2 as commit_v2
from kio.schema.offset_delete import v0 as delete_v0
from kio.schema.offset_fetch import v1 as fetch_v1
from kio.schema.offset_fetch import v5 as fetch_v5
from kio.schema.offset_fetch import v9 as fetch_v9

from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.coordinator.group.shard import Committer
from pykafka_cli.broker.metadata.zk_store import ZkStore
from pykafka_cli.model import ProducerIdAndEpoch, TopicPartition
from pykafka_cli.protocol.codec import message_codec
from tests.fakes.zookeeper import FakeZooKeeper, FakeZooKeeperClient
from tests.support.group_broker import GroupBroker
from tests.support.group_requests import commit


@pytest.fixture
async def broker() -> GroupBroker:
    return await GroupBroker.started()


def wanted(*partitions: int, group: str = "g", topic: str = "t") -> Any:
    """One group of an OffsetFetch; all its partitions if none is named."""
    topics = (fetch_v9.request.OffsetFetchRequestTopics(name=topic, partition_indexes=partitions),)
    return fetch_v9.request.OffsetFetchRequestGroup(group_id=group, topics=topics if partitions else None)


async def fetch(broker: GroupBroker, *groups: Any, require_stable: bool = False) -> Any:
    request = fetch_v9.request.OffsetFetchRequest(groups=groups, require_stable=require_stable)
    return (await broker.ask(request)).groups


def offsets_of(group: Any) -> Any:
    return {
        (topic.name, each.partition_index): (each.committed_offset, each.committed_leader_epoch, each.metadata)
        for topic in group.topics
        for each in topic.partitions
    }


async def test_what_is_committed_is_fetched(broker: GroupBroker) -> None:
    assert await commit(broker, 5, 6) == [ErrorCode.none, ErrorCode.none]

    (group,) = await fetch(broker, wanted(0, 1, 2))

    assert offsets_of(group) == {("t", 0): (5, 3, "note"), ("t", 1): (6, 3, "note"), ("t", 2): (-1, -1, "")}


async def test_all_offsets_of_several_groups_are_fetched_at_once(broker: GroupBroker) -> None:
    await commit(broker, 5, group="a")
    await commit(broker, 6, group="a", topic="u")
    await commit(broker, 7, group="b")

    first, second, third = await fetch(broker, wanted(group="a"), wanted(group="b"), wanted(group="none"))

    assert offsets_of(first) == {("t", 0): (5, 3, "note"), ("u", 0): (6, 3, "note")}
    assert offsets_of(second) == {("t", 0): (7, 3, "note")}
    assert (third.topics, third.error_code) == ((), ErrorCode.none)


async def test_null_metadata_is_stored_as_none_at_all(broker: GroupBroker) -> None:
    await commit(broker, 5, metadata=None)

    (group,) = await fetch(broker, wanted(0))

    assert offsets_of(group) == {("t", 0): (5, 3, "")}


async def test_topics_that_do_not_exist_are_not_committed(broker: GroupBroker) -> None:
    broker.topics.missing = {"t"}

    assert await commit(broker, 5, 6) == [ErrorCode.unknown_topic_or_partition] * 2
    assert broker.groups.list_groups() == ([], False)


async def test_an_error_of_the_group_is_reported_for_every_partition(broker: GroupBroker) -> None:
    assert await commit(broker, 5, 6, generation=4, member_id="m") == [ErrorCode.illegal_generation] * 2


async def test_too_long_a_note_is_reported_for_its_partition() -> None:
    broker = await GroupBroker.started(offset_metadata_max_bytes=3)

    assert await commit(broker, 5) == [ErrorCode.offset_metadata_too_large]


async def test_old_clients_commit_and_fetch(broker: GroupBroker) -> None:
    request = commit_v2.request
    committed = request.OffsetCommitRequest(
        group_id="g",
        member_id="",
        topics=(
            request.OffsetCommitRequestTopic(
                name="t",
                partitions=(
                    request.OffsetCommitRequestPartition(
                        partition_index=0, committed_offset=5, committed_metadata=None
                    ),
                ),
            ),
        ),
    )
    assert (await broker.ask(committed)).topics[0].partitions[0].error_code is ErrorCode.none

    topics = (fetch_v1.request.OffsetFetchRequestTopic(name="t", partition_indexes=(0,)),)
    answer = await broker.ask(fetch_v1.request.OffsetFetchRequest(group_id="g", topics=topics))
    assert answer.topics[0].partitions[0].committed_offset == 5
    answer = await broker.ask(fetch_v5.request.OffsetFetchRequest(group_id="g", topics=None))
    assert answer.topics[0].partitions[0].committed_offset == 5


async def test_a_group_that_is_coordinated_elsewhere_is_reported_in_every_version() -> None:
    broker = await GroupBroker.started(leads=False)

    (group,) = await fetch(broker, wanted(0))
    assert (group.error_code, group.topics) == (ErrorCode.not_coordinator, ())
    topics = (fetch_v1.request.OffsetFetchRequestTopic(name="t", partition_indexes=(0,)),)
    old = await broker.ask(fetch_v1.request.OffsetFetchRequest(group_id="g", topics=topics))
    assert old.topics[0].partitions[0].error_code is ErrorCode.not_coordinator
    assert await commit(broker, 5) == [ErrorCode.not_coordinator]


async def test_an_offset_in_an_open_transaction_is_unstable(broker: GroupBroker) -> None:
    value = OffsetCommitValue(offset=9, metadata="", commit_timestamp=0)
    await commit(broker, 5)
    await broker.groups.commit("g", Committer(), {TopicPartition("t", 0): value}, ProducerIdAndEpoch(7, 0))

    (stable,) = await fetch(broker, wanted(0), require_stable=True)
    (current,) = await fetch(broker, wanted(0))

    assert stable.topics[0].partitions[0].error_code is ErrorCode.unstable_offset_commit
    assert stable.topics[0].partitions[0].committed_offset == -1
    assert offsets_of(current) == {("t", 0): (5, 3, "note")}


def deletion(*partitions: int, group: str = "g", topic: str = "t") -> Any:
    request = delete_v0.request
    chosen = tuple(request.OffsetDeleteRequestPartition(partition_index=index) for index in partitions)
    topics = (request.OffsetDeleteRequestTopic(name=topic, partitions=chosen),)
    return request.OffsetDeleteRequest(group_id=group, topics=topics)


async def test_offsets_are_deleted(broker: GroupBroker) -> None:
    await commit(broker, 5, 6)

    answer = await broker.ask(deletion(0))

    assert answer.error_code is ErrorCode.none
    assert [(each.partition_index, each.error_code) for each in answer.topics[0].partitions] == [(0, ErrorCode.none)]
    (group,) = await fetch(broker, wanted())
    assert offsets_of(group) == {("t", 1): (6, 3, "note")}


async def test_offsets_of_a_group_that_is_not_there_cannot_be_deleted(broker: GroupBroker) -> None:
    answer = await broker.ask(deletion(0))

    assert (answer.error_code, answer.topics) == (ErrorCode.group_id_not_found, ())


async def test_offsets_of_topics_that_do_not_exist_cannot_be_deleted(broker: GroupBroker) -> None:
    await commit(broker, 5)
    broker.topics.missing = {"u"}

    answer = await broker.ask(deletion(0, topic="u"))

    assert answer.error_code is ErrorCode.none
    assert answer.topics[0].partitions[0].error_code is ErrorCode.unknown_topic_or_partition


@pytest.fixture
def zookeeper(broker: GroupBroker) -> FakeZooKeeperClient:
    client = FakeZooKeeperClient(FakeZooKeeper())
    broker.broker.store = ZkStore(client, broker.clock)
    return client


def old_commit(
    version: int, index: int, offset: int, *, group: str = "g", topic: str = "t", metadata: str = "", time: int = -1
) -> Any:
    """An OffsetCommit 0 or 1 as it comes out of the codec."""

    def string(text: str) -> bytes:
        return struct.pack(">h", len(text)) + text.encode()

    body = string(group) + (struct.pack(">i", -1) + string("") if version else b"")
    body += struct.pack(">i", 1) + string(topic) + struct.pack(">iiq", 1, index, offset)
    body += (struct.pack(">q", time) if version else b"") + string(metadata)
    return message_codec(8, version, 9).decode_request(memoryview(body), 0)


async def told_of(broker: GroupBroker, version: int, request: Any) -> Any:
    """The error code of the one partition in the response to an OffsetCommit 0 or 1, which ends with it."""
    answer = await broker.handled(8, version, request)
    data = b"".join(message_codec(8, version, 9).encode_response(1, answer, request))
    return ErrorCode(int.from_bytes(data[-2:], "big"))


async def commit_0(broker: GroupBroker, index: int, offset: int, **fields: str) -> Any:
    return await told_of(broker, 0, old_commit(0, index, offset, **fields))


async def fetch_0(broker: GroupBroker, *partitions: int, group: str = "g", topic: str = "t") -> Any:
    request = fetch_v9.request.OffsetFetchRequest(
        groups=(wanted(*partitions, group=group, topic=topic),), require_stable=False
    )
    answer = await broker.handled(9, 0, request)
    return [(each.committed_offset, each.error_code) for each in answer.groups[0].topics[0].partitions]


async def test_version_0_keeps_offsets_in_zookeeper_and_nowhere_else(
    broker: GroupBroker, zookeeper: FakeZooKeeperClient
) -> None:
    await commit(broker, 5)

    assert await commit_0(broker, 0, 41, metadata="note") is ErrorCode.none
    assert await commit_0(broker, 0, 42) is ErrorCode.none

    assert (await zookeeper.get("/consumers/g/offsets/t/0"))[0] == b"42"
    assert await fetch_0(broker, 0, 1) == [(42, ErrorCode.none), (-1, ErrorCode.unknown_topic_or_partition)]
    (group,) = await fetch(broker, wanted(0))
    assert offsets_of(group) == {("t", 0): (5, 3, "note")}


async def test_version_0_rejects_what_kafka_rejects(broker: GroupBroker, zookeeper: FakeZooKeeperClient) -> None:
    broker.topics.missing = {"gone"}
    await zookeeper.create("/consumers/g/offsets/t/1", b"many")

    assert await commit_0(broker, 0, 1, topic="gone") is ErrorCode.unknown_topic_or_partition
    assert await commit_0(broker, 0, 1, metadata="x" * 5000) is ErrorCode.offset_metadata_too_large
    assert await commit_0(broker, 0, 1, group="a/b") is ErrorCode.invalid_group_id
    assert await fetch_0(broker, 0, topic="gone") == [(-1, ErrorCode.unknown_topic_or_partition)]
    assert await fetch_0(broker, 0, group="..") == [(-1, ErrorCode.invalid_group_id)]
    assert await fetch_0(broker, 1) == [(-1, ErrorCode.unknown_server_error)]


@pytest.mark.parametrize(("told", "kept"), [(1000, 1000), (-1, None)])
async def test_version_1_says_when_each_offset_was_committed(broker: GroupBroker, told: int, kept: int | None) -> None:
    assert await told_of(broker, 1, old_commit(1, 0, 42, time=told)) is ErrorCode.none

    (found,) = broker.groups.fetch_offsets("g", [TopicPartition("t", 0)], require_stable=False).values()
    assert (found.offset, found.commit_timestamp) == (42, broker.clock.now_ms() if kept is None else kept)
