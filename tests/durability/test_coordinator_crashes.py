"""Both coordinators over logs on a disk that dies, fails or runs full at any step, compared with a model.

A history commits offsets, by themselves and in transactions that end either way. Whatever was acknowledged must be
there after the next start, when the coordinators have read their logs again: the offsets of a transaction if it was
committed, none of them if it was not.
"""

import asyncio
import contextlib
import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pykafka_cli.broker.coordinator.group.coordinator import GroupCoordinator
from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.coordinator.group.shard import Committer
from pykafka_cli.broker.coordinator.transaction.coordinator import PATIENCE_S, PAUSE_S, TransactionCoordinator
from pykafka_cli.broker.coordinator.transaction.markers import Marker
from pykafka_cli.broker.errors import BrokerError, ConcurrentTransactions
from pykafka_cli.broker.log.cleaner import LogCleaner
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.broker.log.recovery import load_log
from pykafka_cli.model import LeaderEpoch, Milliseconds, Offset, ProducerId, ProducerIdAndEpoch, TopicPartition
from pykafka_cli.properties.broker_keys.coordinator import CoordinatorKeys
from tests.fakes.clock import FakeClock
from tests.fakes.files import Crash, MemoryFiles
from tests.support.event_loop import settle
from tests.support.logs import NOW_MS, broker_settings, topic_config

OFFSETS, STATE = TopicPartition("__consumer_offsets", 0), TopicPartition("__transaction_state", 0)
READ = [TopicPartition("orders", number) for number in range(2)]
GROUP, OTHER_GROUP, GROUP_IN_TRANSACTIONS = "readers", "others", "transacted"
TRANSACTIONAL_ID = "mover"
CONFIG = topic_config(
    cleanup_policy="compact",
    min_cleanable_dirty_ratio=0,
    segment_bytes=600,
    segment_index_bytes=200,
    index_interval_bytes=100,
)

Offsets = dict[tuple[str, TopicPartition], int]


class LogWriter:
    """The logs of the two partitions as the coordinators see them, on a broker that has no other replicas."""

    def __init__(self, files: MemoryFiles, clock: FakeClock) -> None:
        self.logs = {partition: self._open(files, clock, partition) for partition in (OFFSETS, STATE)}
        for log in self.logs.values():
            log.set_high_watermark(log.log_end)

    @staticmethod
    def _open(files: MemoryFiles, clock: FakeClock, partition: TopicPartition) -> PartitionLog:
        files.make_directory(f"/logs/{partition}")
        return load_log(
            files,
            Path(f"/logs/{partition}"),
            partition,
            CONFIG,
            clock=clock,
            had_clean_shutdown=False,
            recovery_point=Offset(0),
            log_start=Offset(0),
            producer_expiration_ms=Milliseconds(86_400_000),
        )

    def append_records(self, partition: TopicPartition, batch: bytearray) -> Offset:
        log = self.logs[partition]
        info = log.append_as_leader(batch, leader_epoch=LeaderEpoch(0), now_ms=NOW_MS, origin=AppendOrigin.COORDINATOR)
        log.advance_high_watermark(log.log_end)
        return info.last_offset

    async def replicated(self, partition: TopicPartition, offset: Offset, timeout_ms: int) -> None:  # noqa: ARG002
        assert self.high_watermark(partition) > offset

    def read(self, partition: TopicPartition, start: int) -> bytes:
        log = self.logs[partition]
        return log.read(Offset(start), max_bytes=1 << 20, up_to=log.log_end, min_one_batch=True).records

    def log_start(self, partition: TopicPartition) -> Offset:
        return self.logs[partition].log_start

    def log_end(self, partition: TopicPartition) -> Offset:
        return self.logs[partition].log_end

    def high_watermark(self, partition: TopicPartition) -> Offset:
        return self.logs[partition].high_watermark


class Coordinators:
    """A broker's two coordinators, as they are after a start on this disk."""

    def __init__(self, files: MemoryFiles) -> None:
        self._clock = clock = FakeClock(NOW_MS)
        keys = CoordinatorKeys([])
        self.writer = LogWriter(files, clock)
        self.groups = GroupCoordinator(keys, clock, self.writer, lambda: 1)
        self.transactions = TransactionCoordinator(
            keys, clock, self.writer, lambda: 1, self._next_producer_id, self, write_timeout_ms=Milliseconds(1000)
        )
        self._cleaner = LogCleaner(broker_settings(), clock, files, self._at_once)

    async def start(self) -> None:
        self.groups.start()
        self.transactions.start()
        self.groups.on_leadership([(OFFSETS, LeaderEpoch(0))], [])
        self.transactions.on_leadership([(STATE, LeaderEpoch(0))], [])
        await settle()

    def stop(self) -> None:
        self.groups.close()
        self.transactions.close()

    async def clean(self) -> None:
        for log in self.writer.logs.values():
            log.roll()
        while await self._cleaner.clean_dirtiest(list(self.writer.logs.values())):
            pass

    @property
    def is_offline(self) -> bool:
        """Whether a log takes nothing any more, markers included; its broker would not lead the partition any more."""
        return any(log.is_offline for log in self.writer.logs.values())

    async def producer(self) -> ProducerIdAndEpoch:
        """The transactional id's producer, with a new epoch; a transaction that was open is aborted.

        raises  ConcurrentTransactions where that one can never end
        """
        while True:
            try:
                return await self.transactions.init_producer(TRANSACTIONAL_ID, Milliseconds(60_000), None)
            except ConcurrentTransactions:
                if self.is_offline:
                    raise
                self._clock.advance(PAUSE_S)  # what there was no room for is tried again then
                await settle()

    async def add_offsets(self, producer: ProducerIdAndEpoch) -> None:
        """Begin a transaction; the last one may have to be completed first, and there may be no room for that.

        raises  ConcurrentTransactions
        """
        adding = asyncio.ensure_future(self.transactions.add_partitions(TRANSACTIONAL_ID, producer, [OFFSETS]))
        await settle()
        if not adding.done():
            self._clock.advance(PATIENCE_S)
        await adding

    def committed(self) -> Offsets:
        return {
            (group, partition): value.offset
            for group in (GROUP, OTHER_GROUP, GROUP_IN_TRANSACTIONS)
            for partition, value in self.groups.fetch_offsets(group, READ, require_stable=True).items()
            if value is not None
        }

    # As the transaction coordinator's markers.

    async def write(self, marker: Marker, partitions: Iterable[TopicPartition]) -> None:
        for _ in partitions:
            while True:
                try:
                    await self.groups.end_transaction(
                        OFFSETS.partition,
                        marker.producer_id,
                        marker.producer_epoch,
                        committed=marker.committed,
                        coordinator_epoch=marker.coordinator_epoch,
                    )
                    break
                except BrokerError:  # there is no room; the real ones also retry
                    await asyncio.sleep(0)

    def close(self) -> None: ...

    async def _next_producer_id(self) -> ProducerId:
        return ProducerId(7)

    @staticmethod
    async def _at_once(action: Any) -> Any:
        return action()


@dataclass
class Model:
    """`possible`: what may be committed if the operation under way is the last one."""

    committed: Offsets = field(default_factory=dict)
    pending: Offsets = field(default_factory=dict)
    possible: list[Offsets] = field(default_factory=lambda: [{}])


class History:
    def __init__(self, coordinators: Coordinators) -> None:
        self.coordinators, self.model = coordinators, Model()
        self.producer: ProducerIdAndEpoch | None = None
        self.next_offset = 0

    async def commit(self, partitions: Sequence[TopicPartition]) -> None:
        offsets = self._offsets(GROUP, partitions)
        self.model.possible = [self.model.committed, self.model.committed | offsets]
        await self._commit(offsets, None)
        self.model.committed = self.model.committed | offsets

    async def commit_together(self, partitions: Sequence[TopicPartition]) -> None:
        """Two groups in one turn of the event loop."""
        offsets = [self._offsets(group, partitions) for group in (GROUP, OTHER_GROUP)]
        after = self.model.committed | offsets[0] | offsets[1]
        self.model.possible = [self.model.committed, after]
        outcomes = await asyncio.gather(*(self._commit(each, None) for each in offsets), return_exceptions=True)
        if error := next((each for each in outcomes if each is not None), None):
            raise error
        self.model.committed = after

    async def commit_in_transaction(self, partitions: Sequence[TopicPartition]) -> None:
        if self.producer is None:
            self.producer = await self.coordinators.producer()
        offsets = self._offsets(GROUP_IN_TRANSACTIONS, partitions)
        await self.coordinators.add_offsets(self.producer)
        await self._commit(offsets, self.producer)
        self.model.pending |= offsets

    async def end_transaction(self, committed: bool) -> None:
        if self.producer is None or not self.model.pending:
            return
        after = self.model.committed | self.model.pending if committed else self.model.committed
        self.model.possible = [self.model.committed, after]
        await self.coordinators.transactions.end(TRANSACTIONAL_ID, self.producer, committed=committed)
        self.model.committed, self.model.pending = after, {}
        await settle()

    async def compact(self) -> None:
        await self.coordinators.clean()

    async def run(self, step: tuple[Any, ...]) -> None:
        self.model.possible = [self.model.committed]
        await getattr(self, step[0])(*step[1:])
        self.model.possible = [self.model.committed]

    def _offsets(self, group: str, partitions: Sequence[TopicPartition]) -> Offsets:
        self.next_offset += 1
        return {(group, partition): self.next_offset for partition in partitions}

    async def _commit(self, offsets: Offsets, producer: ProducerIdAndEpoch | None) -> None:
        """raises BrokerError, also for one of the partitions"""
        (group,) = {group for group, _ in offsets}
        values = {
            partition: OffsetCommitValue(offset=Offset(offset), metadata="", commit_timestamp=NOW_MS)
            for (_, partition), offset in offsets.items()
        }
        answers = await self.coordinators.groups.commit(group, Committer(), values, producer)
        if error := next((each for each in answers.values() if each is not None), None):
            raise error


some_partitions = st.lists(st.sampled_from(READ), min_size=1, max_size=2, unique=True)
operations = st.one_of(
    st.tuples(st.just("commit"), some_partitions),
    st.tuples(st.just("commit_together"), some_partitions),
    st.tuples(st.just("commit_in_transaction"), some_partitions),
    st.tuples(st.just("end_transaction"), st.booleans()),
    st.tuples(st.just("compact")),
)
histories = st.lists(operations, min_size=1, max_size=14)


async def committed_after_a_start(files: MemoryFiles) -> Offsets:
    again = Coordinators(files)
    await again.start()
    await again.producer()  # and what was left open is aborted
    await settle()
    committed = again.committed()
    again.stop()
    return committed


@given(steps=histories, fail_at=st.integers(1, 120), error=st.sampled_from([None, errno.EIO]))
@settings(deadline=None, max_examples=200)
def test_after_a_crash_and_after_a_disk_error_what_was_acknowledged_is_there(
    steps: list[tuple[Any, ...]], fail_at: int, error: int | None
) -> None:
    asyncio.run(survive(steps, fail_at, Crash() if error is None else OSError(error, "it failed")))


async def survive(steps: list[tuple[Any, ...]], fail_at: int, failure: BaseException) -> None:
    files = MemoryFiles()
    coordinators = Coordinators(files)
    await coordinators.start()
    history = History(coordinators)
    files.fail_at(fail_at, failure)
    with contextlib.suppress(Crash, BrokerError):
        for step in steps:
            await history.run(step)
    coordinators.stop()

    assert await committed_after_a_start(files.restarted()) in history.model.possible


@given(steps=histories, full_at=st.integers(1, 120), times=st.integers(1, 3))
@settings(deadline=None, max_examples=200)
def test_a_full_disk_rejects_and_the_coordinators_continue(
    steps: list[tuple[Any, ...]], full_at: int, times: int
) -> None:
    asyncio.run(run_full(steps, full_at, times))


async def run_full(steps: list[tuple[Any, ...]], full_at: int, times: int) -> None:
    files = MemoryFiles()
    coordinators = Coordinators(files)
    await coordinators.start()
    history = History(coordinators)
    files.fail_at(full_at, OSError(errno.ENOSPC, "No space left on device"), times=times)
    for step in steps:
        with contextlib.suppress(BrokerError):
            await history.run(step)
    await settle()
    files.fail_at(1, times=0)
    if not coordinators.is_offline:
        await coordinators.producer()
        await settle()
        assert coordinators.committed() == history.model.committed
    coordinators.stop()

    assert await committed_after_a_start(files.restarted()) in history.model.possible
