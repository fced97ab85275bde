"""Apache Kafka's own kafka-dump-log.sh reads the files that this broker writes.

For each batch it says whether the checksum is right, and of an index it lists the entries that do not fit the log.
"""

import asyncio
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.broker.log.cleaner import LogCleaner
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.broker.log.recovery import load_log
from pykafka_cli.model import LeaderEpoch, Milliseconds, Offset, Timestamp, TopicPartition
from pykafka_cli.protocol.records import Compression, ControlType, Record, build_batch
from pykafka_cli.storage.files import DiskFiles
from tests.fakes.clock import FakeClock
from tests.support.coordinator_peer import OFFSETS, Peer
from tests.support.dump_log_runs import command_lines, differences, kafka_dumps, pk_dump
from tests.support.logs import NOW_MS, batch, broker_settings, marker, read_all, sequenced, topic_config
from tests.support.peers import java, kafka_classpath


def new_log(folder: Path, **keys: object) -> PartitionLog:
    folder.mkdir()
    return load_log(
        DiskFiles(),
        folder,
        TopicPartition("orders", 0),
        topic_config(index_interval_bytes=0, **keys),
        clock=FakeClock(NOW_MS),
        had_clean_shutdown=True,
        recovery_point=Offset(0),
        log_start=Offset(0),
        producer_expiration_ms=Milliseconds(86_400_000),
    )


def lead(log: PartitionLog, data: bytearray, origin: AppendOrigin = AppendOrigin.CLIENT) -> None:
    log.append_as_leader(data, leader_epoch=LeaderEpoch(3), now_ms=NOW_MS, origin=origin)


def dump(folder: Path, *suffixes: str, options: Sequence[str] = ()) -> str:
    """What kafka-dump-log.sh prints of a folder's files."""
    files = sorted(str(path) for path in folder.iterdir() if path.suffix in suffixes)
    command = [java(), "-cp", kafka_classpath(), "kafka.tools.DumpLogSegments", "--deep-iteration", "--print-data-log"]
    done = subprocess.run([*command, *options, "--files", ",".join(files)], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def close(log: PartitionLog) -> None:
    log.close()
    log.begin_flush().run()
    log.release()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of batch, over several segments."""
    folder = tmp_path_factory.mktemp("logs") / "orders-0"
    log = new_log(folder, segment_bytes=900)
    for codec in Compression:
        lead(log, batch(*(b"value %d " % number * 30 for number in range(3)), compression=codec))
    lead(log, sequenced(b"idempotent", sequence=0, producer=5))
    for number, kind in enumerate(ControlType):
        lead(log, sequenced(b"transactional", sequence=number, transactional=True))
        lead(log, marker(kind), AppendOrigin.COORDINATOR)
    lead(log, sequenced(b"open", sequence=2, transactional=True))
    log.config = topic_config(message_timestamp_type="LogAppendTime", compression_type="zstd", index_interval_bytes=0)
    lead(log, build_batch([Record(Offset(0), Timestamp(5), None, None, (("h", b"x"), ("n", None)))]))
    close(log)
    return folder


def test_kafka_finds_every_batch_sound_and_every_record(written: Path) -> None:
    printed = dump(written, ".log")

    batches = re.findall(r"^baseOffset: .*isvalid: (\w+)", printed, re.MULTILINE)
    offsets = [int(offset) for offset in re.findall(r"^\| offset: (\d+) ", printed, re.MULTILINE)]
    assert len(batches) == 12
    assert set(batches) == {"true"}
    assert offsets == list(range(22))
    assert printed.count("payload: value 2 ") == 5
    assert "partitionLeaderEpoch: 3" in printed
    assert "endTxnMarker: ABORT coordinatorEpoch: 0" in printed
    assert f"LogAppendTime: {NOW_MS}" in printed
    assert "headerKeys: [h,n]" in printed


def test_kafka_finds_every_index_entry_in_the_log(written: Path) -> None:
    printed = dump(written, ".index", ".timeindex")

    assert len(re.findall(r"^offset: \d+ position: \d+", printed, re.MULTILINE)) >= 6
    assert len(re.findall(r"^timestamp: \d+ offset: \d+", printed, re.MULTILINE)) >= 3
    assert "Mismatches" not in printed
    assert "not found" not in printed


def test_kafka_reads_aborted_transactions_and_producers(written: Path) -> None:
    printed = dump(written, ".txnindex", ".snapshot")

    assert "version: 0 producerId: 7 firstOffset: 16 lastOffset: 17 lastStableOffset: 18" in printed
    newest = printed.split("Dumping ")[-1]
    assert "producerId: 5" in newest
    assert re.search(r"producerId: 7 .*currentTxnFirstOffset: OptionalLong\[20\]", newest)


async def test_kafka_reads_what_the_cleaner_leaves(tmp_path: Path) -> None:
    folder = tmp_path / "compacted-0"
    log = new_log(folder, cleanup_policy="compact", min_cleanable_dirty_ratio=0)
    for number in range(4):
        pairs = ((b"a", b"%d" % number), (b"b", None), (b"c%d" % number, b"x" * 50))
        codec = Compression.LZ4 if number % 2 else Compression.NONE
        lead(log, build_batch([Record(Offset(at), NOW_MS, *pair) for at, pair in enumerate(pairs)], compression=codec))
    lead(log, sequenced(b"kept for its sequence", sequence=0))
    lead(log, batch(b"newer"))
    log.roll()
    log.set_high_watermark(log.log_end)

    async def at_once(action: Callable[[], Any]) -> Any:
        return action()

    cleaner = LogCleaner(broker_settings(), FakeClock(NOW_MS), DiskFiles(), at_once)
    assert await cleaner.clean_dirtiest([log])
    expected = [record.offset for record in read_all(log)]
    close(log)

    printed = dump(folder, ".log", ".index", ".timeindex")
    assert [int(offset) for offset in re.findall(r"^\| offset: (\d+) ", printed, re.MULTILINE)] == expected
    assert set(re.findall(r"isvalid: (\w+)", printed)) == {"true"}
    assert f"deleteHorizonMs: OptionalLong[{NOW_MS + 86_400_000}]" in printed
    assert "lastOffset: 12 count: 0 baseSequence: 0 lastSequence: 0 producerId: 7" in printed
    assert "Mismatches" not in printed


def test_pk_prints_the_same_of_these_files(written: Path) -> None:
    commands = list(command_lines(written))

    dumps = kafka_dumps(commands, written)
    found = [
        each
        for words, owed in zip(commands, dumps, strict=True)
        for each in differences(words, owed, pk_dump(words, written))
    ]
    assert not found


async def test_kafka_decodes_the_commits_of_several_groups_in_one_batch(tmp_path: Path) -> None:
    peer = Peer()
    await peer.start()
    await asyncio.gather(*(peer.commit(number, f"group-{number}") for number in range(3)))
    log = new_log(tmp_path / "__consumer_offsets-0")
    lead(log, bytearray(peer.writer.log(OFFSETS)), AppendOrigin.COORDINATOR)
    close(log)

    printed = dump(log.directory, ".log", options=["--offsets-decoder"])

    assert re.findall(r"baseOffset: (\d+) lastOffset: (\d+) count: (\d+)", printed) == [("0", "2", "3")]
    assert "isvalid: true" in printed
    for number in range(3):
        (line,) = (line for line in printed.splitlines() if f'"group":"group-{number}"' in line)
        assert f"offset: {number} " in line
        assert f'"offset":{number},' in line
