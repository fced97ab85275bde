import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.hot_path import fetch
from pykafka_cli.protocol.records import ControlType, records_in
from tests.fakes.replica_cluster import Node, ReplicaCluster
from tests.support.logs import batch, marker, sequenced
from tests.support.replicas import TOPIC, begun, cluster_with_topic, fetch_request

T0 = TopicPartition(TOPIC, 0)


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await cluster_with_topic(1, partitions=3)
    yield cluster
    await cluster.close()


@pytest.fixture
def broker(cluster: ReplicaCluster) -> Node:
    return cluster.nodes[1]


async def ask(node: Node, *offsets: int, version: int = 12, **fields: int) -> fetch.FetchResponse:
    return await node.ask(fetch.API_KEY, fetch_request(*offsets, **fields), version=version)


def partitions(response: fetch.FetchResponse) -> dict[int, fetch.FetchPartitionResponse]:
    return {each.partition_index: each for topic in response.topics for each in topic.partitions}


def values(answer: fetch.FetchPartitionResponse) -> list[bytes | None]:
    return [record.value for record in records_in(answer.records)]


async def test_records_come_with_the_offsets_that_bound_the_log(broker: Node) -> None:
    await broker.produce(TOPIC, b"a", b"b")

    answer = await broker.fetch(TOPIC)

    assert values(answer) == [b"a", b"b"]
    assert (answer.high_watermark, answer.last_stable_offset, answer.log_start_offset) == (2, 2, 0)
    assert (answer.aborted_transactions, answer.preferred_read_replica, answer.diverging_epoch) == (None, -1, None)


async def test_a_fetch_from_within_a_batch_gives_the_whole_batch(broker: Node) -> None:
    await broker.produce(TOPIC, b"a", b"b", b"c")

    assert values(await broker.fetch(TOPIC, 1)) == [b"a", b"b", b"c"]


async def test_at_the_end_there_is_nothing_and_beyond_it_an_error(broker: Node) -> None:
    await broker.produce(TOPIC, b"a")

    at_end, beyond = await broker.fetch(TOPIC, 1), await broker.fetch(TOPIC, 2)

    assert (at_end.error_code, bytes(at_end.records)) == (ErrorCode.none, b"")
    assert (beyond.error_code, beyond.high_watermark) == (ErrorCode.offset_out_of_range, -1)


async def test_below_the_log_start_is_an_error(broker: Node) -> None:
    await broker.produce(TOPIC, b"a", b"b")
    broker.replicas.partition(T0).delete_records(1)

    assert (await broker.fetch(TOPIC, 0)).error_code is ErrorCode.offset_out_of_range


async def test_unknown_partitions_and_topics(broker: Node) -> None:
    by_name = await ask(broker, 0, 0, 0, 0)
    by_id = await broker.ask(
        fetch.API_KEY,
        fetch.FetchRequest(
            0,
            1,
            [fetch.FetchTopic(None, topic_id, [fetch.FetchPartition(0, 0, 9)]) for topic_id in (uuid.uuid4(), None)],
        ),
        version=17,
    )

    assert partitions(by_name)[3].error_code is ErrorCode.unknown_topic_or_partition
    assert [topic.partitions[0].error_code for topic in by_id.topics] == [ErrorCode.unknown_topic_id] * 2


async def test_a_topic_id_from_before_the_topic_was_created_again_is_inconsistent(
    cluster: ReplicaCluster, broker: Node
) -> None:
    old = cluster.controller.topic_ids[TOPIC]
    broker.log(TOPIC).topic_id = uuid.uuid4()

    response = await broker.ask(
        fetch.API_KEY,
        fetch.FetchRequest(0, 1, [fetch.FetchTopic(None, old, [fetch.FetchPartition(0, 0, 9)])]),
        version=13,
    )

    assert partitions(response)[0].error_code is ErrorCode.inconsistent_topic_id


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [(0, ErrorCode.fenced_leader_epoch), (1, ErrorCode.none), (2, ErrorCode.unknown_leader_epoch)],
)
async def test_the_leader_epoch_is_fenced(
    cluster: ReplicaCluster, broker: Node, epoch: int, expected: ErrorCode
) -> None:
    await cluster.controller.elect(T0, 1)
    wanted = fetch.FetchPartition(0, 0, 100, current_leader_epoch=epoch)

    response = await broker.ask(
        fetch.API_KEY, fetch.FetchRequest(0, 1, [fetch.FetchTopic(TOPIC, None, [wanted])]), version=12
    )

    assert partitions(response)[0].error_code is expected


async def test_a_batch_larger_than_every_limit_is_given_when_it_is_the_first(broker: Node) -> None:
    await broker.produce(TOPIC, b"x" * 500)
    await broker.produce(TOPIC, b"y" * 500)

    answer = await broker.fetch(TOPIC, partition_max_bytes=10, max_bytes=10)

    assert values(answer) == [b"x" * 500]


async def test_limits_hold_for_what_comes_after_the_first_batch(broker: Node) -> None:
    for partition in range(3):
        await broker.produce(TOPIC, b"x" * 500, partition=partition)

    answers = partitions(await ask(broker, 0, 0, 0, max_bytes=1200))

    assert [len(answers[index].records) > 0 for index in range(3)] == [True, True, False]


async def test_a_fetch_waits_for_data_and_returns_as_soon_as_it_comes(cluster: ReplicaCluster, broker: Node) -> None:
    waiting = await begun(cluster, ask(broker, 0, 0, 0, max_wait_ms=500))
    assert not waiting.done()

    await broker.produce(TOPIC, b"a", partition=1)
    await cluster.settle()

    assert values(partitions(waiting.result())[1]) == [b"a"]


async def test_a_fetch_returns_empty_handed_after_max_wait(cluster: ReplicaCluster, broker: Node) -> None:
    waiting = await begun(cluster, ask(broker, 0, max_wait_ms=500))

    cluster.clock.advance(0.4)
    await cluster.settle()
    assert not waiting.done()
    cluster.clock.advance(0.1)

    assert bytes(partitions(await waiting)[0].records) == b""


async def test_min_bytes_are_counted_over_all_partitions(cluster: ReplicaCluster, broker: Node) -> None:
    waiting = await begun(cluster, ask(broker, 0, 0, 0, max_wait_ms=500, min_bytes=200))

    await broker.produce(TOPIC, b"x" * 50, partition=0)
    await cluster.settle()
    assert not waiting.done()
    await broker.produce(TOPIC, b"x" * 50, partition=1)
    await cluster.settle()

    assert len(partitions(waiting.result())) == 3


async def test_an_error_is_reported_without_waiting(cluster: ReplicaCluster, broker: Node) -> None:
    waiting = await begun(cluster, ask(broker, 7, 0, max_wait_ms=500))

    assert waiting.done()


async def test_a_fetch_with_data_at_hand_never_enters_the_waiting_room(
    broker: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    await broker.produce(TOPIC, b"a")
    monkeypatch.setattr(broker.broker.waiting, "wait_until", None)

    assert values(partitions(await ask(broker, 0, max_wait_ms=500))[0]) == [b"a"]


async def test_consumers_see_what_is_committed_and_followers_everything() -> None:
    cluster = await cluster_with_topic(1, 2)
    cluster.cut(1, 2)
    leader = cluster.nodes[1]
    await leader.produce(TOPIC, b"a")

    consumer = await leader.fetch(TOPIC)
    follower = await leader.fetch(TOPIC, replica_id=2)

    assert (bytes(consumer.records), consumer.high_watermark) == (b"", 0)
    assert values(follower) == [b"a"]
    await cluster.close()


async def test_a_broker_that_is_no_replica_may_not_follow(broker: Node) -> None:
    answer = await broker.fetch(TOPIC, replica_id=9)

    assert answer.error_code is ErrorCode.not_leader_or_follower


async def test_a_follower_serves_consumers_that_know_of_it() -> None:
    cluster = await cluster_with_topic(1, 2)
    await cluster.nodes[1].produce(TOPIC, b"a", acks=-1)
    await cluster.wait(1)

    new = await cluster.nodes[2].fetch(TOPIC, version=11)
    old = await cluster.nodes[2].fetch(TOPIC, version=10)

    assert values(new) == [b"a"]
    assert old.error_code is ErrorCode.not_leader_or_follower
    await cluster.close()


async def test_a_consumer_waiting_at_a_follower_learns_when_the_mark_comes() -> None:
    cluster = await cluster_with_topic(1, 2)
    waiting = await begun(cluster, cluster.nodes[2].fetch(TOPIC, version=11, max_wait_ms=30_000))
    assert not waiting.done()

    await cluster.nodes[1].produce(TOPIC, b"a", acks=-1)
    await cluster.wait(1)

    assert values(await waiting) == [b"a"]
    await cluster.close()


async def test_who_asks_an_old_leader_learns_of_the_new_one_and_does_not_wait() -> None:
    cluster = await cluster_with_topic(1, 2)
    topic_id = cluster.controller.topic_ids[TOPIC]
    wanted = fetch.FetchPartition(0, 0, 100, current_leader_epoch=0)
    request = fetch.FetchRequest(30_000, 1, [fetch.FetchTopic(None, topic_id, [wanted])])
    waiting = await begun(cluster, cluster.nodes[1].ask(fetch.API_KEY, request, version=16))

    await cluster.controller.elect(T0, 2)
    await cluster.settle()

    response = waiting.result()
    answer = partitions(response)[0]
    assert answer.error_code is ErrorCode.fenced_leader_epoch
    assert (answer.current_leader.leader_id, answer.current_leader.leader_epoch) == (2, 1)
    assert [(each.node_id, each.port) for each in response.node_endpoints] == [(2, 9002)]
    await cluster.close()


async def write_transactions(node: Node) -> None:
    """0 aborted, 1 its marker, 2 plain, 3 open, 4 plain."""

    async def write(records: bytearray, origin: AppendOrigin = AppendOrigin.CLIENT) -> None:
        await node.replicas.append({T0: memoryview(records)}, acks=1, timeout_ms=0, origin=origin)

    await write(sequenced(b"aborted", sequence=0, producer=7, transactional=True))
    await write(marker(ControlType.ABORT, producer=7), AppendOrigin.COORDINATOR)
    await write(batch(b"plain"))
    await write(sequenced(b"open", sequence=0, producer=8, transactional=True))
    await write(batch(b"after"))


async def test_read_committed_stops_at_the_last_stable_offset_and_names_what_was_aborted(broker: Node) -> None:
    await write_transactions(broker)

    committed = await broker.fetch(TOPIC, isolation_level=1)
    everything = await broker.fetch(TOPIC)

    assert (committed.last_stable_offset, committed.high_watermark) == (3, 5)
    assert values(committed) == [b"aborted", b"plain"]
    assert [(each.producer_id, each.first_offset) for each in committed.aborted_transactions] == [(7, 0)]
    assert values(everything) == [b"aborted", b"plain", b"open", b"after"]
    assert everything.aborted_transactions is None


async def test_read_committed_waits_until_a_transaction_ends(cluster: ReplicaCluster, broker: Node) -> None:
    await write_transactions(broker)
    waiting = await begun(cluster, broker.fetch(TOPIC, 3, isolation_level=1, max_wait_ms=500))
    assert not waiting.done()

    await broker.replicas.append(
        {T0: memoryview(marker(ControlType.COMMIT, producer=8))},
        acks=1,
        timeout_ms=0,
        origin=AppendOrigin.COORDINATOR,
    )

    assert values(await waiting) == [b"open", b"after"]


async def test_a_session_answers_only_news(broker: Node) -> None:
    first = await ask(broker, 0, 0, 0, session_epoch=0)
    await broker.produce(TOPIC, b"a", partition=2)

    second = await ask(broker, session_id=first.session_id, session_epoch=1)
    third = await ask(broker, session_id=first.session_id, session_epoch=2)

    assert len(partitions(first)) == 3
    assert first.session_id > 0
    assert {index: values(answer) for index, answer in partitions(second).items()} == {2: [b"a"]}
    assert (third.session_id, {i: values(a) for i, a in partitions(third).items()}) == (first.session_id, {2: [b"a"]})


@pytest.mark.parametrize(
    ("session_id", "epoch", "expected"),
    [(12345, 1, ErrorCode.fetch_session_id_not_found), (None, 5, ErrorCode.invalid_fetch_session_epoch)],
)
async def test_a_session_that_is_not_so_is_rejected_as_a_whole(
    broker: Node, session_id: int | None, epoch: int, expected: ErrorCode
) -> None:
    opened = (await ask(broker, 0, session_epoch=0)).session_id

    response = await ask(broker, session_id=session_id or opened, session_epoch=epoch)

    assert (response.error_code, response.topics, response.session_id) == (expected, [], 0)


async def test_a_session_opened_with_names_does_not_continue_with_ids(broker: Node) -> None:
    opened = (await ask(broker, 0, session_epoch=0)).session_id

    response = await ask(broker, session_id=opened, session_epoch=1, version=13)

    assert response.error_code is ErrorCode.fetch_session_topic_id_error


async def test_a_topic_id_is_resolved_once_the_broker_learns_of_it(cluster: ReplicaCluster, broker: Node) -> None:
    topic_id = uuid.uuid5(uuid.NAMESPACE_DNS, "later")
    request = fetch.FetchRequest(
        0, 1, [fetch.FetchTopic(None, topic_id, [fetch.FetchPartition(0, 0, 100)])], session_epoch=0
    )
    first = await broker.ask(fetch.API_KEY, request, version=13)
    assert partitions(first)[0].error_code is ErrorCode.unknown_topic_id

    await cluster.controller.create("later", (1,))
    await broker.produce("later", b"a")
    second = await broker.ask(
        fetch.API_KEY, fetch.FetchRequest(0, 1, [], session_id=first.session_id, session_epoch=1), version=13
    )

    assert values(partitions(second)[0]) == [b"a"]


async def test_zstd_topics_need_clients_that_know_it() -> None:
    cluster = await cluster_with_topic(1, compression_type="zstd")
    await cluster.nodes[1].produce(TOPIC, b"a")

    old = await cluster.nodes[1].fetch(TOPIC, version=9)
    new = await cluster.nodes[1].fetch(TOPIC, version=10)

    assert (old.error_code, bytes(old.records)) == (ErrorCode.unsupported_compression_type, b"")
    assert values(new) == [b"a"]
    await cluster.close()


async def test_two_fetches_wait_side_by_side(cluster: ReplicaCluster, broker: Node) -> None:
    waiting = [await begun(cluster, ask(broker, 0, max_wait_ms=500)) for _ in range(2)]

    await broker.produce(TOPIC, b"a")

    assert [values(partitions(response)[0]) for response in await asyncio.gather(*waiting)] == [[b"a"], [b"a"]]


async def test_a_cancelled_fetch_leaves_the_waiting_room(cluster: ReplicaCluster, broker: Node) -> None:
    waiting = await begun(cluster, ask(broker, 0, max_wait_ms=500))
    assert len(broker.broker.waiting) == 1

    waiting.cancel()
    await cluster.settle()

    assert len(broker.broker.waiting) == 0
