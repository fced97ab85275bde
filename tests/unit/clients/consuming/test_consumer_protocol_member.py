"""A member of the protocol in which the coordinator assigns (KIP-848), against a scripted coordinator."""

import asyncio
import datetime
import uuid
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from kio.schema.consumer_group_heartbeat.v1.request import ConsumerGroupHeartbeatRequest
from kio.schema.consumer_group_heartbeat.v1.response import (
    Assignment,
    ConsumerGroupHeartbeatResponse,
    TopicPartitions,
)
from kio.schema.errors import ErrorCode
from kio.static.primitive import i32, i32Timedelta

from pykafka_cli.clients.consuming.consumer_protocol_member import NOT_OFFERED, ConsumerProtocolMember
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import TopicPartition
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.transport.errors import ConnectionLost, VersionUnsupported
from tests.support.event_loop import until
from tests.support.polling import PATIENCE_S

NO_TIME = i32Timedelta.parse(datetime.timedelta())
AN_HOUR = datetime.timedelta(hours=1)
TOPIC = uuid.UUID(int=7)
T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)


def answer(
    epoch: int = 1, *partitions: int, assigned: bool = True, code: ErrorCode = ErrorCode.none, text: str | None = None
) -> ConsumerGroupHeartbeatResponse:
    """The next heartbeat is due in an hour: only news makes another one."""
    topics = (TopicPartitions(topic_id=TOPIC, partitions=tuple(map(i32, partitions))),) if partitions else ()
    return ConsumerGroupHeartbeatResponse(
        throttle_time=NO_TIME,
        error_code=code,
        error_message=text,
        member_id=None,
        member_epoch=i32(epoch),
        heartbeat_interval=i32Timedelta.parse(AN_HOUR),
        assignment=Assignment(topic_partitions=topics) if assigned else None,
    )


class ScriptedCoordinator:
    """Answers heartbeats with what a test has put into `answers`, one after the other; exceptions are raised."""

    group_id = "g"

    def __init__(self, *answers: Any) -> None:
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        for each in answers:
            self.answers.put_nowait(each)
        self.heartbeats: list[ConsumerGroupHeartbeatRequest] = []
        self.again: ConsumerGroupHeartbeatRequest | None = None
        self.oldest: int | None = None

    async def ask(
        self,
        request: ConsumerGroupHeartbeatRequest,
        *,
        again: ConsumerGroupHeartbeatRequest | None = None,
        oldest: int = 0,
        **_: object,
    ) -> Any:
        self.heartbeats.append(request)
        self.again = again
        self.oldest = oldest
        found = await self.answers.get()
        if isinstance(found, Exception):
            raise found
        return found


class Topics:
    """A session that knows one topic by its id, once it has been asked as often as a test says."""

    def __init__(self, unknown: int = 0) -> None:
        self.unknown = unknown

    async def metadata(self, _topics: Iterable[str], *, ids: Iterable[uuid.UUID]) -> Any:
        self.unknown -= 1
        names = [None if self.unknown >= 0 else "t" for _ in ids]
        return SimpleNamespace(topics=[SimpleNamespace(topic_id=TOPIC, name=name) for name in names])


def member_of(
    coordinator: ScriptedCoordinator, topics: Topics | None = None, *, regex: str | None = None, **properties: str
) -> ConsumerProtocolMember:
    given = {"group.id": "g", "group.protocol": "consumer", "retry.backoff.ms": "1"}
    settings = ConsumerSettings(given | {name.replace("_", "."): value for name, value in properties.items()})
    member = ConsumerProtocolMember(topics or Topics(), coordinator, settings, regex=regex)  # type: ignore[arg-type]
    member.polled()
    return member


async def test_a_member_joins_with_all_it_has_to_say_and_learns_its_partitions() -> None:
    coordinator = ScriptedCoordinator(answer(3, 0, 1))
    member = member_of(coordinator, group_remote_assignor="range", client_rack="here")

    joined = await member.join(["t"], [])

    assert joined.partitions == [T0, T1]
    (first,) = coordinator.heartbeats
    assert (first.member_epoch, first.subscribed_topic_names, first.topic_partitions) == (0, ("t",), ())
    assert (first.server_assignor, first.rack_id, first.rebalance_timeout) == (
        "range", "here", datetime.timedelta(minutes=5),
    )  # fmt: skip
    assert len(first.member_id) == 22
    assert (member.membership.member_id, member.membership.generation) == (first.member_id, 3)
    assert not member.is_lost


async def test_what_was_adopted_is_acknowledged_and_nothing_else_repeated() -> None:
    coordinator = ScriptedCoordinator(answer(1, 0, 1), answer(1, assigned=False))
    member = member_of(coordinator)
    joined = await member.join(["t"], [])

    member.adopted(joined.partitions, revoked=False)
    await until(lambda: len(coordinator.heartbeats) == 2)

    acknowledged = coordinator.heartbeats[1]
    assert acknowledged.topic_partitions is not None
    assert [(each.topic_id, each.partitions) for each in acknowledged.topic_partitions] == [(TOPIC, (0, 1))]
    assert (acknowledged.member_epoch, acknowledged.subscribed_topic_names) == (1, None)
    assert acknowledged.rebalance_timeout == datetime.timedelta(milliseconds=-1)


async def test_another_assignment_asks_the_consumer_to_take_part() -> None:
    coordinator = ScriptedCoordinator(answer(1, 0, 1), answer(1, 0))
    member = member_of(coordinator)
    member.adopted((await member.join(["t"], [])).partitions, revoked=False)

    await asyncio.wait_for(member.must_rejoin.wait(), PATIENCE_S)

    assert (await member.join(["t"], [T0, T1])).partitions == [T0]


async def test_the_same_assignment_again_changes_nothing() -> None:
    coordinator = ScriptedCoordinator(answer(1, 0), answer(2, 0))
    member = member_of(coordinator)
    member.adopted((await member.join(["t"], [])).partitions, revoked=False)

    await until(lambda: member.membership.generation == 2)

    assert not member.must_rejoin.is_set()


@pytest.mark.parametrize("code", [ErrorCode.fenced_member_epoch, ErrorCode.unknown_member_id])
async def test_a_member_that_was_given_up_joins_from_the_beginning_under_its_own_id(code: ErrorCode) -> None:
    coordinator = ScriptedCoordinator(answer(5, 0), answer(code=code), answer(9, 1))
    member = member_of(coordinator)
    member.adopted((await member.join(["t"], [])).partitions, revoked=False)

    await asyncio.wait_for(member.must_rejoin.wait(), PATIENCE_S)
    was_lost = member.is_lost
    joined = await member.join(["t"], [])

    assert was_lost
    assert joined.partitions == [T1]
    last = coordinator.heartbeats[-1]
    assert (last.member_epoch, last.subscribed_topic_names, last.topic_partitions) == (0, ("t",), ())
    assert last.member_id == coordinator.heartbeats[0].member_id


@pytest.mark.parametrize("code", [ErrorCode.fenced_member_epoch, ErrorCode.unknown_member_id])
async def test_a_member_that_is_given_up_while_it_joins_joins_again(code: ErrorCode) -> None:
    coordinator = ScriptedCoordinator(answer(1, assigned=False), answer(code=code), answer(2, 1))
    member = member_of(coordinator)

    joining = asyncio.ensure_future(member.join(["t"], []))
    await until(lambda: len(coordinator.heartbeats) == 1)
    member.adopted([], revoked=False)  # sends the next heartbeat at once
    joined = await asyncio.wait_for(joining, PATIENCE_S)

    assert joined.partitions == [T1]
    assert [each.member_epoch for each in coordinator.heartbeats] == [0, 1, 0]


@pytest.mark.parametrize("code", [ErrorCode.fenced_member_epoch, ErrorCode.unknown_member_id])
async def test_a_member_that_was_given_up_while_its_consumer_was_busy_gives_up_what_it_has_first(
    code: ErrorCode,
) -> None:
    """It joins as one that has nothing, and others would get what it still reads."""
    coordinator = ScriptedCoordinator(answer(1, 0), answer(code=code), answer(2, 1))
    member = member_of(coordinator)
    member.adopted((await member.join(["t"], [])).partitions, revoked=False)
    await until(lambda: member.is_lost)

    to_give_up = await member.join(["t"], [T0])
    asked = len(coordinator.heartbeats)
    member.adopted([], revoked=True)
    joined = await member.join(["t"], [])

    assert to_give_up.partitions == []
    assert asked == 2
    assert joined.partitions == [T1]


async def test_after_a_lost_connection_everything_is_said_again() -> None:
    coordinator = ScriptedCoordinator(answer(1, 0), ConnectionLost("gone"), answer(1, assigned=False))
    member = member_of(coordinator)
    member.adopted((await member.join(["t"], [])).partitions, revoked=False)

    await until(lambda: len(coordinator.heartbeats) == 3)

    repeated = coordinator.heartbeats[2]
    assert (repeated.member_epoch, repeated.subscribed_topic_names) == (1, ("t",))
    assert repeated.topic_partitions


async def test_a_heartbeat_whose_response_is_lost_is_sent_again_with_everything() -> None:
    """The response may have had an assignment, which the coordinator repeats only then."""
    coordinator = ScriptedCoordinator(answer(1, 0))
    member = member_of(coordinator)
    member.adopted((await member.join(["t"], [])).partitions, revoked=False)

    await until(lambda: len(coordinator.heartbeats) == 2)

    assert coordinator.heartbeats[1].subscribed_topic_names is None
    assert coordinator.again is not None
    assert (coordinator.again.member_epoch, coordinator.again.subscribed_topic_names) == (1, ("t",))
    assert coordinator.again.rebalance_timeout == datetime.timedelta(minutes=5)
    assert coordinator.again.topic_partitions == coordinator.heartbeats[1].topic_partitions


async def test_an_assignment_stands_until_there_is_another() -> None:
    """A consumer may be busy while the coordinator gives to others what it has not taken yet."""
    coordinator = ScriptedCoordinator(answer(1, 0, 1))
    member = member_of(coordinator)
    joined = await member.join(["t"], [])
    stood = member.stands(joined)

    coordinator.answers.put_nowait(answer(2, 0))
    member.adopted([], revoked=False)  # sends the next heartbeat at once
    await until(lambda: member.membership.generation == 2)

    assert stood
    assert not member.stands(joined)


async def test_an_assignment_does_not_stand_when_the_group_has_given_the_member_up() -> None:
    coordinator = ScriptedCoordinator(answer(1, 0), answer(code=ErrorCode.unknown_member_id))
    member = member_of(coordinator)
    joined = await member.join(["t"], [])

    member.adopted([], revoked=False)
    await until(lambda: member.is_lost)

    assert not member.stands(joined)


async def test_a_refusal_reaches_the_consumer_with_the_coordinators_words() -> None:
    member = member_of(ScriptedCoordinator(answer(code=ErrorCode.unsupported_assignor, text="no such assignor")))

    with pytest.raises(ApiError, match="no such assignor"):
        await member.join(["t"], [])
    with pytest.raises(ApiError, match="no such assignor"):
        member.polled()


@pytest.mark.parametrize("refusal", [VersionUnsupported("no"), answer(code=ErrorCode.unsupported_version)])
async def test_a_cluster_without_the_protocol_is_said_to_be_one(refusal: Any) -> None:
    with pytest.raises(ApiError) as error:
        await member_of(ScriptedCoordinator(refusal)).join(["t"], [])

    assert str(error.value) == NOT_OFFERED


async def test_a_topic_that_the_broker_does_not_know_yet_is_asked_for_again() -> None:
    member = member_of(ScriptedCoordinator(answer(1, 0)), Topics(unknown=2))

    assert (await member.join(["t"], [])).partitions == [T0]


@pytest.mark.parametrize(("instance", "epoch"), [(None, -1), ("me", -2)])
async def test_leaving_says_whether_the_member_may_come_back(instance: str | None, epoch: int) -> None:
    coordinator = ScriptedCoordinator(answer(1, 0), answer(assigned=False))
    member = member_of(coordinator, group_instance_id=instance) if instance else member_of(coordinator)
    await member.join(["t"], [])

    await member.leave()

    last = coordinator.heartbeats[-1]
    assert (last.member_epoch, last.instance_id) == (epoch, instance)
    assert member.is_lost


async def test_an_expression_needs_a_coordinator_that_evaluates_it() -> None:
    coordinator = ScriptedCoordinator(answer(1, 0))

    await member_of(coordinator, regex="t.*").join([], [])

    assert (coordinator.heartbeats[0].subscribed_topic_regex, coordinator.oldest) == ("t.*", 1)
