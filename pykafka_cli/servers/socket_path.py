"""Names of Unix sockets, which the system limits to some hundred bytes, in directories with longer ones."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST = 100
OPEN_DIRECTORIES = Path("/proc/self/fd")
"""Where Linux shows them; other systems have no such way."""


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """The name of a socket, to bind or connect to while the block runs; a short one where the system has one.

    raises    OSError if the directory cannot be opened
    """
    if len(os.fsencode(path)) <= _LONGEST or not OPEN_DIRECTORIES.is_dir():
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(OPEN_DIRECTORIES / str(directory) / path.name)
    finally:
        os.close(directory)
