"""The committed offsets of one group, those still inside open transactions, and when they expire.

A transaction's offsets wait under the producer's id until its marker comes. Of two commits for one partition the one
whose record is later in the log counts, although its transaction may have ended earlier: after compaction only that
record is left, and the state must be the same then.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.model import Milliseconds, Offset, ProducerId, Timestamp, TopicPartition
from pykafka_cli.protocol.records.batch import NO_TIMESTAMP


class CommittedOffset(NamedTuple):
    """An offset and where the log says so.

    written_at  log offset of the commit's record
    settled_at  log offset of what made it count: the same record, or the marker of its transaction

    Invariant: written_at <= settled_at.
    """

    value: OffsetCommitValue
    written_at: Offset
    settled_at: Offset


@dataclass(slots=True)
class GroupOffsets:
    """Changed only by replay. `pending` holds, by producer id, what open transactions would commit."""

    committed: dict[TopicPartition, CommittedOffset] = field(default_factory=dict)
    pending: dict[ProducerId, dict[TopicPartition, CommittedOffset]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.committed or self.pending)

    def put(self, partition: TopicPartition, value: OffsetCommitValue, written_at: Offset) -> None:
        """A commit outside of any transaction."""
        self.committed[partition] = CommittedOffset(value, written_at, written_at)

    def put_pending(
        self, producer_id: ProducerId, partition: TopicPartition, value: OffsetCommitValue, written_at: Offset
    ) -> None:
        """A commit that counts if the producer's transaction is committed."""
        self.pending.setdefault(producer_id, {})[partition] = CommittedOffset(value, written_at, written_at)

    def end_transaction(self, producer_id: ProducerId, *, committed: bool, marker_at: Offset) -> None:
        """The producer's marker, at log offset `marker_at`: what it had pending counts now, or is forgotten."""
        ended = self.pending.pop(producer_id, {})
        if not committed:
            return
        for partition, offset in ended.items():
            current = self.committed.get(partition)
            if current is None or current.written_at < offset.written_at:
                self.committed[partition] = offset._replace(settled_at=marker_at)

    def remove(self, partition: TopicPartition) -> None:
        """A tombstone: neither committed nor pending any more."""
        self.committed.pop(partition, None)
        for producer_id in [producer for producer, offsets in self.pending.items() if partition in offsets]:
            del self.pending[producer_id][partition]
            if not self.pending[producer_id]:
                del self.pending[producer_id]

    def partitions(self) -> list[TopicPartition]:
        """Every partition with an offset, committed or pending."""
        return list(dict.fromkeys([*self.committed, *(p for offsets in self.pending.values() for p in offsets)]))

    def has(self, partition: TopicPartition) -> bool:
        """Whether a tombstone for `partition` would remove anything."""
        return partition in self.committed or self._is_pending(partition)

    def is_unstable(self, partition: TopicPartition, high_watermark: Offset) -> bool:
        """Whether the response for `partition` may yet change without a new commit (KIP-447).

        That is so while a transaction holds an offset for it, or its newest commit is not yet on all in-sync replicas.
        """
        current = self.committed.get(partition)
        return self._is_pending(partition) or (current is not None and current.settled_at >= high_watermark)

    def expired(
        self,
        counted_from: Callable[[OffsetCommitValue], int],
        *,
        now_ms: Timestamp,
        retention_ms: Milliseconds,
        subscribed: Collection[str] = (),
    ) -> Iterable[TopicPartition]:
        """Partitions whose offsets have outlived their time.

        counted_from  the moment (ms) from which retention runs, unless the commit carries its own expiry time
        subscribed    topics whose offsets never expire, because a member reads them
        source        KIP-211
        """
        for partition, (value, _, _) in self.committed.items():
            if partition.topic in subscribed or self._is_pending(partition):
                continue
            if value.expire_timestamp != NO_TIMESTAMP:
                is_over = now_ms >= value.expire_timestamp
            else:
                is_over = now_ms - counted_from(value) >= retention_ms
            if is_over:
                yield partition

    def _is_pending(self, partition: TopicPartition) -> bool:
        return any(partition in offsets for offsets in self.pending.values())
