"""Records of a topic: a number of the newest or oldest ones, some from an offset or a time on, or new ones.

A search reads windows of offsets, the same number of each partition, from its start toward the other end, and sorts the
records of each window by time. So it can stop after each window, and holds only one.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import NamedTuple

from pykafka_cli.clients.admin.leaders import Patience
from pykafka_cli.clients.admin.offsets import known, list_offsets, offsets_for_times
from pykafka_cli.clients.admin.topics import assignments
from pykafka_cli.clients.consuming.fetched_records import Fetched
from pykafka_cli.clients.consuming.fetcher import Fetcher
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import ConsumedRecord, Offset, OffsetSpec, Timestamp, TopicPartition
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.rules.offset_reset import BadDateTime, parse_date_time
from pykafka_cli.ui.fields import AUTO, SHOWN_AS, TYPED_AS, BadField, shown
from pykafka_cli.ui.filters import BadFilter, Filter, filter_of
from pykafka_cli.ui.views import BadQuery, Document, Query, required, whole_number

STARTS = ("newest", "oldest", "offset", "time")
DEFAULT_LIMIT, MOST_RECORDS = 50, 1000
SILENCE_S = 4.0
"""Seconds without a record after which the partitions that are left are given up."""
WIDEST = 5000
"""Maximum number of offsets of a partition in one window."""

_FETCHING = {
    "fetch.max.bytes": str(4 << 20),
    "max.partition.fetch.bytes": str(512 << 10),
    "auto.offset.reset": "earliest",
}
_TIMESTAMP_TYPES = {0: "CreateTime", 1: "LogAppendTime"}

Bounds = Mapping[TopicPartition, tuple[int, int]]
"""By partition, the first offset and the one after the last."""


class Wanted(NamedTuple):
    """The records to read. `at` is an offset, or milliseconds since the epoch."""

    topic: str
    partition: int | None
    start: str
    at: int
    limit: int
    filter: Filter


class Found(NamedTuple):
    """The records of one window, and the progress of the search: how many offsets of how many were read.

    missing    partitions whose leaders do not respond, so that they are not searched
    """

    records: list[Document]
    read: int
    of: int
    missing: tuple[int, ...] = ()


class Arrived(NamedTuple):
    """New records; of very many, the last, and how many were skipped."""

    records: list[Document]
    skipped: int


def wanted_of(query: Query) -> Wanted:
    """raises    BadQuery"""
    topic = required(query, "topic")
    start = query.get("from") or "newest"
    if start not in STARTS:
        raise BadQuery(f"from: {start} is not one of {', '.join(STARTS)}")
    limit = whole_number(query, "limit", DEFAULT_LIMIT) or DEFAULT_LIMIT
    if limit > MOST_RECORDS:
        raise BadQuery(
            f"limit: at most {MOST_RECORDS} records are shown; `pk console-consumer --output json` reads more"
        )
    at = 0
    try:
        if start == "offset":
            at = whole_number(query, "offset", 0) or 0
        elif start == "time":
            at = _time(query.get("time", ""))
        return Wanted(topic, whole_number(query, "partition"), start, at, limit, filter_of(query))
    except (BadDateTime, BadFilter, BadField) as error:
        raise BadQuery(str(error)) from None


def _time(text: str) -> int:
    """Parse milliseconds since the epoch, or a date and time, without seconds if a browser omits them."""
    if text.isascii() and text.isdecimal():
        return int(text)
    date, _, clock = text.partition("T")
    if clock and clock.count(":") == 1 and len(clock) == 5:
        clock += ":00"
    if clock and "." not in clock and len(clock) == 8:
        clock += ".000"
    return parse_date_time(f"{date}T{clock}")


async def search(session: Session, wanted: Wanted) -> AsyncGenerator[Found]:
    """Search the current records, window by window, until enough are found; the last window may have more.

    raises    BadQuery, ApiError, ConnectionFailed
    """
    bounds, unheard = await _bounds(session, wanted)
    total, read, count = sum(end - start for start, end in bounds.values()), 0, 0
    width = max(1, min(wanted.limit, WIDEST))
    is_newest = wanted.start == "newest"
    with _fetcher(session) as fetcher:
        while bounds:
            window = {each: _window(*span, width, is_newest=is_newest) for each, span in bounds.items()}
            records, silent = await _read(fetcher, window, wanted.filter)
            unheard |= silent
            records.sort(key=lambda each: (each["timestamp"] or 0, each["offset"]), reverse=is_newest)
            records = records[: wanted.limit - count]
            count += len(records)
            read += sum(end - start for start, end in window.values())
            yield Found(records, read, total, tuple(sorted(each.partition for each in unheard)))
            if count >= wanted.limit:
                return
            bounds = {each: _rest(span, window[each], is_newest=is_newest) for each, span in bounds.items()}
            bounds = {
                each: (start, end) for each, (start, end) in bounds.items() if start < end and each not in unheard
            }
            width = min(width * 2, WIDEST)
    if not total:
        yield Found([], 0, 0, tuple(sorted(each.partition for each in unheard)))


def _window(start: int, end: int, width: int, *, is_newest: bool) -> tuple[int, int]:
    return (max(start, end - width), end) if is_newest else (start, min(end, start + width))


def _rest(span: tuple[int, int], window: tuple[int, int], *, is_newest: bool) -> tuple[int, int]:
    return (span[0], window[0]) if is_newest else (window[1], span[1])


async def _bounds(
    session: Session, wanted: Wanted
) -> tuple[dict[TopicPartition, tuple[int, int]], set[TopicPartition]]:
    """The offsets to read, without partitions that have none, and the partitions whose leaders do not respond."""
    asked = await partitions_of(session, wanted)
    starts, ends = await asyncio.gather(
        _offsets(session, asked, OffsetSpec.EARLIEST), _offsets(session, asked, OffsetSpec.LATEST)
    )
    partitions = [each for each in asked if each in starts and each in ends]
    if wanted.start == "time":
        at = await offsets_for_times(
            session, dict.fromkeys(partitions, Timestamp(wanted.at)), patience=Patience.NEEDS_LEADER
        )
        starts = {each: ends[each] if offset is None else offset for each, offset in known(at, naming=True).items()}
    elif wanted.start == "offset":
        starts = {each: Offset(max(starts[each], wanted.at)) for each in partitions}
    bounds = {each: (int(starts[each]), int(ends[each])) for each in partitions if starts[each] < ends[each]}
    return bounds, {*asked} - {*partitions}


async def partitions_of(session: Session, wanted: Wanted) -> list[TopicPartition]:
    """raises    BadQuery, ApiError"""
    found = sorted(await assignments(session, [wanted.topic]))
    if wanted.partition is None:
        return found
    chosen = TopicPartition(wanted.topic, wanted.partition)
    if chosen not in found:
        raise BadQuery(f"Topic {wanted.topic} has no partition {wanted.partition}")
    return [chosen]


async def _offsets(
    session: Session, partitions: Iterable[TopicPartition], end: OffsetSpec
) -> dict[TopicPartition, Offset]:
    """The offsets of the partitions whose leaders respond.

    raises    ApiError if none does
    """
    wanted = dict.fromkeys(partitions, end)
    found = await list_offsets(session, wanted, patience=Patience.ASK_ONCE)
    responded = {each: offset for each, offset in found.items() if not isinstance(offset, ApiError)}
    return responded or known(found, naming=True)


@contextmanager
def _fetcher(session: Session) -> Iterator[Fetcher]:
    settings = ConsumerSettings({**session.settings.properties, **_FETCHING})
    fetcher = Fetcher(session, settings, lambda _: None, lambda *_: None)
    try:
        yield fetcher
    finally:
        fetcher.close()


async def _next(fetcher: Fetcher) -> Fetched:
    while (fetched := fetcher.take()) is None:
        await fetcher.ready.wait()
    return fetched


async def _read(fetcher: Fetcher, window: Bounds, wanted: Filter) -> tuple[list[Document], set[TopicPartition]]:
    """The records between these offsets that match the filter, and the partitions whose leaders have gone silent."""
    found: list[Document] = []
    unread = set(window)
    fetcher.add({each: Offset(window[each][0]) for each in unread})
    while unread:
        try:
            async with asyncio.timeout(SILENCE_S):
                fetched = await _next(fetcher)
        except TimeoutError:
            fetcher.drop(unread)
            break
        partition, end = fetched.partition, window[fetched.partition][1]
        found += [
            document(partition, record, wanted)
            for record in fetched.records
            if record.offset < end and wanted.lets_through(record)
        ]
        if fetched.next.offset >= end:
            unread.discard(partition)
            fetcher.drop([partition])
    return found, unread


async def tail(session: Session, wanted: Wanted) -> AsyncGenerator[Arrived]:
    """New records as they arrive; never ends.

    raises    BadQuery, ApiError, ConnectionFailed
    """
    partitions = await partitions_of(session, wanted)
    with _fetcher(session) as fetcher:
        fetcher.add(dict.fromkeys(partitions, OffsetSpec.LATEST))
        while True:
            fetched = await _next(fetcher)
            records = [each for each in fetched.records if wanted.filter.lets_through(each)]
            if records:
                shown = [document(fetched.partition, each, wanted.filter) for each in records[-wanted.limit :]]
                yield Arrived(shown, len(records) - len(shown))


def document(partition: TopicPartition, record: ConsumedRecord, wanted: Filter) -> Document:
    """A record as `console-consumer --output json` prints it, with its bytes where they are shown as something else."""
    kind = record.timestamp_type
    return {
        "topic": partition.topic,
        "partition": partition.partition,
        "offset": record.offset,
        "timestamp": None if kind is None else record.timestamp,
        "timestamp_type": None if kind is None else _TIMESTAMP_TYPES[kind],
        "headers": [{"key": name, **shown("value", value, SHOWN_AS[AUTO])} for name, value in record.headers],
        **shown("key", record.key, wanted.show_key),
        **shown("value", record.value, wanted.show_value),
    }


async def messages(session: Session, query: Query) -> Document:
    """All records that a search finds.

    raises    BadQuery, ApiError, ConnectionFailed
    """
    wanted = wanted_of(query)
    records: list[Document] = []
    found = Found([], 0, 0)
    async with aclosing(search(session, wanted)) as windows:
        async for found in windows:
            records += found.records
    return {"records": records, "read": found.read, "of": found.of, "missing": list(found.missing)}


async def form(session: Session, query: Query) -> Document:
    """The data for the messages page before a search.

    raises    BadQuery, ApiError, ConnectionFailed
    """
    wanted = wanted_of(query)
    found = await assignments(session, [wanted.topic])
    return {
        "topic": wanted.topic,
        "partitions": sorted(each.partition for each in found),
        "limit": wanted.limit,
        "shown_as": list(SHOWN_AS),
        "typed_as": list(TYPED_AS),
    }
