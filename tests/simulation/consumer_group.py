"""A coordinator of consumer groups by the protocol of KIP-848, which our broker does not have: a model of Kafka 4's.

    heartbeat ──> subscription changed? group epoch + 1, new target ──> one step of the member towards the target
                                                                            │
      stable <── has all of its target <── unreleased: others still own some <── unrevoked: owns what others shall get

A member's step is that of Kafka's CurrentAssignmentBuilder, its checks are those of GroupMetadataManager. Assignors,
racks and what is written to __consumer_offsets are left out. What all brokers of a cluster share here, Kafka replays
from the log: a coordinator that takes over knows the group, and gives each member a whole session.
test_consumer_group.py holds it against Apache Kafka 4.3.1.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from kio.schema.consumer_group_heartbeat.v1.request import ConsumerGroupHeartbeatRequest
from kio.schema.consumer_group_heartbeat.v1.request import TopicPartitions as OwnedPartitions
from kio.schema.consumer_group_heartbeat.v1.response import (
    Assignment,
    ConsumerGroupHeartbeatResponse,
    TopicPartitions,
)
from kio.schema.errors import ErrorCode
from kio.static.primitive import i32, i32Timedelta

from pykafka_cli.broker.clock import Clock, Timer
from pykafka_cli.model import Seconds, TopicPartition

JOINING, LEAVING, LEAVING_FOR_A_WHILE = 0, -1, -2
SESSION_S = Seconds(3.0)
"""Short, for members to lose their membership often."""
_REBALANCE_S = Seconds(300.0)


class State(Enum):
    STABLE = auto()
    UNREVOKED = auto()
    UNRELEASED = auto()


class Refused(Exception):
    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.name)
        self.code = code


@dataclass
class Member:
    member_id: str
    instance_id: str | None = None
    epoch: int = 0
    previous_epoch: int = -1
    state: State = State.STABLE
    topics: frozenset[str] = frozenset()
    regex: str = ""
    assigned: frozenset[TopicPartition] = frozenset()
    revoking: frozenset[TopicPartition] = frozenset()
    rebalance_s: Seconds = _REBALANCE_S
    session: Timer | None = None
    revocation: Timer | None = None

    def wants(self, topic: str) -> bool:
        return topic in self.topics or bool(self.regex and re.fullmatch(self.regex, topic))


class ConsumerGroup:
    """One group.

    partitions    all that there are at present, in order
    topic_id      of a topic, and the name of one with an id
    is_served     whether some broker coordinates the group now; sessions do not end while none does
    """

    def __init__(
        self,
        clock: Clock,
        partitions: Callable[[], Iterable[TopicPartition]],
        topic_ids: Callable[[], Mapping[str, object]],
        *,
        is_served: Callable[[], bool] = lambda: True,
        session_s: Seconds = SESSION_S,
        heartbeat_s: float = 1.0,
    ) -> None:
        self._clock = clock
        self._partitions = partitions
        self._topic_ids = topic_ids
        self._is_served = is_served
        self._session_s = session_s
        self._heartbeat_s = heartbeat_s
        self.epoch = 0
        self.members: dict[str, Member] = {}
        self._target: dict[str, frozenset[TopicPartition]] = {}
        self._assigned_for: object = None

    # ---- requests

    def heartbeat(self, request: ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatResponse:
        try:
            if request.member_epoch < JOINING:
                return self._leave(request)
            return self._beat(request)
        except Refused as refusal:
            return _response(refusal.code)

    def check_commit(self, member_id: str, epoch: int) -> None:
        """raises    Refused where the offsets are not a member's of the present epoch"""
        if epoch < 0 and not self.members:
            return
        member = self.members.get(member_id)
        if member is None:
            raise Refused(ErrorCode.unknown_member_id)
        if epoch != member.epoch:
            raise Refused(ErrorCode.stale_member_epoch)

    def forget(self, member_id: str) -> None:
        """As if its session were over."""
        if member := self.members.get(member_id):
            self._remove(member)
            self._assign_if_changed()

    def begin_sessions(self) -> None:
        """A broker takes over as the coordinator."""
        for member in self.members.values():
            self._begin_session(member)

    def _beat(self, request: ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatResponse:
        owned = None if request.topic_partitions is None else self._named(request.topic_partitions)
        member = self._member(request, owned)
        if request.subscribed_topic_names is not None:
            member.topics = frozenset(map(str, request.subscribed_topic_names))
        if request.subscribed_topic_regex is not None:
            member.regex = request.subscribed_topic_regex
        if request.rebalance_timeout.total_seconds() >= 0:
            member.rebalance_s = Seconds(request.rebalance_timeout.total_seconds())
        self._begin_session(member)
        self._assign_if_changed()
        before = member.assigned
        self._step(member, owned)
        says_all = request.member_epoch == JOINING or (owned is not None and request.subscribed_topic_names is not None)
        assignment = self._assignment(member.assigned) if says_all or member.assigned != before else None
        return _response(ErrorCode.none, member, self._heartbeat_s, assignment)

    def _member(self, request: ConsumerGroupHeartbeatRequest, owned: frozenset[TopicPartition] | None) -> Member:
        member = self.members.get(request.member_id)
        if request.member_epoch == JOINING:
            return member or self._joined(request)
        if member is None:
            raise Refused(ErrorCode.unknown_member_id)
        is_previous = request.member_epoch == member.previous_epoch and owned is not None and owned <= member.assigned
        if request.member_epoch != member.epoch and not is_previous:
            raise Refused(ErrorCode.fenced_member_epoch)
        return member

    def _joined(self, request: ConsumerGroupHeartbeatRequest) -> Member:
        member = Member(request.member_id, request.instance_id)
        holder = self._of_instance(request.instance_id)
        if holder:
            if holder.epoch != LEAVING_FOR_A_WHILE:
                raise Refused(ErrorCode.unreleased_instance_id)
            member.assigned, member.topics, member.regex = holder.assigned, holder.topics, holder.regex
            self._target[member.member_id] = self._target.get(holder.member_id, frozenset())
            self._remove(holder)
        self.members[member.member_id] = member
        if holder:  # the group is the same as before
            self._assigned_for = self._signature()
        return member

    def _leave(self, request: ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatResponse:
        member = self.members.get(request.member_id)
        if member is None:
            raise Refused(ErrorCode.unknown_member_id)
        if request.member_epoch == LEAVING_FOR_A_WHILE:
            member.epoch = LEAVING_FOR_A_WHILE
        else:
            self._remove(member)
            self._assign_if_changed()
        return _response(ErrorCode.none, Member(request.member_id, epoch=int(request.member_epoch)))

    # ---- members

    def _of_instance(self, instance_id: str | None) -> Member | None:
        found = (each for each in self.members.values() if instance_id and each.instance_id == instance_id)
        return next(found, None)

    def _begin_session(self, member: Member) -> None:
        if member.session:
            member.session.cancel()
        member.session = self._clock.call_later(self._session_s, lambda: self._session_over(member))

    def _session_over(self, member: Member) -> None:
        if not self._is_served():
            self._begin_session(member)
        elif self.members.get(member.member_id) is member:
            self.forget(member.member_id)

    def _revocation_over(self, member: Member, epoch: int) -> None:
        if member.state is State.UNREVOKED and member.epoch == epoch and self.members.get(member.member_id) is member:
            self.forget(member.member_id)

    def _remove(self, member: Member) -> None:
        for timer in (member.session, member.revocation):
            if timer:
                timer.cancel()
        self.members.pop(member.member_id, None)

    # ---- assignments

    def _signature(self) -> object:
        """What a target is computed from."""
        members = tuple((each.member_id, each.topics, each.regex) for each in self.members.values())
        return members, tuple(self._partitions())

    def _assign_if_changed(self) -> None:
        """A new target for a new epoch: each topic's partitions in turn to those who want it."""
        if (signature := self._signature()) == self._assigned_for:
            return
        self._assigned_for = signature
        self.epoch += 1
        target: dict[str, set[TopicPartition]] = {member_id: set() for member_id in sorted(self.members)}
        for each in self._partitions():
            takers = [member_id for member_id in target if self.members[member_id].wants(each.topic)]
            if takers:
                target[takers[each.partition % len(takers)]].add(each)
        self._target = {member_id: frozenset(its) for member_id, its in target.items()}

    def _step(self, member: Member, owned: frozenset[TopicPartition] | None) -> None:
        target = self._target.get(member.member_id, frozenset())
        if member.state is State.STABLE and member.epoch == self.epoch:
            return
        if member.state is State.UNREVOKED and (owned is None or owned & member.revoking):
            return
        kept, surplus = member.assigned & target, member.assigned - target
        if surplus and (owned is None or owned & surplus):
            member.assigned, member.revoking = kept, surplus
            self._move(member, State.UNREVOKED, member.epoch)
            epoch = member.epoch
            member.revocation = self._clock.call_later(member.rebalance_s, lambda: self._revocation_over(member, epoch))
            return
        member.revoking = frozenset()
        others = [each for each in self.members.values() if each is not member]
        taken = frozenset[TopicPartition]().union(*(each.assigned | each.revoking for each in others))
        waiting = target - kept
        member.assigned = kept | (waiting - taken)
        self._move(member, State.UNRELEASED if waiting & taken else State.STABLE, self.epoch)

    def _move(self, member: Member, state: State, epoch: int) -> None:
        if member.revocation:
            member.revocation.cancel()
            member.revocation = None
        member.state = state
        if epoch != member.epoch:
            member.previous_epoch, member.epoch = member.epoch, epoch

    # ---- names

    def _named(self, given: Iterable[OwnedPartitions]) -> frozenset[TopicPartition]:
        names = {topic_id: name for name, topic_id in self._topic_ids().items()}
        return frozenset(
            TopicPartition(names[each.topic_id], int(index))
            for each in given
            for index in each.partitions
            if each.topic_id in names
        )

    def _assignment(self, partitions: frozenset[TopicPartition]) -> Assignment:
        ids = self._topic_ids()
        by_topic: dict[str, list[int]] = {}
        for topic, index in sorted(partitions):
            by_topic.setdefault(topic, []).append(index)
        return Assignment(
            topic_partitions=tuple(
                TopicPartitions(topic_id=ids[topic], partitions=tuple(map(i32, indexes)))  # type: ignore[arg-type]
                for topic, indexes in by_topic.items()
                if topic in ids
            )
        )


def _response(
    code: ErrorCode, member: Member | None = None, heartbeat_s: float = 0.0, assignment: Assignment | None = None
) -> ConsumerGroupHeartbeatResponse:
    return ConsumerGroupHeartbeatResponse(
        throttle_time=i32Timedelta.parse(timedelta()),
        error_code=code,
        member_id=member.member_id if member else None,
        member_epoch=i32(member.epoch if member else 0),
        heartbeat_interval=i32Timedelta.parse(timedelta(seconds=heartbeat_s)),
        assignment=assignment,
    )
