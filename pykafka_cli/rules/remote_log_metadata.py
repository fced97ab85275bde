"""Records of __remote_log_metadata, the topic of tiered storage, as Kafka's classes print themselves.

The records have the frame of KRaft's metadata records (cluster_metadata.py) with their own types.
source  RemoteLogMetadataSerde and the classes below org.apache.kafka.server.log.remote
"""

from collections.abc import Mapping
from typing import Any

from pykafka_cli.protocol.stored_messages import (
    Field,
    Schema,
    UnreadableRecord,
    array,
    byte_array,
    fields,
    int8,
    int32,
    int64,
    string,
    structure,
    uuid,
)
from pykafka_cli.rules.cluster_metadata import read_framed

_TOPIC_ID_PARTITION = Field(
    "topicIdPartition", structure("TopicIdPartitionEntry", *fields({"name": string, "id": uuid, "partition": int32}))
)
_SEGMENT_ID = Field("remoteLogSegmentId", structure("RemoteLogSegmentIdEntry", _TOPIC_ID_PARTITION, Field("id", uuid)))
_CUSTOM = Field("customMetadata", byte_array, nullable=True)
_STATE = Field("remoteLogSegmentState", int8)
_SEGMENT = (
    *fields({"startOffset": int64, "endOffset": int64, "brokerId": int32}),
    *fields({"maxTimestampMs": int64, "eventTimestampMs": int64}),
    Field(
        "segmentLeaderEpochs",
        array(structure("SegmentLeaderEpochEntry", *fields({"leaderEpoch": int32, "offset": int64}))),
    ),
    Field("segmentSizeInBytes", int32),
    _CUSTOM,
    _STATE,
)
_TYPES: Mapping[int, tuple[str, Schema]] = {
    0: ("RemoteLogSegmentMetadata", Schema(range(1), 0, (_SEGMENT_ID, *_SEGMENT))),
    1: (
        "RemoteLogSegmentMetadataUpdate",
        Schema(range(1), 0, (_SEGMENT_ID, *fields({"brokerId": int32, "eventTimestampMs": int64}), _CUSTOM, _STATE)),
    ),
    2: (
        "RemotePartitionDeleteMetadata",
        Schema(
            range(1),
            0,
            (
                _TOPIC_ID_PARTITION,
                *fields({"brokerId": int32, "eventTimestampMs": int64, "remotePartitionDeleteState": int8}),
            ),
        ),
    ),
    3: ("RemoteLogSegmentMetadataSnapshot", Schema(range(1), 0, (Field("segmentId", uuid), *_SEGMENT))),
}
_SEGMENT_STATES = ("COPY_SEGMENT_STARTED", "COPY_SEGMENT_FINISHED", "DELETE_SEGMENT_STARTED", "DELETE_SEGMENT_FINISHED")
_DELETE_STATES = ("DELETE_PARTITION_MARKED", "DELETE_PARTITION_STARTED", "DELETE_PARTITION_FINISHED")


def remote_log_metadata_text(value: bytes | None) -> str:
    """raises  UnreadableRecord"""
    if value is None:
        raise UnreadableRecord(
            'Cannot invoke "java.nio.ByteBuffer.remaining()" because the return value of '
            '"org.apache.kafka.common.record.Record.value()" is null'
        )
    name, _version, data = read_framed(_TYPES, value)
    if name == "RemoteLogSegmentMetadata":
        parts = {
            "remoteLogSegmentId": _segment_id(data["remoteLogSegmentId"]),
            "startOffset": data["startOffset"],
            "endOffset": data["endOffset"],
            "brokerId": data["brokerId"],
            "maxTimestampMs": data["maxTimestampMs"],
            "eventTimestampMs": data["eventTimestampMs"],
            **_rest_of_segment(data),
        }
    elif name == "RemoteLogSegmentMetadataSnapshot":
        parts = {
            "segmentId": data["segmentId"],
            "startOffset": data["startOffset"],
            "endOffset": data["endOffset"],
            "maxTimestampMs": data["maxTimestampMs"],
            **_rest_of_segment(data),
        }
    elif name == "RemoteLogSegmentMetadataUpdate":
        parts = {
            "remoteLogSegmentId": _segment_id(data["remoteLogSegmentId"]),
            "customMetadata": _custom(data),
            "state": _state(_SEGMENT_STATES, data["remoteLogSegmentState"]),
            "eventTimestampMs": data["eventTimestampMs"],
            "brokerId": data["brokerId"],
        }
    else:
        parts = {
            "topicPartition": _topic_id_partition(data["topicIdPartition"]),
            "state": _state(_DELETE_STATES, data["remotePartitionDeleteState"]),
            "eventTimestampMs": data["eventTimestampMs"],
            "brokerId": data["brokerId"],
        }
    return _object(name, parts)


def _rest_of_segment(data: dict[str, Any]) -> dict[str, Any]:
    epochs = {each["leaderEpoch"]: each["offset"] for each in data["segmentLeaderEpochs"]}
    return {
        "segmentLeaderEpochs": "{" + ", ".join(f"{epoch}={epochs[epoch]}" for epoch in sorted(epochs)) + "}",
        "segmentSizeInBytes": data["segmentSizeInBytes"],
        "customMetadata": _custom(data),
        "state": _state(_SEGMENT_STATES, data["remoteLogSegmentState"]),
    }


def _object(name: str, parts: Mapping[str, object]) -> str:
    return name + "{" + ", ".join(f"{key}={value}" for key, value in parts.items()) + "}"


def _topic_id_partition(entry: dict[str, Any]) -> str:
    return f"{entry['id']}:{entry['name']}-{entry['partition']}"


def _segment_id(entry: dict[str, Any]) -> str:
    return _object(
        "RemoteLogSegmentId",
        {"topicIdPartition": _topic_id_partition(entry["topicIdPartition"]), "id": entry["id"]},
    )


def _custom(data: dict[str, Any]) -> str:
    custom = data["customMetadata"]
    return "Optional.empty" if custom is None else f"Optional[CustomMetadata{{{len(custom)} bytes}}]"


def _state(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else "null"
