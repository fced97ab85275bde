from collections.abc import AsyncIterator
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.errors import TransactionalIdAuthorizationFailed
from pykafka_cli.model import Timestamp
from pykafka_cli.protocol.hot_path import produce
from pykafka_cli.protocol.hot_path.produce import ProduceRequest
from pykafka_cli.protocol.records import Compression, records_in
from tests.fakes.replica_cluster import ReplicaCluster
from tests.support.logs import batch, sequenced
from tests.support.replicas import TOPIC, begun, cluster_with_topic

NOW_MS = Timestamp(1_700_000_000_000)


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await cluster_with_topic(1)
    yield cluster
    await cluster.close()


def request(
    records: bytearray | bytes | None,
    *,
    acks: int = 1,
    topic: str = TOPIC,
    partition: int = 0,
    transactional_id: None = None,
    timeout_ms: int = 1000,
) -> ProduceRequest:
    data = None if records is None else memoryview(records)
    return produce.ProduceRequest(
        transactional_id, acks, timeout_ms, [produce.ProduceTopic(topic, [produce.ProducePartition(partition, data)])]
    )


async def answer(
    cluster: ReplicaCluster,
    records: bytearray | bytes | None,
    *,
    version: int | None = None,
    client: str = "test",
    on: int = 1,
    **fields: int | str,
) -> Any:
    response = await cluster.nodes[on].ask(produce.API_KEY, request(records, **fields), version=version, client=client)
    return response.topics[0].partitions[0]


async def test_the_answer_reports_where_the_records_are(cluster: ReplicaCluster) -> None:
    await answer(cluster, batch(b"a", b"b"))
    second = await answer(cluster, batch(b"c"))

    assert (second.error_code, second.base_offset, second.log_start_offset) == (ErrorCode.none, 2, 0)
    assert second.log_append_time_ms == -1


@pytest.mark.parametrize("acks", [0, 1, -1])
async def test_a_lone_leader_answers_every_kind_of_acks_at_once(cluster: ReplicaCluster, acks: int) -> None:
    asked = await begun(cluster, answer(cluster, batch(b"a"), acks=acks))

    assert asked.done()
    assert asked.result().base_offset == 0


@pytest.mark.parametrize("acks", [2, -2])
async def test_other_acks_are_rejected_and_write_nothing(cluster: ReplicaCluster, acks: int) -> None:
    refused = await answer(cluster, batch(b"a"), acks=acks)

    assert refused.error_code is ErrorCode.invalid_required_acks
    assert cluster.nodes[1].log(TOPIC).log_end == 0


async def test_log_append_time_is_the_brokers_and_is_reported() -> None:
    cluster = await cluster_with_topic(1, message_timestamp_type="LogAppendTime")
    told = await answer(cluster, batch(b"a", timestamp=5))

    (record,) = records_in((await cluster.nodes[1].fetch(TOPIC)).records)
    assert record.timestamp == told.log_append_time_ms == NOW_MS
    await cluster.close()


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (None, ErrorCode.invalid_record),
        (b"", ErrorCode.invalid_record),
        (bytearray(30), ErrorCode.corrupt_message),
        (batch(b"a") + batch(b"b"), ErrorCode.invalid_record),
        (batch(b"a")[:-1] + b"!", ErrorCode.corrupt_message),
        (batch(b"x" * 2_000_000), ErrorCode.message_too_large),
    ],
)
async def test_what_is_no_proper_batch_is_rejected(
    cluster: ReplicaCluster, records: bytearray | bytes | None, expected: ErrorCode
) -> None:
    refused = await answer(cluster, records)

    assert (refused.error_code, refused.base_offset, refused.log_start_offset) == (expected, -1, -1)
    assert cluster.nodes[1].log(TOPIC).log_end == 0


async def test_partitions_succeed_and_fail_on_their_own(cluster: ReplicaCluster) -> None:
    whole = produce.ProduceRequest(
        None,
        1,
        1000,
        [
            produce.ProduceTopic("nobody", [produce.ProducePartition(0, memoryview(batch(b"a")))]),
            produce.ProduceTopic(
                TOPIC,
                [
                    produce.ProducePartition(0, memoryview(batch(b"a"))),
                    produce.ProducePartition(9, memoryview(batch(b"a"))),
                ],
            ),
        ],
    )
    response = await cluster.nodes[1].ask(produce.API_KEY, whole)

    assert [(topic.name, [each.error_code.name for each in topic.partitions]) for topic in response.topics] == [
        ("nobody", ["unknown_topic_or_partition"]),
        (TOPIC, ["none", "unknown_topic_or_partition"]),
    ]


async def test_a_record_without_key_in_a_compacted_topic_is_named() -> None:
    cluster = await cluster_with_topic(1, cleanup_policy="compact")

    refused = await answer(cluster, batch(b"a", b"b", key=None))

    assert refused.error_code is ErrorCode.invalid_record
    assert [error.batch_index for error in refused.record_errors] == [0, 1]
    assert refused.record_errors[0].message == (
        "Compacted topic cannot accept message without key in topic partition t-0"
    )
    assert refused.error_message.startswith("One or more records have been rejected due to 2 record errors in total")
    await cluster.close()


async def test_a_timestamp_out_of_bounds_is_rejected() -> None:
    cluster = await cluster_with_topic(1, message_timestamp_after_max_ms="1000")

    refused = await answer(cluster, batch(b"a", timestamp=NOW_MS + 2000))

    assert refused.error_code is ErrorCode.invalid_timestamp
    assert refused.error_message == "One or more records have been rejected due to invalid timestamp"
    assert [error.batch_index for error in refused.record_errors] == [0]
    await cluster.close()


async def test_a_batch_sent_twice_is_stored_once_and_answered_alike(cluster: ReplicaCluster) -> None:
    first = await answer(cluster, sequenced(b"a", b"b", sequence=0), acks=-1)
    again = await answer(cluster, sequenced(b"a", b"b", sequence=0), acks=-1)

    assert (again.error_code, again.base_offset) == (ErrorCode.none, first.base_offset)
    assert cluster.nodes[1].log(TOPIC).log_end == 2


async def test_a_gap_in_the_sequence_is_rejected(cluster: ReplicaCluster) -> None:
    await answer(cluster, sequenced(b"a", sequence=0))

    refused = await answer(cluster, sequenced(b"c", sequence=2))

    assert refused.error_code is ErrorCode.out_of_order_sequence_number


async def test_zstd_needs_a_client_that_knows_it(cluster: ReplicaCluster) -> None:
    old = await answer(cluster, batch(b"a", compression=Compression.ZSTD), version=6)
    new = await answer(cluster, batch(b"a", compression=Compression.ZSTD), version=7)

    assert old.error_code is ErrorCode.unsupported_compression_type
    assert new.error_code is ErrorCode.none


async def test_only_the_admin_client_writes_to_internal_topics(cluster: ReplicaCluster) -> None:
    await cluster.controller.create("__consumer_offsets", (1,))

    refused = await answer(cluster, batch(b"a"), topic="__consumer_offsets")
    taken = await answer(cluster, batch(b"a"), topic="__consumer_offsets", client="__admin_client")

    assert refused.error_code is ErrorCode.invalid_topic_exception
    assert taken.error_code is ErrorCode.none


async def test_transactional_records_need_a_transactional_id(cluster: ReplicaCluster) -> None:
    records = sequenced(b"a", sequence=0, transactional=True)

    with pytest.raises(TransactionalIdAuthorizationFailed):
        await answer(cluster, records)


async def test_a_producer_at_the_wrong_broker_learns_where_the_leader_is() -> None:
    cluster = await cluster_with_topic(1, 2)
    response = await cluster.nodes[2].ask(produce.API_KEY, request(batch(b"a")))
    (refused,) = response.topics[0].partitions

    assert refused.error_code is ErrorCode.not_leader_or_follower
    assert (refused.current_leader.leader_id, refused.current_leader.leader_epoch) == (1, 0)
    assert [(each.node_id, each.host, each.port) for each in response.node_endpoints] == [(1, "b1", 9001)]
    older = await answer(cluster, batch(b"a"), on=2, version=9)
    assert older.current_leader is None
    await cluster.close()


async def test_acks_all_waits_for_the_followers_and_times_out_without_them() -> None:
    cluster = await cluster_with_topic(1, 2)
    cluster.cut(1, 2)
    asked = await begun(cluster, answer(cluster, batch(b"a"), acks=-1, timeout_ms=500))
    assert not asked.done()

    await cluster.wait(0.5)

    assert (await asked).error_code is ErrorCode.request_timed_out
    await cluster.close()


async def test_a_leader_that_steps_down_notifies_who_waits() -> None:
    cluster = await cluster_with_topic(1, 2)
    cluster.cut(1, 2)
    asked = await begun(cluster, answer(cluster, batch(b"a"), acks=-1, timeout_ms=30_000))

    await cluster.controller.elect(next(iter(cluster.controller.partitions)), 2)

    assert (await asked).error_code is ErrorCode.not_leader_or_follower
    await cluster.close()


async def test_a_topic_deleted_meanwhile_notifies_who_waits() -> None:
    cluster = await cluster_with_topic(1, 2)
    cluster.cut(1, 2)
    asked = await begun(cluster, answer(cluster, batch(b"a"), acks=-1, timeout_ms=30_000))

    await cluster.controller.delete(TOPIC)

    assert (await asked).error_code in (ErrorCode.not_leader_or_follower, ErrorCode.unknown_topic_or_partition)
    await cluster.close()
