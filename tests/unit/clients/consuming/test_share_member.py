"""A member of a share group and its heartbeats."""

import asyncio
import datetime
import uuid
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.share_group_heartbeat.v1.request import ShareGroupHeartbeatRequest
from kio.schema.share_group_heartbeat.v1.response import Assignment, ShareGroupHeartbeatResponse, TopicPartitions
from kio.static.primitive import i32, i32Timedelta

from pykafka_cli.clients.consuming.share_member import ShareMember
from pykafka_cli.clients.errors import ApiError
from tests.fakes.cluster import NO_TIME
from tests.support.polling import PATIENCE_S

TOPIC = uuid.UUID(int=7)
AT_ONCE = i32Timedelta.parse(datetime.timedelta(milliseconds=1))


def answered(*partitions: int, epoch: int = 1, code: ErrorCode = ErrorCode.none) -> ShareGroupHeartbeatResponse:
    assigned = TopicPartitions(topic_id=TOPIC, partitions=tuple(map(i32, partitions)))
    return ShareGroupHeartbeatResponse(
        throttle_time=NO_TIME,
        error_code=code,
        error_message=None,
        member_id=None,
        member_epoch=i32(epoch),
        heartbeat_interval=AT_ONCE,
        assignment=Assignment(topic_partitions=(assigned,)) if partitions else None,
    )


class FakeCoordinator:
    """Gives its answers in turn, and then none any more."""

    group_id = "g"

    def __init__(self, *answers: ShareGroupHeartbeatResponse) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[int, tuple[str, ...] | None]] = []
        self.again: list[ShareGroupHeartbeatRequest] = []

    async def ask(
        self, request: ShareGroupHeartbeatRequest, *, again: ShareGroupHeartbeatRequest | None = None, **_: object
    ) -> ShareGroupHeartbeatResponse:
        if again is not None:
            self.again.append(again)
        self.asked.append((int(request.member_epoch), request.subscribed_topic_names))
        if not self._answers and request.member_epoch >= 0:
            await asyncio.Event().wait()
        return self._answers.pop(0) if self._answers else answered()


def member_of(coordinator: Any) -> ShareMember:
    member = ShareMember(coordinator, "t", pause=0)
    member.join()
    return member


async def assigned_next(member: ShareMember) -> set[int]:
    async with asyncio.timeout(PATIENCE_S):
        await member.changed.wait()
    member.changed.clear()
    return {index for _, index in member.assigned}


async def test_a_member_subscribes_once_and_is_assigned_partitions() -> None:
    coordinator = FakeCoordinator(answered(0, 1), answered(epoch=1), answered(1, epoch=2))
    member = member_of(coordinator)

    assert await assigned_next(member) == {0, 1}
    assert await assigned_next(member) == {1}
    await member.leave()

    assert coordinator.asked[:3] == [(0, ("t",)), (1, None), (1, None)]
    assert coordinator.asked[-1] == (-1, None)


async def test_a_heartbeat_whose_response_is_lost_is_sent_again_with_the_topics() -> None:
    """Which has the coordinator say the assignment, even if it has done so before."""
    coordinator = FakeCoordinator(answered(0), answered(1, epoch=2))
    member = member_of(coordinator)

    assert await assigned_next(member) == {0}
    assert await assigned_next(member) == {1}
    await member.leave()

    assert [(each.member_epoch, each.subscribed_topic_names) for each in coordinator.again[:2]] == [
        (0, ("t",)), (1, ("t",)),
    ]  # fmt: skip


@pytest.mark.parametrize("lost", [ErrorCode.unknown_member_id, ErrorCode.fenced_member_epoch])
async def test_a_member_that_the_group_has_given_up_joins_again(lost: ErrorCode) -> None:
    coordinator = FakeCoordinator(answered(0), answered(code=lost), answered(1, epoch=5))
    member = member_of(coordinator)

    assert await assigned_next(member) == {0}
    async with asyncio.timeout(PATIENCE_S):
        while member.assigned != {(TOPIC, 1)}:
            await member.changed.wait()
            member.changed.clear()
    await member.leave()

    assert [epoch for epoch, _ in coordinator.asked[:3]] == [0, 1, 0]


async def test_a_member_that_is_refused_says_why_and_has_nothing_to_leave() -> None:
    coordinator = FakeCoordinator(answered(code=ErrorCode.group_authorization_failed))
    member = member_of(coordinator)

    await assigned_next(member)
    await member.leave()

    assert isinstance(member.failure, ApiError)
    assert member.failure.code == ErrorCode.group_authorization_failed
    assert len(coordinator.asked) == 1
