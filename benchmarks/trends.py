"""Judges a long run: whether something grows, and how latencies of time windows compare.

Growth is the median of the last third of the samples over the median of the second third. The first third does not
count: caches fill, allocators take their working set, topics reach their retention. Medians ignore peaks, such as those
of a compaction, in up to half of a third. A leak of r units an hour over a run of h hours shows as r * h / 3.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

FEWEST_SAMPLES = 9  # three in each third


class Slack(NamedTuple):
    """What may lie between two thirds that do the same: a share of the second third, and an amount besides."""

    share: float
    amount: float

    def highest_growth(self, second: float) -> float:
        """Up to this factor, it counts as flat."""
        return 1 + self.share + (self.amount / second if second else 0.0)


MEMORY_SLACK = Slack(0.03, 2.0)
"""In MB. CPython takes memory for small objects in arenas of 1 MB and returns one only when it is empty, and malloc
does the same with its heaps: two arenas more or less are chance, and so is a heap that is torn a little more."""
FILES_SLACK = Slack(0.0, 20.0)
"""A topic that comes and goes has six partitions, with two or three descriptors each, and logs roll at different times.
What leaks with each connection, group or topic exceeds this within minutes."""
TASKS_SLACK = Slack(0.0, 5.0)
"""Requests that wait at one moment or at another."""


class Sample(NamedTuple):
    """Of one process, `at` so many seconds from the start of the run; `tasks` is None where there is no event loop."""

    at: float
    memory_mb: float
    files: int
    tasks: int | None


class Latencies(NamedTuple):
    """Of one window, in ms."""

    records: int
    p50: float
    p99: float


class Thirds(NamedTuple):
    """The medians of the second third and of the last."""

    second: float
    last: float

    @property
    def growth(self) -> float:
        """The last over the second; 1 if there is nothing at all."""
        return self.last / self.second if self.second else 1.0 + self.last


def thirds(figures: Sequence[float]) -> Thirds:
    """raises    ValueError for too few figures"""
    if len(figures) < FEWEST_SAMPLES:
        raise ValueError(f"{len(figures)} samples are too few to see a trend")
    third = len(figures) // 3
    return Thirds(statistics.median(figures[-2 * third : -third]), statistics.median(figures[-third:]))


def settled(samples: Iterable[Sample], since: float) -> list[Sample]:
    """The samples that count: those after the last restart."""
    return [each for each in samples if each.at >= since]


def windows(measured: Iterable[tuple[float, float]], length_s: float, since: float) -> list[Latencies]:
    """Latencies of each window from `since` on, of (moment in seconds, latency in ms); empty windows are left out, and
    so is the last one, which is cut short."""
    by_window: defaultdict[int, list[float]] = defaultdict(list)
    for at, latency in measured:
        if at >= since:
            by_window[int((at - since) // length_s)].append(latency)
    return [of_window(by_window[number]) for number in sorted(by_window)[:-1]]


def of_window(latencies: list[float]) -> Latencies:
    latencies.sort()
    return Latencies(len(latencies), latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99)])


def typical(seen: Sequence[Latencies]) -> tuple[float, float, float]:
    """The medians of p50 and of p99 over all windows, and the p99 of the worst window but one in twenty.

    raises    ValueError without a window
    """
    if not seen:
        raise ValueError("there is no window to judge")
    p99s = sorted(each.p99 for each in seen)
    return statistics.median(each.p50 for each in seen), statistics.median(p99s), p99s[int(len(p99s) * 0.95)]
