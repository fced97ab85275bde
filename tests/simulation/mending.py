"""Faults that end by themselves."""

import asyncio
from collections.abc import Callable


class Mending:
    """What is to be repaired later."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], None] = {}

    @property
    def is_due(self) -> bool:
        """Whether something remains to be repaired."""
        return bool(self._tasks)

    def later(self, seconds: float, mend: Callable[[], object]) -> None:
        """Call `mend` after some virtual seconds."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            mend()

        task = asyncio.get_running_loop().create_task(wait())
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    def cancel(self) -> None:
        """Repair nothing more, as all is about to be repaired at once."""
        for task in self._tasks:
            task.cancel()
