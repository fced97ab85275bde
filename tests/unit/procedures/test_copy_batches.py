"""What a copy makes of batches: put together, or taken apart by key."""

from collections.abc import Sequence

import pytest

from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.procedures.copy_batches import Sent, combined, taken_apart
from pykafka_cli.protocol.records.batch import Compression, crc_is_valid, read_header
from pykafka_cli.protocol.records.record import Record, build_batch, read_records
from pykafka_cli.rules.record_copy import ReadyBatch


def batch(first: int, count: int, *, size: int = 10, compression: Compression = Compression.NONE) -> ReadyBatch:
    records = [
        Record(Offset(n), Timestamp(50 + first + n), b"%d" % (n % 2), b"v" * size, (("h", None),)) for n in range(count)
    ]
    return ReadyBatch(build_batch(records, compression=compression), range(first, first + count), compression)


def times(sent: Sent) -> list[int | None]:
    """Of its records, whose offsets and header are checked."""
    records, header = list(read_records(sent.data)), read_header(sent.data)
    assert crc_is_valid(sent.data, 0, header)
    assert [each.offset for each in records] == list(range(sent.records)) == list(range(header.record_count))
    return [each.timestamp for each in records]


def by_number(keys: Sequence[bytes | None]) -> list[int]:
    return [int(key or b"0") for key in keys]


def test_small_batches_become_one_with_the_same_records() -> None:
    (found,) = combined(3, [batch(5, 3), batch(9, 2)])

    assert (found.partition, times(found)) == (3, [55, 56, 57, 59, 60])
    records = read_records(found.data)
    assert {(each.value, each.headers) for each in records} == {(b"v" * 10, (("h", None),))}


def test_large_and_compressed_batches_stay_as_they_are_and_in_their_order() -> None:
    large, packed = batch(2, 1, size=70_000), batch(3, 2, compression=Compression.GZIP)

    found = list(combined(0, [batch(0, 1), batch(1, 1), large, packed, batch(5, 1)]))

    assert [times(each) for each in found] == [[50, 51], [52], [53, 54], [55]]
    assert (found[1].data, found[2].data) == (large.data, packed.data)


def test_a_batch_that_is_combined_does_not_grow_without_end() -> None:
    found = list(combined(0, [batch(number, 1, size=60_000) for number in range(9)]))

    assert max(len(each.data) for each in found) <= 256 << 10
    assert [time for each in found for time in times(each)] == list(range(50, 59))


@pytest.mark.parametrize("codec", Compression)
def test_records_go_to_the_partitions_that_are_chosen_for_them(codec: Compression) -> None:
    found = list(taken_apart([batch(0, 4, compression=codec), batch(4, 3, compression=codec)], by_number))

    assert [(each.partition, times(each)) for each in found] == [(0, [50, 52, 54, 56]), (1, [51, 53, 55])]
    assert {read_header(each.data).compression for each in found} == {codec}


def test_a_change_of_compression_changes_no_order() -> None:
    found = list(taken_apart([batch(0, 1), batch(1, 1, compression=Compression.LZ4), batch(2, 1)], by_number))

    assert [times(each) for each in found] == [[50], [51], [52]]


def test_batches_with_headers_that_are_not_utf_8_are_not_combined() -> None:
    strange = with_header_key(batch(0, 3), 0xFF)

    found = list(combined(0, [strange, batch(3, 1)]))

    assert [each.data for each in found] == [strange.data, batch(3, 1).data]


def test_header_keys_that_are_not_utf_8_are_copied_by_key_as_java_reads_them() -> None:
    found = list(taken_apart([with_header_key(batch(0, 3), 0xFF), batch(3, 1)], by_number))

    records = {each.partition: read_records(each.data) for each in found}
    assert [(each.partition, times(each)) for each in found] == [(0, [50, 52, 53]), (1, [51])]
    assert [each.headers for each in records[0]] == [(("\ufffd", None),), (("\ufffd", None),), (("h", None),)]


def with_header_key(strange: ReadyBatch, byte: int) -> ReadyBatch:
    """With this byte in place of each "h"."""
    for at in (position for position in range(61, len(strange.data)) if strange.data[position] == ord("h")):
        strange.data[at] = byte
    return strange
