import zlib

import pytest
from aiokafka.record.legacy_records import LegacyRecordBatch

from pykafka_cli.model import Offset
from pykafka_cli.protocol.records import Compression, CorruptRecords, read_records, walk
from pykafka_cli.protocol.records.batch import NO_TIMESTAMP, crc_is_valid
from pykafka_cli.protocol.records.compression import compress, decompress, with_lz4_checksum
from pykafka_cli.protocol.records.legacy import build_message_set


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


@pytest.mark.parametrize("magic", [0, 1])
def test_zstd_is_rejected_by_name(magic: int) -> None:
    with pytest.raises(CorruptRecords, match=f"zstd in message format {magic}"):
        read_records(message(magic, 1, None, b"...", attributes=4))


def test_lz4_in_format_0_has_its_header_summed_up_from_the_magic_number_on() -> None:
    (stored,) = build_message_set([(Offset(1), NO_TIMESTAMP, None, b"a")], magic=0, compression=Compression.LZ4).split(
        b"\x04\x22\x4d\x18"
    )[1:]
    frame = compress(Compression.LZ4, message(0, 1, None, b"a"))

    assert frame[4:7].hex() == "604082"
    assert stored[:3].hex() == "60401a"  # what Kafka 0.9 wrote
    assert [each.value for each in read_records(message(0, 1, None, frame, attributes=3))] == [b"a"]


def test_a_frame_that_says_how_large_it_is_gets_its_checksum_behind_that() -> None:
    frame = bytes.fromhex("04224d18 68 40 0400000000000000 00 04000080 61626364 00000000".replace(" ", ""))

    fixed = with_lz4_checksum(frame, over_magic=False)

    assert bytes(decompress(Compression.LZ4, fixed)) == b"abcd"
    assert (fixed[:14], fixed[15:]) == (frame[:14], frame[15:])


MESSAGES = [(10, 100, b"k", b"v" * 50), (11, 120, None, b"w"), (14, 90, b"k", None)]


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("codec", [Compression.NONE, Compression.GZIP, Compression.SNAPPY, Compression.LZ4])
def test_what_is_built_is_read_again(magic: int, codec: Compression) -> None:
    data = build_message_set(MESSAGES, magic=magic, compression=codec)

    found = list(walk(data))
    assert [header.last_offset for _, header in found] == ([14] if codec else [10, 11, 14])
    assert all(crc_is_valid(data, position, header) for position, header in found)
    assert [record[:4] for position, _ in found for record in read_records(data, position)] == [
        (offset, time if magic else -1, key, value) for offset, time, key, value in MESSAGES
    ]


@pytest.mark.parametrize(("magic", "codec"), [(0, Compression.GZIP), (1, Compression.GZIP), (1, Compression.LZ4)])
def test_aiokafka_reads_what_is_built(magic: int, codec: Compression) -> None:
    theirs = LegacyRecordBatch(bytearray(build_message_set(MESSAGES, magic=magic, compression=codec)), magic)

    assert theirs.validate_crc()
    assert [(each.offset, each.timestamp, each.key, each.value) for each in theirs] == [
        (offset, time if magic else None, key, value) for offset, time, key, value in MESSAGES
    ]


@pytest.mark.parametrize("codec", [Compression.NONE, Compression.GZIP])
def test_log_append_time_is_the_time_of_all_that_are_built(codec: Compression) -> None:
    data = build_message_set(MESSAGES, magic=1, compression=codec, log_append_time_ms=500)

    found = list(walk(data))
    assert all(header.is_log_append_time for _, header in found)
    assert {record.timestamp for position, _ in found for record in read_records(data, position)} == {500}


def test_a_damaged_inner_message_is_rejected() -> None:
    inner = bytearray(message(1, 0, None, b"abc"))
    inner[-1] ^= 1

    with pytest.raises(CorruptRecords, match="checksum"):
        read_records(message(1, 0, None, compress(Compression.GZIP, inner), attributes=1))
