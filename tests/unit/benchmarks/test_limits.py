"""A measurement that hangs is given up."""

import signal
import threading

import pytest

from benchmarks.limits import TookTooLong, limited_to


def test_waiting_for_ever_ends_at_the_limit() -> None:
    with pytest.raises(TookTooLong, match="not done within"), limited_to(0.01):
        threading.Event().wait(60)


def test_nothing_is_left_of_a_limit_that_was_kept() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with limited_to(60):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before
