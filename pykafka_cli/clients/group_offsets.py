"""Committed offsets of a group: fetching, committing, deleting."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from kio.schema.errors import ErrorCode
from kio.schema.offset_commit.v9.request import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from kio.schema.offset_fetch.v7.request import OffsetFetchRequest as OldOffsetFetchRequest
from kio.schema.offset_fetch.v7.request import OffsetFetchRequestTopic as OldOffsetFetchRequestTopic
from kio.schema.offset_fetch.v8.request import OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics
from kio.schema.types import GroupId, TopicName
from kio.static.primitive import i32, i64

from pykafka_cli.clients.coordinator import Coordinator
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import NO_GENERATION, NO_OFFSET, LeaderEpoch, Offset, TopicPartition
from pykafka_cli.protocol.absence import known_epoch, or_minus_one
from pykafka_cli.transport.errors import VersionUnsupported

_FIRST_BATCHED = 8


class Position(NamedTuple):
    """Where a group continues in a partition, and the leader epoch of the record before if known."""

    offset: Offset
    leader_epoch: LeaderEpoch | None = None


class Membership(NamedTuple):
    """The member that commits offsets; by default none, for groups without members."""

    member_id: str = ""
    generation: int = NO_GENERATION
    instance_id: str | None = None


async def fetch_offsets(
    coordinator: Coordinator,
    partitions: Iterable[TopicPartition] | None,
    *,
    stable: bool = False,
    deadline: float | None = None,
) -> dict[TopicPartition, Position]:
    """Committed positions of partitions, or of all (None); partitions without one are missing.

    stable      wait for open transactions that may commit offsets
    raises      ApiError, ConnectionFailed
    """
    try:
        answer = await coordinator.ask(
            _fetch_request(coordinator.group_id, partitions, stable=stable),
            oldest=_FIRST_BATCHED,
            error_of=_group_error,
            deadline=deadline,
        )
        found = answer.groups[0]
    except VersionUnsupported:
        found = await coordinator.ask(
            _old_fetch_request(coordinator.group_id, partitions, stable=stable),
            oldest=2 if partitions is None else 1,
            deadline=deadline,
        )
    if found.error_code is not ErrorCode.none:
        raise ApiError(found.error_code)
    positions: dict[TopicPartition, Position] = {}
    for topic in found.topics:
        for each in topic.partitions:
            if each.error_code is not ErrorCode.none:
                raise ApiError(each.error_code)
            if each.committed_offset != NO_OFFSET:
                positions[TopicPartition(topic.name, int(each.partition_index))] = Position(
                    Offset(int(each.committed_offset)), known_epoch(each.committed_leader_epoch)
                )
    return positions


async def commit_offsets(
    coordinator: Coordinator,
    positions: Mapping[TopicPartition, Position],
    membership: Membership = Membership(),  # noqa: B008  # a tuple
    *,
    deadline: float | None = None,
) -> dict[TopicPartition, ApiError]:
    """Commit, and return the partitions that were rejected.

    raises      ApiError if there is no coordinator, ConnectionFailed
    """
    request = OffsetCommitRequest(
        group_id=GroupId(coordinator.group_id),
        generation_id_or_member_epoch=i32(membership.generation),
        member_id=membership.member_id,
        group_instance_id=membership.instance_id,
        topics=tuple(
            OffsetCommitRequestTopic(
                name=TopicName(topic),
                partitions=tuple(
                    OffsetCommitRequestPartition(
                        partition_index=i32(index),
                        committed_offset=i64(position.offset),
                        committed_leader_epoch=i32(or_minus_one(position.leader_epoch)),
                        committed_metadata="",
                    )
                    for index, position in its
                ),
            )
            for topic, its in _by_topic(positions).items()
        ),
    )
    answer = await coordinator.ask(request, oldest=2, error_of=_first_partition_error, deadline=deadline)
    return {
        TopicPartition(topic.name, int(each.partition_index)): ApiError(each.error_code)
        for topic in answer.topics
        for each in topic.partitions
        if each.error_code is not ErrorCode.none
    }


def _fetch_request(group_id: str, partitions: Iterable[TopicPartition] | None, *, stable: bool) -> OffsetFetchRequest:
    topics = None
    if partitions is not None:
        topics = tuple(
            OffsetFetchRequestTopics(name=TopicName(topic), partition_indexes=tuple(i32(index) for index, _ in its))
            for topic, its in _by_topic(dict.fromkeys(partitions)).items()
        )
    return OffsetFetchRequest(
        groups=(OffsetFetchRequestGroup(group_id=GroupId(group_id), topics=topics),), require_stable=stable
    )


def _old_fetch_request(
    group_id: str, partitions: Iterable[TopicPartition] | None, *, stable: bool
) -> OldOffsetFetchRequest:
    topics = None
    if partitions is not None:
        topics = tuple(
            OldOffsetFetchRequestTopic(name=TopicName(topic), partition_indexes=tuple(i32(index) for index, _ in its))
            for topic, its in _by_topic(dict.fromkeys(partitions)).items()
        )
    return OldOffsetFetchRequest(group_id=GroupId(group_id), topics=topics, require_stable=stable)


def _by_topic(values: Mapping[TopicPartition, Any]) -> dict[str, list[tuple[int, Any]]]:
    grouped: dict[str, list[tuple[int, Any]]] = {}
    for (topic, partition), value in values.items():
        grouped.setdefault(topic, []).append((partition, value))
    return grouped


def _group_error(answer: Any) -> ErrorCode:
    return ErrorCode(answer.groups[0].error_code)


def _first_partition_error(answer: Any) -> ErrorCode:
    """The first partition's error; a broker that is not the coordinator has it for every partition."""
    codes = (part.error_code for topic in answer.topics for part in topic.partitions)
    return next((ErrorCode(code) for code in codes), ErrorCode.none)
