"""OffsetDelete (key 47), version 0.

Forgets committed offsets of a group that is empty, or those of topics that none of its members reads (KIP-496).
"""

from kio.schema.errors import ErrorCode
from kio.schema.offset_delete.v0.request import OffsetDeleteRequest
from kio.schema.offset_delete.v0.response import (
    OffsetDeleteResponse,
    OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
)

from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError, TopicAuthorizationFailed, UnknownTopicOrPartition, error_code_of
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.model import TopicPartition


async def handle(ctx: RequestContext, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
    outcomes: dict[TopicPartition, BrokerError | None] = {}
    existing = []
    for topic in request.topics:
        for each in topic.partitions:
            partition = TopicPartition(topic.name, each.partition_index)
            if not ctx.allows(AclOperation.READ, ResourceType.TOPIC, topic.name):
                outcomes[partition] = TopicAuthorizationFailed()
            elif ctx.broker.metadata.partition_state(partition) is None:
                outcomes[partition] = UnknownTopicOrPartition(f"{partition} does not exist")
            else:
                existing.append(partition)
    outcomes |= await ctx.broker.groups.delete_offsets(request.group_id, existing)
    return OffsetDeleteResponse(
        error_code=ErrorCode.none,
        throttle_time=NO_THROTTLE,
        topics=tuple(
            OffsetDeleteResponseTopic(
                name=topic.name,
                partitions=tuple(
                    OffsetDeleteResponsePartition(
                        partition_index=each.partition_index,
                        error_code=error_code_of(outcomes[TopicPartition(topic.name, each.partition_index)]),
                    )
                    for each in topic.partitions
                ),
            )
            for topic in request.topics
        ),
    )
