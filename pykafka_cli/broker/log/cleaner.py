"""Decides when compacted logs are cleaned, and puts cleaned segments in place; compaction.py does the work, in a
thread.

    log_start ... first_dirty ........ first_uncleanable ... log_end
      clean: was     dirty: whole segments     too new, active, or a transaction is open there
      compacted

The log with the largest share of dirty bytes goes first, if the share is above min.cleanable.dirty.ratio or something
in it is older than max.compaction.lag.ms. How far a log is clean is in cleaner-offset-checkpoint. Source: LogCleaner,
LogCleanerManager.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.errors import KafkaStorageError
from pykafka_cli.broker.log.compaction import (
    BYTES_PER_KEY,
    CleanedTransactions,
    CleaningAborted,
    LastBatch,
    OffsetMap,
    Source,
    compact,
)
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.model import FIRST_OFFSET, Milliseconds, Offset, Seconds, Timestamp, TopicPartition
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.protocol.records.batch import CorruptRecords
from pykafka_cli.storage.files import Files, is_full
from pykafka_cli.storage.offset_index import MAX_RELATIVE_OFFSET
from pykafka_cli.storage.segment import CLEANED_SUFFIX, Segment

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_UNLIMITED = 1e18  # log.cleaner.io.max.bytes.per.second when it is not set is the largest double
_LOAD_FACTOR = 0.9


class RunInThread(Protocol):
    """Runs a function off the loop."""

    def __call__(self, action: Callable[[], _T], /) -> Awaitable[_T]: ...


@dataclass(slots=True)
class Cleanable:
    """The part of a log that can be cleaned now."""

    log: PartitionLog
    first_dirty: Offset
    first_uncleanable: Offset
    clean_bytes: int
    dirty_bytes: int
    is_overdue: bool

    @property
    def ratio(self) -> float:
        """The share of dirty bytes, 0 to 1."""
        total = self.clean_bytes + self.dirty_bytes
        return self.dirty_bytes / total if total else 0.0

    @property
    def is_due(self) -> bool:
        return self.dirty_bytes > 0 and (self.is_overdue or self.ratio > self.log.config.min_cleanable_dirty_ratio)


def cleanable(log: PartitionLog, clean_up_to: Offset, now_ms: Timestamp) -> Cleanable:
    """Where a log is dirty, given how far it was cleaned (0: never)."""
    segments, config = list(log.segments), log.config
    first_dirty = clean_up_to if log.log_start <= clean_up_to <= log.log_end else log.log_start
    uncleanable = log.segments.index_of(min(log.last_stable, log.segments.active.base_offset))
    dirty_from = log.segments.index_of(first_dirty)
    if config.min_compaction_lag_ms > 0:
        too_new = now_ms - config.min_compaction_lag_ms
        for index in range(dirty_from, uncleanable):
            if segments[index].retention_timestamp > too_new:
                uncleanable = index
                break
    first_uncleanable = segments[uncleanable].base_offset
    dirty = segments[dirty_from:uncleanable] if first_dirty < first_uncleanable else []
    oldest = min((each.first_timestamp for each in dirty if each.first_timestamp > 0), default=now_ms)
    return Cleanable(
        log,
        first_dirty,
        max(first_dirty, first_uncleanable),
        clean_bytes=sum(segment.size for segment in segments[:dirty_from]),
        dirty_bytes=sum(segment.size for segment in dirty),
        is_overdue=now_ms - config.max_compaction_lag_ms > oldest,
    )


def groups(segments: Sequence[Segment], *, segment_bytes: int, index_bytes: int) -> Iterator[list[Segment]]:
    """Neighbors that fit one segment together, so that segments do not get ever smaller."""
    group: list[Segment] = []
    size = index_size = 0
    for at, segment in enumerate(segments):
        end = segments[at + 1].base_offset if at + 1 < len(segments) else segment.next_offset()
        fits = (
            size + segment.size <= segment_bytes
            and index_size + segment.index_bytes <= index_bytes
            and (not segment.size or not group or end - 1 - group[0].base_offset <= MAX_RELATIVE_OFFSET)
        )
        if group and not fits:
            yield group
            group, size, index_size = [], 0, 0
        group.append(segment)
        size, index_size = size + segment.size, index_size + segment.index_bytes
    if group:
        yield group


class LogCleaner:
    """Cleans one log at a time. `clean_up_to` is what cleaner-offset-checkpoint says."""

    def __init__(self, settings: BrokerSettings, clock: Clock, files: Files, run_in_thread: RunInThread) -> None:
        self._settings = settings
        self._clock = clock
        self._files = files
        self._run_in_thread = run_in_thread
        self.clean_up_to: dict[TopicPartition, Offset] = {}
        self._uncleanable: set[TopicPartition] = set()
        self._without_room: set[TopicPartition] = set()
        """For which there was no room since `clean_dirtiest` last found nothing to do."""
        self._is_stopping = False

    def stop(self) -> None:
        """Give up the current cleaning at the next batch."""
        self._is_stopping = True

    def log_was_cut(self, log: PartitionLog) -> None:
        """Nothing from the log's end on can be clean."""
        cleaned = self.clean_up_to.get(log.topic_partition)
        if cleaned is not None and cleaned > log.log_end:
            self.clean_up_to[log.topic_partition] = log.log_end

    def offset_of(self, log: PartitionLog) -> Offset | None:
        """How far a log is clean; None when it never was cleaned."""
        return self.clean_up_to.get(log.topic_partition)

    def forget(self, topic_partition: TopicPartition) -> None:
        """The log is gone."""
        self.clean_up_to.pop(topic_partition, None)
        self._uncleanable.discard(topic_partition)

    async def clean_dirtiest(self, logs: Sequence[PartitionLog]) -> bool:
        """Clean the compacted log that needs it most; returns whether there was one.

        A log that cannot be read is reported once and left alone until the next start, and one for which there is no
        room until there is nothing else to clean.
        """
        left_alone = self._uncleanable | self._without_room
        now_ms = self._clock.now_ms()
        candidates = [
            cleanable(log, self.clean_up_to.get(log.topic_partition, FIRST_OFFSET), now_ms)
            for log in logs
            if log.config.compacts and not log.is_offline and log.topic_partition not in left_alone
        ]
        chosen = max((each for each in candidates if each.is_due), key=lambda each: each.ratio, default=None)
        if chosen is None:
            self._without_room.clear()
            return False
        log = chosen.log
        try:
            await self._clean(chosen, now_ms)
        except CleaningAborted:
            _log.info("%s: cleaning was aborted, because the log changed", log.topic_partition)
            return False
        except KafkaStorageError as error:
            _log.warning("%s: cleaning failed: %s", log.topic_partition, error)
            return False
        except (CorruptRecords, OSError) as error:
            self._give_up(log, error)
        return True

    def _give_up(self, log: PartitionLog, error: CorruptRecords | OSError) -> None:
        if isinstance(error, OSError) and is_full(error):
            self._without_room.add(log.topic_partition)
            _log.warning("%s: no room for cleaning, will retry later: %s", log.topic_partition, error)
            return
        self._uncleanable.add(log.topic_partition)
        _log.error("%s: cannot be cleaned and will grow until the broker is restarted: %s", log.topic_partition, error)

    async def _clean(self, chosen: Cleanable, now_ms: Timestamp) -> None:
        log, started = chosen.log, self._clock.monotonic()
        expected = log.segments.rewrites

        def check() -> None:
            if self._is_stopping or log.is_offline or log.segments.rewrites != expected:
                raise CleaningAborted

        offsets = OffsetMap(max(int(self._settings.log_cleaner_dedupe_buffer_size * _LOAD_FACTOR) // BYTES_PER_KEY, 1))
        dirty = [segment for segment in log.segments if segment.base_offset < chosen.first_uncleanable]
        dirty = dirty[log.segments.index_of(chosen.first_dirty) :]
        with _Sources(log, dirty) as sources:
            fill = partial(offsets.fill, sources, chosen.first_dirty, chosen.first_uncleanable, check)
            await self._run_in_thread(fill)
        await self._throttle(sum(segment.size for segment in dirty))

        end = offsets.end
        to_clean = [segment for segment in log.segments if segment.base_offset < min(end, chosen.first_uncleanable)]
        transactions = CleanedTransactions()
        before = sum(segment.size for segment in to_clean)
        config = log.config
        for group in list(groups(to_clean, segment_bytes=config.segment_bytes, index_bytes=config.segment_index_bytes)):
            target = await self._compact_group(log, group, offsets, transactions, now_ms, check)
            expected = self._put_in_place(log, group, target, expected)
            await self._throttle(sum(segment.size for segment in group))
        self.clean_up_to[log.topic_partition] = end
        after = sum(segment.size for segment in log.segments if segment.base_offset < end)
        _log.info(
            "%s: cleaned up to offset %d in %.1f s, %d bytes became %d",
            log.topic_partition,
            end,
            self._clock.monotonic() - started,
            before,
            after,
        )

    async def _compact_group(
        self,
        log: PartitionLog,
        group: Sequence[Segment],
        offsets: OffsetMap,
        transactions: CleanedTransactions,
        now_ms: Timestamp,
        check: Callable[[], None],
    ) -> Segment:
        folder, config, files = str(log.directory), log.config, self._files
        last_batches = {
            each.producer_id: LastBatch(each.batches[-1].last_offset if each.batches else None, each.epoch)
            for each in log.active_producers()
        }
        modified_ms = files.modified_ms(group[-1].path)
        target = Segment(files, folder, group[0].base_offset, config, created_ms=now_ms, suffix=CLEANED_SUFFIX)

        def work() -> Segment:
            made = Segment.create(files, folder, group[0].base_offset, config, now_ms=now_ms, suffix=CLEANED_SUFFIX)
            compact(
                sources,
                made,
                offsets,
                transactions,
                last_batches,
                now_ms=now_ms,
                delete_retention_ms=Milliseconds(config.delete_retention_ms),
                check=check,
            )
            files.set_modified_ms(made.path, modified_ms)
            made.close()
            return made

        try:
            with _Sources(log, group) as sources:
                return await self._run_in_thread(work)
        except (CleaningAborted, CorruptRecords, OSError):
            if not log.is_offline:
                target.remove()
            raise

    def _put_in_place(self, log: PartitionLog, group: Sequence[Segment], target: Segment, expected: int) -> int:
        if log.is_offline or log.segments.rewrites != expected:
            if not log.is_offline:
                target.remove()
            raise CleaningAborted
        log.replace_segments(group, target)
        return log.segments.rewrites

    async def _throttle(self, size: int) -> None:
        limit = self._settings.log_cleaner_io_max_bytes_per_second
        if limit < _UNLIMITED:
            await self._clock.sleep(Seconds(size / limit))


class _Sources:
    """Handles on segments for a thread, taken and given back on the loop."""

    def __init__(self, log: PartitionLog, segments: Sequence[Segment]) -> None:
        self._sources: list[Source] = []
        try:
            for segment in segments:
                following = log.segments.index_of(segment.base_offset) + 1
                up_to = log.segments[following].base_offset
                aborted = log.segments.aborted_transactions(segment.base_offset, up_to)
                self._sources.append(Source(segment.base_offset, segment.file.duplicate(), segment.size, aborted))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> list[Source]:
        return self._sources

    def __exit__(self, *_: object) -> None:
        for source in self._sources:
            source.file.close()
