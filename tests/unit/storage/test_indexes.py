import pytest

from pykafka_cli.model import Offset, ProducerId, Timestamp
from pykafka_cli.storage.index_file import CorruptIndex
from pykafka_cli.storage.offset_index import OffsetIndex
from pykafka_cli.storage.time_index import TimeIndex, TimestampedOffset
from pykafka_cli.storage.transaction_index import AbortedTransaction, TransactionIndex
from tests.fakes.files import MemoryFiles

PATH = "/index"


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


def offset_index(files: MemoryFiles, *entries: tuple[int, int]) -> OffsetIndex:
    index = OffsetIndex(files, PATH, Offset(100), 64)
    index.start_empty()
    index.preallocate()
    for last_offset, position in entries:
        index.append(Offset(last_offset), position)
    return index


def test_an_offset_is_looked_up_at_or_before_its_batch(files: MemoryFiles) -> None:
    index = offset_index(files, (109, 400), (120, 900))

    assert [index.lookup(Offset(offset)) for offset in (0, 100, 108, 109, 119, 120, 9999)] == [
        0,
        0,
        0,
        400,
        400,
        900,
        900,
    ]


def test_a_boundary_is_found_at_or_before_a_position(files: MemoryFiles) -> None:
    index = offset_index(files, (109, 400), (120, 900))

    assert [index.boundary_before(position) for position in (399, 400, 899, 5000)] == [0, 400, 400, 900]


def test_an_active_index_is_preallocated_and_cut_when_it_is_closed(files: MemoryFiles) -> None:
    index = offset_index(files, (109, 400))
    assert files.size(PATH) == 64

    index.cut()

    assert files.read(PATH).hex() == "0000000900000190"


def test_an_index_left_preallocated_by_a_crash_is_read_without_its_zeros(files: MemoryFiles) -> None:
    offset_index(files, (109, 256), (120, 512))

    assert len(OffsetIndex(files, PATH, Offset(100), 64)) == 2


def test_an_index_is_full_when_its_file_is(files: MemoryFiles) -> None:
    index = offset_index(files, *((100 + slot, slot * 10) for slot in range(1, 8)))
    assert not index.is_full

    index.append(Offset(108), 90)

    assert index.is_full


@pytest.mark.parametrize(("offset", "left"), [(99, 0), (109, 0), (110, 1), (120, 1), (121, 2)])
def test_truncation_drops_entries_of_batches_with_that_offset(files: MemoryFiles, offset: int, left: int) -> None:
    index = offset_index(files, (109, 400), (120, 900))

    index.truncate_to(Offset(offset))

    assert len(index) == left
    assert len(OffsetIndex(files, PATH, Offset(100), 64)) == left


def test_an_index_that_goes_back_is_corrupt(files: MemoryFiles) -> None:
    offset_index(files, (120, 900), (110, 1000))

    with pytest.raises(CorruptIndex):
        OffsetIndex(files, PATH, Offset(100), 64).lookup(Offset(105))


def time_index(files: MemoryFiles, *entries: tuple[int, int]) -> TimeIndex:
    index = TimeIndex(files, PATH, Offset(100), 60)
    index.start_empty()
    index.preallocate()
    for timestamp, offset in entries:
        index.append_if_later(Timestamp(timestamp), Offset(offset))
    return index


def test_a_time_is_looked_up_as_an_offset_up_to_which_all_is_older(files: MemoryFiles) -> None:
    index = time_index(files, (1000, 105), (2000, 109))

    assert [index.lookup(Timestamp(timestamp)) for timestamp in (999, 1000, 1999, 2000)] == [100, 105, 105, 109]


def test_a_time_that_is_no_later_adds_no_entry(files: MemoryFiles) -> None:
    index = time_index(files, (1000, 105), (1000, 109), (900, 110))

    assert len(index) == 1


def test_the_last_entry_is_read_without_loading_a_closed_index(files: MemoryFiles) -> None:
    time_index(files, (1000, 105), (2000, 109)).cut()

    assert TimeIndex(files, PATH, Offset(100), 60).last() == TimestampedOffset(Timestamp(2000), Offset(109))


def test_the_last_entry_is_found_before_the_zeros_of_a_crash(files: MemoryFiles) -> None:
    time_index(files, (1000, 105))

    assert TimeIndex(files, PATH, Offset(100), 60).last() == TimestampedOffset(Timestamp(1000), Offset(105))


def test_an_empty_time_index_has_no_timestamp(files: MemoryFiles) -> None:
    assert time_index(files).last() == TimestampedOffset(Timestamp(-1), Offset(100))


def test_the_last_slot_of_a_time_index_is_kept_for_closing(files: MemoryFiles) -> None:
    index = time_index(files, (1, 101), (2, 102), (3, 103), (4, 104))

    assert index.is_full


def test_aborted_transactions_are_kept_in_34_bytes_each(files: MemoryFiles) -> None:
    index = TransactionIndex(files, PATH, Offset(0))
    index.append(AbortedTransaction(ProducerId(2), Offset(0), Offset(5), Offset(2)))

    assert files.size(PATH) == 34
    assert TransactionIndex(files, PATH, Offset(0)).entries() == [
        AbortedTransaction(ProducerId(2), Offset(0), Offset(5), Offset(2))
    ]


def test_truncation_drops_transactions_whose_marker_goes(files: MemoryFiles) -> None:
    index = TransactionIndex(files, PATH, Offset(0))
    first, second = (
        AbortedTransaction(ProducerId(2), Offset(0), Offset(5), Offset(2)),
        AbortedTransaction(ProducerId(3), Offset(4), Offset(9), Offset(10)),
    )
    index.append(first)
    index.append(second)

    index.truncate_to(Offset(9))

    assert TransactionIndex(files, PATH, Offset(0)).entries() == [first]


def test_no_file_is_made_where_nothing_was_aborted(files: MemoryFiles) -> None:
    TransactionIndex(files, PATH, Offset(0)).rebuild([])

    assert not files.exists(PATH)


def test_a_transaction_before_its_segment_is_corrupt(files: MemoryFiles) -> None:
    TransactionIndex(files, PATH, Offset(0)).append(AbortedTransaction(ProducerId(2), Offset(0), Offset(5), Offset(2)))

    with pytest.raises(CorruptIndex):
        TransactionIndex(files, PATH, Offset(6)).entries()
