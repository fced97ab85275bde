"""The progress of a long input."""

import sys
import time

_EVERY = 0.25  # seconds


class Progress:
    """One line on stderr that is overwritten; nothing if stderr is not a terminal, or the size of the input is unknown.

    total    bytes of the input; None if unknown
    """

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._done = 0
        self._shown = 0.0
        self._began = time.monotonic()
        self._is_on = bool(total) and sys.stderr.isatty() and not sys.stdin.isatty()

    def advance(self, count: int) -> None:
        """`count` more bytes have been sent."""
        self._done += count
        now = time.monotonic()
        if self._is_on and self._total and now - self._shown >= _EVERY:
            self._shown = now
            rate = self._done / max(now - self._began, 0.001) / 1e6
            share = 100 * self._done // self._total
            print(f"\r{share:3d} %  {self._done / 1e6:.0f} MB  {rate:.0f} MB/s ", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Erase the line."""
        if self._is_on and self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
