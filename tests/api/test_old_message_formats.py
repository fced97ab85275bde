"""Produce 0-2 and Fetch 0-3: messages of formats 0 and 1 go in and come out, what is stored is format 2."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.model import FIRST_OFFSET, TopicPartition
from pykafka_cli.protocol.hot_path import produce
from pykafka_cli.protocol.records import Compression, ControlType, read_records, records_in, walk
from pykafka_cli.protocol.records.legacy import build_message_set
from tests.fakes.replica_cluster import ReplicaCluster
from tests.support.logs import NOW_MS, batch, marker, sequenced
from tests.support.replicas import TOPIC, cluster_with_topic

MESSAGES = [(0, NOW_MS, b"k", b"a"), (1, NOW_MS + 5, None, b"b"), (2, NOW_MS, b"k", None)]
T0 = TopicPartition(TOPIC, 0)
CODECS = [Compression.NONE, Compression.GZIP, Compression.SNAPPY, Compression.LZ4]


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await cluster_with_topic(1)
    yield cluster
    await cluster.close()


async def sent(cluster: ReplicaCluster, records: bytes | None, *, version: int = 2, topic: str = TOPIC) -> Any:
    partition = produce.ProducePartition(0, None if records is None else memoryview(bytearray(records)))
    request = produce.ProduceRequest(None, 1, 1000, [produce.ProduceTopic(topic, [partition])])
    response = await cluster.nodes[1].ask(produce.API_KEY, request, version=version)
    return response.topics[0].partitions[0]


async def append(cluster: ReplicaCluster, *batches: bytearray, origin: AppendOrigin = AppendOrigin.CLIENT) -> None:
    for each in batches:
        await cluster.nodes[1].replicas.append({T0: memoryview(each[:])}, acks=1, timeout_ms=0, origin=origin)


async def stored(cluster: ReplicaCluster) -> Any:
    """(header, records) of each batch as it lies in the log."""
    data = (await cluster.nodes[1].fetch(TOPIC)).records
    return [(header, read_records(data, position)) for position, header in walk(data)]


def values(data: bytes) -> Any:
    """(magic, offset, time, key, value) of everything in old messages."""
    return [(header.magic, *record[:4]) for position, header in walk(data) for record in read_records(data, position)]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(("magic", "version"), [(0, 0), (0, 1), (1, 2)])
async def test_messages_are_stored_as_one_batch_under_the_same_codec(
    cluster: ReplicaCluster, magic: int, version: int, codec: Compression
) -> None:
    answer = await sent(cluster, build_message_set(MESSAGES, magic=magic, compression=codec), version=version)

    ((header, records),) = await stored(cluster)
    assert (answer.error_code, answer.base_offset) == (ErrorCode.none, 0)
    assert (header.magic, header.compression, header.record_count) == (2, codec, 3)
    assert [record[:4] for record in records] == [
        (offset, time if magic else -1, key, value) for offset, time, key, value in MESSAGES
    ]


async def test_offsets_that_a_client_made_up_do_not_count(cluster: ReplicaCluster) -> None:
    made_up = [(offset + 70, time, key, value) for offset, time, key, value in MESSAGES]

    await sent(cluster, build_message_set(made_up, magic=0, compression=Compression.GZIP), version=0)
    again = await sent(cluster, build_message_set(made_up, magic=0), version=0)

    assert again.base_offset == 3
    assert [record.offset for _, records in await stored(cluster) for record in records] == [0, 1, 2, 3, 4, 5]


async def test_a_batch_of_format_2_is_accepted_from_old_clients_too(cluster: ReplicaCluster) -> None:
    assert (await sent(cluster, batch(b"a"), version=1)).error_code is ErrorCode.none


@pytest.mark.parametrize("cut", [0, 30, -1])
async def test_what_is_cut_short_is_not_there(cluster: ReplicaCluster, cut: int) -> None:
    one = build_message_set(MESSAGES[:1], magic=1)

    answer = await sent(cluster, one[:cut])

    assert (answer.error_code, answer.base_offset) == (ErrorCode.none, -1)
    assert cluster.nodes[1].log(TOPIC).log_end == 0


async def test_the_topics_log_append_time_is_that_of_old_messages_too() -> None:
    cluster = await cluster_with_topic(1, message_timestamp_type="LogAppendTime")

    answer = await sent(cluster, build_message_set(MESSAGES, magic=1))

    assert answer.log_append_time_ms == NOW_MS
    ((_, records),) = await stored(cluster)
    assert {record.timestamp for record in records} == {NOW_MS}
    (refused,) = [await sent(cluster, build_message_set(MESSAGES, magic=1, log_append_time_ms=5))]
    assert refused.error_code is ErrorCode.invalid_timestamp
    await cluster.close()


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (build_message_set(MESSAGES, magic=1)[:-1] + b"!", ErrorCode.corrupt_message),
        (build_message_set(MESSAGES, magic=1) + build_message_set(MESSAGES, magic=0), ErrorCode.invalid_record),
        (build_message_set(MESSAGES, magic=1, compression=Compression.GZIP) * 2, ErrorCode.invalid_record),
        (build_message_set([(FIRST_OFFSET, NOW_MS, None, b"x" * 2_000_000)], magic=1), ErrorCode.message_too_large),
        (
            build_message_set([(FIRST_OFFSET, NOW_MS, None, b"x" * 600_000)] * 2, magic=1),
            ErrorCode.message_too_large,
        ),
    ],
)
async def test_what_kafka_rejects_is_rejected(cluster: ReplicaCluster, messages: bytes, code: ErrorCode) -> None:
    assert (await sent(cluster, messages)).error_code is code
    assert cluster.nodes[1].log(TOPIC).log_end == 0


async def test_a_topic_that_does_not_exist_is_reported_before_anything_else(cluster: ReplicaCluster) -> None:
    assert (await sent(cluster, b"", topic="nosuch")).error_code is ErrorCode.unknown_topic_or_partition


async def test_a_compacted_topic_wants_keys_of_old_messages_too() -> None:
    cluster = await cluster_with_topic(1, cleanup_policy="compact")

    refused = await sent(cluster, build_message_set(MESSAGES, magic=1))

    assert (refused.error_code, [each.batch_index for each in refused.record_errors]) == (ErrorCode.invalid_record, [1])
    await cluster.close()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(("version", "magic"), [(0, 0), (1, 0), (2, 1), (3, 1)])
async def test_batches_come_out_as_messages(
    cluster: ReplicaCluster, version: int, magic: int, codec: Compression
) -> None:
    await append(cluster, batch(b"a", None, compression=codec), batch(b"c", key=None, compression=codec))

    answer = await cluster.nodes[1].fetch(TOPIC, version=version)

    time = NOW_MS if magic else -1
    assert answer.error_code is ErrorCode.none
    assert values(answer.records) == [
        (magic, 0, time, b"k", b"a"),
        (magic, 1, time, b"k", None),
        (magic, 2, time, None, b"c"),
    ]
    assert {header.compression for _, header in walk(answer.records)} == {codec}


async def test_messages_before_the_offset_asked_for_are_left_out_unless_compressed(cluster: ReplicaCluster) -> None:
    await append(cluster, batch(b"a", b"b", b"c"), batch(b"d", b"e", compression=Compression.GZIP))

    plain = await cluster.nodes[1].fetch(TOPIC, 2, version=2)
    compressed = await cluster.nodes[1].fetch(TOPIC, 4, version=2)

    assert [offset for _, offset, *_ in values(plain.records)] == [2, 3, 4]
    assert [offset for _, offset, *_ in values(compressed.records)] == [3, 4]


async def test_markers_of_transactions_are_left_out(cluster: ReplicaCluster) -> None:
    await append(cluster, sequenced(b"a", sequence=0, transactional=True))
    await append(cluster, marker(ControlType.ABORT), origin=AppendOrigin.COORDINATOR)
    await append(cluster, batch(b"b"))

    answer = await cluster.nodes[1].fetch(TOPIC, version=2)

    assert cluster.nodes[1].log(TOPIC).log_end == 3
    assert [(offset, value) for _, offset, _, _, value in values(answer.records)] == [(0, b"a"), (2, b"b")]


async def test_log_append_time_comes_out_with_its_mark() -> None:
    cluster = await cluster_with_topic(1, message_timestamp_type="LogAppendTime")
    await append(cluster, batch(b"a", timestamp=5))

    answer = await cluster.nodes[1].fetch(TOPIC, version=2)

    ((_, header),) = walk(answer.records)
    assert (header.is_log_append_time, header.max_timestamp) == (True, NOW_MS)
    await cluster.close()


async def test_zstd_is_what_no_old_client_reads(cluster: ReplicaCluster) -> None:
    await append(cluster, batch(b"a"), batch(b"b", compression=Compression.ZSTD))

    before = await cluster.nodes[1].fetch(TOPIC, 0, version=3)
    there = await cluster.nodes[1].fetch(TOPIC, 1, version=3)

    assert (before.error_code, len(values(before.records))) == (ErrorCode.none, 1)
    assert (there.error_code, there.records) == (ErrorCode.unsupported_compression_type, b"")


async def test_a_topic_may_forbid_the_conversion() -> None:
    cluster = await cluster_with_topic(1, message_downconversion_enable="false")
    await append(cluster, batch(b"a"))

    refused = await cluster.nodes[1].fetch(TOPIC, version=3)
    taken = await cluster.nodes[1].fetch(TOPIC, version=4)

    assert (refused.error_code, refused.records) == (ErrorCode.unsupported_version, b"")
    assert len(list(records_in(taken.records))) == 1
    await cluster.close()


async def test_an_answer_converts_a_few_mebibytes_and_one_batch_at_least(cluster: ReplicaCluster) -> None:
    for _ in range(7):
        await append(cluster, batch(b"x" * 1_000_000))
    squeezed = batch(*[bytes(900_000)] * 9, compression=Compression.GZIP)  # 8 MiB that fit into 10 KiB
    await append(cluster, squeezed, squeezed)

    plain = await cluster.nodes[1].fetch(TOPIC, version=2, partition_max_bytes=100 << 20)
    unfolding = await cluster.nodes[1].fetch(TOPIC, 7, version=2)

    assert len(values(plain.records)) == 4
    assert [offset for _, offset, *_ in values(unfolding.records)][:9] == list(range(7, 16))
