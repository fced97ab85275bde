"""OffsetCommit (key 8), versions 0-9: requests read.

    request   group, [v1] generation int32, member, [v7] instance id, [v2 to v4] retention time int64 (ms),
              topics: name, partitions: index int32, offset int64, [v6] leader epoch int32,
              [v1 alone] commit timestamp int64 (ms), metadata

flexible from v8 on. source: OffsetCommitRequest.json of Kafka 3.9; KIP-345 (v7).
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pykafka_cli.model import LeaderEpoch, Offset, Timestamp
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.hot_path.wire import COMPACT, INT32, LEGACY, Cursor, required
from pykafka_cli.protocol.records.batch import NO_LEADER_EPOCH, NO_TIMESTAMP

API_KEY = ApiKey.OFFSET_COMMIT
FLEXIBLE_FROM = 8
NO_GENERATION = -1
_SHORT = 64 * 1024

_PARTITION = struct.Struct(">iqi")
_PARTITION_TO_V5 = struct.Struct(">iq")
_PARTITION_V1 = struct.Struct(">iqq")


@dataclass(slots=True)
class OffsetCommitPartition:
    """commit_timestamp: -1 for that of the broker."""

    partition_index: int
    committed_offset: Offset
    committed_leader_epoch: LeaderEpoch
    committed_metadata: str | None
    commit_timestamp: Timestamp = NO_TIMESTAMP


@dataclass(slots=True)
class OffsetCommitTopic:
    name: str
    partitions: Sequence[OffsetCommitPartition]


@dataclass(slots=True)
class OffsetCommitRequest:
    """generation_id_or_member_epoch: -1 from clients that are not members."""

    group_id: str
    generation_id_or_member_epoch: int
    member_id: str
    group_instance_id: str | None
    topics: Sequence[OffsetCommitTopic]


def _partition(cursor: Cursor, version: int, read_string: Callable[[Cursor], str | None]) -> OffsetCommitPartition:
    leader_epoch, commit_timestamp = NO_LEADER_EPOCH, NO_TIMESTAMP
    if version >= 6:
        index, offset, leader_epoch = cursor.unpack(_PARTITION)
    elif version == 1:
        index, offset, commit_timestamp = cursor.unpack(_PARTITION_V1)
    else:
        index, offset = cursor.unpack(_PARTITION_TO_V5)
    return OffsetCommitPartition(index, offset, leader_epoch, read_string(cursor), commit_timestamp)


def decode_request(data: memoryview, position: int, version: int) -> OffsetCommitRequest:
    """The request whose body begins at `position`; raises ProtocolError."""
    if version >= FLEXIBLE_FROM and len(data) <= _SHORT:
        try:
            return _decode_usual(bytes(data), position)
        except (_Unusual, IndexError, struct.error, UnicodeDecodeError):
            pass  # what is wrong with it, or that nothing is, the other finds out
    return decode_any(data, position, version)


class _Unusual(Exception):
    """Consumers rarely write a request like this, if it is one at all."""


def _decode_usual(data: bytes, at: int) -> OffsetCommitRequest:
    """A request of flexible versions as consumers write it: strings and arrays are short, and nothing is tagged.

    raises  _Unusual, IndexError, struct.error, UnicodeDecodeError for others
    """
    group_id, at = _short_string(data, at)
    generation = INT32.unpack_from(data, at)[0]
    member_id, at = _short_string(data, at + INT32.size)
    group_instance_id, at = _short_string(data, at)
    if group_id is None or member_id is None:
        raise _Unusual
    topics = []
    topic_count, at = _short_count(data, at)
    for _ in range(topic_count):
        name, at = _short_string(data, at)
        if name is None:
            raise _Unusual
        partitions = []
        partition_count, at = _short_count(data, at)
        for _ in range(partition_count):
            index, offset, leader_epoch = _PARTITION.unpack_from(data, at)
            metadata, at = _short_string(data, at + _PARTITION.size)
            partitions.append(OffsetCommitPartition(index, offset, leader_epoch, metadata))
            at = _end(data, at)
        topics.append(OffsetCommitTopic(name, partitions))
        at = _end(data, at)
    _end(data, at)
    return OffsetCommitRequest(group_id, generation, member_id, group_instance_id, topics)


def _short_string(data: bytes, at: int) -> tuple[str | None, int]:
    """The string, and the position after it: behind the data if it does not end there."""
    size = data[at]
    if size > 0x7F:
        raise _Unusual
    end = at + size
    return (data[at + 1 : end].decode(), end) if size else (None, at + 1)


def _short_count(data: bytes, at: int) -> tuple[int, int]:
    count = data[at]
    if count > 0x7F:
        raise _Unusual
    return count - 1, at + 1


def _end(data: bytes, at: int) -> int:
    """The position after a structure without tagged fields."""
    if data[at]:
        raise _Unusual
    return at + 1


def decode_any(data: memoryview, position: int, version: int) -> OffsetCommitRequest:
    """Decode requests of all versions and sizes, and report what is wrong with invalid ones."""
    cursor = Cursor(data, position)
    read = COMPACT if version >= FLEXIBLE_FROM else LEGACY
    group_id = required(read.string(cursor))
    generation, member_id, group_instance_id = NO_GENERATION, "", None
    if version >= 1:
        generation, member_id = cursor.int32(), required(read.string(cursor))
    if version >= 7:
        group_instance_id = read.string(cursor)
    if 2 <= version <= 4:
        cursor.int64()
    topics = []
    for _ in range(read.count(cursor)):
        name = required(read.string(cursor))
        partitions = []
        for _ in range(read.count(cursor)):
            partitions.append(_partition(cursor, version, read.string))
            read.tags(cursor)
        read.tags(cursor)
        topics.append(OffsetCommitTopic(name, partitions))
    read.tags(cursor)
    return OffsetCommitRequest(group_id, generation, member_id, group_instance_id, topics)
