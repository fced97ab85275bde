"""Background tasks, one timer, and notification of waiters."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Background:
    """Runs tasks until it is closed. A task's failure is raised to waiters."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], None] = {}  # in the order of their start
        self._timer: asyncio.TimerHandle | None = None
        self._changed: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        """Set the timer to a time of the loop's clock, unless it is set to an earlier one."""
        if self._timer:
            if self._timer.when() <= moment:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(moment, self._call, callback)

    def notify(self) -> None:
        """Wake all waiters for a change."""
        if self._changed and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None

    async def change(self) -> None:
        """Wait for `notify`, or for a task to fail; raises its error."""
        if self._failure is None:
            if self._changed is None:
                self._changed = asyncio.get_running_loop().create_future()
            await self._changed
        if self._failure:
            raise self._failure

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()

    def _call(self, callback: Callable[[], None]) -> None:
        self._timer = None
        callback()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()):
            self._failure = self._failure or error
            self.notify()
