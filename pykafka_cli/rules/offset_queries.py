"""The arguments of kafka-get-offsets: a time, and patterns of partitions.

source  org.apache.kafka.tools.GetOffsetShell
"""

import re
import sys
from collections.abc import Callable, Iterable

from pykafka_cli.model import OffsetSpec, Timestamp, TopicPartition
from pykafka_cli.rules.topic_filter import TopicFilter

_SPECS = {int(each): each for each in OffsetSpec}
TIMES = {
    "latest": OffsetSpec.LATEST,
    "earliest": OffsetSpec.EARLIEST,
    "max-timestamp": OffsetSpec.MAX_TIMESTAMP,
    "earliest-local": OffsetSpec.EARLIEST_LOCAL,
    "latest-tiered": OffsetSpec.LATEST_TIERED,
}
_RULE = re.compile(r"(?P<topic>[^:,]*)(?::(?:(?P<one>[0-9]*)|(?P<low>[0-9]*)-(?P<high>[0-9]*)))?")
_ANY_TOPIC = ".*"

PartitionFilter = Callable[[TopicPartition], bool]


class BadQuery(Exception):
    """An option's value that the script rejects."""


def parse_time(text: str) -> Timestamp | OffsetSpec:
    """As a number or as a word.

    raises    BadQuery
    """
    if text in TIMES:
        return TIMES[text]
    if re.fullmatch(r"[+-]?[0-9]+", text) and -(1 << 63) <= int(text) < 1 << 63:
        return time_or_spec(int(text))
    raise BadQuery(
        f"Malformed time argument {text}. Please use -1 or latest / -2 or earliest / -3 or max-timestamp / "
        "-4 or earliest-local / -5 or latest-tiered, or a specified long format timestamp"
    )


def time_or_spec(number: int) -> Timestamp | OffsetSpec:
    """The meaning of a number that a script accepts as a time."""
    return _SPECS.get(number) or Timestamp(number)


def partitions_of_topics(topic: str | None, partitions: str | None) -> PartitionFilter:
    """From --topic and --partitions; a missing option selects everything.

    raises    BadQuery, InvalidRegex
    """
    topics = TopicFilter(topic if topic is not None else _ANY_TOPIC)
    words = re.sub(",+$", "", partitions).split(",") if partitions else []
    if not all(re.fullmatch(r"[+-]?[0-9]+", word) for word in words):
        raise BadQuery(
            f"--partitions expects a comma separated list of numeric partition ids, but received: {partitions}"
        )
    numbers = {int(word) for word in words}
    return lambda each: topics.allows(each.topic) and (not numbers or each.partition in numbers)


def partitions_of_rules(text: str) -> PartitionFilter:
    """From --topic-partitions: comma-separated `TOPIC:N`, or `TOPIC:LOW-HIGH` without HIGH; either may be omitted.

    raises    BadQuery, InvalidRegex
    """
    rules = [_rule(word) for word in re.sub(",+$", "", text).split(",")]
    return lambda each: any(allows(each) for allows in rules)


def select(partitions: Iterable[TopicPartition], allows: PartitionFilter) -> list[TopicPartition]:
    """The selected partitions, in the order of their names as text: t-10 before t-2."""
    return sorted((each for each in partitions if allows(each)), key=str)


def _rule(word: str) -> PartitionFilter:
    found = _RULE.fullmatch(word)
    if not found:
        raise BadQuery(f"org.apache.kafka.tools.TerseException: Invalid rule specification: {word}")
    topics = TopicFilter(found["topic"] or _ANY_TOPIC)
    if found["one"]:
        low, high = int(found["one"]), int(found["one"]) + 1
    else:
        low, high = int(found["low"] or 0), int(found["high"] or sys.maxsize)
    return lambda each: topics.allows(each.topic) and low <= each.partition < high
