"""One group of the classic protocol: its states as a table, its members, and what the log contains of it.

What is stored (generation, protocol, leader, each member's subscription and assignment, the offsets) changes by
`restore` and through `offsets` alone, both fed from the log. The rest is a rebalance in progress, which ends with the
coordinator, as in Kafka: which members have rejoined so far, which responses are due, which protocols members would
support next.

    EMPTY <--------------- PREPARING <--------------+
      |                     ^      |                |
      +-- a member joins ---+      +-> COMPLETING --+-> STABLE
                              all joined     |     leader's assignment stored
                              or timed out   +---- a member leaves, fails, rejoins

source  org.apache.kafka.coordinator.group.classic.ClassicGroup; kafka.coordinator.group.GroupMetadata
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, TypeAlias

from kio.schema.consumer_protocol_subscription.v0.data import ConsumerProtocolSubscription
from kio.serial import entity_reader
from kio.serial.errors import SerialError

from pykafka_cli.broker.coordinator.group.offsets import GroupOffsets
from pykafka_cli.broker.coordinator.group.records import GroupMetadataValue, StoredMember
from pykafka_cli.broker.errors import BrokerError, FencedInstanceId, IllegalGeneration, UnknownMemberId
from pykafka_cli.model import Milliseconds, Timestamp, TopicPartition
from pykafka_cli.protocol.records.batch import NO_TIMESTAMP

CONSUMER_PROTOCOL_TYPE = "consumer"

Protocols: TypeAlias = tuple[tuple[str, bytes], ...]
"""What a member supports: names and its metadata for each, in the order of its preference."""


class GroupState(Enum):
    """The values are the names that ListGroups and DescribeGroups give."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


REACHED_FROM: Mapping[GroupState, frozenset[GroupState]] = {
    GroupState.EMPTY: frozenset({GroupState.PREPARING}),
    GroupState.PREPARING: frozenset({GroupState.EMPTY, GroupState.COMPLETING, GroupState.STABLE}),
    GroupState.COMPLETING: frozenset({GroupState.PREPARING}),
    GroupState.STABLE: frozenset({GroupState.COMPLETING}),
    GroupState.DEAD: frozenset(GroupState),
}


class IllegalTransition(AssertionError):
    """A move that the table does not have: a mistake in this package, never a client's."""


class JoinedMember(NamedTuple):
    """What the leader gets of a member."""

    member_id: str
    group_instance_id: str | None
    metadata: bytes


class Joined(NamedTuple):
    """The successful response to JoinGroup; only the leader gets `members`."""

    member_id: str
    generation: int
    protocol_type: str | None
    protocol_name: str | None
    leader: str
    members: tuple[JoinedMember, ...]
    skip_assignment: bool = False


class NewMemberId(NamedTuple):
    """The other response to JoinGroup: join again with this id (KIP-394)."""

    member_id: str


class Synced(NamedTuple):
    """The successful response to SyncGroup."""

    protocol_type: str | None
    protocol_name: str | None
    assignment: bytes


AnswerJoin: TypeAlias = Callable[[Joined | NewMemberId | BrokerError], object]
AnswerSync: TypeAlias = Callable[[Synced | BrokerError], object]


@dataclass(slots=True)
class Member:
    """A member; `join_answer` and `sync_answer` are there while it waits for one.

    `is_new` lasts until its first join is answered: until then it sends no heartbeats.
    """

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: Milliseconds
    session_timeout_ms: Milliseconds
    protocols: Protocols
    assignment: bytes = b""
    is_new: bool = False
    join_answer: AnswerJoin | None = None
    sync_answer: AnswerSync | None = None

    @property
    def is_static(self) -> bool:
        """Whether the client gave it a name that outlives its process (KIP-345)."""
        return self.group_instance_id is not None

    @property
    def is_alive_by_waiting(self) -> bool:
        """Whether it need not heartbeat, because it waits for a response."""
        return not self.is_new and (self.join_answer is not None or self.sync_answer is not None)

    def supports(self, protocol: str) -> bool:
        return any(name == protocol for name, _ in self.protocols)

    def metadata(self, protocol: str | None) -> bytes:
        """Its metadata for `protocol`; empty when it does not support it."""
        return next((metadata for name, metadata in self.protocols if name == protocol), b"")

    def answer_join(self, answer: Joined | BrokerError) -> None:
        """Answer its JoinGroup if one is waiting."""
        waiting, self.join_answer = self.join_answer, None
        if waiting is not None:
            waiting(answer)

    def answer_sync(self, answer: Synced | BrokerError) -> None:
        """Answer its SyncGroup if one is waiting."""
        waiting, self.sync_answer = self.sync_answer, None
        if waiting is not None:
            waiting(answer)


class InitialDelay(NamedTuple):
    """How long an empty group's first rebalance waits for more members: now, and at most after that; ms (KIP-134)."""

    current: int
    remaining: int


@dataclass(slots=True)
class Group:
    """A group and its members in the order in which they joined. `static_members` maps instance ids to member ids.

    pending_members     assigned ids, whose owners have yet to join with them
    awaiting_sync_from  members of this generation whose SyncGroup has not come
    unstored            the generation whose assignment is on its way to the replicas
    """

    group_id: str
    state: GroupState = GroupState.EMPTY
    state_timestamp: Timestamp | None = None
    generation: int = 0
    protocol_type: str | None = None
    protocol_name: str | None = None
    leader: str | None = None
    members: dict[str, Member] = field(default_factory=dict)
    static_members: dict[str, str] = field(default_factory=dict)
    offsets: GroupOffsets = field(default_factory=GroupOffsets)
    pending_members: set[str] = field(default_factory=set)
    awaiting_sync_from: set[str] = field(default_factory=set)
    unstored: int | None = None
    initial_delay: InitialDelay | None = None
    has_newcomer: bool = False

    # --- questions

    @property
    def rebalance_timeout_ms(self) -> Milliseconds:
        """How long to wait for members: the longest of their rebalance timeouts."""
        return Milliseconds(max((member.rebalance_timeout_ms for member in self.members.values()), default=0))

    @property
    def waiting_to_join(self) -> int:
        """How many members have sent their JoinGroup for the coming generation."""
        return sum(member.join_answer is not None for member in self.members.values())

    @property
    def has_everyone_joined(self) -> bool:
        return not self.pending_members and all(member.join_answer for member in self.members.values())

    @property
    def can_rebalance(self) -> bool:
        return self.state in REACHED_FROM[GroupState.PREPARING]

    @property
    def is_bare(self) -> bool:
        """Whether nothing of it is stored and it has no members."""
        return self.state is GroupState.EMPTY and self.generation == 0 and not self.offsets and not self.pending_members

    def check_member(self, member_id: str, group_instance_id: str | None, doing: str) -> Member:
        """The member that a request comes from.

        raises  FencedInstanceId if another process has taken over its instance id; UnknownMemberId
        """
        if group_instance_id is not None:
            current = self.static_members.get(group_instance_id)
            if current is not None and current != member_id:
                raise FencedInstanceId(
                    f"{doing} from {member_id!r} in group {self.group_id!r}: "
                    f"instance {group_instance_id!r} is now member {current!r}"
                )
            if current is None:
                raise UnknownMemberId(f"{doing}: group {self.group_id!r} has no instance {group_instance_id!r}")
        member = self.members.get(member_id)
        if member is None:
            raise UnknownMemberId(f"{doing}: group {self.group_id!r} has no member {member_id!r}")
        return member

    def check_generation(self, generation: int, doing: str) -> None:
        """
        raises  IllegalGeneration
        """
        if generation != self.generation:
            raise IllegalGeneration(
                f"{doing} for generation {generation} of group {self.group_id!r}, now {self.generation}"
            )

    def accepts(self, protocol_type: str, names: Collection[str]) -> bool:
        """Whether a member of this kind fits: one of its protocols is supported by every member."""
        if self.state is GroupState.EMPTY:
            return bool(protocol_type and names)
        return protocol_type == self.protocol_type and any(
            all(member.supports(name) for member in self.members.values()) for name in names
        )

    def select_protocol(self) -> str:
        """The protocol with most votes among those that all support; each member votes for its best. Needs a member."""
        members = self.members.values()
        votes = Counter(
            next(name for name, _ in voter.protocols if all(member.supports(name) for member in members))
            for voter in members
        )
        return votes.most_common(1)[0][0]

    def subscribed_topics(self) -> set[str] | None:
        """Topics that the members of a consumer group read; None when that is unknown."""
        if self.protocol_type != CONSUMER_PROTOCOL_TYPE or (self.members and self.protocol_name is None):
            return None
        topics: set[str] = set()
        for member in self.members.values():
            subscription = _read_subscription(member.metadata(self.protocol_name))
            if subscription is None:
                return None
            topics.update(subscription.topics)
        return topics

    def joined(self, member: Member) -> Joined:
        """The response to the JoinGroup of `member` in this generation."""
        members = self.joined_members() if member.member_id == self.leader else ()
        return Joined(
            member.member_id, self.generation, self.protocol_type, self.protocol_name, self.leader or "", members
        )

    def joined_members(self) -> tuple[JoinedMember, ...]:
        """What a leader needs to know to make an assignment."""
        return tuple(
            JoinedMember(member.member_id, member.group_instance_id, member.metadata(self.protocol_name))
            for member in self.members.values()
        )

    def synced(self, member: Member) -> Synced:
        """The response to the SyncGroup of `member` in this generation."""
        return Synced(self.protocol_type, self.protocol_name, member.assignment)

    def expired_offsets(self, now_ms: Timestamp, retention_ms: Milliseconds) -> list[TopicPartition]:
        """Partitions whose offsets are to be forgotten.

        Time runs from when the group became empty, or from each commit in a group that has never had members. A stable
        consumer group loses those of topics that it no longer reads, from each commit. Any other group keeps all.
        source  KIP-211
        """
        emptied_at = self.state_timestamp
        if self.protocol_type is None or (self.state is GroupState.EMPTY and emptied_at is None):
            found = self.offsets.expired(lambda value: value.commit_timestamp, now_ms=now_ms, retention_ms=retention_ms)
        elif self.state is GroupState.EMPTY and emptied_at is not None:
            found = self.offsets.expired(lambda _: emptied_at, now_ms=now_ms, retention_ms=retention_ms)
        elif self.state is GroupState.STABLE and (subscribed := self.subscribed_topics()) is not None:
            found = self.offsets.expired(
                lambda value: value.commit_timestamp, now_ms=now_ms, retention_ms=retention_ms, subscribed=subscribed
            )
        else:
            return []
        return list(found)

    # --- moves that end with the coordinator

    def transition_to(self, state: GroupState) -> None:
        """
        raises  IllegalTransition if the table has no such move
        """
        if self.state not in REACHED_FROM[state]:
            raise IllegalTransition(f"group {self.group_id!r}: {self.state.value} to {state.value}")
        self.state = state

    def add(self, member: Member, protocol_type: str) -> None:
        """Add a member; the first one leads and gives the group its protocol type."""
        if not self.members:
            self.protocol_type = protocol_type
        self.members[member.member_id] = member
        if member.group_instance_id is not None:
            self.static_members[member.group_instance_id] = member.member_id
        self.leader = self.leader or member.member_id
        self.pending_members.discard(member.member_id)

    def remove(self, member_id: str) -> None:
        """Remove a member or an assigned id; if it led, the member that joined first leads."""
        self.pending_members.discard(member_id)
        self.awaiting_sync_from.discard(member_id)
        member = self.members.pop(member_id, None)
        if member is not None and member.group_instance_id is not None:
            del self.static_members[member.group_instance_id]
        if self.leader == member_id:
            self.leader = next(iter(self.members), None)

    def rename(self, member: Member, member_id: str) -> None:
        """Give a static member that has returned as another process its new id; its assignment and leadership stay."""
        was, member.member_id = member.member_id, member_id
        self.members = {each.member_id: each for each in self.members.values()}
        if member.group_instance_id is not None:
            self.static_members[member.group_instance_id] = member_id
        if self.leader == was:
            self.leader = member_id
        self._await_sync_from_renamed(was, member_id)

    def elect_joined_leader(self) -> bool:
        """Make sure that the leader is a member that has joined; False if there is none."""
        if self.leader is None or self.members[self.leader].join_answer is None:
            joined = (member.member_id for member in self.members.values() if member.join_answer is not None)
            successor = next(joined, None)
            if successor is None:
                return False
            self.leader = successor
        return True

    def begin_generation(self, now_ms: Timestamp) -> None:
        """All expected members have joined: choose the protocol and wait for the leader's assignment."""
        self.transition_to(GroupState.COMPLETING)
        self.state_timestamp = now_ms
        self.generation += 1
        self.protocol_name = self.select_protocol()
        self.awaiting_sync_from = set(self.members)

    # --- what is stored

    def as_stored(self, assignments: Mapping[str, bytes]) -> GroupMetadataValue:
        """This generation for the log; a member that `assignments` does not name gets nothing."""
        return GroupMetadataValue(
            protocol_type=self.protocol_type or "",
            generation=self.generation,
            protocol=self.protocol_name,
            leader=self.leader,
            current_state_timestamp=NO_TIMESTAMP if self.state_timestamp is None else self.state_timestamp,
            members=tuple(
                StoredMember(
                    member_id=member.member_id,
                    group_instance_id=member.group_instance_id,
                    client_id=member.client_id,
                    client_host=member.client_host,
                    rebalance_timeout=member.rebalance_timeout_ms,
                    session_timeout=member.session_timeout_ms,
                    subscription=member.metadata(self.protocol_name),
                    assignment=assignments.get(member.member_id, b""),
                )
                for member in self.members.values()
            ),
        )

    def as_empty(self, now_ms: Timestamp) -> GroupMetadataValue:
        """The generation after this one, without members, for the log."""
        return GroupMetadataValue(
            protocol_type=self.protocol_type or "",
            generation=self.generation + 1,
            protocol=None,
            leader=None,
            current_state_timestamp=now_ms,
            members=(),
        )

    def restore(self, value: GroupMetadataValue) -> None:
        """Become what the log says: a stable generation, or an empty one.

        A member that exists already, under this id or as a static member's earlier self, keeps its pending requests.
        """
        before = dict(self.members)
        for instance_id, member_id in self.static_members.items():
            before[instance_id] = self.members[member_id]
        self.members = {}
        self.static_members = {}
        for each in value.members:
            known = before.get(each.member_id) or before.get(each.group_instance_id or "")
            self.members[each.member_id] = _restored(each, value.protocol or "", known)
            if known is not None:
                self._await_sync_from_renamed(known.member_id, each.member_id)
            if each.group_instance_id is not None:
                self.static_members[each.group_instance_id] = each.member_id
        self.state = GroupState.STABLE if self.members else GroupState.EMPTY
        stored = value.current_state_timestamp
        self.state_timestamp = None if stored == NO_TIMESTAMP else stored
        self.generation = value.generation
        self.protocol_type = value.protocol_type or None
        self.protocol_name = value.protocol
        self.leader = value.leader or next(iter(self.members), None)

    def _await_sync_from_renamed(self, was: str, member_id: str) -> None:
        if was in self.awaiting_sync_from:
            self.awaiting_sync_from.remove(was)
            self.awaiting_sync_from.add(member_id)


def _restored(stored: StoredMember, protocol: str, known: Member | None) -> Member:
    member = Member(
        member_id=stored.member_id,
        group_instance_id=stored.group_instance_id,
        client_id=stored.client_id,
        client_host=stored.client_host,
        # version 0 of the record has no rebalance timeout, as its clients had none
        rebalance_timeout_ms=Milliseconds(
            stored.session_timeout if stored.rebalance_timeout < 0 else stored.rebalance_timeout
        ),
        session_timeout_ms=Milliseconds(stored.session_timeout),
        protocols=((protocol, stored.subscription),),
        assignment=stored.assignment,
    )
    if known is not None:
        member.is_new, member.join_answer, member.sync_answer = known.is_new, known.join_answer, known.sync_answer
        if known.metadata(protocol) == stored.subscription:
            member.protocols = known.protocols
    return member


_subscription_reader = entity_reader(ConsumerProtocolSubscription)


def _read_subscription(metadata: bytes) -> ConsumerProtocolSubscription | None:
    """A consumer's subscription; None if that is not what `metadata` says. Every version begins as version 0 does."""
    try:
        subscription, _ = _subscription_reader(metadata, 2)
    except SerialError:  # a client may call itself a consumer and send anything
        return None
    return subscription if subscription.topics is not None else None
