"""Removing files and folders some time after they were set aside: readers can finish."""

import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from pykafka_cli.broker.clock import Clock, Timer
from pykafka_cli.model import Milliseconds, in_seconds
from pykafka_cli.storage.files import Files

_log = logging.getLogger(__name__)


class Removals:
    """The removals that are still to be done.

    in_thread   runs a function off the loop
    spawn       runs a coroutine that nobody waits for
    """

    def __init__(
        self,
        files: Files,
        clock: Clock,
        in_thread: Callable[[Callable[[], None]], Awaitable[None]],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._files = files
        self._clock = clock
        self._in_thread = in_thread
        self._spawn = spawn
        self._timers: set[Timer] = set()

    def add(self, paths: Sequence[str], delay_ms: Milliseconds) -> None:
        """Remove these after `delay_ms`. What cannot be removed is left for the next start."""

        def when_due() -> None:
            self._timers.discard(timer)
            self._spawn(self._remove(paths))

        if paths:
            timer = self._clock.call_later(in_seconds(delay_ms), when_due)
            self._timers.add(timer)

    def cancel(self) -> None:
        """Leave everything for the next start."""
        for timer in self._timers:
            timer.cancel()

    async def _remove(self, paths: Sequence[str]) -> None:
        try:
            await self._in_thread(lambda: self._remove_now(paths))
        except OSError as error:
            _log.warning("cannot delete %s, will retry at the next start: %s", paths, error)

    def _remove_now(self, paths: Sequence[str]) -> None:
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                if self._files.is_directory(path):
                    self._files.remove_directory(path)
                else:
                    self._files.remove(path)
