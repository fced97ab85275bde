"""Reads __consumer_offsets and __transaction_state for printing.

Every key and value begins with its version (int16, big-endian); a key's version tells the kind of record:

    0, 1  offset commit   2  group   3-8  groups of the protocol of KIP-848      (__consumer_offsets)
    0     transactional id                                                     (__transaction_state)

source  Kafka's message definitions of the same names
"""

from collections.abc import Mapping
from typing import Any

from pykafka_cli.protocol.stored_messages import (
    ANY,
    Field,
    Reader,
    Schema,
    UnreadableRecord,
    array,
    byte_array,
    fields,
    int8,
    int16,
    int32,
    int64,
    string,
    structure,
    uuid,
)

_NO_FIELD = Field("version", int16)


def version_of(data: bytes) -> int:
    """The version at the start of a key or value."""
    if len(data) < 2:
        raise UnreadableRecord("too short for a version")
    return int.from_bytes(data[:2], "big", signed=True)


def read(schema: Schema, data: bytes) -> dict[str, Any] | None:
    """Read the fields by Kafka's names; None for a version that `schema` does not know.

    raises  UnreadableRecord if the bytes end too early
    """
    reader = Reader(data)
    version = int16(reader, _NO_FIELD)
    return schema.read(reader, version) if version in schema.versions else None


def _key(versions: range, *names: str) -> Schema:
    return Schema(versions, ANY, tuple(Field(name, string) for name in names))


_MEMBER = structure(
    "",
    Field("memberId", string),
    Field("groupInstanceId", string, first=3, nullable=True),
    Field("clientId", string),
    Field("clientHost", string),
    Field("rebalanceTimeout", int32, first=1),
    Field("sessionTimeout", int32),
    Field("subscription", byte_array),
    Field("assignment", byte_array),
)
OFFSET_COMMIT_KEY = Schema(range(2), ANY, fields({"group": string, "topic": string, "partition": int32}))
OFFSET_COMMIT_VALUE = Schema(
    range(5),
    4,
    (
        Field("offset", int64),
        Field("leaderEpoch", int32, first=3),
        Field("metadata", string),
        Field("commitTimestamp", int64),
        Field("expireTimestamp", int64, first=1, last=1),
    ),
)
GROUP_METADATA_KEY = _key(range(2, 3), "group")
GROUP_METADATA_VALUE = Schema(
    range(5),
    4,
    (
        Field("protocolType", string),
        Field("generation", int32),
        Field("protocol", string, nullable=True),
        Field("leader", string, nullable=True),
        Field("currentStateTimestamp", int64, first=2),
        Field("members", array(_MEMBER)),
    ),
)
TRANSACTION_LOG_KEY = _key(range(1), "transactionalId")
TRANSACTION_LOG_VALUE = Schema(
    range(2),
    1,
    (
        Field("producerId", int64),
        Field("producerEpoch", int16),
        Field("transactionTimeoutMs", int32),
        Field("transactionStatus", int8),
        Field(
            "transactionPartitions",
            array(structure("PartitionsSchema", *fields({"topic": string, "partitionIds": array(int32)}))),
            nullable=True,
        ),
        Field("transactionLastUpdateTimestampMs", int64),
        Field("transactionStartTimestampMs", int64),
    ),
)
TRANSACTION_STATES: Mapping[int, str] = {
    0: "Empty",
    1: "Ongoing",
    2: "PrepareCommit",
    3: "PrepareAbort",
    4: "CompleteCommit",
    5: "CompleteAbort",
    6: "Dead",
    7: "PrepareEpochFence",
}

# Groups of KIP-848.


def _value(*of: Field) -> Schema:
    return Schema(range(1), 0, of)


_ID_AND_PARTITIONS = fields({"topicId": uuid, "partitions": array(int32)})
_PARTITIONS = array(structure("", *_ID_AND_PARTITIONS))
_CLASSIC_MEMBER = structure(
    "ClassicMemberMetadata",
    Field("sessionTimeoutMs", int32),
    Field("supportedProtocols", array(structure("ClassicProtocol", *fields({"name": string, "metadata": byte_array})))),
)
CONSUMER_OFFSETS: Mapping[int, tuple[Schema, Schema]] = {
    0: (OFFSET_COMMIT_KEY, OFFSET_COMMIT_VALUE),
    1: (OFFSET_COMMIT_KEY, OFFSET_COMMIT_VALUE),
    2: (GROUP_METADATA_KEY, GROUP_METADATA_VALUE),
    3: (_key(range(3, 4), "groupId"), _value(Field("epoch", int32))),
    4: (
        _key(range(4, 5), "groupId"),
        _value(
            Field(
                "topics",
                array(
                    structure(
                        "TopicMetadata",
                        Field("topicId", uuid),
                        Field("topicName", string),
                        Field("numPartitions", int32),
                        Field(
                            "partitionMetadata",
                            array(
                                structure("PartitionMetadata", *fields({"partition": int32, "racks": array(string)}))
                            ),
                        ),
                    )
                ),
            )
        ),
    ),
    5: (
        _key(range(5, 6), "groupId", "memberId"),
        _value(
            Field("instanceId", string, nullable=True),
            Field("rackId", string, nullable=True),
            Field("clientId", string),
            Field("clientHost", string),
            Field("subscribedTopicNames", array(string)),
            Field("subscribedTopicRegex", string, nullable=True),
            Field("rebalanceTimeoutMs", int32),
            Field("serverAssignor", string, nullable=True),
            Field("classicMemberMetadata", _CLASSIC_MEMBER, nullable=True, tag=0),
        ),
    ),
    6: (_key(range(6, 7), "groupId"), _value(Field("assignmentEpoch", int32))),
    7: (
        _key(range(7, 8), "groupId", "memberId"),
        _value(Field("topicPartitions", array(structure("TopicPartition", *_ID_AND_PARTITIONS)))),
    ),
    8: (
        _key(range(8, 9), "groupId", "memberId"),
        _value(
            Field("memberEpoch", int32),
            Field("previousMemberEpoch", int32),
            Field("state", int8),
            Field("assignedPartitions", _PARTITIONS),
            Field("partitionsPendingRevocation", _PARTITIONS),
        ),
    ),
}
"""The schemas of key and value, by the key's version."""

# The content of a member's `subscription` and `assignment`.

_OWNED = array(structure("TopicPartition", *fields({"topic": string, "partitions": array(int32)})))
CONSUMER_SUBSCRIPTION = Schema(
    range(4),
    ANY,
    (
        Field("topics", array(string)),
        Field("userData", byte_array, nullable=True),
        Field("ownedPartitions", _OWNED, first=1),
        Field("generationId", int32, first=2),
        Field("rackId", string, first=3, nullable=True),
    ),
)
CONSUMER_ASSIGNMENT = Schema(
    range(4), ANY, (Field("assignedPartitions", _OWNED), Field("userData", byte_array, nullable=True))
)
