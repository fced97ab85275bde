import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.broker.log.cleaner import LogCleaner, cleanable
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.recovery import load_log
from pykafka_cli.model import Milliseconds, Offset, Timestamp, TopicPartition
from pykafka_cli.protocol.records import read_header
from pykafka_cli.storage.files import DiskFiles, Files
from tests.fakes.clock import FakeClock
from tests.fakes.files import MemoryFiles
from tests.support.logs import FOLDER, NOW_MS, ORDERS, append, broker_settings, open_log, topic_config, values
from tests.support.recorded_directories import RECORDED, unpacked


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW_MS)


async def at_once(action: Any) -> Any:
    return action()


def cleaner_over(files: Files, clock: FakeClock, run: Any = at_once) -> LogCleaner:
    return LogCleaner(broker_settings(), clock, files, run)


def dirty_log(files: MemoryFiles, clock: FakeClock, **keys: Any) -> PartitionLog:
    """Three segments of two batches of one key, and an empty active one."""
    log = open_log(files, clock=clock, cleanup_policy="compact", **keys)
    for number in range(6):
        append(log, b"%d" % number, timestamp=NOW_MS + number)
        if number % 2:
            log.roll()
    log.advance_high_watermark(Offset(6))
    return log


# When.


def test_a_log_is_dirty_from_where_it_was_cleaned_to_its_active_segment(files: MemoryFiles, clock: FakeClock) -> None:
    found = cleanable(dirty_log(files, clock), clean_up_to=Offset(2), now_ms=NOW_MS)

    assert (found.first_dirty, found.first_uncleanable) == (2, 6)
    assert found.ratio == pytest.approx(2 / 3)


def test_a_log_is_due_when_enough_of_it_is_dirty(files: MemoryFiles, clock: FakeClock) -> None:
    log = dirty_log(files, clock, min_cleanable_dirty_ratio=0.5)

    assert cleanable(log, Offset(2), NOW_MS).is_due
    assert not cleanable(log, Offset(4), NOW_MS).is_due
    assert not cleanable(log, Offset(6), NOW_MS).is_due


def test_max_compaction_lag_makes_a_log_due_whatever_its_share(files: MemoryFiles, clock: FakeClock) -> None:
    log = dirty_log(files, clock, min_cleanable_dirty_ratio=1, max_compaction_lag_ms=1000)

    assert not cleanable(log, Offset(0), Timestamp(NOW_MS + 1000)).is_due
    assert cleanable(log, Offset(0), Timestamp(NOW_MS + 1001)).is_due


def test_min_compaction_lag_keeps_new_records(files: MemoryFiles, clock: FakeClock) -> None:
    log = dirty_log(files, clock, min_compaction_lag_ms=1000)

    assert cleanable(log, Offset(0), Timestamp(NOW_MS + 1002)).first_uncleanable == 2


def test_what_is_not_replicated_is_not_cleaned(files: MemoryFiles, clock: FakeClock) -> None:
    log = dirty_log(files, clock)
    log.set_high_watermark(Offset(3))

    assert cleanable(log, Offset(0), NOW_MS).first_uncleanable == 2


@pytest.mark.parametrize("claimed", [1, 1000])
def test_a_checkpoint_that_cannot_be_true_counts_as_none(files: MemoryFiles, clock: FakeClock, claimed: int) -> None:
    log = dirty_log(files, clock)
    log.advance_log_start(Offset(2))

    assert cleanable(log, Offset(claimed), NOW_MS).first_dirty == 2


async def test_the_dirtiest_log_goes_first(clock: FakeClock) -> None:
    first, second = MemoryFiles(), MemoryFiles()
    clean, dirty = dirty_log(first, clock), dirty_log(second, clock)
    clean.topic_partition, cleaner = TopicPartition("clean", 0), cleaner_over(second, clock)
    cleaner.clean_up_to[clean.topic_partition] = Offset(2)

    assert await cleaner.clean_dirtiest([clean, dirty])

    assert values(dirty) == [b"5"]
    assert len(values(clean)) == 6


async def test_only_compacted_logs_are_cleaned(files: MemoryFiles, clock: FakeClock) -> None:
    log = dirty_log(files, clock)
    log.config = topic_config()

    assert not await cleaner_over(files, clock).clean_dirtiest([log])


def test_a_log_that_was_cut_is_clean_no_further_than_its_end(files: MemoryFiles, clock: FakeClock) -> None:
    log, cleaner = dirty_log(files, clock), cleaner_over(files, clock)
    cleaner.clean_up_to[ORDERS] = Offset(6)

    log.truncate_to(Offset(3))
    cleaner.log_was_cut(log)

    assert cleaner.clean_up_to[ORDERS] == 3


# Disturbances.


def logs_left(files: MemoryFiles) -> list[str]:
    return [name for name in files.names(str(FOLDER)) if ".log" in name]


@pytest.mark.parametrize(
    "disturb",
    [
        lambda log, _: log.truncate_to(3),
        lambda _, cleaner: cleaner.stop(),
        lambda log, _: log.take_offline(),
    ],
    ids=["truncation", "stop", "offline"],
)
async def test_cleaning_is_given_up_when_the_log_changes(files: MemoryFiles, clock: FakeClock, disturb: Any) -> None:
    log = dirty_log(files, clock)

    async def run(action: Callable[[], Any]) -> Any:
        disturb(log, cleaner)
        return action()

    cleaner = cleaner_over(files, clock, run)
    assert not await cleaner.clean_dirtiest([log])

    assert ORDERS not in cleaner.clean_up_to
    assert not [name for name in logs_left(files) if name.endswith(".cleaned")]
    again = open_log(files, clock=clock, cleanup_policy="compact")
    assert values(again) == [b"%d" % number for number in range(log.log_end)]


async def test_a_change_between_the_work_and_the_swap_throws_the_work_away(
    files: MemoryFiles, clock: FakeClock
) -> None:
    log = dirty_log(files, clock)

    async def run(action: Any) -> Any:
        outcome = action()
        if outcome is not None:
            log.truncate_to(Offset(3))
        return outcome

    assert not await cleaner_over(files, clock, run).clean_dirtiest([log])

    assert values(log) == [b"0", b"1", b"2"]
    assert not [name for name in logs_left(files) if name.endswith(".cleaned")]


async def test_a_full_disk_is_tried_again_but_not_at_once(files: MemoryFiles, clock: FakeClock) -> None:
    log, cleaner = dirty_log(files, clock), cleaner_over(files, clock)
    files.room = 10

    assert await cleaner.clean_dirtiest([log])
    assert not await cleaner.clean_dirtiest([log])
    assert len(values(log)) == 6

    files.room = None
    assert await cleaner.clean_dirtiest([log])
    assert values(log) == [b"5"]


async def test_a_damaged_log_is_reported_once_and_left_alone(
    files: MemoryFiles, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    log, cleaner = dirty_log(files, clock), cleaner_over(files, clock)
    path = f"{FOLDER}/00000000000000000002.log"
    files.replace(path, files.read(path)[:8] + b"\0\0\0\1" + files.read(path)[12:])
    log.release()

    await cleaner.clean_dirtiest([log])
    assert not await cleaner.clean_dirtiest([log])

    (message,) = [message for message in caplog.messages if "cannot be cleaned" in message]
    assert message.endswith("will grow until the broker is restarted: batch length 1 is less than its header takes")


async def test_a_disk_error_while_swapping_takes_the_log_offline(files: MemoryFiles, clock: FakeClock) -> None:
    log, cleaner = dirty_log(files, clock), cleaner_over(files, clock)

    async def run(action: Any) -> Any:
        outcome = action()
        if outcome is not None:
            files.fail_at(1, OSError(errno.EIO, "Input/output error"))
        return outcome

    cleaner = cleaner_over(files, clock, run)
    await cleaner.clean_dirtiest([log])

    assert log.is_offline
    assert values(open_log(files.restarted(), had_clean_shutdown=False)) == [b"%d" % number for number in range(6)]


# Against Kafka's own cleaner.


async def test_a_log_is_cleaned_as_kafka_cleaned_it(tmp_path: Path) -> None:
    before = unpacked("before-cleaning", tmp_path) / "compacted-0"
    cleaned = unpacked("clean", tmp_path) / "compacted-0"
    horizon = read_header((cleaned / "00000000000000000018.log").read_bytes(), 81).delete_horizon_ms
    assert horizon is not None
    clock = FakeClock(Timestamp(horizon - 86_400_000))
    log = load_log(
        DiskFiles(),
        before,
        TopicPartition("compacted", 0),
        topic_config(cleanup_policy="compact", min_cleanable_dirty_ratio=0.01, segment_bytes=360, **RECORDED),
        clock=clock,
        had_clean_shutdown=False,
        recovery_point=Offset(0),
        log_start=Offset(0),
        producer_expiration_ms=Milliseconds(86_400_000),
    )
    log.set_high_watermark(Offset(30))

    await cleaner_over(DiskFiles(), clock).clean_dirtiest([log])

    for name in ("00000000000000000000", "00000000000000000009", "00000000000000000018"):
        assert (before / f"{name}.log").read_bytes() == (cleaned / f"{name}.log").read_bytes()
        assert (before / f"{name}.timeindex").read_bytes() == (cleaned / f"{name}.timeindex").read_bytes()
