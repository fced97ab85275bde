"""The permissions that each API requires: one table, beside HANDLERS, of operations and resources, and the check.

    Whole      a right that the whole request depends on; without it, all of it is rejected
    Each       a right for each entry of an array; entries without it are rejected, and the handler never sees them
    InHandler  a right that the handler checks itself (RequestContext.allows), because what follows from it is not
               simply a rejection: what is listed is filtered, one right stands in for another, and the like

An API that is not in the table requires nothing. Whatever is rejected here was not looked up before, so that a
response does not show whether it exists.

source  kafka.server.KafkaApis and AclApis of Apache Kafka 3.9
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pykafka_cli.acls import CLUSTER_NAME, AclOperation, ResourceType
from pykafka_cli.broker.context import Handler, RequestContext
from pykafka_cli.broker.errors import (
    BrokerError,
    ClusterAuthorizationFailed,
    GroupAuthorizationFailed,
    TopicAuthorizationFailed,
    TransactionalIdAuthorizationFailed,
)
from pykafka_cli.model import ConfigResourceType
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.codec import KeptAnswer, MessageCodec

_CLUSTER, _GROUP, _TOPIC, _TRANSACTIONAL_ID = (
    ResourceType.CLUSTER,
    ResourceType.GROUP,
    ResourceType.TOPIC,
    ResourceType.TRANSACTIONAL_ID,
)
REFUSALS: Mapping[ResourceType, type[BrokerError]] = {
    _CLUSTER: ClusterAuthorizationFailed,
    _GROUP: GroupAuthorizationFailed,
    _TOPIC: TopicAuthorizationFailed,
    _TRANSACTIONAL_ID: TransactionalIdAuthorizationFailed,
}
MESSAGES: Mapping[ResourceType, str] = {
    _CLUSTER: "Cluster authorization failed.",
    _GROUP: "Group authorization failed.",
    _TOPIC: "Topic authorization failed.",
    _TRANSACTIONAL_ID: "Transactional Id authorization failed.",
}
"""Kafka's texts for the error codes."""

Resource = tuple[ResourceType, str]


@dataclass(frozen=True)
class Whole:
    """A right for the whole request.

    field         of the request, with the resource's name; none for the cluster
    names_request whether the message says what was rejected, where the response has a message
    """

    operation: AclOperation
    type: ResourceType
    field: str = ""
    names_request: bool = False


@dataclass(frozen=True)
class Each:
    """A right for each entry of an array.

    array      of the request
    answers    the array of the response that has an entry for each of them
    resource   of an entry; None if it is of no known type, which the handler rejects
    message    for the entries that are rejected, where they have one
    """

    operation: AclOperation
    type: ResourceType
    array: str
    answers: str
    resource: Callable[[Any], Resource | None]
    message: str | None = None


@dataclass(frozen=True)
class InHandler:
    """A right that the handler checks."""

    operation: AclOperation
    type: ResourceType


Need = Whole | Each | InHandler


def _topics(
    operation: AclOperation,
    array: str = "topics",
    answers: str = "topics",
    name: str = "name",
    message: str | None = None,
) -> Each:
    return Each(operation, _TOPIC, array, answers, lambda entry: (_TOPIC, getattr(entry, name)), message)


def _groups(operation: AclOperation, array: str, answers: str) -> Each:
    return Each(operation, _GROUP, array, answers, lambda entry: (_GROUP, entry))


def _configs(operation: AclOperation, answers: str) -> Each:
    return Each(operation, _TOPIC, "resources", answers, _config_resource)


def _config_resource(entry: Any) -> Resource | None:
    match entry.resource_type:
        case ConfigResourceType.TOPIC:
            return _TOPIC, entry.resource_name
        case ConfigResourceType.BROKER | ConfigResourceType.BROKER_LOGGER | ConfigResourceType.CLIENT_METRICS:
            return _CLUSTER, CLUSTER_NAME
    return None


def _cluster(operation: AclOperation, *, names_request: bool = False) -> tuple[Need, ...]:
    return (Whole(operation, _CLUSTER, names_request=names_request),)


_BETWEEN_BROKERS = _cluster(AclOperation.CLUSTER_ACTION, names_request=True)
_OF_MEMBERS = (Whole(AclOperation.READ, _GROUP, "group_id"),)

ACCESS: Mapping[int, tuple[Need, ...]] = {
    ApiKey.PRODUCE: (
        InHandler(AclOperation.WRITE, _TRANSACTIONAL_ID),
        InHandler(AclOperation.WRITE, _TOPIC),
    ),
    ApiKey.FETCH: (
        InHandler(AclOperation.READ, _TOPIC),
        InHandler(AclOperation.CLUSTER_ACTION, _CLUSTER),
    ),
    ApiKey.LIST_OFFSETS: (_topics(AclOperation.DESCRIBE),),
    ApiKey.METADATA: (
        InHandler(AclOperation.DESCRIBE, _TOPIC),
        InHandler(AclOperation.CREATE, _CLUSTER),
        InHandler(AclOperation.CREATE, _TOPIC),
        InHandler(AclOperation.DESCRIBE, _CLUSTER),
    ),
    ApiKey.LEADER_AND_ISR: _BETWEEN_BROKERS,
    ApiKey.STOP_REPLICA: _BETWEEN_BROKERS,
    ApiKey.UPDATE_METADATA: _BETWEEN_BROKERS,
    ApiKey.CONTROLLED_SHUTDOWN: _BETWEEN_BROKERS,
    ApiKey.OFFSET_COMMIT: (*_OF_MEMBERS, _topics(AclOperation.READ)),
    ApiKey.OFFSET_FETCH: (
        InHandler(AclOperation.DESCRIBE, _GROUP),
        InHandler(AclOperation.DESCRIBE, _TOPIC),
    ),
    ApiKey.FIND_COORDINATOR: (
        InHandler(AclOperation.DESCRIBE, _GROUP),
        InHandler(AclOperation.DESCRIBE, _TRANSACTIONAL_ID),
    ),
    ApiKey.JOIN_GROUP: _OF_MEMBERS,
    ApiKey.HEARTBEAT: _OF_MEMBERS,
    ApiKey.LEAVE_GROUP: _OF_MEMBERS,
    ApiKey.SYNC_GROUP: _OF_MEMBERS,
    ApiKey.DESCRIBE_GROUPS: (_groups(AclOperation.DESCRIBE, "groups", "groups"),),
    ApiKey.LIST_GROUPS: (
        InHandler(AclOperation.DESCRIBE, _CLUSTER),
        InHandler(AclOperation.DESCRIBE, _GROUP),
    ),
    ApiKey.CREATE_TOPICS: (
        InHandler(AclOperation.CREATE, _CLUSTER),
        InHandler(AclOperation.CREATE, _TOPIC),
        InHandler(AclOperation.DESCRIBE_CONFIGS, _TOPIC),
    ),
    ApiKey.DELETE_TOPICS: (
        InHandler(AclOperation.DESCRIBE, _TOPIC),
        InHandler(AclOperation.DELETE, _TOPIC),
    ),
    ApiKey.DELETE_RECORDS: (_topics(AclOperation.DELETE),),
    ApiKey.INIT_PRODUCER_ID: (
        InHandler(AclOperation.WRITE, _TRANSACTIONAL_ID),
        InHandler(AclOperation.IDEMPOTENT_WRITE, _CLUSTER),
        InHandler(AclOperation.WRITE, _TOPIC),
    ),
    ApiKey.OFFSET_FOR_LEADER_EPOCH: (
        InHandler(AclOperation.CLUSTER_ACTION, _CLUSTER),
        InHandler(AclOperation.DESCRIBE, _TOPIC),
    ),
    ApiKey.ADD_PARTITIONS_TO_TXN: (
        InHandler(AclOperation.WRITE, _TRANSACTIONAL_ID),
        InHandler(AclOperation.WRITE, _TOPIC),
        InHandler(AclOperation.CLUSTER_ACTION, _CLUSTER),
    ),
    ApiKey.ADD_OFFSETS_TO_TXN: (Whole(AclOperation.WRITE, _TRANSACTIONAL_ID, "transactional_id"), *_OF_MEMBERS),
    ApiKey.END_TXN: (Whole(AclOperation.WRITE, _TRANSACTIONAL_ID, "transactional_id"),),
    ApiKey.WRITE_TXN_MARKERS: (
        InHandler(AclOperation.ALTER, _CLUSTER),
        InHandler(AclOperation.CLUSTER_ACTION, _CLUSTER),
    ),
    ApiKey.TXN_OFFSET_COMMIT: (
        Whole(AclOperation.WRITE, _TRANSACTIONAL_ID, "transactional_id"),
        *_OF_MEMBERS,
        _topics(AclOperation.READ),
    ),
    ApiKey.DESCRIBE_ACLS: _cluster(AclOperation.DESCRIBE, names_request=True),
    ApiKey.CREATE_ACLS: _cluster(AclOperation.ALTER, names_request=True),
    ApiKey.DELETE_ACLS: _cluster(AclOperation.ALTER, names_request=True),
    ApiKey.DESCRIBE_CONFIGS: (_configs(AclOperation.DESCRIBE_CONFIGS, "results"),),
    ApiKey.ALTER_CONFIGS: (_configs(AclOperation.ALTER_CONFIGS, "responses"),),
    ApiKey.ALTER_REPLICA_LOG_DIRS: _cluster(AclOperation.ALTER),
    ApiKey.DESCRIBE_LOG_DIRS: _cluster(AclOperation.DESCRIBE),
    ApiKey.CREATE_PARTITIONS: (
        _topics(AclOperation.ALTER, answers="results", message="The topic authorization is failed."),
    ),
    ApiKey.CREATE_DELEGATION_TOKEN: (InHandler(AclOperation.CREATE_TOKENS, ResourceType.USER),),
    ApiKey.DESCRIBE_DELEGATION_TOKEN: (
        InHandler(AclOperation.DESCRIBE, ResourceType.DELEGATION_TOKEN),
        InHandler(AclOperation.DESCRIBE_TOKENS, ResourceType.USER),
    ),
    ApiKey.DELETE_GROUPS: (_groups(AclOperation.DELETE, "groups_names", "results"),),
    ApiKey.ELECT_LEADERS: _cluster(AclOperation.ALTER),
    ApiKey.INCREMENTAL_ALTER_CONFIGS: (_configs(AclOperation.ALTER_CONFIGS, "responses"),),
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: _cluster(AclOperation.ALTER, names_request=True),
    ApiKey.LIST_PARTITION_REASSIGNMENTS: _cluster(AclOperation.DESCRIBE, names_request=True),
    ApiKey.OFFSET_DELETE: (
        Whole(AclOperation.DELETE, _GROUP, "group_id"),
        InHandler(AclOperation.READ, _TOPIC),
    ),
    ApiKey.DESCRIBE_CLIENT_QUOTAS: _cluster(AclOperation.DESCRIBE_CONFIGS),
    ApiKey.ALTER_CLIENT_QUOTAS: _cluster(AclOperation.ALTER_CONFIGS),
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS: _cluster(AclOperation.DESCRIBE),
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: _cluster(AclOperation.ALTER),
    ApiKey.ALTER_PARTITION: _BETWEEN_BROKERS,
    ApiKey.UPDATE_FEATURES: _cluster(AclOperation.ALTER),
    ApiKey.DESCRIBE_CLUSTER: (InHandler(AclOperation.DESCRIBE, _CLUSTER),),
    ApiKey.DESCRIBE_PRODUCERS: (_topics(AclOperation.READ),),
    ApiKey.DESCRIBE_TRANSACTIONS: (
        Each(
            AclOperation.DESCRIBE,
            _TRANSACTIONAL_ID,
            "transactional_ids",
            "transaction_states",
            lambda entry: (_TRANSACTIONAL_ID, entry),
        ),
        InHandler(AclOperation.DESCRIBE, _TOPIC),
    ),
    ApiKey.LIST_TRANSACTIONS: (InHandler(AclOperation.DESCRIBE, _TRANSACTIONAL_ID),),
    ApiKey.ALLOCATE_PRODUCER_IDS: _BETWEEN_BROKERS,
    ApiKey.DESCRIBE_QUORUM: _cluster(AclOperation.DESCRIBE, names_request=True),
}


CHECKED_BEFORE = frozenset(
    key for key, needs in ACCESS.items() if any(not isinstance(need, InHandler) for need in needs)
)
"""APIs with rights that are checked before their handlers are called. Produce and Fetch, of which there are most
requests, are not among them."""


async def handle_what_is_allowed(handle: Handler, codec: MessageCodec, ctx: RequestContext, request: Any) -> Any:
    """The response of the handler to what the client may ask for, with the rejections of the rest.

    raises    BrokerError if nothing of the request may be served
    """
    needs = ACCESS.get(ctx.api_key, ())
    for need in needs:
        if isinstance(need, Whole):
            ensure_allowed(ctx, need, request)
    for need in needs:
        if isinstance(need, Each):
            return await _handle_entries(handle, codec, ctx, request, need)
    return await handle(ctx, request)


def ensure_allowed(ctx: RequestContext, need: Whole, request: Any) -> None:
    """raises    the BrokerError that rejects the request"""
    name = getattr(request, need.field) if need.field else CLUSTER_NAME
    if not ctx.allows(need.operation, need.type, name):
        message = f"Request {ctx.description} is not authorized." if need.names_request else MESSAGES[need.type]
        raise REFUSALS[need.type](message)


async def _handle_entries(handle: Handler, codec: MessageCodec, ctx: RequestContext, request: Any, need: Each) -> Any:
    allowed, refused = _parted(ctx, getattr(request, need.array), need)
    if not any(refused.values()):
        return await handle(ctx, request)
    answers: list[Any] = []
    response: Any = None
    for type_, entries in refused.items():
        part = replace(request, **{need.array: tuple(entries)})
        response = codec.error_response(part, REFUSALS[type_].code, need.message or MESSAGES[type_])
        answers += getattr(response, need.answers)
    if allowed:
        response = await handle(ctx, replace(request, **{need.array: tuple(allowed)}))
        if isinstance(response, KeptAnswer):
            response = response.response
        answers = [*getattr(response, need.answers), *answers]
    return replace(response, **{need.answers: tuple(answers)})


def _parted(ctx: RequestContext, entries: Sequence[Any], need: Each) -> tuple[list[Any], dict[ResourceType, list[Any]]]:
    """The entries that may be served, and the others by the type of what they are about."""
    resources = [need.resource(entry) for entry in entries]
    counts: dict[Resource | None, int] = {}  # a Counter would take longer to make than to fill
    for resource in resources:
        counts[resource] = counts.get(resource, 0) + 1
    decisions = {
        resource: ctx.allows(need.operation, *resource, count=count) for resource, count in counts.items() if resource
    }
    allowed, refused = [], dict[ResourceType, list[Any]]()
    for entry, resource in zip(entries, resources, strict=True):
        if resource is None or decisions[resource]:
            allowed.append(entry)
        else:
            refused.setdefault(resource[0], []).append(entry)
    return allowed, refused
