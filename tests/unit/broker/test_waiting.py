import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from pykafka_cli.broker.waiting import WaitingRoom
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def room(clock: FakeClock) -> WaitingRoom:
    return WaitingRoom(clock)


async def started(coroutine: Any) -> Any:
    """A task that has run as far as it can."""
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    return task


async def test_what_is_satisfied_already_never_enters_the_room(room: WaitingRoom) -> None:
    assert await room.wait_until(["a"], lambda: True, deadline=-1)
    assert len(room) == 0


async def test_a_deadline_in_the_past_does_not_wait(room: WaitingRoom) -> None:
    assert not await room.wait_until(["a"], lambda: False, deadline=0)


async def test_a_waiter_is_released_by_any_of_its_keys(room: WaitingRoom) -> None:
    ready: list[bool] = []
    waiting = await started(room.wait_until(["a", "b"], lambda: bool(ready), deadline=10))

    ready.append(True)
    room.notify("b")

    assert await waiting
    assert len(room) == 0


async def test_a_notice_that_satisfies_nothing_leaves_the_waiter(room: WaitingRoom) -> None:
    waiting = await started(room.wait_until(["a"], lambda: False, deadline=10))

    room.notify("a")
    await asyncio.sleep(0)

    assert not waiting.done()
    waiting.cancel()


async def test_the_deadline_ends_the_wait(room: WaitingRoom, clock: FakeClock) -> None:
    waiting = await started(room.wait_until(["a"], lambda: False, deadline=2))

    clock.advance(1.9)
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.advance(0.1)

    assert not await waiting
    assert len(room) == 0


async def test_a_satisfied_waiter_is_not_asked_again(room: WaitingRoom) -> None:
    asked = itertools.count(1)
    waiting = await started(room.wait_until(["a"], lambda: next(asked) > 1, deadline=2))

    room.notify("a")
    room.notify("a")

    assert await waiting
    assert next(asked) == 3


async def test_waiters_are_asked_in_the_order_they_came(room: WaitingRoom) -> None:
    order: list[str] = []
    open_: list[bool] = []

    def asks(name: str) -> Callable[[], bool]:
        def ask() -> bool:
            order.extend([name] * len(open_))
            return bool(open_)

        return ask

    waits = [await started(room.wait_until(["k"], asks(name), deadline=5)) for name in "xyz"]
    open_.append(True)
    room.notify("k")
    await asyncio.gather(*waits)

    assert order == ["x", "y", "z"]


async def test_a_failing_condition_fails_its_own_waiter_only(room: WaitingRoom) -> None:
    broken: list[bool] = []

    def fails() -> bool:
        if broken:
            raise ValueError("gone")
        return False

    first = await started(room.wait_until(["a"], fails, deadline=5))
    second = await started(room.wait_until(["a"], lambda: bool(broken), deadline=5))
    broken.append(True)
    room.notify("a")

    with pytest.raises(ValueError, match="gone"):
        await first
    assert await second


async def test_a_cancelled_waiter_leaves_nothing_behind(room: WaitingRoom, clock: FakeClock) -> None:
    waiting = await started(room.wait_until(["a", "a", "b"], lambda: False, deadline=5))

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert len(room) == 0
    assert not room.has_waiters("a")
    assert not room.has_waiters("b")
    clock.advance(10)
