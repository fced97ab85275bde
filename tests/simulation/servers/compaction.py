"""Compacted topics: what is written to them, and what must remain of it on every replica.

Replicas are cleaned at their own times, so they have different records. But whatever remains of a record is the same
everywhere, and the last committed record of each key remains: a tombstone for delete.retention.ms, others for ever.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from pykafka_cli.broker.coordinator.group.coordinator import OFFSETS_TOPIC
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.model import Offset, Timestamp, TopicPartition
from pykafka_cli.protocol.records.batch import BatchHeader, CorruptRecords, walk
from pykafka_cli.protocol.records.control import ControlType, read_marker
from pykafka_cli.protocol.records.record import read_records
from pykafka_cli.topic_names import TRANSACTION_STATE
from tests.simulation.workers import Reader, Run, TransactionalWriter, Writer

COMPACTED = "latest"
TOPICS = (COMPACTED, OFFSETS_TOPIC, TRANSACTION_STATE)
KEYS = 6
DELETE_RETENTION_MS = 5000
BROKER_SETTINGS = {
    "log_cleaner_backoff_ms": "400",
    "log_cleaner_min_cleanable_ratio": "0.01",
    "log_cleaner_delete_retention_ms": str(DELETE_RETENTION_MS),
    "log_segment_delete_delay_ms": "1000",
    "log_retention_check_interval_ms": "1000",
    "log_initial_task_delay_ms": "500",
    "offsets_topic_segment_bytes": "1500",
    "transaction_state_log_segment_bytes": "1000",
}
TOPIC_CONFIGS = {"cleanup.policy": "compact", "segment.bytes": "1000", "segment.index.bytes": "4096"}
READ_SIZE = 1 << 20


class KeyedWriter(Writer):
    """Writes new values and tombstones of a few keys. `sent` has key and value by tag."""

    topic = COMPACTED

    def __init__(self, run: Run, name: str, count: int, settings: dict[str, str], *, pause: float) -> None:
        super().__init__(run, name, count, settings, pause=pause)
        self.sent: dict[int, tuple[bytes, bytes | None]] = {}

    def _records(self, tags: range) -> tuple[list[bytes | None] | None, list[bytes | None]]:
        chance = self.run.chance
        for tag in tags:
            value = None if chance.random() < 0.15 else b"%s:%d" % (self.name.encode(), tag)
            self.sent[tag] = b"k%d" % chance.randrange(KEYS), value
        return [self.sent[tag][0] for tag in tags], [self.sent[tag][1] for tag in tags]


class TransactionalKeyedWriter(KeyedWriter, TransactionalWriter):
    """The same in transactions, of which it aborts every third."""


class Status(Enum):
    """Whether a record is one that a reader of committed records sees."""

    OPEN = auto()
    COMMITTED = auto()
    ABORTED = auto()


class Found(NamedTuple):
    """A record as a log has it; `value` None: a tombstone."""

    key: bytes | None
    value: bytes | None
    timestamp: Timestamp | None
    status: Status

    @property
    def content(self) -> tuple[bytes | None, bytes | None]:
        return self.key, self.value


def contents(log: PartitionLog, up_to: Offset) -> dict[Offset, Found]:
    """What a log has below an offset, in its order; raises CorruptRecords, or if that is not ascending."""
    found: dict[Offset, Found] = {}
    pending: dict[int, list[Offset]] = defaultdict(list)
    before = -1
    for offset, header, data, position in _batches(log, up_to):
        if header.base_offset <= before:
            raise CorruptRecords(f"offset {header.base_offset} follows {before}")
        before = offset - 1
        if header.is_control:
            if (marker := read_marker(data, position)) is not None:
                status = Status.COMMITTED if marker.type is ControlType.COMMIT else Status.ABORTED
                for each in pending.pop(header.producer_id, ()):
                    found[each] = found[each]._replace(status=status)
            continue
        status = Status.OPEN if header.is_transactional else Status.COMMITTED
        for record in read_records(data, position):
            if record.offset >= log.log_start:
                found[record.offset] = Found(record.key, record.value, record.timestamp, status)
                if status is Status.OPEN:
                    pending[header.producer_id].append(record.offset)
    return found


def _batches(log: PartitionLog, up_to: Offset) -> Iterator[tuple[Offset, BatchHeader, bytes, int]]:
    """The offset after each batch, its header, and where it is in which bytes."""
    offset = log.log_start
    while offset < up_to:
        data, following = log.read(offset, max_bytes=READ_SIZE, up_to=up_to, min_one_batch=True)
        for position, header in walk(data):
            offset = header.next_offset
            yield offset, header, data, position
        offset = max(offset, following)


class Remains:
    """What has been seen of one compacted partition, on any replica."""

    def __init__(self, *, clocks_agree: bool) -> None:
        """clocks_agree    whether delete.retention.ms is the same time for all brokers"""
        self.known: dict[Offset, Found] = {}
        self._clocks_agree = clocks_agree
        self._seen: dict[str, tuple[int, Offset, Offset]] = {}
        self._unchecked: dict[str, dict[Offset, Found]] = {}

    def compare(self, replica: str, log: PartitionLog) -> Iterator[str]:
        """What contradicts the rest in one replica's log, unless that has not changed since it was compared last."""
        state = log.segments.rewrites, log.high_watermark, log.log_start
        if log.is_offline or self._seen.get(replica) == state:
            return
        try:
            there = contents(log, log.high_watermark)
        except CorruptRecords as error:
            yield f"cannot be read: {error}"
            return
        self._seen[replica] = state
        self._unchecked[replica] = there
        for offset, found in there.items():
            known = self.known.setdefault(offset, found)
            if known.content != found.content:
                yield f"{offset} is {found.content}, and is {known.content} elsewhere"
            if known.status is Status.OPEN:
                self.known[offset] = known._replace(status=found.status)
            elif found.status not in (Status.OPEN, known.status):
                yield f"{offset} is {found.status.name}, and is {known.status.name} elsewhere"

    def missing(
        self, replica: str, log: PartitionLog, logs: Sequence[PartitionLog], now_ms: Timestamp
    ) -> Iterator[str]:
        """Last records of keys that a replica lacks, once all have been compared.

        logs    of all replicas: one that catches up has what another had left when it asked
        """
        there = self._unchecked.pop(replica, None)
        if there is None:
            return
        for key, offset in self.last().items():
            is_due = log.log_start <= offset < log.high_watermark and not self._may_be_gone(self.known[offset], now_ms)
            if is_due and offset not in there and not any(_is_replaced(each, key, offset) for each in logs):
                yield f"{offset}, the last one of its key, is missing: {self.known[offset].content}"

    def last(self) -> dict[bytes, Offset]:
        """The last committed record of each key."""
        return {
            found.key: offset
            for offset, found in sorted(self.known.items())
            if found.key is not None and found.status is Status.COMMITTED
        }

    def _may_be_gone(self, found: Found, now_ms: Timestamp) -> bool:
        if found.value is not None:
            return False
        return not self._clocks_agree or found.timestamp is None or now_ms >= found.timestamp + DELETE_RETENTION_MS


def _is_replaced(log: PartitionLog, key: bytes, offset: Offset) -> bool:
    """Whether a record is replaced by a later one that is committed, above the high watermark perhaps.

    High watermarks go back when a broker starts again, and when another leads; what was cleaned before stays cleaned.
    """
    found = contents(log, log.log_end)
    return any(each > offset and its.key == key and its.status is Status.COMMITTED for each, its in found.items())


def missing(writer: KeyedWriter, logs: Mapping[TopicPartition, PartitionLog], remains: "AllRemains") -> Iterator[str]:
    """Keys whose last acknowledged value, or a later one, no leader has any more."""
    for tag, (number, offset) in writer.places.items():
        if offset is None or writer.outcomes.get(tag) not in ("sent", "committed"):
            continue
        partition = TopicPartition(COMPACTED, number)
        key, value = writer.sent[tag]
        known = remains[partition]
        last = known.last().get(key)
        if offset < logs[partition].log_start:
            continue
        if last is None or last < offset:
            yield f"{writer.name}: {partition} {offset} was acknowledged for {key!r}, and the last one seen is {last}"
        elif offset in known.known and known.known[offset].content != (key, value):
            yield f"{writer.name}: {partition} {offset} is {known.known[offset].content}, and {value!r} was sent"


AllRemains = defaultdict[TopicPartition, Remains]


def check_reader(reader: Reader, remains: AllRemains, *, committed: bool) -> Iterator[str]:
    """In order, and only what was written; of committed records, nothing that was aborted."""
    last: dict[tuple[TopicPartition, int], int] = {}
    for chunk in reader.chunks:
        known = remains[chunk.partition].known
        for offset, value in chunk.records:
            if offset <= last.get((chunk.partition, chunk.span), -1):
                yield f"{reader.name}: {chunk.partition} {offset} came after {last[chunk.partition, chunk.span]}"
            last[chunk.partition, chunk.span] = offset
            if (found := known.get(offset)) is None:
                continue  # it was cleaned away before anybody looked
            if (found.value or b"") != value:
                yield f"{reader.name}: {chunk.partition} {offset} was {value!r}, and is {found.value!r}"
            if committed and found.status is Status.ABORTED:
                yield f"{reader.name}: {chunk.partition} {offset} was read, and is of an aborted transaction"


def unread(
    reader: Reader, logs: Mapping[TopicPartition, PartitionLog], remains: AllRemains
) -> Sequence[tuple[TopicPartition, Offset]]:
    """Last values of keys that a reader has not seen, which began at the beginning."""
    seen = {(chunk.partition, offset) for chunk in reader.chunks for offset, _ in chunk.records}
    return [
        (partition, offset)
        for partition, log in logs.items()
        for offset in remains[partition].last().values()
        if offset >= log.log_start and remains[partition].known[offset].value is not None
        if (partition, offset) not in seen
    ]


def drawn_writers(run: Run, chance: random.Random, settings: Mapping[str, str]) -> list[KeyedWriter]:
    """One or two writers, of which some write in transactions."""
    found: list[KeyedWriter] = []
    for number in range(chance.randint(1, 2)):
        own = {**settings, "batch.size": chance.choice(["100", "300"]), "linger.ms": chance.choice(["0", "5"])}
        make = KeyedWriter
        if chance.random() < 0.5:
            own |= {"transactional.id": f"K{number}", "transaction.timeout.ms": "10000"}
            own |= {"delivery.timeout.ms": "20000", "enable.idempotence": "true"}
            make = TransactionalKeyedWriter
        pause = chance.choice([0.05, 0.2, 0.5])
        found.append(make(run, f"K{number}", chance.choice([60, 150, 300]), own, pause=pause))
    return found
