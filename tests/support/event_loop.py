"""Waiting within an event loop: for what needs no time to pass, and for what threads and sockets bring about."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support.polling import PATIENCE_S

TURNS = 30
PAUSE_S = 0.001


async def settle(turns: int = TURNS) -> None:
    """Let the loop turn so often: what was begun gets as far as it can without time passing."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def settle_until_quiet(activity: Callable[[], object], *, quiet_turns: int) -> None:
    """Let the loop turn until nothing has happened for so many turns.

    activity    a value that changes whenever something happens
    """
    quiet, seen = 0, activity()
    while quiet < quiet_turns:
        await asyncio.sleep(0)
        now = activity()
        quiet, seen = (0, now) if now != seen else (quiet + 1, seen)


async def until(
    condition: Callable[[], Any | Awaitable[Any]],
    complaint: str | Callable[[], str] = "it did not come about",
    *,
    patience_s: float = PATIENCE_S,
) -> Any:
    """What the condition gives once it is true; raises AssertionError with the complaint if that takes too long."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert loop.time() < deadline, complaint if isinstance(complaint, str) else complaint()
        await asyncio.sleep(PAUSE_S)
