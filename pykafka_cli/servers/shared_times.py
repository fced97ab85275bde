"""How many more times a fault happens, counted by all brokers of a cluster together, each in its own process.

    DIR/faults/0      one byte for each time that the first fault has happened; the content does not matter

Each process appends a byte to take one: where its byte ends up is the number of the time, with no lock that a process
could hold while it is paused. Once the file is deleted, the fault happens no more.
"""

import os
from pathlib import Path


class SharedTimes:
    """Of the fault whose file this is, which happens `times` times."""

    def __init__(self, file: Path, times: int) -> None:
        self._file, self._times = file, times

    def create(self) -> None:
        """None of them is used up."""
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_bytes(b"")

    @property
    def left(self) -> int:
        try:
            return max(0, self._times - self._file.stat().st_size)
        except FileNotFoundError:
            return 0

    def take(self) -> bool:
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            return False
        try:
            os.write(descriptor, b"\0")
            return os.lseek(descriptor, 0, os.SEEK_CUR) <= self._times
        finally:
            os.close(descriptor)
