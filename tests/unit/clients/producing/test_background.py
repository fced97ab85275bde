import asyncio

import pytest

from pykafka_cli.clients.producing.background import Background
from tests.support.polling import PATIENCE_S


async def test_the_earliest_of_two_moments_counts() -> None:
    background, called = Background(), asyncio.Event()
    soon = asyncio.get_running_loop().time()

    background.call_at(soon + 3600, called.clear)
    background.call_at(soon, called.set)
    background.call_at(soon + 3600, called.clear)

    await asyncio.wait_for(called.wait(), PATIENCE_S)
    background.close()


async def test_who_waits_for_a_change_learns_of_it_and_of_failures() -> None:
    background, go = Background(), asyncio.Event()

    async def fail() -> None:
        await go.wait()
        raise OSError("disk full")

    background.start(fail())
    waiting = asyncio.create_task(background.change())
    await asyncio.sleep(0)
    background.notify()
    await waiting

    waiting = asyncio.create_task(background.change())
    go.set()
    with pytest.raises(OSError, match="disk full"):
        await asyncio.wait_for(waiting, PATIENCE_S)
    with pytest.raises(OSError, match="disk full"):
        await background.change()


async def test_closing_ends_what_is_under_way() -> None:
    background = Background()
    task = background.start(asyncio.Event().wait())  # type: ignore[arg-type]

    background.close()

    await asyncio.wait([task])
    assert task.cancelled()
