"""Fetch (key 1), versions 0-17.

Reads partitions for consumers (up to the high watermark, or the last stable offset) and for followers (up to the log
end), and waits up to max_wait for min_bytes. A follower's fetch also says how far it has got.
v1 throttle time   v2 message format 1 (KIP-32)   v3 max_bytes (KIP-74)   v4 batches of format 2, isolation (KIP-98)
v5 log start   v7 sessions (KIP-227)   v9 leader epoch (KIP-320)   v10 zstd   v11 any replica serves consumers (KIP-392)
v12 flexible, diverging epoch (KIP-595)   v13 topic ids (KIP-516)   v15 replica epoch (KIP-903)
v16 current leader (KIP-951)   v17 directory id of the follower, which is ignored
Left out: replica.selector.class, so that no other replica is ever preferred (docs/gaps.md).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby

from kio.schema.errors import ErrorCode

from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import (
    FencedLeaderEpoch,
    FetchSessionIdNotFound,
    FetchSessionTopicIdError,
    InvalidFetchSessionEpoch,
    KafkaStorageError,
    NotLeaderOrFollower,
    TopicAuthorizationFailed,
    UnknownTopicId,
    UnknownTopicOrPartition,
    UnsupportedCompressionType,
    UnsupportedVersion,
)
from pykafka_cli.broker.handlers.leader_hints import LeaderHint, leader_hint
from pykafka_cli.broker.quotas.allowances import Allowance
from pykafka_cli.broker.replication.down_conversion import (
    FETCH_BYTES,
    FIRST_VERSION_WITH_BATCHES,
    DownConversion,
    message_format,
)
from pykafka_cli.broker.replication.fetch_sessions import FetchContext
from pykafka_cli.broker.replication.fetch_values import Answer, AskedPartition, FetchResult, FetchTarget, PartitionKey
from pykafka_cli.broker.replication.reading import FetchTerms, Visibility
from pykafka_cli.model import NO_OFFSET, BrokerId, TopicPartition
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.hot_path.fetch import (
    AbortedTransaction,
    EpochEndOffset,
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopicResponse,
)
from pykafka_cli.protocol.hot_path.wire import NodeEndpoint

_NO_ERROR, _READ, _TOPIC = (
    ErrorCode.none,
    AclOperation.READ,
    ResourceType.TOPIC,
)  # an attribute of an enumeration is slow to look up

FIRST_VERSION_WITH_STORAGE_ERROR = 6
FIRST_VERSION_WITH_ZSTD = 10
FIRST_VERSION_WITH_FOLLOWERS = 11
FIRST_VERSION_WITH_TOPIC_IDS = 13
FIRST_VERSION_WITH_LEADERS = 16

READ_COMMITTED = 1

NO_READ_REPLICA = BrokerId(-1)

_LEADER_ELSEWHERE = frozenset({NotLeaderOrFollower.code, FencedLeaderEpoch.code})


async def handle(ctx: RequestContext, request: FetchRequest) -> FetchResponse:
    replicas, is_follower = ctx.broker.replicas, request.replica_id >= 0
    clock = ctx.broker.clock.of_peers if is_follower else ctx.broker.clock
    try:
        fetch = replicas.sessions.begin(
            _asked(request),
            _forgotten(request),
            session_id=request.session_id,
            epoch=request.session_epoch,
            is_follower=is_follower,
            uses_topic_ids=ctx.api_version >= FIRST_VERSION_WITH_TOPIC_IDS,
            now=clock.monotonic(),
        )
    except (FetchSessionIdNotFound, InvalidFetchSessionEpoch, FetchSessionTopicIdError) as error:
        return FetchResponse(error_code=error.code)
    targets: list[FetchTarget] = []
    unknown: list[Answer] = []
    is_refused = is_follower and not ctx.allows_on_cluster(AclOperation.CLUSTER_ACTION)
    checked = ctx.rights is not None and not is_follower
    for asked in fetch.targets:
        found = TopicAuthorizationFailed.code if is_refused else _find(ctx, asked, checked=checked)
        if isinstance(found, ErrorCode):
            unknown.append((asked, FetchResult(found)))
        else:
            targets.append(FetchTarget(found, asked))
    results = await replicas.fetch(targets, _terms(ctx, request), fetch) if targets or fetch.has_idle else []
    if ctx.allowance is not None and not is_follower and _has_to_wait(ctx, ctx.allowance, results):
        return _postponed(fetch, request)
    metrics = ctx.broker.metrics
    hints = _adapt(ctx, targets, results, metrics.replicated_out if is_follower else metrics.bytes_out)
    if ctx.api_version < FIRST_VERSION_WITH_BATCHES:
        await _down_convert(ctx, request, targets, results)
    answers = [(target.asked, result) for target, result in zip(targets, results, strict=True)]
    try:
        is_idle = partial(replicas.is_idle, request.replica_id) if is_follower else None
        session_id, changed = fetch.conclude(answers + unknown, clock.monotonic(), is_idle)
    except InvalidFetchSessionEpoch as error:
        return FetchResponse(error_code=error.code, session_id=request.session_id)
    return FetchResponse(
        [
            FetchTopicResponse(topic, topic_id, [_answer(asked, result, hints) for asked, result in of_topic])
            for (topic, topic_id), of_topic in groupby(changed, key=lambda each: (each[0].topic, each[0].topic_id))
        ],
        session_id=session_id,
        node_endpoints=_endpoints(hints) if hints else [],
    )


def _has_to_wait(ctx: RequestContext, allowance: Allowance, results: Sequence[FetchResult]) -> bool:
    """Whether the client has used up its quota, and gets no records for now."""
    ctx.throttle, is_sent = allowance.fetched(sum(len(result.records) for result in results))
    return not is_sent


def _postponed(fetch: FetchContext, request: FetchRequest) -> FetchResponse:
    try:
        return FetchResponse(session_id=fetch.postpone())
    except InvalidFetchSessionEpoch as error:
        return FetchResponse(error_code=error.code, session_id=request.session_id)


def _asked(request: FetchRequest) -> list[AskedPartition]:
    return [
        AskedPartition(
            topic.topic,
            topic.topic_id,
            each.partition,
            each.fetch_offset,
            each.partition_max_bytes,
            each.current_leader_epoch if each.current_leader_epoch >= 0 else None,
            each.last_fetched_epoch if each.last_fetched_epoch >= 0 else None,
            each.log_start_offset if each.log_start_offset >= 0 else None,
        )
        for topic in request.topics
        for each in topic.partitions
    ]


def _forgotten(request: FetchRequest) -> list[PartitionKey]:
    return [
        (topic.topic if topic.topic is not None else topic.topic_id, partition)
        for topic in request.forgotten
        for partition in topic.partitions
    ]


def _find(ctx: RequestContext, asked: AskedPartition, *, checked: bool) -> TopicPartition | ErrorCode:
    """The partition, or why it is not known; a session keeps the name that was found for a topic id.

    checked    whether the client must be allowed to read the topic
    """
    metadata = ctx.broker.metadata
    if asked.topic is None:
        asked.topic = None if asked.topic_id is None else metadata.topic_name(asked.topic_id)
        if asked.topic is None:
            return UnknownTopicId.code
    if checked and not ctx.allows(_READ, _TOPIC, asked.topic):
        return TopicAuthorizationFailed.code
    topic_partition = TopicPartition(asked.topic, asked.partition)
    if metadata.partition_state(topic_partition) is None:
        return UnknownTopicOrPartition.code
    return topic_partition


def _terms(ctx: RequestContext, request: FetchRequest) -> FetchTerms:
    is_follower = request.replica_id >= 0
    if is_follower:
        visibility = Visibility.LOG_END
    else:
        committed_only = request.isolation_level == READ_COMMITTED
        visibility = Visibility.LAST_STABLE if committed_only else Visibility.HIGH_WATERMARK
    max_bytes = min(request.max_bytes, ctx.broker.settings.fetch_max_bytes)
    if ctx.api_version < FIRST_VERSION_WITH_BATCHES:
        max_bytes = min(max_bytes, FETCH_BYTES)
    if ctx.allowance is not None and not is_follower and (most := ctx.allowance.most_to_fetch()) is not None:
        max_bytes = min(max_bytes, most)
    return FetchTerms(
        follower=request.replica_id if is_follower else None,
        visibility=visibility,
        only_leader=is_follower or ctx.api_version < FIRST_VERSION_WITH_FOLLOWERS,
        max_wait_ms=request.max_wait_ms,
        min_bytes=min(request.min_bytes, max_bytes),
        max_bytes=max_bytes,
    )


def _adapt(
    ctx: RequestContext, targets: Sequence[FetchTarget], results: Sequence[FetchResult], sent: dict[str, int]
) -> dict[PartitionKey, LeaderHint]:
    """Fit the results to the client's version; the leaders of partitions that are led elsewhere.

    sent    where bytes of records are counted by topic; it has 0 for a new one
    """
    hints: dict[PartitionKey, LeaderHint] = {}
    for (topic_partition, asked), result in zip(targets, results, strict=True):
        if result.error_code is _NO_ERROR:
            sent[topic_partition.topic] += len(result.records)
            if ctx.api_version < FIRST_VERSION_WITH_ZSTD and _stores_zstd(ctx, topic_partition):
                result.error_code, result.records = UnsupportedCompressionType.code, b""
        elif result.error_code in _LEADER_ELSEWHERE and ctx.api_version >= FIRST_VERSION_WITH_LEADERS:
            hosted, metadata = ctx.broker.replicas.hosted, ctx.broker.metadata
            hints[asked.key] = leader_hint(hosted, metadata, topic_partition, ctx.listener_name)
        elif result.error_code is KafkaStorageError.code and ctx.api_version < FIRST_VERSION_WITH_STORAGE_ERROR:
            result.error_code = NotLeaderOrFollower.code  # at which old clients request metadata
    return hints


def _endpoints(hints: Mapping[PartitionKey, LeaderHint]) -> list[NodeEndpoint]:
    found = (hint.endpoint for hint in hints.values())
    return list({endpoint.node_id: endpoint for endpoint in found if endpoint is not None}.values())


def _answer(
    asked: AskedPartition, result: FetchResult, hints: Mapping[PartitionKey, LeaderHint]
) -> FetchPartitionResponse:
    aborted, diverging = result.aborted_transactions, result.diverging_epoch
    hint = hints.get(asked.key) if hints else None
    return FetchPartitionResponse(
        asked.partition,
        result.error_code,
        NO_OFFSET if result.high_watermark is None else result.high_watermark,
        NO_OFFSET if result.last_stable is None else result.last_stable,
        NO_OFFSET if result.log_start is None else result.log_start,
        None if aborted is None else [AbortedTransaction(each.producer_id, each.first_offset) for each in aborted],
        NO_READ_REPLICA,
        result.records,
        None if diverging is None else EpochEndOffset(*diverging),
        None if hint is None else hint.leader,
    )


def _stores_zstd(ctx: RequestContext, topic_partition: TopicPartition) -> bool:
    config = _config_of(ctx, topic_partition)
    return config is not None and config.compression_type == "zstd"


async def _down_convert(
    ctx: RequestContext, request: FetchRequest, targets: Sequence[FetchTarget], results: Sequence[FetchResult]
) -> None:
    """Convert records to the older message format; for consumers only if message.downconversion.enable allows it."""
    conversion = DownConversion(message_format(ctx.api_version))
    for (topic_partition, asked), result in zip(targets, results, strict=True):
        if result.error_code is not _NO_ERROR:
            continue
        config = _config_of(ctx, topic_partition)
        if request.replica_id < 0 and config is not None and not config.message_downconversion_enable:
            result.error_code, result.records = UnsupportedVersion.code, b""
        else:
            await conversion.convert(result, asked.fetch_offset)


def _config_of(ctx: RequestContext, topic_partition: TopicPartition) -> TopicConfig | None:
    partition = ctx.broker.replicas.hosted.get(topic_partition)
    log = None if partition is None else partition.log
    return None if log is None else log.config
