"""Resets a Kafka Streams application: its internal topics, and its new offsets.

source  StreamsResetter of Kafka's tools
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from pykafka_cli.model import Offset, TopicPartition

Offsets = Mapping[TopicPartition, Offset]

_INTERNAL = re.compile(
    r"(?s:.*)(?:-changelog|-repartition|-subscription-registration-topic|-subscription-response-topic"
    r"|(?<=.)-KTABLE-FK-JOIN-SUBSCRIPTION-(?:REGISTRATION|RESPONSE)-[0-9]+-topic)"
)


class MalformedPlan(ValueError):
    """A file is not a plan; the message is the script's."""


class UnreadableNumber(ValueError):
    """A partition or offset is not a number; the message is Java's."""


class UnfitPlan(ValueError):
    """A plan for other partitions than those of the input topics."""


def comma_separated(arguments: Iterable[str]) -> list[str]:
    """The values of an option that may be repeated and takes several at once; empty ones between commas are dropped.

    An argument of nothing but commas is a value itself, as in jopt-simple.
    """
    return [value for argument in arguments for value in [part for part in argument.split(",") if part] or [argument]]


def internal_topics(application_id: str, topics: Iterable[str], users: Iterable[str]) -> list[str]:
    """The topics that Streams created for an application, by their names; never one that users named."""
    spared = set(users)
    return [
        topic
        for topic in topics
        if topic.startswith(f"{application_id}-") and _INTERNAL.fullmatch(topic) and topic not in spared
    ]


def within_log(
    requested: Offsets, log_starts: Offsets, log_ends: Offsets
) -> tuple[dict[TopicPartition, Offset], list[str]]:
    """The requested offsets, moved to the log's start or end if they are not between the two, and a remark for each of
    those: the script also prints one for an offset that is the start or end itself.

    raises  UnfitPlan for a partition whose start and end are not known
    """
    offsets: dict[TopicPartition, Offset] = {}
    remarks: list[str] = []
    for partition, offset in requested.items():
        if partition not in log_ends:
            raise UnfitPlan(f"There is an offset for {partition}, which is not a partition of the input topics")
        start, end = log_starts[partition], log_ends[partition]
        if start < offset < end:
            offsets[partition] = offset
            continue
        edge, offsets[partition] = ("higher than latest", end) if offset >= end else ("lower than earliest", start)
        remarks.append(f"New offset ({offset}) is {edge} offset. Value will be set to {offsets[partition]}")
    return offsets, remarks


def parse_streams_plan(text: str) -> dict[TopicPartition, Offset]:
    """Lines of `TOPIC,PARTITION,OFFSET`; the last line of a partition counts.

    raises  MalformedPlan, UnreadableNumber
    """
    if not text:
        raise MalformedPlan("Error parsing reset plan CSV file. It is empty,")
    offsets: dict[TopicPartition, Offset] = {}
    for line in _without_empty_end(text.split("\n")):
        fields = _without_empty_end(line.split(","))
        if len(fields) != 3:
            raise MalformedPlan("Reset plan CSV file is not following the format `TOPIC,PARTITION,OFFSET`.")
        topic, partition, offset = fields
        offsets[TopicPartition(topic, _number(partition, bits=32))] = Offset(_number(offset, bits=64))
    return offsets


def ensure_complete(plan: Offsets, partitions: Iterable[TopicPartition]) -> None:
    """raises  UnfitPlan for the first partition that the plan lacks"""
    for partition in partitions:
        if partition not in plan:
            raise UnfitPlan(f"There is no offset for {partition}")


def _without_empty_end(parts: Sequence[str]) -> list[str]:
    """Drop empty parts at the end, as Java's split does, unless the whole text is empty."""
    kept = list(parts)
    while len(kept) > 1 and not kept[-1]:
        kept.pop()
    return kept


def _number(text: str, *, bits: int) -> int:
    limit = 1 << (bits - 1)
    if not re.fullmatch(r"[+-]?[0-9]+", text) or not -limit <= int(text) < limit:
        raise UnreadableNumber(f'For input string: "{text}"')
    return int(text)
