"""One member of a share group (KIP-932): the coordinator assigns partitions, and several members may have the same.

    heartbeat(epoch 0, topics) ──> epoch, assignment ──> heartbeat(epoch) ... ──> heartbeat(-1): leave

A task sends heartbeats from joining until leaving. One that was not answered is sent again with the topics, which has
the coordinator say the whole assignment: it may have been in the response that was lost. `assigned` has the partitions;
`changed` is set when they change.

source  org.apache.kafka.clients.consumer.internals.ShareHeartbeatRequestManager
"""

import asyncio
import base64
import uuid
from contextlib import suppress
from typing import Any

from kio.schema.errors import ErrorCode
from kio.schema.share_group_heartbeat.v1.request import ShareGroupHeartbeatRequest
from kio.schema.types import GroupId, TopicName
from kio.static.primitive import i32

from pykafka_cli.clients.coordinator import Coordinator
from pykafka_cli.clients.error_traits import LOST_MEMBER, RETRIABLE
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import Seconds
from pykafka_cli.transport.errors import ConnectionFailed, VersionUnsupported

JOINING, LEAVING = 0, -1
NOT_OFFERED = (
    "The cluster does not support the share group protocol. "
    "To use share groups, the cluster must have the share group protocol enabled."
)
_LEAVE_TIMEOUT = Seconds(5.0)

TopicPartitionId = tuple[uuid.UUID, int]


class ShareMember:
    """`pause` is in seconds, between a failure and the next attempt."""

    def __init__(self, coordinator: Coordinator, topic: str, *, pause: float) -> None:
        self.member_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self.assigned: frozenset[TopicPartitionId] = frozenset()
        self.changed = asyncio.Event()
        self.failure: Exception | None = None
        """The error that ended the membership, once `changed` is set because of it."""
        self._coordinator = coordinator
        self._topic = topic
        self._pause = pause
        self._epoch = JOINING
        self._heartbeats: asyncio.Task[None] | None = None

    def join(self) -> None:
        """Start to send heartbeats."""
        self._heartbeats = asyncio.get_running_loop().create_task(self._send_heartbeats())

    async def leave(self) -> None:
        """Leave the group, so that others get the partitions immediately."""
        if self._heartbeats:
            self._heartbeats.cancel()
            with suppress(asyncio.CancelledError):
                await self._heartbeats
        if self._epoch > JOINING:
            deadline = asyncio.get_running_loop().time()  # one attempt
            with suppress(ConnectionFailed, ApiError):
                await self._coordinator.ask(self._request(LEAVING), timeout=_LEAVE_TIMEOUT, deadline=deadline)

    async def _send_heartbeats(self) -> None:
        try:
            while True:
                interval = await self._heartbeat()
                await asyncio.sleep(interval)
        except (ApiError, ConnectionFailed) as failure:
            self.failure = failure
            self._epoch = JOINING
            self.changed.set()

    async def _heartbeat(self) -> float:
        """Send a heartbeat; return seconds until the next.

        raises    ApiError, ConnectionFailed if the group rejects this member
        """
        try:
            request, again = self._request(self._epoch), self._request(self._epoch, says_all=True)
            answer = await self._coordinator.ask(request, again=again, oldest=1)
        except VersionUnsupported:
            raise ApiError(ErrorCode.unsupported_version, NOT_OFFERED) from None
        code = ErrorCode(answer.error_code)
        if code is ErrorCode.none:
            self._note(answer)
            return float(answer.heartbeat_interval.total_seconds())
        if code in LOST_MEMBER or code is ErrorCode.fenced_member_epoch:
            self._epoch = JOINING
            self._assign(frozenset())
            return 0.0
        if code in RETRIABLE:
            return self._pause
        raise ApiError(code, NOT_OFFERED if code is ErrorCode.unsupported_version else answer.error_message)

    def _note(self, answer: Any) -> None:
        self._epoch = int(answer.member_epoch)
        if answer.assignment is not None:
            partitions = answer.assignment.topic_partitions
            self._assign(frozenset((each.topic_id, int(index)) for each in partitions for index in each.partitions))

    def _assign(self, assigned: frozenset[TopicPartitionId]) -> None:
        if assigned != self.assigned:
            self.assigned = assigned
            self.changed.set()

    def _request(self, epoch: int, *, says_all: bool = False) -> ShareGroupHeartbeatRequest:
        return ShareGroupHeartbeatRequest(
            group_id=GroupId(self._coordinator.group_id),
            member_id=self.member_id,
            member_epoch=i32(epoch),
            rack_id=None,
            subscribed_topic_names=(TopicName(self._topic),) if says_all or epoch == JOINING else None,
        )
