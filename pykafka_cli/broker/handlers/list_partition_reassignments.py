"""ListPartitionReassignments (key 46), version 0.

Partitions that are being moved (KIP-455): of those named, or (null topics) all. Only the controller knows.
"""

from kio.schema.errors import ErrorCode
from kio.schema.list_partition_reassignments.v0.request import ListPartitionReassignmentsRequest
from kio.schema.list_partition_reassignments.v0.response import (
    ListPartitionReassignmentsResponse,
    OngoingPartitionReassignment,
    OngoingTopicReassignment,
)
from kio.schema.types import TopicName
from kio.static.primitive import i32

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, broker_ids
from pykafka_cli.model import TopicPartition


async def handle(ctx: RequestContext, request: ListPartitionReassignmentsRequest) -> ListPartitionReassignmentsResponse:
    asked = (
        None
        if request.topics is None
        else [TopicPartition(topic.name, number) for topic in request.topics for number in topic.partition_indexes]
    )
    by_topic: dict[str, list[OngoingPartitionReassignment]] = {}
    for partition, assignment in (await ctx.broker.controller.list_reassignments(asked)).items():
        by_topic.setdefault(partition.topic, []).append(
            OngoingPartitionReassignment(
                partition_index=i32(partition.partition),
                replicas=broker_ids(assignment.replicas),
                adding_replicas=broker_ids(assignment.adding),
                removing_replicas=broker_ids(assignment.removing),
            )
        )
    return ListPartitionReassignmentsResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        error_message="",
        topics=tuple(
            OngoingTopicReassignment(name=TopicName(topic), partitions=tuple(partitions))
            for topic, partitions in by_topic.items()
        ),
    )
