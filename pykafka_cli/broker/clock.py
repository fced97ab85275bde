"""Time as an argument: code that waits or sets timestamps gets a Clock."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Protocol

from pykafka_cli.model import Seconds, Timestamp
from pykafka_cli.wall_clock import now_ms

NOT_AHEAD = Seconds(0.0)
DUE_WORK_S = 10.0
"""How long moving a clock waits for what became due."""


class Timer(Protocol):
    """A pending call that can be canceled."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time, as the broker needs it. tests/fakes/clock.py has a twin that tests move."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back. Deadlines are in this unit."""

    def now_ms(self) -> Timestamp:
        """Wall-clock time in milliseconds since the epoch, as records and znodes carry it."""

    def call_later(self, delay: Seconds, callback: Callable[[], object]) -> Timer:
        """Run `callback` on the loop `delay` seconds from now."""

    async def sleep(self, delay: Seconds) -> None:
        """Wait for `delay` seconds."""

    @property
    def of_peers(self) -> "Clock":
        """The clock for how long connections and followers are silent: real time, even if this clock is moved."""


class SystemClock:
    """The real time."""

    @property
    def of_peers(self) -> Clock:
        return self

    def monotonic(self) -> float:
        return time.monotonic()

    def now_ms(self) -> Timestamp:
        return now_ms()

    def call_later(self, delay: Seconds, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(delay, callback)

    async def sleep(self, delay: Seconds) -> None:
        await asyncio.sleep(delay)


class MovableClock:
    """The real time plus however much it has been moved: for tests that cannot wait for days."""

    of_peers: Clock = SystemClock()

    def __init__(self, ahead: Seconds = NOT_AHEAD) -> None:
        """ahead    by how much it has been moved already"""
        self._ahead = float(ahead)
        self._pending: dict[_MovableTimer, None] = {}
        self._is_moving = False
        self._at_work: set[asyncio.Task[Any]] = set()
        self._all_done = asyncio.Event()

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def now_ms(self) -> Timestamp:
        return Timestamp(now_ms() + round(self._ahead * 1000))

    def call_later(self, delay: Seconds, callback: Callable[[], object]) -> "_MovableTimer":
        timer = _MovableTimer(self.monotonic() + delay, callback, self._pending)
        timer.handle = asyncio.get_running_loop().call_later(delay, timer.fire)
        return timer

    async def sleep(self, delay: Seconds) -> None:
        sleeper = asyncio.current_task()
        if sleeper in self._at_work:
            self._has_finished(sleeper)
        woken = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if woken.done():
                return
            woken.set_result(None)
            if self._is_moving and sleeper is not None:
                self._watch(sleeper)

        timer = self.call_later(delay, wake)
        try:
            await woken
        finally:
            timer.cancel()

    async def advance(self, seconds: Seconds) -> None:
        """Move forward in one step, as if everybody else had been silent for that long.

        What becomes due runs once, at the new time, in the order in which it would have become due. This returns when
        the tasks that were woken or begun are finished or sleep again, or after DUE_WORK_S.
        """
        self._ahead += seconds
        now, loop, others = self.monotonic(), asyncio.get_running_loop(), asyncio.all_tasks()
        self._is_moving = True
        for timer in sorted(self._pending, key=lambda timer: timer.due):
            if timer.due > now:
                timer.reschedule(Seconds(timer.due - now))
            elif timer in self._pending:  # else one that ran before it has canceled it
                try:
                    timer.fire()
                except Exception as error:
                    loop.call_exception_handler({"message": "a call that was due has failed", "exception": error})
        self._is_moving = False
        for task in asyncio.all_tasks() - others:
            self._watch(task)
        if self._at_work:
            self._all_done.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DUE_WORK_S):
                    await self._all_done.wait()

    def _watch(self, task: asyncio.Task[Any]) -> None:
        self._at_work.add(task)
        task.add_done_callback(self._has_finished)

    def _has_finished(self, task: asyncio.Task[Any]) -> None:
        task.remove_done_callback(self._has_finished)
        self._at_work.discard(task)
        if not self._at_work:
            self._all_done.set()


class _MovableTimer:
    """A pending call; `due` is in seconds of the clock."""

    __slots__ = ("_callback", "_pending", "due", "handle")

    def __init__(self, due: float, callback: Callable[[], object], pending: "dict[_MovableTimer, None]") -> None:
        self.due = due
        self.handle: asyncio.TimerHandle
        self._callback = callback
        self._pending = pending
        pending[self] = None

    def fire(self) -> None:
        self.cancel()
        self._callback()

    def cancel(self) -> None:
        self.handle.cancel()
        self._pending.pop(self, None)

    def reschedule(self, delay: Seconds) -> None:
        self.handle.cancel()
        self.handle = asyncio.get_running_loop().call_later(delay, self.fire)
