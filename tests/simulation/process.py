"""Processes of a simulation: tasks belong to the one that they were created in, and end with it.

with Process() as process:
    ...             # sessions, consumers
    process.kill()  # nobody is told, but by connections that break
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import ContextVar, Token
from typing import Any, Self

_current: "ContextVar[Process | None]" = ContextVar("process", default=None)


class Process:
    """What runs in the block is of this process, and so is whatever that creates. Blocks are not nested."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []
        self._token: Token[Process | None] | None = None

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        _current.reset(self._token)

    def own(self, task: "asyncio.Task[Any]") -> None:
        self._tasks = [each for each in self._tasks if not each.done()] + [task]

    def kill(self) -> None:
        """End all tasks; nothing is left to do where they have ended already."""
        for task in self._tasks:
            if not task.done():
                task.cancel()


def create_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any], **settings: Any
) -> "asyncio.Task[Any]":
    """A loop's task factory."""
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **settings)
    if process := _current.get():
        process.own(task)
    return task
