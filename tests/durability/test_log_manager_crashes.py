"""All logs of a broker through random histories that end in a crash at any step of the disk, compared with a model.

Here the broker starts again from the files alone: recovery points, log starts and the mark of a clean stop are what the
checkpoints say, whatever became of those. Two directories, three partitions; what is done in threads is done at once,
so that a history is the same each time.
"""

import asyncio
import contextlib
import errno
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pykafka_cli.broker.errors import KafkaStorageError
from pykafka_cli.broker.log.log_manager import LogManager
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.model import BrokerId, LeaderEpoch, Offset, TopicPartition
from pykafka_cli.protocol.records import Record, build_batch
from tests.fakes.clock import FakeClock
from tests.fakes.files import Crash, MemoryFiles
from tests.support.event_loop import settle
from tests.support.logs import NOW_MS, broker_settings, read_all, topic_config

PARTITIONS = [TopicPartition("orders", number) for number in range(3)]
CONFIG = topic_config(segment_bytes=300, index_interval_bytes=100, segment_index_bytes=200, file_delete_delay_ms=1000)


class Logs(LogManager):
    """Does in the loop what is meant for threads."""

    async def _in_thread(self, action: Callable[[], Any]) -> Any:
        return action()


def logs_on(files: MemoryFiles, clock: FakeClock) -> Logs:
    directories = broker_settings(log_dirs="/a,/b")
    return Logs(directories, clock, lambda _topic: CONFIG, broker_id=BrokerId(0), cluster_id="c", files=files)


@dataclass
class Model:
    """What must be in one log. `starts`: where it may begin after a crash, a deletion being written down later."""

    records: dict[int, bytes] = field(default_factory=dict)
    ever_written: set[tuple[int, bytes]] = field(default_factory=set)
    end: int = 0
    synced_end: int = 0
    start: int = 0
    possible_ends: set[int] = field(default_factory=lambda: {0})


class History:
    def __init__(self, files: MemoryFiles) -> None:
        self.files, self.clock = files, FakeClock(NOW_MS)
        self.logs = logs_on(files, self.clock)
        self.models: dict[TopicPartition, Model] = {}

    def log(self, partition: TopicPartition) -> PartitionLog:
        """The partition's log, which begins to exist with this if it does not yet."""
        is_new = partition not in self.models
        self.models.setdefault(partition, Model())
        return self.logs.get_or_create(partition, uuid.UUID(int=partition.partition), is_new=is_new)

    async def append(self, partition: TopicPartition, size: int) -> None:
        log, model = self.log(partition), self.models[partition]
        value = b"%d:" % model.end + b"x" * size
        model.ever_written.add((model.end, value))
        model.records[model.end] = value
        model.possible_ends = {model.end, model.end + 1}
        log.append_as_leader(
            build_batch([Record(Offset(0), NOW_MS, b"k", value)]), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS
        )
        model.end += 1
        log.advance_high_watermark(log.log_end)

    async def flush(self, partition: TopicPartition) -> None:
        log, model = self.log(partition), self.models[partition]
        await self.logs.flush(log)
        self.files.ensure_alive()
        model.synced_end = model.end

    async def roll(self, partition: TopicPartition) -> None:
        self.log(partition).roll()
        await settle()

    async def truncate(self, partition: TopicPartition, share: float) -> None:
        log, model = self.log(partition), self.models[partition]
        target = max(int(model.end * share), model.start)
        model.possible_ends = set(range(model.end + 1))
        synced_end, model.synced_end = model.synced_end, 0
        model.end = log.truncate_to(Offset(target))
        model.records = {offset: value for offset, value in model.records.items() if offset < model.end}
        await settle()  # the recovery point is written down; until then a loss of power may find the old one
        self.files.ensure_alive()
        model.synced_end = min(synced_end, model.end)

    async def delete_records(self, partition: TopicPartition, share: float) -> None:
        log, model = self.log(partition), self.models[partition]
        model.start = max(model.start, int(model.end * share))
        log.advance_log_start(Offset(model.start))
        log.delete_old_segments()

    async def pass_time(self, seconds: int) -> None:
        self.clock.advance(seconds)
        await settle()

    async def stop_and_start(self) -> None:
        await self.logs.shutdown()
        self.files.ensure_alive()
        for model in self.models.values():
            model.synced_end = model.end
        self.logs = logs_on(self.files, self.clock)
        await self.logs.start()

    async def run(self, steps: list[tuple[Any, ...]]) -> None:
        await self.logs.start()
        for name, *arguments in steps:
            for model in self.models.values():
                model.possible_ends = {model.end}
            await getattr(self, name)(*arguments)
        for model in self.models.values():
            model.possible_ends = {model.end}


partitions, shares = st.sampled_from(PARTITIONS), st.floats(0, 1)
operations = st.one_of(
    st.tuples(st.just("append"), partitions, st.integers(0, 60)),
    st.tuples(st.just("append"), partitions, st.integers(0, 60)),
    st.tuples(st.just("flush"), partitions),
    st.tuples(st.just("roll"), partitions),
    st.tuples(st.just("truncate"), partitions, shares),
    st.tuples(st.just("delete_records"), partitions, shares),
    st.tuples(st.just("pass_time"), st.sampled_from([1, 10, 70])),
    st.tuples(st.just("stop_and_start")),
)


def check(log: PartitionLog | None, model: Model, *, lost_power: bool) -> None:
    """The log has the model's records between its start and its end; nothing that never was; more can be written."""
    if log is None:
        assert model.synced_end == 0
        assert 0 in model.possible_ends or lost_power
        return
    if lost_power:
        assert log.log_end >= model.synced_end
    else:
        assert log.log_end in model.possible_ends
    assert log.log_start <= max(model.start, log.log_end)
    there = range(log.log_start, model.synced_end if lost_power else log.log_end)
    found = {record.offset: record.value for record in read_all(log)}
    expected = {offset: value for offset, value in model.records.items() if offset in there}
    assert {offset: value for offset, value in found.items() if offset in there} == expected
    assert found.items() <= model.ever_written
    offset = log.append_as_leader(
        build_batch([Record(Offset(0), NOW_MS, b"k", b"new")]), leader_epoch=LeaderEpoch(1), now_ms=NOW_MS
    )
    assert read_all(log)[-1].value == b"new"
    model.records[offset.first_offset] = b"new"
    model.ever_written.add((offset.first_offset, b"new"))
    model.end = offset.last_offset + 1
    model.possible_ends = {model.end}


async def survive(steps: list[tuple[Any, ...]], crash_at: int, chance: random.Random | None) -> None:
    files = MemoryFiles()
    history = History(files)
    files.fail_at(crash_at)
    with contextlib.suppress(Crash):
        await history.run(steps)
    again = logs_on(files.restarted(lost_power=chance), history.clock)
    await again.start()
    for partition, model in history.models.items():
        check(again.get(partition), model, lost_power=chance is not None)
    await again.shutdown()


@given(steps=st.lists(operations, min_size=1, max_size=12), crash_at=st.integers(1, 250))
@settings(deadline=None, max_examples=150)
def test_after_kill_9_a_broker_has_everything_that_was_acknowledged(
    steps: list[tuple[Any, ...]], crash_at: int
) -> None:
    asyncio.run(survive(steps, crash_at, None))


@given(
    steps=st.lists(operations, min_size=1, max_size=12),
    crash_at=st.integers(1, 250),
    chance=st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=150)
def test_after_a_loss_of_power_a_broker_has_everything_that_was_synced(
    steps: list[tuple[Any, ...]], crash_at: int, chance: random.Random
) -> None:
    asyncio.run(survive(steps, crash_at, chance))


@given(steps=st.lists(operations, min_size=1, max_size=12), fail_at=st.integers(1, 150))
@settings(deadline=None, max_examples=100)
def test_a_disk_error_takes_one_directory_and_the_other_continues(steps: list[tuple[Any, ...]], fail_at: int) -> None:
    asyncio.run(fail_once(steps, fail_at))


async def fail_once(steps: list[tuple[Any, ...]], fail_at: int) -> None:
    files = MemoryFiles()
    history = History(files)
    files.fail_at(fail_at, OSError(errno.EIO, "Input/output error"))
    with contextlib.suppress(KafkaStorageError):
        await history.run(steps)
    await settle()
    files.fail_at(1, times=0)

    assert sum(usage.error is not None for usage in history.logs.usages()) <= 1
    for partition, model in history.models.items():
        if (log := history.logs.get(partition)) is not None and len(model.possible_ends) == 1:
            check(log, model, lost_power=False)

    again = logs_on(files.restarted(), history.clock)
    await again.start()
    for partition, model in history.models.items():
        check(again.get(partition), model, lost_power=False)
    await again.shutdown()
