"""Names for Unix sockets in directories with long paths: the system limits names to about 100 bytes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST = 100
OPEN_DIRECTORIES = Path("/proc/self/fd")
"""Linux only: each entry is an open file of this process."""


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name to bind or connect a socket to while the block runs; a short one where the system allows it.

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
