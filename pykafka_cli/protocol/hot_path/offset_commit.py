"""OffsetCommit (key 8), versions 0-9: requests read.

    request   group, [v1] generation int32, member, [v7] instance id, [v2 to v4] retention time int64 (ms),
              topics: name, partitions: index int32, offset int64, [v6] leader epoch int32,
              [v1 alone] commit timestamp int64 (ms), metadata

flexible from v8 on. source: OffsetCommitRequest.json of Kafka 3.9; KIP-345 (v7).
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pykafka_cli.model import LeaderEpoch, Offset, Timestamp
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.hot_path.wire import COMPACT, INT32, LEGACY, Cursor, required
from pykafka_cli.protocol.records.batch import NO_LEADER_EPOCH, NO_TIMESTAMP

API_KEY = ApiKey.OFFSET_COMMIT
FLEXIBLE_FROM = 8
NO_GENERATION = -1
_SHORT = 64 * 1024
_LONGEST = 0x7F  # the largest size or count in one byte
_COMMITTERS_KEPT = 1024

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

    So a single byte says where a string ends or how many elements an array has, one more than its size.
    raises  _Unusual, IndexError, struct.error, UnicodeDecodeError for others
    """
    member_at = at + data[at] + INT32.size
    instance_at = member_at + data[member_at]
    topics_at = instance_at + (data[instance_at] or 1)
    committer = _committer(data[at:topics_at])
    topic_count, at = data[topics_at], topics_at + 1
    topics = []
    for _ in range(topic_count - 1):
        name_size = data[at]
        partitions_at = at + name_size
        partition_count = data[partitions_at]
        if not name_size or name_size | partition_count > _LONGEST:
            raise _Unusual
        name, at = data[at + 1 : partitions_at].decode(), partitions_at + 1
        partitions = []
        for _ in range(partition_count - 1):
            index, offset, leader_epoch = _PARTITION.unpack_from(data, at)
            metadata_at = at + _PARTITION.size
            size = data[metadata_at]
            end = metadata_at + (size or 1)
            if size > _LONGEST or data[end]:
                raise _Unusual
            metadata = data[metadata_at + 1 : end].decode() if size else None
            partitions.append(OffsetCommitPartition(index, offset, leader_epoch, metadata))
            at = end + 1
        if data[at]:
            raise _Unusual
        topics.append(OffsetCommitTopic(name, partitions))
        at += 1
    if topic_count > _LONGEST or data[at]:
        raise _Unusual
    return OffsetCommitRequest(*committer, topics)


@lru_cache(_COMMITTERS_KEPT)
def _committer(data: bytes) -> tuple[str, int, str, str | None]:
    """Group id, generation, member id and instance id, which a consumer repeats in each request."""
    member_at = data[0] + INT32.size
    instance_at = member_at + data[member_at]
    sizes = (data[0], data[member_at], data[instance_at])
    if 0 in sizes[:2] or max(sizes) > _LONGEST:
        raise _Unusual
    (generation,) = INT32.unpack_from(data, data[0])
    group_id, member_id = data[1 : data[0]].decode(), data[member_at + 1 : instance_at].decode()
    return group_id, generation, member_id, data[instance_at + 1 :].decode() if data[instance_at] else None


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
