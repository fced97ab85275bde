"""Log files as they are: nothing is changed, and what is damaged can be read."""

from pathlib import Path

import pytest

from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.protocol.records import CorruptRecords, Record, build_batch
from pykafka_cli.storage.index_file import CorruptIndex
from pykafka_cli.storage.scan import scan_as_stored
from pykafka_cli.storage.stored_files import StoredLog, StoredOffsetIndex, StoredTimeIndex

SENT_AT = Timestamp(1_000)
NAME = "00000000000000000100"


def batch(offset: int, timestamp: Timestamp = SENT_AT, size: int = 10) -> bytes:
    return bytes(build_batch([Record(Offset(offset), timestamp, None, bytes(size))]))


def latest(_batch: object) -> int:
    return 1_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three batches, each of 78 bytes, with sound indexes of one entry."""
    (tmp_path / f"{NAME}.log").write_bytes(batch(100) + batch(101) + batch(102))
    (tmp_path / f"{NAME}.index").write_bytes(bytes((0, 0, 0, 1, 0, 0, 0, 78)))
    (tmp_path / f"{NAME}.timeindex").write_bytes((1_000).to_bytes(8, "big") + (1).to_bytes(4, "big"))
    return tmp_path


def indexes(folder: Path) -> tuple[StoredOffsetIndex, StoredTimeIndex]:
    return StoredOffsetIndex(str(folder / f"{NAME}.index"), Offset(100)), StoredTimeIndex(
        str(folder / f"{NAME}.timeindex"), Offset(100)
    )


def test_sound_entries_agree_with_the_log(folder: Path) -> None:
    offsets, times = indexes(folder)

    with StoredLog(str(folder / f"{NAME}.log")) as log:
        assert list(offsets.checked(log, 1_000)) == [(101, 78, 101)]
        assert list(times.checked(log, offsets, latest)) == [(1_000, 101, None, None, None)]
    offsets.check_sanity()
    times.check_sanity()


def test_entries_that_are_wrong_come_with_what_the_log_says(folder: Path) -> None:
    (folder / f"{NAME}.index").write_bytes(bytes((0, 0, 0, 5, 0, 0, 0, 78)))
    times = b"".join(time.to_bytes(8, "big") + offset.to_bytes(4, "big") for time, offset in ((9, 1), (9, 2), (9, 7)))
    (folder / f"{NAME}.timeindex").write_bytes(times)
    offsets, stored_times = indexes(folder)

    with StoredLog(str(folder / f"{NAME}.log")) as log:
        assert list(offsets.checked(log, 1_000)) == [(105, 78, 101)]
        assert list(stored_times.checked(log, offsets, latest)) == [
            (9, 101, None, 1_000, None),
            (9, 102, None, 1_000, 9),
            (9, 107, -1, None, None),
        ]


def test_zeros_end_a_preallocated_index(folder: Path) -> None:
    path = folder / f"{NAME}.index"
    path.write_bytes(path.read_bytes() + bytes(80))
    offsets, _ = indexes(folder)

    assert len(offsets.entries) == 11
    with StoredLog(str(folder / f"{NAME}.log")) as log:
        assert len(list(offsets.checked(log, 1_000))) == 1


@pytest.mark.parametrize(("size", "position"), [(77, 0), (1_000, 234), (1_000, 230)])
def test_an_entry_where_no_batch_is_ends_the_check(size: int, position: int, folder: Path) -> None:
    (folder / f"{NAME}.index").write_bytes(bytes((0, 0, 0, 1, 0, 0, 0, position)))
    offsets, _ = indexes(folder)

    with StoredLog(str(folder / f"{NAME}.log")) as log, pytest.raises(CorruptRecords, match="no batch in the"):
        list(offsets.checked(log, size))


@pytest.mark.parametrize("content", [b"\xff\xff\xff\xff\0\0\0\0", bytes(9)])
def test_an_insane_index_is_reported_in_kafkas_words(content: bytes, folder: Path) -> None:
    (folder / f"{NAME}.index").write_bytes(content)

    with pytest.raises(CorruptIndex, match=r"which is (less than|neither positive)"):
        indexes(folder)[0].check_sanity()


def test_a_log_is_read_in_pieces_whatever_its_size() -> None:
    data = b"".join(batch(offset, size=400_000) for offset in range(20))
    sizes = []

    def read_at(position: int, size: int) -> bytes:
        sizes.append(size)
        return data[position : position + size]

    assert [each.header.base_offset for each in scan_as_stored(read_at, len(data), "x.log")] == list(range(20))
    assert max(sizes) <= 1 << 20


def test_a_truncated_batch_ends_a_log_and_one_that_cannot_be_is_reported() -> None:
    data = batch(0) + batch(1)

    def read_at(position: int, size: int) -> bytes:
        return data[position : position + size]

    assert len(list(scan_as_stored(read_at, len(data) - 1, "x.log"))) == 1
    data = batch(0) + bytes(40)
    with pytest.raises(
        CorruptRecords, match=r"Found record size 0 smaller than minimum record overhead \(14\) in file x"
    ):
        list(scan_as_stored(read_at, len(data), "x.log"))
