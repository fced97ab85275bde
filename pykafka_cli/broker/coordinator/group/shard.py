"""The groups of one partition of __consumer_offsets: requests become records, and replayed records the stored state.

A function that serves a request looks at the state and notes records in the step; the runtime appends them and hands
each to `replay`, as it does with every record of the log when the partition is loaded. So the groups after a restart
are the groups before it, without what was in progress (see `group`).

source  kafka.coordinator.group of Kafka 3.9; org.apache.kafka.coordinator.group.GroupCoordinatorShard for the shape
"""

import logging
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from pykafka_cli.broker.coordinator.group.classic_protocol import (
    NO_MEMBER_ID,
    ClassicProtocol,
    RebalanceTimer,
    SessionTimer,
    SyncTimer,
)
from pykafka_cli.broker.coordinator.group.group import AnswerJoin, AnswerSync, Group, GroupState, Member
from pykafka_cli.broker.coordinator.group.member_requests import Joining, Leaving, Syncing
from pykafka_cli.broker.coordinator.group.records import (
    GroupEntry,
    OffsetCommitValue,
    OffsetEntry,
    group_tombstone,
    offset_record,
    offset_tombstone,
    read_record,
)
from pykafka_cli.broker.coordinator.step import CoordinatorRecord, Step
from pykafka_cli.broker.coordinator.stored_messages import UnreadableMessage
from pykafka_cli.broker.errors import (
    BrokerError,
    GroupIdNotFound,
    GroupSubscribedToTopic,
    IllegalGeneration,
    InvalidSessionTimeout,
    NonEmptyGroup,
    OffsetMetadataTooLarge,
    UnknownMemberId,
    UnstableOffsetCommit,
)
from pykafka_cli.model import NO_GENERATION, Milliseconds, Offset, ProducerId, ProducerIdAndEpoch, TopicPartition
from pykafka_cli.properties.broker_keys.coordinator import CoordinatorKeys

_log = logging.getLogger(__name__)


class Committer(NamedTuple):
    """Who commits: a member in its generation or, without a generation and ids, somebody outside of the group."""

    member_id: str = NO_MEMBER_ID
    group_instance_id: str | None = None
    generation: int = NO_GENERATION

    @property
    def is_outsider(self) -> bool:
        return self.generation < 0 and self.member_id == NO_MEMBER_ID and self.group_instance_id is None


class GroupOverview(NamedTuple):
    """A line of ListGroups."""

    group_id: str
    protocol_type: str
    state: GroupState


class DescribedMember(NamedTuple):
    """A member as DescribeGroups shows it; its subscription and assignment are shown only while the group is stable."""

    member: Member
    metadata: bytes
    assignment: bytes


class GroupDescription(NamedTuple):
    """A group as DescribeGroups shows it; one that does not exist is dead."""

    state: GroupState
    protocol_type: str = ""
    protocol: str = ""
    members: tuple[DescribedMember, ...] = ()


class GroupShard:
    """Groups by id. `new_uuid` gives the random part of member ids."""

    def __init__(self, settings: CoordinatorKeys, new_uuid: Callable[[], object]) -> None:
        self.groups: dict[str, Group] = {}
        self._settings = settings
        self._protocol = ClassicProtocol(
            initial_delay_ms=Milliseconds(settings.group_initial_rebalance_delay_ms),
            max_size=settings.group_max_size,
            new_uuid=new_uuid,
        )
        # Which groups a transaction's marker concerns, by producer id.
        self._groups_in_transaction: dict[ProducerId, set[str]] = {}

    # --- membership

    def join(self, group_id: str, joining: Joining, answer: AnswerJoin, step: Step) -> None:
        """Join a group; one that does not exist is created by the first member that comes without an id."""
        shortest, longest = self._settings.group_min_session_timeout_ms, self._settings.group_max_session_timeout_ms
        if not shortest <= joining.session_timeout_ms <= longest:
            answer(
                InvalidSessionTimeout(
                    f"session timeout {joining.session_timeout_ms} ms; the broker allows {shortest} to {longest}"
                )
            )
            return
        group = self.groups.get(group_id)
        if group is None:
            if joining.member_id != NO_MEMBER_ID:
                answer(UnknownMemberId(f"there is no group {group_id!r}"))
                return
            group = self.groups[group_id] = Group(group_id)
        self._protocol.join(group, joining, answer, step)
        self._drop_if_bare(group)

    def sync(self, group_id: str, syncing: Syncing, answer: AnswerSync, step: Step) -> None:
        """Get a member's assignment, which the leader sends."""
        group = self.groups.get(group_id)
        if group is None:
            answer(UnknownMemberId(f"there is no group {group_id!r}"))
        else:
            self._protocol.sync(group, syncing, answer, step)

    def heartbeat(
        self, group_id: str, member_id: str, group_instance_id: str | None, generation: int, step: Step
    ) -> None:
        """
        raises  UnknownMemberId, FencedInstanceId, IllegalGeneration, RebalanceInProgress
        """
        group = self.groups.get(group_id)
        if group is None:
            raise UnknownMemberId(f"there is no group {group_id!r}")
        self._protocol.heartbeat(group, member_id, group_instance_id, generation, step)

    def leave(self, group_id: str, members: Iterable[Leaving], step: Step) -> list[BrokerError | None]:
        """The result for each member that was to be removed."""
        group = self.groups.get(group_id)
        outcomes: list[BrokerError | None] = []
        for leaving in members:
            try:
                if group is None:
                    raise UnknownMemberId(f"there is no group {group_id!r}")
                self._protocol.leave(group, leaving, step)
                outcomes.append(None)
            except BrokerError as error:
                outcomes.append(error)
        return outcomes

    # --- offsets

    def commit(
        self,
        group_id: str,
        committer: Committer,
        offsets: Mapping[TopicPartition, OffsetCommitValue],
        step: Step,
        producer: ProducerIdAndEpoch | None = None,
    ) -> dict[TopicPartition, BrokerError | None]:
        """Commit offsets, at once or, with a `producer`, when its transaction is committed. The result for each.

        raises  UnknownMemberId, FencedInstanceId, IllegalGeneration, RebalanceInProgress
        """
        self._check_committer(group_id, committer, step, is_transactional=producer is not None)
        step.producer = producer
        outcomes: dict[TopicPartition, BrokerError | None] = {}
        for partition, value in offsets.items():
            if len(value.metadata) > self._settings.offset_metadata_max_bytes:
                outcomes[partition] = OffsetMetadataTooLarge(
                    f"{partition}: {len(value.metadata)} characters of metadata, "
                    f"offset.metadata.max.bytes={self._settings.offset_metadata_max_bytes}"
                )
            else:
                step.records.append(offset_record(group_id, partition, value))
                outcomes[partition] = None
        return outcomes

    def fetch_offsets(
        self,
        group_id: str,
        partitions: Sequence[TopicPartition] | None,
        *,
        high_watermark: Offset,
        require_stable: bool,
    ) -> dict[TopicPartition, OffsetCommitValue | UnstableOffsetCommit | None]:
        """Committed offsets of `partitions`, or of all that have one; None where there is none.

        With `require_stable` an offset that may yet change without a new commit is answered by an error.
        """
        group = self.groups.get(group_id)
        if group is None:
            return dict.fromkeys(partitions or ())
        found: dict[TopicPartition, OffsetCommitValue | UnstableOffsetCommit | None] = {}
        for partition in group.offsets.committed if partitions is None else partitions:
            committed = group.offsets.committed.get(partition)
            if require_stable and group.offsets.is_unstable(partition, high_watermark):
                found[partition] = UnstableOffsetCommit(f"{partition}: a commit of group {group_id!r} is not settled")
            else:
                found[partition] = committed.value if committed else None
        return found

    def delete_offsets(
        self, group_id: str, partitions: Iterable[TopicPartition], step: Step
    ) -> dict[TopicPartition, BrokerError | None]:
        """Forget offsets of an empty group, or those of topics that no member reads. The result for each.

        raises  GroupIdNotFound; NonEmptyGroup if it is unknown what the members read
        """
        group = self._existing(group_id)
        is_empty = group.state is GroupState.EMPTY
        subscribed = set() if is_empty else group.subscribed_topics()
        if subscribed is None and group.protocol_type != "consumer":
            raise NonEmptyGroup(f"group {group_id!r} has members whose protocol type is {group.protocol_type!r}")
        outcomes: dict[TopicPartition, BrokerError | None] = {}
        for partition in partitions:
            if subscribed is None or partition.topic in subscribed:
                outcomes[partition] = GroupSubscribedToTopic(f"members of group {group_id!r} read {partition.topic!r}")
            else:
                outcomes[partition] = None
        if doomed := [partition for partition, error in outcomes.items() if error is None]:
            self._forget_offsets(group, doomed, step)
        return outcomes

    # --- administration

    def delete_group(self, group_id: str, step: Step) -> None:
        """Forget an empty group and its offsets.

        raises  GroupIdNotFound, NonEmptyGroup
        """
        group = self._existing(group_id)
        if group.state is not GroupState.EMPTY:
            raise NonEmptyGroup(f"group {group_id!r} has {len(group.members)} members")
        self._forget_offsets(group, group.offsets.partitions(), step)
        if not step.records:
            del self.groups[group_id]  # nothing of it is stored

    def expire(self, group_id: str, step: Step) -> None:
        """Forget what is older than offsets.retention.minutes, and the group if nothing is left of it."""
        group = self.groups.get(group_id)
        if group is not None:
            retention_ms = self._settings.offsets_retention_minutes * 60_000
            self._forget_offsets(group, group.expired_offsets(step.now_ms, Milliseconds(retention_ms)), step)

    def forget_topics(self, group_id: str, is_deleted: Callable[[TopicPartition], bool], step: Step) -> None:
        """Forget offsets of partitions that no longer exist."""
        group = self.groups.get(group_id)
        if group is not None and (doomed := [each for each in group.offsets.partitions() if is_deleted(each)]):
            self._forget_offsets(group, doomed, step)

    def overviews(self) -> list[GroupOverview]:
        """Every group."""
        return [GroupOverview(g.group_id, g.protocol_type or "", g.state) for g in self.groups.values()]

    def describe(self, group_id: str) -> GroupDescription:
        """A group and its members."""
        group = self.groups.get(group_id)
        if group is None:
            return GroupDescription(GroupState.DEAD)
        if group.state is not GroupState.STABLE:
            members = tuple(DescribedMember(member, b"", b"") for member in group.members.values())
            return GroupDescription(group.state, group.protocol_type or "", "", members)
        members = tuple(
            DescribedMember(member, member.metadata(group.protocol_name), member.assignment)
            for member in group.members.values()
        )
        return GroupDescription(group.state, group.protocol_type or "", group.protocol_name or "", members)

    # --- timers

    def timer_expired(self, timer: Hashable, step: Step) -> None:
        """A timer that was set in a step has expired."""
        match timer:
            case SessionTimer(group_id, member_id) if group := self.groups.get(group_id):
                self._protocol.session_expired(group, member_id, step)
                self._drop_if_bare(group)
            case RebalanceTimer(group_id) if group := self.groups.get(group_id):
                self._protocol.rebalance_expired(group, step)
            case SyncTimer(group_id) if group := self.groups.get(group_id):
                self._protocol.sync_expired(group, step)

    # --- the log

    def replay(self, record: CoordinatorRecord, written_at: Offset, producer_id: ProducerId | None) -> None:
        """Replay a record that was written to the log at `written_at`; `producer_id` is that of its transaction, if
        any."""
        try:
            entry = read_record(record)
        except UnreadableMessage as error:
            _log.error("skipping record %d of __consumer_offsets: %s", written_at, error)
            return
        match entry:
            case OffsetEntry():
                self._replay_offset(entry, written_at, producer_id)
            case GroupEntry(group_id, None):
                self._replay_group_tombstone(group_id)
            case GroupEntry(group_id, value) if value is not None:
                self._group(group_id).restore(value)
            case _:
                _log.warning("skipping record %d of __consumer_offsets: unknown kind of key", written_at)

    def replay_marker(self, producer_id: ProducerId, written_at: Offset, *, committed: bool) -> None:
        """Replay the end of a transaction."""
        for group_id in self._groups_in_transaction.pop(producer_id, ()):
            group = self.groups.get(group_id)
            if group is not None:
                group.offsets.end_transaction(producer_id, committed=committed, marker_at=written_at)
                self._drop_if_bare(group)

    def loaded(self, step: Step) -> None:
        """The log has been replayed."""
        for group in list(self.groups.values()):
            self._protocol.loaded(group, step)

    def unloaded(self) -> None:
        """The partition's leader is another broker now."""
        for group in self.groups.values():
            self._protocol.unloaded(group)

    def _replay_offset(self, entry: OffsetEntry, written_at: Offset, producer_id: ProducerId | None) -> None:
        group = self._group(entry.group)
        if entry.value is None:
            group.offsets.remove(entry.partition)
            self._drop_if_bare(group)
        elif producer_id is None:
            group.offsets.put(entry.partition, entry.value, written_at)
        else:
            group.offsets.put_pending(producer_id, entry.partition, entry.value, written_at)
            self._groups_in_transaction.setdefault(producer_id, set()).add(entry.group)

    def _replay_group_tombstone(self, group_id: str) -> None:
        group = self.groups.pop(group_id, None)
        if group is not None and group.offsets:
            self.groups[group_id] = Group(group_id, offsets=group.offsets)

    # --- parts of the above

    def _group(self, group_id: str) -> Group:
        group = self.groups.get(group_id)
        if group is None:
            group = self.groups[group_id] = Group(group_id)
        return group

    def _existing(self, group_id: str) -> Group:
        group = self.groups.get(group_id)
        if group is None:
            raise GroupIdNotFound(f"there is no group {group_id!r}")
        return group

    def _drop_if_bare(self, group: Group) -> None:
        if group.is_bare:
            self.groups.pop(group.group_id, None)

    def _check_committer(self, group_id: str, committer: Committer, step: Step, *, is_transactional: bool) -> None:
        doing = "transactional commit" if is_transactional else "commit"
        group = self.groups.get(group_id) or Group(group_id)
        if committer.generation < 0 and group.state is GroupState.EMPTY:
            return
        if committer.is_outsider:
            if is_transactional:
                return  # producers before KIP-447 do not say which member they commit for
            raise UnknownMemberId(f"group {group_id!r} has members, and only they may commit")
        if group_id not in self.groups and not is_transactional:
            raise IllegalGeneration(
                f"{doing} for generation {committer.generation} of group {group_id!r}, which is not"
            )
        group.check_member(committer.member_id, committer.group_instance_id, doing)
        group.check_generation(committer.generation, doing)
        if not is_transactional:
            self._protocol.confirm_commit(group, committer.member_id, step)

    def _forget_offsets(self, group: Group, partitions: Iterable[TopicPartition], step: Step) -> None:
        """Write tombstones for `partitions`, and one for the group when it is empty and this was the last of it."""
        doomed = [partition for partition in partitions if group.offsets.has(partition)]
        step.records += [offset_tombstone(group.group_id, partition) for partition in doomed]
        is_last = group.state is GroupState.EMPTY and len(doomed) == len(group.offsets.partitions())
        # A group of generation 0 has never had members, so there is no record to remove.
        if is_last and group.generation > 0:
            step.records.append(group_tombstone(group.group_id))
