"""Runs what may block for long, such as a request for tickets, in a separate thread."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

Result = TypeVar("Result")


async def in_own_thread(work: Callable[[], Result]) -> Result:
    """What `work` returns or raises.

    Unlike with asyncio.to_thread, neither other work nor the end of the program waits for a thread that hangs.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Result] = loop.create_future()

    def run() -> None:
        try:
            settle = partial(_succeed, outcome, work())
        except BaseException as error:  # whatever it is, somebody waits for it
            settle = partial(_fail, outcome, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name="work that may block", daemon=True).start()
    return await outcome


def _succeed(outcome: "asyncio.Future[Result]", result: Result) -> None:
    if not outcome.done():
        outcome.set_result(result)


def _fail(outcome: "asyncio.Future[Result]", error: BaseException) -> None:
    if not outcome.done():
        outcome.set_exception(error)
