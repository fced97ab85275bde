"""Stops what the tutorial has started and deletes its directory, however the tutorial ends.

Another process does that. It waits at a pipe whose other end only the tutorial holds, and shares the lock of the
directory. If that process is killed as well, the next tutorial does it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pykafka_cli.servers.program import own_command, program_names
from pykafka_cli.servers.temporary_place import TemporaryPlace, left_behind

if TYPE_CHECKING:
    import psutil

MARK = "PK_TUTORIAL"
"""An environment variable of every process that is started here; its value is the directory."""

OPTION = "--clear-after"
"""The hidden option of `pk tutorial` for the process that waits."""

_PREFIX = "pk-tutorial."


@contextmanager
def cleared_place() -> Iterator[Path]:
    """A temporary directory for the block; afterwards, all processes with its mark are stopped."""
    for directory in left_behind(_PREFIX):
        clear(directory)
    place = TemporaryPlace(_PREFIX)
    try:
        waiting = subprocess.Popen(
            [*own_command(), "tutorial", f"{OPTION}={place.path}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(place.lock,),
            start_new_session=True,  # so that neither Ctrl-C nor the end of the terminal concerns it
        )
    except OSError:
        place.remove()
        raise
    try:
        yield place.path
    finally:
        os.close(place.lock)
        assert waiting.stdin
        waiting.stdin.close()
        waiting.wait()


def clear_after_end(directory: Path) -> None:
    """Wait until the tutorial, which holds the other end of standard input, has ended; then clear its directory."""
    while sys.stdin.buffer.read(1):
        pass
    clear(directory)


def clear(directory: Path) -> None:
    from pykafka_cli.servers.marked_processes import end_marked

    end_marked(MARK, str(directory), stays=_is_of_another_terminal)
    shutil.rmtree(directory, ignore_errors=True)


def _is_of_another_terminal(process: "psutil.Process") -> bool:
    """Whether it is another program of the learner's, such as a shell or an editor."""
    names = program_names()
    return process.terminal() is not None and all(Path(word).name not in names for word in process.cmdline()[:3])
