"""Decides from how long writes took whether the event loop may wait for the next one itself.

Waking a thread and being woken by it takes about as long as 0.2 ms of a disk. A disk that takes less on average, its
stalls included, stops the loop for less time than the thread would cost. After a stall of a second, a thread
writes the next three hundred batches.
"""

from collections.abc import Callable

QUICK_S = 0.0002
_WEIGHT = 1 / 64  # of the newest write in the average
_UNKNOWN_S = 0.001  # before the first write


class DiskPace:
    """The pace of one disk. `monotonic` is the clock, in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._average_s = _UNKNOWN_S

    @property
    def is_quick(self) -> bool:
        """Whether waiting for the next write probably takes less than having a thread do it."""
        return self._average_s < QUICK_S

    def timed(self, write: Callable[[], None]) -> Callable[[], None]:
        """The same, which also counts how long it takes."""

        def timed_write() -> None:
            began = self._monotonic()
            write()
            self._average_s += _WEIGHT * (self._monotonic() - began - self._average_s)

        return timed_write
