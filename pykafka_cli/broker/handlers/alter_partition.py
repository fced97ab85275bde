"""AlterPartition (key 56), versions 0-3.

A leader asks the controller for another ISR (KIP-497), naming the state it knows; the response is the state there is.
v1 leader recovery state (KIP-704)   v2 topic ids   v3 the ISR's brokers with their epochs (KIP-903), here unchecked
"""

import uuid

from kio.schema.alter_partition.v3.request import AlterPartitionRequest
from kio.schema.alter_partition.v3.request import TopicData as WantedTopic
from kio.schema.alter_partition.v3.response import AlterPartitionResponse, PartitionData, TopicData
from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId
from kio.static.primitive import i8, i32

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.controller.alter_partition import WantedIsr
from pykafka_cli.broker.errors import BrokerError, UnknownTopicId
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, broker_ids
from pykafka_cli.model import BrokerEpoch, LeaderEpoch, PartitionEpoch, TopicPartition
from pykafka_cli.protocol.absence import or_minus_one
from pykafka_cli.protocol.first_versions_adapters import NamedTopicData
from pykafka_cli.zookeeper.topic_znodes import PartitionState


async def handle(ctx: RequestContext, request: AlterPartitionRequest) -> AlterPartitionResponse:
    wanted: dict[TopicPartition, WantedIsr] = {}
    asked: list[tuple[uuid.UUID | None, list[TopicPartition | int]]] = []
    for topic in request.topics:
        name = _name_of(ctx, topic)
        partitions: list[TopicPartition | int] = []
        for each in topic.partitions:
            if name is None:
                partitions.append(each.partition_index)
                continue
            partition = TopicPartition(name, each.partition_index)
            partitions.append(partition)
            wanted[partition] = WantedIsr(
                request.broker_id,
                LeaderEpoch(each.leader_epoch),
                tuple(broker.broker_id for broker in each.new_isr_with_epochs),
                each.leader_recovery_state,
                PartitionEpoch(each.partition_epoch),
            )
        asked.append((topic.topic_id, partitions))
    outcomes = await ctx.broker.controller.alter_isrs(request.broker_id, BrokerEpoch(request.broker_epoch), wanted)
    return AlterPartitionResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        topics=tuple(
            TopicData(
                topic_id=topic_id,
                partitions=tuple(
                    _answer(partition.partition, outcomes[partition])
                    if isinstance(partition, TopicPartition)
                    else _answer(partition, UnknownTopicId())
                    for partition in partitions
                ),
            )
            for topic_id, partitions in asked
        ),
    )


def _name_of(ctx: RequestContext, topic: WantedTopic) -> str | None:
    if isinstance(topic, NamedTopicData):
        return topic.topic_name
    return None if topic.topic_id is None else ctx.broker.controller.topic_name(topic.topic_id)


def _answer(partition: int, outcome: PartitionState | BrokerError) -> PartitionData:
    if isinstance(outcome, BrokerError):
        return PartitionData(
            partition_index=i32(partition),
            error_code=outcome.code,
            leader_id=BrokerId(0),
            leader_epoch=i32(0),
            partition_epoch=i32(0),
        )
    return PartitionData(
        partition_index=i32(partition),
        error_code=ErrorCode.none,
        leader_id=BrokerId(or_minus_one(outcome.leader)),
        leader_epoch=i32(outcome.leader_epoch),
        isr=broker_ids(outcome.isr),
        leader_recovery_state=i8(outcome.recovering),
        partition_epoch=i32(outcome.partition_epoch),
    )
