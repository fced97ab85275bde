"""Groups of Kafka Streams applications whose tasks the coordinator assigns (KIP-1071)."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from kio.schema.types import GroupId

from pykafka_cli.clients.admin.groups import all_described, ask_coordinators, committed_positions
from pykafka_cli.clients.admin.offsets import list_offsets
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import (
    Broker,
    OffsetSpec,
    StreamsGroup,
    StreamsMember,
    StreamsOffset,
    StreamsTasks,
    TopicPartition,
)

STREAMS = "streams"


async def describe_streams_groups(session: Session, groups: Iterable[str]) -> dict[str, StreamsGroup]:
    """Groups by name.

    raises    ApiError for the first that cannot be described
    """
    return all_described(await ask_coordinators(session, groups, partial(_describe, session)))


async def _describe(session: Session, broker: Broker, names: list[str]) -> dict[str, StreamsGroup | ApiError]:
    from kio.schema.streams_group_describe.v0.request import StreamsGroupDescribeRequest

    request = StreamsGroupDescribeRequest(group_ids=tuple(map(GroupId, names)), include_authorized_operations=False)
    answer = await session.ask(request, broker=broker.id)
    return {
        each.group_id: ApiError(each.error_code, each.error_message) if each.error_code else _group(each, broker)
        for each in answer.groups
    }


def _group(described: Any, broker: Broker) -> StreamsGroup:
    parts = (described.topology.subtopologies or ()) if described.topology else ()
    inputs = dict.fromkeys(str(topic) for part in parts for topic in part.source_topics)
    internal = dict.fromkeys(str(topic.name) for part in parts for topic in part.repartition_source_topics)
    return StreamsGroup(
        described.group_id,
        described.group_state,
        broker,
        int(described.group_epoch),
        int(described.assignment_epoch),
        (*inputs, *internal),
        tuple(inputs),
        tuple(map(_member, described.members)),
    )


def _member(member: Any) -> StreamsMember:
    return StreamsMember(
        member.member_id,
        member.process_id,
        member.client_id,
        int(member.member_epoch),
        int(member.topology_epoch),
        bool(member.is_classic),
        _tasks(member.assignment),
        _tasks(member.target_assignment),
    )


def _tasks(assignment: Any) -> StreamsTasks:
    kinds = (assignment.active_tasks, assignment.standby_tasks, assignment.warmup_tasks)
    return StreamsTasks(
        *({str(each.subtopology_id): tuple(map(int, each.partitions)) for each in tasks} for tasks in kinds)
    )


async def streams_offsets(session: Session, group: StreamsGroup) -> list[StreamsOffset]:
    """A group's position and lag in all partitions of its topology; unread ones count from the log's start."""
    answer = await session.metadata(group.topics)
    partitions = sorted(
        TopicPartition(str(topic.name), int(part.partition_index))
        for topic in answer.topics
        for part in topic.partitions
    )
    starts = await list_offsets(session, dict.fromkeys(partitions, OffsetSpec.EARLIEST))
    ends = await list_offsets(session, dict.fromkeys(partitions, OffsetSpec.LATEST))
    committed = await committed_positions(session, group.group)
    rows = []
    for partition in partitions:
        start, end, position = starts[partition], ends[partition], committed.get(partition)
        if isinstance(start, ApiError) or isinstance(end, ApiError):
            continue
        current = position.offset if position else None
        epoch = position.leader_epoch if position else None
        rows.append(StreamsOffset(partition, current, epoch, end, end - (start if current is None else current)))
    return rows
