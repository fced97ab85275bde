"""Copies records from topics of one cluster to topics of the same or another one.

    Fetcher (raw chunks) ──> rules/record_copy.py ──> a Producer per destination topic

Batches keep their partition if the destination has the same ones; otherwise records go where their keys belong. If a
group keeps the position, it is committed once everything before it has been acknowledged: after an interruption, a copy
sends at most the records after the last commit again.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from types import TracebackType
from typing import NamedTuple

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.leaders import Patience
from pykafka_cli.clients.admin.offsets import list_offsets
from pykafka_cli.clients.consuming.fetcher import Fetcher, RawRecords
from pykafka_cli.clients.coordinator import Coordinator
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.group_offsets import Position, commit_offsets, fetch_offsets
from pykafka_cli.clients.producing.partitioning import KeyPartitioner
from pykafka_cli.clients.producing.producer import Producer
from pykafka_cli.clients.producing.sender import Result
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Offset, OffsetSpec, Seconds, TopicPartition
from pykafka_cli.procedures.copy_batches import Sent, combined, taken_apart
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.rules.record_copy import NO_END, ReadyBatch, ready_batches
from pykafka_cli.transport.errors import ConnectionFailed

COMMIT_EVERY_S = 5.0
LOOK_FOR_ENDS_EVERY_S = Seconds(5.0)
"""Seconds without records between checks whether the log has lost its end, or the topic is gone."""

SOURCE = {"isolation.level": "read_committed", "auto.offset.reset": "earliest"}
"""A copy reads no open or aborted transactions. If records were deleted meanwhile, it continues with the next ones."""


class CopyFailed(Exception):
    """Records cannot be read, or were rejected."""


class TopicCopy(NamedTuple):
    """Source and destination topic, and whether batches keep their partition."""

    source: str
    target: str
    keeps_partitions: bool


@dataclass(slots=True)
class Progress:
    """The number of records to copy, as far as known, and of those copied."""

    total: int = 0
    records: dict[str, int] = field(default_factory=dict)
    """Acknowledged records, by source topic."""
    bytes: int = 0

    @property
    def done(self) -> int:
        return sum(self.records.values())


class Bounds(NamedTuple):
    """Where a copy of each partition starts, and where it ends."""

    starts: Mapping[TopicPartition, Offset]
    ends: Mapping[TopicPartition, Offset]

    @property
    def lengths(self) -> dict[TopicPartition, int]:
        """Numbers of offsets between the two; some may have no record."""
        return {each: max(end - self.starts[each], 0) for each, end in self.ends.items()}


async def find_bounds(session: Session, partitions: Sequence[TopicPartition], group: str | None) -> Bounds:
    """From the group's committed offset, or the start of the log, to the current last stable offset.

    raises    CopyFailed, ApiError, ConnectionFailed
    """
    found: list[dict[TopicPartition, Offset]] = []
    for spec in (OffsetSpec.EARLIEST, OffsetSpec.LATEST):
        offsets = await list_offsets(session, dict.fromkeys(partitions, spec), read_committed=True)
        known = {}
        for partition, offset in offsets.items():
            if isinstance(offset, ApiError):
                raise CopyFailed(f"{partition}: {offset}")
            known[partition] = Offset(offset)
        found.append(known)
    beginnings, ends = found
    if group is None:
        return Bounds(beginnings, ends)
    committed = await fetch_offsets(_coordinator(session, group), partitions)
    starts = {
        each: max(beginnings[each], committed[each].offset) if each in committed else beginnings[each]
        for each in partitions
    }
    return Bounds(starts, ends)


def _coordinator(session: Session, group: str) -> Coordinator:
    return Coordinator(session, group, private=False, pause=session.settings.retry_pause)


class Copier:
    """One run.

    max_messages    how many records to copy
    follow          keep copying what comes after the ends
    warn            called with lines that clients log
    on_progress     called whenever there is progress
    """

    def __init__(
        self,
        source: Session,
        target: Session,
        copies: Sequence[TopicCopy],
        bounds: Bounds,
        *,
        group: str | None,
        max_messages: int | None,
        follow: bool,
        warn: Callable[[str], None],
        on_progress: Callable[[Progress], None],
        look_every: Seconds = LOOK_FOR_ENDS_EVERY_S,
    ) -> None:
        count = sum(bounds.lengths.values())
        self.progress = Progress(count if max_messages is None else min(count, max_messages))
        self._copies = {each.source: each for each in copies}
        self._ends = dict(bounds.ends)
        self._left = max_messages
        self._follow = follow
        self._on_progress = on_progress
        self._positions = dict(bounds.starts)
        self._committed = dict(bounds.starts)
        self._group = _coordinator(source, group) if group else None
        self._failure: str | None = None
        self._is_stopped = False
        self._source, self._look_every = source, look_every
        self._doubtful: set[TopicPartition] = set()
        self._opened = AsyncExitStack()
        self._turns: dict[str, cycle[int]] = {}
        self._keyed: dict[str, KeyPartitioner] = {}
        consumer = ConsumerSettings(dict(source.settings.properties) | SOURCE)
        self._fetcher = Fetcher(source, consumer, warn, self._skipped)
        self._warn = warn
        self._clock = asyncio.get_running_loop().time
        self._producers = {
            each.source: Producer(
                target,
                each.target,
                ProducerSettings(dict(target.settings.properties) | {"max.request.size": str(_MAX_REQUEST)}),
                choose=random.randrange,
                on_result=self._noting(each.source),
                warn=warn,
            )
            for each in copies
        }

    async def __aenter__(self) -> "Copier":
        for producer in self._producers.values():
            await self._opened.enter_async_context(producer)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._fetcher.close()
        await self._opened.__aexit__(kind, error, trace)

    def stop(self) -> None:
        """Stop reading; what was read is still sent."""
        self._is_stopped = True
        self._fetcher.ready.set()

    async def copy(self) -> None:
        """Copy until the ends or the maximum number of records are reached, or until stopped.

        raises    CopyFailed, ProducerRefused, ConnectionFailed, ApiError
        """
        for producer in self._producers.values():
            await producer.prepare()
        unread = {each: start for each, start in self._positions.items() if self._follow or start < self._ends[each]}
        self._fetcher.add(dict(unread))
        next_commit, next_look = self._clock() + COMMIT_EVERY_S, self._clock() + self._look_every
        while self._fetcher.partitions and self._left != 0 and not self._is_stopped:
            raw = self._fetcher.take_raw()
            if raw is not None:
                await self._send(raw)
            elif self._failure is None:
                await self._wait(min(next_commit, next_look) - self._clock())
            if self._failure:
                raise CopyFailed(self._failure)
            if self._clock() >= next_commit:
                await self.settle()
                next_commit = self._clock() + COMMIT_EVERY_S
            if self._clock() >= next_look:
                await self._look_for_ends()
                next_look = self._clock() + self._look_every
        await self.settle()

    async def settle(self) -> None:
        """Wait until everything sent is acknowledged; then commit the positions after it.

        raises    CopyFailed, ConnectionFailed, ApiError
        """
        for producer in self._producers.values():
            await producer.flush()
        if self._failure:
            raise CopyFailed(self._failure)
        moved = {each: at for each, at in self._positions.items() if at != self._committed.get(each)}
        if self._group and moved:
            refused = await commit_offsets(self._group, {each: Position(at) for each, at in moved.items()})
            for partition, error in refused.items():
                raise CopyFailed(f"the position in {partition} cannot be committed: {error}")
            self._committed.update(moved)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._fetcher.ready.wait()
        except TimeoutError:
            return

    async def _look_for_ends(self) -> None:
        """Stop waiting for records that will not come: an election may have lost them, or the topic may be deleted.

        A copy that follows has no ends, but its topics may be gone as well. A finding counts if it is made twice in a
        row: a new leader may not know the whole log yet.

        raises    CopyFailed
        """
        waiting = self._fetcher.partitions
        try:
            found = await list_offsets(
                self._source,
                dict.fromkeys(waiting, OffsetSpec.LATEST),
                read_committed=True,
                patience=Patience.ASK_ONCE,
            )
        except ConnectionFailed:
            return  # the fetcher warns of it
        before, self._doubtful = self._doubtful, set()
        for partition in waiting:
            end, position = found[partition], self._positions[partition]
            is_absent = isinstance(end, ApiError) and end.code == ErrorCode.unknown_topic_or_partition
            if not is_absent and (self._follow or isinstance(end, ApiError) or end > position):
                continue
            if partition not in before:
                self._doubtful.add(partition)
            elif is_absent:
                raise CopyFailed(f"{partition} does not exist any more")
            else:
                wanted = self._ends[partition]
                self._warn(f"{partition}: the log ends at offset {end} now, and not at {wanted} as it did before")
                self._fetcher.drop([partition])

    async def _send(self, raw: RawRecords) -> None:
        partition, end = raw.partition, NO_END if self._follow else self._ends[raw.partition]
        ready = ready_batches(raw.data, raw.offset, until=end, aborted=raw.aborted)
        if (cut := self._cut(ready.batches)) is not None:
            ready = ready_batches(raw.data, raw.offset, until=cut, aborted=raw.aborted)
        producer = self._producers[partition.topic]
        for batch in self._batches(partition, ready.batches):
            self.progress.bytes += len(batch.data)
            await producer.send_batch(batch.partition, batch.data, range(batch.records))
        if self._left is not None:
            self._left -= sum(len(batch.offsets) for batch in ready.batches)
        self._positions[partition] = ready.next
        if ready.next >= end:
            self._fetcher.drop([partition])

    def _cut(self, batches: Sequence[ReadyBatch]) -> Offset | None:
        """The offset after the last record that may still be copied; None if all may be."""
        left = self._left
        for batch in batches if left is not None else ():
            if left is not None and len(batch.offsets) >= left:
                return Offset(batch.offsets[left - 1] + 1)
            left = None if left is None else left - len(batch.offsets)
        return None

    def _batches(self, partition: TopicPartition, batches: Sequence[ReadyBatch]) -> Iterable[Sent]:
        """The batches to send; records without a key go to the partitions in turn, those of one chunk together."""
        if self._copies[partition.topic].keeps_partitions:
            return combined(partition.partition, batches)
        return taken_apart(batches, partial(self._places, partition.topic))

    def _places(self, topic: str, keys: Sequence[bytes | None]) -> list[int]:
        """Where Kafka's producer would send records with these keys."""
        partitions = self._producers[topic].partitions
        keyed = self._keyed.setdefault(topic, KeyPartitioner(len(partitions)))
        if None not in keys:
            return keyed.partitions(keys)  # type: ignore[arg-type]  # no None among them
        turn = next(self._turns.setdefault(topic, cycle(partitions)))
        places = iter(keyed.partitions([key for key in keys if key is not None]))
        return [turn if key is None else next(places) for key in keys]

    def _noting(self, topic: str) -> Callable[[Result], None]:
        self.progress.records[topic] = 0

        def note(result: Result) -> None:
            if result.failure:
                where = f"{self._copies[topic].target}-{result.batch.partition}"
                self._failure = self._failure or f"{where} did not accept records: {result.failure.message}"
            else:
                self.progress.records[topic] += result.batch.record_count
                self._on_progress(self.progress)

        return note

    def _skipped(self, partition: TopicPartition, position: Position) -> None:
        """Warn that records were deleted before they were copied, or that the log was truncated."""
        offset = position.offset
        if offset < self._positions[partition]:
            self._warn(f"{partition}: records from offset {offset} on were replaced after they had been copied")
            return
        self._warn(f"{partition}: records up to offset {offset} were deleted before they could be copied")
        if not self._follow and offset >= self._ends[partition]:
            self._positions[partition] = offset
            self._fetcher.drop([partition])


_MAX_REQUEST = 64 << 20
"""Bytes; batches are as large as the source's broker accepted, and the destination's broker decides."""
