"""Records of __consumer_offsets, against those that Apache Kafka 3.9.1 wrote."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pykafka_cli.broker.coordinator.group.records import (
    GroupEntry,
    GroupMetadataValue,
    OffsetCommitKey,
    OffsetCommitValue,
    OffsetEntry,
    StoredMember,
    group_record,
    group_tombstone,
    offset_record,
    offset_tombstone,
    read_record,
)
from pykafka_cli.broker.coordinator.step import CoordinatorRecord
from pykafka_cli.broker.coordinator.stored_messages import UnreadableMessage, decode, encode
from pykafka_cli.model import LeaderEpoch, Offset, Timestamp, TopicPartition
from tests.support.vectors import VECTORS


def recorded() -> Iterator[CoordinatorRecord]:
    """Keys and values that Kafka's consumer read from __consumer_offsets."""
    for line in (VECTORS / "disk" / "clean.records.jsonl").open():
        partition = json.loads(line)
        if partition["partition"].startswith("__consumer_offsets") and partition["isolation"] == "read_uncommitted":
            for record in partition["records"]:
                value = record["value"]
                yield CoordinatorRecord(bytes.fromhex(record["key"]), None if value is None else bytes.fromhex(value))


@pytest.mark.parametrize("record", list(recorded()))
def test_what_kafka_wrote_is_written_again_byte_for_byte(record: CoordinatorRecord) -> None:
    match read_record(record):
        case OffsetEntry(group, partition, None):
            again = offset_tombstone(group, partition)
        case OffsetEntry(group, partition, value) if value is not None:
            again = offset_record(group, partition, value)
        case GroupEntry(group, None):
            again = group_tombstone(group)
        case GroupEntry(group, value) if value is not None:
            again = group_record(group, value)
        case other:
            raise AssertionError(other)

    assert again == record


OFFSET = OffsetCommitValue(
    offset=Offset(42),
    leader_epoch=LeaderEpoch(3),
    metadata="note",
    commit_timestamp=Timestamp(7),
    expire_timestamp=Timestamp(9),
)
# Laid out by hand after OffsetCommitValue.json.
OFFSET_VERSIONS = {
    0: "0000000000000000002a00046e6f74650000000000000007",
    1: "0001000000000000002a00046e6f746500000000000000070000000000000009",
    2: "0002000000000000002a00046e6f74650000000000000007",
    3: "0003000000000000002a0000000300046e6f74650000000000000007",
    4: "0004000000000000002a00000003056e6f7465000000000000000700",
}


@pytest.mark.parametrize("version", OFFSET_VERSIONS)
def test_an_offset_has_its_layout_in_each_version(version: int) -> None:
    data = bytes.fromhex(OFFSET_VERSIONS[version])

    assert encode(OFFSET, version) == data
    value = decode(OffsetCommitValue, data)
    assert (value.offset, value.metadata, value.commit_timestamp) == (42, "note", 7)
    assert value.leader_epoch == (3 if version >= 3 else -1)
    assert value.expire_timestamp == (9 if version == 1 else -1)


def test_an_offset_with_an_expiry_time_goes_into_the_version_that_has_one() -> None:
    record = offset_record("g", TopicPartition("t", 1), OFFSET)

    assert record.value is not None
    assert record.value[:2] == b"\x00\x01"


GROUP = GroupMetadataValue(
    protocol_type="c",
    generation=2,
    protocol="r",
    leader="m",
    current_state_timestamp=Timestamp(7),
    members=(
        StoredMember(
            member_id="m",
            group_instance_id="i",
            client_id="c",
            client_host="h",
            rebalance_timeout=5,
            session_timeout=6,
            subscription=b"s",
            assignment=b"a",
        ),
    ),
)
_HEAD = "0001630000000200017200016d"
_TIME = "0000000000000007"
_TAIL = "0000000600000001730000000161"
# Laid out by hand after GroupMetadataValue.json.
GROUP_VERSIONS = {
    0: "0000" + _HEAD + "0000000100016d000163000168" + _TAIL,
    1: "0001" + _HEAD + "0000000100016d00016300016800000005" + _TAIL,
    2: "0002" + _HEAD + _TIME + "0000000100016d00016300016800000005" + _TAIL,
    3: "0003" + _HEAD + _TIME + "0000000100016d00016900016300016800000005" + _TAIL,
    4: "00040263000000020272026d" + _TIME + "02026d0269026302680000000500000006027302610000",
}


@pytest.mark.parametrize("version", GROUP_VERSIONS)
def test_a_group_has_its_layout_in_each_version(version: int) -> None:
    data = bytes.fromhex(GROUP_VERSIONS[version])

    assert encode(GROUP, version) == data
    value = decode(GroupMetadataValue, data)
    (member,) = value.members
    assert (value.generation, value.protocol, member.subscription, member.assignment) == (2, "r", b"s", b"a")
    assert value.current_state_timestamp == (7 if version >= 2 else -1)
    assert member.rebalance_timeout == (5 if version >= 1 else -1)
    assert member.group_instance_id == ("i" if version >= 3 else None)


@pytest.mark.parametrize("version", [0, 1])
def test_both_versions_of_an_offset_s_key_are_read(version: int) -> None:
    key = encode(OffsetCommitKey(group="g", topic="t", partition=4), version)

    assert read_record(CoordinatorRecord(key, None)) == OffsetEntry("g", TopicPartition("t", 4), None)


def test_keys_of_groups_that_only_newer_brokers_have_are_passed_over() -> None:
    assert read_record(CoordinatorRecord(bytes.fromhex("0003000167"), b"anything")) is None


@pytest.mark.parametrize(
    "record",
    [
        CoordinatorRecord(b"", None),
        CoordinatorRecord(b"\x00", None),
        CoordinatorRecord(b"\x00\x01\x00\x05g", None),
        CoordinatorRecord(bytes.fromhex("000100016700017400000000"), b""),
        CoordinatorRecord(bytes.fromhex("000100016700017400000000"), bytes.fromhex("0005") + bytes(40)),
        CoordinatorRecord(bytes.fromhex("0002000167"), bytes.fromhex("00030001")),
    ],
)
def test_bytes_that_are_no_record_are_named_as_such(record: CoordinatorRecord) -> None:
    with pytest.raises(UnreadableMessage):
        read_record(record)


def test_an_offset_of_version_3_is_written_and_read_as_kio_does() -> None:
    value = replace(OFFSET, expire_timestamp=Timestamp(-1), metadata="n\u00f6te")

    record = offset_record("g", TopicPartition("t", 1), value)

    assert record.value == encode(value, 3)
    assert read_record(record) == OffsetEntry("g", TopicPartition("t", 1), value)
    assert read_record(record._replace(value=encode(value, 3) + b"behind")) == OffsetEntry(
        "g", TopicPartition("t", 1), value
    )


@pytest.mark.parametrize("size", [5, 0x7FFF])
def test_an_offset_whose_metadata_does_not_fit_is_unreadable(size: int) -> None:
    record = offset_record("g", TopicPartition("t", 1), replace(OFFSET, expire_timestamp=Timestamp(-1)))
    assert record.value is not None

    with pytest.raises(UnreadableMessage):
        read_record(record._replace(value=record.value[:14] + size.to_bytes(2, "big") + record.value[16:]))


def test_an_offset_whose_metadata_is_not_utf_8_is_unreadable() -> None:
    record = offset_record("g", TopicPartition("t", 1), replace(OFFSET, expire_timestamp=Timestamp(-1)))
    assert record.value is not None

    with pytest.raises(UnreadableMessage):
        read_record(record._replace(value=record.value.replace(b"note", b"\xffote")))
