"""AlterReplicaLogDirs (key 34), versions 0-2.

Moves replicas of this broker to other directories of log.dirs (KIP-113). The response comes when the move has begun;
DescribeLogDirs shows how far it is. A replica that is not here yet will be created in that directory.
v2 flexible
"""

from kio.schema.alter_replica_log_dirs.v2.request import AlterReplicaLogDirsRequest
from kio.schema.alter_replica_log_dirs.v2.response import (
    AlterReplicaLogDirPartitionResult,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopicResult,
)
from kio.schema.errors import ErrorCode
from kio.schema.types import TopicName
from kio.static.primitive import i32

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError, NotLeaderOrFollower, ReplicaNotAvailable, error_code_of
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.model import TopicPartition


async def handle(ctx: RequestContext, request: AlterReplicaLogDirsRequest) -> AlterReplicaLogDirsResponse:
    results: dict[str, dict[int, ErrorCode]] = {}
    for directory in request.dirs:
        for topic in directory.topics:
            for index in topic.partitions:
                error_code = _moved(ctx, TopicPartition(topic.name, index), directory.path)
                results.setdefault(topic.name, {})[index] = error_code
    return AlterReplicaLogDirsResponse(
        throttle_time=NO_THROTTLE,
        results=tuple(
            AlterReplicaLogDirTopicResult(
                topic_name=TopicName(topic),
                partitions=tuple(
                    AlterReplicaLogDirPartitionResult(partition_index=i32(index), error_code=error_code)
                    for index, error_code in partitions.items()
                ),
            )
            for topic, partitions in results.items()
        ),
    )


def _moved(ctx: RequestContext, topic_partition: TopicPartition, path: str) -> ErrorCode:
    try:
        ctx.broker.replicas.move(topic_partition, path)
    except NotLeaderOrFollower:
        return ReplicaNotAvailable.code  # the code that this API has always had for it
    except BrokerError as error:
        return error_code_of(error)
    return ErrorCode.none
