"""KRaft's metadata records and control records, read for printing; ZooKeeper mode writes none of them.

A metadata record's value, with no key:

    frame version unsigned varint = 1 | type unsigned varint | version unsigned varint | the message of that type

source  AbstractApiMessageSerde; the definitions of Kafka's module metadata, and VotersRecord and its kin
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pykafka_cli.protocol.stored_messages import (
    Field,
    Reader,
    Schema,
    UnreadableRecord,
    array,
    boolean,
    byte_array,
    fields,
    float64,
    int8,
    int16,
    int32,
    int64,
    string,
    structure,
    uint16,
    uuid,
)

FRAME_VERSION = 1
_SHORT_MAX = 0x7FFF


class MetadataRecord(NamedTuple):
    """A type's name, and its message."""

    type: str
    version: int
    data: dict[str, Any]


def read_framed(types: Mapping[int, tuple[str, Schema]], value: bytes | None) -> MetadataRecord:
    """Parse a record in the frame that is drawn above.

    raises  UnreadableRecord
    """
    reader = Reader(value or b"")
    frame = _unsigned_short(reader, "frame version")
    if frame == 0:
        raise UnreadableRecord(
            "Could not deserialize metadata record with frame version 0. Note that upgrades from the preview release "
            "of KRaft in 2.8 to newer versions are not supported."
        )
    if frame != FRAME_VERSION:
        raise UnreadableRecord(
            f"Could not deserialize metadata record due to unknown frame version {frame}(only frame version "
            f"{FRAME_VERSION} is supported)"
        )
    number, version = _unsigned_short(reader, "type"), _unsigned_short(reader, "version")
    if number not in types:
        raise UnreadableRecord(
            f"org.apache.kafka.common.errors.UnsupportedVersionException: Unknown metadata id {number}"
        )
    name, schema = types[number]
    try:
        data = schema.read(reader, version)
    except UnreadableRecord:
        raise UnreadableRecord(f"Failed to deserialize record with type {number}") from None
    if reader.remaining:
        raise UnreadableRecord(f"Found {reader.remaining} byte(s) of garbage after {number}")
    return MetadataRecord(name, version, data)


def _unsigned_short(reader: Reader, what: str) -> int:
    try:
        value = reader.unsigned_varint()
    except UnreadableRecord:
        raise UnreadableRecord(f"Error while reading {what}") from None
    if value > _SHORT_MAX:
        raise UnreadableRecord(f"Value for {what} was too large.")
    return value


def _schema(newest: int, *of: Field) -> Schema:
    return Schema(range(newest + 1), 0, of)


def _tagged(name: str, tag: int, default: object = None, *, first: int = 0) -> Field:
    """A tagged field with an int8 or int32, or (default None) with a list of brokers."""
    kind = array(int32) if default is None else int32
    return Field(name, kind, first=first, nullable=default is None, tag=tag, default=default)


_BROKERS = array(int32)
_ENDPOINTS = fields({"name": string, "host": string, "port": uint16, "securityProtocol": int16})
_FEATURES = fields({"name": string, "minSupportedVersion": int16, "maxSupportedVersion": int16})
_BROKER_EPOCH = _schema(0, *fields({"id": int32, "epoch": int64}))

METADATA_RECORDS: Mapping[int, tuple[str, Schema]] = {
    0: (
        "REGISTER_BROKER_RECORD",
        _schema(
            3,
            Field("brokerId", int32),
            Field("isMigratingZkBroker", boolean, first=2),
            Field("incarnationId", uuid),
            Field("brokerEpoch", int64),
            Field("endPoints", array(structure("BrokerEndpoint", *_ENDPOINTS))),
            Field("features", array(structure("BrokerFeature", *_FEATURES))),
            Field("rack", string, nullable=True),
            Field("fenced", boolean),
            Field("inControlledShutdown", boolean, first=1),
            Field("logDirs", array(uuid), first=3, tag=0, default=[]),
        ),
    ),
    1: ("UNREGISTER_BROKER_RECORD", _schema(0, *fields({"brokerId": int32, "brokerEpoch": int64}))),
    2: ("TOPIC_RECORD", _schema(0, *fields({"name": string, "topicId": uuid}))),
    3: (
        "PARTITION_RECORD",
        _schema(
            2,
            *fields({"partitionId": int32, "topicId": uuid, "replicas": _BROKERS, "isr": _BROKERS}),
            *fields({"removingReplicas": _BROKERS, "addingReplicas": _BROKERS, "leader": int32}),
            Field("leaderRecoveryState", int8, tag=0, default=0),
            *fields({"leaderEpoch": int32, "partitionEpoch": int32}),
            Field("directories", array(uuid), first=1),
            _tagged("eligibleLeaderReplicas", 1, first=2),
            _tagged("lastKnownElr", 2, first=2),
        ),
    ),
    4: (
        "CONFIG_RECORD",
        _schema(
            0,
            *fields({"resourceType": int8, "resourceName": string, "name": string}),
            Field("value", string, nullable=True),
        ),
    ),
    5: (
        "PARTITION_CHANGE_RECORD",
        _schema(
            2,
            *fields({"partitionId": int32, "topicId": uuid}),
            _tagged("isr", 0),
            _tagged("leader", 1, -2),
            _tagged("replicas", 2),
            _tagged("removingReplicas", 3),
            _tagged("addingReplicas", 4),
            Field("leaderRecoveryState", int8, tag=5, default=-1),
            Field("directories", array(uuid), first=1, nullable=True, tag=8),
            _tagged("eligibleLeaderReplicas", 6, first=2),
            _tagged("lastKnownElr", 7, first=2),
        ),
    ),
    7: ("FENCE_BROKER_RECORD", _BROKER_EPOCH),
    8: ("UNFENCE_BROKER_RECORD", _BROKER_EPOCH),
    9: ("REMOVE_TOPIC_RECORD", _schema(0, Field("topicId", uuid))),
    10: (
        "DELEGATION_TOKEN_RECORD",
        _schema(
            0,
            *fields({"owner": string, "requester": string, "renewers": array(string), "issueTimestamp": int64}),
            *fields({"maxTimestamp": int64, "expirationTimestamp": int64, "tokenId": string}),
        ),
    ),
    11: (
        "USER_SCRAM_CREDENTIAL_RECORD",
        _schema(
            0,
            *fields({"name": string, "mechanism": int8, "salt": byte_array, "storedKey": byte_array}),
            *fields({"serverKey": byte_array, "iterations": int32}),
        ),
    ),
    12: ("FEATURE_LEVEL_RECORD", _schema(0, *fields({"name": string, "featureLevel": int16}))),
    14: (
        "CLIENT_QUOTA_RECORD",
        _schema(
            0,
            Field(
                "entity",
                array(structure("EntityData", Field("entityType", string), Field("entityName", string, nullable=True))),
            ),
            *fields({"key": string, "value": float64, "remove": boolean}),
        ),
    ),
    15: (
        "PRODUCER_IDS_RECORD",
        _schema(0, *fields({"brokerId": int32, "brokerEpoch": int64, "nextProducerId": int64})),
    ),
    17: (
        "BROKER_REGISTRATION_CHANGE_RECORD",
        _schema(
            2,
            *fields({"brokerId": int32, "brokerEpoch": int64}),
            Field("fenced", int8, tag=0, default=0),
            Field("inControlledShutdown", int8, first=1, tag=1, default=0),
            Field("logDirs", array(uuid), first=2, tag=2, default=[]),
        ),
    ),
    18: (
        "ACCESS_CONTROL_ENTRY_RECORD",
        _schema(
            0,
            *fields({"id": uuid, "resourceType": int8, "resourceName": string, "patternType": int8}),
            *fields({"principal": string, "host": string, "operation": int8, "permissionType": int8}),
        ),
    ),
    19: ("REMOVE_ACCESS_CONTROL_ENTRY_RECORD", _schema(0, Field("id", uuid))),
    20: ("NO_OP_RECORD", _schema(0)),
    21: ("ZK_MIGRATION_STATE_RECORD", _schema(0, Field("zkMigrationState", int8))),
    22: ("REMOVE_USER_SCRAM_CREDENTIAL_RECORD", _schema(0, *fields({"name": string, "mechanism": int8}))),
    23: ("BEGIN_TRANSACTION_RECORD", _schema(0, Field("name", string, nullable=True, tag=0))),
    24: ("END_TRANSACTION_RECORD", _schema(0)),
    25: ("ABORT_TRANSACTION_RECORD", _schema(0, Field("reason", string, nullable=True, tag=0))),
    26: ("REMOVE_DELEGATION_TOKEN_RECORD", _schema(0, Field("tokenId", string))),
    27: (
        "REGISTER_CONTROLLER_RECORD",
        _schema(
            0,
            *fields({"controllerId": int32, "incarnationId": uuid, "zkMigrationReady": boolean}),
            Field("endPoints", array(structure("ControllerEndpoint", *_ENDPOINTS))),
            Field("features", array(structure("ControllerFeature", *_FEATURES))),
        ),
    ),
}
"""Types by number: the name as Kafka prints it, and the message."""

_VOTER = structure(
    "Voter",
    *fields({"voterId": int32, "voterDirectoryId": uuid}),
    Field("endpoints", array(structure("Endpoint", *fields({"name": string, "host": string, "port": uint16})))),
    Field(
        "kRaftVersionFeature",
        structure("KRaftVersionFeature", *fields({"minSupportedVersion": int16, "maxSupportedVersion": int16})),
    ),
)
CONTROL_RECORDS: Mapping[int, tuple[str, Schema]] = {
    3: ("SnapshotHeader", _schema(0, *fields({"version": int16, "lastContainedLogTimestamp": int64}))),
    4: ("SnapshotFooter", _schema(0, Field("version", int16))),
    5: ("KRaftVersion", _schema(0, *fields({"version": int16, "kRaftVersion": int16}))),
    6: ("KRaftVoters", _schema(0, Field("version", int16), Field("voters", array(_VOTER)))),
}
"""By the type in a control record's key: what Kafka prints before the value, and the value."""
CONTROL_TYPES: Mapping[int, str] = {2: "LEADER_CHANGE"}
"""Types of which Kafka prints only the name."""
