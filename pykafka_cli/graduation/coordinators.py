"""Consumer groups and transactions, from the records of the two internal topics."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from pykafka_cli.broker.coordinator.group import records as group_records
from pykafka_cli.broker.coordinator.step import CoordinatorRecord
from pykafka_cli.broker.coordinator.transaction import records as transaction_records
from pykafka_cli.broker.coordinator.transaction.transaction import TransactionState
from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.records import ControlType, read_marker, read_records
from pykafka_cli.storage.scan import ScannedBatch
from pykafka_cli.topic_names import CONSUMER_OFFSETS, TRANSACTION_STATE

_OPEN = (TransactionState.ONGOING, TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT)


class Group(NamedTuple):
    """A consumer group, and the number of its committed offsets."""

    name: str
    offsets: int


class OpenTransaction(NamedTuple):
    """A transaction that is not complete, and the number of partitions it has written to."""

    transactional_id: str
    state: str
    partitions: int


class CoordinatorRecords:
    """The newest record of each key, partition by partition. Call `take` for every batch of one broker's logs."""

    def __init__(self) -> None:
        self._newest: dict[TopicPartition, dict[bytes, bytes]] = defaultdict(dict)
        self._pending: dict[tuple[TopicPartition, int], list[CoordinatorRecord]] = defaultdict(list)

    def take(self, partition: TopicPartition, batch: ScannedBatch) -> None:
        """raises CorruptRecords"""
        if partition.topic not in (CONSUMER_OFFSETS, TRANSACTION_STATE):
            return
        header = batch.header
        if header.is_control:
            marker, pending = read_marker(batch.bytes), self._pending.pop((partition, header.producer_id), [])
            if marker is not None and marker.type is ControlType.COMMIT:
                self._put(partition, pending)
            return
        found = [CoordinatorRecord(each.key, each.value) for each in read_records(batch.bytes) if each.key is not None]
        if header.is_transactional:
            self._pending[partition, header.producer_id] += found
        else:
            self._put(partition, found)

    def _put(self, partition: TopicPartition, found: list[CoordinatorRecord]) -> None:
        newest = self._newest[partition]
        for key, value in found:
            newest.pop(key, None)
            if value is not None:
                newest[key] = value

    def groups(self, partition: TopicPartition) -> Iterable[Group]:
        """The groups of one partition of __consumer_offsets. raises UnreadableMessage."""
        offsets: dict[str, int] = defaultdict(int)
        for key, value in self._newest[partition].items():
            entry = group_records.read_record(CoordinatorRecord(key, value))
            if entry is not None:
                offsets[entry.group] += isinstance(entry, group_records.OffsetEntry)
        return [Group(*each) for each in offsets.items()]

    def open_transactions(self, partition: TopicPartition) -> Iterable[OpenTransaction]:
        """The open transactions of one partition of __transaction_state. raises UnreadableMessage."""
        for key, value in self._newest[partition].items():
            entry = transaction_records.read_record(CoordinatorRecord(key, value))
            if entry is not None and entry.transaction is not None and entry.transaction.state in _OPEN:
                transaction = entry.transaction
                yield OpenTransaction(entry.transactional_id, transaction.state.name, len(transaction.partitions))
