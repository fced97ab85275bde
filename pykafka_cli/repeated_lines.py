"""Lines of a server's log that any peer can cause: the first at once, the others as one count a minute.

    lines = RepeatedLines(clock)
    lines.log(_log, logging.WARNING, "protocol", "10.0.0.7", "Closing the connection from 10.0.0.7:40312: ...")

A scanner, or a client that retries forever, so adds at most two lines a minute for each cause. A logger at DEBUG gets
all of them.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from pykafka_cli.model import Seconds

INTERVAL_S = Seconds(60.0)
MOST_COUNTED = 256
"""Pairs of a cause and an address; what further addresses cause is counted together."""
MOST_CHARACTERS = 1000
"""Of a line: a peer may have sent some of them."""
_OTHERS = "other addresses"


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """The clock that the counts need; see broker/clock.py."""

    def call_later(self, delay: Seconds, callback: Callable[[], object]) -> Timer: ...


@dataclass(slots=True)
class _Count:
    """Lines since the last that was logged.

    last     the text of the newest
    timer    logs the count
    """

    logger: logging.Logger
    level: int
    timer: Timer
    lines: int = 0
    last: str = ""


class RepeatedLines:
    """Logs the lines of one server."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[tuple[str, str], _Count] = {}

    def log(self, logger: logging.Logger, level: int, cause: str, address: str, text: str) -> None:
        """Log a line, or count it if one of the same cause and address was logged in the last minute.

        cause      one of few words, never from the peer
        address    of the peer, without its port
        """
        if level <= logging.DEBUG:
            logger.log(level, "%s", text)
            return
        text = text[:MOST_CHARACTERS]
        key = (cause, address)
        if key not in self._counts and len(self._counts) >= MOST_COUNTED:
            key = (cause, _OTHERS)
        count = self._counts.get(key)
        if count is None:
            logger.log(level, "%s", text)
            self._counts[key] = _Count(logger, level, self._later(key))
        elif logger.isEnabledFor(logging.DEBUG):
            logger.log(level, "%s", text)
        else:
            count.lines += 1
            count.last = text

    def close(self) -> None:
        """Log what has been counted, and count no more."""
        for (_, address), count in self._counts.items():
            count.timer.cancel()
            _report(count, address)
        self._counts.clear()

    def _later(self, key: tuple[str, str]) -> Timer:
        return self._clock.call_later(INTERVAL_S, partial(self._interval_ended, key))

    def _interval_ended(self, key: tuple[str, str]) -> None:
        count = self._counts[key]
        if not count.lines:
            del self._counts[key]
            return
        _report(count, key[1])
        count.lines = 0
        count.timer = self._later(key)


def _report(count: _Count, address: str) -> None:
    if count.lines:
        count.logger.log(
            count.level, "%d more from %s in the last minute, the last: %s", count.lines, address, count.last
        )
