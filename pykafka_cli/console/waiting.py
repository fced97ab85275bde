"""Shows what a command waits for, on stderr: on a terminal in one line that is updated every second, otherwise once."""

import shutil
import sys
from collections.abc import Callable
from time import monotonic

_EVERY_S = 1.0


class WaitingLine:
    """now    a monotonic clock, in seconds"""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._is_terminal = sys.stderr.isatty()
        self._shown: float | None = None

    def show(self, lines: list[str]) -> None:
        """lines    what is still missing"""
        now = self._now()
        if self._shown is not None and (not self._is_terminal or now - self._shown < _EVERY_S):
            return
        self._shown = now
        if self._is_terminal:
            text = f"Waiting for {'; '.join(lines)}"[: shutil.get_terminal_size().columns - 1]
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        else:
            print(*(f"Waiting for {line}" for line in lines), sep="\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Erase the line."""
        if self._is_terminal and self._shown is not None:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
