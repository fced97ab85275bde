"""AddPartitionsToTxn (key 24), versions 0-5.

Announces the partitions that a transaction will write to; the first of them begin it. Producers send version 3 and
below for one transaction. From 4 on brokers ask for several, and with `verify_only` just whether the partitions have
been announced, before they let a producer write there (KIP-890).
v1 throttle time (late)   v2 PRODUCER_FENCED   v3 flexible   v4 several transactions, verify_only
v5 TRANSACTION_ABORTABLE
"""

from collections.abc import Mapping

from kio.schema.add_partitions_to_txn.v5.request import AddPartitionsToTxnRequest, AddPartitionsToTxnTransaction
from kio.schema.add_partitions_to_txn.v5.response import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult,
    AddPartitionsToTxnTopicResult,
)
from kio.schema.errors import ErrorCode

from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import (
    BrokerError,
    ClusterAuthorizationFailed,
    OperationNotAttempted,
    TopicAuthorizationFailed,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartition,
)
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_for_producer
from pykafka_cli.model import ProducerEpoch, ProducerIdAndEpoch, TopicPartition
from pykafka_cli.topic_names import is_internal

FIRST_VERSION_WITH_PRODUCER_FENCED = 2
FIRST_VERSION_OF_BROKERS = 4

Outcomes = Mapping[TopicPartition, BrokerError | None]


async def handle(ctx: RequestContext, request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse:
    if ctx.api_version >= FIRST_VERSION_OF_BROKERS and not ctx.allows_on_cluster(AclOperation.CLUSTER_ACTION):
        raise ClusterAuthorizationFailed()
    return AddPartitionsToTxnResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        results_by_transaction=tuple(
            [_answer(ctx, transaction, await _outcomes(ctx, transaction)) for transaction in request.transactions]
        ),
    )


async def _outcomes(ctx: RequestContext, transaction: AddPartitionsToTxnTransaction) -> Outcomes:
    partitions = [TopicPartition(topic.name, each) for topic in transaction.topics for each in topic.partitions]
    if ctx.api_version < FIRST_VERSION_OF_BROKERS and not ctx.allows(
        AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, transaction.transactional_id
    ):
        return dict.fromkeys(partitions, TransactionalIdAuthorizationFailed())
    refused = {each: error for each in partitions if (error := _refusal(ctx, each))}
    if refused:
        return {
            each: refused.get(each) or OperationNotAttempted(f"{each} was not added, because others could not be")
            for each in partitions
        }
    producer = ProducerIdAndEpoch(transaction.producer_id, ProducerEpoch(transaction.producer_epoch))
    transactions = ctx.broker.transactions
    try:
        if transaction.verify_only:
            return transactions.verify_partitions(transaction.transactional_id, producer, partitions)
        await transactions.add_partitions(transaction.transactional_id, producer, partitions)
    except BrokerError as error:
        return dict.fromkeys(partitions, error)
    return dict.fromkeys(partitions)


def _refusal(ctx: RequestContext, partition: TopicPartition) -> BrokerError | None:
    """Why a partition cannot be a part of the transaction."""
    if ctx.api_version < FIRST_VERSION_OF_BROKERS and (
        is_internal(partition.topic) or not ctx.allows(AclOperation.WRITE, ResourceType.TOPIC, partition.topic)
    ):
        return TopicAuthorizationFailed()
    if ctx.broker.metadata.partition_state(partition) is None:
        return UnknownTopicOrPartition(f"{partition} does not exist")
    return None


def _answer(
    ctx: RequestContext, transaction: AddPartitionsToTxnTransaction, outcomes: Outcomes
) -> AddPartitionsToTxnResult:
    knows_fenced = ctx.api_version >= FIRST_VERSION_WITH_PRODUCER_FENCED

    def code_of(error: BrokerError | None) -> ErrorCode:
        return ErrorCode.none if error is None else code_for_producer(error, knows_fenced=knows_fenced)

    return AddPartitionsToTxnResult(
        transactional_id=transaction.transactional_id,
        topic_results=tuple(
            AddPartitionsToTxnTopicResult(
                name=topic.name,
                results_by_partition=tuple(
                    AddPartitionsToTxnPartitionResult(
                        partition_index=each,
                        partition_error_code=code_of(outcomes[TopicPartition(topic.name, each)]),
                    )
                    for each in topic.partitions
                ),
            )
            for topic in transaction.topics
        ),
    )
