import zlib

import pytest

from pykafka_cli.protocol.records import Compression, CorruptRecords, read_records, walk
from pykafka_cli.protocol.records.compression import compress


def message(
    magic: int, offset: int, key: bytes | None, value: bytes | None, *, attributes: int = 0, time: int = 7
) -> bytes:
    body = bytes([magic, attributes]) + (time.to_bytes(8, "big") if magic else b"")
    for part in (key, value):
        body += (-1 if part is None else len(part)).to_bytes(4, "big", signed=True) + (part or b"")
    body = zlib.crc32(body).to_bytes(4, "big") + body
    return offset.to_bytes(8, "big") + len(body).to_bytes(4, "big") + body


def test_a_plain_message_of_format_0_has_no_time() -> None:
    (record,) = read_records(message(0, 42, b"k", None))

    assert (record.offset, record.timestamp, record.key, record.value) == (42, -1, b"k", None)


def test_messages_of_both_formats_are_walked_with_batches() -> None:
    data = message(0, 1, None, b"a") + message(1, 2, b"k", b"b")

    assert [(header.magic, header.last_offset) for _, header in walk(data)] == [(0, 1), (1, 2)]


@pytest.mark.parametrize("codec", [Compression.GZIP, Compression.SNAPPY, Compression.LZ4])
def test_inner_messages_of_format_1_get_absolute_offsets(codec: Compression) -> None:
    inner = b"".join(message(1, index, None, bytes([65 + index]), time=100 + index) for index in range(3))

    records = read_records(message(1, 12, None, compress(codec, inner), attributes=codec, time=102))

    assert [(record.offset, record.timestamp, record.value) for record in records] == [
        (10, 100, b"A"),
        (11, 101, b"B"),
        (12, 102, b"C"),
    ]


def test_inner_messages_of_format_0_have_their_own_offsets() -> None:
    inner = message(0, 5, None, b"a") + message(0, 9, None, b"b")

    records = read_records(message(0, 9, None, compress(Compression.GZIP, inner), attributes=1))

    assert [record.offset for record in records] == [5, 9]


def test_log_append_time_of_the_wrapper_counts_for_all() -> None:
    inner = message(1, 0, None, b"a", time=1) + message(1, 1, None, b"b", time=2)

    records = read_records(message(1, 1, None, compress(Compression.GZIP, inner), attributes=9, time=500))

    assert [record.timestamp for record in records] == [500, 500]


def test_lz4_in_format_0_is_refused_by_name() -> None:
    with pytest.raises(CorruptRecords, match="lz4 in message format 0"):
        read_records(message(0, 1, None, b"...", attributes=3))


def test_a_damaged_inner_message_is_refused() -> None:
    inner = bytearray(message(1, 0, None, b"abc"))
    inner[-1] ^= 1

    with pytest.raises(CorruptRecords, match="checksum"):
        read_records(message(1, 0, None, compress(Compression.GZIP, inner), attributes=1))
