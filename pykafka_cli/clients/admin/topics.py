"""Topics: list, describe, create, delete, add partitions."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i16, i32

from pykafka_cli.clients.errors import ApiError, ensure_none_failed
from pykafka_cli.clients.session import Session, broker_timeout
from pykafka_cli.model import PartitionDescription, Reassignment, TopicDescription, TopicListing, TopicPartition
from pykafka_cli.transport.errors import VersionUnsupported

DEFAULT_PARTITIONS = -1
DEFAULT_REPLICATION_FACTOR = -1
TOPIC_ALREADY_EXISTS = ErrorCode.topic_already_exists


async def list_topics(session: Session) -> list[TopicListing]:
    """All topics, sorted by name."""
    answer = await session.metadata(topics=None)
    listings = [
        TopicListing(
            topic.name or "",
            topic.topic_id,
            topic.is_internal,
            len(topic.partitions),
            max((len(partition.replica_nodes) for partition in topic.partitions), default=0),
        )
        for topic in answer.topics
    ]
    return sorted(listings)


async def describe_topics(
    session: Session, topics: Sequence[str], *, partitions_per_answer: int = 2000
) -> list[TopicDescription]:
    """Topics by name, in the given order, without their configs.

    DescribeTopicPartitions is used if supported, as it returns eligible leader replicas (KIP-966).
    raises    ApiError for the first that cannot be described
    """
    from pykafka_cli.protocol.api_keys import ApiKey

    if ApiKey.DESCRIBE_TOPIC_PARTITIONS in await session.api_versions():
        found = await _describe_in_parts(session, sorted(topics), partitions_per_answer)
    else:
        found = {topic.name or "": topic for topic in (await session.metadata(topics)).topics}
    described = [found[name] for name in topics]
    ensure_none_failed(described)
    return await _with_reassignments(session, [_description(topic) for topic in described])


async def describe_all_topics(session: Session) -> list[TopicDescription]:
    """All topics, sorted by name, without their configs; a partition without a leader has none.

    raises    ApiError
    """
    described = sorted(_description(topic) for topic in (await session.metadata(None)).topics)
    return await _with_reassignments(session, described)


async def describe_topic_by_id(session: Session, topic_id: uuid.UUID) -> TopicDescription:
    """One topic by its id.

    raises    ApiError
    """
    answer = await session.metadata((), ids=[topic_id])
    ensure_none_failed(answer.topics)
    return (await _with_reassignments(session, [_description(answer.topics[0])]))[0]


async def assignments(session: Session, topics: Iterable[str]) -> dict[TopicPartition, tuple[BrokerId, ...]]:
    """The assignment of all partitions of these topics.

    raises    ApiError, which names a topic that does not exist
    """
    names = list(dict.fromkeys(topics))
    answer = await session.metadata(names)
    for topic in answer.topics:
        if topic.error_code == ErrorCode.unknown_topic_or_partition:
            raise ApiError(topic.error_code, f"Topic {topic.name} not found.")
    ensure_none_failed(answer.topics)
    return {
        TopicPartition(topic.name or "", partition.partition_index): partition.replica_nodes
        for topic in answer.topics
        for partition in topic.partitions
    }


class NewTopic(NamedTuple):
    """A topic to create; `assignment` has replicas by partition, instead of the two numbers."""

    name: str
    configs: Mapping[str, str]
    partitions: int = DEFAULT_PARTITIONS
    replication_factor: int = DEFAULT_REPLICATION_FACTOR
    assignment: Mapping[int, Sequence[BrokerId]] | None = None


async def create_topic(
    session: Session,
    name: str,
    *,
    partitions: int = DEFAULT_PARTITIONS,
    replication_factor: int = DEFAULT_REPLICATION_FACTOR,
    assignment: Mapping[int, Sequence[BrokerId]] | None = None,
    configs: Mapping[str, str],
) -> None:
    """Create one topic and wait until the controller confirms it.

    assignment   replicas by partition, instead of the two numbers
    raises       ApiError
    """
    topic = NewTopic(name, configs, partitions, replication_factor, assignment)
    if error := (await try_to_create_topics(session, [topic])).get(name):
        raise error


async def try_to_create_topics(
    session: Session, topics: Sequence[NewTopic], *, validate_only: bool = False
) -> dict[str, ApiError]:
    """Create topics, wait until the controller confirms them, and return the failures.

    If a request was retried because its response was lost, an existing topic counts as created by it, unless its
    partitions differ.

    validate_only    only check what would fail
    """
    from kio.schema.create_topics.v7.request import (
        CreatableReplicaAssignment,
        CreatableTopic,
        CreatableTopicConfig,
        CreateTopicsRequest,
    )

    creatable = tuple(
        CreatableTopic(
            name=TopicName(topic.name),
            num_partitions=i32(topic.partitions),
            replication_factor=i16(topic.replication_factor),
            assignments=tuple(
                CreatableReplicaAssignment(partition_index=i32(index), broker_ids=_broker_ids(replicas))
                for index, replicas in (topic.assignment or {}).items()
            ),
            configs=tuple(CreatableTopicConfig(name=key, value=value) for key, value in topic.configs.items()),
        )
        for topic in topics
    )
    lost = session.lost_answers
    request = CreateTopicsRequest(topics=creatable, timeout=broker_timeout(session), validate_only=validate_only)
    answer = await session.ask_controller(request, oldest=1 if validate_only else 0)
    failed = {
        topic.name or "": ApiError(topic.error_code, topic.error_message) for topic in answer.topics if topic.error_code
    }
    if session.lost_answers > lost and not validate_only:
        present = [name for name, error in failed.items() if error.code == TOPIC_ALREADY_EXISTS]
        found = await _assignments_once_known(session, present)
        for topic in topics:
            its = found.get(topic.name)
            if isinstance(its, dict) and _is_as_wanted(
                its, topic.partitions, topic.replication_factor, topic.assignment
            ):
                del failed[topic.name]
    return failed


async def _assignments_once_known(
    session: Session, names: Sequence[str]
) -> dict[str, dict[TopicPartition, tuple[BrokerId, ...]] | ApiError]:
    """The assignment of each of these topics, which exist, but which the asked broker may not have heard of yet."""
    from pykafka_cli.clients.admin.retries import ask_until_final

    async def ask(wanted: list[str]) -> dict[str, dict[TopicPartition, tuple[BrokerId, ...]] | ApiError]:
        found: dict[str, dict[TopicPartition, tuple[BrokerId, ...]] | ApiError] = {}
        for name in wanted:
            try:
                found[name] = await assignments(session, [name])
            except ApiError as error:
                found[name] = error
        return found

    not_yet = {ErrorCode.unknown_topic_or_partition, ErrorCode.leader_not_available}
    return await ask_until_final(session, names, ask, not_yet)


def _is_as_wanted(
    found: Mapping[TopicPartition, Sequence[BrokerId]],
    partitions: int,
    replication_factor: int,
    assignment: Mapping[int, Sequence[BrokerId]] | None,
) -> bool:
    if assignment is not None:
        return {tp.partition: tuple(replicas) for tp, replicas in found.items()} == {
            partition: tuple(replicas) for partition, replicas in assignment.items()
        }
    return partitions in {len(found), DEFAULT_PARTITIONS} and all(
        replication_factor in {len(replicas), DEFAULT_REPLICATION_FACTOR} for replicas in found.values()
    )


async def delete_topics(session: Session, topics: Iterable[str]) -> None:
    """Delete topics and wait until they are deleted.

    raises    ApiError for the first one that could not be; others may have been deleted
    """
    for error in (await try_to_delete_topics(session, topics)).values():
        if error:
            raise error


async def try_to_delete_topics(session: Session, topics: Iterable[str]) -> dict[str, ApiError | None]:
    """Delete topics, wait until they are deleted, and return the result of each.

    If the request was retried because its response was lost, a missing topic counts as deleted.
    """
    from kio.schema.delete_topics.v6.request import DeleteTopicsRequest, DeleteTopicState

    states = tuple(DeleteTopicState(name=TopicName(name), topic_id=None) for name in topics)
    if not states:
        return {}
    lost = session.lost_answers
    answer = await session.ask_controller(DeleteTopicsRequest(topics=states, timeout=broker_timeout(session)), oldest=6)
    done = {ErrorCode.none} if session.lost_answers == lost else {ErrorCode.none, ErrorCode.unknown_topic_or_partition}
    return {
        topic.name or "": None if topic.error_code in done else ApiError(topic.error_code, topic.error_message)
        for topic in answer.responses
    }


async def create_partitions(
    session: Session, counts: Mapping[str, int], assignments: Mapping[str, Sequence[Sequence[BrokerId]]] | None = None
) -> None:
    """Increase the number of partitions of each topic to its count.

    assignments   replicas of the new partitions, in order, for some of the topics
    raises        ApiError for the first one that could not be; others may have been changed
    """
    from kio.schema.create_partitions.v3.request import (
        CreatePartitionsAssignment,
        CreatePartitionsRequest,
        CreatePartitionsTopic,
    )

    placed = assignments or {}
    topics = tuple(
        CreatePartitionsTopic(
            name=TopicName(name),
            count=i32(count),
            assignments=None
            if name not in placed
            else tuple(CreatePartitionsAssignment(broker_ids=_broker_ids(replicas)) for replicas in placed[name]),
        )
        for name, count in counts.items()
    )
    request = CreatePartitionsRequest(topics=topics, timeout=broker_timeout(session), validate_only=False)
    lost = session.lost_answers
    results = (await session.ask_controller(request)).results
    if session.lost_answers > lost:
        results = await _without_carried_out(session, results, counts)
    ensure_none_failed(results)


async def _without_carried_out(session: Session, results: Sequence[Any], counts: Mapping[str, int]) -> list[Any]:
    """The results without topics that already have the requested number of partitions.

    A count above the present one is not rejected as such, so a broker that shows fewer has not heard of the new ones
    yet, and is asked again.
    """
    clock, pause = asyncio.get_running_loop().time, session.settings.retry_pause
    deadline = clock() + session.settings.api_timeout
    refused = {each.name for each in results if each.error_code == ErrorCode.invalid_partitions}
    while True:
        present = Counter(partition.topic for partition in await assignments(session, refused))
        if all(present[name] >= counts[name] for name in refused) or clock() + pause >= deadline:
            break
        await asyncio.sleep(pause)
    return [each for each in results if each.name not in refused or present[each.name] != counts[each.name]]


async def _describe_in_parts(session: Session, topics: Sequence[str], partitions_per_answer: int) -> dict[str, Any]:
    """Topics by DescribeTopicPartitions, whose responses end after a number of partitions, with a cursor."""
    import dataclasses

    from kio.schema.describe_topic_partitions.v0.request import Cursor, DescribeTopicPartitionsRequest, TopicRequest

    found: dict[str, Any] = {}
    cursor: Cursor | None = None
    remaining = list(topics)
    while remaining:
        answer = await session.ask(
            DescribeTopicPartitionsRequest(
                topics=tuple(TopicRequest(name=TopicName(name)) for name in remaining),
                response_partition_limit=i32(partitions_per_answer),
                cursor=cursor,
            )
        )
        for topic in answer.topics:
            before = found.get(topic.name)
            partitions = (before.partitions if before else ()) + topic.partitions
            found[topic.name] = dataclasses.replace(topic, partitions=partitions)
        if (next_cursor := answer.next_cursor) is None:
            break
        cursor = Cursor(topic_name=next_cursor.topic_name, partition_index=next_cursor.partition_index)
        remaining = [name for name in remaining if name >= next_cursor.topic_name]
    return found


async def _with_reassignments(session: Session, topics: list[TopicDescription]) -> list[TopicDescription]:
    """Add the adding and removing replicas of reassignments, if the cluster returns them."""
    from pykafka_cli.clients.admin.reassignments import list_reassignments  # a list of names needs none

    try:
        ongoing = await list_reassignments(session, {topic.topic: range(len(topic.partitions)) for topic in topics})
    except VersionUnsupported:
        return topics
    except ApiError as error:
        if error.code in (ErrorCode.cluster_authorization_failed, ErrorCode.unsupported_version):
            return topics
        raise
    return [topic._replace(partitions=_reassigned(topic, ongoing)) for topic in topics] if ongoing else topics


def _reassigned(
    topic: TopicDescription, ongoing: Mapping[TopicPartition, Reassignment]
) -> tuple[PartitionDescription, ...]:
    return tuple(
        partition._replace(adding_replicas=found.adding, removing_replicas=found.removing)
        if (found := ongoing.get(TopicPartition(topic.topic, partition.partition)))
        else partition
        for partition in topic.partitions
    )


def _description(topic: Any) -> TopicDescription:
    """The description from a topic in a response of Metadata or DescribeTopicPartitions."""
    partitions = [
        PartitionDescription(
            partition.partition_index,
            partition.leader_id if partition.leader_id >= 0 else None,
            partition.replica_nodes,
            partition.isr_nodes,
            elr=getattr(partition, "eligible_leader_replicas", None),
            last_known_elr=getattr(partition, "last_known_elr", None),
        )
        for partition in topic.partitions
    ]
    return TopicDescription(topic.name, topic.topic_id, tuple(sorted(partitions)), topic.is_internal)


def _broker_ids(replicas: Iterable[BrokerId]) -> tuple[BrokerId, ...]:
    return tuple(map(BrokerId, replicas))
