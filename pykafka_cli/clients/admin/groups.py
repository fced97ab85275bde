"""Consumer groups: listing and describing them, deleting them and their offsets."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from kio.schema.errors import ErrorCode
from kio.schema.types import GroupId, TopicName
from kio.static.primitive import i32

from pykafka_cli.clients.admin.cluster import describe_brokers
from pykafka_cli.clients.admin.retries import ask_until_final
from pykafka_cli.clients.errors import ApiError, ensure_none_failed
from pykafka_cli.clients.session import Session
from pykafka_cli.model import (
    Broker,
    BrokerId,
    GroupDescription,
    GroupListing,
    MemberDescription,
    Offset,
    TopicPartition,
    partitions_by_topic,
)
from pykafka_cli.protocol.api_keys import ApiKey

if TYPE_CHECKING:
    from pykafka_cli.clients.coordinator import Coordinator
    from pykafka_cli.clients.group_offsets import Position

CONSUMER = "consumer"
UNKNOWN = "Unknown"
DEAD = "Dead"
T = TypeVar("T")


async def list_groups(session: Session, *, states: Sequence[str] = (), types: Sequence[str] = ()) -> list[GroupListing]:
    """All consumer groups of all brokers by name, or those in one of the states and of one of the types."""
    return [
        group
        for group in await list_all_groups(session, states=states, types=types)
        if group.protocol in (CONSUMER, "")
    ]


async def list_all_groups(
    session: Session, *, states: Sequence[str] = (), types: Sequence[str] = ()
) -> list[GroupListing]:
    """All groups of all protocols, by name."""
    found: dict[str, GroupListing] = {}
    for broker in (await session.metadata(())).brokers:
        found |= {each.group: each for each in await list_groups_of(session, broker.node_id, states, types)}
    return [
        found[name]
        for name in sorted(found)
        if (not states or found[name].state in states) and (not types or found[name].type.lower() in types)
    ]


async def list_groups_of(
    session: Session, broker: BrokerId, states: Sequence[str] = (), types: Sequence[str] = ()
) -> list[GroupListing]:
    """The groups that one broker coordinates; older brokers do not filter them."""
    from kio.schema.list_groups.v5.request import ListGroupsRequest

    request = ListGroupsRequest(states_filter=tuple(states), types_filter=tuple(types))
    answer = await session.ask(request, broker=broker)
    ensure_none_failed([answer])
    return [
        GroupListing(
            each.group_id, each.group_type.capitalize() or UNKNOWN, each.group_state or UNKNOWN, each.protocol_type
        )
        for each in answer.groups
    ]


async def describe_groups(
    session: Session, groups: Iterable[str], *, missing_is_dead: bool = False
) -> dict[str, GroupDescription]:
    """Groups by name; a missing one has the state Dead, or is an error since Kafka 4.

    missing_is_dead    a missing group is not an error either
    raises             ApiError for the first one that cannot be described
    """
    names = list(dict.fromkeys(groups))
    found: dict[str, GroupDescription | ApiError] = {}
    if ApiKey.CONSUMER_GROUP_DESCRIBE in await session.api_versions():
        found = await ask_coordinators(session, names, partial(_describe_consumer_groups, session))
    classic = [name for name in names if _code(found.get(name)) in _NOT_OF_THE_NEW_PROTOCOL or name not in found]
    if classic:
        of_classic = await ask_coordinators(session, classic, partial(_describe_classic_groups, session))
        # A group of neither type is reported by the first error.
        neither = {name for name in classic if _code(of_classic[name]) == ErrorCode.group_id_not_found}
        found |= {name: each for name, each in of_classic.items() if not (name in neither and name in found)}
    if missing_is_dead:
        missing = [name for name in names if _code(found[name]) == ErrorCode.group_id_not_found]
        found |= {name: GroupDescription(name, DEAD, "", None, ()) for name in missing}
    return all_described({name: found[name] for name in names})


_NOT_OF_THE_NEW_PROTOCOL = frozenset({ErrorCode.group_id_not_found, ErrorCode.unsupported_version})


async def _describe_consumer_groups(
    session: Session, broker: Broker, names: list[str]
) -> dict[str, GroupDescription | ApiError]:
    from kio.schema.consumer_group_describe.v1.request import ConsumerGroupDescribeRequest

    request = ConsumerGroupDescribeRequest(group_ids=tuple(map(GroupId, names)), include_authorized_operations=False)
    answer = await session.ask(request, broker=broker.id)
    return {each.group_id: described_with_epochs(each, broker, _new_member) for each in answer.groups}


def described_with_epochs(
    described: Any, coordinator: Broker, member: Callable[[Any], MemberDescription]
) -> GroupDescription | ApiError:
    """A group of ConsumerGroupDescribe's or ShareGroupDescribe's response.

    member    one of its members
    """
    if described.error_code:
        return ApiError(described.error_code, described.error_message)
    return GroupDescription(
        described.group_id,
        described.group_state,
        described.assignor_name,
        coordinator,
        tuple(map(member, described.members)),
        int(described.group_epoch),
        int(described.assignment_epoch),
    )


def _new_member(member: Any) -> MemberDescription:
    return MemberDescription(
        member.member_id,
        member.instance_id,
        member.client_id,
        member.client_host,
        partitions_of_assignment(member.assignment),
        int(member.member_epoch),
        partitions_of_assignment(member.target_assignment),
    )


def partitions_of_assignment(assignment: Any) -> tuple[TopicPartition, ...]:
    return tuple(
        TopicPartition(topic.topic_name, int(index))
        for topic in assignment.topic_partitions
        for index in topic.partitions
    )


async def _describe_classic_groups(
    session: Session, broker: Broker, names: list[str]
) -> dict[str, GroupDescription | ApiError]:
    from kio.schema.describe_groups.v6.request import DescribeGroupsRequest

    request = DescribeGroupsRequest(groups=tuple(map(GroupId, names)), include_authorized_operations=False)
    answer = await session.ask(request, broker=broker.id)
    return {
        each.group_id: ApiError(each.error_code, each.error_message)
        if each.error_code
        else GroupDescription(
            each.group_id,
            each.group_state,
            each.protocol_data,
            broker,
            tuple(_member(member, each.protocol_type) for member in each.members),
        )
        for each in answer.groups
    }


def _member(member: Any, protocol_type: str) -> MemberDescription:
    from pykafka_cli.clients.member_messages import decode_assignment

    assignment = decode_assignment(bytes(member.member_assignment)) if protocol_type == CONSUMER else []
    return MemberDescription(
        member.member_id, member.group_instance_id, member.client_id, member.client_host, tuple(assignment)
    )


async def delete_groups(session: Session, groups: Iterable[str]) -> dict[str, ApiError | None]:
    """Delete groups without members; return the result of each.

    If a request was retried because its response was lost, a missing group counts as deleted.
    """
    from kio.schema.delete_groups.v2.request import DeleteGroupsRequest

    async def ask(broker: Broker, names: list[str]) -> dict[str, ApiError | None]:
        request = DeleteGroupsRequest(groups_names=tuple(map(GroupId, names)))
        lost = session.lost_answers
        answer = await session.ask(request, broker=broker.id)
        done = {ErrorCode.none} if session.lost_answers == lost else {ErrorCode.none, ErrorCode.group_id_not_found}
        return {
            result.group_id: None if result.error_code in done else ApiError(result.error_code)
            for result in answer.results
        }

    return await ask_coordinators(session, groups, ask)


async def remove_members(session: Session, group: str, members: Iterable[MemberDescription], reason: str) -> None:
    """Remove members from the group; one that has already left is ignored.

    reason    for the coordinator's log
    raises    ApiError for the first one that could not be removed
    """
    from kio.schema.leave_group.v5.request import LeaveGroupRequest, MemberIdentity

    leaving = tuple(
        MemberIdentity(
            # A static member may have returned under another id meanwhile; it is removed by its instance id.
            member_id="" if member.instance_id else member.member_id,
            group_instance_id=member.instance_id,
            reason=reason,
        )
        for member in members
    )
    answer = await coordinator_of(session, group).ask(
        LeaveGroupRequest(group_id=GroupId(group), members=leaving), oldest=3
    )
    ensure_none_failed([answer])
    ensure_none_failed(each for each in answer.members if each.error_code != ErrorCode.unknown_member_id)


async def delete_offsets(
    session: Session, group: str, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, ApiError | None]:
    """Delete a group's committed offsets in partitions; return the result of each.

    raises    ApiError for the group as a whole
    """
    from kio.schema.offset_delete.v0.request import (
        OffsetDeleteRequest,
        OffsetDeleteRequestPartition,
        OffsetDeleteRequestTopic,
    )

    request = OffsetDeleteRequest(
        group_id=GroupId(group),
        topics=tuple(
            OffsetDeleteRequestTopic(
                name=TopicName(topic),
                partitions=tuple(OffsetDeleteRequestPartition(partition_index=i32(index)) for index in indexes),
            )
            for topic, indexes in partitions_by_topic(partitions).items()
        ),
    )
    answer = await coordinator_of(session, group).ask(request)
    ensure_none_failed([answer])
    return {
        TopicPartition(topic.name, int(each.partition_index)): ApiError(each.error_code) if each.error_code else None
        for topic in answer.topics
        for each in topic.partitions
    }


async def committed_offsets(session: Session, group: str) -> dict[TopicPartition, Offset]:
    """All committed offsets of a group.

    raises    ApiError
    """
    return {partition: position.offset for partition, position in (await committed_positions(session, group)).items()}


async def committed_positions(session: Session, group: str) -> "dict[TopicPartition, Position]":
    """All committed offsets of a group, with leader epochs."""
    from pykafka_cli.clients.group_offsets import fetch_offsets

    return await fetch_offsets(coordinator_of(session, group), None)


async def set_offsets(session: Session, group: str, offsets: Mapping[TopicPartition, Offset]) -> None:
    """Commit offsets for a group without members, which is created if it does not exist.

    raises    ApiError with all partitions that are rejected, and the code of the first
    """
    from pykafka_cli.clients.group_offsets import Position, commit_offsets

    if offsets:
        positions = {partition: Position(offset) for partition, offset in offsets.items()}
        failed = await commit_offsets(coordinator_of(session, group), positions)
        for refusal in failed.values():
            listed = ", ".join(map(str, failed))
            text = f"Failed altering consumer group offsets for the following partitions: [{listed}]"
            raise ApiError(refusal.code, text)


async def ask_coordinators(
    session: Session,
    groups: Iterable[str],
    ask: Callable[[Broker, list[str]], Awaitable[Mapping[str, T | ApiError]]],
) -> dict[str, T | ApiError]:
    """Each group's result from its coordinator, in the given order; retries if the coordinator moved or is not ready.

    ask    sends one broker a request about the groups that it coordinates
    """
    from pykafka_cli.clients.coordinator import find_coordinators
    from pykafka_cli.clients.error_traits import COORDINATOR_UNREADY

    async def ask_all(wanted: list[str]) -> dict[str, T | ApiError]:
        results: dict[str, T | ApiError] = {}
        by_broker: dict[BrokerId, list[str]] = {}
        for name, coordinator in (await find_coordinators(session, wanted)).items():
            if isinstance(coordinator, ApiError):
                results[name] = coordinator
            else:
                by_broker.setdefault(coordinator, []).append(name)
        brokers = {broker.id: broker for broker in await describe_brokers(session)}
        for broker_id, theirs in by_broker.items():
            if broker_id in brokers:
                results.update(await ask(brokers[broker_id], theirs))
            else:
                results.update(dict.fromkeys(theirs, ApiError(ErrorCode.coordinator_not_available)))
        return results

    names = list(dict.fromkeys(groups))
    results = await ask_until_final(session, names, ask_all, COORDINATOR_UNREADY)
    return {name: results[name] for name in names}


def all_described(found: Mapping[str, T | ApiError]) -> dict[str, T]:
    """Descriptions by group.

    raises    ApiError for the first one that could not be described
    """
    described: dict[str, T] = {}
    for name, result in found.items():
        if isinstance(result, ApiError):
            raise result
        described[name] = result
    return described


def coordinator_of(session: Session, group: str) -> "Coordinator":
    from pykafka_cli.clients.coordinator import Coordinator

    return Coordinator(session, group, private=False, pause=session.settings.retry_pause)


def _code(result: object) -> int:
    return result.code if isinstance(result, ApiError) else ErrorCode.none
