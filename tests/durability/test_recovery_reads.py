"""How much of a large log recovery reads: what lies after the recovery point, and of the rest next to nothing.

The log is ten gibibytes long and takes up a few megabytes: its batches are headers with holes behind them, so whatever
reads their records finds no true checksum there.
"""

import os
import struct
from pathlib import Path

import pytest

from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.recovery import load_log
from pykafka_cli.model import LeaderEpoch, Milliseconds, Offset, TopicPartition
from pykafka_cli.protocol.records import Record, build_batch, read_header
from pykafka_cli.protocol.records.batch import HEADER, LOG_OVERHEAD
from pykafka_cli.storage.files import DiskFile, DiskFiles
from pykafka_cli.storage.producer_snapshots import encode_snapshot
from pykafka_cli.storage.segment import segment_name
from tests.fakes.clock import FakeClock
from tests.support.logs import NOW_MS, topic_config

GIB, MIB, KIB = 1 << 30, 1 << 20, 1 << 10
SEGMENTS, BATCH = 10, 16 * MIB
BATCHES = GIB // BATCH
TAIL_BATCHES = 500
LAST = SEGMENTS * BATCHES  # where the segment begins that was being written
INDEX_BYTES = 10 * MIB  # segment.index.bytes: what an active segment's index takes


class CountingFiles(DiskFiles):
    """The disk, with a note of how many bytes were read of which kind of file."""

    def __init__(self) -> None:
        self.read_bytes: dict[str, int] = {}

    def count(self, path: str, data: bytes) -> bytes:
        kind = Path(path).suffix
        self.read_bytes[kind] = self.read_bytes.get(kind, 0) + len(data)
        return data

    def open(self, path: str, *, private: bool = False) -> DiskFile:  # noqa: ARG002
        return CountingFile(self, path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC))

    def read(self, path: str) -> bytes:
        return self.count(path, super().read(path))


class CountingFile(DiskFile):
    __slots__ = ("_files", "_path")

    def __init__(self, files: CountingFiles, path: str, descriptor: int) -> None:
        super().__init__(descriptor)
        self._files, self._path = files, path

    def read_at(self, position: int, size: int) -> bytes:
        return self._files.count(self._path, super().read_at(position, size))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten sealed segments of 1 GiB, and one that was being written, whose last batch is cut short."""
    folder = tmp_path_factory.mktemp("large") / "big-0"
    folder.mkdir()
    for number in range(SEGMENTS):
        write_sparse_segment(folder, number * BATCHES)
    tail = bytearray()
    for offset in range(LAST, LAST + TAIL_BATCHES):
        tail += build_batch([Record(Offset(offset), NOW_MS, b"key", b"x" * KIB)], leader_epoch=LeaderEpoch(0))
    stem = folder / segment_name(Offset(LAST))
    stem.with_suffix(".log").write_bytes(tail[:-1])
    stem.with_suffix(".index").write_bytes(bytes(INDEX_BYTES))
    stem.with_suffix(".timeindex").write_bytes(bytes(INDEX_BYTES))
    stem.with_suffix(".snapshot").write_bytes(encode_snapshot([]))
    (folder / "leader-epoch-checkpoint").write_text("0\n1\n0 0\n")
    return folder


def write_sparse_segment(folder: Path, base_offset: int) -> None:
    stem = folder / segment_name(Offset(base_offset))
    header = read_header(build_batch([Record(Offset(base_offset), NOW_MS, None, None)], leader_epoch=LeaderEpoch(0)))
    with stem.with_suffix(".log").open("wb") as log:
        log.truncate(GIB)
        for number in range(BATCHES):
            log.seek(number * BATCH)
            log.write(
                HEADER.pack(
                    *header._replace(base_offset=Offset(base_offset + number), batch_length=BATCH - LOG_OVERHEAD)
                )
            )
    entries = [struct.pack(">II", number, number * BATCH) for number in range(1, BATCHES)]
    stem.with_suffix(".index").write_bytes(b"".join(entries))
    stem.with_suffix(".timeindex").write_bytes(struct.pack(">qI", NOW_MS, 0))
    if base_offset:
        stem.with_suffix(".snapshot").write_bytes(encode_snapshot([]))


def load(folder: Path, *, recovery_point: int, had_clean_shutdown: bool = False) -> tuple[PartitionLog, dict[str, int]]:
    """Open the log and close it again; what was read for it, by kind of file."""
    files = CountingFiles()
    log = load_log(
        files,
        folder,
        TopicPartition("big", 0),
        topic_config(),
        clock=FakeClock(NOW_MS),
        had_clean_shutdown=had_clean_shutdown,
        recovery_point=Offset(recovery_point),
        log_start=Offset(0),
        producer_expiration_ms=Milliseconds(86_400_000),
    )
    read = dict(files.read_bytes)
    log.close()
    log.release()
    return log, read


@pytest.mark.parametrize("recovery_point", [LAST, LAST + 100])
def test_recovery_reads_nothing_that_the_recovery_point_vouches_for(folder: Path, recovery_point: int) -> None:
    tail = size_of_tail(folder)

    log, read = load(folder, recovery_point=recovery_point)

    assert (log.log_start, log.log_end) == (0, LAST + TAIL_BATCHES - 1)
    assert tail <= read[".log"] <= tail + 64 * KIB, "besides the tail: a look at where segments begin and end"
    assert read.get(".index", 0) + read.get(".timeindex", 0) <= 2 * INDEX_BYTES + 64 * KIB
    assert read.get(".snapshot", 0) <= KIB


def test_a_start_after_a_clean_stop_looks_at_the_end_only(folder: Path) -> None:
    load(folder, recovery_point=LAST)

    log, read = load(folder, recovery_point=LAST, had_clean_shutdown=True)

    assert log.log_end == LAST + TAIL_BATCHES - 1
    assert sum(read.values()) <= 128 * KIB


def size_of_tail(folder: Path) -> int:
    return (folder / segment_name(Offset(LAST))).with_suffix(".log").stat().st_size
