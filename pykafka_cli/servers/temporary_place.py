"""Temporary directories of commands that start servers. If a command is killed, a later one deletes its directory.

The directory itself is locked (flock) while the command runs. The system releases the lock when the process ends,
however it ends, so a directory that can be locked is one that was left behind.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class TemporaryPlace:
    """A new directory, locked; `remove` deletes it.

    parent    where it is created; None for the system's temporary directory
    """

    def __init__(self, prefix: str, parent: Path | None = None) -> None:
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent)).absolute()
            self.lock = os.open(self.path, os.O_RDONLY)
            """A file descriptor: a process that inherits it shares the lock."""
            with contextlib.suppress(OSError):  # some file systems have no locks
                fcntl.flock(self.lock, fcntl.LOCK_EX)
            if self.path.is_dir():  # otherwise another command took it for one left behind, and deleted it
                return
            os.close(self.lock)

    def remove(self) -> None:
        """Delete it; a second call does nothing."""
        if self.lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self.lock)
            self.lock = -1


@contextmanager
def temporary_place(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A directory for the block. Directories with this prefix that other commands left behind are deleted as well."""
    remove_left_behind(prefix, parent)
    place = TemporaryPlace(prefix, parent)
    try:
        yield place.path
    finally:
        place.remove()


def remove_left_behind(prefix: str, parent: Path | None = None) -> None:
    """Delete this user's directories with this prefix whose commands have ended."""
    for path in left_behind(prefix, parent):
        shutil.rmtree(path, ignore_errors=True)


def left_behind(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """This user's directories with this prefix whose commands have ended; each stays locked until the next is taken."""
    for path in Path(parent or tempfile.gettempdir()).absolute().glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            if path.is_symlink() or not path.is_dir() or path.stat().st_uid != os.getuid():
                continue
            lock = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield path
            finally:
                os.close(lock)
