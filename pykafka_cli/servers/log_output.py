"""A server's log on its stdout, which in the background is a file of limited size.

    logs/kafkaServer.out        what it prints, newest last
    logs/kafkaServer.out.1      older output, up to .10

The file is the server's stdout, and locked while the server runs; another server uses another name. `pk up` prints
warnings only; each of its other processes has a file for the rest (server_log.py). A lone broker has none, so what its
loggers are asked for is printed.
"""

import contextlib
import itertools
import logging
import os
import shutil
import sys
from io import BufferedWriter
from pathlib import Path
from typing import TextIO

VARIABLE = "PK_DAEMON_LOG"
LINE = "[%(asctime)s] %(levelname)s %(message)s (%(name)s)"
LIMIT_BYTES = 10 * 1024 * 1024
KEPT = 10


def open_locked(directory: Path, name: str, own_suffix: str) -> tuple[Path, BufferedWriter]:
    """Open `name`; with the server's suffix if another server writes to it, and with a number if that one is in use as
    well. raises OSError."""
    first = directory / name
    own = f"{first.stem}-{own_suffix}"
    stems = itertools.chain((first.stem, own), (f"{own}-{number}" for number in itertools.count(2)))
    while True:
        path = first.with_stem(next(stems))
        file = path.open("ab")
        if _lock(file):
            return path, file
        file.close()


def _lock(file: BufferedWriter) -> bool:
    try:
        import fcntl
    except ImportError:  # this file system has no locks
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class LogOutput(logging.StreamHandler[TextIO]):
    """A server that cannot write its log continues, and reports it once."""

    _has_reported = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._has_reported:
            self._has_reported = True
            with contextlib.suppress(OSError):
                print(f"The log cannot be written: {error.strerror}", file=sys.stderr, flush=True)


class DaemonLog(LogOutput):
    """Logs to stdout, which is `path`; copies it to older files when it is full.

    It is copied and truncated, not renamed: stdout and its lock stay with the file of that name.
    """

    def __init__(self, path: Path, limit: int = LIMIT_BYTES) -> None:
        super().__init__(sys.stdout)
        self._path, self._limit = path, limit

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):  # a full disk; writing the line will report it
            if os.fstat(self.stream.fileno()).st_size >= self._limit:
                self._rotate()
        super().emit(record)

    def _rotate(self) -> None:
        for number in range(KEPT, 1, -1):
            with contextlib.suppress(FileNotFoundError):
                self._older(number - 1).replace(self._older(number))
        shutil.copyfile(self._path, self._older(1))
        os.ftruncate(self.stream.fileno(), 0)

    def _older(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def console_handler() -> logging.Handler:
    """The handler for a server's stdout, limited in size in the background."""
    path = os.environ.get(VARIABLE)
    return DaemonLog(Path(path)) if path else LogOutput(sys.stdout)


def log_warnings(prefix: str = "", *, has_file: bool = False) -> None:
    """Print warnings and errors on stderr, and pass to other handlers what Kafka's log4j.properties logs.

    prefix      precedes each message, to show where it comes from
    has_file    whether one of these is a log file, where lines of loggers whose level was lowered belong; without one,
                they are printed too
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(LINE.replace("%(message)s", f"{prefix}%(message)s")))
    if has_file:
        handler.setLevel(logging.WARNING)
    else:
        handler.addFilter(_is_logged)
    logging.getLogger().handlers[:] = [handler]
    for name in ("pykafka_cli", "kafka"):
        logging.getLogger(name).setLevel(logging.INFO)


def _is_logged(record: logging.LogRecord) -> bool:
    """Warnings and errors, and everything from loggers whose level was lowered."""
    return record.levelno >= logging.WARNING or logging.getLogger(record.name).isEnabledFor(logging.DEBUG)
