"""The figures of the perf tools: how much was sent or read, how fast, and how the scripts print it.

Times are milliseconds since the epoch, passed by the caller; a MB has 1048576 bytes. As in Java, a rate over no time is
infinite, and the mean of no values is NaN.
source  ProducerPerformance, ConsumerPerformance and EndToEndLatency of Kafka's tools
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pykafka_cli.model import Timestamp

MB = 1024 * 1024
REPORTING_INTERVAL_MS = 5000

CONSUMER_HEADER = (
    "start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, "
    "rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec"
)
CONSUMER_DETAILED_HEADER = (
    "time, threadId, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, "
    "rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec"
)


@dataclass(frozen=True, slots=True)
class Latencies:
    """Latencies of records, in milliseconds; zeros without records."""

    mean: float
    maximum: int
    p50: int
    p95: int
    p99: int
    p999: int


@dataclass(frozen=True, slots=True)
class Total:
    """The numbers of records and bytes, from `started_ms` to `ended_ms`."""

    count: int
    size: int
    started_ms: Timestamp
    ended_ms: Timestamp

    @property
    def elapsed_ms(self) -> int:
        return self.ended_ms - self.started_ms

    @property
    def records_per_second(self) -> float:
        return _rate(self.count, self.elapsed_ms)

    @property
    def mb_per_second(self) -> float:
        return _rate(self.size, self.elapsed_ms) / MB


@dataclass(frozen=True, slots=True)
class ProducerTotal(Total):
    """Totals of sent records."""

    latencies: Latencies

    def line(self, kind: str = "") -> str:
        """The script's line; `kind` is a word about the records."""
        times = self.latencies
        return _as_java(
            f"{self.count} {kind}records sent, {self.records_per_second:f} records/sec "
            f"({self.mb_per_second:.2f} MB/sec), "
            f"{times.mean:.2f} ms avg latency, {times.maximum:.2f} ms max latency, {times.p50} ms 50th, "
            f"{times.p95} ms 95th, {times.p99} ms 99th, {times.p999} ms 99.9th."
        )


class ProducerFigures:
    """Figures of sent records and their latencies, in total and for the current window."""

    def __init__(self, now_ms: Timestamp, interval_ms: int = REPORTING_INTERVAL_MS) -> None:
        self.count = 0
        self._interval = interval_ms
        self._started = self._window_started = now_ms
        self._bytes = 0
        self._latencies: Counter[int] = Counter()
        self._window: Counter[int] = Counter()
        self._window_bytes = 0

    def record(self, latency_ms: int, count: int, size: int, now_ms: Timestamp) -> str | None:
        """Add acknowledged records, of `size` bytes in total; return the line to print if the window has ended."""
        self.count += count
        self._bytes += size
        self._latencies[latency_ms] += count
        self._window[latency_ms] += count
        self._window_bytes += size
        if now_ms - self._window_started < self._interval:
            return None
        line = self._window_line(now_ms)
        self._window_started, self._window_bytes = now_ms, 0
        self._window.clear()
        return line

    def _window_line(self, now_ms: Timestamp) -> str:
        elapsed = now_ms - self._window_started
        count = self._window.total()
        return (
            f"{count} records sent, {_rate(count, elapsed):.1f} records/sec "
            f"({_rate(self._window_bytes, elapsed) / MB:.2f} MB/sec), {_mean(self._window):.1f} ms avg latency, "
            f"{max(self._window):.1f} ms max latency."
        )

    def total(self, now_ms: Timestamp) -> ProducerTotal:
        latencies = latencies_of(self._latencies, _mean(self._latencies))
        return ProducerTotal(self.count, self._bytes, self._started, now_ms, latencies)


def latencies_of(counts: Mapping[int, int], mean: float) -> Latencies:
    """Figures of latencies; `counts` has the number of each, in whole milliseconds."""
    return Latencies(mean, max(counts, default=0), *percentiles(counts, 0.5, 0.95, 0.99, 0.999))


def percentiles(values: Mapping[int, int], *shares: float) -> list[int]:
    """The value at each share of the sorted values; `values` has the number of each."""
    total = sum(values.values())
    found = []
    for share in shares:
        place, seen = int(share * total), 0
        for value in sorted(values):
            seen += values[value]
            if seen > place:
                found.append(value)
                break
        else:
            found.append(0)
    return found


@dataclass(frozen=True, slots=True)
class ConsumerTotal(Total):
    """Totals of records read; `joining_ms` were spent on joining the group."""

    joining_ms: int

    @property
    def fetching_ms(self) -> int:
        return self.elapsed_ms - self.joining_ms

    @property
    def mb(self) -> float:
        return self.size / MB

    @property
    def fetched_records_per_second(self) -> float:
        return _rate(self.count, self.fetching_ms)

    @property
    def fetched_mb_per_second(self) -> float:
        return _rate(self.size, self.fetching_ms) / MB

    def line(self, date_format: str) -> str:
        """The script's text."""
        return _as_java(
            f"{format_date(self.started_ms, date_format)}, {format_date(self.ended_ms, date_format)}, {self.mb:.4f}, "
            f"{self.mb_per_second:.4f}, {self.count}, {self.records_per_second:.4f}, {self.joining_ms}, "
            f"{self.fetching_ms}, {self.fetched_mb_per_second:.4f}, {self.fetched_records_per_second:.4f}"
        )


class ConsumerFigures:
    """Figures of records read, and of the time spent on joining the group."""

    def __init__(self, now_ms: Timestamp) -> None:
        self.count = 0
        self.joining_ms = 0
        self._bytes = 0
        self._started = self._reported = now_ms
        self._reported_count = self._reported_bytes = 0
        self._joining_since_report = 0

    def joined(self, took_ms: int) -> None:
        self.joining_ms += took_ms
        self._joining_since_report += took_ms

    def record(self, count: int, size: int) -> None:
        self.count += count
        self._bytes += size

    def is_due(self, now_ms: Timestamp, interval_ms: int) -> bool:
        """Whether it is time for an interval line."""
        return now_ms - self._reported >= interval_ms

    def interval(self, now_ms: Timestamp, date_format: str) -> str:
        """The line for the interval that ends; a new one begins."""
        elapsed = now_ms - self._reported
        count, size = self.count - self._reported_count, self._bytes - self._reported_bytes
        fetching = elapsed - self._joining_since_report
        line = (
            f"{format_date(now_ms, date_format)}, 0, {self._bytes / MB:.4f}, {_rate(size, elapsed) / MB:.4f}, "
            f"{self.count}, {_rate(count, elapsed):.4f}, {self._joining_since_report}, {fetching}, "
            f"{_rate(size, fetching) / MB if fetching > 0 else 0:.4f}, "
            f"{_rate(count, fetching) if fetching > 0 else 0:.4f}"
        )
        self._reported, self._reported_count, self._reported_bytes = now_ms, self.count, self._bytes
        self._joining_since_report = 0
        return line

    def total(self, now_ms: Timestamp) -> ConsumerTotal:
        return ConsumerTotal(self.count, self._bytes, self._started, now_ms, self.joining_ms)


@dataclass(frozen=True, slots=True)
class RoundTripTotal:
    """Latencies of records from a producer to a consumer."""

    count: int
    latencies: Latencies

    def lines(self) -> str:
        """The script's text."""
        times = self.latencies
        return (
            f"Avg latency: {times.mean:.4f} ms\n"
            f"Percentiles: 50th = {times.p50}, 99th = {times.p99}, 99.9th = {times.p999}\n"
        )


_DATE_PART = re.compile(r"'(?P<quoted>[^']*)'|(?P<letters>([A-Za-z])\3*)|(?P<other>.)", re.DOTALL)


def format_date(moment_ms: Timestamp, pattern: str) -> str:
    """Local time in a pattern of java.text.SimpleDateFormat: y M d H h m s S a E and text, in English.

    raises  ValueError for another letter
    """
    moment = datetime.fromtimestamp(moment_ms // 1000)
    milliseconds = moment_ms % 1000
    shown = []
    for part in _DATE_PART.finditer(pattern):
        if (letters := part["letters"]) is None:
            shown.append(part["other"] if part["quoted"] is None else part["quoted"] or "'")
            continue
        numbers = {
            "y": moment.year % 100 if len(letters) == 2 else moment.year,
            "M": moment.month,
            "d": moment.day,
            "H": moment.hour,
            "h": (moment.hour + 11) % 12 + 1,
            "m": moment.minute,
            "s": moment.second,
            "S": milliseconds,
        }
        names = {"M": "%B" if len(letters) > 3 else "%b", "E": "%A" if len(letters) > 3 else "%a", "a": "%p"}
        letter = letters[0]
        if letter in names and (letter != "M" or len(letters) > 2):
            shown.append(moment.strftime(names[letter]))
        elif letter in numbers:
            shown.append(f"{numbers[letter]:0{len(letters)}d}")
        else:
            raise ValueError(f"Illegal pattern character '{letter}'")
    return "".join(shown)


def _as_java(line: str) -> str:
    """Infinity and NaN, the rates over no time, in Java's words."""
    return re.sub(r"\b(inf|nan)\b", lambda found: "Infinity" if found[1] == "inf" else "NaN", line)


def _rate(amount: float, elapsed_ms: int) -> float:
    """A rate per second; infinite, as in Java, if no time has passed."""
    if elapsed_ms:
        return 1000.0 * amount / elapsed_ms
    return float("inf") if amount else float("nan")


def _mean(values: Mapping[int, int]) -> float:
    total = sum(values.values())
    return sum(value * count for value, count in values.items()) / total if total else float("nan")
