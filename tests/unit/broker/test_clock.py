"""What whoever is handed a Clock may rely on, held by the real time and by its twin that moves by hand alike."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from pykafka_cli.broker.clock import Clock, SystemClock
from tests.fakes.clock import FakeClock
from tests.support.event_loop import settle, until

SOON, RESOLUTION = 0.002, 1e-6


class Passing:
    """A clock, and a way to let its time pass until something has come about."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    async def until(self, condition: Callable[[], bool]) -> None:
        def holds() -> bool:
            if isinstance(self.clock, FakeClock):
                self.clock.advance(SOON)
            return condition()

        await until(holds)


@pytest.fixture(params=[SystemClock, FakeClock])
def passing(request: pytest.FixtureRequest) -> Passing:
    return Passing(request.param())


async def test_time_goes_forward_by_both_its_measures(passing: Passing) -> None:
    clock = passing.clock
    seconds, milliseconds = clock.monotonic(), clock.now_ms()

    await passing.until(lambda: clock.monotonic() >= seconds + 3 * SOON)

    assert clock.now_ms() >= milliseconds + 1000 * 2 * SOON


async def test_calls_come_when_they_are_due_and_in_that_order(passing: Passing) -> None:
    came: dict[float, float] = {}
    start = passing.clock.monotonic()

    def comes(delay: float) -> None:
        came[delay] = passing.clock.monotonic() - start

    for delay in (5 * SOON, SOON, 0.0):
        passing.clock.call_later(delay, partial(comes, delay))
    assert not came

    await passing.until(lambda: len(came) == 3)

    assert list(came) == [0.0, SOON, 5 * SOON]
    assert all(after > delay - RESOLUTION for delay, after in came.items())


async def test_a_call_that_was_called_off_never_comes(passing: Passing) -> None:
    came: list[str] = []
    passing.clock.call_later(SOON, lambda: came.append("called off")).cancel()
    passing.clock.call_later(2 * SOON, lambda: came.append("later"))

    await passing.until(lambda: bool(came))

    assert came == ["later"]


async def test_a_sleeper_wakes_when_its_time_has_passed(passing: Passing) -> None:
    start = passing.clock.monotonic()
    sleeping = asyncio.ensure_future(passing.clock.sleep(3 * SOON))
    await settle()

    await passing.until(sleeping.done)

    assert passing.clock.monotonic() > start + 3 * SOON - RESOLUTION


async def test_a_sleeper_may_be_called_off(passing: Passing) -> None:
    sleeping = asyncio.ensure_future(passing.clock.sleep(3600))
    await settle()
    sleeping.cancel()

    await passing.until(sleeping.done)

    assert sleeping.cancelled()
