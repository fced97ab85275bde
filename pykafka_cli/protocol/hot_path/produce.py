"""Produce (key 0), versions 0-11: requests read, responses written.

    request   [v3] transactional id, acks int16, timeout int32 (ms), topics: name,
              partitions: index int32, records bytes
    answer    topics: name, partitions: index int32, error int16, base offset int64,
              [v2] log append time int64 (ms), [v5] log start int64, [v8] errors of records: batch index int32, text;
              error text, [v10, tag 0] current leader; [v1] throttle time int32 (ms), [v10, tag 0] endpoints of leaders

flexible from v9 on. Up to v2 records are messages of formats 0 and 1. source: ProduceRequest.json,
ProduceResponse.json of Kafka 3.9; KIP-32 (v2), KIP-98 (v3), KIP-467 (v8), KIP-951 (v10).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from kio.schema.errors import ErrorCode

from pykafka_cli.model import NO_OFFSET, Milliseconds, Offset, Timestamp
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.hot_path.wire import (
    COMPACT,
    INT32,
    INT64,
    LEGACY,
    NO_THROTTLE,
    Cursor,
    LeaderIdAndEpoch,
    NodeEndpoint,
    compact_count,
    compact_string,
    endpoints_bytes,
    leader_bytes,
    legacy_count,
    legacy_string,
    required,
    tagged,
)
from pykafka_cli.protocol.records.batch import NO_TIMESTAMP

API_KEY = ApiKey.PRODUCE
MIN_VERSION, MAX_VERSION = 0, API_KEY.newest
FLEXIBLE_FROM = 9

_ACKS_TIMEOUT = struct.Struct(">hi")
_PARTITION = struct.Struct(">ihqq")
_PARTITION_TO_V1 = struct.Struct(">ihq")


@dataclass(slots=True)
class ProducePartition:
    """Records for one partition: whole batches, a writable view of the frame they came in; None from broken clients."""

    index: int
    records: memoryview | None


@dataclass(slots=True)
class ProduceTopic:
    name: str
    partitions: list[ProducePartition]


@dataclass(slots=True)
class ProduceRequest:
    """acks: 0 none (and no response), 1 the leader, -1 all in-sync replicas."""

    transactional_id: str | None
    acks: int
    timeout_ms: Milliseconds
    topics: list[ProduceTopic]


@dataclass(slots=True)
class RecordError:
    """The error of one record of a batch that was rejected."""

    batch_index: int
    message: str | None = None


@dataclass(slots=True)
class ProducePartitionResponse:
    """base_offset: of the first record; log_append_time_ms: -1 where records keep their producer's time."""

    index: int
    error_code: ErrorCode = ErrorCode.none
    base_offset: Offset = NO_OFFSET
    log_append_time_ms: Timestamp = NO_TIMESTAMP
    log_start_offset: Offset = NO_OFFSET
    record_errors: Sequence[RecordError] = ()
    error_message: str | None = None
    current_leader: LeaderIdAndEpoch | None = None


@dataclass(slots=True)
class ProduceTopicResponse:
    name: str
    partitions: list[ProducePartitionResponse]


@dataclass(slots=True)
class ProduceResponse:
    topics: list[ProduceTopicResponse]
    throttle_time_ms: Milliseconds = NO_THROTTLE
    node_endpoints: list[NodeEndpoint] = field(default_factory=list)


def decode_request(data: memoryview, position: int, version: int) -> ProduceRequest:
    """The request whose body begins at `position`; raises ProtocolError."""
    cursor = Cursor(data, position)
    read = COMPACT if version >= FLEXIBLE_FROM else LEGACY
    transactional_id = read.string(cursor) if version >= 3 else None
    acks, timeout_ms = cursor.unpack(_ACKS_TIMEOUT)
    topics = []
    for _ in range(read.count(cursor)):
        name = required(read.string(cursor))
        partitions = []
        for _ in range(read.count(cursor)):
            partitions.append(ProducePartition(cursor.int32(), read.bytes(cursor)))
            read.tags(cursor)
        read.tags(cursor)
        topics.append(ProduceTopic(name, partitions))
    read.tags(cursor)
    return ProduceRequest(transactional_id, acks, timeout_ms, topics)


def encode_response(response: ProduceResponse, version: int) -> list[Buffer]:
    """The body of a response."""
    flexible = version >= FLEXIBLE_FROM
    string, count = (compact_string, compact_count) if flexible else (legacy_string, legacy_count)
    parts = [count(len(response.topics))]
    for topic in response.topics:
        parts += (string(topic.name), count(len(topic.partitions)))
        for each in topic.partitions:
            if version >= 2:
                parts.append(_PARTITION.pack(each.index, each.error_code, each.base_offset, each.log_append_time_ms))
            else:
                parts.append(_PARTITION_TO_V1.pack(each.index, each.error_code, each.base_offset))
            if version >= 5:
                parts.append(INT64.pack(each.log_start_offset))
            if version >= 8:
                parts.append(count(len(each.record_errors)))
                for error in each.record_errors:
                    parts += (INT32.pack(error.batch_index), string(error.message), b"\0" if flexible else b"")
                parts.append(string(each.error_message))
            if flexible:
                leader = each.current_leader if version >= 10 else None
                parts.append(tagged([(0, leader_bytes(leader))]) if leader else b"\0")
        if flexible:
            parts.append(b"\0")
    if version >= 1:
        parts.append(INT32.pack(response.throttle_time_ms))
    if flexible:
        endpoints = response.node_endpoints if version >= 10 else None
        parts.append(tagged([(0, endpoints_bytes(endpoints))]) if endpoints else b"\0")
    return [b"".join(parts)]


def error_response(request: ProduceRequest, error_code: ErrorCode, message: str | None) -> ProduceResponse:
    """A response that gives every partition of `request` the same error."""
    return ProduceResponse(
        [
            ProduceTopicResponse(
                topic.name,
                [ProducePartitionResponse(each.index, error_code, error_message=message) for each in topic.partitions],
            )
            for topic in request.topics
        ]
    )
