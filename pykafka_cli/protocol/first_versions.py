"""The first versions of messages, which kio lacks: made from the oldest that it has, in its own form.

kio's tables begin where Apache Kafka 4 begins; Apache Kafka 3.9 offers these APIs from version 0 on. What sets a first
version apart is that it lacks fields (`_LATER`), or has some that have gone since (`_GONE`). Produce and Fetch are in
hot_path; the four requests among brokers, which kio does not have at all, in inter_broker.py.

    key  API                   here  what came with kio's first version, or before it
    2    ListOffsets           0     one offset with its time in place of several offsets (KIP-79)
    8    OffsetCommit          0-1   v1 generation and member, a time per partition   v2 a retention time in its place
    9    OffsetFetch           0     (v0 is answered from ZooKeeper)
    19   CreateTopics          0-1   v1 validate_only, error messages   v2 throttle time
    20   DeleteTopics          0     v1 throttle time
    23   OffsetForLeaderEpoch  0-1   v1 leader epoch in answers   v2 current leader epoch, throttle time (KIP-320)
    27   WriteTxnMarkers       0     v1 flexible
    29   DescribeAcls          0     v1 pattern types (KIP-290); so of CreateAcls (30) and DeleteAcls (31)
    32   DescribeConfigs       0     v1 synonyms, sources in place of is_default (KIP-226)
    34   AlterReplicaLogDirs   0     (v1 says nothing new, nor does DescribeLogDirs 1)
    38   CreateDelegationToken 0    (v1 says nothing new, nor do those of the other requests for tokens, 39 to 41)
    56   AlterPartition        0-1   v1 leader recovery state (KIP-704)   v2 ids in place of topics' names

source  the message definitions of Apache Kafka 3.9
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields, make_dataclass
from functools import cache
from types import GenericAlias, UnionType
from typing import Any, Literal, NamedTuple, cast, get_args, get_origin

from kio.index import load_request_schema, load_response_schema
from kio.schema.request_header.v1.header import RequestHeader as RequestHeaderV1
from kio.schema.response_header.v0.header import ResponseHeader as ResponseHeaderV0
from kio.static.primitive import i16, i32, i64

from pykafka_cli.protocol.api_keys import ApiKey

Kind = Literal["request", "response"]

KIO_BEGINS: Mapping[int, int] = {
    ApiKey.LIST_OFFSETS: 1,
    ApiKey.OFFSET_COMMIT: 2,
    ApiKey.OFFSET_FETCH: 1,
    ApiKey.CREATE_TOPICS: 2,
    ApiKey.DELETE_TOPICS: 1,
    ApiKey.OFFSET_FOR_LEADER_EPOCH: 2,
    ApiKey.WRITE_TXN_MARKERS: 1,
    ApiKey.DESCRIBE_ACLS: 1,
    ApiKey.CREATE_ACLS: 1,
    ApiKey.DELETE_ACLS: 1,
    ApiKey.DESCRIBE_CONFIGS: 1,
    ApiKey.ALTER_REPLICA_LOG_DIRS: 1,
    ApiKey.DESCRIBE_LOG_DIRS: 1,
    ApiKey.CREATE_DELEGATION_TOKEN: 1,
    ApiKey.RENEW_DELEGATION_TOKEN: 1,
    ApiKey.EXPIRE_DELEGATION_TOKEN: 1,
    ApiKey.DESCRIBE_DELEGATION_TOKEN: 1,
    ApiKey.ALTER_PARTITION: 2,
}
"""API key -> the first version that kio has, where Kafka 3.9 has earlier ones."""

_FLEXIBLE_FROM: Mapping[int, int] = {
    ApiKey.WRITE_TXN_MARKERS: 1,
    ApiKey.ALTER_PARTITION: 0,
}

# (API key, class) -> fields and the version that they came with.
_LATER: Mapping[tuple[int, str], Mapping[str, int]] = {
    (ApiKey.LIST_OFFSETS, "ListOffsetsPartitionResponse"): {"timestamp": 1, "offset": 1},
    (ApiKey.OFFSET_COMMIT, "OffsetCommitRequest"): {
        "generation_id_or_member_epoch": 1,
        "member_id": 1,
        "retention_time": 2,
    },
    (ApiKey.CREATE_TOPICS, "CreateTopicsRequest"): {"validate_only": 1},
    (ApiKey.CREATE_TOPICS, "CreatableTopicResult"): {"error_message": 1},
    (ApiKey.CREATE_TOPICS, "CreateTopicsResponse"): {"throttle_time": 2},
    (ApiKey.DELETE_TOPICS, "DeleteTopicsResponse"): {"throttle_time": 1},
    (ApiKey.OFFSET_FOR_LEADER_EPOCH, "OffsetForLeaderPartition"): {"current_leader_epoch": 2},
    (ApiKey.OFFSET_FOR_LEADER_EPOCH, "EpochEndOffset"): {"leader_epoch": 1},
    (ApiKey.OFFSET_FOR_LEADER_EPOCH, "OffsetForLeaderEpochResponse"): {"throttle_time": 2},
    (ApiKey.DESCRIBE_ACLS, "DescribeAclsRequest"): {"pattern_type_filter": 1},
    (ApiKey.DESCRIBE_ACLS, "DescribeAclsResource"): {"pattern_type": 1},
    (ApiKey.CREATE_ACLS, "AclCreation"): {"resource_pattern_type": 1},
    (ApiKey.DELETE_ACLS, "DeleteAclsFilter"): {"pattern_type_filter": 1},
    (ApiKey.DELETE_ACLS, "DeleteAclsMatchingAcl"): {"pattern_type": 1},
    (ApiKey.DESCRIBE_CONFIGS, "DescribeConfigsRequest"): {"include_synonyms": 1},
    (ApiKey.DESCRIBE_CONFIGS, "DescribeConfigsResourceResult"): {"config_source": 1, "synonyms": 1},
    (ApiKey.ALTER_PARTITION, "TopicData"): {"topic_id": 2},
    (ApiKey.ALTER_PARTITION, "PartitionData"): {"leader_recovery_state": 1},
}


class _Gone(NamedTuple):
    """A field of the versions `since` to `until`, which stood before `before` (None: at the end)."""

    name: str
    annotation: Any
    kafka_type: str
    before: str | None
    since: int
    until: int


_GONE: Mapping[tuple[int, str], _Gone] = {
    (ApiKey.LIST_OFFSETS, "ListOffsetsPartition"): _Gone("max_num_offsets", i32, "int32", None, 0, 0),
    (ApiKey.LIST_OFFSETS, "ListOffsetsPartitionResponse"): _Gone(
        "old_style_offsets", tuple[i64, ...], "int64", None, 0, 0
    ),
    (ApiKey.OFFSET_COMMIT, "OffsetCommitRequestPartition"): _Gone(
        "commit_timestamp", i64, "int64", "committed_metadata", 1, 1
    ),
    (ApiKey.DESCRIBE_CONFIGS, "DescribeConfigsResourceResult"): _Gone("is_default", bool, "bool", "is_sensitive", 0, 0),
    (ApiKey.ALTER_PARTITION, "TopicData"): _Gone("topic_name", str, "string", "partitions", 0, 1),
}


def is_missing_in_kio(api_key: int, version: int) -> bool:
    return version < KIO_BEGINS.get(api_key, 0)


@cache
def load(api_key: int, version: int, kind: Kind) -> Any:
    """The class of one message, for kio's `entity_reader` and `entity_writer`; only of versions that kio lacks."""
    oldest = (load_request_schema if kind == "request" else load_response_schema)(api_key, KIO_BEGINS[api_key])
    return _at_version(oldest, api_key, version)


def _at_version(later: Any, api_key: int, version: int) -> Any:
    """`later`, a structure of the oldest version that kio has, as it was at `version`."""
    flexible = later.__flexible__ and version >= _FLEXIBLE_FROM[api_key]
    gone = _GONE.get((api_key, later.__name__))
    added: list[tuple[str, Any, Any]] = []
    if gone is not None and gone.since <= version <= gone.until:
        added = [(gone.name, gone.annotation, field(metadata={"kafka_type": gone.kafka_type}))]
    came_with = _LATER.get((api_key, later.__name__), {})
    members: list[tuple[str, Any, Any]] = []
    for present in fields(later):
        if gone is not None and gone.before == present.name:
            members += added
        if version >= came_with.get(present.name, 0):
            members.append((present.name, _type_at_version(present.type, api_key, version), _copied(present)))
    if gone is not None and gone.before is None:
        members += added
    constants = {name: getattr(later, name) for name in ("__type__", "__api_key__", "__doc__") if hasattr(later, name)}
    header = later.__header_schema__
    if not flexible and later.__flexible__:
        header = RequestHeaderV1 if "request_header" in header.__module__ else ResponseHeaderV0
    constants |= {
        "__version__": i16(version),
        "__flexible__": flexible,
        "__header_schema__": header,
        "__module__": __name__,
    }
    return cast(
        type[Any],
        make_dataclass(later.__name__, members, namespace=constants, frozen=True, slots=True, kw_only=True),
    )


def _type_at_version(annotation: Any, api_key: int, version: int) -> Any:
    """An array of structures with their class of that version; anything else as it is."""
    if get_origin(annotation) is UnionType:
        array, *others = get_args(annotation)
        changed = _type_at_version(array, api_key, version)
        return annotation if changed is array else changed | others[0]
    if get_origin(annotation) is tuple and hasattr(element := get_args(annotation)[0], "__dataclass_fields__"):
        return GenericAlias(tuple, (_at_version(element, api_key, version), ...))
    return annotation


def _copied(original: Field[Any]) -> Any:
    """A new definition of the same field; dataclasses refuse to share one between classes."""
    if original.default is MISSING:
        return field(metadata=original.metadata)
    return field(metadata=original.metadata, default=original.default)
