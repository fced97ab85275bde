"""The state that a partition keeps of idempotent and transactional producers.

For each producer id: its epoch, the sequence ranges of its last five batches (to recognize a batch that is sent again)
and the first offset of the transaction it has open. The state is a function of the log; a snapshot
(storage/producer_snapshots.py) is taken at each roll and at a clean stop so that loading reads only what came after.
It holds the last batch of each producer alone; those before it are recalled from the log once one is sent again.
Source: KIP-98, ProducerStateManager, ProducerAppendInfo.
"""

import logging
import os
from collections.abc import Iterable
from enum import Enum

from pykafka_cli.broker.errors import (
    InvalidProducerEpoch,
    InvalidTxnState,
    OutOfOrderSequenceNumber,
    TransactionCoordinatorFenced,
)
from pykafka_cli.model import FIRST_OFFSET, Milliseconds, Offset, ProducerId, Timestamp
from pykafka_cli.protocol.records.batch import TRANSACTIONAL, BatchHeader, advance_sequence
from pykafka_cli.protocol.records.control import ControlType, EndTransactionMarker
from pykafka_cli.storage.files import File, Files
from pykafka_cli.storage.producer_snapshots import (
    SNAPSHOT_SUFFIX,
    BatchRange,
    CorruptSnapshot,
    ProducerEntry,
    decode_snapshot,
    encode_snapshot,
)
from pykafka_cli.storage.segment import DELETED_SUFFIX, segment_name
from pykafka_cli.storage.transaction_index import AbortedTransaction

_log = logging.getLogger(__name__)

BATCHES_KEPT = 5
"""Producers have up to five requests in flight, so one of the last five batches may be retried."""

_MAX_SEQUENCE = 0x7FFFFFFF


class AppendOrigin(Enum):
    """The origin of a batch, which decides what is checked."""

    CLIENT = "client"
    COORDINATOR = "coordinator"


class ProducerStateManager:
    """All producers of one partition, and where its first open transaction begins.

    Invariant: `end_offset` is the offset up to which (exclusive) the log is reflected here.
    """

    def __init__(self, files: Files, directory: str, name: object, *, expiration_ms: Milliseconds) -> None:
        self._files = files
        self.directory = directory
        self._name = name
        self._expiration_ms = expiration_ms
        self.producers: dict[ProducerId, ProducerEntry] = {}
        self._ongoing: dict[Offset, ProducerId] = {}  # first offset -> producer id, in the order of first offsets
        # first offset -> offset of a marker that the high watermark has not passed
        self._unreplicated: dict[Offset, Offset] = {}
        self.end_offset = FIRST_OFFSET
        self._snapshot_end = FIRST_OFFSET
        self.forgotten_before: Offset | None = None
        """The end of the snapshot that was loaded, if batches before it can still be recalled from the log."""
        self._unsynced_snapshots: list[Offset] = []
        self.snapshots: list[Offset] = []

    # Transactions.

    @property
    def first_unstable_offset(self) -> Offset | None:
        """Where the oldest transaction begins that is open, or whose marker is not replicated yet."""
        ongoing = next(iter(self._ongoing), None)
        if not self._unreplicated:
            return ongoing
        unreplicated = min(self._unreplicated)
        return unreplicated if ongoing is None else min(ongoing, unreplicated)

    def has_ongoing_transaction(self, producer_id: ProducerId) -> bool:
        producer = self.producers.get(producer_id)
        return producer is not None and producer.current_txn_first_offset is not None

    def on_high_watermark(self, high_watermark: Offset) -> None:
        """Markers below it are replicated."""
        if self._unreplicated:
            self._unreplicated = {
                first: marker for first, marker in self._unreplicated.items() if marker >= high_watermark
            }

    # Checks, before a batch is written; nothing changes.

    def find_duplicate(self, header: BatchHeader) -> BatchRange | None:
        """The batch that was appended before with these very sequences, if it is among the last five."""
        producer = self.producers.get(header.producer_id)
        if producer is None or producer.epoch != header.producer_epoch:
            return None
        last_sequence, delta = header.last_sequence, header.last_offset_delta
        for batch in producer.batches:
            if batch.last_sequence == last_sequence and batch.offset_delta == delta:
                return batch
        return None

    def may_have_forgotten(self, header: BatchHeader) -> bool:
        """Whether this batch is out of sequence, and may be one that the snapshot has left out.

        Kafka keeps to its snapshot: there, such a batch is out of order, and is stored twice under the producer's next
        epoch.
        """
        if self.forgotten_before is None:
            return False
        producer = self.producers.get(header.producer_id)
        return (
            producer is not None
            and producer.epoch == header.producer_epoch
            and 0 < len(producer.batches) < BATCHES_KEPT
            and header.base_sequence != advance_sequence(producer.last_sequence, 1)
        )

    def recall(self, earlier: Iterable[tuple[BatchHeader, Offset]]) -> None:
        """Add data batches from before `forgotten_before`, each with its first offset, in the order of the log."""
        left_out: dict[ProducerId, list[BatchRange]] = {}
        for header, base_offset in earlier:
            producer = self.producers.get(header.producer_id)
            if producer and producer.epoch == header.producer_epoch and producer.batches:
                batch = _range_of(header, base_offset, header.max_timestamp)
                if batch.last_offset < producer.batches[0].last_offset:
                    left_out.setdefault(header.producer_id, []).append(batch)
        for producer_id, batches in left_out.items():
            known = self.producers[producer_id].batches
            known[:0] = batches[max(0, len(batches) + len(known) - BATCHES_KEPT) :]
        self.forgotten_before = None

    def check_batch(self, header: BatchHeader, origin: AppendOrigin, offset: Offset) -> None:
        """May this data batch follow, at `offset`?

        raises  InvalidProducerEpoch (fenced), OutOfOrderSequenceNumber, InvalidTxnState
        """
        producer = self.producers.get(header.producer_id)
        if producer is None:
            return
        self._check_epoch(producer, header, offset)
        if origin is AppendOrigin.CLIENT:
            self._check_sequence(producer, header, offset)
        if producer.current_txn_first_offset is not None and not header.is_transactional:
            raise InvalidTxnState(
                f"{self._name}: producer {header.producer_id} has a transaction open since offset "
                f"{producer.current_txn_first_offset}, but sent a batch outside of it"
            )

    def check_marker(self, header: BatchHeader, marker: EndTransactionMarker, offset: Offset) -> None:
        """May this marker follow? raises InvalidProducerEpoch, TransactionCoordinatorFenced."""
        producer = self.producers.get(header.producer_id)
        if producer is None:
            return
        self._check_epoch(producer, header, offset)
        if producer.coordinator_epoch is not None and marker.coordinator_epoch < producer.coordinator_epoch:
            raise TransactionCoordinatorFenced(
                f"{self._name}: marker for producer {header.producer_id} from coordinator epoch "
                f"{marker.coordinator_epoch}, but {producer.coordinator_epoch} was seen"
            )

    def _check_epoch(self, producer: ProducerEntry, header: BatchHeader, offset: Offset) -> None:
        if header.producer_epoch < producer.epoch:
            raise InvalidProducerEpoch(
                f"Epoch of producer {header.producer_id} at offset {offset} in {self._name} is "
                f"{header.producer_epoch}, which is smaller than the last seen epoch {producer.epoch}"
            )

    def _check_sequence(self, producer: ProducerEntry, header: BatchHeader, offset: Offset) -> None:
        first = header.base_sequence
        if header.producer_epoch != producer.epoch:
            if first != 0:
                raise OutOfOrderSequenceNumber(
                    f"Invalid sequence number for new epoch of producer {header.producer_id} at offset {offset} in "
                    f"{self._name}: {header.producer_epoch} (request epoch), {first} (seq. number), "
                    f"{producer.epoch} (current producer epoch)"
                )
            return
        last = producer.last_sequence
        if first == last + 1 or (first == 0 and last == _MAX_SEQUENCE):
            return
        raise OutOfOrderSequenceNumber(
            f"Out of order sequence number for producer {header.producer_id} at offset {offset} in {self._name}: "
            f"{first} (incoming seq. number), {last} (current end sequence number)"
        )

    # Changes, after a batch is written.

    def add_batch(self, header: BatchHeader, base_offset: Offset) -> None:
        """A data batch of a producer is in the log, at `base_offset`."""
        timestamp = header.max_timestamp
        producer = self._producer(header, timestamp)
        batches = producer.batches
        if len(batches) == BATCHES_KEPT:
            del batches[0]
        batches.append(_range_of(header, base_offset, timestamp))
        if header.attributes & TRANSACTIONAL and producer.current_txn_first_offset is None:
            producer.current_txn_first_offset = base_offset
            self._ongoing[base_offset] = header.producer_id

    def aborted_by(
        self, producer_id: ProducerId, marker: EndTransactionMarker, offset: Offset
    ) -> AbortedTransaction | None:
        """The transaction index's entry for this marker at `offset`; None for a commit, or an empty transaction."""
        producer = self.producers.get(producer_id)
        if producer is None or producer.current_txn_first_offset is None or marker.type is not ControlType.ABORT:
            return None
        others = (start for start, owner in self._ongoing.items() if owner != producer_id)
        return AbortedTransaction(
            producer_id, producer.current_txn_first_offset, offset, next(others, Offset(offset + 1))
        )

    def add_marker(self, header: BatchHeader, marker: EndTransactionMarker, offset: Offset) -> None:
        """A marker is in the log at `offset`: its producer's transaction is over, if it had one here."""
        producer = self._producer(header, marker.timestamp)
        if (first := producer.current_txn_first_offset) is not None:
            self._ongoing.pop(first, None)
            self._unreplicated[first] = offset
        producer.coordinator_epoch = marker.coordinator_epoch
        producer.current_txn_first_offset = None

    def _producer(self, header: BatchHeader, timestamp: Timestamp) -> ProducerEntry:
        """The producer of a batch that was written now, at that time, in the batch's epoch."""
        producer_id = header.producer_id
        producer = self.producers.get(producer_id)
        if producer is None:
            producer = self.producers[producer_id] = ProducerEntry(producer_id, header.producer_epoch, timestamp)
        else:
            producer.move_to_epoch(header.producer_epoch)
            producer.last_timestamp = timestamp
        return producer

    def expire(self, now_ms: Timestamp, expiration_ms: Milliseconds) -> None:
        """Forget producers that wrote nothing for that long and have no open transaction."""
        expired = [each.producer_id for each in self.producers.values() if _is_expired(each, now_ms, expiration_ms)]
        for producer_id in expired:
            del self.producers[producer_id]

    # Snapshots.

    def take_snapshot(self) -> None:
        """Write a snapshot at `end_offset`, unless the newest one is as new. It is synced by the next flush."""
        if self.end_offset <= self._snapshot_end:
            return
        path = self._path(self.end_offset)
        file = self._files.open(path)
        try:
            data = encode_snapshot(self.producers.values())
            file.truncate(0)
            file.write_at(0, data)
        finally:
            file.close()
        self._unsynced_snapshots.append(self.end_offset)
        self._snapshot_end = self.end_offset
        if self.end_offset not in self.snapshots:
            self.snapshots = sorted([*self.snapshots, self.end_offset])

    def handles_to_sync(self) -> list[File]:
        """Handles on snapshots written since the last call that are still there. raises OSError."""
        taken, self._unsynced_snapshots = self._unsynced_snapshots, []
        return [self._files.open(self._path(offset)) for offset in taken if offset in self.snapshots]

    def load(self, log_start: Offset, end: Offset, now_ms: Timestamp) -> None:
        """Load the newest usable snapshot within (log_start, end]; the log from `end_offset` on is to be replayed.

        Snapshots outside of that range are removed, and so is a corrupt one.
        """
        self.producers, self._ongoing, self._unreplicated = {}, {}, {}
        self.snapshots = self._listed()
        for offset in self.snapshots:
            if offset > end or offset <= log_start:
                self.remove_snapshot(offset)
        self.end_offset = self._snapshot_end = log_start
        self.forgotten_before = None
        for offset in reversed(self.snapshots):
            try:
                producers = decode_snapshot(self._files.read(self._path(offset)))
            except CorruptSnapshot as error:
                _log.warning("%s: producer snapshot %s cannot be used: %s", self._name, self._path(offset), error)
                self.remove_snapshot(offset)
                continue
            self.end_offset = self._snapshot_end = self.forgotten_before = offset
            alive = [each for each in producers if not _is_expired(each, now_ms, self._expiration_ms)]
            self.producers = {each.producer_id: each for each in alive}
            ongoing = [(each.current_txn_first_offset, each.producer_id) for each in alive]
            self._ongoing = dict(sorted((first, owner) for first, owner in ongoing if first is not None))
            return

    def keep_snapshots_of(self, base_offsets: Iterable[Offset]) -> None:
        """Remove snapshots that belong to no segment, except the newest one if it is past all of them."""
        wanted = set(base_offsets)
        newest_segment = max(wanted, default=-1)
        self.snapshots = self._listed()
        stray = [offset for offset in self.snapshots if offset not in wanted]
        if stray and stray[-1] >= newest_segment:
            stray.pop()
        for offset in stray:
            self.remove_snapshot(offset)

    def remove_snapshot(self, offset: Offset) -> None:
        self._files.remove(self._path(offset))
        self.snapshots = [each for each in self.snapshots if each != offset]

    def set_snapshot_aside(self, offset: Offset) -> str | None:
        """Rename a snapshot to .deleted and return its path, to be removed later; None when there is none."""
        if offset not in self.snapshots:
            return None
        path = self._path(offset)
        self.snapshots.remove(offset)
        if not self._files.exists(path):
            return None
        self._files.rename(path, path + DELETED_SUFFIX)
        return path + DELETED_SUFFIX

    def start_at(self, offset: Offset) -> None:
        """Forget everything; the log is empty and continues at `offset`."""
        for snapshot in self._listed():
            self.remove_snapshot(snapshot)
        self.producers, self._ongoing, self._unreplicated = {}, {}, {}
        self.end_offset, self._snapshot_end, self.forgotten_before = offset, FIRST_OFFSET, None

    def on_log_start(self, log_start: Offset) -> None:
        """Records below `log_start` are gone."""
        self.on_high_watermark(log_start)
        self.end_offset = max(self.end_offset, log_start)

    def _listed(self) -> list[Offset]:
        stems = (
            name.removesuffix(SNAPSHOT_SUFFIX)
            for name in self._files.names(self.directory)
            if name.endswith(SNAPSHOT_SUFFIX)
        )
        return sorted(Offset(int(stem)) for stem in stems if stem.isdigit())

    def _path(self, offset: Offset) -> str:
        return os.path.join(self.directory, segment_name(offset) + SNAPSHOT_SUFFIX)


def _range_of(header: BatchHeader, base_offset: Offset, timestamp: Timestamp) -> BatchRange:
    delta = header.last_offset_delta
    return BatchRange(header.last_sequence, Offset(base_offset + delta), delta, timestamp)


def _is_expired(producer: ProducerEntry, now_ms: Timestamp, expiration_ms: Milliseconds) -> bool:
    return producer.current_txn_first_offset is None and now_ms - producer.last_timestamp >= expiration_ms
