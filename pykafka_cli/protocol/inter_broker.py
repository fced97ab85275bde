"""LeaderAndIsr, StopReplica, UpdateMetadata, ControlledShutdown: what only brokers in ZooKeeper mode send each other.

kio's tables come from a Kafka that no longer has these four, so they are declared here in kio's own form, and kio's
readers and writers take them like any other message. The classes below are the newest versions; `load` gives the class
of any version, made from these by leaving out what came later (`since`) and adding what has gone (`_GONE`).

    key  API                 versions  flexible from
    4    LeaderAndIsr        0-7       4   v1 is_new  v2 broker epoch, topics  v3 adding and removing replicas
                                           v5 topic ids, type (KIP-516)  v6 recovery state (KIP-704)  v7 KRaft flag
    5    StopReplica         0-4       2   v1 broker epoch, topics  v3 a state per partition (KIP-570)  v4 KRaft flag
    6    UpdateMetadata      0-8       6   v1 endpoints  v2 rack  v3 listener  v4 offline replicas
                                           v5 broker epoch, topics  v7 topic ids  v8 KRaft flag, type
    7    ControlledShutdown  0-3       3   v1 client id in the header  v2 broker epoch

source  the message definitions of Apache Kafka 3.9
"""

import uuid
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, make_dataclass
from functools import cache
from types import GenericAlias
from typing import Any, ClassVar, Literal, NamedTuple, cast, get_args, get_origin

from kio.schema.errors import ErrorCode
from kio.schema.request_header.v1.header import RequestHeader as RequestHeaderV1
from kio.schema.request_header.v2.header import RequestHeader as RequestHeaderV2
from kio.schema.response_header.v0.header import ResponseHeader as ResponseHeaderV0
from kio.schema.response_header.v1.header import ResponseHeader as ResponseHeaderV1
from kio.static.constants import EntityType
from kio.static.primitive import i16

from pykafka_cli.model import UNKNOWN_BROKER_EPOCH, BrokerEpoch, BrokerId, ControllerEpoch, LeaderEpoch, PartitionEpoch
from pykafka_cli.protocol.api_keys import APIS, ApiKey

NO_LEADER = BrokerId(-1)
LEADER_DURING_DELETE = BrokerId(-2)
"""Leader of a partition whose topic is being deleted: UpdateMetadata's way to say "forget it"."""

EPOCH_DURING_DELETE = LeaderEpoch(-2)
NO_EPOCH = LeaderEpoch(-1)
"""Leader epochs in StopReplica that are not compared with the replica's own."""


def _value(kafka_type: str, default: Any = MISSING, *, since: int = 0, tag: int | None = None) -> Any:
    """A primitive field, or an array of primitives; `since` is the first version that has it."""
    metadata: dict[str, Any] = {"kafka_type": kafka_type, "since": since}
    if tag is not None:
        metadata["tag"] = tag
    return field(metadata=metadata) if default is MISSING else field(metadata=metadata, default=default)


def _entities(*, since: int = 0) -> Any:
    """An array of structures."""
    return field(metadata={"since": since}, default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHeaderV0:
    """The header of ControlledShutdown 0, the only request whose header lacks the client id."""

    __type__: ClassVar = EntityType.header
    __version__: ClassVar[i16] = i16(0)
    __flexible__: ClassVar[bool] = False
    request_api_key: int = field(metadata={"kafka_type": "int16"})
    request_api_version: int = field(metadata={"kafka_type": "int16"})
    correlation_id: int = field(metadata={"kafka_type": "int32"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderAndIsrPartitionState:
    """The new role of one replica. `partition_epoch` is the version of the partition's state znode."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(7)
    __flexible__: ClassVar[bool] = True
    partition_index: int = _value("int32")
    controller_epoch: ControllerEpoch = _value("int32")
    leader: BrokerId = _value("int32")
    leader_epoch: LeaderEpoch = _value("int32")
    isr: tuple[BrokerId, ...] = _value("int32", ())
    partition_epoch: PartitionEpoch = _value("int32")
    replicas: tuple[BrokerId, ...] = _value("int32", ())
    adding_replicas: tuple[BrokerId, ...] = _value("int32", (), since=3)
    removing_replicas: tuple[BrokerId, ...] = _value("int32", (), since=3)
    is_new: bool = _value("bool", False, since=1)
    leader_recovery_state: int = _value("int8", 0, since=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderAndIsrTopicState:
    """The partitions of one topic whose state changes."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(7)
    __flexible__: ClassVar[bool] = True
    topic_name: str = _value("string")
    topic_id: uuid.UUID | None = _value("uuid", None, since=5)
    partition_states: tuple[LeaderAndIsrPartitionState, ...] = _entities()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderAndIsrLiveLeader:
    """Where a leader named in the request is reached by other brokers."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(7)
    __flexible__: ClassVar[bool] = True
    broker_id: BrokerId = _value("int32")
    host_name: str = _value("string")
    port: int = _value("int32")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderAndIsrRequest:
    """Controller to replicas: lead or follow these partitions. Stale epochs (controller's, broker's) are rejected."""

    __type__: ClassVar = EntityType.request
    __version__: ClassVar[i16] = i16(7)
    __flexible__: ClassVar[bool] = True
    __api_key__: ClassVar[i16] = i16(ApiKey.LEADER_AND_ISR)
    __header_schema__: ClassVar[type[RequestHeaderV2]] = RequestHeaderV2
    controller_id: BrokerId = _value("int32")
    is_kraft_controller: bool = _value("bool", False, since=7)
    controller_epoch: ControllerEpoch = _value("int32")
    broker_epoch: BrokerEpoch = _value("int64", UNKNOWN_BROKER_EPOCH, since=2)
    type: int = _value("int8", 0, since=5)
    topic_states: tuple[LeaderAndIsrTopicState, ...] = _entities(since=2)
    live_leaders: tuple[LeaderAndIsrLiveLeader, ...] = _entities()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderAndIsrPartitionError:
    """The outcome for one replica."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(7)
    __flexible__: ClassVar[bool] = True
    partition_index: int = _value("int32")
    error_code: ErrorCode = _value("error_code", ErrorCode.none)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderAndIsrTopicError:
    """The outcomes for one topic, named by its id."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(7)
    __flexible__: ClassVar[bool] = True
    topic_id: uuid.UUID | None = _value("uuid", None)
    partition_errors: tuple[LeaderAndIsrPartitionError, ...] = _entities()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderAndIsrResponse:
    """`error_code` is for the whole request: STALE_CONTROLLER_EPOCH, STALE_BROKER_EPOCH, or none."""

    __type__: ClassVar = EntityType.response
    __version__: ClassVar[i16] = i16(7)
    __flexible__: ClassVar[bool] = True
    __api_key__: ClassVar[i16] = i16(ApiKey.LEADER_AND_ISR)
    __header_schema__: ClassVar[type[ResponseHeaderV1]] = ResponseHeaderV1
    error_code: ErrorCode = _value("error_code", ErrorCode.none)
    topics: tuple[LeaderAndIsrTopicError, ...] = _entities(since=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReplicaPartitionState:
    """One replica to stop; an older `leader_epoch` than the replica's gets FENCED_LEADER_EPOCH."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(4)
    __flexible__: ClassVar[bool] = True
    partition_index: int = _value("int32")
    leader_epoch: LeaderEpoch = _value("int32", NO_EPOCH)
    delete_partition: bool = _value("bool", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReplicaTopicState:
    """The replicas of one topic to stop."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(4)
    __flexible__: ClassVar[bool] = True
    topic_name: str = _value("string")
    partition_states: tuple[StopReplicaPartitionState, ...] = _entities()


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReplicaRequest:
    """Controller to a replica: stop fetching or leading, and delete the files where `delete_partition` says so."""

    __type__: ClassVar = EntityType.request
    __version__: ClassVar[i16] = i16(4)
    __flexible__: ClassVar[bool] = True
    __api_key__: ClassVar[i16] = i16(ApiKey.STOP_REPLICA)
    __header_schema__: ClassVar[type[RequestHeaderV2]] = RequestHeaderV2
    controller_id: BrokerId = _value("int32")
    is_kraft_controller: bool = _value("bool", False, since=4)
    controller_epoch: ControllerEpoch = _value("int32")
    broker_epoch: BrokerEpoch = _value("int64", UNKNOWN_BROKER_EPOCH, since=1)
    topic_states: tuple[StopReplicaTopicState, ...] = _entities(since=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReplicaPartitionError:
    """The outcome for one replica."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(4)
    __flexible__: ClassVar[bool] = True
    topic_name: str = _value("string")
    partition_index: int = _value("int32")
    error_code: ErrorCode = _value("error_code", ErrorCode.none)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReplicaResponse:
    """`error_code` is for the whole request, as in LeaderAndIsrResponse."""

    __type__: ClassVar = EntityType.response
    __version__: ClassVar[i16] = i16(4)
    __flexible__: ClassVar[bool] = True
    __api_key__: ClassVar[i16] = i16(ApiKey.STOP_REPLICA)
    __header_schema__: ClassVar[type[ResponseHeaderV1]] = ResponseHeaderV1
    error_code: ErrorCode = _value("error_code", ErrorCode.none)
    partition_errors: tuple[StopReplicaPartitionError, ...] = _entities()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMetadataPartitionState:
    """A partition's metadata for clients. Leader LEADER_DURING_DELETE means that the partition is being deleted."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(8)
    __flexible__: ClassVar[bool] = True
    partition_index: int = _value("int32")
    controller_epoch: ControllerEpoch = _value("int32")
    leader: BrokerId = _value("int32")
    leader_epoch: LeaderEpoch = _value("int32")
    isr: tuple[BrokerId, ...] = _value("int32", ())
    zk_version: int = _value("int32")
    replicas: tuple[BrokerId, ...] = _value("int32", ())
    offline_replicas: tuple[BrokerId, ...] = _value("int32", (), since=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMetadataTopicState:
    """The partitions of one topic to remember or to forget."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(8)
    __flexible__: ClassVar[bool] = True
    topic_name: str = _value("string")
    topic_id: uuid.UUID | None = _value("uuid", None, since=7)
    partition_states: tuple[UpdateMetadataPartitionState, ...] = _entities()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMetadataEndpoint:
    """One advertised listener; `security_protocol` is 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(8)
    __flexible__: ClassVar[bool] = True
    port: int = _value("int32")
    host: str = _value("string")
    listener: str = _value("string", "", since=3)
    security_protocol: int = _value("int16")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMetadataBroker:
    """A live broker."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(8)
    __flexible__: ClassVar[bool] = True
    id: BrokerId = _value("int32")
    endpoints: tuple[UpdateMetadataEndpoint, ...] = _entities(since=1)
    rack: str | None = _value("string", None, since=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMetadataRequest:
    """Controller to every broker: these brokers live, and no others; this is the state of these partitions."""

    __type__: ClassVar = EntityType.request
    __version__: ClassVar[i16] = i16(8)
    __flexible__: ClassVar[bool] = True
    __api_key__: ClassVar[i16] = i16(ApiKey.UPDATE_METADATA)
    __header_schema__: ClassVar[type[RequestHeaderV2]] = RequestHeaderV2
    controller_id: BrokerId = _value("int32")
    is_kraft_controller: bool = _value("bool", False, since=8)
    type: int = _value("int8", 0, since=8, tag=0)
    controller_epoch: ControllerEpoch = _value("int32")
    broker_epoch: BrokerEpoch = _value("int64", UNKNOWN_BROKER_EPOCH, since=5)
    topic_states: tuple[UpdateMetadataTopicState, ...] = _entities(since=5)
    live_brokers: tuple[UpdateMetadataBroker, ...] = _entities()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMetadataResponse:
    """STALE_CONTROLLER_EPOCH, STALE_BROKER_EPOCH, or none."""

    __type__: ClassVar = EntityType.response
    __version__: ClassVar[i16] = i16(8)
    __flexible__: ClassVar[bool] = True
    __api_key__: ClassVar[i16] = i16(ApiKey.UPDATE_METADATA)
    __header_schema__: ClassVar[type[ResponseHeaderV1]] = ResponseHeaderV1
    error_code: ErrorCode = _value("error_code", ErrorCode.none)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlledShutdownRequest:
    """Broker to controller: move what I lead to others, I want to stop."""

    __type__: ClassVar = EntityType.request
    __version__: ClassVar[i16] = i16(3)
    __flexible__: ClassVar[bool] = True
    __api_key__: ClassVar[i16] = i16(ApiKey.CONTROLLED_SHUTDOWN)
    __header_schema__: ClassVar[type[RequestHeaderV2]] = RequestHeaderV2
    broker_id: BrokerId = _value("int32")
    broker_epoch: BrokerEpoch = _value("int64", UNKNOWN_BROKER_EPOCH, since=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlledShutdownRemainingPartition:
    """A partition that the broker still leads, because no other in-sync replica is alive."""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(3)
    __flexible__: ClassVar[bool] = True
    topic_name: str = _value("string")
    partition_index: int = _value("int32")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlledShutdownResponse:
    """Done when there is no error and nothing remains."""

    __type__: ClassVar = EntityType.response
    __version__: ClassVar[i16] = i16(3)
    __flexible__: ClassVar[bool] = True
    __api_key__: ClassVar[i16] = i16(ApiKey.CONTROLLED_SHUTDOWN)
    __header_schema__: ClassVar[type[ResponseHeaderV1]] = ResponseHeaderV1
    error_code: ErrorCode = _value("error_code", ErrorCode.none)
    remaining_partitions: tuple[ControlledShutdownRemainingPartition, ...] = _entities()


class _Gone(NamedTuple):
    """A field that only older versions have, up to `until`; it precedes the newest version's field `before`."""

    name: str
    before: str | None
    annotation: Any
    until: int
    definition: Any
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _StopReplicaPartition:
    """A replica named without its topic being a structure: StopReplica 0."""

    topic_name: str = _value("string")
    partition_index: int = _value("int32")


@dataclass(frozen=True, slots=True, kw_only=True)
class _StopReplicaTopic:
    """The replicas of one topic: StopReplica 1 and 2."""

    name: str = _value("string")
    partition_indexes: tuple[int, ...] = _value("int32", ())


_GONE: Mapping[type, tuple[_Gone, ...]] = {
    LeaderAndIsrRequest: (
        _Gone("ungrouped_partition_states", "topic_states", tuple[LeaderAndIsrPartitionState, ...], 1, _entities()),
    ),
    LeaderAndIsrPartitionState: (_Gone("topic_name", "partition_index", str, 1, _value("string", "")),),
    LeaderAndIsrResponse: (
        _Gone("partition_errors", "topics", tuple[LeaderAndIsrPartitionError, ...], 4, _entities()),
    ),
    LeaderAndIsrPartitionError: (_Gone("topic_name", "partition_index", str, 4, _value("string", "")),),
    StopReplicaRequest: (
        _Gone("delete_partitions", "topic_states", bool, 2, _value("bool", False)),
        _Gone("ungrouped_partitions", "topic_states", tuple[_StopReplicaPartition, ...], 0, _entities()),
        _Gone("topics", "topic_states", tuple[_StopReplicaTopic, ...], 2, _entities(), since=1),
    ),
    UpdateMetadataRequest: (
        _Gone("ungrouped_partition_states", "topic_states", tuple[UpdateMetadataPartitionState, ...], 4, _entities()),
    ),
    UpdateMetadataPartitionState: (_Gone("topic_name", "partition_index", str, 4, _value("string", "")),),
    UpdateMetadataBroker: (
        _Gone("v0_host", "endpoints", str, 0, _value("string", "")),
        _Gone("v0_port", "endpoints", int, 0, _value("int32", 0)),
    ),
}


class _Api(NamedTuple):
    flexible_from: int
    request: type
    response: type


_APIS: Mapping[int, _Api] = {
    ApiKey.LEADER_AND_ISR: _Api(4, LeaderAndIsrRequest, LeaderAndIsrResponse),
    ApiKey.STOP_REPLICA: _Api(2, StopReplicaRequest, StopReplicaResponse),
    ApiKey.UPDATE_METADATA: _Api(6, UpdateMetadataRequest, UpdateMetadataResponse),
    ApiKey.CONTROLLED_SHUTDOWN: _Api(3, ControlledShutdownRequest, ControlledShutdownResponse),
}


@cache
def load(api_key: int, version: int, kind: Literal["request", "response"]) -> type[Any]:
    """The class of one message, for kio's `entity_reader` and `entity_writer`; the newest is the class declared above.

    raises  LookupError for an API that is not one of the four, or a version that it never had
    """
    api = _APIS.get(api_key)
    if api is None or not 0 <= version <= APIS[api_key].newest:
        raise LookupError(f"no {kind} of API {api_key} in version {version}")
    newest: type[Any] = getattr(api, kind)
    return newest if version == APIS[api_key].newest else _at_version(newest, api_key, version)


def _at_version(newest: type[Any], api_key: int, version: int) -> type[Any]:
    """`newest` as it was at `version`."""
    api = _APIS[api_key]
    flexible = version >= api.flexible_from
    members: list[tuple[str, Any, Any]] = []
    gone = _GONE.get(newest, ())
    for present in fields(newest):
        members += [
            (old.name, _type_at_version(old.annotation, api_key, version), _copied(old.definition))
            for old in gone
            if old.before == present.name and old.since <= version <= old.until
        ]
        if present.metadata.get("since", 0) <= version:
            members.append((present.name, _type_at_version(present.type, api_key, version), _copied(present)))
    constants: dict[str, Any] = {
        "__type__": getattr(newest, "__type__", EntityType.nested),
        "__version__": i16(version),
        "__flexible__": flexible,
        "__doc__": newest.__doc__,
        "__module__": __name__,
    }
    if newest is api.request:
        first = api_key == ApiKey.CONTROLLED_SHUTDOWN and version == 0
        header: type = RequestHeaderV2 if flexible else RequestHeaderV0 if first else RequestHeaderV1
        constants |= {"__api_key__": i16(api_key), "__header_schema__": header}
    elif newest is api.response:
        constants |= {
            "__api_key__": i16(api_key),
            "__header_schema__": ResponseHeaderV1 if flexible else ResponseHeaderV0,
        }
    return cast(
        type[Any],
        make_dataclass(
            newest.__name__.lstrip("_"), members, namespace=constants, frozen=True, slots=True, kw_only=True
        ),
    )


def _type_at_version(annotation: Any, api_key: int, version: int) -> Any:
    """`tuple[Structure, ...]` with the structure's class of that version; anything else as it is."""
    if get_origin(annotation) is tuple and hasattr(element := get_args(annotation)[0], "__dataclass_fields__"):
        return GenericAlias(tuple, (_at_version(element, api_key, version), ...))
    return annotation


def _copied(original: Field[Any]) -> Any:
    """A new definition of the same field; dataclasses refuse to share one between classes."""
    if original.default is MISSING:
        return field(metadata=original.metadata)
    return field(metadata=original.metadata, default=original.default)
