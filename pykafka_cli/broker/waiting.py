"""Requests that wait for a condition or a deadline: acks=all produces, long-polling fetches, DeleteRecords.

A waiter is filed under every key that can satisfy it. A change of what a key refers to calls `notify(key)`, and
the waiters of that key look again; nobody polls. Kafka calls this the purgatory (DelayedOperationPurgatory).
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable
from typing import Any, TypeVar

from pykafka_cli.broker.clock import Clock
from pykafka_cli.model import Seconds

T = TypeVar("T")


async def together(*work: Coroutine[Any, Any, T]) -> list[T]:
    """What asyncio.gather gives. One alone is awaited as it is: a task would have it wait for two turns of the loop."""
    return [await work[0]] if len(work) == 1 else list(await asyncio.gather(*work))


class _Waiter:
    __slots__ = ("is_satisfied", "outcome")

    def __init__(self, is_satisfied: Callable[[], bool]) -> None:
        self.is_satisfied = is_satisfied
        self.outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def look(self) -> None:
        if self.outcome.done():
            return
        try:
            if self.is_satisfied():
                self.outcome.set_result(True)
        except Exception as error:
            self.outcome.set_exception(error)  # an error of the waiter must not fail the notifier

    def give_up(self) -> None:
        if not self.outcome.done():
            self.outcome.set_result(False)


class WaitingRoom:
    """Waiters by key. Everything happens on the loop; `notify` is cheap for a key that nobody waits for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_key: dict[Hashable, dict[_Waiter, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        """The number of waiters."""
        return self._count

    def has_waiters(self, key: Hashable) -> bool:
        return key in self._by_key

    async def wait_until(self, keys: Iterable[Hashable], is_satisfied: Callable[[], bool], deadline: float) -> bool:
        """Wait until `is_satisfied()` after a `notify` of one of `keys`, or until `deadline` (monotonic seconds).

        returns   True when satisfied, at once if it already is; False when the deadline came first
        raises    what `is_satisfied` raises
        """
        if is_satisfied():
            return True
        delay = deadline - self._clock.monotonic()
        if delay <= 0:
            return False
        waiter = _Waiter(is_satisfied)
        filed_under = tuple(keys)
        for key in filed_under:
            self._by_key.setdefault(key, {})[waiter] = None
        self._count += 1
        timer = self._clock.call_later(Seconds(delay), waiter.give_up)
        try:
            return await waiter.outcome
        finally:
            timer.cancel()
            self._count -= 1
            for key in filed_under:
                self._leave(key, waiter)

    def notify(self, key: Hashable) -> None:
        """Notify the waiters under `key`, in the order in which they came."""
        waiters = self._by_key.get(key)
        if waiters:
            for waiter in tuple(waiters):
                waiter.look()

    def _leave(self, key: Hashable, waiter: _Waiter) -> None:
        waiters = self._by_key.get(key)
        if waiters is not None:
            waiters.pop(waiter, None)  # a key named twice was filed once
            if not waiters:
                del self._by_key[key]
