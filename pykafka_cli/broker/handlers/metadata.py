"""Metadata (key 3), versions 0-12.

Brokers, and the partitions, leaders and replicas of topics: all, those named, or those with an id (KIP-516). A topic
that does not exist is created, if the request and auto.create.topics.enable allow it, and the response has
LEADER_NOT_AVAILABLE, so that the client asks again.
v1 rack, controller, internal   v2 cluster id   v3 throttle time   v4 allow_auto_topic_creation   v5 offline replicas
v7 leader epoch   v8 authorized operations (of the cluster up to v10)   v9 flexible   v10 topic ids   v12 topics by id
"""

from collections.abc import Collection, Hashable, Iterable
from dataclasses import fields
from typing import cast

from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12.request import MetadataRequest
from kio.schema.metadata.v12.response import (
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i32

from pykafka_cli import topic_names
from pykafka_cli.acls import CLUSTER_NAME, AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import (
    InvalidRequest,
    InvalidTopic,
    ReplicaNotAvailable,
    TopicAuthorizationFailed,
    UnknownTopicId,
    UnknownTopicOrPartition,
)
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, broker_ids
from pykafka_cli.broker.metadata.cache import MetadataCache
from pykafka_cli.broker.quotas.allowances import PartitionMutations
from pykafka_cli.protocol.authorized_operations import NOT_ASKED
from pykafka_cli.protocol.codec import KeptAnswer
from pykafka_cli.protocol.inter_broker import UpdateMetadataPartitionState
from pykafka_cli.protocol.metadata_with_cluster import MetadataRequestWithCluster, MetadataResponseWithCluster

FIRST_VERSION_WITH_LISTENER_NOT_FOUND = 6
FIRST_VERSION_BY_TOPIC_ID = 12

_DESCRIBE, _TOPIC = AclOperation.DESCRIBE, ResourceType.TOPIC


async def handle(ctx: RequestContext, request: MetadataRequest) -> MetadataResponse | KeptAnswer:
    if request.topics is not None or ctx.rights is not None:
        return await _answer(ctx, request)
    # There may be thousands, and every admin client and every consumer with a pattern asks for all of them.
    answers, asked = ctx.broker.metadata.answers, (ctx.listener_name, ctx.api_version, request)
    if asked not in answers:
        answers[asked] = KeptAnswer(await _answer(ctx, request))
    kept: KeptAnswer = answers[asked]
    return kept


async def _answer(ctx: RequestContext, request: MetadataRequest) -> MetadataResponse:
    """The response, without waiting unless a missing topic is to be created."""
    cache: MetadataCache = ctx.broker.metadata
    reachable = cache.alive_brokers(ctx.listener_name)
    described: list[MetadataResponseTopic] = []
    alike: dict[Hashable, MetadataResponsePartition] = {}
    missing: list[str] = []
    for name, topic in _asked(ctx, cache, request):
        if topic is not None:
            described.append(topic)
        elif not ctx.allows(_DESCRIBE, _TOPIC, name, is_asked_for=request.topics is not None):
            if request.topics is not None:
                described.append(_hidden(cache, name, by_id=any(each.topic_id for each in request.topics)))
        elif name in cache:
            asked = request.include_topic_authorized_operations
            operations = ctx.authorized_operations(_TOPIC, name) if asked else NOT_ASKED
            described.append(_existing(ctx, cache, reachable, name, operations, alike))
        else:
            missing.append(name)
    may_create = request.allow_auto_topic_creation and ctx.broker.settings.auto_create_topics_enable
    if missing:
        described += await _created(ctx, missing) if may_create else map(_unknown, missing)
    response = MetadataResponse(
        throttle_time=NO_THROTTLE,
        brokers=tuple(
            MetadataResponseBroker(
                node_id=BrokerId(broker), host=endpoint.host, port=i32(endpoint.port), rack=cache.rack(broker)
            )
            for broker, endpoint in reachable.items()
        ),
        cluster_id=cache.cluster_id,
        controller_id=BrokerId(-1 if cache.controller_id is None else cache.controller_id),
        topics=tuple(described),
    )
    if isinstance(request, MetadataRequestWithCluster):
        return _with_cluster(ctx, response)
    return response


def _with_cluster(ctx: RequestContext, response: MetadataResponse) -> MetadataResponseWithCluster:
    """The response, and what the client may do with the cluster: nothing, if it may not describe it."""
    may_describe = ctx.allows_on_cluster(_DESCRIBE)
    operations = ctx.authorized_operations(ResourceType.CLUSTER, CLUSTER_NAME) if may_describe else i32(0)
    its = {each.name: getattr(response, each.name) for each in fields(response)}
    return MetadataResponseWithCluster(**its, cluster_authorized_operations=operations)


def _asked(
    ctx: RequestContext, cache: MetadataCache, request: MetadataRequest
) -> Iterable[tuple[str, MetadataResponseTopic | None]]:
    """Names of the topics to describe; for an id without a topic, the error to respond with."""
    if request.topics is None:
        return [(name, None) for name in cache.topics()]
    ids = [topic.topic_id for topic in request.topics if topic.topic_id is not None]
    if ctx.api_version < FIRST_VERSION_BY_TOPIC_ID:
        if ids:
            raise InvalidRequest(f"Topic IDs are not supported in requests for version {ctx.api_version}")
        if any(topic.name is None for topic in request.topics):
            raise InvalidRequest(f"Topic name can not be null for version {ctx.api_version}")
    if not ids:
        return [(name, None) for name in dict.fromkeys(t.name for t in request.topics if t.name is not None)]
    found = []
    for topic_id in dict.fromkeys(ids):
        name = cache.topic_name(topic_id)
        unknown = MetadataResponseTopic(error_code=UnknownTopicId.code, name=None, topic_id=topic_id, partitions=())
        found.append((name or "", None if name else unknown))
    return found


def _existing(
    ctx: RequestContext,
    cache: MetadataCache,
    reachable: Collection[BrokerId],
    name: str,
    operations: i32,
    alike: dict[Hashable, MetadataResponsePartition],
) -> MetadataResponseTopic:
    return MetadataResponseTopic(
        error_code=ErrorCode.none,
        name=TopicName(name),
        topic_id=cache.topic_id(name),
        is_internal=topic_names.is_internal(name),
        partitions=tuple(
            _shared(ctx, cache, reachable, state, alike) for _, state in sorted(cache.partitions(name).items())
        ),
        topic_authorized_operations=operations,
    )


def _shared(
    ctx: RequestContext,
    cache: MetadataCache,
    reachable: Collection[BrokerId],
    state: UpdateMetadataPartitionState,
    alike: dict[Hashable, MetadataResponsePartition],
) -> MetadataResponsePartition:
    """One object for partitions of all topics that differ in nothing: of thousands, most have such twins."""
    what = (state.partition_index, state.leader, state.leader_epoch, state.replicas, state.isr, state.offline_replicas)
    found = alike.get(what)
    if found is None:
        found = alike[what] = _partition(ctx, cache, reachable, state)
    return found


def _partition(
    ctx: RequestContext, cache: MetadataCache, reachable: Collection[BrokerId], state: UpdateMetadataPartitionState
) -> MetadataResponsePartition:
    has_leader = state.leader in reachable
    replicas, isr = state.replicas, state.isr
    error = ErrorCode.none
    if not has_leader:
        knows_why = ctx.api_version >= FIRST_VERSION_WITH_LISTENER_NOT_FOUND and cache.is_alive(state.leader)
        error = ErrorCode.listener_not_found if knows_why else ErrorCode.leader_not_available
    if ctx.api_version == 0:
        # Later versions name all replicas; this one only those that the client can reach, with an error.
        replicas = tuple(broker for broker in state.replicas if broker in reachable)
        isr = tuple(broker for broker in state.isr if broker in reachable)
        if has_leader and (len(replicas), len(isr)) < (len(state.replicas), len(state.isr)):
            error = ReplicaNotAvailable.code
    # Unchecked, being the controller's: there may be thousands, and a check takes as long as all else about one.
    return MetadataResponsePartition(
        error_code=error,
        partition_index=cast(i32, state.partition_index),
        leader_id=cast(BrokerId, state.leader if has_leader else -1),
        leader_epoch=cast(i32, state.leader_epoch),
        replica_nodes=broker_ids(replicas),
        isr_nodes=broker_ids(isr),
        offline_replicas=broker_ids(state.offline_replicas),
    )


async def _created(ctx: RequestContext, names: list[str]) -> list[MetadataResponseTopic]:
    """Have topics created, as far as the client may; who may create topics in the cluster may create any."""
    may_create_all = ctx.allows_on_cluster(AclOperation.CREATE, is_asked_for=False)
    wanted = [name for name in names if may_create_all or ctx.allows(AclOperation.CREATE, _TOPIC, name)]
    charge = PartitionMutations(ctx.allowance, is_strict=False).charge
    outcomes = await ctx.broker.topics.auto_create(wanted, charge) if wanted else {}
    codes = {name: ErrorCode.leader_not_available if error is None else error.code for name, error in outcomes.items()}
    return [_without_partitions(name, codes.get(name, TopicAuthorizationFailed.code)) for name in names]


def _hidden(cache: MetadataCache, name: str, *, by_id: bool) -> MetadataResponseTopic:
    """A topic that the client may not describe: neither its name is said, where only its id was, nor its id."""
    return MetadataResponseTopic(
        error_code=TopicAuthorizationFailed.code,
        name=None if by_id else TopicName(name),
        topic_id=cache.topic_id(name) if by_id else None,
        partitions=(),
    )


def _unknown(name: str) -> MetadataResponseTopic:
    is_valid = topic_names.why_invalid(name) is None
    return _without_partitions(name, UnknownTopicOrPartition.code if is_valid else InvalidTopic.code)


def _without_partitions(name: str, error: ErrorCode) -> MetadataResponseTopic:
    return MetadataResponseTopic(
        error_code=error,
        name=TopicName(name),
        topic_id=None,
        is_internal=topic_names.is_internal(name),
        partitions=(),
    )
