"""DescribeQuorum (key 55), versions 0-2.

The voters of the metadata's quorum: of a KRaft node that runs here, the node itself (KIP-595).
v1 times of the last fetch   v2 directory ids, the voters' listeners, error messages (KIP-853)
The epoch is the controller's; offsets count the transactions of the node's own ZooKeeper server.
"""

from kio.schema.describe_quorum.v2.request import DescribeQuorumRequest, TopicData
from kio.schema.describe_quorum.v2.response import (
    DescribeQuorumResponse,
    Listener,
    Node,
    PartitionData,
    ReplicaState,
)
from kio.schema.describe_quorum.v2.response import TopicData as DescribedTopic
from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId
from kio.static.primitive import i32, i64, u16

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import UnknownTopicOrPartition
from pykafka_cli.topic_names import CLUSTER_METADATA

PARTITION = 0


async def handle(ctx: RequestContext, request: DescribeQuorumRequest) -> DescribeQuorumResponse:
    quorum = ctx.broker.quorum
    assert quorum is not None  # this API is offered by KRaft nodes alone
    return DescribeQuorumResponse(
        error_code=ErrorCode.none,
        error_message=None,
        topics=tuple(_described(ctx, topic) for topic in request.topics),
        nodes=(
            Node(
                node_id=BrokerId(quorum.node_id),
                listeners=tuple(
                    Listener(name=each.name, host=each.host, port=u16(each.port)) for each in quorum.endpoints
                ),
            ),
        ),
    )


def _described(ctx: RequestContext, topic: TopicData) -> DescribedTopic:
    return DescribedTopic(
        topic_name=topic.topic_name,
        partitions=tuple(
            _partition(ctx)
            if (topic.topic_name, each.partition_index) == (CLUSTER_METADATA, PARTITION)
            else PartitionData(
                partition_index=each.partition_index,
                error_code=UnknownTopicOrPartition.code,
                error_message=None,
                leader_id=BrokerId(0),
                leader_epoch=i32(0),
                high_watermark=i64(0),
                current_voters=(),
                observers=(),
            )
            for each in topic.partitions
        ),
    )


def _partition(ctx: RequestContext) -> PartitionData:
    quorum = ctx.broker.quorum
    assert quorum is not None
    now_ms, log_end = i64(ctx.broker.clock.now_ms()), i64(quorum.log_end())
    return PartitionData(
        partition_index=i32(PARTITION),
        error_code=ErrorCode.none,
        error_message=None,
        leader_id=BrokerId(quorum.node_id),
        leader_epoch=i32(ctx.broker.controller.epoch),
        high_watermark=log_end,
        current_voters=(
            ReplicaState(
                replica_id=BrokerId(quorum.node_id),
                replica_directory_id=quorum.directory_id,
                log_end_offset=log_end,
                last_fetch_timestamp=now_ms,
                last_caught_up_timestamp=now_ms,
            ),
        ),
        observers=(),
    )
