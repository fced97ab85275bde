"""Looking through log directories: what recovery would repair in silence is named, and nothing is changed."""

import pytest

from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.model import LeaderEpoch, Timestamp
from pykafka_cli.protocol.records import ControlType
from pykafka_cli.storage.inspection import InspectedDirectory, InspectedLog, inspect_directory
from tests.fakes.files import MemoryFiles
from tests.support.logs import FOLDER, append, batch, marker, open_log, sequenced

ROOT = str(FOLDER.parent)
SIZE = len(batch(b"0"))


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


@pytest.fixture
def log(files: MemoryFiles) -> PartitionLog:
    """Six records, two a segment, closed; the directory says that it was left cleanly."""
    log = open_log(files, segment_bytes=2 * SIZE, index_interval_bytes=0)
    for number in range(6):
        append(log, b"%d" % number)
    log.close()
    files.replace(f"{ROOT}/.kafka_cleanshutdown", b"{}")
    return log


def inspected(files: MemoryFiles) -> InspectedLog:
    steps = files.steps
    (log,) = inspect_directory(files, ROOT).logs
    assert files.steps == steps, "nothing was written"
    return log


def crashed(files: MemoryFiles, *, recovery_point: int) -> None:
    files.remove(f"{ROOT}/.kafka_cleanshutdown")
    files.replace(f"{ROOT}/recovery-point-offset-checkpoint", b"0\n1\norders 0 %d\n" % recovery_point)


def damage(files: MemoryFiles, name: str, position: int) -> None:
    data = bytearray(files.read(f"{FOLDER}/{name}"))
    data[position] ^= 0xFF
    files.replace(f"{FOLDER}/{name}", bytes(data))


def test_a_sound_log_is_counted(files: MemoryFiles, log: PartitionLog) -> None:
    found = inspected(files)

    assert (found.log_start, found.log_end, found.records, found.size_in_bytes) == (0, 6, 6, log.segments.size_in_bytes)
    assert (found.damage, found.unfinished) == ([], [])


def test_what_was_deleted_and_what_ends_transactions_is_not_counted(files: MemoryFiles) -> None:
    log = open_log(files)
    for sequence in range(3):
        log.append_as_leader(
            sequenced(b"a", sequence=sequence, transactional=True), leader_epoch=LeaderEpoch(0), now_ms=Timestamp(0)
        )
    log.append_as_leader(
        marker(ControlType.COMMIT), leader_epoch=LeaderEpoch(0), now_ms=Timestamp(0), origin=AppendOrigin.COORDINATOR
    )
    log.close()
    files.replace(f"{ROOT}/log-start-offset-checkpoint", b"0\n1\norders 0 1\n")

    found = inspected(files)

    assert (found.log_start, found.log_end, found.records) == (1, 4, 2)


@pytest.mark.parametrize("position", [3, 18, 65, SIZE + 30])
def test_a_damaged_batch_is_named(files: MemoryFiles, log: PartitionLog, position: int) -> None:
    damage(files, "00000000000000000002.log", position)

    (problem,) = inspected(files).damage

    first = position // SIZE
    assert f"00000000000000000002.log, byte {first * SIZE} (offset {2 + first}): " in problem


@pytest.mark.parametrize(("recovery_point", "is_damage"), [(0, False), (4, False), (5, True), (6, True)])
def test_after_a_crash_only_what_was_synced_counts_as_damage(
    files: MemoryFiles, log: PartitionLog, recovery_point: int, is_damage: bool
) -> None:
    crashed(files, recovery_point=recovery_point)
    damage(files, "00000000000000000004.log", 65)

    found = inspected(files)

    assert (len(found.damage), len(found.unfinished)) == ((1, 0) if is_damage else (0, 1))


def test_an_active_segment_as_a_crash_leaves_it_is_sound(files: MemoryFiles) -> None:
    log = open_log(files, index_interval_bytes=0)
    for number in range(6):
        append(log, b"%d" % number)

    found = inspected(files)

    assert (found.records, found.damage, found.unfinished) == (6, [], [])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("00000000000000000002.index", b"\x7f" * 8),  # no such position
        ("00000000000000000002.index", b"\0\0\0\0" + SIZE.to_bytes(4, "big")),  # the offset is before it
        ("00000000000000000002.index", b"\0\0\0\1\0\0\0\x46\0\0\0\1\0\0\0\x46"),  # it does not grow
        ("00000000000000000002.index", b"\1\2\3"),
        ("00000000000000000002.timeindex", b"\x7f" * 12),
        ("00000000000000000002.timeindex", b"\1"),
        ("00000000000000000002.txnindex", b"\1" * 34),
        ("00000000000000000006.snapshot", b"\0\1abc"),
        ("leader-epoch-checkpoint", b"0\n5\n"),
        ("partition.metadata", b"version: 9\n"),
    ],
)
def test_files_beside_the_log_are_checked(files: MemoryFiles, log: PartitionLog, name: str, content: bytes) -> None:
    files.replace(f"{FOLDER}/{name}", content)

    (problem,) = inspected(files).damage

    assert name in problem
    assert "emove " in problem, "what helps"


@pytest.mark.parametrize("suffix", ["index", "timeindex"])
def test_an_index_that_is_missing_is_named(files: MemoryFiles, log: PartitionLog, suffix: str) -> None:
    files.remove(f"{FOLDER}/00000000000000000002.{suffix}")

    (problem,) = inspected(files).damage

    assert problem.startswith(f"{FOLDER}/00000000000000000002.{suffix} is missing. To rebuild it from the log, ")


@pytest.mark.parametrize("base_offset", [0, 2, 4])
def test_what_helps_does_help(files: MemoryFiles, log: PartitionLog, base_offset: int) -> None:
    for suffix in ("index", "timeindex", "txnindex"):
        files.replace(f"{FOLDER}/{base_offset:020d}.{suffix}", b"\x7f" * 34)
    files.replace(f"{FOLDER}/{base_offset + 2:020d}.snapshot", b"")
    files.replace(f"{FOLDER}/leader-epoch-checkpoint", b"?")
    assert len(inspected(files).damage) == 5

    crashed(files, recovery_point=0)
    disk = files.restarted()
    open_log(disk, had_clean_shutdown=False, segment_bytes=2 * SIZE, index_interval_bytes=0).close()

    found = inspected(disk)
    assert (found.records, found.damage, found.unfinished) == (6, [], [])


def test_an_interrupted_compaction_is_named(files: MemoryFiles, log: PartitionLog) -> None:
    files.replace(f"{FOLDER}/00000000000000000000.log.swap", b"")

    assert inspected(files).unfinished == [f"{FOLDER}/00000000000000000000.log.swap: a compaction was interrupted"]


def test_checkpoints_are_checked(files: MemoryFiles, log: PartitionLog) -> None:
    files.replace(f"{ROOT}/cleaner-offset-checkpoint", b"1\n0\n")

    found: InspectedDirectory = inspect_directory(files, ROOT)

    assert found.was_left_cleanly
    assert len(found.damage) == 1
    assert "cleaner-offset-checkpoint: version 1" in found.damage[0]


def test_every_batch_is_shown(files: MemoryFiles, log: PartitionLog) -> None:
    seen = []

    inspect_directory(files, ROOT, lambda partition, found: seen.append((partition, found.header.base_offset)))

    assert seen == [(log.topic_partition, offset) for offset in range(6)]
