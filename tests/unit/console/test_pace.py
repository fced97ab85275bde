"""How many records at a time come to a rate."""

import asyncio

from pykafka_cli.console.pace import Pace
from tests.support.polling import PATIENCE_S


async def counts(rate: float, total: int) -> list[int]:
    return [count async for count in Pace(rate).counts(total)]


async def test_without_a_limit_there_are_large_portions() -> None:
    assert await counts(-1, 4500) == [2000, 2000, 500]


async def test_a_rate_is_kept_over_the_whole_time() -> None:
    clock = asyncio.get_running_loop().time
    began = clock()

    assert sum(await counts(200, 51)) == 51

    assert clock() - began >= 49.5 / 200  # the first goes at once, counts are rounded


async def test_the_first_record_does_not_wait() -> None:
    async with asyncio.timeout(PATIENCE_S):
        assert await counts(0.001, 1) == [1]


async def test_a_rate_of_zero_never_sends() -> None:
    portions = Pace(0).counts(1)
    waiting = asyncio.ensure_future(anext(portions))

    done, _ = await asyncio.wait([waiting], timeout=0.05)

    assert not done
    waiting.cancel()
