"""Reads a range of a topic without a group: the newest records, those between two times, or those up to the end.

Like a Consumer, it is polled for records of one partition at a time; it raises EndReached after the range.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.offsets import known, list_offsets, offsets_for_times
from pykafka_cli.clients.consuming.fetched_records import Fetched
from pykafka_cli.clients.consuming.fetcher import Fetcher
from pykafka_cli.clients.consuming.topic_subscription import TopicSubscription
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.group_offsets import Position
from pykafka_cli.model import ConsumedRecord, Offset, OffsetSpec, Seconds, Timestamp, TopicPartition
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.rules.reading_range import ReadingRange
from pykafka_cli.rules.what_to_read import Wanted

if TYPE_CHECKING:
    from pykafka_cli.clients.session import Session
    from pykafka_cli.rules.record_selection import Selection

_WIDER = 4
"""The factor by which the search grows if too few of the newest records are wanted."""
_LONGEST_WAIT_S = 60.0

Offsets = dict[TopicPartition, Offset]


class EndReached(Exception):
    """The whole range has been read."""


class RangeReader:
    """One run.

    selection    None: all records are wanted
    now_ms       milliseconds since the epoch
    warn         called with lines that the scripts log at WARN
    """

    def __init__(
        self,
        session: "Session",
        settings: ConsumerSettings,
        wanted: ReadingRange,
        partitions: Iterable[TopicPartition],
        *,
        selection: "Selection | None",
        now_ms: Callable[[], Timestamp],
        warn: Callable[[str], None],
    ) -> None:
        self._session = session
        self._read_committed = settings.isolation_level == "read_committed"
        self._wanted = wanted
        self._partitions = list(partitions)
        self._selection = selection
        self._now_ms = now_ms
        self._fetcher = Fetcher(session, settings, warn, self._note_start)
        self._ends: Offsets | None = None
        """None while the end is open."""
        self._positions: Offsets = {}
        """Records to return next."""
        self._begun = False
        self._held: deque[Fetched] = deque()

    async def poll(self, timeout: Seconds) -> Fetched | None:
        """The next records; None if there are none within `timeout` seconds.

        raises    EndReached; ApiError, ConnectionFailed, CorruptRecords, NoOffset
        """
        if not self._begun:
            self._begun = True
            await self._begin()
        if self._held:
            return self._held.popleft()
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout
        while True:
            left = self._left_until_s()
            if left is not None and left <= 0:
                await self._end_at_time()
            if self._ends is not None and not self._fetcher.partitions:
                raise EndReached
            if fetched := self._take():
                if fetched.records:
                    return fetched
                continue
            remaining = min(deadline - clock(), _LONGEST_WAIT_S if left is None else max(left, 0))
            if deadline <= clock():
                return None
            with suppress(TimeoutError):
                async with asyncio.timeout(remaining):
                    await self._fetcher.ready.wait()

    def used(self, fetched: Fetched, count: int | None = None) -> None:
        """Without a group, nothing is committed."""

    async def close(self) -> None:
        self._fetcher.close()

    # ---- where to start and to end

    async def _begin(self) -> None:
        """Find starts and ends; read the newest records here, as they are sorted before any is printed."""
        wanted = self._wanted
        is_over = wanted.until_ms is not None and wanted.until_ms <= self._now_ms()
        ends: Offsets | None = None
        if is_over and wanted.until_ms is not None:
            ends = await self._offsets_at(wanted.until_ms)
        elif wanted.exits_at_end or wanted.last is not None:
            ends = await self._offsets(OffsetSpec.LATEST)
        if wanted.from_ms is not None:
            starts = await self._offsets_at(wanted.from_ms)
        elif wanted.last is not None and ends is not None:
            self._held.extend(await self._newest(wanted.last, ends))
            starts = ends
        elif isinstance(wanted.start, OffsetSpec):
            starts = await self._offsets(wanted.start)
        else:
            starts = dict.fromkeys(self._partitions, wanted.start)
        if is_over or wanted.exits_at_end:
            self._ends = ends
        self._read(starts)

    def _read(self, starts: Offsets) -> None:
        self._positions.update(starts)
        ends = self._ends
        self._fetcher.add({each: start for each, start in starts.items() if ends is None or start < ends[each]})

    def _left_until_s(self) -> float | None:
        """Seconds until the end time; None if there is none, or the ends are known."""
        if self._wanted.until_ms is None or self._ends is not None:
            return None
        return (self._wanted.until_ms - self._now_ms()) / 1000

    async def _end_at_time(self) -> None:
        assert self._wanted.until_ms is not None
        self._ends = await self._offsets_at(self._wanted.until_ms)
        for each in self._partitions:
            if self._positions[each] >= self._ends[each]:
                self._fetcher.drop([each])

    async def _offsets(self, end: OffsetSpec) -> Offsets:
        wanted = dict.fromkeys(self._partitions, end)
        return known(await list_offsets(self._session, wanted, read_committed=self._read_committed))

    async def _offsets_at(self, time_ms: Timestamp) -> Offsets:
        """The first offset at that time or later; the end if there is none."""
        wanted = dict.fromkeys(self._partitions, time_ms)
        found = known(await offsets_for_times(self._session, wanted, read_committed=self._read_committed))
        latest = await self._offsets(OffsetSpec.LATEST) if None in found.values() else {}
        return {each: latest[each] if offset is None else offset for each, offset in found.items()}

    # ---- records

    def _take(self) -> Fetched | None:
        """Take fetched records that are wanted; None if nothing was fetched."""
        fetched = self._fetcher.take()
        return None if fetched is None else self._within(fetched)

    def _within(self, fetched: Fetched) -> Fetched:
        partition, records = fetched.partition, fetched.records
        self._positions[partition] = fetched.next.offset
        if self._ends is not None and fetched.next.offset >= (end := self._ends[partition]):
            self._fetcher.drop([partition])
            records = [record for record in records if record.offset < end]
        if self._wanted.from_ms is not None or self._wanted.until_ms is not None:
            records = [record for record in records if self._wanted.has_time(record.timestamp)]
        if self._selection is not None:
            records = [records[position] for position in self._selection.positions(records)]
        return fetched._replace(records=records)

    def _note_start(self, partition: TopicPartition, position: Position) -> None:
        """Move the end of a partition whose records may have been deleted meanwhile."""
        if self._ends is not None and position.offset >= self._ends[partition]:
            self._fetcher.drop([partition])
            self._fetcher.ready.set()

    async def _newest(self, count: int, ends: Offsets) -> list[Fetched]:
        """The newest `count` wanted records before `ends`, by timestamp.

        The search goes backward through offsets, as compaction and transactions leave gaps.
        """
        log_starts = await self._offsets(OffsetSpec.EARLIEST)
        found: dict[TopicPartition, list[ConsumedRecord]] = {each: [] for each in self._partitions}
        starts, width = dict(ends), count
        while due := [each for each in found if len(found[each]) < count and starts[each] > log_starts[each]]:
            before = {each: Offset(max(log_starts[each], starts[each] - width)) for each in due}
            self._ends = {each: starts[each] for each in due}
            for each, records in (await self._all(before)).items():
                found[each] = (records + found[each])[-count:]
            starts.update(before)
            width *= _WIDER
        self._ends = None
        newest = sorted(
            ((record.timestamp or 0, each, record) for each, records in found.items() for record in records),
            key=lambda one: (one[0], one[1], one[2].offset),
        )[-count:]
        return [
            _fetched(partition, [record for _, _, record in some])
            for partition, some in groupby(newest, key=lambda one: one[1])
        ]

    async def _all(self, starts: Offsets) -> dict[TopicPartition, list[ConsumedRecord]]:
        """All wanted records from `starts` to the ends."""
        found: dict[TopicPartition, list[ConsumedRecord]] = {each: [] for each in starts}
        self._read(starts)
        while self._fetcher.partitions:
            await self._fetcher.ready.wait()
            if fetched := self._take():
                found[fetched.partition] += fetched.records
        return found


def _fetched(partition: TopicPartition, records: Sequence[ConsumedRecord]) -> Fetched:
    return Fetched(partition, list(records), Position(Offset(records[-1].offset + 1)))


async def partitions_to_read(
    session: "Session", settings: ConsumerSettings, wanted: Wanted, pattern: re.Pattern[str] | None
) -> list[TopicPartition]:
    """The partitions of the topic or topics that exist now.

    raises    ApiError for a topic or partition that does not exist, or may not be read; ConnectionFailed
    """
    topics = [] if wanted.topic is None else [wanted.topic]
    subscription = TopicSubscription(session, settings, topics, pattern, lambda _: None)
    await subscription.refresh()
    counts = subscription.partition_counts
    for topic in topics:
        if topic not in counts:
            raise ApiError(ErrorCode.unknown_topic_or_partition, f"Topic {topic} does not exist")
    all_of_them = [TopicPartition(topic, index) for topic, count in counts.items() for index in range(count)]
    if wanted.partition is None:
        return all_of_them
    partition = TopicPartition(wanted.topic or "", wanted.partition)
    if partition not in all_of_them:
        raise ApiError(ErrorCode.unknown_topic_or_partition, f"Partition {partition} does not exist")
    return [partition]
