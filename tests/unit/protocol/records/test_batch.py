import zlib

import pytest

from pykafka_cli.protocol.records import Compression, CorruptRecords, Record, build_batch, read_header, walk
from pykafka_cli.protocol.records.batch import (
    HEADER_SIZE,
    advance_sequence,
    crc_is_valid,
    stamp,
    stamp_timestamp_type,
    whole_batches_end,
)

RECORDS = [Record(0, 1000, b"k", b"v"), Record(1, 1005, None, b"w")]


def test_a_header_gives_back_what_the_batch_was_built_with() -> None:
    data = build_batch(RECORDS, producer_id=9, producer_epoch=2, base_sequence=5, transactional=True, leader_epoch=4)

    header = read_header(data)

    assert header.size == len(data)
    assert (header.base_offset, header.last_offset, header.next_offset, header.record_count) == (0, 1, 2, 2)
    assert (header.base_timestamp, header.max_timestamp) == (1000, 1005)
    assert (header.producer_id, header.producer_epoch, header.base_sequence, header.last_sequence) == (9, 2, 5, 6)
    assert header.is_transactional
    assert not header.is_control
    assert header.compression is Compression.NONE
    assert header.leader_epoch == 4
    assert crc_is_valid(data, 0, header)


def test_stamping_offset_and_epoch_leaves_the_checksum_valid() -> None:
    data = build_batch(RECORDS)

    stamp(data, 0, base_offset=77, leader_epoch=3)

    header = read_header(data)
    assert (header.base_offset, header.leader_epoch) == (77, 3)
    assert crc_is_valid(data, 0, header)


def test_stamping_log_append_time_seals_the_batch_again() -> None:
    data = build_batch(RECORDS)

    stamped = stamp_timestamp_type(data, 0, read_header(data), log_append_time_ms=2000)

    assert stamped == read_header(data)
    assert stamped.is_log_append_time
    assert stamped.max_timestamp == 2000
    assert crc_is_valid(data, 0, stamped)


def test_a_changed_byte_is_found_by_the_checksum() -> None:
    data = build_batch(RECORDS)
    data[-1] ^= 1

    assert not crc_is_valid(data, 0, read_header(data))


def test_walking_passes_whole_batches_and_ignores_one_cut_short() -> None:
    first, second = build_batch(RECORDS), build_batch([Record(2, 1, b"a", b"b")])
    data = bytes(first + second + second[:-1])

    assert [(position, header.base_offset) for position, header in walk(data)] == [(0, 0), (len(first), 2)]
    assert whole_batches_end(data) == len(first) + len(second)


def test_walking_stops_at_bytes_that_cannot_be_a_batch() -> None:
    data = bytes(build_batch(RECORDS)) + bytes(100)

    with pytest.raises(CorruptRecords):
        list(walk(data))


@pytest.mark.parametrize("size", [0, 11, 16, 26, HEADER_SIZE - 1])
def test_too_few_bytes_are_no_header(size: int) -> None:
    with pytest.raises(CorruptRecords):
        read_header(bytes(build_batch(RECORDS))[:size])


def test_an_unknown_format_is_rejected_by_its_number() -> None:
    data = build_batch(RECORDS)
    data[16] = 3

    with pytest.raises(CorruptRecords, match=r"magic\) 3"):
        read_header(data)


def test_sequences_wrap_after_the_largest_int() -> None:
    assert advance_sequence(0x7FFFFFFF, 1) == 0
    assert advance_sequence(0x7FFFFFFE, 3) == 1


def test_a_message_of_format_1_has_a_header_too() -> None:
    body = (
        b"\x01\x00" + (1234).to_bytes(8, "big") + (-1).to_bytes(4, "big", signed=True) + (1).to_bytes(4, "big") + b"v"
    )
    message = zlib.crc32(body).to_bytes(4, "big") + body
    data = (42).to_bytes(8, "big") + len(message).to_bytes(4, "big") + message

    header = read_header(data)

    assert (header.magic, header.base_offset, header.last_offset, header.max_timestamp) == (1, 42, 42, 1234)
    assert header.size == len(data)
    assert crc_is_valid(data, 0, header)
