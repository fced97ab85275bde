"""The classic group protocol: join, sync, heartbeat, leave, and their timers.

    JoinGroup     parked until all known members have sent theirs or the rebalance timeout is over; then one leads
    SyncGroup     parked until the leader's has come and its assignment is stored; then everyone gets its part
    Heartbeat     keeps a member; while the group rebalances, its response calls the member to join again
    LeaveGroup    lets the others rebalance immediately rather than after a session timeout

Every function works on one group and notes in the step what is to be written and timed. Requests that wait leave a
function to be called with their response; JoinGroup and SyncGroup also get their errors that way.

source  kafka.coordinator.group.GroupCoordinator of Kafka 3.9; KIP-134, KIP-345, KIP-394, KIP-800, KIP-814
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pykafka_cli.broker.coordinator.group.group import (
    AnswerJoin,
    AnswerSync,
    Group,
    GroupState,
    InitialDelay,
    Member,
    NewMemberId,
)
from pykafka_cli.broker.coordinator.group.member_requests import Joining, Leaving, Syncing
from pykafka_cli.broker.coordinator.group.records import GroupMetadataValue, group_record
from pykafka_cli.broker.coordinator.step import Step
from pykafka_cli.broker.errors import (
    BrokerError,
    FencedInstanceId,
    GroupMaxSizeReached,
    InconsistentGroupProtocol,
    MessageTooLarge,
    NotCoordinator,
    RebalanceInProgress,
    RecordListTooLarge,
    RequestTimedOut,
    UnknownMemberId,
)
from pykafka_cli.model import Milliseconds

NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000
"""A new member cannot heartbeat, and a retry of its JoinGroup makes another; those left are removed after this time."""

STORE_AGAIN_MS = 10_000
"""When to retry to store that a group is empty. Until that is done, a new coordinator would expect the members."""

NO_MEMBER_ID = ""

_log = logging.getLogger(__name__)


# Not tuples: one kind's key would equal another's.
@dataclass(frozen=True, slots=True)
class SessionTimer:
    """Expires when a member, or the owner of an assigned id, has sent nothing for its session timeout."""

    group_id: str
    member_id: str


@dataclass(frozen=True, slots=True)
class RebalanceTimer:
    """Expires at the rebalance timeout."""

    group_id: str


@dataclass(frozen=True, slots=True)
class SyncTimer:
    """Expires when members that joined have not sent their SyncGroup."""

    group_id: str


class ClassicProtocol:
    """The rules. `new_uuid` gives the random part of member ids."""

    def __init__(self, *, initial_delay_ms: Milliseconds, max_size: int, new_uuid: Callable[[], object]) -> None:
        self._initial_delay_ms = initial_delay_ms
        self._max_size = max_size
        self._new_uuid = new_uuid

    # --- requests

    def join(self, group: Group, joining: Joining, answer: AnswerJoin, step: Step) -> None:
        """Join the next generation."""
        if not self._has_room_for(group, joining.member_id):
            self._forget(group, joining.member_id, step)
            answer(GroupMaxSizeReached(f"group {group.group_id!r} has its group.max.size={self._max_size} members"))
        elif not group.accepts(joining.protocol_type, [name for name, _ in joining.protocols]):
            names = ", ".join(name for name, _ in joining.protocols)
            answer(
                InconsistentGroupProtocol(
                    f"group {group.group_id!r} has protocol type {group.protocol_type!r} "
                    f"and members that support none of {joining.protocol_type!r}: {names}"
                )
            )
        elif joining.member_id == NO_MEMBER_ID:
            self._join_as_new(group, joining, answer, step)
        elif joining.member_id in group.pending_members and joining.group_instance_id is None:
            self._add(group, joining, joining.member_id, answer, step)
        else:
            self._join_again(group, joining, answer, step)
        self._try_complete_join(group, step)

    def sync(self, group: Group, syncing: Syncing, answer: AnswerSync, step: Step) -> None:
        """Get a member's assignment, which the leader sends."""
        try:
            member = group.check_member(syncing.member_id, syncing.group_instance_id, "sync")
            group.check_generation(syncing.generation, "sync")
            _check_protocol(group, syncing)
        except BrokerError as error:
            answer(error)
            return
        if group.state is GroupState.PREPARING:
            answer(RebalanceInProgress(f"group {group.group_id!r} is joining generation {group.generation + 1}"))
            return
        self._note_synced(group, member.member_id, step)
        if group.state is GroupState.STABLE and group.unstored != group.generation:
            answer(group.synced(member))
            self._expect_heartbeat(group, member, step)
            return
        member.answer_sync(RebalanceInProgress("a later SyncGroup of this member takes its place"))
        member.sync_answer = answer
        if group.state is GroupState.COMPLETING and member.member_id == group.leader:
            self._store_assignment(group, syncing.assignments, step)

    def heartbeat(
        self, group: Group, member_id: str, group_instance_id: str | None, generation: int, step: Step
    ) -> None:
        """Stay in the group.

        raises  FencedInstanceId, UnknownMemberId, IllegalGeneration; RebalanceInProgress when it is time to join again
        """
        member = group.check_member(member_id, group_instance_id, "heartbeat")
        group.check_generation(generation, "heartbeat")
        self._expect_heartbeat(group, member, step)
        if group.state is GroupState.PREPARING:
            raise RebalanceInProgress(f"group {group.group_id!r} is joining generation {group.generation + 1}")

    def leave(self, group: Group, leaving: Leaving, step: Step) -> None:
        """Remove a member, or an assigned id.

        raises  UnknownMemberId, FencedInstanceId
        """
        reason = _because(leaving.reason)
        if leaving.member_id == NO_MEMBER_ID:
            member_id = group.static_members.get(leaving.group_instance_id or "")
            if member_id is None:
                raise UnknownMemberId(f"group {group.group_id!r} has no instance {leaving.group_instance_id!r}")
            self._remove(group, group.members[member_id], step, f"member {member_id} was removed{reason}")
        elif leaving.member_id in group.pending_members:
            self._forget(group, leaving.member_id, step)
            self._try_complete_join(group, step)
        else:
            member = group.check_member(leaving.member_id, leaving.group_instance_id, "leave")
            self._remove(group, member, step, f"member {member.member_id} left{reason}")

    def confirm_commit(self, group: Group, member_id: str, step: Step) -> None:
        """A member commits offsets, which shows that it is alive.

        raises  RebalanceInProgress between join and assignment, when what it commits may be another's already
        """
        if group.state is GroupState.COMPLETING:
            raise RebalanceInProgress(f"group {group.group_id!r} waits for its leader's assignment")
        member = group.members.get(member_id)
        if member is not None:
            self._expect_heartbeat(group, member, step)

    # --- timers

    def session_expired(self, group: Group, member_id: str, step: Step) -> None:
        """A member sent nothing for its session timeout."""
        if member_id in group.pending_members:
            group.remove(member_id)
            self._try_complete_join(group, step)
            return
        member = group.members.get(member_id)
        # A member that waits for a response gets a new timer with it.
        if member is not None and not member.is_alive_by_waiting:
            _log.info("group %s: member %s has failed, removing it", group.group_id, member_id)
            silence = f"sent no heartbeat for {member.session_timeout_ms} ms"
            self._remove(group, member, step, f"member {member_id} {silence}")

    def rebalance_expired(self, group: Group, step: Step) -> None:
        """Stop waiting for members, unless more joined during an empty group's initial delay (KIP-134)."""
        if group.state is not GroupState.PREPARING:
            return
        delay, group.initial_delay = group.initial_delay, None
        if delay is not None and group.has_newcomer and delay.remaining:
            group.has_newcomer = False
            current = min(self._initial_delay_ms, delay.remaining)
            group.initial_delay = InitialDelay(current, max(delay.remaining - delay.current, 0))
            step.timers[RebalanceTimer(group.group_id)] = current
        else:
            self._complete_join(group, step)

    def sync_expired(self, group: Group, step: Step) -> None:
        """Members that joined did not fetch their assignment: continue without them."""
        if group.state not in (GroupState.COMPLETING, GroupState.STABLE) or not group.awaiting_sync_from:
            return
        silent = sorted(group.awaiting_sync_from)
        for member_id in silent:
            self._forget(group, member_id, step)
        self._prepare_rebalance(group, step, f"no SyncGroup came from {', '.join(silent)}")

    # --- changes of the coordinator

    def loaded(self, group: Group, step: Step) -> None:
        """The group has been read from the log: its members are expected to continue where they were."""
        if len(group.members) > self._max_size:
            self._prepare_rebalance(
                group, step, f"it was loaded with more than group.max.size={self._max_size} members"
            )
        for member in group.members.values():
            self._expect_heartbeat(group, member, step)

    @staticmethod
    def unloaded(group: Group) -> None:
        """Another broker coordinates the group now: fail all waiters."""
        group.transition_to(GroupState.DEAD)
        for member in group.members.values():
            member.answer_join(NotCoordinator(f"group {group.group_id!r} is coordinated by another broker now"))
            member.answer_sync(NotCoordinator(f"group {group.group_id!r} is coordinated by another broker now"))

    # --- joining

    def _has_room_for(self, group: Group, member_id: str) -> bool:
        member = group.members.get(member_id)
        if group.state is GroupState.PREPARING:
            # Members that have rejoined count, not all members: the last to rejoin are the ones to be removed when
            # group.max.size was lowered.
            return (member is not None and member.join_answer is not None) or group.waiting_to_join < self._max_size
        return group.state is GroupState.EMPTY or member is not None or len(group.members) < self._max_size

    def _join_as_new(self, group: Group, joining: Joining, answer: AnswerJoin, step: Step) -> None:
        instance_id = joining.group_instance_id
        member_id = f"{joining.client_id if instance_id is None else instance_id}-{self._new_uuid()}"
        if instance_id is not None and instance_id in group.static_members:
            self._replace(group, group.members[group.static_members[instance_id]], member_id, joining, answer, step)
        elif instance_id is None and joining.requires_member_id:
            group.pending_members.add(member_id)
            step.timers[SessionTimer(group.group_id, member_id)] = joining.session_timeout_ms
            answer(NewMemberId(member_id))
        else:
            self._add(group, joining, member_id, answer, step)

    def _add(self, group: Group, joining: Joining, member_id: str, answer: AnswerJoin, step: Step) -> None:
        if group.state is GroupState.PREPARING and group.generation == 0:
            group.has_newcomer = True
        member = Member(
            member_id,
            joining.group_instance_id,
            joining.client_id,
            joining.client_host,
            joining.rebalance_timeout_ms,
            joining.session_timeout_ms,
            joining.protocols,
            is_new=True,
            join_answer=answer,
        )
        group.add(member, joining.protocol_type)
        step.timers[SessionTimer(group.group_id, member_id)] = NEW_MEMBER_JOIN_TIMEOUT_MS
        self._maybe_rebalance(group, step, f"member {member_id} joins{_because(joining.reason)}")

    def _join_again(self, group: Group, joining: Joining, answer: AnswerJoin, step: Step) -> None:
        try:
            member = group.check_member(joining.member_id, joining.group_instance_id, "join")
        except BrokerError as error:
            answer(error)
            return
        is_unchanged = member.protocols == joining.protocols
        if is_unchanged and (
            # It may have missed the response to its JoinGroup; or a follower wants to know the generation, to sync.
            group.state is GroupState.COMPLETING
            # A leader that rejoins has seen something that calls for a new assignment.
            or (group.state is GroupState.STABLE and member.member_id != group.leader)
        ):
            answer(group.joined(member))
            return
        _update(member, joining, answer)
        self._maybe_rebalance(group, step, f"member {member.member_id} joins again{_because(joining.reason)}")

    def _replace(
        self, group: Group, member: Member, member_id: str, joining: Joining, answer: AnswerJoin, step: Step
    ) -> None:
        """A static member returns without its id: it keeps its assignment, and the old process, if alive, is fenced."""
        was = member.member_id
        fenced = FencedInstanceId(f"instance {member.group_instance_id!r} is now member {member_id!r}")
        member.answer_join(fenced)
        member.answer_sync(fenced)
        before = replace(member)
        _update(member, joining, answer)
        step.timers[SessionTimer(group.group_id, was)] = None
        step.timers[SessionTimer(group.group_id, member_id)] = member.session_timeout_ms
        if group.state is GroupState.STABLE and group.select_protocol() == group.protocol_name:
            self._store_replacement(group, before, member_id, joining, step)
            return
        group.rename(member, member_id)
        if group.state is not GroupState.PREPARING:
            # The leader may be computing an assignment for the old id, or the protocol changes.
            self._prepare_rebalance(group, step, f"instance {member.group_instance_id} came back as {member_id}")

    def _store_replacement(self, group: Group, before: Member, member_id: str, joining: Joining, step: Step) -> None:
        """Let replay give the member its new id; the generation and everybody's assignment stay."""
        was, old_leader = before.member_id, group.leader

        def when_stored(step: Step, error: BrokerError | None) -> None:
            member = group.members.get(member_id) or group.members.get(was)
            if member is None or group.state is not GroupState.STABLE:
                return  # another rebalance will respond to it
            if error is None:
                joined = group.joined(member)
                if joining.skips_assignment:
                    joined = joined._replace(skip_assignment=member_id == group.leader)
                else:
                    # With its old id as the leader's, it will not compute an assignment that a stable group would
                    # reject.
                    joined = joined._replace(leader=old_leader or "", members=())
                member.answer_join(joined)
            else:
                member.answer_join(_as_group_error(error))
                if member.member_id == was:  # nothing was written: its id is the old one
                    group.members[was] = before
                    step.timers[SessionTimer(group.group_id, member_id)] = None
            self._expect_heartbeat(group, member, step)

        stored = group.as_stored({member.member_id: member.assignment for member in group.members.values()})
        stored = replace(
            stored,
            leader=member_id if stored.leader == was else stored.leader,
            members=tuple(replace(m, member_id=member_id) if m.member_id == was else m for m in stored.members),
        )
        self._store(group, stored, step)
        step.when_stored.append(when_stored)

    # --- rebalancing

    def _maybe_rebalance(self, group: Group, step: Step, reason: str) -> None:
        if group.can_rebalance:
            self._prepare_rebalance(group, step, reason)

    def _prepare_rebalance(self, group: Group, step: Step, reason: str) -> None:
        """Request all members to rejoin."""
        _log.info("group %s: preparing generation %d: %s", group.group_id, group.generation + 1, reason)
        self._answer_syncs(group, RebalanceInProgress(f"group {group.group_id!r} rebalances: {reason}"), step)
        group.awaiting_sync_from.clear()
        step.timers[SyncTimer(group.group_id)] = None
        delay = group.rebalance_timeout_ms
        if group.state is GroupState.EMPTY:
            group.initial_delay = InitialDelay(self._initial_delay_ms, max(delay - self._initial_delay_ms, 0))
            delay = self._initial_delay_ms
        step.timers[RebalanceTimer(group.group_id)] = delay
        group.transition_to(GroupState.PREPARING)
        self._try_complete_join(group, step)

    def _try_complete_join(self, group: Group, step: Step) -> None:
        if group.state is GroupState.PREPARING and group.initial_delay is None and group.has_everyone_joined:
            self._complete_join(group, step)

    def _complete_join(self, group: Group, step: Step) -> None:
        """Start the next generation with the members that have joined. Static members are kept although they have
        not."""
        for member in list(group.members.values()):
            if member.join_answer is None and not member.is_static:
                self._forget(group, member.member_id, step)
        if not group.elect_joined_leader() and group.members:
            # Only static members are left, and none has joined: wait until one does, or their sessions expire.
            step.timers[RebalanceTimer(group.group_id)] = group.rebalance_timeout_ms
            return
        step.timers[RebalanceTimer(group.group_id)] = None
        if not group.members:
            self._become_empty(group, step)
            return
        group.begin_generation(step.now_ms)
        _log.info("group %s: members in generation %d: %d", group.group_id, group.generation, len(group.members))
        for member in group.members.values():
            member.answer_join(group.joined(member))
            member.is_new = False
            self._expect_heartbeat(group, member, step)
        step.timers[SyncTimer(group.group_id)] = group.rebalance_timeout_ms

    def _become_empty(self, group: Group, step: Step) -> None:
        def when_stored(step: Step, error: BrokerError | None) -> None:
            if error is not None and group.state is GroupState.PREPARING and not group.members:
                _log.warning("group %s: its empty state could not be stored: %s", group.group_id, error)
                step.timers[RebalanceTimer(group.group_id)] = STORE_AGAIN_MS

        empty = group.as_empty(step.now_ms)
        _log.info("group %s: empty in generation %d", group.group_id, empty.generation)
        self._store(group, empty, step)
        step.when_stored.append(when_stored)

    def _store_assignment(self, group: Group, assignments: Mapping[str, bytes], step: Step) -> None:
        """Let replay make the group stable; then respond to every SyncGroup."""
        generation = group.unstored = group.generation

        def when_stored(step: Step, error: BrokerError | None) -> None:
            if group.unstored == generation:
                group.unstored = None
            if group.generation != generation or group.state not in (GroupState.COMPLETING, GroupState.STABLE):
                return  # a rebalance in between has responded to them
            if error is not None:
                self._answer_syncs(group, _as_group_error(error), step)
                self._prepare_rebalance(group, step, f"the assignment could not be stored: {error}")
            else:
                self._answer_syncs(group, None, step)

        self._store(group, group.as_stored(assignments), step)
        step.when_stored.append(when_stored)

    def _answer_syncs(self, group: Group, error: BrokerError | None, step: Step) -> None:
        """Send every waiting member its assignment, or `error`. From now on its heartbeats are due again."""
        for member in group.members.values():
            if member.sync_answer is not None:
                member.answer_sync(error or group.synced(member))
                self._expect_heartbeat(group, member, step)

    @staticmethod
    def _store(group: Group, value: GroupMetadataValue, step: Step) -> None:
        step.records.append(group_record(group.group_id, value))

    # --- members

    def _expect_heartbeat(self, group: Group, member: Member, step: Step) -> None:
        step.timers[SessionTimer(group.group_id, member.member_id)] = member.session_timeout_ms

    def _note_synced(self, group: Group, member_id: str, step: Step) -> None:
        group.awaiting_sync_from.discard(member_id)
        if not group.awaiting_sync_from:
            step.timers[SyncTimer(group.group_id)] = None

    def _remove(self, group: Group, member: Member, step: Step, reason: str) -> None:
        """Remove a member, and rebalance the others."""
        # A new member that is given up while it waits will retry if it is still alive.
        gone = UnknownMemberId(f"group {group.group_id!r}: {reason}")
        member.answer_join(gone)
        member.answer_sync(gone)
        self._forget(group, member.member_id, step)
        if group.state in (GroupState.STABLE, GroupState.COMPLETING):
            self._prepare_rebalance(group, step, reason)
        else:
            self._try_complete_join(group, step)

    @staticmethod
    def _forget(group: Group, member_id: str, step: Step) -> None:
        group.remove(member_id)
        step.timers[SessionTimer(group.group_id, member_id)] = None


def _update(member: Member, joining: Joining, answer: AnswerJoin) -> None:
    member.answer_join(RebalanceInProgress("a later JoinGroup of this member takes its place"))
    member.protocols = joining.protocols
    member.rebalance_timeout_ms = joining.rebalance_timeout_ms
    member.session_timeout_ms = joining.session_timeout_ms
    member.join_answer = answer


def _check_protocol(group: Group, syncing: Syncing) -> None:
    for name, said, known in (
        ("protocol type", syncing.protocol_type, group.protocol_type),
        ("protocol", syncing.protocol_name, group.protocol_name),
    ):
        if said is not None and said != known:
            raise InconsistentGroupProtocol(f"group {group.group_id!r} has {name} {known!r}, not {said!r}")


def _because(reason: str | None) -> str:
    """The end of a sentence: the reason that a client gives (KIP-800), if it does."""
    return f": {reason}" if reason else ""


def _as_group_error(error: BrokerError) -> BrokerError:
    """The error for a member whose group could not be stored: after a timeout it may rejoin at once."""
    if isinstance(error, RequestTimedOut):
        return RebalanceInProgress(str(error))
    if isinstance(error, (MessageTooLarge, RecordListTooLarge)):
        return BrokerError(f"the group does not fit into a record: {error}")
    return error
