"""WriteTxnMarkers (key 27), version 1.

Ends transactions in the partitions that this broker leads. Transaction coordinators ask for it, and administrators who
abort a transaction that hangs (KIP-664). Those of __consumer_offsets go through the group coordinator, so that the
offsets count, or are forgotten, with the marker.
"""

from itertools import chain
from typing import TypeAlias

from kio.schema.errors import ErrorCode
from kio.schema.write_txn_markers.v1.request import WritableTxnMarker, WriteTxnMarkersRequest
from kio.schema.write_txn_markers.v1.response import (
    WritableTxnMarkerPartitionResult,
    WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult,
    WriteTxnMarkersResponse,
)

from pykafka_cli import topic_names
from pykafka_cli.acls import AclOperation
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import (
    BrokerError,
    ClusterAuthorizationFailed,
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    NotCoordinator,
    NotLeaderOrFollower,
)
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.broker.waiting import together
from pykafka_cli.model import CoordinatorEpoch, Milliseconds, ProducerEpoch, TopicPartition
from pykafka_cli.protocol.records.control import ControlType, build_marker

ALL_IN_SYNC = -1

Outcomes: TypeAlias = dict[TopicPartition, ErrorCode]


async def handle(ctx: RequestContext, request: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse:
    if not ctx.allows_on_cluster(AclOperation.ALTER, is_asked_for=False) and not ctx.allows_on_cluster(
        AclOperation.CLUSTER_ACTION
    ):
        raise ClusterAuthorizationFailed()
    return WriteTxnMarkersResponse(markers=tuple(await together(*(_write(ctx, marker) for marker in request.markers))))


async def _write(ctx: RequestContext, marker: WritableTxnMarker) -> WritableTxnMarkerResult:
    partitions = [TopicPartition(topic.name, each) for topic in marker.topics for each in topic.partition_indexes]
    for partition in partitions:
        ctx.broker.verification.ended(partition, marker.producer_id)
    of_groups = [each for each in partitions if each.topic == topic_names.CONSUMER_OFFSETS]
    others = [each for each in partitions if each.topic != topic_names.CONSUMER_OFFSETS]
    work = [_end_in_group(ctx, marker, each) for each in of_groups]
    if others:
        work.append(_append(ctx, marker, others))
    outcomes = dict(chain.from_iterable(each.items() for each in await together(*work)))
    return WritableTxnMarkerResult(
        producer_id=marker.producer_id,
        topics=tuple(
            WritableTxnMarkerTopicResult(
                name=topic.name,
                partitions=tuple(
                    WritableTxnMarkerPartitionResult(
                        partition_index=each, error_code=outcomes[TopicPartition(topic.name, each)]
                    )
                    for each in topic.partition_indexes
                ),
            )
            for topic in marker.topics
        ),
    )


async def _append(ctx: RequestContext, marker: WritableTxnMarker, partitions: list[TopicPartition]) -> Outcomes:
    batches = {
        each: build_marker(
            ControlType.COMMIT if marker.transaction_result else ControlType.ABORT,
            producer_id=marker.producer_id,
            producer_epoch=ProducerEpoch(marker.producer_epoch),
            coordinator_epoch=CoordinatorEpoch(marker.coordinator_epoch),
            timestamp=ctx.broker.clock.now_ms(),
        )
        for each in partitions
    }
    results = await ctx.broker.replicas.append(
        batches,
        acks=ALL_IN_SYNC,
        timeout_ms=Milliseconds(ctx.broker.settings.request_timeout_ms),
        origin=AppendOrigin.COORDINATOR,
    )
    return {
        partition: result.code if isinstance(result, BrokerError) else ErrorCode.none
        for partition, result in results.items()
    }


async def _end_in_group(ctx: RequestContext, marker: WritableTxnMarker, partition: TopicPartition) -> Outcomes:
    try:
        await ctx.broker.groups.end_transaction(
            partition.partition,
            marker.producer_id,
            ProducerEpoch(marker.producer_epoch),
            committed=marker.transaction_result,
            coordinator_epoch=CoordinatorEpoch(marker.coordinator_epoch),
        )
    except (CoordinatorNotAvailable, CoordinatorLoadInProgress, NotCoordinator):
        # Coordinators of transactions send this to leaders of partitions, and expect their error codes.
        return {partition: NotLeaderOrFollower.code}
    except BrokerError as error:
        return {partition: error.code}
    return {partition: ErrorCode.none}
