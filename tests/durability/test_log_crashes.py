"""A partition's log through random histories that end in a crash at any step of the disk, compared with a model.

kill -9        what was written is there
loss of power  of what was not synced, any beginning is there
disk error     the log goes offline, the broker is started again
full disk      an operation is rejected, the log continues
"""

import contextlib
import errno
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pykafka_cli.broker.errors import KafkaStorageError
from pykafka_cli.broker.log.cleaner import LogCleaner
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.model import LeaderEpoch, Offset, Timestamp
from pykafka_cli.protocol.records import ControlType, Record, build_batch
from tests.fakes.clock import FakeClock
from tests.fakes.files import Crash, MemoryFiles
from tests.support.logs import NOW_MS, broker_settings, marker, open_log, read_all

SETTINGS: dict[str, Any] = {"segment_bytes": 400, "index_interval_bytes": 100, "segment_index_bytes": 200}
PRODUCER = 7


@dataclass
class Model:
    """What must be in the log."""

    records: dict[int, bytes] = field(default_factory=dict)
    ever_written: set[tuple[int, bytes]] = field(default_factory=set)
    end: int = 0
    synced_end: int = 0
    recovery_point: int = 0
    start: int = 0
    """What is below was deleted, and may be back after a crash."""
    possible_ends: set[int] = field(default_factory=lambda: {0})
    """Where the log may end after a crash in the middle of the operation under way."""


class History:
    """Carries out operations on a log and on the model."""

    def __init__(self, files: MemoryFiles) -> None:
        self.files, self.model = files, Model()
        self.clock = FakeClock(NOW_MS)
        self.sequence = self.leader_epoch = 0
        self.log: PartitionLog = open_log(files, clock=self.clock, **SETTINGS)

    def append(self, sizes: list[int], *, transactional: bool = False) -> None:
        model = self.model
        values = [b"%d:" % (model.end + index) + b"x" * size for index, size in enumerate(sizes)]
        epoch = b"%d" % self.leader_epoch  # as the key: one record may have been written twice
        records = [
            Record(Offset(index), Timestamp(NOW_MS + model.end + index), epoch, value)
            for index, value in enumerate(values)
        ]
        producer: dict[str, Any] = {"producer_id": PRODUCER, "producer_epoch": 0, "base_sequence": self.sequence}
        data = build_batch(records, transactional=transactional, **(producer if transactional else {}))
        model.records |= {model.end + index: value for index, value in enumerate(values)}
        model.ever_written |= model.records.items()
        model.possible_ends = {model.end, model.end + len(values)}
        self.log.append_as_leader(data, leader_epoch=LeaderEpoch(self.leader_epoch), now_ms=NOW_MS)
        model.end += len(values)
        self.sequence += len(values) if transactional else 0

    def end_transaction(self, kind: ControlType) -> None:
        self.model.possible_ends = {self.model.end, self.model.end + 1}
        self.log.append_as_leader(
            marker(kind, producer=PRODUCER),
            leader_epoch=LeaderEpoch(self.leader_epoch),
            now_ms=NOW_MS,
            origin=AppendOrigin.COORDINATOR,
        )
        self.model.end += 1

    def elect(self) -> None:
        self.leader_epoch += 1

    def roll(self) -> None:
        self.log.roll()

    def flush(self) -> None:
        plan = self.log.begin_flush()
        plan.run()
        self.log.finish_flush(plan)
        self.model.synced_end = self.model.recovery_point = self.model.end

    def truncate(self, share: float) -> None:
        model, end = self.model, self.model.end
        target = int(end * share)
        model.possible_ends = set(range(model.end + 1))  # any whole batch may be the last one
        synced_end, model.synced_end = model.synced_end, 0  # while it lasts, anything may be gone
        model.end = self.log.truncate_to(Offset(target))
        # An empty log has nothing but a name, which is not synced.
        model.synced_end = min(synced_end, model.end) if self.log.segments.size_in_bytes else 0
        model.recovery_point = min(model.recovery_point, model.end)
        if target < end:
            left = model.end if self.log.segments.size_in_bytes else 0
            model.records = {offset: value for offset, value in model.records.items() if offset < left}
        known = [each for each in self.log.active_producers() if each.producer_id == PRODUCER]
        self.sequence = known[0].last_sequence + 1 if known else 0

    def delete_old(self, share: float) -> None:
        self.log.advance_high_watermark(self.log.log_end)
        start = int(self.log.log_end * share)
        self.model.start = max(self.model.start, start)
        self.log.advance_log_start(Offset(start))
        self.log.delete_old_segments()

    def stop_and_start(self) -> None:
        log_start = self.log.log_start
        self.log.close()
        self.flush()
        self.log = open_log(self.files, clock=self.clock, log_start=log_start, **SETTINGS)

    def fill_disk(self, room: int, sizes: list[int]) -> None:
        self.files.room = room
        before, known = self.model.end, dict(self.model.records)
        try:
            self.append(sizes)
        except KafkaStorageError:
            if self.log.is_offline:
                raise
            self.model.end, self.model.records = before, known
        finally:
            self.files.room = None


sizes = st.lists(st.integers(0, 60), min_size=1, max_size=3)
shares = st.floats(0, 1)
operations = st.one_of(
    st.tuples(st.just("append"), sizes),
    st.tuples(st.just("append"), sizes),
    st.tuples(st.just("append_transactional"), sizes),
    st.tuples(st.just("end_transaction"), st.sampled_from(ControlType)),
    st.tuples(st.just("elect")),
    st.tuples(st.just("roll")),
    st.tuples(st.just("flush")),
    st.tuples(st.just("truncate"), shares),
    st.tuples(st.just("delete_old"), shares),
    st.tuples(st.just("stop_and_start")),
    st.tuples(st.just("fill_disk"), st.integers(0, 300), sizes),
)


def run(history: History, steps: list[tuple[Any, ...]]) -> None:
    for name, *arguments in steps:
        history.model.possible_ends = {history.model.end}
        if name == "append_transactional":
            history.append(*arguments, transactional=True)
        else:
            getattr(history, name)(*arguments)
        assert history.log.log_end == history.model.end
    history.model.possible_ends = {history.model.end}


def check(log: PartitionLog, model: Model, *, unsynced_is_there: bool = True) -> None:
    """The log has every record of the model, from its start to its end; each can be found, and more can be written."""
    found = read_all(log)
    there = range(log.log_start, log.log_end) if unsynced_is_there else range(model.start, model.synced_end)
    expected = {offset: value for offset, value in model.records.items() if offset in there}
    assert {record.offset: record.value for record in found if record.offset in there} == expected
    assert {(record.offset, record.value) for record in found} <= model.ever_written
    for record in found:
        assert read_all(log, record.offset)[0] == record
        if record.offset >= model.start and record.value == model.records.get(record.offset):
            assert record.key is not None
            assert log.epochs.epoch_for_offset(record.offset) == int(record.key)
    newest = log.max_timestamp_offset()
    assert newest is None or newest.offset <= log.log_end
    offset = log.append_as_leader(
        build_batch([Record(Offset(0), NOW_MS, b"k", b"new")]), leader_epoch=LeaderEpoch(99), now_ms=NOW_MS
    )
    assert read_all(log)[-1].offset == offset.first_offset
    assert log.end_offset_for_epoch(LeaderEpoch(99)) == (99, log.log_end)


@given(steps=st.lists(operations, min_size=1, max_size=14))
@settings(deadline=None, max_examples=150)
def test_a_log_without_a_crash_is_what_the_model_says(steps: list[tuple[Any, ...]]) -> None:
    history = History(MemoryFiles())

    run(history, steps)

    check(history.log, history.model)


@given(steps=st.lists(operations, min_size=1, max_size=10), crash_at=st.integers(1, 120))
@example(steps=[("append", [1]), ("append", [60, 60, 60]), ("append", [60, 60]), ("truncate", 0.1)], crash_at=25)
@settings(deadline=None, max_examples=300)
def test_after_kill_9_everything_that_was_acknowledged_is_there(steps: list[tuple[Any, ...]], crash_at: int) -> None:
    files = MemoryFiles()
    history = History(files)
    files.fail_at(crash_at)
    with contextlib.suppress(Crash):
        run(history, steps)

    model = history.model
    log = open_log(
        files.restarted(),
        had_clean_shutdown=False,
        recovery_point=Offset(model.recovery_point),
        clock=history.clock,
        **SETTINGS,
    )

    assert log.log_end in model.possible_ends
    check(log, model)


@given(
    steps=st.lists(operations, min_size=1, max_size=10),
    crash_at=st.integers(1, 120),
    chance=st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=300)
def test_after_a_loss_of_power_everything_that_was_synced_is_there(
    steps: list[tuple[Any, ...]], crash_at: int, chance: random.Random
) -> None:
    files = MemoryFiles()
    history = History(files)
    files.fail_at(crash_at)
    with contextlib.suppress(Crash):
        run(history, steps)

    model = history.model
    disk = files.restarted(lost_power=chance)
    log = open_log(
        disk, had_clean_shutdown=False, recovery_point=Offset(model.recovery_point), clock=history.clock, **SETTINGS
    )

    assert log.log_end >= model.synced_end
    check(log, model, unsynced_is_there=False)


@given(steps=st.lists(operations, min_size=1, max_size=10), fail_at=st.integers(1, 80))
@settings(deadline=None, max_examples=200)
def test_a_disk_error_loses_nothing_that_was_acknowledged(steps: list[tuple[Any, ...]], fail_at: int) -> None:
    files = MemoryFiles()
    history = History(files)
    files.fail_at(fail_at, OSError(errno.EIO, "Input/output error"))
    try:
        run(history, steps)
    except (KafkaStorageError, OSError):
        assert history.log.is_offline or history.files.steps >= fail_at

    model = history.model
    log = open_log(
        files.restarted(),
        had_clean_shutdown=False,
        recovery_point=Offset(model.recovery_point),
        clock=history.clock,
        **SETTINGS,
    )

    assert log.log_end in model.possible_ends
    check(log, model)


@given(steps=st.lists(operations, min_size=1, max_size=12), full_at=st.integers(1, 80), times=st.integers(1, 3))
@example(  # a segment that can neither be begun nor removed again
    steps=[("append", each) for each in ([0], [0, 0], [0, 0, 20], [0, 0, 47], [0])] + [("stop_and_start",)],
    full_at=8,
    times=2,
)
@example(  # segments that are below the log's start, and cannot be deleted
    steps=[*[("append", [0])] * 6, ("delete_old", 1.0), ("roll",)],
    full_at=26,
    times=3,
)
@settings(deadline=None, max_examples=300)
def test_a_full_disk_rejects_as_a_whole_and_loses_nothing(
    steps: list[tuple[Any, ...]], full_at: int, times: int
) -> None:
    """At any step, not only where bytes are written: names also take room. What it catches half done goes offline."""
    files = MemoryFiles()
    history = History(files)
    files.fail_at(full_at, OSError(errno.ENOSPC, "No space left on device"), times=times)
    for step in steps:
        before = deepcopy(history.model)
        try:
            run(history, [step])
        except OSError:  # while it starts, stops or syncs; the directory would be offline then
            break
        except KafkaStorageError:
            if history.log.is_offline:
                break
            before.start = history.model.start  # that holds; only the files of what is below are still there
            history.model = before
            assert history.log.log_end == before.end
    else:
        files.fail_at(1, times=0)  # there is room again
        check(history.log, history.model)
        return

    model = history.model
    log = open_log(
        files.restarted(),
        had_clean_shutdown=False,
        recovery_point=Offset(model.recovery_point),
        clock=history.clock,
        **SETTINGS,
    )
    assert log.log_end in model.possible_ends
    check(log, model)


KEYS = [b"a", b"b", b"c"]


async def cleaned_log(files: MemoryFiles, written: list[tuple[int, int | None]]) -> tuple[PartitionLog, LogCleaner]:
    clock = FakeClock(NOW_MS)
    log = open_log(files, clock=clock, cleanup_policy="compact", min_cleanable_dirty_ratio=0, **SETTINGS)
    for key, value in written:
        record = Record(Offset(0), NOW_MS, KEYS[key], None if value is None else b"%d" % value)
        log.append_as_leader(build_batch([record]), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS)
        if value == 0:
            log.roll()
    log.roll()
    log.set_high_watermark(log.log_end)

    async def at_once(action: Callable[[], Any]) -> Any:
        return action()

    return log, LogCleaner(broker_settings(), clock, files, at_once)


def last_values(log: PartitionLog) -> dict[bytes | None, bytes | None]:
    return {record.key: record.value for record in read_all(log)}


@pytest.mark.parametrize("crash_at", range(1, 60))
@pytest.mark.parametrize("lost_power", [False, True])
async def test_a_crash_while_cleaning_loses_no_keys_last_value(crash_at: int, lost_power: bool) -> None:
    files = MemoryFiles()
    written = [(index % 3, index % 4 or None if index % 5 == 0 else index % 4) for index in range(14)]
    log, cleaner = await cleaned_log(files, written)
    plan = log.begin_flush()
    plan.run()
    expected, end = last_values(log), log.log_end

    files.fail_at(crash_at)
    with contextlib.suppress(Crash):
        await cleaner.clean_dirtiest([log])
    disk = files.restarted(lost_power=random.Random(crash_at) if lost_power else None)
    again = open_log(disk, had_clean_shutdown=False, recovery_point=end, **SETTINGS)

    assert last_values(again) == expected
    assert again.log_end == end
    offsets = [record.offset for record in read_all(again)]
    assert offsets == sorted(set(offsets))


@pytest.mark.parametrize("fail_at", range(1, 60, 2))
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
async def test_an_error_while_cleaning_loses_no_keys_last_value(fail_at: int, error: int) -> None:
    files = MemoryFiles()
    written = [(index % 3, index % 4 or None if index % 5 == 0 else index % 4) for index in range(14)]
    log, cleaner = await cleaned_log(files, written)
    expected, end = last_values(log), log.log_end

    files.fail_at(fail_at, OSError(error, "it failed"))
    await cleaner.clean_dirtiest([log])
    files.fail_at(1, times=0)

    if not log.is_offline:
        assert last_values(log) == expected
        if error == errno.ENOSPC:  # there is room again, which the cleaner sees in the next round
            for _ in range(2):
                while await cleaner.clean_dirtiest([log]):
                    assert last_values(log) == expected
            assert cleaner.offset_of(log) == log.segments.active.base_offset
    again = open_log(files.restarted(), had_clean_shutdown=False, recovery_point=Offset(0), **SETTINGS)
    assert last_values(again) == expected
    assert again.log_end == end
