"""Fetch (key 1), versions 0-17: both sides, since followers fetch as consumers do.

    request   [to v14] replica id int32, max wait int32 (ms), min bytes int32, [v3] max bytes int32,
              [v4] isolation level int8, [v7] session id int32, session epoch int32,
              topics: name [v13: id], partitions: partition int32, [v9] leader epoch int32, fetch offset int64,
              [v12] last fetched epoch int32, [v5] log start int64, max bytes int32, [v17, tag 0] directory id;
              [v7] forgotten topics: name or id, partitions int32; [v11] rack string,
              [v12, tag 0] cluster id, [v15, tag 1] replica id int32 and epoch int64
    answer    [v1] throttle time int32 (ms), [v7] error int16, session id int32, topics: name [v13: id], partitions:
              index int32, error int16, high watermark int64, [v4] last stable offset int64, [v5] log start int64,
              [v4] aborted transactions: producer id int64, first offset int64; [v11] preferred replica int32,
              records bytes, [v12, tag 0] diverging epoch int32 and its end int64, [tag 1] current leader;
              [v16, tag 0] endpoints of leaders

flexible from v12 on. source: FetchRequest.json, FetchResponse.json of Kafka 3.9; KIP-74 (v3), KIP-98 (v4),
KIP-227 (v7), KIP-320 (v9), KIP-392 (v11), KIP-595 (v12), KIP-516 (v13), KIP-903 (v15), KIP-951 (v16).
KRaft's snapshot id (tag 2) is not read.
"""

import struct
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kio.schema.errors import ErrorCode

from pykafka_cli.model import (
    CONSUMER_REPLICA_ID,
    NO_OFFSET,
    UNKNOWN_BROKER_EPOCH,
    BrokerEpoch,
    BrokerId,
    LeaderEpoch,
    Milliseconds,
    Offset,
    ProducerId,
)
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.hot_path.wire import (
    COMPACT,
    INT16,
    INT32,
    INT64,
    LEGACY,
    NO_NODE,
    NO_THROTTLE,
    Cursor,
    LeaderIdAndEpoch,
    NodeEndpoint,
    Reading,
    compact_count,
    compact_string,
    endpoints_bytes,
    leader_bytes,
    legacy_count,
    legacy_string,
    read_endpoints,
    read_leader,
    required,
    tagged,
    uuid_bytes,
)
from pykafka_cli.protocol.records.batch import NO_LEADER_EPOCH

API_KEY = ApiKey.FETCH
MIN_VERSION, MAX_VERSION = 0, API_KEY.newest
FLEXIBLE_FROM = 12

MAX_BYTES = 2**31 - 1
"""The replica id of clients that are not replicas."""

_WAIT = struct.Struct(">ii")
_LIMITS = struct.Struct(">iiib")
_SESSION = struct.Struct(">ii")
_REPLICA = struct.Struct(">iq")
_EPOCH_END = struct.Struct(">iq")
_ABORTED = struct.Struct(">qq")
_ASKED_FROM_V12 = struct.Struct(">iiqiqi")
_PARTITION = struct.Struct(">ihqq")
_PARTITION_TO_V3 = struct.Struct(">ihq")
_PARTITION_FROM_V5 = struct.Struct(">ihqqq")

_ERROR_CODES: dict[int, ErrorCode] = {code.value: code for code in ErrorCode}  # an enumeration is slow to look up


@dataclass(slots=True)
class FetchPartition:
    """The request for one partition. Epochs are -1 if the fetcher gives none; so is a consumer's log_start_offset."""

    partition: int
    fetch_offset: Offset
    partition_max_bytes: int
    current_leader_epoch: LeaderEpoch = NO_LEADER_EPOCH
    last_fetched_epoch: LeaderEpoch = NO_LEADER_EPOCH
    log_start_offset: Offset = NO_OFFSET
    replica_directory_id: uuid.UUID | None = None


@dataclass(slots=True)
class FetchTopic:
    """topic up to version 12, topic_id (None: zeros) from 13 on; the other is None."""

    topic: str | None
    topic_id: uuid.UUID | None
    partitions: list[FetchPartition]


@dataclass(slots=True)
class ForgottenTopic:
    """Partitions that a fetch session is to leave out from now on."""

    topic: str | None
    topic_id: uuid.UUID | None
    partitions: list[int]


@dataclass(slots=True)
class FetchRequest:
    """isolation_level: 0 read uncommitted, 1 read committed."""

    max_wait_ms: Milliseconds
    min_bytes: int
    topics: list[FetchTopic]
    replica_id: BrokerId = CONSUMER_REPLICA_ID
    replica_epoch: BrokerEpoch = UNKNOWN_BROKER_EPOCH
    max_bytes: int = MAX_BYTES
    isolation_level: int = 0
    session_id: int = 0
    session_epoch: int = -1
    forgotten: list[ForgottenTopic] = field(default_factory=list)
    rack_id: str = ""
    cluster_id: str | None = None


@dataclass(slots=True)
class EpochEndOffset:
    """Where the leader's log and the follower's part: the leader's epoch and its end."""

    epoch: LeaderEpoch = NO_LEADER_EPOCH
    end_offset: Offset = NO_OFFSET


@dataclass(slots=True)
class AbortedTransaction:
    producer_id: ProducerId
    first_offset: Offset


@dataclass(slots=True)
class FetchPartitionResponse:
    """records: whole batches as they lie in the log. aborted_transactions: None unless read committed asked."""

    partition_index: int
    error_code: ErrorCode = ErrorCode.none
    high_watermark: Offset = NO_OFFSET
    last_stable_offset: Offset = NO_OFFSET
    log_start_offset: Offset = NO_OFFSET
    aborted_transactions: Sequence[AbortedTransaction] | None = None
    preferred_read_replica: BrokerId = NO_NODE
    records: Buffer = b""
    diverging_epoch: EpochEndOffset | None = None
    current_leader: LeaderIdAndEpoch | None = None


@dataclass(slots=True)
class FetchTopicResponse:
    topic: str | None
    topic_id: uuid.UUID | None
    partitions: list[FetchPartitionResponse]


@dataclass(slots=True)
class FetchResponse:
    topics: list[FetchTopicResponse] = field(default_factory=list)
    error_code: ErrorCode = ErrorCode.none
    session_id: int = 0
    throttle_time_ms: Milliseconds = NO_THROTTLE
    node_endpoints: list[NodeEndpoint] = field(default_factory=list)


def decode_request(data: memoryview, position: int, version: int) -> FetchRequest:
    """The request whose body begins at `position`; raises ProtocolError."""
    cursor = Cursor(data, position)
    read = COMPACT if version >= FLEXIBLE_FROM else LEGACY
    replica_id: BrokerId = cursor.unpack(INT32)[0] if version <= 14 else CONSUMER_REPLICA_ID
    if version >= 4:
        max_wait_ms, min_bytes, max_bytes, isolation_level = cursor.unpack(_LIMITS)
    else:
        max_wait_ms, min_bytes = cursor.unpack(_WAIT)
        max_bytes, isolation_level = cursor.int32() if version == 3 else MAX_BYTES, 0
    session_id, session_epoch = cursor.unpack(_SESSION) if version >= 7 else (0, -1)
    topics = []
    for topic, topic_id in _named_topics(cursor, read, version):
        partitions = [_read_partition(cursor, version) for _ in range(read.count(cursor))]
        topics.append(FetchTopic(topic, topic_id, partitions))
        read.tags(cursor)
    request = FetchRequest(
        max_wait_ms,
        min_bytes,
        topics,
        replica_id=replica_id,
        max_bytes=max_bytes,
        isolation_level=isolation_level,
        session_id=session_id,
        session_epoch=session_epoch,
    )
    if version >= 7:
        for topic, topic_id in _named_topics(cursor, read, version):
            numbers = [cursor.int32() for _ in range(read.count(cursor))]
            request.forgotten.append(ForgottenTopic(topic, topic_id, numbers))
            read.tags(cursor)
    if version >= 11:
        request.rack_id = required(read.string(cursor))
    for tag, value in read.tags(cursor):
        if tag == 0:
            request.cluster_id = value.compact_string()
        elif tag == 1 and version >= 15:
            request.replica_id, request.replica_epoch = value.unpack(_REPLICA)
    return request


def encode_request(request: FetchRequest, version: int) -> bytes:
    """The body of a request, as a follower sends it."""
    flexible = version >= FLEXIBLE_FROM
    string, count = (compact_string, compact_count) if flexible else (legacy_string, legacy_count)
    end = b"\0" if flexible else b""
    parts = [INT32.pack(request.replica_id)] if version <= 14 else []
    if version >= 4:
        parts.append(_LIMITS.pack(request.max_wait_ms, request.min_bytes, request.max_bytes, request.isolation_level))
    else:
        parts.append(_WAIT.pack(request.max_wait_ms, request.min_bytes))
        if version == 3:
            parts.append(INT32.pack(request.max_bytes))
    if version >= 7:
        parts.append(_SESSION.pack(request.session_id, request.session_epoch))
    parts.append(count(len(request.topics)))
    for topic in request.topics:
        parts.append(_topic_bytes(topic, version))
        parts.append(count(len(topic.partitions)))
        parts.extend(_partition_bytes(each, version) for each in topic.partitions)
        parts.append(end)
    if version >= 7:
        parts.append(count(len(request.forgotten)))
        for forgotten in request.forgotten:
            parts.append(_topic_bytes(forgotten, version))
            parts.append(count(len(forgotten.partitions)))
            parts.extend(map(INT32.pack, forgotten.partitions))
            parts.append(end)
    if version >= 11:
        parts.append(string(request.rack_id))
    if flexible:
        fields = [(0, compact_string(request.cluster_id))] if request.cluster_id is not None else []
        if version >= 15 and (request.replica_id, request.replica_epoch) != (CONSUMER_REPLICA_ID, UNKNOWN_BROKER_EPOCH):
            fields.append((1, _REPLICA.pack(request.replica_id, request.replica_epoch) + b"\0"))
        parts.append(tagged(fields))
    return b"".join(parts)


def decode_response(data: memoryview, position: int, version: int) -> FetchResponse:
    """The response whose body begins at `position`; records are views of `data`. Raises ProtocolError."""
    cursor = Cursor(data, position)
    read = COMPACT if version >= FLEXIBLE_FROM else LEGACY
    response = FetchResponse(throttle_time_ms=Milliseconds(cursor.int32() if version >= 1 else 0))
    if version >= 7:
        response.error_code = _error_code(cursor.int16())
        response.session_id = cursor.int32()
    for topic, topic_id in _named_topics(cursor, read, version):
        partitions = [_read_partition_response(cursor, read, version) for _ in range(read.count(cursor))]
        response.topics.append(FetchTopicResponse(topic, topic_id, partitions))
        read.tags(cursor)
    for tag, value in read.tags(cursor):
        if tag == 0 and version >= 16:
            response.node_endpoints = read_endpoints(value)
    return response


def encode_response(response: FetchResponse, version: int) -> list[Buffer]:
    """The body of a response, in buffers to be sent in order; records are not copied."""
    flexible = version >= FLEXIBLE_FROM
    count = compact_count if flexible else legacy_count
    end = b"\0" if flexible else b""
    buffers: list[Buffer] = []
    own = bytearray(INT32.pack(response.throttle_time_ms) if version >= 1 else b"")
    if version >= 7:
        own += INT16.pack(response.error_code)
        own += INT32.pack(response.session_id)
    own += count(len(response.topics))
    for topic in response.topics:
        own += _topic_bytes(topic, version)
        own += count(len(topic.partitions))
        for each in topic.partitions:
            if version >= 4:
                own += _PARTITION.pack(
                    each.partition_index, each.error_code, each.high_watermark, each.last_stable_offset
                )
                if version >= 5:
                    own += INT64.pack(each.log_start_offset)
                aborted = each.aborted_transactions
                own += count(-1 if aborted is None else len(aborted))
                for transaction in aborted or ():
                    own += _ABORTED.pack(transaction.producer_id, transaction.first_offset)
                    own += end
                if version >= 11:
                    own += INT32.pack(each.preferred_read_replica)
            else:
                own += _PARTITION_TO_V3.pack(each.partition_index, each.error_code, each.high_watermark)
            own += count(len(each.records))
            if each.records:
                buffers += (own, each.records)
                own = bytearray()
            if flexible:
                own += _partition_tags(each)
        own += end
    if flexible:
        endpoints = response.node_endpoints if version >= 16 else None
        own += tagged([(0, endpoints_bytes(endpoints))]) if endpoints else b"\0"
    if own:
        buffers.append(own)
    return buffers


def error_response(request: FetchRequest, error_code: ErrorCode, version: int) -> FetchResponse:
    """A response that rejects all of `request`: as a whole where the version can say so, and for each partition."""
    if version >= 13:
        return FetchResponse(error_code=error_code, session_id=request.session_id)
    topics = [
        FetchTopicResponse(
            each.topic,
            each.topic_id,
            [FetchPartitionResponse(partition.partition, error_code) for partition in each.partitions],
        )
        for each in request.topics
    ]
    return FetchResponse(topics, error_code, request.session_id)


def _named_topics(cursor: Cursor, read: Reading, version: int) -> Iterator[tuple[str | None, uuid.UUID | None]]:
    """The name or id of each topic; what follows it has to be read before the next is requested."""
    for _ in range(read.count(cursor)):
        if version >= 13:
            yield None, cursor.uuid()
        else:
            yield required(read.string(cursor)), None


def _topic_bytes(topic: FetchTopic | ForgottenTopic | FetchTopicResponse, version: int) -> bytes:
    if version >= 13:
        return uuid_bytes(topic.topic_id)
    return compact_string(topic.topic) if version >= FLEXIBLE_FROM else legacy_string(topic.topic)


def _read_partition(cursor: Cursor, version: int) -> FetchPartition:
    if version < FLEXIBLE_FROM:
        partition = cursor.int32()
        leader_epoch: LeaderEpoch = cursor.unpack(INT32)[0] if version >= 9 else NO_LEADER_EPOCH
        fetch_offset = Offset(cursor.int64())
        log_start = Offset(cursor.int64()) if version >= 5 else NO_OFFSET
        return FetchPartition(partition, fetch_offset, cursor.int32(), leader_epoch, log_start_offset=log_start)
    partition, leader_epoch, fetch_offset, last_fetched_epoch, log_start, max_bytes = cursor.unpack(_ASKED_FROM_V12)
    each = FetchPartition(partition, fetch_offset, max_bytes, leader_epoch, last_fetched_epoch, log_start)
    for tag, value in cursor.tags():
        if tag == 0 and version >= 17:
            each.replica_directory_id = value.uuid()
    return each


def _partition_bytes(each: FetchPartition, version: int) -> bytes:
    parts = [INT32.pack(each.partition)]
    if version >= 9:
        parts.append(INT32.pack(each.current_leader_epoch))
    parts.append(INT64.pack(each.fetch_offset))
    if version >= 12:
        parts.append(INT32.pack(each.last_fetched_epoch))
    if version >= 5:
        parts.append(INT64.pack(each.log_start_offset))
    parts.append(INT32.pack(each.partition_max_bytes))
    if version >= FLEXIBLE_FROM:
        directory = each.replica_directory_id if version >= 17 else None
        parts.append(tagged([(0, directory.bytes)] if directory else ()))
    return b"".join(parts)


def _read_partition_response(cursor: Cursor, read: Reading, version: int) -> FetchPartitionResponse:
    last_stable = log_start = NO_OFFSET
    if version >= 5:
        index, error_code, high_watermark, last_stable, log_start = cursor.unpack(_PARTITION_FROM_V5)
    elif version == 4:
        index, error_code, high_watermark, last_stable = cursor.unpack(_PARTITION)
    else:
        index, error_code, high_watermark = cursor.unpack(_PARTITION_TO_V3)
    each = FetchPartitionResponse(index, _error_code(error_code), high_watermark, last_stable, log_start)
    count = read.count(cursor) if version >= 4 else -1
    if count >= 0:
        each.aborted_transactions = aborted = []
        for _ in range(count):
            aborted.append(AbortedTransaction(*cursor.unpack(_ABORTED)))
            read.tags(cursor)
    if version >= 11:
        each.preferred_read_replica = cursor.unpack(INT32)[0]
    each.records = read.bytes(cursor) or b""
    for tag, value in read.tags(cursor):
        if tag == 0:
            each.diverging_epoch = EpochEndOffset(*value.unpack(_EPOCH_END))
        elif tag == 1:
            each.current_leader = read_leader(value)
    return each


def _partition_tags(each: FetchPartitionResponse) -> bytes:
    fields = []
    if each.diverging_epoch:
        fields.append((0, _EPOCH_END.pack(each.diverging_epoch.epoch, each.diverging_epoch.end_offset) + b"\0"))
    if each.current_leader:
        fields.append((1, leader_bytes(each.current_leader)))
    return tagged(fields)


def _error_code(number: int) -> ErrorCode:
    code = _ERROR_CODES.get(number)
    if code is None:
        raise ProtocolError(f"unknown error code {number}")
    return code
