"""What Produce does with batches whose headers are good and whose records no consumer could read."""

import struct
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.model import Offset
from pykafka_cli.protocol.hot_path import produce
from pykafka_cli.protocol.records import Compression
from pykafka_cli.protocol.records.batch import CRC_AT, seal
from pykafka_cli.protocol.records.compression import compress
from pykafka_cli.protocol.records.legacy import build_message_set
from tests.fakes.replica_cluster import ReplicaCluster
from tests.support.logs import read_all
from tests.support.lying_batches import (
    CODECS,
    PLAIN_LIES,
    compressed,
    compressed_garbage,
    cut,
    good_batch,
    of_another_codec,
    with_offset_deltas,
)
from tests.support.replicas import TOPIC, cluster_with_topic

LIE = 1  # the partition that is lied to, between two others


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await cluster_with_topic(1, partitions=3)
    yield cluster
    await cluster.close()


async def sent(cluster: ReplicaCluster, *batches: bytes | bytearray, version: int | None = None) -> list[Any]:
    partitions = [produce.ProducePartition(index, memoryview(bytearray(each))) for index, each in enumerate(batches)]
    request = produce.ProduceRequest(None, 1, 1000, [produce.ProduceTopic(TOPIC, partitions)])
    response = await cluster.nodes[1].ask(produce.API_KEY, request, version=version)
    return list(response.topics[0].partitions)


def ends(cluster: ReplicaCluster) -> list[int]:
    return [cluster.nodes[1].log(TOPIC, index).log_end for index in range(3)]


async def refused(cluster: ReplicaCluster, lie: bytearray, code: ErrorCode = ErrorCode.invalid_record) -> None:
    answers = await sent(cluster, good_batch(), lie, good_batch(2))

    assert [each.error_code for each in answers] == [ErrorCode.none, code, ErrorCode.none]
    assert ends(cluster) == [3, 0, 2]
    assert (await sent(cluster, good_batch(), good_batch(), good_batch()))[LIE].base_offset == 0


@pytest.mark.parametrize("lie", PLAIN_LIES)
async def test_records_that_do_not_add_up_are_rejected_alone(cluster: ReplicaCluster, lie: str) -> None:
    await refused(cluster, PLAIN_LIES[lie]())


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("lie", PLAIN_LIES)
async def test_so_are_compressed_ones(cluster: ReplicaCluster, lie: str, codec: Compression) -> None:
    await refused(cluster, compressed(PLAIN_LIES[lie](), codec))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("make", [lambda codec: cut(codec, 9), compressed_garbage, of_another_codec])
async def test_so_is_what_cannot_be_decompressed(cluster: ReplicaCluster, make: Any, codec: Compression) -> None:
    await refused(cluster, make(codec))


@pytest.mark.parametrize("count", [17, 30_000])
@pytest.mark.parametrize("codec", Compression)
async def test_large_batches_are_read_to_their_end(cluster: ReplicaCluster, count: int, codec: Compression) -> None:
    good = good_batch(count, codec)
    (answer,) = await sent(cluster, good)
    assert (answer.error_code, ends(cluster)[0]) == (ErrorCode.none, count)

    short = good_batch(count - 1)
    short[:61] = good_batch(count)[:61]
    struct.pack_into(">i", short, 8, len(short) - 12)
    seal(short, 0, len(short) - 12)
    lie = compressed(short, codec) if codec is not Compression.NONE else short
    (answer,) = await sent(cluster, lie)
    assert (answer.error_code, ends(cluster)[0]) == (ErrorCode.invalid_record, count)


async def test_a_wrong_checksum_is_what_is_reported_first(cluster: ReplicaCluster) -> None:
    lie = PLAIN_LIES["garbage"]()
    lie[CRC_AT] ^= 1
    await refused(cluster, lie, ErrorCode.corrupt_message)


async def test_a_rejected_batch_leaves_the_sequence_of_its_producer_as_it_was(cluster: ReplicaCluster) -> None:
    idempotent = {"producer_id": 7, "producer_epoch": 0}
    await sent(cluster, good_batch(3, base_sequence=0, **idempotent))
    lie = good_batch(3, base_sequence=3, **idempotent)
    struct.pack_into(">i", lie, 57, 4)  # four records, it says
    struct.pack_into(">i", lie, 23, 3)
    seal(lie, 0, len(lie) - 12)
    (answer,) = await sent(cluster, lie)
    assert answer.error_code is ErrorCode.invalid_record

    (answer,) = await sent(cluster, good_batch(1, base_sequence=3, **idempotent))

    assert (answer.error_code, answer.base_offset) == (ErrorCode.none, 3)


@pytest.mark.parametrize("deltas", [(0, 0, 0), (2, 1, 0), (0, 1, 7), (-1, 0, 1)])
@pytest.mark.parametrize("codec", Compression)
async def test_offset_deltas_are_set_anew_where_they_are_not_consecutive(
    cluster: ReplicaCluster, deltas: tuple[int, ...], codec: Compression
) -> None:
    (answer,) = await sent(cluster, with_offset_deltas(*deltas, compression=codec))

    assert answer.error_code is ErrorCode.none
    assert [(each.offset, each.value) for each in read_all(cluster.nodes[1].log(TOPIC, 0))] == [
        (0, b"value 0"),
        (1, b"value 1"),
        (2, b"value 2"),
    ]


MESSAGE = build_message_set([(Offset(0), 5, b"key", b"value")], magic=1)
KEY_LENGTH_AT, VALUE_LENGTH_AT = 26, 33


def lying_message(position: int, length: int, magic: int) -> bytes:
    """A message one of whose lengths is wrong, with the right checksum."""
    message = bytearray(build_message_set([(Offset(0), 5, b"key", b"value")], magic=magic))
    struct.pack_into(">i", message, position - (0 if magic else 8), length)
    struct.pack_into(">I", message, 12, zlib.crc32(message[16:]))
    return bytes(message)


def wrapped(inner: bytes, magic: int, codec: Compression = Compression.GZIP) -> bytes:
    """A compressed message around `inner`."""
    message = bytearray(build_message_set([(Offset(0), 5, None, compress(codec, inner))], magic=magic))
    message[17] = codec
    struct.pack_into(">I", message, 12, zlib.crc32(message[16:]))
    return bytes(message)


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("is_wrapped", [False, True])
@pytest.mark.parametrize(
    ("position", "length"), [(KEY_LENGTH_AT, 4000), (KEY_LENGTH_AT, -2), (VALUE_LENGTH_AT, 6), (VALUE_LENGTH_AT, 4)]
)
async def test_old_messages_that_do_not_add_up_are_rejected(
    cluster: ReplicaCluster, position: int, length: int, is_wrapped: bool, magic: int
) -> None:
    lie = lying_message(position, length, magic)
    good = build_message_set([(Offset(0), 5, b"key", b"value")], magic=magic)

    answers = await sent(cluster, good, wrapped(lie, magic) if is_wrapped else lie, good, version=2)

    assert [each.error_code for each in answers] == [ErrorCode.none, ErrorCode.invalid_record, ErrorCode.none]
    assert ends(cluster) == [1, 0, 1]


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("inner", [b"", b"no messages", MESSAGE[:-1]])
async def test_a_compressed_message_without_whole_messages_is_rejected(
    cluster: ReplicaCluster, inner: bytes, magic: int
) -> None:
    (answer,) = await sent(cluster, wrapped(inner, magic), version=2)

    assert answer.error_code is ErrorCode.invalid_record
    assert ends(cluster)[0] == 0
