"""Time as an argument: code that waits or sets timestamps gets a Clock."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A pending call that can be called off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """What the broker may ask of time. tests/fakes/clock.py has a twin that moves by hand."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back. Deadlines are in this unit."""

    def now_ms(self) -> int:
        """Wall-clock time in milliseconds since the epoch, as records and znodes carry it."""

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Run `callback` on the loop `delay` seconds from now."""

    async def sleep(self, delay: float) -> None:
        """Wait for `delay` seconds."""


class SystemClock:
    """The real time."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(delay, callback)

    async def sleep(self, delay: float) -> None:
        await asyncio.sleep(delay)
