"""Waits for a cluster: checks all conditions until they are met. The cluster does not change, and no group is joined.

A cluster that does not respond yet is no error here: until time is up, every failure is the reason why a condition is
not met.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.errors import ApiError, explain
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId, Offset, OffsetSpec, Seconds, TopicPartition
from pykafka_cli.rules.wait_conditions import (
    DEAD,
    Brokers,
    Condition,
    Group,
    Lag,
    Records,
    Topic,
    lags_of,
    missing_brokers,
    missing_of_group,
    missing_of_lag,
    missing_of_topic,
    missing_records,
)
from pykafka_cli.transport.errors import ConnectionFailed

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.5
"""Seconds between two checks; the pause grows while nothing changes."""

SINGLE_LOOK_S = 10.0
"""Seconds for a check if there is no time to wait."""

DEFAULTS = {"request.timeout.ms": "5000", "default.api.timeout.ms": "1000"}
"""Seconds for each check; it is repeated anyway, so none should take long."""


class Unmet(NamedTuple):
    """A condition by its position in the list, the reason why it is not met, and what would help, if known."""

    number: int
    reason: str
    hint: str = ""


async def wait_until_met(
    open_session: Callable[[], Session],
    conditions: Sequence[Condition],
    timeout: Seconds,
    report: Callable[[Sequence[Unmet]], None],
) -> Sequence[Unmet]:
    """The conditions that are not met at the end; empty as soon as one check finds all of them met.

    timeout    seconds; 0 checks once
    report     called after each check that finds something missing
    raises     BadClientSetting
    """
    unmet: list[Unmet] = [Unmet(number, "no response yet") for number in range(len(conditions))]

    def found(now_unmet: Sequence[Unmet]) -> None:
        unmet[:] = now_unmet
        if unmet:
            report(unmet)

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout or SINGLE_LOOK_S):
            await _check_until_met(open_session, conditions, found, once=not timeout)
    return unmet


async def _check_until_met(
    open_session: Callable[[], Session],
    conditions: Sequence[Condition],
    found: Callable[[Sequence[Unmet]], None],
    *,
    once: bool,
) -> None:
    pause = FIRST_PAUSE_S
    session: Session | None = None
    async with contextlib.AsyncExitStack() as opened:
        while True:
            try:
                if session is None:
                    session = await opened.enter_async_context(open_session())
                missing = await missing_of_conditions(session, conditions)
            except ConnectionFailed as failure:  # the cluster does not respond yet
                missing = [explain(failure)] * len(conditions)
            unmet = [
                Unmet(number, *reason_and_hint)
                for number, reason_and_hint in enumerate(missing)
                if any(reason_and_hint)
            ]
            found(unmet)
            if not unmet or once:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_S)


async def missing_of_conditions(session: Session, conditions: Sequence[Condition]) -> list[tuple[str, str]]:
    """For each condition, why it is not met, and what would help; both empty if it is met."""
    return await asyncio.gather(*(_missing(session, each) for each in conditions))


async def _missing(session: Session, condition: Condition) -> tuple[str, str]:
    """Why a condition is not met, and what would help; both empty if it is met."""
    check: Awaitable[str]
    match condition:
        case Brokers():
            check = _check_brokers(session, condition)
        case Topic():
            check = _check_topic(session, condition)
        case Records():
            check = _check_records(session, condition)
        case Group():
            check = _check_group(session, condition)
        case Lag():
            check = _check_lag(session, condition)
    try:
        return await check, ""
    except ConnectionFailed as failure:
        return explain(failure)
    except ApiError as error:
        return str(error), ""


async def _check_brokers(session: Session, wanted: Brokers) -> str:
    answer = await session.metadata(())
    registered = {broker.node_id: f"{broker.host}:{broker.port}" for broker in answer.brokers}
    problems = await asyncio.gather(*(_problem_of(session, broker) for broker in registered))
    unreachable = {broker: problem for broker, problem in zip(registered, problems, strict=True) if problem}
    controller = None if answer.controller_id < 0 else answer.controller_id
    return missing_brokers(wanted, registered, controller, unreachable)


async def _problem_of(session: Session, broker: BrokerId) -> str:
    try:
        await session.api_versions(broker)
    except ConnectionFailed as failure:
        return str(failure)
    return ""


async def _leaders(session: Session, topic: str) -> Mapping[int, BrokerId | None] | None:
    """The leader of each partition; None if the topic does not exist.

    raises    ApiError
    """
    answer = await session.metadata([topic])
    alive = {broker.node_id for broker in answer.brokers}
    (found,) = answer.topics
    if found.error_code == ErrorCode.unknown_topic_or_partition:
        return None
    if found.error_code not in (ErrorCode.none, ErrorCode.leader_not_available):
        raise ApiError(found.error_code)
    return {int(each.partition_index): each.leader_id if each.leader_id in alive else None for each in found.partitions}


async def _check_topic(session: Session, wanted: Topic) -> str:
    return missing_of_topic(wanted, await _leaders(session, wanted.topic))


async def _check_records(session: Session, wanted: Records) -> str:
    leaders = await _leaders(session, wanted.topic)
    if leaders is None:
        return missing_records(wanted, None)
    partitions = [TopicPartition(wanted.topic, each) for each in leaders]
    beginnings, ends = await bounds_of(session, partitions)
    return missing_records(wanted, {each.partition: ends[each] - beginnings[each] for each in partitions})


async def bounds_of(
    session: Session, partitions: Sequence[TopicPartition]
) -> tuple[dict[TopicPartition, Offset], dict[TopicPartition, Offset]]:
    """The starts and ends of the logs.

    raises    ApiError for the first partition whose leader rejects the request
    """
    from pykafka_cli.clients.admin.leaders import Patience
    from pykafka_cli.clients.admin.offsets import known, list_offsets

    beginnings, ends = [
        known(await list_offsets(session, dict.fromkeys(partitions, end), patience=Patience.ASK_ONCE), naming=True)
        for end in (OffsetSpec.EARLIEST, OffsetSpec.LATEST)
    ]
    return beginnings, ends


async def _check_group(session: Session, wanted: Group) -> str:
    from pykafka_cli.clients.admin.groups import describe_groups

    found = (await describe_groups(session, [wanted.group], missing_is_dead=True))[wanted.group]
    return missing_of_group(wanted, found.state, len(found.members))


async def _check_lag(session: Session, wanted: Lag) -> str:
    from pykafka_cli.clients.admin.groups import committed_offsets, describe_groups
    from pykafka_cli.rules.group_lag import partitions_of

    group = (await describe_groups(session, [wanted.group], missing_is_dead=True))[wanted.group]
    if group.state == DEAD:
        return missing_of_lag(wanted, None)
    committed = await committed_offsets(session, wanted.group)
    read = partitions_of(group, committed)
    if wanted.topic:
        read = {each for each in read if each.topic == wanted.topic}
        if read:  # a group that has read a part of the topic still has the rest to read
            read |= {TopicPartition(wanted.topic, each) for each in await _leaders(session, wanted.topic) or ()}
    partitions = sorted(read)
    beginnings, ends = await bounds_of(session, partitions)
    return missing_of_lag(wanted, lags_of(partitions, committed, beginnings, ends))
