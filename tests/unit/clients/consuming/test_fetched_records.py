"""Fetched bytes to records, compared with what Kafka's own consumer read from a directory of Apache Kafka 3.9.1."""

import json
import struct
import tarfile
from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.clients.consuming.fetched_records import AbortedTransaction, decode
from pykafka_cli.clients.group_offsets import Position
from pykafka_cli.model import (
    CoordinatorEpoch,
    LeaderEpoch,
    Offset,
    ProducerEpoch,
    ProducerId,
    Timestamp,
    TopicPartition,
)
from pykafka_cli.protocol.records.batch import Compression, CorruptRecords
from pykafka_cli.protocol.records.control import ControlType, build_marker
from pykafka_cli.protocol.records.record import Record, build_batch
from tests.support.false_batches import field, record, sealed, varint

DISK = Path(__file__).parents[3] / "vectors" / "disk"
READ: list[dict[str, Any]] = [json.loads(line) for line in (DISK / "clean.records.jsonl").read_text().splitlines()]
T = TopicPartition("t", 0)


@pytest.fixture(scope="module")
def stored() -> dict[str, bytes]:
    """Contents of the recorded directory, by PARTITION/FILE."""
    with tarfile.open(DISK / "clean.tar.gz") as archive:
        return {
            "/".join(Path(member.name).parts[-2:]): archive.extractfile(member).read()
            for member in archive.getmembers()
            if member.isfile()
        }


def in_hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()


def segments(stored: dict[str, bytes], partition: str, suffix: str) -> bytes:
    names = sorted(name for name in stored if name.startswith(f"{partition}/") and name.endswith(suffix))
    return b"".join(stored[name] for name in names)


@pytest.mark.parametrize("line", READ, ids=lambda line: f"{line['partition']}-{line['isolation']}")
def test_what_kafkas_consumer_read_is_what_is_decoded(stored: dict[str, bytes], line: dict[str, Any]) -> None:
    topic, _, index = line["partition"].rpartition("-")
    aborted = []
    if line["isolation"] == "read_committed":  # version, producer id, first, last, last stable offset
        entries = struct.iter_unpack(">hqqqq", segments(stored, line["partition"], ".txnindex"))
        aborted = [AbortedTransaction(producer, first) for _, producer, first, _, _ in entries]

    fetched = decode(
        TopicPartition(topic, int(index)), segments(stored, line["partition"], ".log"), line["start"], aborted
    )

    below_end = [record for record in fetched.records if record.offset < line["end"]]
    assert [
        (
            record.offset,
            record.timestamp,
            "LogAppendTime" if record.timestamp_type else "CreateTime",
            in_hex(record.key),
            in_hex(record.value),
            [[name, in_hex(value)] for name, value in record.headers],
        )
        for record in below_end
    ] == [
        (
            expected["offset"],
            expected["timestamp"],
            expected["timestampType"],
            expected["key"],
            expected["value"],
            [list(header) for header in expected["headers"]],
        )
        for expected in line["records"]
    ]
    assert fetched.next.offset >= line["end"]


def batch(
    first: int, *values: bytes, epoch: int = 0, producer: int = -1, compression: Compression = Compression.NONE
) -> bytes:
    records = [Record(Offset(first + position), Timestamp(1), None, value) for position, value in enumerate(values)]
    settings: dict[str, Any] = {"leader_epoch": epoch, "compression": compression}
    if producer >= 0:
        settings |= {"producer_id": producer, "producer_epoch": 0, "base_sequence": 0, "transactional": True}
    return bytes(build_batch(records, **settings))


def marker(offset: int, producer: int, kind: ControlType) -> bytes:
    data = build_marker(
        kind,
        producer_id=ProducerId(producer),
        producer_epoch=ProducerEpoch(0),
        coordinator_epoch=CoordinatorEpoch(0),
        timestamp=Timestamp(1),
    )
    struct.pack_into(">q", data, 0, offset)
    return bytes(data)


def values(data: bytes, fetch_offset: int = 0, aborted: list[AbortedTransaction] | None = None) -> list[bytes | None]:
    return [record.value for record in decode(T, data, Offset(fetch_offset), aborted or []).records]


@pytest.mark.parametrize("compression", list(Compression))
def test_a_batch_that_begins_too_early_is_cut(compression: Compression) -> None:
    data = batch(0, b"a", b"b", compression=compression) + batch(2, b"c", b"d", b"e", compression=compression)

    assert values(data, fetch_offset=3) == [b"d", b"e"]


def test_a_batch_that_is_cut_short_waits_for_the_next_fetch() -> None:
    fetched = decode(T, batch(0, b"a") + batch(1, b"b")[:-1], Offset(0))

    assert [record.value for record in fetched.records] == [b"a"]
    assert fetched.next == Position(Offset(1), LeaderEpoch(0))


def test_aborted_records_are_seen_only_by_those_who_read_everything() -> None:
    data = (
        batch(0, b"committed", producer=1)
        + batch(1, b"aborted", producer=2)
        + batch(2, b"plain")
        + marker(3, 2, ControlType.ABORT)
        + batch(4, b"later", producer=2)
        + marker(5, 1, ControlType.COMMIT)
    )

    assert values(data) == [b"committed", b"aborted", b"plain", b"later"]
    assert values(data, aborted=[AbortedTransaction(ProducerId(2), Offset(1))]) == [b"committed", b"plain", b"later"]


def test_control_records_move_the_position() -> None:
    fetched = decode(T, marker(7, 1, ControlType.COMMIT), Offset(7))

    assert (fetched.records, fetched.next.offset) == ([], 8)


def test_the_position_lies_behind_what_was_used() -> None:
    fetched = decode(T, batch(3, b"a", b"b", epoch=4) + batch(9, b"c", epoch=5), Offset(3))

    assert [fetched.position_after(count) for count in range(4)] == [
        Position(Offset(3)),
        Position(Offset(4), LeaderEpoch(4)),
        Position(Offset(5), LeaderEpoch(4)),
        Position(Offset(10), LeaderEpoch(5)),
    ]


def test_a_wrong_checksum_is_noticed_unless_nobody_asked() -> None:
    data = bytearray(batch(0, b"abc"))
    data[-2] ^= 1

    with pytest.raises(CorruptRecords, match="t-0 at offset 0"):
        decode(T, bytes(data), Offset(0))
    assert len(decode(T, bytes(data), Offset(0), check_crcs=False).records) == 1


def test_nothing_fetched_is_nothing() -> None:
    assert decode(T, b"", Offset(5)) == (T, [], Position(Offset(5)), ())


def test_a_header_key_that_is_not_utf_8_is_read_as_java_reads_it() -> None:
    sound = build_batch([Record(Offset(0), Timestamp(1), b"k", b"v")])
    false = sealed(record(headers=varint(1) + field(b"\xffh") + field(b"x")) + record(1, value=field(b"next")), count=2)

    found = decode(T, bytes(sound + false), Offset(0)).records

    assert [(each.value, list(each.headers)) for each in found] == [
        (b"v", []), (b"value", [("\ufffdh", b"x")]), (b"next", [])
    ]  # fmt: skip
    assert found[1].timestamp_type == 0
