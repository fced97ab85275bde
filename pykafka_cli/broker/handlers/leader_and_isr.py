"""LeaderAndIsr (key 4), versions 0-7: the controller sends which partitions this broker leads or follows.

Fenced by broker, controller and leader epochs (roles.py).
v1 is_new   v2 broker epoch, topics   v3 reassignments   v4 flexible   v5 topic ids   v6 recovery state   v7 KRaft flag
"""

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import StaleBrokerEpoch, StaleControllerEpoch, error_code_of
from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.inter_broker import (
    LeaderAndIsrPartitionError,
    LeaderAndIsrRequest,
    LeaderAndIsrResponse,
    LeaderAndIsrTopicError,
)


async def handle(ctx: RequestContext, request: LeaderAndIsrRequest) -> LeaderAndIsrResponse:
    # A new topic's config is in ZooKeeper before the topic is; the creator of its logs must have read it.
    new = [topic.topic_name for topic in request.topic_states if any(each.is_new for each in topic.partition_states)]
    await ctx.broker.configs.load_topics(new)
    try:
        errors = await ctx.broker.replicas.become_leader_or_follower(request)
    except (StaleBrokerEpoch, StaleControllerEpoch) as error:
        return LeaderAndIsrResponse(error_code=error.code)
    return LeaderAndIsrResponse(
        topics=tuple(
            LeaderAndIsrTopicError(
                topic_id=topic.topic_id,
                partition_errors=tuple(
                    LeaderAndIsrPartitionError(
                        partition_index=state.partition_index,
                        error_code=error_code_of(errors[TopicPartition(topic.topic_name, state.partition_index)]),
                    )
                    for state in topic.partition_states
                ),
            )
            for topic in request.topic_states
        )
    )
