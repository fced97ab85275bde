"""Fetch (key 1), versions 0-17.

Reads partitions for consumers (up to the high watermark, or the last stable offset) and for followers (up to the log
end), and waits up to max_wait for min_bytes. A follower's fetch also says how far it has got.
v1 throttle time   v2 message format 1 (KIP-32)   v3 max_bytes (KIP-74)   v4 batches of format 2, isolation (KIP-98)
v5 log start   v7 sessions (KIP-227)   v9 leader epoch (KIP-320)   v10 zstd   v11 any replica serves consumers (KIP-392)
v12 flexible, diverging epoch (KIP-595)   v13 topic ids (KIP-516)   v15 replica epoch (KIP-903)
v16 current leader (KIP-951)   v17 directory id of the follower, which is ignored
Left out: replica.selector.class, so that no other replica is ever preferred (docs/gaps.md).
"""

from itertools import groupby

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import (
    FetchSessionIdNotFound,
    FetchSessionTopicIdError,
    InvalidFetchSessionEpoch,
)
from pykafka_cli.broker.replication.down_conversion import (
    FETCH_BYTES,
    FIRST_VERSION_WITH_BATCHES,
    DownConversion,
    message_format,
)
from pykafka_cli.broker.replication.fetch_sessions import Answer, FetchTarget, PartitionKey
from pykafka_cli.broker.replication.leader_hints import leader_hint
from pykafka_cli.broker.replication.reading import FetchTerms, Visibility
from pykafka_cli.model import TopicPartition
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.hot_path.fetch import (
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopicResponse,
)
from pykafka_cli.protocol.hot_path.wire import NodeEndpoint

FIRST_VERSION_WITH_STORAGE_ERROR = 6
FIRST_VERSION_WITH_ZSTD = 10
FIRST_VERSION_WITH_FOLLOWERS = 11
FIRST_VERSION_WITH_TOPIC_IDS = 13
FIRST_VERSION_WITH_LEADERS = 16

READ_COMMITTED = 1

_LEADER_ELSEWHERE = frozenset({ErrorCode.not_leader_or_follower, ErrorCode.fenced_leader_epoch})


async def handle(ctx: RequestContext, request: FetchRequest) -> FetchResponse:
    replicas, clock = ctx.broker.replicas, ctx.broker.clock
    try:
        fetch = replicas.sessions.begin(
            _targets(request),
            _forgotten(request),
            session_id=request.session_id,
            epoch=request.session_epoch,
            is_follower=request.replica_id >= 0,
            uses_topic_ids=ctx.api_version >= FIRST_VERSION_WITH_TOPIC_IDS,
            now=clock.monotonic(),
        )
    except (FetchSessionIdNotFound, InvalidFetchSessionEpoch, FetchSessionTopicIdError) as error:
        return FetchResponse(error_code=error.code)
    readable: list[FetchTarget] = []
    unknown: list[Answer] = []
    for target in fetch.targets:
        error_code = _resolve(ctx, target)
        if error_code is ErrorCode.none:
            readable.append(target)
        else:
            unknown.append((target, FetchPartitionResponse(target.partition, error_code)))
    answers = await replicas.fetch(readable, _terms(ctx, request)) if readable else []
    endpoints = _adapt(ctx, answers)
    if ctx.api_version < FIRST_VERSION_WITH_BATCHES:
        await _down_convert(ctx, request, answers)
    try:
        session_id, news = fetch.conclude(answers + unknown, clock.monotonic())
    except InvalidFetchSessionEpoch as error:
        return FetchResponse(error_code=error.code, session_id=request.session_id)
    return FetchResponse(
        [
            FetchTopicResponse(topic, topic_id, [answer for _, answer in of_topic])
            for (topic, topic_id), of_topic in groupby(news, key=lambda each: (each[0].topic, each[0].topic_id))
        ],
        session_id=session_id,
        node_endpoints=endpoints,
    )


def _targets(request: FetchRequest) -> list[FetchTarget]:
    return [
        FetchTarget(
            topic.topic,
            topic.topic_id,
            each.partition,
            each.fetch_offset,
            each.partition_max_bytes,
            each.current_leader_epoch,
            each.last_fetched_epoch,
            each.log_start_offset,
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


def _resolve(ctx: RequestContext, target: FetchTarget) -> ErrorCode:
    """Find the name to a topic id, now or in a later fetch of the session; whether the partition is known."""
    metadata = ctx.broker.metadata
    if target.topic is None:
        target.topic = None if target.topic_id is None else metadata.topic_name(target.topic_id)
        if target.topic is None:
            return ErrorCode.unknown_topic_id
    known = metadata.partition_state(TopicPartition(target.topic, target.partition)) is not None
    return ErrorCode.none if known else ErrorCode.unknown_topic_or_partition


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
    return FetchTerms(
        replica_id=request.replica_id,
        visibility=visibility,
        only_leader=is_follower or ctx.api_version < FIRST_VERSION_WITH_FOLLOWERS,
        max_wait_ms=request.max_wait_ms,
        min_bytes=min(request.min_bytes, max_bytes),
        max_bytes=max_bytes,
    )


def _adapt(ctx: RequestContext, answers: list[Answer]) -> list[NodeEndpoint]:
    """Fit the answers to the client's version; where leaders named in them are reached."""
    replicas = ctx.broker.replicas
    endpoints: dict[int, NodeEndpoint] = {}
    for target, answer in answers:
        assert target.topic is not None, "only targets of known topics are read"
        topic_partition = TopicPartition(target.topic, target.partition)
        if answer.error_code is ErrorCode.none:
            if ctx.api_version < FIRST_VERSION_WITH_ZSTD and _stores_zstd(ctx, topic_partition):
                answer.error_code, answer.records = ErrorCode.unsupported_compression_type, b""
        elif answer.error_code in _LEADER_ELSEWHERE and ctx.api_version >= FIRST_VERSION_WITH_LEADERS:
            hint = leader_hint(replicas.hosted, ctx.broker.metadata, topic_partition, ctx.listener_name)
            answer.current_leader = hint.leader
            if hint.endpoint is not None:
                endpoints[hint.endpoint.node_id] = hint.endpoint
        elif answer.error_code is ErrorCode.kafka_storage_error and ctx.api_version < FIRST_VERSION_WITH_STORAGE_ERROR:
            answer.error_code = ErrorCode.not_leader_or_follower  # what old clients take for "ask for metadata"
    return list(endpoints.values())


def _stores_zstd(ctx: RequestContext, topic_partition: TopicPartition) -> bool:
    config = _config_of(ctx, topic_partition)
    return config is not None and config.compression_type == "zstd"


async def _down_convert(ctx: RequestContext, request: FetchRequest, answers: list[Answer]) -> None:
    """Put records into the older message format, for consumers only where message.downconversion.enable says so."""
    conversion = DownConversion(message_format(ctx.api_version))
    for target, answer in answers:
        assert target.topic is not None, "older versions name topics"
        if answer.error_code is not ErrorCode.none:
            continue
        config = _config_of(ctx, TopicPartition(target.topic, target.partition))
        if request.replica_id < 0 and config is not None and not config.message_downconversion_enable:
            answer.error_code, answer.records = ErrorCode.unsupported_version, b""
        else:
            await conversion.convert(answer, target.fetch_offset)


def _config_of(ctx: RequestContext, topic_partition: TopicPartition) -> TopicConfig | None:
    partition = ctx.broker.replicas.hosted.get(topic_partition)
    log = None if partition is None else partition.log
    return None if log is None else log.config
