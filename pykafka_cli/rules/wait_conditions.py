"""The conditions of `pk wait`: parsing them, and finding what a cluster still lacks.

broker[=N]                      at least N brokers, a controller, every advertised listener reachable from here
topic=TOPIC[:PARTITIONS]        the topic, with at least this many partitions, and a leader for each
records=TOPIC:N                 at least N records between the starts and the ends of its logs
group=GROUP[:STATE[:MEMBERS]]   the group, in that state, with at least this many members
lag=GROUP:N[:TOPIC]             at most N records that the group has not committed
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pykafka_cli.model import BrokerId, Offset, Seconds, TopicPartition

STATES = (
    "Assigning",
    "CompletingRebalance",
    "Dead",
    "Empty",
    "NotReady",
    "PreparingRebalance",
    "Reconciling",
    "Stable",
)
"""States of groups of every protocol. A group that does not exist is Dead."""

DEAD = "Dead"
_FORMS = {
    "broker": "broker or broker=N",
    "topic": "topic=TOPIC or topic=TOPIC:PARTITIONS",
    "records": "records=TOPIC:N",
    "group": "group=GROUP, group=GROUP:STATE or group=GROUP:STATE:MEMBERS",
    "lag": "lag=GROUP:N or lag=GROUP:N:TOPIC",
}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_NAMED_PARTITIONS = 5
"""How many partitions a reason lists before it only counts them."""


class BadCondition(Exception):
    """A word is not a condition. The message says what is wrong, `hint` lists the forms."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Brokers(NamedTuple):
    least: int


class Topic(NamedTuple):
    topic: str
    partitions: int | None


class Records(NamedTuple):
    topic: str
    least: int


class Group(NamedTuple):
    group: str
    state: str | None
    members: int | None


class Lag(NamedTuple):
    group: str
    most: int
    topic: str | None


Condition = Brokers | Topic | Records | Group | Lag


def parse_condition(word: str) -> Condition:
    """The condition that a word names.

    raises    BadCondition
    """
    kind, equals, value = word.partition("=")
    if kind not in _FORMS or bool(equals) != bool(value):
        raise _bad(word, kind)
    found = _parse(kind, value)
    if found is None:
        raise _bad(word, kind)
    return found


def _bad(word: str, kind: str) -> BadCondition:
    forms = [_FORMS[kind]] if kind in _FORMS else _FORMS.values()
    return BadCondition(
        f"{word!r} is not a condition", "\n".join(["Conditions are:", *(f"  {form}" for form in forms)])
    )


def _parse(kind: str, value: str) -> Condition | None:
    match kind:
        case "broker":
            if not value:
                return Brokers(1)
            return Brokers(int(value)) if re.fullmatch(r"[1-9]\d*", value, re.ASCII) else None
        case "topic":
            if found := re.fullmatch(r"([^:]+)(?::([1-9]\d*))?", value, re.ASCII):
                return Topic(found[1], int(found[2]) if found[2] else None)
        case "records":
            if found := re.fullmatch(r"([^:]+):(\d+)", value, re.ASCII):
                return Records(found[1], int(found[2]))
        case "group":
            return _parse_group(value)
        case "lag":
            if found := re.fullmatch(r"(.+?):(\d+)(?::([^:]+))?", value, re.ASCII):
                return Lag(found[1], int(found[2]), found[3])
    return None


def _parse_group(value: str) -> Group | None:
    """A group's name may have colons if its state is given: the part after the last ones is then a state."""
    states = {state.lower(): state for state in STATES}
    found = re.fullmatch(r"(.+?):([A-Za-z]+)(?::(\d+))?", value, re.ASCII)
    if found and found[2].lower() in states:
        return Group(found[1], states[found[2].lower()], int(found[3]) if found[3] else None)
    if found and ":" not in found[1]:
        raise BadCondition(f"{found[2]!r} is not the state of a group", f"It is one of {', '.join(STATES)}.")
    return Group(value, None, None) if value and ":" not in value else None


def parse_duration(text: str) -> Seconds:
    """Parse a number with the unit ms, s, m, h or d, or of seconds without a unit.

    raises    ValueError
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?", text, re.ASCII)
    if not found:
        raise ValueError(f"{text!r} is not a duration such as 500ms, 60s or 2m")
    return Seconds(float(found[1]) * _SECONDS[found[2] or "s"])


# ---- what is missing: an empty string if a condition is met


def missing_brokers(
    wanted: Brokers,
    registered: Mapping[BrokerId, str],
    controller: BrokerId | None,
    unreachable: Mapping[BrokerId, str],
) -> str:
    """registered     the advertised HOST:PORT of each broker
    unreachable    why connections fail, by broker
    """
    if len(registered) < wanted.least:
        ids = ", ".join(map(str, sorted(registered)))
        return f"{len(registered)} of {wanted.least} brokers registered" + (f" ({ids})" if ids else "")
    if controller is None:
        return "no controller is known"
    return "; ".join(
        f"broker {broker} advertises {registered[broker]}, which cannot be reached from here: {unreachable[broker]}"
        for broker in sorted(unreachable)
    )


def missing_of_topic(wanted: Topic, leaders: Mapping[int, BrokerId | None] | None) -> str:
    """leaders    the leader of each partition, or None; None if the topic does not exist"""
    if leaders is None:
        return "the topic does not exist"
    if wanted.partitions is not None and len(leaders) < wanted.partitions:
        return f"{len(leaders)} of {wanted.partitions} partitions"
    if without := sorted(partition for partition, leader in leaders.items() if leader is None):
        return f"no leader of {_partitions(without)}"
    return "" if leaders else "the topic has no partitions yet"


def missing_records(wanted: Records, counts: Mapping[int, int] | None) -> str:
    """counts    records in each partition; None if the topic does not exist"""
    if counts is None:
        return "the topic does not exist"
    found = sum(counts.values())
    return "" if found >= wanted.least else f"{found} of {wanted.least} records"


def missing_of_group(wanted: Group, state: str, members: int) -> str:
    if wanted.state is None:
        return "the group does not exist" if state == DEAD else ""
    if state != wanted.state:
        return "the group does not exist" if state == DEAD else f"the group is {state}, with {_members(members)}"
    if wanted.members is not None and members < wanted.members:
        return f"the group is {state}, with {members} of {_members(wanted.members)}"
    return ""


def _members(count: int) -> str:
    return "1 member" if count == 1 else f"{count} members"


def missing_of_lag(wanted: Lag, lags: Mapping[TopicPartition, int] | None) -> str:
    """lags    records behind the end, by partition; None if the group does not exist"""
    if lags is None:
        return "the group does not exist"
    if not lags:
        return "the group has committed nothing" + (f" in {wanted.topic}" if wanted.topic else "")
    total = sum(lags.values())
    if total <= wanted.most:
        return ""
    most = max(lags, key=lambda each: (lags[each], each))
    return f"the lag is {total}, above {wanted.most}; most is in {most}: {lags[most]}"


def lags_of(
    partitions: Sequence[TopicPartition],
    committed: Mapping[TopicPartition, Offset],
    beginnings: Mapping[TopicPartition, Offset],
    ends: Mapping[TopicPartition, Offset],
) -> dict[TopicPartition, int]:
    """The records from a group's position to the end; all records if nothing is committed."""
    return {
        each: max(ends[each] - max(committed.get(each, 0), beginnings.get(each, 0)), 0)
        for each in partitions
        if each in ends
    }


def _partitions(numbers: Sequence[int]) -> str:
    if len(numbers) > _NAMED_PARTITIONS:
        return f"{len(numbers)} partitions"
    word = "partition" if len(numbers) == 1 else "partitions"
    return f"{word} {', '.join(map(str, numbers))}"
