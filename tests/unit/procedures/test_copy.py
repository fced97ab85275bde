"""Small batches are put together before they are sent."""

from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.procedures.copy import merged
from pykafka_cli.protocol.records.batch import Compression
from pykafka_cli.protocol.records.record import Record, build_batch, read_records
from pykafka_cli.rules.record_copy import ReadyBatch


def batch(first: int, count: int, *, size: int = 10, compression: Compression = Compression.NONE) -> ReadyBatch:
    records = [Record(Offset(n), Timestamp(50 + first + n), None, b"v" * size, (("h", None),)) for n in range(count)]
    return ReadyBatch(build_batch(records, compression=compression), range(first, first + count))


def test_small_batches_become_one_with_the_same_records() -> None:
    (found,) = merged([batch(5, 3), batch(9, 2)])

    assert list(found.offsets) == [5, 6, 7, 9, 10]
    records = read_records(found.data)
    assert [(each.offset, each.timestamp) for each in records] == [(0, 55), (1, 56), (2, 57), (3, 59), (4, 60)]
    assert {(each.key, each.value, each.headers) for each in records} == {(None, b"v" * 10, (("h", None),))}


def test_large_and_compressed_batches_stay_as_they_are_and_in_their_order() -> None:
    large, packed = batch(2, 1, size=70_000), batch(3, 2, compression=Compression.GZIP)

    found = list(merged([batch(0, 1), batch(1, 1), large, packed, batch(5, 1)]))

    assert [list(each.offsets) for each in found] == [[0, 1], [2], [3, 4], [5]]
    assert (found[1], found[2]) == (large, packed)


def test_a_batch_that_is_put_together_does_not_grow_without_end() -> None:
    found = list(merged(batch(number, 1, size=60_000) for number in range(9)))

    assert max(len(each.data) for each in found) <= 256 << 10
    assert [offset for each in found for offset in each.offsets] == list(range(9))


def test_headers_that_are_not_utf_8_leave_batches_as_they_are() -> None:
    strange = batch(0, 1)
    at = strange.data.index(b"h", 61)
    strange.data[at] = 0xFF

    assert list(merged([strange, batch(1, 1)])) == [strange, batch(1, 1)]
