"""What lets a bench run by itself: measurements that take too long are given up, and nothing stays behind."""

import contextlib
import resource
import signal
import sys
from collections.abc import Iterator
from types import FrameType

AGAIN_S = 10.0


class TookTooLong(Exception):
    """A measurement was given up."""


@contextlib.contextmanager
def limited_to(seconds: float) -> Iterator[None]:
    """Raise TookTooLong in the main thread after that time, and again every few seconds until this is left."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise TookTooLong(f"not done within {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def stop_in_order() -> None:
    """A request to stop unwinds, so that no servers are left running."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped by SIGTERM"))


def allow_files() -> None:
    """As many open files as this user may have, for us and what we start: connections and partitions are some."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
