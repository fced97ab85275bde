"""Metadata (key 3), versions 0-12: responses written, which may describe tens of thousands of partitions.

    answer    [v3] throttle time int32 (ms), brokers: id int32, host, port int32, [v1] rack; [v2] cluster id,
              [v1] controller int32, topics: error int16, name, [v10] topic id, [v1] is internal int8,
              partitions: error int16, index int32, leader int32, [v7] leader epoch int32,
              replicas, isr, [v5] offline replicas: ids int32; [v8] operations int32; [v8 to v10] operations int32

flexible from v9 on. source: MetadataResponse.json of Kafka 3.9; KIP-516 (v10), KIP-700 (v11).
"""

import struct
from collections.abc import Callable
from typing import Any

from kio.schema.metadata.v12.response import MetadataResponsePartition

from pykafka_cli.protocol.hot_path.wire import (
    INT32,
    compact_count,
    compact_string,
    legacy_count,
    legacy_string,
    uuid_bytes,
)

FLEXIBLE_FROM = 9

_TOPIC = struct.Struct(">h")
_PARTITION = struct.Struct(">hii")


def encode_response(response: Any, version: int) -> bytes:
    """The body of a response in the form of the newest version, with cluster_authorized_operations where it has them.

    An object that stands for partitions of several topics is written once.
    """
    flexible = version >= FLEXIBLE_FROM
    string, count = (compact_string, compact_count) if flexible else (legacy_string, legacy_count)
    tags = b"\0" if flexible else b""
    parts = [INT32.pack(round(response.throttle_time.total_seconds() * 1000))] if version >= 3 else []
    parts.append(count(len(response.brokers)))
    for broker in response.brokers:
        parts += (INT32.pack(broker.node_id), string(broker.host), INT32.pack(broker.port))
        parts += (string(broker.rack) if version >= 1 else b"", tags)
    if version >= 2:
        parts.append(string(response.cluster_id))
    if version >= 1:
        parts.append(INT32.pack(response.controller_id))
    parts.append(count(len(response.topics)))
    written: dict[int, bytes] = {}
    for topic in response.topics:
        parts += (_TOPIC.pack(topic.error_code), string(topic.name))
        if version >= 10:
            parts.append(uuid_bytes(topic.topic_id))
        if version >= 1:
            parts.append(b"\1" if topic.is_internal else b"\0")
        parts.append(count(len(topic.partitions)))
        for partition in topic.partitions:
            found = written.get(id(partition))
            if found is None:
                found = written[id(partition)] = _partition_bytes(partition, version, count) + tags
            parts.append(found)
        if version >= 8:
            parts.append(INT32.pack(topic.topic_authorized_operations))
        parts.append(tags)
    if 8 <= version <= 10:
        parts.append(INT32.pack(response.cluster_authorized_operations))
    parts.append(tags)
    return b"".join(parts)


def _partition_bytes(partition: MetadataResponsePartition, version: int, count: Callable[[int], bytes]) -> bytes:
    data = _PARTITION.pack(partition.error_code, partition.partition_index, partition.leader_id)
    if version >= 7:
        data += INT32.pack(partition.leader_epoch)
    data += _ids(partition.replica_nodes, count) + _ids(partition.isr_nodes, count)
    return data + _ids(partition.offline_replicas, count) if version >= 5 else data


def _ids(brokers: tuple[int, ...], count: Callable[[int], bytes]) -> bytes:
    return count(len(brokers)) + struct.pack(f">{len(brokers)}i", *brokers)
