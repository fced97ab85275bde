"""The learner's tasks, as conditions on the cluster; how they are met does not matter.

The conditions of `pk wait` (rules/wait_conditions.py), and:

members=GROUP:N          exactly N members, in a stable group unless N is 0
committed=GROUP:N        committed offsets that add up to N; to N or more: committed=GROUP:N+
start=TOPIC:N            first offsets of the partitions that add up to N or more
alive=N                  exactly N brokers
isr=TOPIC:N              N replicas in sync of each partition, and a leader
leader=TOPIC:ID          the broker leads every partition
absent=TOPIC             the topic does not exist
config=TOPIC:KEY=VALUE   the config of the topic
state=ID:STATE           the state of a transactional id
znode=PATH[:TEXT]        the znode, holding TEXT
clock=DURATION           the servers' clock has been moved by at least that much
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from pykafka_cli.clients.admin.groups import committed_offsets, describe_groups
from pykafka_cli.clients.errors import ApiError, explain
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Seconds, TopicPartition
from pykafka_cli.procedures.wait import bounds_of, missing_of_conditions
from pykafka_cli.rules.wait_conditions import BadCondition, parse_condition, parse_duration
from pykafka_cli.transport.errors import ConnectionFailed

CLOCK_TOLERANCE_S = 5.0

ReadZnode = Callable[[str], Awaitable[bytes | None]]
"""The data of a znode by its path; None if there is none."""


ReadClock = Callable[[], Seconds]
"""How far the servers' clock is ahead of ours."""


async def missing_goals(
    session: Session, goals: Sequence[str], read_znode: ReadZnode, read_clock: ReadClock
) -> list[str]:
    """A sentence for each goal that is not met yet."""
    looks = (_missing(session, goal, read_znode, read_clock) for goal in goals)
    return [text for text in await asyncio.gather(*looks) if text]


async def _missing(session: Session, goal: str, read_znode: ReadZnode, read_clock: ReadClock) -> str:
    kind, _, value = goal.partition("=")
    try:
        if kind == "znode":
            path, _, wanted = value.partition(":")
            return missing_of_znode(path, wanted, await read_znode(path))
        if kind == "clock":
            return missing_of_clock(value, read_clock())
        if kind == "alive":
            return missing_of_alive(int(value), len((await session.metadata(())).brokers))
        if kind == "absent":
            topics = {topic.name for topic in (await session.metadata(None)).topics}
            return f"the topic {value} still exists" if value in topics else ""
        name, _, number = value.rpartition(":")
        match kind:
            case "config":
                return await _missing_of_config(session, name, number)
            case "state":
                return await _missing_of_transaction(session, name, number)
            case "members":
                group = (await describe_groups(session, [name], missing_is_dead=True))[name]
                return missing_of_members(int(number), group.state, len(group.members))
            case "committed":
                committed = sum((await committed_offsets(session, name)).values())
                return missing_of_committed(int(number.rstrip("+")), committed, or_more=number.endswith("+"))
            case "start" | "isr" | "leader":
                return await _missing_of_topic(session, kind, name, int(number))
        try:
            return (await missing_of_conditions(session, [parse_condition(goal)]))[0][0]
        except BadCondition as error:
            raise ValueError(str(error)) from None
    except ConnectionFailed as failure:
        return explain(failure)[0]
    except ApiError as error:
        return str(error)


async def _missing_of_topic(session: Session, kind: str, topic: str, number: int) -> str:
    (found,) = (await session.metadata([topic])).topics
    if not found.partitions:
        return f"the topic {topic} does not exist"
    if kind == "start":
        beginnings, _ = await bounds_of(
            session, [TopicPartition(topic, each.partition_index) for each in found.partitions]
        )
        return missing_of_start(number, sum(beginnings.values()))
    if kind == "leader":
        leaders = {int(each.leader_id) for each in found.partitions}
        return "" if leaders == {number} else f"broker {number} does not lead {topic} yet"
    least = min(len(each.isr_nodes) for each in found.partitions)
    if any(each.leader_id < 0 for each in found.partitions):
        return f"{topic} has no leader"
    return "" if least == number else f"{_count(least, 'replica')} of {topic} in sync, not {number}"


async def _missing_of_config(session: Session, topic: str, wanted: str) -> str:
    from pykafka_cli.clients.admin.configs import Resource, describe_configs
    from pykafka_cli.model import ConfigResourceType

    key, _, value = wanted.partition("=")
    resource = Resource(ConfigResourceType.TOPIC, topic)
    (found,) = (await describe_configs(session, [resource])).values()
    if isinstance(found, ApiError):
        return str(found)
    return "" if any((each.name, each.value) == (key, value) for each in found) else f"{topic} has no {wanted}"


async def _missing_of_transaction(session: Session, transactional_id: str, wanted: str) -> str:
    from pykafka_cli.clients.admin.transactions import describe_transactions

    found = (await describe_transactions(session, [transactional_id]))[transactional_id]
    if isinstance(found, ApiError):
        return str(found)
    return "" if found.state == wanted else f"the transaction of {transactional_id} is {found.state}"


def missing_of_znode(path: str, wanted: str, data: bytes | None) -> str:
    if data is None:
        return f"there is no znode {path}"
    return "" if not wanted or data.decode(errors="replace") == wanted else f"{path} does not hold {wanted}"


def missing_of_clock(wanted: str, ahead: Seconds) -> str:
    if ahead >= parse_duration(wanted) - CLOCK_TOLERANCE_S:
        return ""
    return f"the servers' clock is {ahead / 60:.0f} minutes ahead, not {wanted}"


def missing_of_alive(wanted: int, alive: int) -> str:
    return "" if alive == wanted else f"{_count(alive, 'broker')} alive, not {wanted}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def missing_of_members(wanted: int, state: str, members: int) -> str:
    if members != wanted:
        return f"the group has {_count(members, 'member')}, not {wanted}"
    return "" if not wanted or state == "Stable" else f"the group is {state}"


def missing_of_committed(wanted: int, committed: int, *, or_more: bool = False) -> str:
    if committed == wanted or (or_more and committed > wanted):
        return ""
    return f"the group's committed offsets add up to {committed}, not {wanted}"


def missing_of_start(least: int, start: int) -> str:
    return "" if start >= least else f"the first offsets add up to {start}, not yet to {least}"
