"""What whoever is handed a Clock may rely on, held by the real time, movable or not, and by its twin alike."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from pykafka_cli.broker.clock import Clock, MovableClock, SystemClock
from pykafka_cli.model import Seconds
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


@pytest.fixture(params=[SystemClock, MovableClock, FakeClock])
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
        passing.clock.call_later(Seconds(delay), partial(comes, delay))
    assert not came

    await passing.until(lambda: len(came) == 3)

    assert list(came) == [0.0, SOON, 5 * SOON]
    assert all(after > delay - RESOLUTION for delay, after in came.items())


async def test_a_call_that_was_called_off_never_comes(passing: Passing) -> None:
    came: list[str] = []
    passing.clock.call_later(Seconds(SOON), lambda: came.append("called off")).cancel()
    passing.clock.call_later(Seconds(2 * SOON), lambda: came.append("later"))

    await passing.until(lambda: bool(came))

    assert came == ["later"]


async def test_a_sleeper_wakes_when_its_time_has_passed(passing: Passing) -> None:
    start = passing.clock.monotonic()
    sleeping = asyncio.ensure_future(passing.clock.sleep(Seconds(3 * SOON)))
    await settle()

    await passing.until(sleeping.done)

    assert passing.clock.monotonic() > start + 3 * SOON - RESOLUTION


async def test_a_sleeper_may_be_called_off(passing: Passing) -> None:
    sleeping = asyncio.ensure_future(passing.clock.sleep(Seconds(3600)))
    await settle()
    sleeping.cancel()

    await passing.until(sleeping.done)

    assert sleeping.cancelled()


DAY_S = Seconds(86_400)


async def test_a_clock_that_is_moved_runs_what_is_due_in_order_and_leaves_the_rest() -> None:
    clock, came = MovableClock(), list[int]()
    for hours in (30, 2, 1):
        clock.call_later(Seconds(hours * 3600), partial(came.append, hours))
    before = clock.monotonic(), clock.now_ms()

    await clock.advance(DAY_S)

    assert came == [1, 2]
    assert clock.monotonic() - before[0] >= DAY_S
    assert clock.now_ms() - before[1] >= DAY_S * 1000
    await clock.advance(DAY_S)
    assert came == [1, 2, 30]


async def test_what_is_not_due_yet_comes_sooner_by_as_much_as_the_clock_was_moved() -> None:
    clock, came = MovableClock(), []
    clock.call_later(Seconds(DAY_S + SOON), lambda: came.append("later"))

    await clock.advance(Seconds(DAY_S - SOON))

    assert not came
    await until(lambda: bool(came))


async def test_moving_a_clock_waits_for_the_work_that_became_due() -> None:
    clock, done = MovableClock(), []

    async def work(name: str) -> None:
        await settle()
        done.append(name)

    async def work_every_hour() -> None:
        while True:
            await clock.sleep(Seconds(3600))
            await work("every hour")

    repeating = asyncio.ensure_future(work_every_hour())
    begun: list[asyncio.Task[None]] = []
    clock.call_later(Seconds(60), lambda: begun.append(asyncio.ensure_future(work("once"))))
    await settle()

    await clock.advance(DAY_S)

    assert sorted(done) == ["every hour", "once"]
    await clock.advance(DAY_S)
    assert sorted(done) == ["every hour", "every hour", "once"]
    repeating.cancel()


async def test_a_due_call_that_fails_is_reported_and_keeps_no_other_from_its_time() -> None:
    clock, came, reported = MovableClock(), [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))

    def fail() -> None:
        raise ValueError("its own mistake")

    clock.call_later(Seconds(1), fail)
    clock.call_later(Seconds(2), lambda: came.append("other")).cancel()
    clock.call_later(Seconds(3), lambda: came.append("another"))

    await clock.advance(DAY_S)

    assert came == ["another"]
    assert [str(each) for each in reported] == ["its own mistake"]


def test_peers_are_in_real_time() -> None:
    assert isinstance(MovableClock().of_peers, SystemClock)
