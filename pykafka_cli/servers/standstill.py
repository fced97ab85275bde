"""The longest time that a server's event loop was blocked, for tests, in the file that $PK_STANDSTILL_FILE names.

    longest     float64, the largest delay of a beat in seconds
    last beat   float64, its CLOCK_MONOTONIC, which all processes of a machine share

The file is mapped into memory, so it survives kill -9, and shows a loop that is blocked now.
"""

import asyncio
import mmap
import os
import time
from pathlib import Path
from struct import Struct

VARIABLE = "PK_STANDSTILL_FILE"
BEAT_S = 0.05
_LAYOUT = Struct("=dd")


class Heartbeat:
    """Beats on the running loop until the loop ends."""

    def __init__(self, file: Path) -> None:
        file.write_bytes(bytes(_LAYOUT.size))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), _LAYOUT.size)
        self._longest = 0.0
        self._loop = asyncio.get_running_loop()
        self._last = time.monotonic()
        self._beat()

    def _beat(self) -> None:
        now = time.monotonic()
        self._longest = max(self._longest, now - self._last - BEAT_S)
        self._last = now
        _LAYOUT.pack_into(self._map, 0, self._longest, now)
        self._loop.call_later(BEAT_S, self._beat)


def beat_if_asked() -> None:
    """Start beating on the running loop, if the environment names a file."""
    if file := os.environ.get(VARIABLE):
        Heartbeat(Path(file))


def longest_standstill(file: Path, *, is_running: bool) -> float:
    """The longest standstill in seconds, the current one included; 0 for a server that never ran a loop."""
    if not file.exists():
        return 0.0
    longest: float
    last: float
    longest, last = _LAYOUT.unpack(file.read_bytes())
    return max(longest, time.monotonic() - last - BEAT_S) if is_running and last else longest
