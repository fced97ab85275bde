"""A clock that moves only when a test says so."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

from pykafka_cli.model import Timestamp


class FakeTimer:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


START_MS = Timestamp(1_700_000_000_000)


class FakeClock:
    """Twin of pykafka_cli.broker.clock.SystemClock: `advance` runs what has become due, in order."""

    def __init__(self, now_ms: Timestamp = START_MS) -> None:
        self._start_ms = now_ms
        self._elapsed = 0.0
        self._due: list[tuple[float, int, FakeTimer, Callable[[], object]]] = []
        self._order = itertools.count()

    @property
    def of_peers(self) -> "FakeClock":
        return self

    def monotonic(self) -> float:
        return self._elapsed

    def now_ms(self) -> Timestamp:
        return Timestamp(self._start_ms + round(self._elapsed * 1000))

    def call_later(self, delay: float, callback: Callable[[], object]) -> FakeTimer:
        timer = FakeTimer()
        heapq.heappush(self._due, (self._elapsed + delay, next(self._order), timer, callback))
        return timer

    async def sleep(self, delay: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.call_later(delay, lambda: None if woken.done() else woken.set_result(None))
        await woken

    @property
    def pending(self) -> int:
        """How many calls are still to come."""
        return sum(not timer.cancelled for _, _, timer, _ in self._due)

    def advance(self, seconds: float) -> None:
        """Move on; each due callback runs at its own moment."""
        end = self._elapsed + seconds
        while self._due and self._due[0][0] <= end:
            moment, _, timer, callback = heapq.heappop(self._due)
            self._elapsed = max(self._elapsed, moment)
            if not timer.cancelled:
                callback()
        self._elapsed = end


def forward(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    """Put a running loop's clock forward, for code that measures by it; what has become due runs next."""
    time = loop.time
    loop.time = lambda: time() + seconds  # type: ignore[method-assign]
