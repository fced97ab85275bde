"""Opening folders that were left in every kind of state; those recorded from Kafka are in test_recorded_directories."""

import logging
import zlib
from typing import Any

import pytest

from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.model import LeaderEpoch
from tests.fakes.files import MemoryFiles
from tests.support.logs import FOLDER, NOW_MS, append, batch, open_log, read_all, values

LOG = f"{FOLDER}/00000000000000000000.log"


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


@pytest.fixture
def log(files: MemoryFiles) -> PartitionLog:
    """Six batches, two a segment."""
    log = open_log(files, segment_bytes=2 * len(batch(b"0")), index_interval_bytes=0)
    for number in range(6):
        append(log, b"%d" % number)
    return log


def recovered(files: MemoryFiles, **options: Any) -> PartitionLog:
    return open_log(files.restarted(), had_clean_shutdown=False, index_interval_bytes=0, **options)


def damage(files: MemoryFiles, name: str, position: int) -> None:
    data = bytearray(files.read(f"{FOLDER}/{name}"))
    data[position] ^= 0xFF
    files.replace(f"{FOLDER}/{name}", bytes(data))


def test_a_sound_log_is_as_before(files: MemoryFiles, log: PartitionLog) -> None:
    expected = read_all(log)

    again = recovered(files)

    assert read_all(again) == expected
    assert again.recovery_point == 0


@pytest.mark.parametrize("position", range(0, 140, 9))
def test_the_log_ends_before_the_first_damaged_batch(files: MemoryFiles, log: PartitionLog, position: int) -> None:
    size = len(batch(b"0"))
    damage(files, "00000000000000000002.log", position)
    # The offset (bytes 0-7) and the epoch (12-15) are not covered by the checksum, but a changed offset does not fit.
    if position % size in range(12, 16):
        expected = 6
    else:
        expected = 2 + position // size

    again = recovered(files)

    assert again.log_end == expected
    assert values(again) == [b"%d" % number for number in range(expected)]
    append(again, b"next")
    assert values(again)[-1] == b"next"


@pytest.mark.parametrize("cut", range(1, 70, 8))
def test_a_truncated_batch_goes_and_nothing_else(files: MemoryFiles, log: PartitionLog, cut: int) -> None:
    path = f"{FOLDER}/00000000000000000004.log"
    files.replace(path, files.read(path)[:-cut])

    assert values(recovered(files)) == [b"0", b"1", b"2", b"3", b"4"]


def test_segments_after_the_damage_go(files: MemoryFiles, log: PartitionLog, caplog: pytest.LogCaptureFixture) -> None:
    damage(files, "00000000000000000000.log", 100)
    files = files.restarted()

    with caplog.at_level(logging.INFO):
        again = open_log(files, had_clean_shutdown=False)

    assert values(again) == [b"0"]
    assert [name for name in files.names(str(FOLDER)) if name.endswith(".log")] == ["00000000000000000000.log"]
    (message,) = caplog.messages
    assert message == (
        "orders-0: recovered from offset 0: 140 bytes checked; a batch with a wrong checksum at byte 70 of segment 0: "
        "70 bytes cut and 2 later segments removed, the log ends at offset 1"
    )


def test_what_is_below_the_recovery_point_is_not_read(files: MemoryFiles, log: PartitionLog) -> None:
    damage(files, "00000000000000000000.log", 65)

    assert recovered(files, recovery_point=2).log_end == 6


def test_indexes_that_a_crash_left_are_rebuilt(files: MemoryFiles, log: PartitionLog) -> None:
    for base in (0, 2, 4):
        for suffix in ("index", "timeindex"):
            files.replace(f"{FOLDER}/{base:020d}.{suffix}", b"\x7f" * 30)
    files = files.restarted()

    again = open_log(files, had_clean_shutdown=False, index_interval_bytes=0)

    assert values(again) == [b"%d" % number for number in range(6)]
    assert files.read(f"{FOLDER}/00000000000000000002.index").hex() == "0000000100000046"


def test_leader_epochs_are_read_from_the_log_when_their_file_is_lost(files: MemoryFiles, log: PartitionLog) -> None:
    log.append_as_leader(batch(b"6"), leader_epoch=LeaderEpoch(5), now_ms=NOW_MS)
    files.replace(f"{FOLDER}/leader-epoch-checkpoint", b"\0\0\0\0")

    assert recovered(files).epochs.entries == [(0, 0), (5, 6)]


@pytest.mark.parametrize("content", [b"", b"\0\0\0\0"])
def test_leader_epochs_below_the_recovery_point_are_read_too_when_their_file_is_lost(
    files: MemoryFiles, log: PartitionLog, content: bytes
) -> None:
    """It is replaced without a sync, and a loss of power may leave nothing of it."""
    log.append_as_leader(batch(b"6"), leader_epoch=LeaderEpoch(5), now_ms=NOW_MS)
    files.replace(f"{FOLDER}/leader-epoch-checkpoint", content)

    assert recovered(files, recovery_point=6).epochs.entries == [(0, 0), (5, 6)]


def test_leader_epochs_read_from_the_log_are_written_down(files: MemoryFiles, log: PartitionLog) -> None:
    """The next stop may be a clean one, after which nobody reads the log."""
    stale = files.read(f"{FOLDER}/leader-epoch-checkpoint")
    log.append_as_leader(batch(b"6"), leader_epoch=LeaderEpoch(5), now_ms=NOW_MS)
    files.replace(f"{FOLDER}/leader-epoch-checkpoint", stale)

    disk = files.restarted()
    open_log(disk, had_clean_shutdown=False).close()

    assert open_log(disk).epochs.entries == [(0, 0), (5, 6)]


def test_where_a_truncation_came_undone_the_batches_say_who_wrote_them(files: MemoryFiles, log: PartitionLog) -> None:
    log.append_as_leader(batch(b"6"), leader_epoch=LeaderEpoch(5), now_ms=NOW_MS)
    files.replace(f"{FOLDER}/leader-epoch-checkpoint", b"0\n2\n0 0\n7 2\n")  # written when the log ended at 2

    assert recovered(files).epochs.entries == [(0, 0), (5, 6)]


def test_epochs_of_records_that_are_gone_go_too(files: MemoryFiles, log: PartitionLog) -> None:
    log.append_as_leader(batch(b"6"), leader_epoch=LeaderEpoch(5), now_ms=NOW_MS)
    damage(files, "00000000000000000006.log", 65)

    assert recovered(files).epochs.entries == [(0, 0)]


def test_a_log_that_ends_before_its_start_begins_there(files: MemoryFiles, log: PartitionLog) -> None:
    again = recovered(files, log_start=100)

    assert (again.log_start, again.log_end) == (100, 100)
    append(again, b"new")
    assert read_all(again)[0].offset == 100


def test_a_clean_log_that_ends_in_garbage_is_recovered_all_the_same(files: MemoryFiles, log: PartitionLog) -> None:
    log.close()
    path = f"{FOLDER}/00000000000000000004.log"
    files.replace(path, files.read(path) + b"garbage")

    assert values(open_log(files)) == [b"%d" % number for number in range(6)]


def test_leftovers_of_deletion_and_cleaning_are_removed(files: MemoryFiles, log: PartitionLog) -> None:
    log.close()
    for name in ("00000000000000000099.log.deleted", "00000000000000000000.log.cleaned", "00000000000000000077.index"):
        files.replace(f"{FOLDER}/{name}", b"left over")

    open_log(files)

    assert not any(name.endswith((".deleted", ".cleaned")) or "77" in name for name in files.names(str(FOLDER)))


def test_a_finished_cleaning_takes_its_place(files: MemoryFiles, log: PartitionLog) -> None:
    log.close()
    cleaned = files.read(LOG)[70:]  # the batch of offset 1 is all that is left of segments 0 and 2
    cleaned += files.read(f"{FOLDER}/00000000000000000002.log")
    files.replace(f"{LOG}.swap", cleaned)
    for suffix in ("index", "timeindex"):
        files.replace(f"{FOLDER}/00000000000000000000.{suffix}.swap", b"")

    again = open_log(files)

    assert values(again) == [b"1", b"2", b"3", b"4", b"5"]
    logs = [name for name in files.names(str(FOLDER)) if ".log" in name]
    assert logs == ["00000000000000000000.log", "00000000000000000004.log"]


def test_a_cleaning_whose_swap_had_only_begun_is_undone(files: MemoryFiles, log: PartitionLog) -> None:
    log.close()
    files.replace(f"{LOG}.swap", files.read(LOG)[70:])
    files.replace(f"{FOLDER}/00000000000000000000.index.cleaned", b"")

    assert values(open_log(files)) == [b"%d" % number for number in range(6)]


def old_message(offset: int, value: bytes, *, magic: int) -> bytes:
    body = bytes([magic, 0]) + (NOW_MS.to_bytes(8, "big") if magic else b"") + b"\0\0\0\1k"
    body += len(value).to_bytes(4, "big") + value
    body = zlib.crc32(body).to_bytes(4, "big") + body
    return offset.to_bytes(8, "big") + len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize("had_clean_shutdown", [True, False])
def test_a_log_of_the_old_message_formats_is_read_and_continues_in_the_new_one(
    files: MemoryFiles, had_clean_shutdown: bool
) -> None:
    files.make_directory(str(FOLDER))
    files.replace(LOG, b"".join(old_message(offset, b"%d" % offset, magic=offset % 2) for offset in range(4)))

    log = open_log(files, had_clean_shutdown=had_clean_shutdown, index_interval_bytes=0)
    append(log, b"4")

    assert values(log) == [b"0", b"1", b"2", b"3", b"4"]
    assert [record.offset for record in read_all(log, 2)] == [2, 3, 4]
    found = log.offset_for_timestamp(NOW_MS)
    assert found is not None
    assert found.offset == 1, "format 0 has no timestamps"


def test_a_damaged_message_of_an_old_format_is_cut_off(files: MemoryFiles) -> None:
    files.make_directory(str(FOLDER))
    messages = [old_message(offset, b"%d" % offset, magic=1) for offset in range(3)]
    files.replace(LOG, b"".join(messages)[:-1] + b"?")

    assert values(open_log(files, had_clean_shutdown=False)) == [b"0", b"1"]
