"""The group coordinator's records in __consumer_offsets: one per committed offset, one per group.

    key     version  fields                                       value, absent in a tombstone
    ------  -------  -------------------------------------------  ----------------------------------
    offset  0, 1     group string, topic string, partition int32  OffsetCommitValue   versions 0 to 4
    group   2        group string                                 GroupMetadataValue  versions 0 to 4

The topic is compacted, so the newest record of a key is the state. The key's version distinguishes the kinds; Kafka 3.9
writes keys 1 and 2 and values of version 3, the last without tagged fields, except that an offset with its own expiry
time (an old client's request) goes into version 1, the only one that has a place for it.

source  the message definitions of Kafka 3.9's group-coordinator; kafka.coordinator.group.GroupMetadataManager
"""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple

from pykafka_cli.broker.coordinator.step import CoordinatorRecord
from pykafka_cli.broker.coordinator.stored_messages import StoredMessage, decode, encode, stored, version_of
from pykafka_cli.model import LeaderEpoch, Offset, Timestamp, TopicPartition
from pykafka_cli.protocol.records.batch import NO_LEADER_EPOCH, NO_TIMESTAMP

_OFFSET_KEY_VERSION = 1
_VALUE_VERSION = 3
_VALUE_START = struct.Struct(">hqih")
_VALUE_END = struct.Struct(">q")
_VALUE_VERSION_WITH_EXPIRY = 1
_GROUP_KEY_VERSION = 2
_KEYS_KEPT = 4096  # a consumer commits for the same few partitions repeatedly


@dataclass(slots=True, kw_only=True)
class OffsetCommitKey(StoredMessage):
    """The key of a committed offset."""

    versions: ClassVar[range] = range(2)
    group: str = stored("string")
    topic: str = stored("string")
    partition: int = stored("int32")


@dataclass(slots=True, kw_only=True)
class OffsetCommitValue(StoredMessage):
    """A committed offset: the next one to read. Timestamps in ms; -1 means none, as for the leader epoch."""

    versions: ClassVar[range] = range(5)
    flexible_from: ClassVar[int] = 4
    offset: Offset = stored("int64")
    leader_epoch: LeaderEpoch = stored("int32", NO_LEADER_EPOCH, versions=(3, 4))
    metadata: str = stored("string")
    commit_timestamp: Timestamp = stored("int64")
    expire_timestamp: Timestamp = stored("int64", NO_TIMESTAMP, versions=(1, 1))


@dataclass(slots=True, kw_only=True)
class GroupMetadataKey(StoredMessage):
    """The key of a group."""

    versions: ClassVar[range] = range(2, 3)
    group: str = stored("string")


@dataclass(slots=True, kw_only=True)
class StoredMember(StoredMessage):
    """A member of a generation. Timeouts in ms; `subscription` is its metadata for the group's protocol."""

    versions: ClassVar[range] = range(5)
    flexible_from: ClassVar[int] = 4
    member_id: str = stored("string")
    group_instance_id: str | None = stored("string", None, versions=(3, 4))
    client_id: str = stored("string")
    client_host: str = stored("string")
    rebalance_timeout: int = stored("int32", -1, versions=(1, 4))
    session_timeout: int = stored("int32")
    subscription: bytes = stored("bytes")
    assignment: bytes = stored("bytes")


@dataclass(slots=True, kw_only=True)
class GroupMetadataValue(StoredMessage):
    """A generation and its members. Without members the group is empty and has neither protocol nor leader."""

    versions: ClassVar[range] = range(5)
    flexible_from: ClassVar[int] = 4
    protocol_type: str = stored("string")
    generation: int = stored("int32")
    protocol: str | None = stored("string")
    leader: str | None = stored("string")
    current_state_timestamp: Timestamp = stored("int64", NO_TIMESTAMP, versions=(2, 4))
    members: tuple[StoredMember, ...] = stored("entity")


_OFFSET_KEYS = tuple(version.to_bytes(2, "big") for version in OffsetCommitKey.versions)


class OffsetEntry(NamedTuple):
    """A record about one committed offset; a `value` of None removes it."""

    group: str
    partition: TopicPartition
    value: OffsetCommitValue | None


class GroupEntry(NamedTuple):
    """A record about one group; a `value` of None removes it."""

    group: str
    value: GroupMetadataValue | None


def offset_record(group: str, partition: TopicPartition, value: OffsetCommitValue) -> CoordinatorRecord:
    """The record of a committed offset."""
    has_expiry = value.expire_timestamp != NO_TIMESTAMP
    data = encode(value, _VALUE_VERSION_WITH_EXPIRY) if has_expiry else _offset_value(value)
    return CoordinatorRecord(_offset_key(group, partition), data)


def offset_tombstone(group: str, partition: TopicPartition) -> CoordinatorRecord:
    """The record that removes a committed offset."""
    return CoordinatorRecord(_offset_key(group, partition), None)


def group_record(group: str, value: GroupMetadataValue) -> CoordinatorRecord:
    """The record of a group's generation."""
    return CoordinatorRecord(encode(GroupMetadataKey(group=group), _GROUP_KEY_VERSION), encode(value, _VALUE_VERSION))


def group_tombstone(group: str) -> CoordinatorRecord:
    """The record that removes a group's generation."""
    return CoordinatorRecord(encode(GroupMetadataKey(group=group), _GROUP_KEY_VERSION), None)


def read_record(record: CoordinatorRecord) -> OffsetEntry | GroupEntry | None:
    """What `record` says; None for a kind of key that Kafka 3.9 does not know (the consumer groups of KIP-848, say).

    raises  UnreadableMessage
    """
    if record.key.startswith(_OFFSET_KEYS):
        group, partition = _read_offset_key(record.key)
        return OffsetEntry(group, partition, None if record.value is None else _read_offset_value(record.value))
    if version_of(record.key) in GroupMetadataKey.versions:
        group = decode(GroupMetadataKey, record.key).group
        return GroupEntry(group, None if record.value is None else decode(GroupMetadataValue, record.value))
    return None


def _offset_value(value: OffsetCommitValue) -> bytes:
    """As `encode` does it in version 3, but with each commit in mind."""
    metadata = value.metadata.encode()
    start = _VALUE_START.pack(_VALUE_VERSION, value.offset, value.leader_epoch, len(metadata))
    return start + metadata + _VALUE_END.pack(value.commit_timestamp)


def _read_offset_value(data: bytes) -> OffsetCommitValue:
    """As `decode` does it, but with each commit in mind: it is replayed as soon as it is stored."""
    end = len(data) - _VALUE_END.size
    if end >= _VALUE_START.size:
        version, offset, leader_epoch, size = _VALUE_START.unpack_from(data)
        if version == _VALUE_VERSION and size == end - _VALUE_START.size:
            try:
                metadata = data[_VALUE_START.size : end].decode()
            except UnicodeDecodeError:
                return decode(OffsetCommitValue, data)  # it says what is wrong
            return OffsetCommitValue(
                offset=offset,
                leader_epoch=leader_epoch,
                metadata=metadata,
                commit_timestamp=_VALUE_END.unpack_from(data, end)[0],
            )
    return decode(OffsetCommitValue, data)


@lru_cache(_KEYS_KEPT)
def _offset_key(group: str, partition: TopicPartition) -> bytes:
    key = OffsetCommitKey(group=group, topic=partition.topic, partition=partition.partition)
    return encode(key, _OFFSET_KEY_VERSION)


@lru_cache(_KEYS_KEPT)
def _read_offset_key(data: bytes) -> tuple[str, TopicPartition]:
    key = decode(OffsetCommitKey, data)
    return key.group, TopicPartition(key.topic, key.partition)
