"""Share groups (KIP-932): their members and lag, and resetting or deleting their offsets."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from kio.schema.types import GroupId, TopicName
from kio.static.primitive import i32, i64

from pykafka_cli.clients.admin.groups import (
    all_described,
    ask_coordinators,
    coordinator_of,
    described_with_epochs,
    partitions_of_assignment,
)
from pykafka_cli.clients.errors import ApiError, ensure_none_failed
from pykafka_cli.clients.session import Session
from pykafka_cli.model import (
    NO_OFFSET,
    Broker,
    GroupDescription,
    LeaderEpoch,
    MemberDescription,
    Offset,
    ShareOffset,
    TopicPartition,
    partitions_by_topic,
)

SHARE = "share"
_UNKNOWN_LAG = -1


async def describe_share_groups(session: Session, groups: Iterable[str]) -> dict[str, GroupDescription]:
    """Groups by name.

    raises    ApiError for the first that cannot be described
    """
    return all_described(await ask_coordinators(session, groups, partial(_describe, session)))


async def _describe(session: Session, broker: Broker, names: list[str]) -> dict[str, GroupDescription | ApiError]:
    from kio.schema.share_group_describe.v1.request import ShareGroupDescribeRequest

    request = ShareGroupDescribeRequest(group_ids=tuple(map(GroupId, names)), include_authorized_operations=False)
    answer = await session.ask(request, broker=broker.id, oldest=1)
    return {each.group_id: described_with_epochs(each, broker, _member) for each in answer.groups}


def _member(member: Any) -> MemberDescription:
    partitions = partitions_of_assignment(member.assignment)
    epoch = int(member.member_epoch)
    return MemberDescription(member.member_id, None, member.client_id, member.client_host, partitions, epoch)


async def share_offsets(session: Session, groups: Iterable[str]) -> dict[str, list[ShareOffset] | ApiError]:
    """Each group's offsets, by partition."""
    return await ask_coordinators(session, groups, partial(_share_offsets, session))


async def _share_offsets(session: Session, broker: Broker, names: list[str]) -> dict[str, list[ShareOffset] | ApiError]:
    from kio.schema.describe_share_group_offsets.v1.request import (
        DescribeShareGroupOffsetsRequest,
        DescribeShareGroupOffsetsRequestGroup,
    )

    request = DescribeShareGroupOffsetsRequest(
        groups=tuple(DescribeShareGroupOffsetsRequestGroup(group_id=GroupId(name), topics=None) for name in names)
    )
    answer = await session.ask(request, broker=broker.id)
    return {
        each.group_id: ApiError(each.error_code, each.error_message)
        if each.error_code
        else sorted(
            _offset(topic.topic_name, part) for topic in each.topics for part in topic.partitions if not part.error_code
        )
        for each in answer.groups
    }


def _offset(topic: str, part: Any) -> ShareOffset:
    """The lag is missing before version 1 of the response: -1, as for unknown values."""
    partition = TopicPartition(topic, int(part.partition_index))
    if part.start_offset == NO_OFFSET:
        return ShareOffset(partition, None, None, None)
    lag = int(getattr(part, "lag", _UNKNOWN_LAG))
    epoch = LeaderEpoch(int(part.leader_epoch))
    return ShareOffset(
        partition, Offset(int(part.start_offset)), lag if lag != _UNKNOWN_LAG else None, epoch if epoch >= 0 else None
    )


async def alter_share_offsets(session: Session, group: str, offsets: Mapping[TopicPartition, Offset]) -> None:
    """Set the offsets of a group without members, which is created if it does not exist.

    raises    ApiError for the group, or the first rejected partition
    """
    from kio.schema.alter_share_group_offsets.v0.request import (
        AlterShareGroupOffsetsRequest,
        AlterShareGroupOffsetsRequestPartition,
        AlterShareGroupOffsetsRequestTopic,
    )

    request = AlterShareGroupOffsetsRequest(
        group_id=GroupId(group),
        topics=tuple(
            AlterShareGroupOffsetsRequestTopic(
                topic_name=TopicName(topic),
                partitions=tuple(
                    AlterShareGroupOffsetsRequestPartition(
                        partition_index=i32(index), start_offset=i64(offsets[TopicPartition(topic, index)])
                    )
                    for index in indexes
                ),
            )
            for topic, indexes in partitions_by_topic(offsets).items()
        ),
    )
    answer = await coordinator_of(session, group).ask(request)
    ensure_none_failed([answer])
    ensure_none_failed(part for topic in answer.responses for part in topic.partitions)


async def delete_share_offsets(session: Session, group: str, topics: Sequence[str]) -> dict[str, ApiError | None]:
    """Delete a group's offsets in topics; return the result of each.

    raises    ApiError for the group as a whole
    """
    from kio.schema.delete_share_group_offsets.v0.request import (
        DeleteShareGroupOffsetsRequest,
        DeleteShareGroupOffsetsRequestTopic,
    )

    request = DeleteShareGroupOffsetsRequest(
        group_id=GroupId(group),
        topics=tuple(DeleteShareGroupOffsetsRequestTopic(topic_name=TopicName(topic)) for topic in topics),
    )
    answer = await coordinator_of(session, group).ask(request)
    ensure_none_failed([answer])
    return {
        str(each.topic_name): ApiError(each.error_code, each.error_message) if each.error_code else None
        for each in answer.responses
    }
