"""How many more times a fault happens, counted across the processes of all brokers.

    DIR/faults/0      one byte for each time that the first fault has happened; the content does not matter

A process takes one time by appending a byte: the byte's position is the number of times before. So no process can hold
a lock while it is paused. Once the file is deleted, the fault happens no more.
"""

import os
from pathlib import Path


class SharedTimes:
    """Counts a fault that happens `times` times, in its file."""

    def __init__(self, file: Path, times: int) -> None:
        self._file, self._times = file, times

    def create(self) -> None:
        """Create the file; no time has been taken."""
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_bytes(b"")

    @property
    def left(self) -> int:
        """How many more times the fault happens."""
        try:
            return max(0, self._times - self._file.stat().st_size)
        except FileNotFoundError:
            return 0

    def take(self) -> bool:
        """Take one time; returns whether there was one left."""
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            return False
        try:
            os.write(descriptor, b"\0")
            return os.lseek(descriptor, 0, os.SEEK_CUR) <= self._times
        finally:
            os.close(descriptor)
