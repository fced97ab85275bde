"""The progress of a copy: one line on stderr that is overwritten."""

import sys
from collections.abc import Callable
from time import monotonic

_EVERY_S = 0.25


class CopyLine:
    """now    a monotonic clock, in seconds"""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._began = now()
        self._shown = 0.0
        self._is_on = sys.stderr.isatty()

    def show(self, done: int, total: int, size: int) -> None:
        """`done` of about `total` records have arrived; `size` bytes were sent."""
        now = self._now()
        if not self._is_on or now - self._shown < _EVERY_S:
            return
        self._shown = now
        rate = size / max(now - self._began, 0.001) / 1e6
        share = f"{min(100 * done // total, 100):3d} %  " if total else ""
        print(f"\r\x1b[K{share}{done:,} records  {rate:.0f} MB/s ", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Erase the line."""
        if self._is_on and self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = 0.0
