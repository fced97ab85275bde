"""Threads that nobody waits for but who asked."""

import asyncio
import threading

import pytest

from pykafka_cli.transport.own_thread import in_own_thread


async def test_what_a_thread_returns_or_raises_reaches_who_waits() -> None:
    def fail() -> None:
        raise ValueError("no")

    assert await in_own_thread(lambda: threading.current_thread().daemon) is True
    with pytest.raises(ValueError, match="no"):
        await in_own_thread(fail)


async def test_others_do_not_wait_for_threads_that_hang() -> None:
    may_end = threading.Event()
    hanging = [asyncio.create_task(in_own_thread(may_end.wait)) for _ in range(100)]

    assert await in_own_thread(lambda: "done") == "done"

    assert not any(task.done() for task in hanging)
    may_end.set()
    assert all(await asyncio.gather(*hanging))


async def test_who_has_left_gets_nothing() -> None:
    may_end = threading.Event()
    waiting = asyncio.create_task(in_own_thread(may_end.wait))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    may_end.set()


def test_the_loop_ends_although_a_thread_hangs() -> None:
    may_end = threading.Event()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(in_own_thread(may_end.wait), 0.01)

    asyncio.run(give_up())

    assert not may_end.is_set()
    may_end.set()
