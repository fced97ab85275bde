from collections.abc import Sequence

import pytest

from pykafka_cli.broker.errors import CorruptMessage, OffsetOutOfRange
from pykafka_cli.broker.log.listener import LogListener
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.validation import UnexpectedAppendOffset
from pykafka_cli.model import LeaderEpoch, Offset, Timestamp
from pykafka_cli.protocol.records import Record, build_batch, read_header, walk
from pykafka_cli.protocol.records.batch import stamp
from pykafka_cli.storage.files import Files
from tests.fakes.clock import FakeClock
from tests.fakes.files import MemoryFiles
from tests.support.logs import FOLDER, NOW_MS, append, batch, open_log, read_all, values


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


@pytest.fixture
def log(files: MemoryFiles) -> PartitionLog:
    return open_log(files)


@pytest.fixture
def segmented(files: MemoryFiles) -> PartitionLog:
    """Ten batches of two records; three batches a segment, every batch but the first of a segment indexed."""
    size = len(batch(b"x" * 50, b"y" * 50))
    log = open_log(files, segment_bytes=3 * size, index_interval_bytes=0)
    for index in range(10):
        append(log, b"x" * 50, b"%050d" % index, timestamp=NOW_MS + index)
    return log


# Appending.


def test_appended_batches_get_consecutive_offsets_and_the_leaders_epoch(log: PartitionLog) -> None:
    append(log, b"a", b"b")
    info = log.append_as_leader(batch(b"c"), leader_epoch=LeaderEpoch(4), now_ms=NOW_MS)

    assert (info.first_offset, info.last_offset, info.record_count, log.log_end) == (2, 2, 1, 3)
    data = log.read(Offset(0), max_bytes=1000, up_to=Offset(3), min_one_batch=True).records
    headers = [header for _, header in walk(data)]
    assert [(header.base_offset, header.leader_epoch) for header in headers] == [(0, 0), (2, 4)]
    assert log.epochs.latest == 4


def test_an_epoch_reaches_the_file_with_its_first_record(files: MemoryFiles, log: PartitionLog) -> None:
    path = f"{FOLDER}/leader-epoch-checkpoint"
    log.begin_epoch(LeaderEpoch(0))
    assert not files.exists(path)
    append(log, b"a")

    log.begin_epoch(LeaderEpoch(3))
    assert log.end_offset_for_epoch(LeaderEpoch(3)) == (3, 1)
    assert files.read(path) == b"0\n1\n0 0\n"
    log.append_as_leader(batch(b"b"), leader_epoch=LeaderEpoch(3), now_ms=NOW_MS)

    assert files.read(path) == b"0\n2\n0 0\n3 1\n"


def test_the_callers_buffer_is_what_is_written(files: MemoryFiles, log: PartitionLog) -> None:
    data = batch(b"a", b"b")

    log.append_as_leader(memoryview(data), leader_epoch=LeaderEpoch(2), now_ms=NOW_MS)

    assert files.read(f"{FOLDER}/00000000000000000000.log") == data


def test_a_full_segment_is_followed_by_another(files: MemoryFiles, segmented: PartitionLog) -> None:
    assert [segment.base_offset for segment in segmented.segments] == [0, 6, 12, 18]
    names = files.names(str(FOLDER))
    assert [name for name in names if name.startswith("00000000000000000006")] == [
        "00000000000000000006.index",
        "00000000000000000006.log",
        "00000000000000000006.snapshot",
        "00000000000000000006.timeindex",
    ]
    assert files.size(f"{FOLDER}/00000000000000000006.index") == 16
    assert files.size(f"{FOLDER}/00000000000000000018.index") == 4096


def test_a_segment_is_rolled_by_the_age_of_its_first_record(files: MemoryFiles) -> None:
    log = open_log(files, segment_ms=1000)
    append(log, b"a", timestamp=NOW_MS)
    append(log, b"b", timestamp=NOW_MS + 1000)
    append(log, b"c", timestamp=NOW_MS + 1001)

    assert [segment.base_offset for segment in log.segments] == [0, 2]


def test_a_segment_is_rolled_by_the_clock_where_records_have_no_time(files: MemoryFiles) -> None:
    log = open_log(files, segment_ms=1000)
    log.append_as_leader(batch(b"a", timestamp=Timestamp(-1)), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS)
    log.append_as_leader(
        batch(b"b", timestamp=Timestamp(-1)), leader_epoch=LeaderEpoch(0), now_ms=Timestamp(NOW_MS + 1001)
    )

    assert [segment.base_offset for segment in log.segments] == [0, 1]


def test_a_segment_is_rolled_when_its_index_is_full(files: MemoryFiles) -> None:
    log = open_log(files, segment_index_bytes=36, index_interval_bytes=0)
    for _ in range(6):
        append(log, b"a")

    assert [segment.base_offset for segment in log.segments] == [0, 5]


def test_flush_messages_asks_for_a_flush(files: MemoryFiles) -> None:
    log = open_log(files, flush_messages=3)

    first = log.append_as_leader(batch(b"a", b"b"), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS)
    second = log.append_as_leader(batch(b"c"), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS)

    assert (first.must_flush, second.must_flush) == (False, True)
    plan = log.begin_flush()
    plan.run()
    log.finish_flush(plan)
    assert log.recovery_point == 3
    assert not log.append_as_leader(batch(b"d"), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS).must_flush


# Following.


def replicated(leader: PartitionLog, start: int = 0) -> bytearray:
    return bytearray(leader.read(Offset(start), max_bytes=1 << 20, up_to=leader.log_end, min_one_batch=True).records)


def test_a_follower_has_the_leaders_bytes(log: PartitionLog) -> None:
    append(log, b"a", b"b")
    log.append_as_leader(batch(b"c"), leader_epoch=LeaderEpoch(3), now_ms=NOW_MS)
    follower = open_log(MemoryFiles())

    info = follower.append_as_follower(replicated(log))

    assert (info.first_offset, info.last_offset, info.record_count) == (0, 2, 3)
    assert replicated(follower) == replicated(log)
    assert follower.epochs.entries == log.epochs.entries == [(0, 0), (3, 2)]


def test_a_follower_rolls_where_the_batches_no_longer_fit(segmented: PartitionLog) -> None:
    follower = open_log(MemoryFiles(), segment_bytes=400)

    for start in (0, 6, 12, 18):
        follower.append_as_follower(replicated(segmented, start))

    assert read_all(follower) == read_all(segmented)
    assert all(segment.size <= 400 for segment in follower.segments)


def test_a_truncated_batch_waits_for_the_next_fetch(log: PartitionLog) -> None:
    append(log, b"a")
    append(log, b"b")
    follower = open_log(MemoryFiles())

    follower.append_as_follower(replicated(log)[:-5])

    assert follower.log_end == 1


def test_a_follower_rejects_what_lies_before_its_end(log: PartitionLog) -> None:
    append(log, b"a")
    follower = open_log(MemoryFiles())
    follower.append_as_follower(replicated(log))

    with pytest.raises(UnexpectedAppendOffset) as refusal:
        follower.append_as_follower(replicated(log))
    assert (refusal.value.first_offset, refusal.value.last_offset) == (0, 0)


def test_a_follower_rejects_a_wrong_checksum(log: PartitionLog) -> None:
    append(log, b"a")
    data = replicated(log)
    data[-1] ^= 1

    with pytest.raises(CorruptMessage):
        open_log(MemoryFiles()).append_as_follower(data)


def test_a_follower_may_begin_at_any_offset() -> None:
    follower = open_log(MemoryFiles())
    data = batch(b"a")
    stamp(data, 0, base_offset=Offset(1000), leader_epoch=LeaderEpoch(0))

    follower.append_as_follower(data)

    assert follower.log_end == 1001
    assert read_all(follower, 5)[0].offset == 1000


# Reading.


@pytest.mark.parametrize("max_bytes", [1, 200, 10_000])
@pytest.mark.parametrize("start", range(21))
def test_reading_from_any_offset_gives_all_that_follows(segmented: PartitionLog, start: int, max_bytes: int) -> None:
    found = read_all(segmented, start, max_bytes=max_bytes)

    assert [record.offset for record in found] == list(range(start, 20))


def test_a_batch_is_given_whole_also_from_its_middle(log: PartitionLog) -> None:
    append(log, b"a", b"b", b"c")

    data = log.read(Offset(1), max_bytes=1000, up_to=Offset(3), min_one_batch=True)

    assert read_header(data.records).base_offset == 0
    assert data.next_offset == 3


@pytest.mark.parametrize("up_to", range(21))
def test_nothing_is_read_from_the_bound_on(segmented: PartitionLog, up_to: int) -> None:
    offset, found = 0, []
    while (data := segmented.read(Offset(offset), max_bytes=1 << 20, up_to=Offset(up_to), min_one_batch=True)).records:
        found += [header.last_offset for _, header in walk(data.records)]
        offset = data.next_offset

    assert found == list(range(1, up_to, 2))


def test_a_first_batch_that_is_too_large_is_given_only_when_asked_for(segmented: PartitionLog) -> None:
    assert segmented.read(Offset(0), max_bytes=10, up_to=Offset(20), min_one_batch=False).records == b""
    assert len(segmented.read(Offset(0), max_bytes=10, up_to=Offset(20), min_one_batch=True).records) > 10


def test_whole_batches_fill_what_is_asked_for(segmented: PartitionLog) -> None:
    size = segmented.segments[0].size // 3

    assert (
        len(segmented.read(Offset(0), max_bytes=2 * size + 5, up_to=Offset(20), min_one_batch=False).records)
        == 2 * size
    )


def test_the_end_of_the_log_can_be_read_and_is_empty(segmented: PartitionLog) -> None:
    assert segmented.read(Offset(20), max_bytes=100, up_to=Offset(20), min_one_batch=True) == (b"", 20)


@pytest.mark.parametrize("start", [-1, 21, 1 << 40])
def test_offsets_outside_of_the_log_are_out_of_range(segmented: PartitionLog, start: int) -> None:
    with pytest.raises(OffsetOutOfRange, match="in the range 0 to 20"):
        segmented.read(Offset(start), max_bytes=100, up_to=Offset(20), min_one_batch=True)


def test_gaps_of_a_compacted_log_are_passed_over(log: PartitionLog) -> None:
    for offset in (0, 10, 500):
        log.append_as_follower(build_batch([Record(Offset(offset), NOW_MS, b"k", b"v")], leader_epoch=LeaderEpoch(0)))
        log.roll()

    assert [record.offset for record in read_all(log, 3)] == [10, 500]


def test_a_lost_index_costs_nothing_but_time(files: MemoryFiles, segmented: PartitionLog) -> None:
    expected = read_all(segmented)
    segmented.close()
    for name in files.names(str(FOLDER)):
        if name.endswith("index"):
            files.remove(f"{FOLDER}/{name}")

    assert read_all(open_log(files, index_interval_bytes=0)) == expected
    assert files.size(f"{FOLDER}/00000000000000000006.index") == 16


def test_an_index_that_leads_astray_is_rebuilt(files: MemoryFiles, segmented: PartitionLog) -> None:
    segmented.close()
    good = files.read(f"{FOLDER}/00000000000000000006.index")
    files.replace(f"{FOLDER}/00000000000000000006.index", bytes.fromhex("0000000100000007"))

    reopened = open_log(files, index_interval_bytes=0)

    assert [record.offset for record in read_all(reopened, 9)] == list(range(9, 20))
    assert files.read(f"{FOLDER}/00000000000000000006.index") == good


# Offsets by time.


def test_the_first_record_at_or_after_a_time_is_found(segmented: PartitionLog) -> None:
    found = [segmented.offset_for_timestamp(Timestamp(NOW_MS + milliseconds)) for milliseconds in (-5, 0, 4, 9, 10)]

    assert [each and (each.timestamp - NOW_MS, each.offset) for each in found] == [
        (0, 0),
        (0, 0),
        (4, 8),
        (9, 18),
        None,
    ]


def test_records_below_the_log_start_are_not_found_by_time(segmented: PartitionLog) -> None:
    segmented.advance_high_watermark(Offset(20))
    segmented.advance_log_start(Offset(5))

    found = segmented.offset_for_timestamp(Timestamp(0))

    assert found is not None
    assert found.offset == 5


def test_the_record_with_the_largest_time_need_not_be_the_last(log: PartitionLog) -> None:
    append(log, b"a", timestamp=NOW_MS)
    append(log, b"b", b"c", timestamp=NOW_MS + 500)
    append(log, b"d", timestamp=NOW_MS + 100)

    assert log.max_timestamp_offset() == (NOW_MS + 500, 1, 0)


def test_an_empty_log_has_no_times(log: PartitionLog) -> None:
    assert log.max_timestamp_offset() is None
    assert log.offset_for_timestamp(Timestamp(0)) is None


# Bounds.


def test_the_high_watermark_goes_up_to_the_end_and_not_back(log: PartitionLog) -> None:
    append(log, b"a", b"b")

    assert log.advance_high_watermark(Offset(99))
    assert not log.advance_high_watermark(Offset(1))
    assert log.high_watermark == 2


def test_a_log_cannot_start_above_its_high_watermark(log: PartitionLog) -> None:
    append(log, b"a", b"b")
    log.advance_high_watermark(Offset(1))

    with pytest.raises(OffsetOutOfRange, match="high watermark is 1"):
        log.advance_log_start(Offset(2))


def test_deleted_records_cannot_be_read(log: PartitionLog) -> None:
    append(log, b"a", b"b")
    log.advance_high_watermark(Offset(2))

    assert log.advance_log_start(Offset(1))
    assert not log.advance_log_start(Offset(1))

    with pytest.raises(OffsetOutOfRange):
        log.read(Offset(0), max_bytes=100, up_to=Offset(2), min_one_batch=True)


# Truncation.


@pytest.mark.parametrize(("offset", "end"), [(0, 0), (5, 4), (6, 6), (13, 12), (19, 18), (20, 20), (30, 20)])
def test_truncation_drops_whole_batches_from_the_offset_on(segmented: PartitionLog, offset: int, end: int) -> None:
    assert segmented.truncate_to(Offset(offset)) == end
    assert [record.offset for record in read_all(segmented)] == list(range(end))


def test_a_truncated_log_continues_where_it_was_cut(files: MemoryFiles, segmented: PartitionLog) -> None:
    segmented.truncate_to(Offset(14))
    append(segmented, b"new")

    assert values(segmented)[-1] == b"new"
    segmented.close()
    assert values(open_log(files))[-1] == b"new"


def test_truncation_takes_the_high_watermark_and_the_recovery_point_along(segmented: PartitionLog) -> None:
    plan = segmented.begin_flush()
    plan.run()
    segmented.finish_flush(plan)
    segmented.advance_high_watermark(Offset(20))

    segmented.truncate_to(Offset(8))

    assert (segmented.high_watermark, segmented.recovery_point, segmented.log_end) == (8, 8, 8)


def test_truncation_forgets_the_epochs_that_wrote_what_is_gone(log: PartitionLog) -> None:
    append(log, b"a")
    log.append_as_leader(batch(b"b"), leader_epoch=LeaderEpoch(3), now_ms=NOW_MS)

    log.truncate_to(Offset(1))

    assert log.end_offset_for_epoch(LeaderEpoch(0)) == (0, 1)
    assert log.end_offset_for_epoch(LeaderEpoch(3)) is None


def test_a_log_can_start_again_at_any_offset(files: MemoryFiles, segmented: PartitionLog) -> None:
    segmented.truncate_fully_and_start_at(Offset(5000))
    append(segmented, b"a")

    assert (segmented.log_start, segmented.log_end) == (5000, 5001)
    assert [name for name in files.names(str(FOLDER)) if name.endswith(".log")] == ["00000000000000005000.log"]


def test_a_log_that_starts_again_at_its_own_start_is_empty(segmented: PartitionLog) -> None:
    segmented.truncate_fully_and_start_at(Offset(0))

    assert (segmented.log_start, segmented.log_end, segmented.segments.size_in_bytes) == (0, 0, 0)


def test_files_that_are_not_needed_wait_under_another_name(files: MemoryFiles, segmented: PartitionLog) -> None:
    waiting: list[str] = []

    class Later(LogListener[PartitionLog]):
        def discard(self, _log: PartitionLog, _files: Files, paths: Sequence[str]) -> None:
            waiting.extend(paths)

    log = open_log(files, listener=Later())
    log.truncate_to(Offset(6))

    assert f"{FOLDER}/00000000000000000012.log.deleted" in waiting
    assert files.exists(f"{FOLDER}/00000000000000000012.log.deleted")


# Clean stop.


def test_a_log_is_the_same_after_a_clean_stop(files: MemoryFiles, segmented: PartitionLog) -> None:
    expected = read_all(segmented)
    segmented.close()

    reopened = open_log(files, index_interval_bytes=0, clock=FakeClock(NOW_MS))

    assert read_all(reopened) == expected
    assert (reopened.log_end, reopened.recovery_point) == (20, 20)
    assert reopened.epochs.entries == [(0, 0)]
    assert files.size(f"{FOLDER}/00000000000000000018.timeindex") > 12, "the active index has room again"
