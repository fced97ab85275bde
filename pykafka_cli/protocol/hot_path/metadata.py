"""Metadata (key 3), versions 0-12: answers written. kio reads and writes everything else of it.

    answer    [v3] throttle time int32 (ms), brokers: id int32, host, port int32, [v1] rack; [v2] cluster id,
              [v1] controller int32, topics: error int16, name, [v10] id, [v1] internal int8, partitions:
              error int16, index int32, leader int32, [v7] leader epoch int32, replicas, in-sync replicas int32,
              [v5] offline replicas int32; [v8] operations int32; [v8 to v10] operations on the cluster int32

flexible from v9 on. An answer may tell of tens of thousands of partitions while every other request waits; here that
takes a quarter of what it takes field by field. source: MetadataResponse.json of Kafka 3.9.
"""

import struct
from datetime import timedelta
from functools import lru_cache
from typing import Any

from pykafka_cli.protocol.hot_path.wire import (
    INT32,
    compact_count,
    compact_string,
    legacy_count,
    legacy_string,
    uuid_bytes,
)

API_KEY = 3
FLEXIBLE_FROM = 9

_MILLISECOND = timedelta(milliseconds=1)
_ERROR = struct.Struct(">h")
_PARTITION = struct.Struct(">hii")
_PARTITION_WITH_EPOCH = struct.Struct(">hiii")


def encode_response(response: Any, version: int) -> bytes:
    """The body of an answer. response: MetadataResponse of version 12, or one that was adapted to `version`."""
    flexible = version >= FLEXIBLE_FROM
    string, count = (compact_string, compact_count) if flexible else (legacy_string, legacy_count)
    end = b"\0" if flexible else b""
    parts = [INT32.pack(response.throttle_time // _MILLISECOND)] if version >= 3 else []
    parts.append(count(len(response.brokers)))
    for broker in response.brokers:
        parts += (INT32.pack(broker.node_id), string(broker.host), INT32.pack(broker.port))
        if version >= 1:
            parts.append(string(broker.rack))
        parts.append(end)
    if version >= 2:
        parts.append(string(response.cluster_id))
    if version >= 1:
        parts.append(INT32.pack(response.controller_id))
    parts.append(count(len(response.topics)))
    for topic in response.topics:
        parts += (_ERROR.pack(topic.error_code), string(topic.name))
        if version >= 10:
            parts.append(uuid_bytes(topic.topic_id))
        if version >= 1:
            parts.append(b"\1" if topic.is_internal else b"\0")
        parts.append(count(len(topic.partitions)))
        _append_partitions(parts, topic.partitions, version)
        if version >= 8:
            parts.append(INT32.pack(topic.topic_authorized_operations))
        parts.append(end)
    if 8 <= version <= 10:
        parts.append(INT32.pack(response.cluster_authorized_operations))
    parts.append(end)
    return b"".join(parts)


def _append_partitions(parts: list[bytes], partitions: Any, version: int) -> None:
    flexible = version >= FLEXIBLE_FROM
    append = parts.append
    for each in partitions:
        if version >= 7:
            append(_PARTITION_WITH_EPOCH.pack(each.error_code, each.partition_index, each.leader_id, each.leader_epoch))
        else:
            append(_PARTITION.pack(each.error_code, each.partition_index, each.leader_id))
        append(_brokers(each.replica_nodes, flexible))
        append(_brokers(each.isr_nodes, flexible))
        if version >= 5:
            append(_brokers(each.offline_replicas, flexible))
        if flexible:
            append(b"\0")


@lru_cache(maxsize=1024)  # few brokers, so that the same lists come again and again
def _brokers(ids: tuple[int, ...], flexible: bool) -> bytes:
    count = compact_count if flexible else legacy_count
    return count(len(ids)) + struct.pack(f">{len(ids)}i", *ids)
