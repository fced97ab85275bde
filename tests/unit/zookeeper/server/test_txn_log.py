import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from pykafka_cli.model import Seconds
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import CreateTxn, TxnHeader, encode_entry
from pykafka_cli.zookeeper.server.data_directory import DataDirectory
from pykafka_cli.zookeeper.server.txn_log import LogDamaged, TxnLog, frame_entry, read_entries, truncate
from tests.support.recorded_directories import unpacked


def entry(zxid: int, data: bytes = b"data") -> bytes:
    header = TxnHeader(1, zxid, zxid, 1000, OpCode.CREATE)
    return frame_entry(encode_entry(header, CreateTxn(f"/{zxid}", data, OPEN_ACL, False, zxid), 7))


def zxids(path: Path) -> list[int]:
    return [entry.header.zxid for entry in read_entries(path)]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[DataDirectory]:
    directory = DataDirectory(tmp_path / "data").lock()
    yield directory
    directory.unlock()


def log(directory: DataDirectory, preallocate: int = 65_536) -> TxnLog:
    return TxnLog(directory, preallocate=preallocate, slow_fsync_seconds=Seconds(10))


def test_a_log_begins_as_zookeepers_does(tmp_path: Path, directory: DataDirectory) -> None:
    log(directory).write(1, entry(1))

    ours = directory.log_file(1).read_bytes()
    theirs = (unpacked("zookeeper", tmp_path) / "version-2/log.1").read_bytes()
    assert ours[:16] == theirs[:16]
    assert zxids(directory.log_file(1)) == [1]


def test_batches_are_appended_to_the_file_of_the_first(directory: DataDirectory) -> None:
    written = log(directory)
    written.write(1, entry(1) + entry(2))
    written.write(3, entry(3))

    assert [path.name for _, path in directory.log_files()] == ["log.1"]
    assert zxids(directory.log_file(1)) == [1, 2, 3]


def test_after_a_roll_a_new_file_begins(directory: DataDirectory) -> None:
    written = log(directory)
    written.write(1, entry(1))
    written.roll()
    written.write(2, entry(2))

    assert [path.name for _, path in directory.log_files()] == ["log.1", "log.2"]
    assert zxids(directory.log_file(2)) == [2]


def test_files_grow_ahead_in_steps(directory: DataDirectory) -> None:
    written = log(directory, preallocate=8192)
    sizes = []
    for zxid in range(1, 5):
        written.write(zxid, entry(zxid, bytes(3000)))
        sizes.append(directory.log_file(1).stat().st_size)

    assert sizes == [8192, 16_384, 16_384, 24_576]
    assert zxids(directory.log_file(1)) == [1, 2, 3, 4]


def test_a_batch_larger_than_a_step_fits(directory: DataDirectory) -> None:
    log(directory, preallocate=4096).write(1, entry(1, bytes(100_000)) + entry(2))

    assert zxids(directory.log_file(1)) == [1, 2]


def test_without_preallocation_a_file_has_what_was_written(directory: DataDirectory) -> None:
    log(directory, preallocate=0).write(1, entry(1))

    assert directory.log_file(1).stat().st_size == 16 + len(entry(1))


def test_every_torn_tail_is_dropped_and_nothing_before_it(
    directory: DataDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    path = directory.log_file(1)
    log(directory, preallocate=0).write(1, entry(1) + entry(2))
    whole = path.read_bytes()
    end_of_first = len(whole) - len(entry(2))

    for cut in range(end_of_first, len(whole)):
        for zeros in (0, 100):
            path.write_bytes(whole[:cut] + bytes(zeros))
            assert zxids(path) == [1]
    assert "torn transaction at byte" in caplog.text


def test_a_file_without_a_whole_header_is_empty(directory: DataDirectory) -> None:
    path = directory.log_file(1)
    for size in range(16):
        path.write_bytes(b"ZKLG\0\0\0\2\0\0\0\0\0\0\0\0"[:size])
        assert zxids(path) == []


def test_a_changed_byte_is_damage_and_rejected(directory: DataDirectory) -> None:
    path = directory.log_file(1)
    log(directory, preallocate=0).write(1, entry(1) + entry(2))
    data = bytearray(path.read_bytes())
    data[16 + 12 + 40] ^= 1
    path.write_bytes(data)

    with pytest.raises(LogDamaged, match="damaged at byte 16: the checksum"):
        zxids(path)


def test_another_kind_of_file_is_rejected(directory: DataDirectory) -> None:
    path = directory.log_file(1)
    path.write_bytes(b"ZKSN" + bytes(100))

    with pytest.raises(LogDamaged, match="not a transaction log"):
        zxids(path)


def test_a_whole_entry_of_an_unknown_type_is_rejected(directory: DataDirectory) -> None:
    path = directory.log_file(1)
    header = TxnHeader(1, 1, 1, 1000, 77)
    log(directory).write(1, frame_entry(encode_entry(header, CreateTxn("/a", b"", OPEN_ACL, False, 1), 0)))

    with pytest.raises(LogDamaged, match="cannot be decoded: 77 is not a type"):
        zxids(path)


def test_the_file_of_a_torn_first_transaction_is_started_again(directory: DataDirectory) -> None:
    directory.log_file(1).write_bytes(b"ZKLG\0\0\0\2" + bytes(8) + entry(1)[:-3])

    log(directory, preallocate=0).write(1, entry(1))

    assert zxids(directory.log_file(1)) == [1]


def test_a_slow_disk_is_reported(directory: DataDirectory, caplog: pytest.LogCaptureFixture) -> None:
    slow = TxnLog(directory, preallocate=0, slow_fsync_seconds=Seconds(-1))
    with caplog.at_level(logging.WARNING):
        slow.write(1, entry(1))

    assert "The disk may be busy." in caplog.text


def test_what_is_cut_off_is_gone_and_what_is_before_it_stays(directory: DataDirectory) -> None:
    written = log(directory)
    written.write(1, b"".join(entry(zxid) for zxid in range(1, 6)))
    written.roll()
    written.write(6, entry(6))
    written.close()

    truncate(directory, 3)

    assert [path.name for _, path in directory.log_files()] == ["log.1"]
    assert zxids(directory.log_file(1)) == [1, 2, 3]
    assert directory.log_file(1).read_bytes().endswith(b"B")
