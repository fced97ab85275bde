"""SIGINT, SIGTERM and SIGHUP (a closed terminal) for commands that have work to finish before they exit."""

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self


def ending_signals() -> tuple[signal.Signals, ...]:
    """The signals that end a command; not SIGHUP if nohup makes it ignored."""
    hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    return (signal.SIGINT, signal.SIGTERM, *hangup)


class EndBySignal:
    """A context whose body ends early at one of the signals, as if it had completed.

    A second signal, however late, ends the process at once.

    with EndBySignal() as end:
        await something_long()
    if end.signal:
        ...

    With `gently`, a signal calls that instead, and the body has `patience_s` seconds to complete.
    """

    def __init__(self, gently: Callable[[], None] | None = None, patience_s: float = 0) -> None:
        self.signal: signal.Signals | None = None
        self._gently = gently
        self._patience_s = patience_s
        self._impatience: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._signals: tuple[signal.Signals, ...] = ()

    @property
    def status(self) -> int:
        """The exit status: 128 and the signal's number; 0 without one."""
        return 128 + self.signal if self.signal else 0

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        self._signals = ending_signals()
        for each in self._signals:
            loop.add_signal_handler(each, self._ended, each)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self.signal is None:
            self._stop_listening()
        if self._impatience:
            self._impatience.cancel()
        if self.signal and kind is not None and issubclass(kind, asyncio.CancelledError):
            assert self._task
            self._task.uncancel()
            return True
        return False

    def _ended(self, received: signal.Signals) -> None:
        if self.signal is None and self._task:
            self.signal = received
            self._stop_listening()
            for each in self._signals:
                signal.signal(each, _exit_at_once)
            if self._gently:
                self._gently()
                self._impatience = asyncio.get_running_loop().call_later(self._patience_s, self._task.cancel)
            else:
                self._task.cancel()

    def _stop_listening(self) -> None:
        loop = asyncio.get_running_loop()
        for each in self._signals:
            loop.remove_signal_handler(each)


def _exit_at_once(number: int, _frame: FrameType | None) -> None:
    """Exit without finishing anything: a connection may be stuck, and KeyboardInterrupt would wait for it."""
    os._exit(128 + number)
