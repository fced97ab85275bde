"""Messages as the scripts' log4j prints them on stderr, with the name of Kafka's class where it is known."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable
from datetime import datetime

QUIET_S = 60
"""Seconds before the same warning is printed again."""


def log(level: str, message: str, *, source: str = "", cause: str = "") -> None:
    """`[2026-01-01 12:00:00,000] ERROR message (source)`, and its cause on a separate line."""
    now = datetime.now()  # local, as log4j prints it
    print(f"[{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03}] {level} {message}", end="", file=sys.stderr)
    print(f" ({source})" if source else "", file=sys.stderr)
    if cause:
        print(cause, file=sys.stderr)


class Repetitions:
    """Finds warnings that repeat the previous one: each attempt to reach a broker that is down causes the same.

    clock    seconds, monotonic
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last, self._seen = "", float("-inf")

    def repeats(self, message: str) -> bool:
        """Whether the previous message was the same, and recent."""
        now = self._clock()
        is_old = message == self._last and now - self._seen < QUIET_S
        self._last, self._seen = message, now
        return is_old


_warnings = Repetitions()


def warn(message: str) -> None:
    """Log a warning, unless it only repeats the last one."""
    if not _warnings.repeats(message):
        log("WARN", message)


class DebugLines(logging.Handler):
    """Shows what modules log at DEBUG in the form of these messages."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):  # decisions continue where nobody can read of them
            log("DEBUG", record.getMessage(), source=record.name)


def error(message: str, *, source: str = "", cause: str = "") -> None:
    log("ERROR", message, source=source, cause=cause)
