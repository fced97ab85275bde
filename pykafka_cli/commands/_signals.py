"""SIGINT and SIGTERM for commands that have something to finish before they go."""

import asyncio
import signal
from types import TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class EndBySignal:
    """A context that one of the signals leaves early, as if its body had come to its end; the second signal kills.

    with EndBySignal() as end:
        await something_long()
    if end.signal:
        ...
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._task: asyncio.Task[object] | None = None

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for each in _SIGNALS:
            loop.add_signal_handler(each, self._ended, each)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        loop = asyncio.get_running_loop()
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
        if self.signal and kind is not None and issubclass(kind, asyncio.CancelledError):
            assert self._task
            self._task.uncancel()
            return True
        return False

    def _ended(self, received: signal.Signals) -> None:
        if self.signal is None and self._task:
            self.signal = received
            self._task.cancel()
