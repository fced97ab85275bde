"""An event loop in a separate thread, so that tests may call asynchronous code, whatever loop they run in."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from pykafka_cli.transport import event_loop

T = TypeVar("T")


class LoopThread:
    """Starts with the first call, and ends with `close` or the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine, and block until it returns or raises."""
        with self._lock:
            if self._thread is None:
                self._start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Cancel what is still running, and wait until it has ended."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._loop.call_soon_threadsafe(self._end.set)
            thread.join()

    def _start(self) -> None:
        running: Future[None] = Future()

        async def main() -> None:
            self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
            running.set_result(None)
            await self._end.wait()

        self._thread = threading.Thread(target=lambda: event_loop.run(main()), name="pk-testing", daemon=True)
        self._thread.start()
        running.result()
