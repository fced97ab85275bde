"""Standard output for bulk data: written by a thread, so that a slow reader does not stop the event loop."""

import asyncio
import os
import queue
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_FINISH_AFTER_CANCEL = 2.0
"""Seconds for a write in progress when the command ends."""


class OutputClosed(Exception):
    """The reader has closed its end; it has read `taken` bytes of the current write."""

    def __init__(self, taken: int = 0) -> None:
        super().__init__(taken)
        self.taken = taken


class OutputFailed(Exception):
    """Output cannot be written, for example on a full disk; the message says where and why."""


class BulkOutput:
    """Writes bytes to a file descriptor, one piece at a time.

    The thread is a daemon: one that waits for a reader must not keep the process from ending.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pieces: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]]] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, daemon=True)

    @contextmanager
    def watching_reader(self) -> Iterator[None]:
        """End the body as soon as the reader closes its end, even while there is nothing to write.

        A pipe's writing end becomes readable once its reading end is closed, and so does a socket; a file or a terminal
        is not watched.
        raises    OutputClosed
        """
        mode, task, has_left = os.fstat(self._descriptor).st_mode, asyncio.current_task(), False
        assert task is not None

        def leave() -> None:
            nonlocal has_left
            has_left = True
            self._loop.remove_reader(self._descriptor)
            task.cancel()

        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            yield
            return
        self._loop.add_reader(self._descriptor, leave)
        try:
            yield
        except asyncio.CancelledError:
            if not has_left or task.uncancel():
                raise
            raise OutputClosed from None
        except OutputClosed:
            if has_left:
                task.uncancel()
            raise
        finally:
            self._loop.remove_reader(self._descriptor)

    async def write(self, data: bytes) -> bool:
        """Write all of `data`; False if the command was interrupted meanwhile and the reader did not read it.

        A cancellation waits for the write in progress, so that the caller knows what was written.
        raises    OutputClosed, OutputFailed
        """
        if not data:
            return True
        if not self._thread.ident:
            self._thread.start()
        written = self._loop.create_future()
        self._pieces.put((data, written))
        try:
            await asyncio.shield(written)
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FINISH_AFTER_CANCEL):
                    await asyncio.shield(written)
            task = asyncio.current_task()
            assert task
            task.uncancel()
            task.cancel()  # raised where the caller waits next
        return written.done()

    def _write(self) -> None:
        while True:
            data, written = self._pieces.get()
            problem: OSError | None = None
            view = memoryview(data)
            try:
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                problem = error
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._done, written, problem, len(data) - len(view))

    @staticmethod
    def _done(written: asyncio.Future[None], problem: OSError | None, taken: int) -> None:
        if written.done():
            return
        if problem is None:
            written.set_result(None)
        elif isinstance(problem, BrokenPipeError):
            written.set_exception(OutputClosed(taken))
        else:
            written.set_exception(OutputFailed(f"cannot write to standard output: {problem.strerror or problem}"))
