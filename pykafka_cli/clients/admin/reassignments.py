"""Moving replicas between brokers, and between the log directories of one broker."""

from collections.abc import Iterable, Mapping, Sequence

from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i32

from pykafka_cli.clients.errors import ApiError, ensure_none_failed
from pykafka_cli.clients.session import Session, broker_timeout
from pykafka_cli.model import Reassignment, ReplicaPlace, TopicPartition, partitions_by_topic


async def list_reassignments(
    session: Session, partitions: Mapping[str, Iterable[int]] | None
) -> dict[TopicPartition, Reassignment]:
    """Reassignments in progress, of these partitions (None: of all).

    raises    ApiError
    """
    from kio.schema.list_partition_reassignments.v0.request import (
        ListPartitionReassignmentsRequest,
        ListPartitionReassignmentsTopics,
    )

    topics = None
    if partitions is not None:
        topics = tuple(
            ListPartitionReassignmentsTopics(name=TopicName(topic), partition_indexes=tuple(map(i32, indexes)))
            for topic, indexes in partitions.items()
        )
    request = ListPartitionReassignmentsRequest(topics=topics, timeout=broker_timeout(session))
    answer = await session.ask_controller(request)
    ensure_none_failed([answer])
    return {
        TopicPartition(topic.name, each.partition_index): Reassignment(
            each.replicas, each.adding_replicas, each.removing_replicas
        )
        for topic in answer.topics
        for each in topic.partitions
    }


async def alter_reassignments(
    session: Session, targets: Mapping[TopicPartition, Sequence[BrokerId] | None], *, same_factor: bool = False
) -> dict[TopicPartition, ApiError]:
    """Start moving partitions to these replicas (None cancels), and return the failures.

    same_factor    reject changes of the number of replicas (KIP-860)
    raises         ApiError for the request as a whole, VersionUnsupported
    """
    from kio.schema.alter_partition_reassignments.v1.request import (
        AlterPartitionReassignmentsRequest,
        ReassignablePartition,
        ReassignableTopic,
    )

    def entry(topic: str, index: int) -> ReassignablePartition:
        replicas = targets[TopicPartition(topic, index)]
        return ReassignablePartition(
            partition_index=i32(index), replicas=None if replicas is None else tuple(map(BrokerId, replicas))
        )

    topics = tuple(
        ReassignableTopic(name=TopicName(topic), partitions=tuple(entry(topic, index) for index in indexes))
        for topic, indexes in partitions_by_topic(targets).items()
    )
    request = AlterPartitionReassignmentsRequest(
        timeout=broker_timeout(session), allow_replication_factor_change=not same_factor, topics=topics
    )
    lost = session.lost_answers
    answer = await session.ask_controller(request, oldest=1 if same_factor else 0)
    ensure_none_failed([answer])
    # If the response to a cancellation was lost, the move is no longer in progress.
    done = {ErrorCode.none} if session.lost_answers == lost else {ErrorCode.none, ErrorCode.no_reassignment_in_progress}
    return {
        TopicPartition(topic.name, each.partition_index): ApiError(each.error_code, each.error_message)
        for topic in answer.responses
        for each in topic.partitions
        if each.error_code not in done
    }


async def alter_log_dirs(
    session: Session, broker: BrokerId, log_dirs: Mapping[TopicPartition, str]
) -> dict[TopicPartition, ApiError | None]:
    """Set the directories of one broker's replicas; return the result for each."""
    from kio.schema.alter_replica_log_dirs.v2.request import (
        AlterReplicaLogDir,
        AlterReplicaLogDirsRequest,
        AlterReplicaLogDirTopic,
    )

    def topics(path: str) -> tuple[AlterReplicaLogDirTopic, ...]:
        wanted = [partition for partition, log_dir in log_dirs.items() if log_dir == path]
        return tuple(
            AlterReplicaLogDirTopic(name=TopicName(topic), partitions=tuple(map(i32, indexes)))
            for topic, indexes in partitions_by_topic(wanted).items()
        )

    paths = dict.fromkeys(log_dirs.values())
    request = AlterReplicaLogDirsRequest(
        dirs=tuple(AlterReplicaLogDir(path=path, topics=topics(path)) for path in paths)
    )
    answer = await session.ask(request, broker=broker)
    return {
        TopicPartition(topic.topic_name, each.partition_index): ApiError(each.error_code) if each.error_code else None
        for topic in answer.results
        for each in topic.partitions
    }


async def find_replicas(
    session: Session, broker: BrokerId, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, ReplicaPlace]:
    """The log directories of these replicas on one broker.

    raises    ApiError
    """
    from kio.schema.describe_log_dirs.v4.request import DescribableLogDirTopic, DescribeLogDirsRequest

    wanted = list(partitions)
    topics = tuple(
        DescribableLogDirTopic(topic=TopicName(topic), partitions=tuple(map(i32, indexes)))
        for topic, indexes in partitions_by_topic(wanted).items()
    )
    answer = await session.ask(DescribeLogDirsRequest(topics=topics), broker=broker)
    ensure_none_failed([answer])
    places = dict.fromkeys(wanted, ReplicaPlace(None, None))
    for result in answer.results:
        for topic in result.topics:
            for each in topic.partitions:
                partition = TopicPartition(topic.name, each.partition_index)
                known = places.get(partition, ReplicaPlace(None, None))
                places[partition] = (
                    known._replace(future=result.log_dir)
                    if each.is_future_key
                    else known._replace(current=result.log_dir)
                )
    return places
