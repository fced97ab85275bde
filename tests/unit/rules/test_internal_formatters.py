"""Printed __consumer_offsets and __transaction_state, against the log directories that Apache Kafka 3.9.1 wrote."""

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.model import FIRST_OFFSET, Offset, Timestamp
from pykafka_cli.protocol.stored_messages import UnreadableRecord
from pykafka_cli.rules.formatters import formatter
from pykafka_cli.rules.internal_topics import OFFSET_COMMIT_VALUE, read, version_of

VECTORS = Path(__file__).parents[2] / "vectors" / "disk"
NEW = "org.apache.kafka.tools.consumer."
OLD_OFFSETS = "kafka.coordinator.group.GroupMetadataManager$OffsetsMessageFormatter"
OLD_GROUPS = "kafka.coordinator.group.GroupMetadataManager$GroupMetadataMessageFormatter"
OLD_TRANSACTIONS = "kafka.coordinator.transaction.TransactionLog$TransactionLogMessageFormatter"


SENT_AT = Timestamp(0)


@dataclass
class Record:
    key: bytes | None
    value: bytes | None
    offset: Offset = FIRST_OFFSET
    timestamp: Timestamp = SENT_AT
    timestamp_type: int = 0
    headers: tuple[tuple[str, bytes | None], ...] = ()


def unhexed(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def text(content: str) -> bytes:
    return struct.pack(">h", len(content)) + content.encode()


def stored(topic: str) -> list[Record]:
    """The records of an internal topic in the recorded directory."""
    found: list[Record] = []
    for line in (VECTORS / "clean.records.jsonl").read_text().splitlines():
        partition = json.loads(line)
        if partition.get("topic", partition.get("partition", "")).startswith(topic):
            found += [Record(unhexed(record["key"]), unhexed(record["value"])) for record in partition["records"]]
    return found


OFFSET_KEY = struct.pack(">h", 1) + text("g1") + text("t1") + struct.pack(">i", 0)
OFFSET_VALUE = struct.pack(">hqi", 3, 2, -1) + text("") + struct.pack(">q", 1700000000000)
GROUP_KEY = struct.pack(">h", 2) + text("g1")


def printed(name: str, *records: Record) -> str:
    return formatter(name, {}).render("__consumer_offsets", 0, records).decode()


def test_offsets_are_objects_one_after_the_other() -> None:
    two = printed(NEW + "OffsetsMessageFormatter", Record(OFFSET_KEY, OFFSET_VALUE), Record(OFFSET_KEY, None))

    assert two == (
        '{"key":{"version":1,"data":{"group":"g1","topic":"t1","partition":0}},'
        '"value":{"version":3,"data":{"offset":2,"leaderEpoch":-1,"metadata":"","commitTimestamp":1700000000000}}}'
        '{"key":{"version":1,"data":{"group":"g1","topic":"t1","partition":0}},"value":null}'
    )


def test_records_of_the_other_kind_are_left_out() -> None:
    records = [Record(GROUP_KEY, None), Record(OFFSET_KEY, None)]

    assert "g1" in printed(NEW + "OffsetsMessageFormatter", *records[1:])
    assert printed(NEW + "OffsetsMessageFormatter", *records[:1]) == printed(OLD_OFFSETS, *records[:1]) == ""
    assert printed(NEW + "GroupMetadataMessageFormatter", *records[1:]) == printed(OLD_GROUPS, *records[1:]) == ""


def test_unknown_versions_are_said_to_be_unknown() -> None:
    record = Record(struct.pack(">h", 9) + b"x", struct.pack(">h", 9))

    assert json.loads(printed(NEW + "OffsetsMessageFormatter", record)) == {
        "key": {"version": 9, "data": "unknown"},
        "value": {"version": 9, "data": "unknown"},
    }


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (
            OFFSET_VALUE,
            "offset=2, leaderEpoch=Optional.empty, metadata=, commitTimestamp=1700000000000, expireTimestamp=None",
        ),
        (
            struct.pack(">hqi", 3, 2, 0) + text("m") + struct.pack(">q", 7),
            "offset=2, leaderEpoch=Optional[0], metadata=m, commitTimestamp=7, expireTimestamp=None",
        ),
        (
            struct.pack(">hq", 1, 2) + text("m") + struct.pack(">qq", 7, 9),
            "offset=2, leaderEpoch=Optional.empty, metadata=m, commitTimestamp=7, expireTimestamp=Some(9)",
        ),
    ],
)
def test_the_old_name_prints_offsets_as_a_line(value: bytes, line: str) -> None:
    assert printed(OLD_OFFSETS, Record(OFFSET_KEY, value)) == f"[g1,t1,0]::OffsetAndMetadata({line})\n"


def test_a_deleted_offset_is_null_under_the_old_name() -> None:
    assert printed(OLD_OFFSETS, Record(OFFSET_KEY, None)) == "[g1,t1,0]::NULL\n"


def test_groups_have_their_members() -> None:
    member = text("m-1") + text("i-1") + text("c") + text("/127.0.0.1") + struct.pack(">ii", 300000, 45000)
    member += struct.pack(">i", 2) + b"\0\1" + struct.pack(">i", 1) + b"\2"
    value = struct.pack(">h", 3) + text("consumer") + struct.pack(">i", 5) + text("range") + text("m-1")
    value += struct.pack(">qi", 1700000000000, 1) + member

    document = json.loads(printed(NEW + "GroupMetadataMessageFormatter", Record(GROUP_KEY, value)))

    assert document["key"] == {"version": 2, "data": {"group": "g1"}}
    assert document["value"]["data"] == {
        "protocolType": "consumer", "generation": 5, "protocol": "range", "leader": "m-1",
        "currentStateTimestamp": 1700000000000,
        "members": [{
            "memberId": "m-1", "groupInstanceId": "i-1", "clientId": "c", "clientHost": "/127.0.0.1",
            "rebalanceTimeout": 300000, "sessionTimeout": 45000, "subscription": "AAE=", "assignment": "Ag==",
        }],
    }  # fmt: skip
    assert printed(OLD_GROUPS, Record(GROUP_KEY, value)) == (
        "g1::GroupMetadata(groupId=g1, generation=5, protocolType=Some(consumer), currentState=Stable, members=HashMap("
        "m-1 -> MemberMetadata(memberId=m-1, groupInstanceId=Some(i-1), clientId=c, clientHost=/127.0.0.1, "
        "sessionTimeoutMs=45000, rebalanceTimeoutMs=300000, supportedProtocols=List(range))))\n"
    )


def test_what_kafka_stored_for_its_groups_can_be_printed() -> None:
    records = stored("__consumer_offsets")
    names = [OLD_OFFSETS, OLD_GROUPS]

    lines = [line for name in names for line in printed(name, *records).splitlines()]

    assert len(lines) == len(records) > 10
    assert not [line for line in lines if "unknown" in line]


def test_what_kafka_stored_for_its_transactions_can_be_printed() -> None:
    records = stored("__transaction_state")

    lines = printed(OLD_TRANSACTIONS, *records).splitlines()

    assert len(lines) == len(records) > 3
    assert any("state=CompleteCommit" in line for line in lines)
    assert '"data":"unknown"' not in printed(NEW + "TransactionLogMessageFormatter", *records)


def test_flexible_versions_have_compact_lengths_and_tagged_fields() -> None:
    value = struct.pack(">hqi", 4, 2, 7) + b"\x02m" + struct.pack(">q", 9) + b"\x01\x00\x03abc"

    assert read(OFFSET_COMMIT_VALUE, value) == {"offset": 2, "leaderEpoch": 7, "metadata": "m", "commitTimestamp": 9}


@given(st.binary(max_size=40), st.sampled_from([NEW + "OffsetsMessageFormatter", OLD_GROUPS, OLD_TRANSACTIONS]))
def test_any_bytes_are_printed_or_rejected(data: bytes, name: str) -> None:
    try:
        printed(name, Record(data, data))
    except UnreadableRecord:
        assert len(data) < 2 or version_of(data) in range(5)
