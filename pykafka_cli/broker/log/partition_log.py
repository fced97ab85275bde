"""The log of one partition: an append-only sequence of record batches in segments, and the offsets that bound it.

    log_start <= last_stable <= high_watermark <= log_end      recovery_point <= log_end

    log_start        the first offset that may be read; older records are gone
    last_stable      below it no transaction is open: what read_committed consumers may see
    high_watermark   below it everything is on all in-sync replicas: what consumers may see
    log_end          the offset that the next record gets
    recovery_point   below it everything is on the device

A folder `TOPIC-PARTITION` contains the files that storage/ describes: segments, producer snapshots,
leader-epoch-checkpoint and partition.metadata. All methods are synchronous and belong to one thread; what is slow
(fsync, deletion, cleaning) is handed out as plans that other threads carry out. The append path checks a batch and its
records, and writes it as it came in one call. Source: UnifiedLog, LocalLog.
"""

import logging
import os
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.errors import CorruptMessage, OffsetOutOfRange
from pykafka_cli.broker.log import retention, validation
from pykafka_cli.broker.log.appending import AppendInfo, marker_in, written_together
from pykafka_cli.broker.log.disk_errors import DiskErrors
from pykafka_cli.broker.log.listener import UNKEPT, LogListener
from pykafka_cli.broker.log.producer_state import AppendOrigin, ProducerStateManager
from pykafka_cli.broker.log.replay import recall_batches, replay_producers
from pykafka_cli.model import LeaderEpoch, Milliseconds, Offset, ProducerId, Timestamp, TopicPartition
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.records.batch import BatchHeader, CorruptRecords, stamp
from pykafka_cli.protocol.records.control import EndTransactionMarker
from pykafka_cli.storage import checkpoints
from pykafka_cli.storage.epoch_file import EpochFile
from pykafka_cli.storage.files import Files
from pykafka_cli.storage.flush import FlushPlan
from pykafka_cli.storage.leader_epochs import EpochEnd, EpochStart, LeaderEpochs
from pykafka_cli.storage.offset_lookup import TimestampOffset, find_by_timestamp, find_max_timestamp
from pykafka_cli.storage.producer_snapshots import BatchRange, ProducerEntry
from pykafka_cli.storage.segment import Segment
from pykafka_cli.storage.segment_list import FetchData, SegmentList
from pykafka_cli.storage.transaction_index import AbortedTransaction

_log = logging.getLogger(__name__)


class PartitionLog:
    """One partition's log; recovery.load_log opens it from a folder."""

    def __init__(
        self,
        files: Files,
        directory: Path,
        topic_partition: TopicPartition,
        config: TopicConfig,
        *,
        topic_id: uuid.UUID | None,
        segments: Sequence[Segment],
        log_start: Offset,
        log_end: Offset,
        recovery_point: Offset,
        producers: ProducerStateManager,
        epochs: Sequence[EpochStart],
        clock: Clock,
        listener: "LogListener[PartitionLog]" = UNKEPT,
    ) -> None:
        self._files = files
        self._clock = clock
        self.directory = directory
        self.topic_partition = topic_partition
        self.topic_id = topic_id
        self.config = config
        self._listener = listener
        self._disk = DiskErrors(topic_partition, directory, clock, partial(listener.on_failure, self))
        self.segments = SegmentList(files, str(directory), segments, discard=partial(listener.discard, self, files))
        self.log_start = log_start
        self.log_end = log_end
        self._high_watermark = log_start
        self.recovery_point = recovery_point
        self._producers = producers
        self._epoch_file = EpochFile(files, str(directory), on_error=partial(self._disk.fail, "write a leader epoch"))
        self.epochs = LeaderEpochs(epochs, on_change=self._epoch_file.store)
        self._unflushed_records = 0
        self.messages_in = self.bytes_in = 0
        """Records and bytes appended as the leader since the log was opened."""
        self.replicated_in = 0
        """Bytes that were appended as a follower since then."""
        self.last_flush_ms = clock.now_ms()

    def __repr__(self) -> str:
        return f"PartitionLog({self.topic_partition}, {self.log_start}..{self.log_end}, {self.directory})"

    # Offsets.

    @property
    def high_watermark(self) -> Offset:
        return self._high_watermark

    def advance_high_watermark(self, offset: Offset) -> bool:
        """Advance it to `offset`, at most to the log end; returns whether it moved. It never moves back here."""
        offset = min(offset, self.log_end)
        if offset <= self._high_watermark:
            return False
        self._high_watermark = offset
        self._producers.on_high_watermark(offset)
        return True

    def set_high_watermark(self, offset: Offset) -> None:
        """Take it over from a checkpoint or a leader, within log_start and log_end; it may move back."""
        self._high_watermark = min(max(offset, self.log_start), self.log_end)
        self._producers.on_high_watermark(self._high_watermark)

    @property
    def last_stable(self) -> Offset:
        unstable = self._producers.first_unstable_offset
        if unstable is None or unstable >= self._high_watermark:
            return self._high_watermark
        return max(unstable, self.log_start)

    # Appending.

    def append_as_leader(
        self,
        batches: bytearray | memoryview | validation.CheckedBatch,
        *,
        leader_epoch: LeaderEpoch,
        now_ms: Timestamp,
        origin: AppendOrigin = AppendOrigin.CLIENT,
    ) -> AppendInfo:
        """Validate one batch, set its offset, epoch and (LogAppendTime) timestamp in place, and write it.

        batches   writable; its base offset, leader epoch and, if the topic requires it, timestamp type are changed
        raises    CorruptMessage, InvalidRecord, InvalidTimestamp, MessageTooLarge, RecordListTooLarge,
                  UnsupportedCompressionType, InvalidProducerEpoch, OutOfOrderSequenceNumber, InvalidTxnState,
                  TransactionCoordinatorFenced; KafkaStorageError when it could not be written.
                  In each case nothing is in the log
        durable   not before a flush; replication is what keeps records safe
        """
        self._disk.check_online()
        batches, header, append_time = validation.admit(batches, self.config, origin, now_ms, self.topic_partition)
        marker = None
        if header.producer_id >= 0:
            if header.is_control:
                marker = marker_in(batches, 0, self.topic_partition)
                if marker is not None:
                    self._producers.check_marker(header, marker, self.log_end)
            else:
                known = self._producers.find_duplicate(header) if origin is AppendOrigin.CLIENT else None
                if known is None and self._producers.forgotten_before is not None and origin is AppendOrigin.CLIENT:
                    known = self._recalled_duplicate(header)
                if known is not None:
                    return AppendInfo(
                        known.first_offset, known.last_offset, known.timestamp, self.log_start, 0, 0, is_duplicate=True
                    )
                self._producers.check_batch(header, origin, self.log_end)
        first_offset = self.log_end
        last_offset = Offset(first_offset + header.last_offset_delta)
        stamp(batches, 0, base_offset=first_offset, leader_epoch=leader_epoch)

        segment = self._segment_for(len(batches), first_offset, last_offset, header.max_timestamp, now_ms)
        aborted = self._producers.aborted_by(header.producer_id, marker, first_offset) if marker is not None else None
        if leader_epoch != self.epochs.latest_notified:
            self.epochs.assign(leader_epoch, first_offset)
        position = self._write(segment, batches, aborted)
        self._note(segment, position, header, marker, first_offset)
        size, records = header.size, header.record_count
        self.messages_in += records
        self.bytes_in += size
        return AppendInfo(
            first_offset,
            last_offset,
            append_time,
            self.log_start,
            size,
            records,
            must_flush=self._unflushed_records >= self.config.flush_messages,
        )

    def _recalled_duplicate(self, header: BatchHeader) -> BatchRange | None:
        """The same batch in the log, if the producers' snapshot has left it out."""
        if not self._producers.may_have_forgotten(header):
            return None
        with self._disk.during("read"):
            recall_batches(self._producers, self.segments)
        return self._producers.find_duplicate(header)

    def append_as_follower(self, batches: bytearray | memoryview) -> AppendInfo:
        """Write batches as the leader has them; a truncated batch at the end is ignored.

        raises    CorruptMessage; UnexpectedAppendOffset when they begin below the log's end; KafkaStorageError.
                  After an error, the batches before the faulty one may be in the log
        """
        self._disk.check_online()
        found = validation.follower_batches(batches, self.log_end, self.topic_partition)
        if not found:
            return AppendInfo(self.log_end, Offset(self.log_end - 1), None, self.log_start, 0, 0)
        first_offset, count, now_ms = found[0][1].base_offset, 0, self._clock.now_ms()
        with memoryview(batches) as view:
            while count < len(found):
                count += self._append_run(view, found[count:], now_ms)
        size = found[-1][0] + found[-1][1].size
        records = sum(header.record_count for _, header in found)
        self.replicated_in += size
        must_flush = self._unflushed_records >= self.config.flush_messages
        return AppendInfo(
            first_offset, Offset(self.log_end - 1), None, self.log_start, size, records, must_flush=must_flush
        )

    def _append_run(self, data: memoryview, batches: Sequence[tuple[int, BatchHeader]], now_ms: Timestamp) -> int:
        # As many batches as fit the segment, at least one, go into it with one write.
        start, first = batches[0]
        segment = self._segment_for(first.size, first.base_offset, first.last_offset, first.max_timestamp, now_ms)
        marker = marker_in(data, start, self.topic_partition) if first.is_control else None
        count = written_together(batches, segment, self.config.segment_bytes)
        last, header_of_last = batches[count - 1]
        end = last + header_of_last.size
        aborted = self._producers.aborted_by(first.producer_id, marker, first.base_offset) if marker else None
        for _, header in batches[:count]:
            self.epochs.assign(header.leader_epoch, header.base_offset)
        position = self._write(segment, data[start:end], aborted)
        for at, header in batches[:count]:
            self._note(segment, position + at - start, header, marker, header.base_offset)
        return count

    def _write(self, segment: Segment, data: bytearray | memoryview, aborted: AbortedTransaction | None) -> int:
        try:
            if aborted is not None:
                segment.transactions.append(aborted)
            try:
                return segment.write(data)
            except OSError:
                if aborted is not None:
                    segment.transactions.truncate_to(aborted.last_offset)
                raise
        except OSError as error:
            self._disk.fail(f"append {len(data)} bytes", error)

    def _note(
        self, segment: Segment, position: int, header: BatchHeader, marker: EndTransactionMarker | None, offset: Offset
    ) -> None:
        # What follows from a batch that was written at `position`, `offset` being its first.
        delta = header.last_offset_delta
        segment.note(
            position,
            header.size,
            last_offset=Offset(offset + delta),
            max_timestamp=header.max_timestamp,
        )
        if header.producer_id >= 0:
            if marker is not None:
                self._producers.add_marker(header, marker, offset)
            elif not header.is_control:
                self._producers.add_batch(header, offset)
        self.segments.remember(segment, offset, position)
        self.log_end = self._producers.end_offset = Offset(offset + delta + 1)
        self._unflushed_records += header.record_count

    # Rolling.

    def _segment_for(
        self, size: int, first_offset: Offset, last_offset: Offset, max_timestamp: Timestamp, now_ms: Timestamp
    ) -> Segment:
        active, config = self.segments.active, self.config
        if active.has_room(size, last_offset, config.segment_bytes):
            if active.size == 0:
                return active
            jitter_ms = retention.jitter_ms(config, self.topic_partition, active.base_offset)
            if active.waited_ms(max_timestamp=max_timestamp, now_ms=now_ms) <= config.max_segment_ms - jitter_ms:
                return active
        return self.roll(first_offset)

    def roll(self, base_offset: Offset | None = None) -> Segment:
        """Start a new segment at log_end, or at `base_offset` if that is later, and snapshot the producers."""
        base = self.log_end if base_offset is None else max(self.log_end, base_offset)
        active = self.segments.active
        if active.base_offset == base and active.size == 0:
            return active
        with self._disk.during("start a segment"):
            self.segments.roll(base, self.config, now_ms=self._clock.now_ms())
        self._producers.end_offset = base
        self._take_snapshot()
        self._listener.on_roll(self)
        return self.segments.active

    def _take_snapshot(self) -> None:
        try:
            self._producers.take_snapshot()
        except OSError as error:  # the next load replays more of the log
            _log.warning("%s: no producer snapshot at %d: %s", self, self._producers.end_offset, error)

    # Reading.

    def read(self, start: Offset, *, max_bytes: int, up_to: Offset, min_one_batch: bool) -> FetchData:
        """Complete batches from the one with `start` on, at most `max_bytes`, all of them below offset `up_to`.

        min_one_batch   a first batch larger than `max_bytes` is returned nevertheless
        raises          OffsetOutOfRange outside of log_start..log_end; KafkaStorageError
        One call reads from one segment only, so less may come than there is.
        """
        self._disk.check_online()
        self.check_offset(start)
        log_end = self.log_end
        up_to = min(up_to, log_end)
        try:
            return self.segments.read(
                start, max_bytes=max_bytes, up_to=up_to, log_end=log_end, min_one_batch=min_one_batch
            )
        except OSError as error:
            self._disk.fail("read", error)
        except CorruptRecords as error:
            raise CorruptMessage(
                f"{self.topic_partition}: the log is damaged at offset {start} or after: {error}"
            ) from None

    def check_offset(self, offset: Offset) -> None:
        """raises  OffsetOutOfRange when `offset` cannot be read from."""
        if not self.log_start <= offset <= self.log_end:
            raise OffsetOutOfRange(
                f"Received request for offset {offset} for partition {self.topic_partition}, but we only have log "
                f"segments in the range {self.log_start} to {self.log_end}."
            )

    def offset_for_timestamp(self, timestamp_ms: Timestamp) -> TimestampOffset | None:
        """The first record whose timestamp is `timestamp_ms` or later; None when all are older."""
        return find_by_timestamp(self.segments, timestamp_ms, self.log_start)

    def max_timestamp_offset(self) -> TimestampOffset | None:
        """The record with the largest timestamp; None when no record has one."""
        return find_max_timestamp(self.segments, self.log_start)

    # Producers and transactions.

    def active_producers(self) -> list[ProducerEntry]:
        return list(self._producers.producers.values())

    def has_ongoing_transaction(self, producer_id: ProducerId) -> bool:
        return self._producers.has_ongoing_transaction(producer_id)

    def expire_producers(self, expiration_ms: Milliseconds) -> None:
        """Forget producers that have been silent for that long."""
        self._producers.expire(self._clock.now_ms(), expiration_ms)

    # Leader epochs.

    def begin_epoch(self, leader_epoch: LeaderEpoch) -> None:
        """The leader's next appends belong to `leader_epoch`."""
        self.epochs.assign(leader_epoch, self.log_end, has_records=False)

    def end_offset_for_epoch(self, epoch: LeaderEpoch) -> EpochEnd | None:
        """As LeaderEpochs.end_offset_for."""
        return self.epochs.end_offset_for(epoch, self.log_end)

    # Losing records on purpose.

    def truncate_to(self, offset: Offset) -> int:
        """Drop every batch with `offset` or a later one, as a follower does; returns the new log end.

        offset    anything from 0 on; at or above log_end only stray leader epochs are dropped
        durable   the truncation is not synced: after a crash a follower compares its log with the leader's again
        source    KIP-101
        """
        self._disk.check_online()
        if offset >= self.log_end:
            self.epochs.truncate_from_end(self.log_end)
            return self.log_end
        if offset <= self.log_start:
            self.truncate_fully_and_start_at(offset)
            return self.log_end
        now_ms = self._clock.now_ms()
        with self._disk.during(f"truncate to {offset}", is_half_done=True):
            self.log_end, gone = self.segments.truncate_to(offset, now_ms=now_ms)
            if self.log_end < self.log_start:
                self.truncate_fully_and_start_at(self.log_start)
                return self.log_end
            self._after_cut(gone)
            replay_producers(self._producers, list(self.segments), self.log_start, self.log_end, now_ms=now_ms)
            # The replay takes every marker for a new one; the high watermark has passed some, and may not move again.
            self._producers.on_high_watermark(self._high_watermark)
        return self.log_end

    def truncate_fully_and_start_at(self, offset: Offset, *, log_start: Offset | None = None) -> None:
        """Drop everything; the next record gets `offset`."""
        self._disk.check_online()
        with self._disk.during(f"start again at {offset}", is_half_done=True):
            gone = self.segments.start_at(offset, self.config, now_ms=self._clock.now_ms())
            self.log_end, self.log_start = offset, offset if log_start is None else log_start
            self._producers.start_at(offset)
            self.epochs.clear()
            self._after_cut(gone)

    def _after_cut(self, gone: Sequence[Offset]) -> None:
        self._discard_snapshots(gone)
        self._listener.on_cut(self)
        self.epochs.truncate_from_end(self.log_end)
        self.log_start = min(self.log_start, self.log_end)
        self.recovery_point = min(self.recovery_point, self.log_end)
        self._high_watermark = min(max(self._high_watermark, self.log_start), self.log_end)

    def advance_log_start(self, offset: Offset) -> bool:
        """Delete records below `offset` (DeleteRecords, retention); returns whether that is new.

        raises    OffsetOutOfRange above the high watermark
        durable   with the next write of log-start-offset-checkpoint
        """
        if offset > self._high_watermark:
            raise OffsetOutOfRange(
                f"{self.topic_partition}: cannot delete up to offset {offset}, "
                f"the high watermark is {self._high_watermark}"
            )
        if offset <= self.log_start:
            return False
        self.log_start = offset
        self.epochs.truncate_from_start(offset)
        self._producers.on_log_start(offset)
        return True

    def delete_old_segments(self) -> int:
        """Set aside segments that retention.ms, retention.bytes or log_start no longer keep; returns their number."""
        if self.is_offline:
            return 0
        count, reason = retention.expired_segments(
            list(self.segments),
            self.config,
            log_start=self.log_start,
            high_watermark=self._high_watermark,
            log_end=self.log_end,
            now_ms=self._clock.now_ms(),
        )
        if not count:
            return 0
        if count == len(self.segments):
            self.roll()
        new_start = self.segments.base_offsets[count]
        _log.info("%s: deleting %d segments up to offset %d: %s", self, count, new_start, reason)
        self.advance_log_start(new_start)
        with self._disk.during("delete segments"):
            self._discard_snapshots(self.segments.drop_oldest(count))
        return count

    def replace_segments(self, old: Sequence[Segment], new: Segment) -> None:
        """As SegmentList.replace. raises KafkaStorageError."""
        with self._disk.during("put a cleaned segment in place", is_half_done=True):
            self.segments.replace(old, new)
            self._discard_snapshots([each.base_offset for each in old if each.base_offset != new.base_offset])

    def _discard_snapshots(self, offsets: Sequence[Offset]) -> None:
        paths = [self._producers.set_snapshot_aside(offset) for offset in offsets]
        self.segments.discard([path for path in paths if path is not None])

    # Flushing, closing, moving.

    def begin_flush(self, up_to: Offset | None = None) -> FlushPlan:
        """A plan that syncs everything below `up_to` (log_end) to the device; any thread can run it."""
        up_to = self.log_end if up_to is None else up_to
        with self._disk.during("flush"):
            handles = self._epoch_file.handles_to_sync()
            handles += self.segments.handles_to_sync(self.recovery_point, up_to)
            handles += self._producers.handles_to_sync()
        if up_to == self.log_end:
            self._unflushed_records = 0
        return FlushPlan(self._files, str(self.directory), handles, up_to, self.segments.rewrites)

    def finish_flush(self, plan: FlushPlan) -> None:
        """`plan` was carried out."""
        if plan.rewrites == self.segments.rewrites:  # else offsets below `up_to` may have been written again meanwhile
            self.recovery_point = max(self.recovery_point, plan.up_to)
        self.last_flush_ms = self._clock.now_ms()

    def assign_topic_id(self, topic_id: uuid.UUID) -> None:
        """Record the topic id of a log from before topic ids (KIP-516)."""
        path = os.path.join(self.directory, checkpoints.PARTITION_METADATA)
        with self._disk.during("write the topic id"):
            checkpoints.write_topic_id(self._files, path, topic_id)
        self.topic_id = topic_id

    @property
    def is_offline(self) -> bool:
        return self._disk.is_offline

    def take_offline(self) -> None:
        """Stop reading and writing it: its directory failed, or it is to be removed."""
        self._disk.is_offline = True

    def close(self) -> None:
        """Stop writing: trim the indexes and take a snapshot of the producers. A flush and `release` have to follow."""
        with self._disk.during("close"):
            self.segments.active.seal()
        self._take_snapshot()

    def release(self) -> None:
        """Close all files; for a log that was closed, or is no longer needed."""
        self.segments.close()

    def moved_to(self, directory: Path) -> None:
        """The folder was renamed, with its contents."""
        self.directory = self._disk.directory = directory
        self._producers.directory = self._epoch_file.directory = str(directory)
        self.segments.moved_to(str(directory))
