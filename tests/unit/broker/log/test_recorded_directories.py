"""Directories that Apache Kafka 3.9 wrote (tests/vectors/disk), opened, read and left again by this broker."""

import filecmp
import json
from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.broker.clock import SystemClock
from pykafka_cli.broker.log.log_manager import LogManager
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.model import BrokerId, TopicPartition
from pykafka_cli.protocol.records import read_marker, read_records, walk
from pykafka_cli.storage import checkpoints
from pykafka_cli.storage.files import DiskFiles
from tests.support.logs import broker_settings, topic_config
from tests.support.recorded_directories import DISK, RECORDED, unpacked

PARTITIONS = [
    *("__consumer_offsets", "__transaction_state", "append-time", "codec-gzip", "codec-lz4", "codec-none"),
    *("codec-snappy", "codec-zstd", "compacted", "deleted-records", "idempotent", "recompressed", "segments"),
    "transactional",
]
TORN = ["torn-crc", "torn-cut", "torn-index", "torn-none", "torn-tail", "torn-zeros"]


async def opened(directory: Path) -> LogManager:
    meta = checkpoints.read_meta_properties(DiskFiles(), str(directory))
    logs = LogManager(
        broker_settings(log_dirs=directory),
        SystemClock(),
        lambda topic: topic_config(**RECORDED),
        broker_id=meta.broker_id if meta else BrokerId(0),
        cluster_id=meta.cluster_id if meta else "recorded",
    )
    await logs.start()
    return logs


def log_of(logs: LogManager, topic: str) -> PartitionLog:
    log = logs.get(TopicPartition(topic, 0))
    assert log is not None
    log.set_high_watermark(log.log_end)
    return log


def consumed(name: str, topic: str, isolation: str) -> dict[str, Any]:
    """What Kafka's own consumer read from a partition."""
    lines = map(json.loads, (DISK / f"{name}.records.jsonl").read_text().splitlines())
    return next(each for each in lines if each["partition"] == f"{topic}-0" and each["isolation"] == isolation)


def consume(log: PartitionLog, isolation: str, max_bytes: int) -> list[dict[str, Any]]:
    """As a consumer does: batches of aborted transactions are left out under read_committed."""
    offset, found = log.log_start, []
    committed = isolation == "read_committed"
    up_to = log.last_stable if committed else log.high_watermark
    aborted = (
        sorted(log.segments.aborted_transactions(offset, up_to), key=lambda each: each.first_offset)
        if committed
        else []
    )
    aborting: set[int] = set()
    while offset < up_to:
        data = log.read(offset, max_bytes=max_bytes, up_to=up_to, min_one_batch=True)
        for position, header in walk(data.records):
            while aborted and aborted[0].first_offset <= header.last_offset:
                aborting.add(aborted.pop(0).producer_id)
            if header.is_control:
                assert read_marker(data.records, position) is not None
                aborting.discard(header.producer_id)
            elif not (header.is_transactional and header.producer_id in aborting):
                found += [each for each in read_records(data.records, position) if each.offset >= offset]
        assert data.next_offset > offset
        offset = data.next_offset
    return [
        {
            "offset": record.offset,
            "timestamp": record.timestamp,
            "key": record.key.hex() if record.key is not None else None,
            "value": record.value.hex() if record.value is not None else None,
            "headers": [[name, None if value is None else value.hex()] for name, value in record.headers],
        }
        for record in found
    ]


def as_told(vector: dict[str, Any], below: int | None = None) -> list[dict[str, Any]]:
    names = ("offset", "timestamp", "key", "value", "headers")
    records = [{name: record[name] for name in names} for record in vector["records"]]
    return [each for each in records if below is None or each["offset"] < below]


@pytest.mark.parametrize("isolation", ["read_uncommitted", "read_committed"])
@pytest.mark.parametrize("max_bytes", [1, 300, 1 << 20])
@pytest.mark.parametrize("topic", PARTITIONS)
async def test_every_record_that_kafkas_consumer_reads_is_read(
    tmp_path: Path, topic: str, max_bytes: int, isolation: str
) -> None:
    logs = await opened(unpacked("clean", tmp_path))
    vector, log = consumed("clean", topic, isolation), log_of(logs, topic)

    assert consume(log, isolation, max_bytes) == as_told(vector)
    assert log.log_start == vector["start"]
    assert (log.last_stable if isolation == "read_committed" else log.log_end) == vector["end"]
    await logs.shutdown()


def different_files(ours: Path, theirs: Path) -> list[str]:
    compared = filecmp.dircmp(ours, theirs)
    differing = filecmp.cmpfiles(ours, theirs, compared.common_files, shallow=False)[1]
    return sorted([*compared.left_only, *compared.right_only, *differing])


@pytest.mark.parametrize("topic", PARTITIONS)
async def test_a_folder_that_was_opened_and_closed_is_the_same_to_the_byte(tmp_path: Path, topic: str) -> None:
    recorded, ours = unpacked("clean", tmp_path / "kafka"), unpacked("clean", tmp_path / "ours")

    await (await opened(ours)).shutdown()

    # Snapshots below the log's start go whenever a log is loaded, in Kafka as well.
    below_start = ["00000000000000000003.snapshot", "00000000000000000006.snapshot"]
    expected = below_start if topic == "deleted-records" else []
    assert different_files(ours / f"{topic}-0", recorded / f"{topic}-0") == expected


async def test_checkpoints_and_marks_say_the_same_as_kafkas(tmp_path: Path) -> None:
    recorded, ours = unpacked("clean", tmp_path / "kafka"), unpacked("clean", tmp_path / "ours")
    logs = await opened(ours)
    assert not (ours / ".kafka_cleanshutdown").exists()

    await logs.shutdown()

    for name in ("recovery-point-offset-checkpoint", "replication-offset-checkpoint", "log-start-offset-checkpoint"):
        assert sorted((ours / name).read_bytes().splitlines()) == sorted((recorded / name).read_bytes().splitlines())
    for name in (".kafka_cleanshutdown", "meta.properties"):
        assert (ours / name).read_bytes() == (recorded / name).read_bytes()


@pytest.mark.parametrize("topic", TORN)
async def test_a_crash_is_recovered_from_as_kafka_does_to_the_byte(tmp_path: Path, topic: str) -> None:
    theirs, ours = unpacked("recovered", tmp_path), unpacked("unclean", tmp_path)

    logs = await opened(ours)
    log = log_of(logs, topic)
    found = consume(log, "read_uncommitted", 1 << 20)
    await logs.shutdown()

    assert found == as_told(consumed("unclean", topic, "read_uncommitted"), below=log.log_end)
    assert different_files(ours / f"{topic}-0", theirs / f"{topic}-0") == []


async def test_a_directory_copied_from_a_running_broker_is_recovered_without_loss(tmp_path: Path) -> None:
    logs = await opened(unpacked("running", tmp_path))

    for topic in PARTITIONS:
        vector = consumed("clean", topic, "read_committed")
        if topic != "compacted":  # which was cleaned in between
            assert consume(log_of(logs, topic), "read_committed", 1 << 20) == as_told(vector)
    await logs.shutdown()


async def test_topic_ids_are_those_of_partition_metadata(tmp_path: Path) -> None:
    logs = await opened(unpacked("clean", tmp_path))

    assert str(log_of(logs, "codec-lz4").topic_id) == "02723017-f7a7-4694-8ba8-f8ead2f3c052"
    await logs.shutdown()
