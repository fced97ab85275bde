"""A member of a consumer group in the protocol in which the coordinator assigns partitions (KIP-848).

    heartbeat(epoch 0, subscription) ──> epoch, assignment ──> the consumer revokes, then adopts
        ^                                                          │
        └────────── heartbeat(epoch, owned partitions) <───────────┘      heartbeat(-1, static members -2): leave

A task sends heartbeats, from joining until leaving, whatever the consumer is busy with. It announces through
`must_rejoin` that the assignment is not what the consumer has, or that the group has given this member up. A heartbeat
says only what has changed since the last one that was answered; the first one, and one after a failure, says it all,
and has the coordinator say the whole assignment, which may have been in a response that was lost.

source  org.apache.kafka.clients.consumer.internals.ConsumerHeartbeatRequestManager, ConsumerMembershipManager
"""

import asyncio
import base64
import datetime
import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kio.schema.consumer_group_heartbeat.v1.request import ConsumerGroupHeartbeatRequest, TopicPartitions
from kio.schema.errors import ErrorCode
from kio.schema.types import GroupId, TopicName
from kio.static.primitive import i32, i32Timedelta

from pykafka_cli.clients.consuming.group_member import Joined
from pykafka_cli.clients.coordinator import Coordinator
from pykafka_cli.clients.error_traits import LOST_MEMBER, RETRIABLE
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.group_offsets import Membership
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Seconds, TopicPartition, in_seconds
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.transport.errors import ConnectionFailed, VersionUnsupported

JOINING, LEAVING, LEAVING_FOR_A_WHILE = 0, -1, -2
"""Epochs of a member that joins, that leaves, and of a static one that may return."""

FIRST_WITH_REGEX = 1
NOT_OFFERED = (
    "The cluster does not support the new consumer group protocol. Set group.protocol=classic to revert to the classic "
    "protocol until the cluster is upgraded."
)
_UNCHANGED = i32Timedelta.parse(datetime.timedelta(milliseconds=-1))
_LEAVE_TIMEOUT = Seconds(5.0)

Assignment = dict[uuid.UUID, frozenset[int]]
"""Partitions by the id of their topic."""


_log = logging.getLogger(__name__)


class ConsumerProtocolMember:
    """regex    subscribe to topics whose whole name matches this RE2 expression, which the coordinator evaluates;
    empty if topics are named
    """

    is_cooperative = True
    """Retained partitions are read while the assignment changes."""

    def __init__(
        self, session: Session, coordinator: Coordinator, settings: ConsumerSettings, *, regex: str | None = None
    ) -> None:
        self.must_rejoin = asyncio.Event()
        self.must_rejoin.set()
        self._session = session
        self._coordinator = coordinator
        self._settings = settings
        self._regex = regex
        self._member_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self._epoch = JOINING
        self._topics: tuple[str, ...] = ()
        self._acknowledged: ConsumerGroupHeartbeatRequest | None = None  # all fields that the coordinator has received
        self._target: Assignment | None = None
        self._owned: Assignment = {}
        self._has_target = asyncio.Event()
        self._has_changes = asyncio.Event()  # for the coordinator
        self._names: dict[uuid.UUID, str] = {}
        self._heartbeats: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._last_poll = 0.0

    @property
    def membership(self) -> Membership:
        return Membership(self._member_id, self._epoch, self._settings.group_instance_id)

    @property
    def is_lost(self) -> bool:
        """Whether the group has removed this member, so that its partitions may be assigned to others."""
        return self._epoch <= JOINING

    def polled(self) -> None:
        """Note that the consumer is alive; without calls for max.poll.interval.ms the member leaves.

        raises    ApiError, ConnectionFailed if the group rejects this member
        """
        self._last_poll = asyncio.get_running_loop().time()
        if self._failure:
            raise self._failure

    async def join(self, topics: Sequence[str], owned: Sequence[TopicPartition]) -> Joined:
        """Subscribe, and return the assignment once there is one.

        owned     what the consumer has now: if the group has removed this member, that has to be given up first

        raises    ApiError, ConnectionFailed if the group rejects this member
        """
        self.must_rejoin.clear()
        if self._topics != tuple(topics):
            self._topics = tuple(topics)
            self._has_changes.set()
        while not self._has_target.is_set():
            if owned and self.is_lost:
                self.must_rejoin.set()
                return Joined([], self._epoch, is_leader=False)
            await self._target_or_removal()
        if self._failure:
            raise self._failure
        self.must_rejoin.clear()
        target = self._target or {}
        await self._look_up_names(target)
        partitions = [
            TopicPartition(self._names[topic], index) for topic, indexes in target.items() for index in sorted(indexes)
        ]
        return Joined(partitions, self._epoch, is_leader=False)

    async def _target_or_removal(self) -> None:
        """Stay a member until there is an assignment, or until the group has removed this member."""
        if self._heartbeats is None or self._heartbeats.done():
            self._owned = {}
            self._last_poll = asyncio.get_running_loop().time()  # the consumer waits in `join`
            self._heartbeats = asyncio.get_running_loop().create_task(self._send_heartbeats())
        target = asyncio.ensure_future(self._has_target.wait())
        try:
            await asyncio.wait((target, self._heartbeats), return_when=asyncio.FIRST_COMPLETED)
        finally:
            target.cancel()

    def stands(self, joined: Joined) -> bool:
        """Whether the assignment is still the newest: the coordinator gives to others what a newer one leaves out."""
        target = {
            (self._names.get(topic), index) for topic, indexes in (self._target or {}).items() for index in indexes
        }
        return self._target is not None and target == set(joined.partitions)

    def adopted(self, assigned: Sequence[TopicPartition], *, revoked: bool) -> None:  # noqa: ARG002
        """Note that the consumer now has exactly these partitions: the coordinator may reassign revoked ones."""
        ids = {name: topic for topic, name in self._names.items()}
        owned: dict[uuid.UUID, set[int]] = {}
        for topic, partition in assigned:
            owned.setdefault(ids[topic], set()).add(partition)
        self._owned = {topic: frozenset(indexes) for topic, indexes in owned.items()}
        self._has_changes.set()

    async def leave(self) -> None:
        """Leave the group, so that others get the partitions immediately; a static member may return for them."""
        if self._heartbeats:
            self._heartbeats.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._heartbeats
            self._heartbeats = None
        if self.is_lost:
            return
        self._say(f"member {self._member_id} leaves")
        epoch = LEAVING if self._settings.group_instance_id is None else LEAVING_FOR_A_WHILE
        deadline = asyncio.get_running_loop().time()  # one attempt
        with suppress(ConnectionFailed, ApiError):
            request = self._request(i32(epoch), {})
            await self._coordinator.ask(request, timeout=_LEAVE_TIMEOUT, deadline=deadline)
        self._forget()

    # ---- heartbeats

    async def _send_heartbeats(self) -> None:
        """Send heartbeats until the group removes or rejects this member, or the consumer stops polling."""
        clock = asyncio.get_running_loop().time
        try:
            while True:
                self._has_changes.clear()
                interval = await self._heartbeat(clock() + in_seconds(self._settings.session_timeout_ms))
                if interval is None:
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(interval):
                        await self._has_changes.wait()
                if clock() - self._last_poll > in_seconds(self._settings.max_poll_interval_ms):
                    self._heartbeats = None  # leaving must not cancel this task
                    await self.leave()
                    self.must_rejoin.set()
                    return
        except (ApiError, ConnectionFailed) as failure:
            self._failure = failure
            self._forget()
            self._has_target.set()  # wakes its waiter, which raises the reason

    async def _heartbeat(self, deadline: float) -> float | None:
        """Send a heartbeat; return seconds until the next, None if the member has been removed.

        raises    ApiError, ConnectionFailed if the group rejects this member
        """
        everything = self._everything()
        request, oldest = self._changed_fields(everything), FIRST_WITH_REGEX if self._regex else 0
        try:
            answer = await self._coordinator.ask(request, again=everything, oldest=oldest, deadline=deadline)
        except VersionUnsupported:
            raise ApiError(ErrorCode.unsupported_version, NOT_OFFERED) from None
        except ConnectionFailed as failure:
            self._say(f"no heartbeat: {failure}")
            self._acknowledged = None  # whether it arrived is not known
            return in_seconds(self._settings.retry_backoff_ms)
        code = ErrorCode(answer.error_code)
        if code is not ErrorCode.none:
            self._say(f"a heartbeat was answered with {code.name.upper()}")
        if code is ErrorCode.none:
            self._acknowledged = everything
            self._note(answer)
            return float(answer.heartbeat_interval.total_seconds())
        self._acknowledged = None
        if code in LOST_MEMBER or code is ErrorCode.fenced_member_epoch:
            self._forget()
            self.must_rejoin.set()
            return None
        if code in RETRIABLE:
            return in_seconds(self._settings.retry_backoff_ms)
        raise ApiError(code, NOT_OFFERED if code is ErrorCode.unsupported_version else answer.error_message)

    def _say(self, what: str) -> None:
        _log.debug("Group %s: %s", self._coordinator.group_id, what)

    def _note(self, answer: Any) -> None:
        if int(answer.member_epoch) != self._epoch:
            self._say(f"member {answer.member_id or self._member_id} is in epoch {answer.member_epoch}")
        self._epoch = int(answer.member_epoch)
        if answer.member_id:
            self._member_id = str(answer.member_id)
        if answer.assignment is None:
            return
        self._target = {
            each.topic_id: frozenset(map(int, each.partitions)) for each in answer.assignment.topic_partitions
        }
        self._say(f"the coordinator assigns {sum(map(len, self._target.values()))} partitions")
        if not self._has_target.is_set() or self._target != self._owned:
            self._has_target.set()
            self.must_rejoin.set()

    def _forget(self) -> None:
        """Handle an unknown member id: the next heartbeat joins as a new member with the same id."""
        self._epoch, self._acknowledged, self._target, self._owned = JOINING, None, None, {}
        self._has_target.clear()

    # ---- the fields of a heartbeat

    def _everything(self) -> ConsumerGroupHeartbeatRequest:
        owned = () if self._epoch == JOINING else _topic_partitions(self._owned)
        return self._request(
            i32(self._epoch),
            {
                "instance_id": self._settings.group_instance_id,
                "rack_id": self._settings.client_rack or None,
                "rebalance_timeout": i32Timedelta.parse(
                    datetime.timedelta(milliseconds=self._settings.max_poll_interval_ms)
                ),
                "subscribed_topic_names": tuple(map(TopicName, self._topics)),
                "subscribed_topic_regex": self._regex,
                "server_assignor": self._settings.group_remote_assignor,
                "topic_partitions": owned,
            },
        )

    def _changed_fields(self, everything: ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatRequest:
        """The fields that differ from those that the coordinator has."""
        known = self._acknowledged
        if known is None:
            return everything
        fields = ("subscribed_topic_names", "topic_partitions")
        changed = {
            name: getattr(everything, name) for name in fields if getattr(everything, name) != getattr(known, name)
        }
        return self._request(everything.member_epoch, changed)

    def _request(self, epoch: i32, fields: Mapping[str, Any]) -> ConsumerGroupHeartbeatRequest:
        """A request; missing fields are unchanged, and a static member always sends its instance id."""
        unchanged = {
            "instance_id": self._settings.group_instance_id,
            "rebalance_timeout": _UNCHANGED,
            "subscribed_topic_names": None,
            "subscribed_topic_regex": None,
            "topic_partitions": None,
        }
        return ConsumerGroupHeartbeatRequest(
            group_id=GroupId(self._coordinator.group_id),
            member_id=self._member_id,
            member_epoch=epoch,
            **(unchanged | dict(fields)),
        )

    # ---- topics by id

    async def _look_up_names(self, topics: Iterable[uuid.UUID]) -> None:
        """Look up the names of topics, and retry for those that the broker does not know yet."""
        while missing := [topic for topic in topics if topic not in self._names]:
            with suppress(ConnectionFailed):
                answer = await self._session.metadata((), ids=missing)
                self._names.update(
                    {topic.topic_id: str(topic.name) for topic in answer.topics if topic.topic_id and topic.name}
                )
            if any(topic not in self._names for topic in missing):
                await asyncio.sleep(in_seconds(self._settings.retry_backoff_ms))


def _topic_partitions(owned: Assignment) -> tuple[TopicPartitions, ...]:
    return tuple(
        TopicPartitions(topic_id=topic, partitions=tuple(map(i32, sorted(indexes)))) for topic, indexes in owned.items()
    )
