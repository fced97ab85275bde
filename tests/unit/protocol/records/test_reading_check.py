import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.protocol.records import Compression, CorruptRecords, read_header
from pykafka_cli.protocol.records.batch import HEADER_SIZE
from pykafka_cli.protocol.records.compiled import compiled_records, has_consecutive_offsets, scratch_bytes
from pykafka_cli.protocol.records.reading_check import check_records, is_slow_to_load
from pykafka_cli.protocol.records.record import records_of
from tests.support.lying_batches import PLAIN_LIES, compressed, good_batch, with_offset_deltas, with_payload

LIMIT = 4 << 20


def by_compiled_reader(batch: bytearray) -> bool | None:
    payload = bytes(batch[HEADER_SIZE:])
    return has_consecutive_offsets(read_header(batch), payload, memoryview(bytearray(b"\xff") * scratch_bytes(payload)))


@pytest.mark.parametrize("codec", Compression)
@pytest.mark.parametrize("count", [1, 17, 40_000])
def test_good_records_are_consecutive(count: int, codec: Compression) -> None:
    batch = good_batch(count, codec)
    assert check_records(batch, read_header(batch), limit=LIMIT)


@pytest.mark.parametrize("deltas", [(0, 0), (1, 0), (0, 2), (-1, 0)])
def test_other_deltas_are_not_consecutive(deltas: tuple[int, ...]) -> None:
    batch = with_offset_deltas(*deltas)
    assert not check_records(batch, read_header(batch), limit=LIMIT)
    assert by_compiled_reader(batch) is False


@pytest.mark.parametrize("lie", PLAIN_LIES)
def test_neither_reader_accepts_records_that_do_not_add_up(lie: str) -> None:
    batch = PLAIN_LIES[lie]()
    header = read_header(batch)

    assert by_compiled_reader(batch) is None
    assert compiled_records(header, bytes(batch[HEADER_SIZE:])) is None
    with pytest.raises(CorruptRecords):
        list(records_of(header, bytes(batch[HEADER_SIZE:])))
    with pytest.raises(CorruptRecords):
        check_records(batch, header, limit=LIMIT)


def test_a_lie_behind_a_gap_in_the_offsets_is_found() -> None:
    batch = with_offset_deltas(0, 5, 9)
    lie = with_payload(batch, bytes(batch[HEADER_SIZE:-1]))
    assert by_compiled_reader(lie) is None


@pytest.mark.parametrize("codec", [Compression.NONE, Compression.LZ4])
def test_what_is_wrong_at_the_end_of_many_records_is_found(codec: Compression) -> None:
    batch = good_batch(40_000)
    for payload in (bytes(batch[HEADER_SIZE:-1]), bytes(batch[HEADER_SIZE:]) + b"\0"):
        lie = compressed(with_payload(batch, payload), codec) if codec else with_payload(batch, payload)
        with pytest.raises(CorruptRecords):
            check_records(lie, read_header(lie), limit=LIMIT)


def test_header_keys_that_are_not_text_are_accepted() -> None:
    batch = good_batch(3)
    changed = with_payload(batch, bytes(batch[HEADER_SIZE:]).replace(b"header", b"\xff\xfe\xfd\xfc\xfb\xfa"))
    assert check_records(changed, read_header(changed), limit=LIMIT)


def test_records_beyond_the_limit_are_not_decompressed() -> None:
    batch = good_batch(1000, Compression.ZSTD)
    with pytest.raises(CorruptRecords, match="more than 100 bytes"):
        check_records(batch, read_header(batch), limit=100)


def test_few_records_do_not_load_the_compiled_reader() -> None:
    assert not is_slow_to_load(1)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 80))
def test_the_compiled_reader_accepts_only_what_the_other_accepts(changes: list[tuple[int, int]], cut: int) -> None:
    batch = good_batch(6)
    payload = bytearray(batch[HEADER_SIZE : len(batch) - cut])
    for position, byte in changes:
        payload[position % len(payload)] = byte
    changed = with_payload(batch, bytes(payload))
    answer = by_compiled_reader(changed)

    if answer is not None:
        read = list(records_of(read_header(changed), bytes(payload)))
        assert answer is (read[-1].offset == 5)
