"""A member of a consumer group in the classic protocol: it joins, gets its assignment, sends heartbeats, leaves.

    join ──JoinGroup──> (leader: assignor) ──SyncGroup──> assignment ──Heartbeat ... "rebalance" ──> join again
                                                                     └── LeaveGroup

After `join`, a task sends heartbeats, whatever the consumer is doing; it sets `must_rejoin` if the group rebalances.
The
consumer commits offsets.
source  KIP-62, KIP-345 (static members), KIP-394 (member id required), KIP-429 (cooperative rebalancing)
"""

import asyncio
import datetime
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from kio.schema.errors import ErrorCode
from kio.schema.heartbeat.v4.request import HeartbeatRequest
from kio.schema.join_group.v9.request import JoinGroupRequest, JoinGroupRequestProtocol
from kio.schema.leave_group.v2.request import LeaveGroupRequest as OldLeaveGroupRequest
from kio.schema.leave_group.v5.request import LeaveGroupRequest, MemberIdentity
from kio.schema.sync_group.v5.request import SyncGroupRequest, SyncGroupRequestAssignment
from kio.schema.types import GroupId
from kio.static.primitive import i32, i32Timedelta

from pykafka_cli.clients.consuming.assignors import ASSIGNORS
from pykafka_cli.clients.coordinator import Coordinator
from pykafka_cli.clients.error_traits import LOST_MEMBER, RETRIABLE
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.group_offsets import Membership
from pykafka_cli.clients.member_messages import (
    BadMemberMessage,
    Subscription,
    decode_assignment,
    decode_subscription,
    encode_assignment,
    encode_subscription,
    sticky_user_data,
)
from pykafka_cli.model import NO_GENERATION, Seconds, TopicPartition, in_seconds
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.transport.errors import ConnectionFailed, VersionUnsupported

PROTOCOL_TYPE = "consumer"
CLASSES: Mapping[str, str] = {
    "RangeAssignor": "range",
    "RoundRobinAssignor": "roundrobin",
    "StickyAssignor": "sticky",
    "CooperativeStickyAssignor": "cooperative-sticky",
}
"""Names of the assignors' classes in the protocol."""

_JOIN_AGAIN = RETRIABLE | {ErrorCode.rebalance_in_progress}
_JOIN_MARGIN = 5.0
"""Seconds that a JoinGroup may take beyond the rebalance timeout, as in Kafka's client."""
_LEAVE_TIMEOUT = Seconds(5.0)

PartitionCounts = Callable[[Sequence[str]], Awaitable[Mapping[str, int]]]
"""Returns partition counts; the group's leader needs them for all topics that members subscribe to."""


_log = logging.getLogger(__name__)


class Joined(NamedTuple):
    """The result of joining."""

    partitions: list[TopicPartition]
    generation: int
    is_leader: bool


def assignor_names(classes: Sequence[str]) -> list[str]:
    """The protocol's names for partition.assignment.strategy, given by class or by name.

    raises    ConfigError for classes other than Kafka's
    """
    names = []
    for given in classes:
        name = CLASSES.get(given.rpartition(".")[2], given)
        if name not in ASSIGNORS:
            key = "partition.assignment.strategy"
            raise ConfigError(f"Invalid value {given} for configuration {key}: Class {given} could not be found.")
        names.append(name)
    return names


class GroupMember:
    """raises    ConfigError from the constructor"""

    def __init__(self, coordinator: Coordinator, settings: ConsumerSettings, counts: PartitionCounts) -> None:
        self.must_rejoin = asyncio.Event()
        self.must_rejoin.set()
        self._coordinator = coordinator
        self._settings = settings
        self._counts = counts
        self._assignors = assignor_names(settings.partition_assignment_strategy)
        self._member_id = ""
        self._generation = NO_GENERATION
        self._heartbeats: asyncio.Task[None] | None = None
        self._failure: ApiError | None = None
        self._last_poll = 0.0

    @property
    def is_cooperative(self) -> bool:
        """Whether partitions are retained while the group rebalances."""
        return all(name == "cooperative-sticky" for name in self._assignors)

    @property
    def membership(self) -> Membership:
        return Membership(self._member_id, self._generation, self._settings.group_instance_id)

    @property
    def is_lost(self) -> bool:
        """Whether the group continues without this member, so that its partitions may be assigned to others."""
        return self._generation == NO_GENERATION

    def polled(self) -> None:
        """Note that the consumer is alive; without calls for max.poll.interval.ms the member leaves."""
        self._last_poll = asyncio.get_running_loop().time()
        if self._failure:
            raise self._failure

    async def join(self, topics: Sequence[str], owned: Sequence[TopicPartition]) -> Joined:
        """Join or rejoin, and return the assignment.

        raises    ApiError if the group rejects this member
        """
        self._stop_heartbeats()
        try:
            return await self._join_until_in(topics, owned)
        except asyncio.CancelledError:
            # The coordinator reads nothing more from this connection before it responds.
            self._coordinator.hang_up()
            raise

    async def _join_until_in(self, topics: Sequence[str], owned: Sequence[TopicPartition]) -> Joined:
        while True:
            self.must_rejoin.clear()
            joined = await self._join(topics, owned)
            if joined.error_code is ErrorCode.none:
                self._member_id, self._generation = joined.member_id, int(joined.generation_id)
                assignment = await self._sync(joined)
                if assignment is not None:
                    self.polled()
                    self._heartbeats = asyncio.get_running_loop().create_task(self._stay_alive())
                    has = ", ".join(map(str, assignment)) or "no partitions"
                    self._say(f"member {self._member_id} has {has} in generation {self._generation}")
                    return Joined(assignment, self._generation, joined.leader == joined.member_id)

    def stands(self, joined: Joined) -> bool:
        """Whether the group has not removed this member since, and assigned its partitions to others."""
        return joined.generation == self._generation

    def adopted(self, assigned: Sequence[TopicPartition], *, revoked: bool) -> None:  # noqa: ARG002
        """Note that the consumer has adopted its assignment, and whether it had to give up partitions."""
        if revoked:
            self.must_rejoin.set()  # so that others can get the partitions that this member gave up (KIP-429)

    async def leave(self) -> None:
        """Leave the group, so that others need not wait for the session to expire; a static member stays."""
        self._stop_heartbeats()
        if not self._member_id or self._settings.group_instance_id is not None:
            return
        self._say(f"member {self._member_id} leaves")
        member_id, self._member_id, self._generation = self._member_id, "", NO_GENERATION
        group = GroupId(self._coordinator.group_id)
        deadline = asyncio.get_running_loop().time()  # one attempt
        with suppress(ConnectionFailed, ApiError):
            try:
                identity = MemberIdentity(
                    member_id=member_id, group_instance_id=None, reason="the consumer is being closed"
                )
                request = LeaveGroupRequest(group_id=group, members=(identity,))
                await self._coordinator.ask(request, oldest=3, timeout=_LEAVE_TIMEOUT, deadline=deadline)
            except VersionUnsupported:
                old = OldLeaveGroupRequest(group_id=group, member_id=member_id)
                await self._coordinator.ask(old, timeout=_LEAVE_TIMEOUT, deadline=deadline)

    # ---- joining

    async def _join(self, topics: Sequence[str], owned: Sequence[TopicPartition]) -> Any:
        """Send one JoinGroup; after an error, another one is needed."""
        timeout = Seconds(in_seconds(self._settings.max_poll_interval_ms) + _JOIN_MARGIN)
        request = JoinGroupRequest(
            group_id=GroupId(self._coordinator.group_id),
            session_timeout=_milliseconds(self._settings.session_timeout_ms),
            rebalance_timeout=_milliseconds(self._settings.max_poll_interval_ms),
            member_id=self._member_id,
            group_instance_id=self._settings.group_instance_id,
            protocol_type=PROTOCOL_TYPE,
            protocols=tuple(
                JoinGroupRequestProtocol(name=name, metadata=self._metadata(name, topics, owned))
                for name in self._assignors
            ),
        )
        answer = await self._coordinator.ask(request, timeout=timeout, deadline=float("inf"))
        code = ErrorCode(answer.error_code)
        if code is ErrorCode.none:
            self._say(f"joined as {answer.member_id} in generation {answer.generation_id}, by {answer.protocol_name}")
        else:
            self._say(f"joining was answered with {code.name.upper()}")
        if code is ErrorCode.member_id_required:
            self._member_id = answer.member_id
        elif code in LOST_MEMBER:
            self._forget()
        elif code in _JOIN_AGAIN:
            await asyncio.sleep(in_seconds(self._settings.retry_backoff_ms))
        elif code is not ErrorCode.none:
            raise ApiError(code)
        return answer

    def _metadata(self, assignor: str, topics: Sequence[str], owned: Sequence[TopicPartition]) -> bytes:
        generation = self._generation if owned else NO_GENERATION
        if assignor == "cooperative-sticky":
            user_data = generation.to_bytes(4, "big", signed=True)
            its = Subscription(topics, owned if self.is_cooperative else (), generation, user_data=user_data)
        elif assignor == "sticky":
            its = Subscription(topics, user_data=sticky_user_data(owned, generation) if owned else None)
        else:
            its = Subscription(topics)
        return encode_subscription(its, rack=self._settings.client_rack)

    async def _sync(self, joined: Any) -> list[TopicPartition] | None:
        """The partitions of this member; None if it has to rejoin."""
        assignments: tuple[SyncGroupRequestAssignment, ...] = ()
        if joined.leader == joined.member_id and not joined.skip_assignment:
            assignments = await self._assign(joined)
        request = SyncGroupRequest(
            group_id=GroupId(self._coordinator.group_id),
            generation_id=i32(self._generation),
            member_id=self._member_id,
            group_instance_id=self._settings.group_instance_id,
            protocol_type=PROTOCOL_TYPE,
            protocol_name=joined.protocol_name,
            assignments=assignments,
        )
        timeout = Seconds(in_seconds(self._settings.max_poll_interval_ms) + _JOIN_MARGIN)
        answer = await self._coordinator.ask(request, timeout=timeout, deadline=float("inf"))
        code = ErrorCode(answer.error_code)
        if code is ErrorCode.none:
            return decode_assignment(bytes(answer.assignment))
        self._say(f"synchronizing was answered with {code.name.upper()}")
        if code in LOST_MEMBER:
            self._forget()
        elif code not in _JOIN_AGAIN:
            raise ApiError(code)
        return None

    async def _assign(self, joined: Any) -> tuple[SyncGroupRequestAssignment, ...]:
        """Assign partitions to all members, as the group's leader."""
        members: dict[str, Subscription] = {}
        for member in joined.members:
            with suppress(BadMemberMessage):  # a member whose subscription is unreadable gets no partitions
                members[member.member_id] = decode_subscription(bytes(member.metadata), member.group_instance_id)
        topics = sorted({topic for subscription in members.values() for topic in subscription.topics})
        assignment = ASSIGNORS[joined.protocol_name](members, await self._counts(topics))
        self._say(f"this member leads the group, and has assigned {', '.join(topics)} to {len(members)} members")
        return tuple(
            SyncGroupRequestAssignment(member_id=member, assignment=encode_assignment(partitions))
            for member, partitions in assignment.items()
        )

    # ---- staying

    async def _stay_alive(self) -> None:
        interval = in_seconds(self._settings.heartbeat_interval_ms)
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(interval)
            if clock() - self._last_poll > in_seconds(self._settings.max_poll_interval_ms):
                self._say("the consumer has not polled for max.poll.interval.ms")
                self._heartbeats = None  # leaving must not cancel this task
                await self.leave()
                self.must_rejoin.set()
                return
            try:
                await self._heartbeat(clock() + in_seconds(self._settings.session_timeout_ms))
            except ConnectionFailed as failure:
                self._say(f"no heartbeat: {failure}")
                continue  # the session may still be saved
            except ApiError as error:
                self._failure = error
                return

    async def _heartbeat(self, deadline: float) -> None:
        request = HeartbeatRequest(
            group_id=GroupId(self._coordinator.group_id),
            generation_id=i32(self._generation),
            member_id=self._member_id,
            group_instance_id=self._settings.group_instance_id,
        )
        answer = await self._coordinator.ask(request, deadline=deadline)
        code = ErrorCode(answer.error_code)
        if code is not ErrorCode.none:
            self._say(f"a heartbeat was answered with {code.name.upper()}")
        if code is ErrorCode.rebalance_in_progress:
            self.must_rejoin.set()
        elif code in LOST_MEMBER:
            self._forget()
            self.must_rejoin.set()
        elif code is not ErrorCode.none:
            raise ApiError(code)

    def _forget(self) -> None:
        """Forget the member id, which the coordinator does not know (any more); a static one keeps its instance id."""
        self._member_id, self._generation = "", NO_GENERATION

    def _say(self, what: str) -> None:
        _log.debug("Group %s: %s", self._coordinator.group_id, what)

    def _stop_heartbeats(self) -> None:
        if self._heartbeats:
            self._heartbeats.cancel()
            self._heartbeats = None


def _milliseconds(count: int) -> i32Timedelta:
    return i32Timedelta.parse(datetime.timedelta(milliseconds=count))
