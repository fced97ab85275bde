from dataclasses import dataclass

import pytest

from pykafka_cli.broker.log.retention import expired_segments, jitter_ms
from pykafka_cli.model import Offset, Timestamp
from tests.fakes.clock import FakeClock
from tests.fakes.files import MemoryFiles
from tests.support.logs import FOLDER, NOW_MS, ORDERS, append, batch, open_log, topic_config, values


@dataclass
class Stored:
    base_offset: Offset
    size: int
    retention_timestamp: Timestamp


SEGMENTS = [
    Stored(Offset(0), 100, Timestamp(NOW_MS - 3000)),
    Stored(Offset(10), 100, Timestamp(NOW_MS - 2000)),
    Stored(Offset(20), 100, Timestamp(NOW_MS - 1000)),
]


def expired(
    log_start: int = 0,
    high_watermark: int = 30,
    segments: list[Stored] = SEGMENTS,
    **keys: object,
) -> int:
    keys = {"retention_ms": -1, **keys}
    return expired_segments(
        segments,
        topic_config(**keys),
        log_start=Offset(log_start),
        high_watermark=Offset(high_watermark),
        log_end=Offset(30),
        now_ms=NOW_MS,
    )[0]


@pytest.mark.parametrize(("retention_ms", "count"), [(3000, 0), (2999, 1), (1500, 2), (0, 3), (-1, 0)])
def test_segments_go_when_their_newest_record_is_too_old(retention_ms: int, count: int) -> None:
    assert expired(retention_ms=retention_ms) == count


@pytest.mark.parametrize(("retention_bytes", "count"), [(300, 0), (201, 0), (200, 1), (100, 2), (0, 3), (-1, 0)])
def test_segments_go_while_the_rest_is_still_large_enough(retention_bytes: int, count: int) -> None:
    assert expired(retention_bytes=retention_bytes) == count


@pytest.mark.parametrize(("log_start", "count"), [(9, 0), (10, 1), (25, 2), (30, 2)])
def test_segments_below_the_log_start_go(log_start: int, count: int) -> None:
    assert expired(log_start=log_start) == count


def test_what_is_not_replicated_stays() -> None:
    assert expired(retention_ms=0, high_watermark=15) == 1


def test_an_old_segment_behind_a_newer_one_waits_for_it() -> None:
    segments = [
        Stored(Offset(0), 100, NOW_MS),
        Stored(Offset(10), 100, Timestamp(NOW_MS - 5000)),
        Stored(Offset(20), 100, NOW_MS),
    ]

    assert expired(segments=segments, retention_ms=1000) == 0


def test_a_compacted_topic_only_loses_what_is_below_its_start() -> None:
    assert expired(retention_ms=0, retention_bytes=0, cleanup_policy="compact") == 0
    assert expired(retention_ms=0, cleanup_policy="compact", log_start=Offset(10)) == 1
    assert expired(retention_ms=0, cleanup_policy="compact,delete") == 3


def test_an_empty_active_segment_stays() -> None:
    segments = [Stored(Offset(0), 100, Timestamp(0)), Stored(Offset(10), 0, Timestamp(0))]

    assert expired(segments=segments, retention_ms=0) == 1


def test_jitter_is_the_same_for_a_segment_whenever_asked() -> None:
    config = topic_config(segment_jitter_ms=1000, segment_ms=5000)

    jitters = [jitter_ms(config, ORDERS, Offset(offset)) for offset in range(50)]

    assert jitters == [jitter_ms(config, ORDERS, Offset(offset)) for offset in range(50)]
    assert len(set(jitters)) > 40
    assert all(0 <= jitter < 1000 for jitter in jitters)
    assert jitter_ms(topic_config(), ORDERS, Offset(0)) == 0


def test_a_log_loses_its_old_segments_and_starts_later() -> None:
    files, clock = MemoryFiles(), FakeClock(NOW_MS)
    log = open_log(files, clock=clock, segment_bytes=len(batch(b"a")), retention_ms=1000)
    for second in range(4):
        append(log, b"%d" % second, timestamp=NOW_MS + 1000 * second)
    log.advance_high_watermark(Offset(4))
    clock.advance(3.5)

    assert log.delete_old_segments() == 3

    assert (log.log_start, values(log)) == (3, [b"3"])
    assert files.names(str(FOLDER))[0].startswith("00000000000000000003")


def test_a_log_whose_records_are_all_old_keeps_an_empty_segment_and_its_end() -> None:
    clock = FakeClock(NOW_MS)
    log = open_log(MemoryFiles(), clock=clock, retention_ms=1000)
    append(log, b"a", b"b")
    log.advance_high_watermark(Offset(2))
    clock.advance(2)

    assert log.delete_old_segments() == 1

    assert (log.log_start, log.log_end, log.segments.size_in_bytes) == (2, 2, 0)
    append(log, b"c")
    assert values(log) == [b"c"]


def test_records_without_a_time_age_with_their_file() -> None:
    files, clock = MemoryFiles(), FakeClock(NOW_MS)
    log = open_log(files, clock=clock, retention_ms=1000)
    append(log, b"a", timestamp=-1)
    log.advance_high_watermark(Offset(1))

    assert log.delete_old_segments() == 0
    clock.advance(2)
    assert log.delete_old_segments() == 1


def test_a_changed_setting_counts_at_once() -> None:
    clock = FakeClock(NOW_MS)
    log = open_log(MemoryFiles(), clock=clock)
    append(log, b"a")
    log.advance_high_watermark(Offset(1))
    clock.advance(10)
    assert log.delete_old_segments() == 0

    log.config = topic_config(retention_ms=5000)

    assert log.delete_old_segments() == 1
