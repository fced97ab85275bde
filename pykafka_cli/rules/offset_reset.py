"""New offsets for a consumer group: how they are requested, computed, and stored in CSV.

The scenarios of `consumer-groups --reset-offsets` that need no arithmetic (earliest, latest) are not here.

source  ConsumerGroupCommand and CsvUtils of Kafka's tools; Utils.getDateTime; java.time.Duration.parse
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pykafka_cli.model import Offset, Timestamp, TopicPartition

Offsets = Mapping[TopicPartition, Offset]


class InvalidScope(ValueError):
    """An invalid --topic, or an offset that cannot be computed."""


class BadDateTime(ValueError):
    """A date and time in none of the accepted forms."""


class BadDuration(ValueError):
    """A duration in none of the accepted forms."""


class InvalidPlan(ValueError):
    """A CSV plan that cannot be read; the message names the line."""


# ---- scope


@dataclass(frozen=True, slots=True)
class TopicScope:
    """One --topic: the whole topic (partitions None) or some of its partitions."""

    topic: str
    partitions: tuple[int, ...] | None


def parse_scope(argument: str) -> TopicScope:
    """`topic` or `topic:0,1,2`; empty parts at the end are dropped, as Java's split does.

    raises  InvalidScope
    """
    if ":" not in argument:
        return TopicScope(argument, None)
    parts = _split(argument, ":")
    if len(parts) != 2:
        raise InvalidScope(f"Invalid topic arg '{argument}', expected topic name and partitions")
    topic, partitions = parts
    return TopicScope(topic, tuple(_partition(text, argument) for text in _split(partitions, ",")))


def _split(text: str, separator: str) -> list[str]:
    parts = text.split(separator)
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def _partition(text: str, argument: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise InvalidScope(f"Invalid partition '{text}' specified in topic arg '{argument}''")
    return int(text)


# ---- moments

_DATE_TIME = re.compile(
    r"(?P<year>\d+)-(?P<month>\d+)-(?P<day>\d+)T(?P<hour>\d+):(?P<minute>\d+):(?P<second>\d+)\.(?P<ms>\d+)"
    r"(?:Z|(?P<sign>[+-])(?P<zone_hours>\d\d)(?::?(?P<zone_minutes>\d\d))?)"
)
_DURATION = re.compile(
    r"(?P<sign>[-+]?)P(?:(?P<days>[-+]?\d+)D)?"
    r"(?:T(?=[-+\d])(?:(?P<hours>[-+]?\d+)H)?(?:(?P<minutes>[-+]?\d+)M)?"
    r"(?:(?P<seconds>[-+]?\d+)(?:[.,](?P<fraction>\d{0,9}))?S)?)?",
    re.IGNORECASE | re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_date_time(text: str) -> Timestamp:
    """`YYYY-MM-DDTHH:mm:SS.sss` and a zone (`Z`, `+02:00`, `+0200`, `+02`; UTC without) to ms since the epoch.

    raises  BadDateTime; milliseconds are required
    """
    _, is_there, time = text.partition("T")
    if not is_there or not time:
        raise BadDateTime("Error parsing timestamp. It does not contain a 'T' according to ISO8601 format")
    if not any(sign in time for sign in "+-Z"):
        text += "Z"
    found = _DATE_TIME.match(text)
    if found is None:
        raise BadDateTime(f'Unparseable date: "{text}"')
    year, month, day, hour, minute, second, ms = (
        int(found[name]) for name in ("year", "month", "day", "hour", "minute", "second", "ms")
    )
    zone = timedelta(hours=int(found["zone_hours"] or 0), minutes=int(found["zone_minutes"] or 0))
    try:
        moment = datetime(year, month, day, hour, minute, second, ms * 1000, UTC)
        moment += zone if found["sign"] == "-" else -zone
    except (ValueError, OverflowError):  # a month 13, a millisecond 1000
        raise BadDateTime(f'Unparseable date: "{text}"') from None
    return Timestamp((moment - _EPOCH) // timedelta(milliseconds=1))


def parse_duration(text: str) -> timedelta:
    """`PnDTnHnMnS`, each part with an optional sign, seconds with a fraction.

    raises  BadDuration
    """
    found = _DURATION.fullmatch(text)
    if found is None or not any(found[part] for part in ("days", "hours", "minutes", "seconds")):
        raise BadDuration("Text cannot be parsed to a Duration")
    seconds = found["seconds"] or "0"
    fraction = int((found["fraction"] or "0").ljust(9, "0")[:6])
    try:
        duration = timedelta(
            days=int(found["days"] or 0),
            hours=int(found["hours"] or 0),
            minutes=int(found["minutes"] or 0),
            seconds=int(seconds),
            microseconds=-fraction if seconds.startswith("-") else fraction,
        )
    except OverflowError:
        raise BadDuration("Text cannot be parsed to a Duration") from None
    return -duration if found["sign"] == "-" else duration


# ---- offsets


def within_log(
    requested: Offsets, log_starts: Mapping[TopicPartition, Offset], log_ends: Mapping[TopicPartition, Offset]
) -> tuple[dict[TopicPartition, Offset], list[str]]:
    """The requested offsets, moved to the log's start or end if they are outside, and a warning for each of those.

    Every partition must be in both mappings.
    """
    offsets: dict[TopicPartition, Offset] = {}
    warnings: list[str] = []
    for partition, offset in requested.items():
        start, end = log_starts[partition], log_ends[partition]
        inside = end if offset > end else max(offset, start)
        if inside != offset:
            edge = "higher than latest" if offset > end else "lower than earliest"
            warnings.append(
                f"New offset ({offset}) is {edge} offset for topic partition {partition}. Value will be set to {inside}"
            )
        offsets[partition] = inside
    return offsets, warnings


def shifted(partitions: Iterable[TopicPartition], committed: Offsets, by: int) -> dict[TopicPartition, Offset]:
    """Committed offsets moved by `by`, which may be negative; the result may be outside the log.

    raises  InvalidScope for a partition without a committed offset
    """
    offsets: dict[TopicPartition, Offset] = {}
    for partition in partitions:
        if partition not in committed:
            raise InvalidScope(
                f"Cannot shift offset for partition {partition} since there is no current committed offset"
            )
        offsets[partition] = Offset(committed[partition] + by)
    return offsets


def current(
    partitions: Iterable[TopicPartition], committed: Offsets, log_ends: Mapping[TopicPartition, Offset]
) -> dict[TopicPartition, Offset]:
    """Committed offsets, and the log's end for partitions without one."""
    return {each: committed[each] if each in committed else log_ends[each] for each in partitions}


# ---- plans in CSV

Plan = Mapping[str, Offsets]
"""New offsets by group."""


def write_plan(plan: Plan, *, with_group: bool) -> str:
    """`[group,]topic,partition,offset`, one per line.

    A field of more than 24 characters is quoted, a shorter one if one of its characters sorts before the hyphen, as by
    the
    library that the script uses.
    """
    lines = (
        ",".join([*([_quoted(group)] if with_group else []), _quoted(name), str(partition), str(offset)]) + "\n"
        for group, offsets in plan.items()
        for (name, partition), offset in offsets.items()
    )
    return "".join(lines)


def _quoted(field: str) -> str:
    if len(field) <= 24 and all(character >= "-" for character in field):
        return field
    return '"' + field.replace('"', '""') + '"'


def parse_group_plan(text: str, groups: Sequence[str]) -> dict[str, dict[TopicPartition, Offset]]:
    """Parse what `write_plan` or a user wrote. With exactly one requested group, lines need not name it.

    As in the script, the first line decides the layout, and a line of three columns in the other layout, which has no
    offset, requests offset 0 of another group: the requested ones are unchanged.

    raises  InvalidPlan; InvalidScope for an offset below 0
    """
    rows = [(number, row) for number, row in enumerate(csv.reader(io.StringIO(text)), 1) if row]
    plan: dict[str, dict[TopicPartition, Offset]] = {}
    names_no_group = len(groups) == 1 and bool(rows) and _is_partition_and_offset(rows[0][1][1:])
    layout = "topic,partition,offset" if names_no_group else "group,topic,partition,offset"
    for number, row in rows:
        columns = [groups[0], *row] if names_no_group else [*row, "0"] if len(row) == 3 else row
        try:
            group, topic, partition, offset = columns
            moved_to = Offset(int(offset))
            plan.setdefault(group, {})[TopicPartition(topic, int(partition))] = moved_to
        except ValueError:
            raise InvalidPlan(f"line {number} is not {layout}: {','.join(row)}") from None
        if moved_to < 0:
            raise InvalidScope("Invalid negative offset")
    return plan


def _is_partition_and_offset(columns: Sequence[str]) -> bool:
    return len(columns) == 2 and all(re.fullmatch(r"\s*-?\d+\s*", column) for column in columns)
