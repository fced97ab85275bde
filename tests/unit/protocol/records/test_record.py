import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.protocol.records import Compression, CorruptRecords, Record, build_batch, read_records, records_in
from pykafka_cli.protocol.records.batch import read_header

nullable = st.none() | st.binary(max_size=40)
headers = st.lists(st.tuples(st.text(max_size=5), nullable), max_size=3).map(tuple)


@st.composite
def record_lists(draw: st.DrawFn) -> list[Record]:
    offset, records = draw(st.integers(0, 1 << 40)), []
    for _ in range(draw(st.integers(1, 8))):
        timestamp = draw(st.integers(-1, 1 << 45))
        records.append(Record(offset, timestamp, draw(nullable), draw(nullable), draw(headers)))
        offset += draw(st.integers(1, 1000))
    return records


@given(records=record_lists(), codec=st.sampled_from(Compression))
def test_records_come_back_as_they_were_put_in(records: list[Record], codec: Compression) -> None:
    assert read_records(build_batch(records, compression=codec)) == records


def test_a_large_value_takes_a_long_varint() -> None:
    record = Record(0, 1, b"k" * 200, b"v" * 100_000)

    assert read_records(build_batch([record])) == [record]


def test_all_records_of_a_log_append_time_batch_have_its_time() -> None:
    data = build_batch([Record(0, 1, None, b"a"), Record(1, 2, None, b"b")], log_append_time_ms=99)

    assert [record.timestamp for record in read_records(data)] == [99, 99]


def test_a_delete_horizon_leaves_the_records_times_as_they_are() -> None:
    data = build_batch([Record(3, 500, b"k", None)], delete_horizon_ms=10_000)

    assert read_header(data).delete_horizon_ms == 10_000
    assert read_records(data) == [Record(3, 500, b"k", None)]


def test_a_cleaned_batch_keeps_the_offsets_of_the_whole() -> None:
    data = build_batch([Record(5, 1, b"k", b"v")], base_offset=3, last_offset=9)

    assert (read_header(data).base_offset, read_header(data).last_offset) == (3, 9)
    assert [record.offset for record in read_records(data)] == [5]


def test_control_records_are_not_among_the_records_of_a_log() -> None:
    data = build_batch([Record(0, 1, b"\0\0\0\0", b"")], control=True) + build_batch([Record(1, 1, b"k", b"v")])

    assert [record.offset for record in records_in(data)] == [1]


def test_a_record_count_that_cannot_be_is_rejected_before_anything_is_read() -> None:
    data = build_batch([Record(0, 1, b"k", b"v")])
    data[57:61] = (1 << 30).to_bytes(4, "big")

    with pytest.raises(CorruptRecords, match="1073741824 records"):
        read_records(data)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_count_that_differs_from_the_records_is_rejected(change: int) -> None:
    data = build_batch([Record(index, 1, b"k", b"v" * 20) for index in range(3)])
    data[57:61] = (3 + change).to_bytes(4, "big")

    with pytest.raises(CorruptRecords):
        read_records(data)
