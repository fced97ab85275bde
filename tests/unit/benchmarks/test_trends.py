"""What counts as growth in a long run, and how windows of latencies are judged."""

from collections.abc import Sequence

import pytest

from benchmarks.trends import (
    MEMORY_SLACK,
    TASKS_SLACK,
    Latencies,
    Sample,
    Slack,
    Thirds,
    settled,
    thirds,
    typical,
    windows,
)


def is_flat(figures: Sequence[float], slack: Slack) -> bool:
    found = thirds(figures)
    return found.growth <= slack.highest_growth(found.second)


@pytest.mark.parametrize(
    ("figures", "flat"),
    [
        ([50.0] * 300, True),
        ([50.0 + 0.02 * number for number in range(300)], True),
        ([50.0 + 0.1 * number for number in range(300)], False),
        ([20.0 + 0.3 * number for number in range(100)] + [50.0] * 200, True),
        ([50.0] * 200 + [50.0, 90.0, 50.0] * 33, True),
        ([50.0] * 200 + [90.0, 50.0, 90.0] * 33, False),
        ([60.0] * 200 + [50.0] * 100, True),
    ],
    ids=["the same", "noise", "a leak", "warming up", "peaks", "more than peaks", "less"],
)
def test_memory_is_flat_if_the_last_third_is_hardly_above_the_second(figures: list[float], flat: bool) -> None:
    assert is_flat(figures, MEMORY_SLACK) is flat


def test_five_tasks_more_are_flat_whatever_their_number() -> None:
    assert is_flat([10] * 6 + [15] * 3, TASKS_SLACK)
    assert not is_flat([10] * 6 + [16] * 3, TASKS_SLACK)
    assert not is_flat([1_000] * 6 + [1_006] * 3, TASKS_SLACK)


def test_the_first_third_does_not_count() -> None:
    assert thirds([9, 9, 9, 1, 2, 3, 3, 4, 5]) == Thirds(second=2, last=4)
    assert thirds([9, 9, 9, 1, 2, 3, 3, 4, 5]).growth == 2


def test_what_grows_from_nothing_is_not_flat() -> None:
    assert thirds([0] * 9).growth == 1
    assert thirds([0] * 6 + [7] * 3).growth > TASKS_SLACK.highest_growth(0)


def test_too_few_samples_show_no_trend() -> None:
    with pytest.raises(ValueError, match="8 samples are too few"):
        thirds([1.0] * 8)


def test_samples_before_the_last_restart_do_not_count() -> None:
    before, after = Sample(10, 40, 50, 30), Sample(11, 45, 60, 31)
    assert settled([before, after], since=10.5) == [after]


def test_latencies_are_cut_into_windows_the_last_of_which_is_not_whole() -> None:
    measured = [(1.0, 99.0), (2.0, 3.0), (3.5, 1.0), (3.9, 2.0), (12.5, 5.0), (17.1, 7.0)]
    assert windows(measured, 5, since=2.0) == [Latencies(3, 2.0, 3.0), Latencies(1, 5.0, 5.0)]


def test_p99_is_what_one_in_a_hundred_exceeds() -> None:
    (first,) = windows([(0.0, float(each)) for each in range(200)] + [(9.0, 0.0)], 5, since=0.0)
    assert first == Latencies(200, 100.0, 198.0)


def test_a_bad_window_changes_the_worst_alone() -> None:
    good, bad = Latencies(100, 1.0, 2.0), Latencies(100, 50.0, 500.0)
    assert typical([good] * 9 + [bad]) == (1.0, 2.0, 500.0)
    assert typical([good] * 39 + [bad]) == (1.0, 2.0, 2.0)


def test_without_a_window_there_is_nothing_to_judge() -> None:
    with pytest.raises(ValueError, match="no window"):
        typical([])
