"""Produce (key 0), versions 0-11.

Appends one record batch for each partition. acks 1: answered when the leader has written it; -1: when all in-sync
replicas have it, within the request's timeout; 0: never answered, an error ends the connection instead.
v1 throttle time   v2 log append time (KIP-32)   v3 batches of format 2, transactional id (KIP-98)   v5 log start
v7 zstd (KIP-110)   v8 errors of records (KIP-467)   v9 flexible
v10 current leader (KIP-951)   v11 errors that older transactional producers do not know (KIP-890)
"""

from collections.abc import Mapping
from contextlib import suppress

from kio.schema.errors import ErrorCode

from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import (
    BrokerError,
    InvalidProducerIdMapping,
    InvalidRecord,
    InvalidTopic,
    InvalidTxnState,
    RecordsRefused,
    TopicAuthorizationFailed,
    TransactionAbortable,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartition,
    UnsupportedCompressionType,
)
from pykafka_cli.broker.handlers.leader_hints import leader_hint
from pykafka_cli.broker.log.appending import AppendInfo
from pykafka_cli.broker.log.batch_checks import may_take_long
from pykafka_cli.broker.log.message_conversion import batch_of
from pykafka_cli.broker.log.validation import CheckedBatch
from pykafka_cli.model import BrokerId, ProducerIdAndEpoch, TopicPartition
from pykafka_cli.protocol.hot_path.produce import (
    ProducePartitionResponse,
    ProduceRequest,
    ProduceResponse,
    ProduceTopicResponse,
    RecordError,
)
from pykafka_cli.protocol.hot_path.wire import NodeEndpoint
from pykafka_cli.protocol.records.batch import (
    ATTRIBUTES_AT,
    CODEC_MASK,
    NO_TIMESTAMP,
    TRANSACTIONAL,
    Compression,
    CorruptRecords,
    read_header,
)
from pykafka_cli.topic_names import is_internal

ADMIN_CLIENT_ID = "__admin_client"
"""The client id that may write to internal topics (AdminUtils.ADMIN_CLIENT_ID)."""

FIRST_VERSION_WITH_BATCHES = 3
FIRST_VERSION_WITH_ZSTD = 7
FIRST_VERSION_WITH_LEADERS = 10
FIRST_VERSION_WITH_TRANSACTION_ABORTABLE = 11


async def handle(ctx: RequestContext, request: ProduceRequest) -> ProduceResponse:
    refused: dict[TopicPartition, BrokerError] = {}
    accepted: dict[TopicPartition, memoryview] = {}
    takes_long = False
    for topic in request.topics:
        is_allowed = ctx.allows(AclOperation.WRITE, ResourceType.TOPIC, topic.name, count=len(topic.partitions))
        for each in topic.partitions:
            topic_partition = TopicPartition(topic.name, each.index)
            try:
                _ensure_transaction_allowed(ctx, request.transactional_id, each.records)
                if not is_allowed:
                    raise TopicAuthorizationFailed()
                records = each.records
                if ctx.api_version < FIRST_VERSION_WITH_BATCHES and records is not None:
                    records = await _converted(ctx, topic_partition, records)
                    if records is None:
                        continue
                accepted[topic_partition] = records = _checked(ctx, topic_partition, records)
                takes_long = takes_long or may_take_long(records)
            except TransactionalIdAuthorizationFailed:
                raise  # rejects the request as a whole, and nothing has been written yet
            except BrokerError as error:
                refused[topic_partition] = error
    batches: Mapping[TopicPartition, bytearray | memoryview | CheckedBatch] = accepted
    if takes_long:
        batches, faults = await ctx.broker.replicas.checked(accepted)
        refused |= faults
    if request.transactional_id is not None and ctx.broker.settings.transaction_partition_verification_enable:
        # Last of what is awaited: transactions are verified only until the next await.
        refused |= await _unverified(ctx, request.transactional_id, {each: accepted[each] for each in batches})
        batches = {each: found for each, found in batches.items() if each not in refused}
    results = await ctx.broker.replicas.append(batches, acks=request.acks, timeout_ms=request.timeout_ms)
    results.update(refused)
    endpoints: dict[BrokerId, NodeEndpoint] = {}
    topics = []
    for topic in request.topics:
        answers = []
        for each in topic.partitions:
            topic_partition = TopicPartition(topic.name, each.index)
            answers.append(_answer(ctx, topic_partition, results.get(topic_partition), endpoints))
        topics.append(ProduceTopicResponse(topic.name, answers))
    return ProduceResponse(topics, node_endpoints=list(endpoints.values()))


def _ensure_transaction_allowed(ctx: RequestContext, transactional_id: str | None, records: memoryview | None) -> None:
    """Transactional records are for those who may use the id. raises    TransactionalIdAuthorizationFailed"""
    if records is None or len(records) <= ATTRIBUTES_AT + 1 or ctx.api_version < FIRST_VERSION_WITH_BATCHES:
        return
    if records[ATTRIBUTES_AT + 1] & TRANSACTIONAL:
        if transactional_id is None:
            raise TransactionalIdAuthorizationFailed("transactional records were sent without a transactional id")
        if not ctx.allows(AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, transactional_id):
            raise TransactionalIdAuthorizationFailed("Transactional Id authorization failed.")


async def _converted(ctx: RequestContext, topic_partition: TopicPartition, messages: memoryview) -> memoryview | None:
    """The batch for messages of an older format; None for no messages, which older versions allow."""
    if ctx.broker.metadata.partition_state(topic_partition) is None:
        raise UnknownTopicOrPartition(f"{topic_partition} does not exist")
    partition = ctx.broker.replicas.partition(topic_partition)
    limit = partition.leader_log().config.max_message_bytes
    checks = ctx.broker.replicas.batch_checks  # each record is read one by one
    batch = await checks.in_thread(lambda: batch_of(messages, limit, topic_partition))
    return None if batch is None else memoryview(batch)


def _checked(ctx: RequestContext, topic_partition: TopicPartition, records: memoryview | None) -> memoryview:
    """The records, unless the request alone shows that they must be rejected."""
    if records is None or len(records) <= ATTRIBUTES_AT + 1:
        raise InvalidRecord(f"{topic_partition}: no complete record batch was sent")
    attributes = records[ATTRIBUTES_AT + 1]
    if ctx.broker.metadata.partition_state(topic_partition) is None:
        raise UnknownTopicOrPartition(f"{topic_partition} does not exist")
    if attributes & CODEC_MASK == Compression.ZSTD and ctx.api_version < FIRST_VERSION_WITH_ZSTD:
        raise UnsupportedCompressionType(f"zstd needs Produce {FIRST_VERSION_WITH_ZSTD} or later")
    if is_internal(topic_partition.topic) and ctx.client_id != ADMIN_CLIENT_ID:
        raise InvalidTopic(f"clients do not write to the internal topic {topic_partition.topic}")
    return records


async def _unverified(
    ctx: RequestContext, transactional_id: str, accepted: Mapping[TopicPartition, memoryview]
) -> dict[TopicPartition, BrokerError]:
    """The partitions that the transaction has not added at its coordinator.

    The others have to be written to before the next await: they are verified only until then.
    """
    producers: set[ProducerIdAndEpoch] = set()
    sequences: dict[TopicPartition, int] = {}
    for topic_partition, records in accepted.items():
        with suppress(CorruptRecords):  # which the log rejects with the right error
            header = read_header(records)
            if header.is_transactional and header.producer_id >= 0:
                producers.add(ProducerIdAndEpoch(header.producer_id, header.producer_epoch))
                sequences[topic_partition] = header.base_sequence
    if not producers:
        return {}
    if len(producers) > 1:
        raise InvalidProducerIdMapping("transactional records of more than one producer were sent in one request")
    refused = await ctx.broker.verification.refused(transactional_id, producers.pop(), sequences)
    if ctx.api_version >= FIRST_VERSION_WITH_TRANSACTION_ABORTABLE:
        return refused
    return {
        each: InvalidTxnState(str(error)) if isinstance(error, TransactionAbortable) else error
        for each, error in refused.items()
    }


def _answer(
    ctx: RequestContext,
    topic_partition: TopicPartition,
    result: AppendInfo | BrokerError | None,
    endpoints: dict[BrokerId, NodeEndpoint],
) -> ProducePartitionResponse:
    index = topic_partition.partition
    if result is None:
        return ProducePartitionResponse(index)
    if isinstance(result, AppendInfo):
        return ProducePartitionResponse(
            index,
            base_offset=result.first_offset,
            log_append_time_ms=NO_TIMESTAMP if result.log_append_time_ms is None else result.log_append_time_ms,
            log_start_offset=result.log_start,
        )
    answer = ProducePartitionResponse(index, result.code)
    if isinstance(result, RecordsRefused) and result.record_errors:
        answer.record_errors = [RecordError(*each) for each in result.record_errors]
        answer.error_message = result.message
    if result.code is ErrorCode.not_leader_or_follower and ctx.api_version >= FIRST_VERSION_WITH_LEADERS:
        hint = leader_hint(ctx.broker.replicas.hosted, ctx.broker.metadata, topic_partition, ctx.listener_name)
        answer.current_leader = hint.leader
        if hint.endpoint is not None:
            endpoints[hint.endpoint.node_id] = hint.endpoint
    return answer
