"""AlterPartitionReassignments (key 45), version 0.

Moves partitions to other brokers, changes or (null replicas) cancels moves that are under way (KIP-455). The response
comes when they have begun; ListPartitionReassignments shows their progress. Only the controller does it.
"""

from kio.schema.alter_partition_reassignments.v0.request import AlterPartitionReassignmentsRequest
from kio.schema.alter_partition_reassignments.v0.response import (
    AlterPartitionReassignmentsResponse,
    ReassignablePartitionResponse,
    ReassignableTopicResponse,
)
from kio.schema.errors import ErrorCode
from kio.schema.types import TopicName
from kio.static.primitive import i32

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_and_message
from pykafka_cli.model import TopicPartition


async def handle(
    ctx: RequestContext, request: AlterPartitionReassignmentsRequest
) -> AlterPartitionReassignmentsResponse:
    wanted = {
        TopicPartition(topic.name, partition.partition_index): None
        if partition.replicas is None
        else tuple(partition.replicas)
        for topic in request.topics
        for partition in topic.partitions
    }
    by_topic: dict[str, list[ReassignablePartitionResponse]] = {}
    for partition, error in (await ctx.broker.controller.alter_reassignments(wanted)).items():
        code, message = code_and_message(error)
        by_topic.setdefault(partition.topic, []).append(
            ReassignablePartitionResponse(
                partition_index=i32(partition.partition), error_code=code, error_message=message
            )
        )
    return AlterPartitionReassignmentsResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        error_message="",
        responses=tuple(
            ReassignableTopicResponse(name=TopicName(topic), partitions=tuple(partitions))
            for topic, partitions in by_topic.items()
        ),
    )
