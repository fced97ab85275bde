import time
from collections.abc import Iterator

import pytest

from pykafka_cli.model import Timestamp
from pykafka_cli.rules.throughput import ConsumerFigures, ProducerFigures, format_date, percentiles

DATE = "yyyy-MM-dd HH:mm:ss:SSS"


@pytest.fixture(autouse=True)
def _in_utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def test_the_total_has_rates_latencies_and_percentiles() -> None:
    figures = ProducerFigures(now_ms=Timestamp(1000))
    figures.record(69, 600, 60_000, now_ms=Timestamp(1100))
    figures.record(81, 390, 39_000, now_ms=Timestamp(1200))
    figures.record(341, 10, 1_000, now_ms=Timestamp(1393))

    assert figures.total(now_ms=Timestamp(1393)).line() == (
        "1000 records sent, 2544.529262 records/sec (0.24 MB/sec), 76.40 ms avg latency, 341.00 ms max latency, "
        "69 ms 50th, 81 ms 95th, 341 ms 99th, 341 ms 99.9th."
    )


def test_a_window_is_reported_every_five_seconds() -> None:
    figures = ProducerFigures(now_ms=Timestamp(0))

    assert figures.record(2, 1000, 1024 * 1024, now_ms=Timestamp(4999)) is None
    assert figures.record(4, 1000, 1024 * 1024, now_ms=Timestamp(5000)) == (
        "2000 records sent, 400.0 records/sec (0.40 MB/sec), 3.0 ms avg latency, 4.0 ms max latency."
    )
    assert figures.record(7, 10, 0, now_ms=Timestamp(10_000)) == (
        "10 records sent, 2.0 records/sec (0.00 MB/sec), 7.0 ms avg latency, 7.0 ms max latency."
    )


def test_nothing_sent_is_no_error() -> None:
    assert ProducerFigures(now_ms=Timestamp(0)).total(now_ms=Timestamp(10)).line() == (
        "0 records sent, 0.000000 records/sec (0.00 MB/sec), NaN ms avg latency, 0.00 ms max latency, "
        "0 ms 50th, 0 ms 95th, 0 ms 99th, 0 ms 99.9th."
    )


def test_percentiles_are_values_at_places() -> None:
    assert percentiles({1: 1, 2: 1, 3: 1, 4: 1}, 0.0, 0.5, 0.99) == [1, 3, 4]
    assert percentiles({}, 0.5) == [0]


def test_what_was_read_is_shown_with_and_without_the_time_to_join() -> None:
    figures = ConsumerFigures(now_ms=Timestamp(1_767_271_747_945))
    figures.joined(188)
    figures.record(500, 50_000)

    assert figures.total(Timestamp(1_767_271_748_218)).line(DATE) == (
        "2026-01-01 12:49:07:945, 2026-01-01 12:49:08:218, 0.0477, 0.1747, 500, 1831.5018, 188, 85, 0.5610, 5882.3529"
    )


def test_an_interval_line_is_about_what_came_since_the_last() -> None:
    figures = ConsumerFigures(now_ms=Timestamp(0))
    figures.joined(1000)
    figures.record(100, 1024 * 1024)
    assert not figures.is_due(Timestamp(4999), 5000)

    first = figures.interval(Timestamp(5000), "s")
    figures.record(10, 0)

    assert figures.is_due(Timestamp(10_000), 5000)
    assert first == "5, 0, 1.0000, 0.2000, 100, 20.0000, 1000, 4000, 0.2500, 25.0000"
    assert figures.interval(Timestamp(10_000), "s") == "10, 0, 1.0000, 0.0000, 110, 2.0000, 0, 5000, 0.0000, 2.0000"


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        (DATE, "2026-01-01 12:49:07:945"),
        ("yy/M/d h:mm a", "26/1/1 12:49 PM"),
        ("EEE, dd MMM yyyy 'at' HH''", "Thu, 01 Jan 2026 at 12'"),
        ("EEEE MMMM", "Thursday January"),
    ],
)
def test_dates_follow_a_java_pattern(pattern: str, shown: str) -> None:
    assert format_date(Timestamp(1_767_271_747_945), pattern) == shown


def test_a_letter_without_meaning_is_rejected() -> None:
    with pytest.raises(ValueError, match="Illegal pattern character 'Q'"):
        format_date(Timestamp(0), "Q")
