"""Standard input in chunks, read by a thread so that the event loop keeps running."""

import asyncio
import fcntl
import os
import select
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import suppress

_PIPE_SIZE = 1 << 20
_F_SETPIPE_SZ = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux


class InputChunks:
    """The bytes of a file descriptor as they arrive, at most `size` at a time; one chunk is read ahead.

    The thread is a daemon: one that waits for a terminal must not keep the process from ending.
    """

    def __init__(self, descriptor: int, size: int = 1 << 20) -> None:
        self._descriptor = descriptor
        self._size = size
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        self._room = threading.Semaphore(1)
        self._ended = False
        self._wake, self._end = os.pipe()
        self.total: int | None = None
        """Size in bytes, if the input is a file."""
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            self.total = status.st_size
        elif stat.S_ISFIFO(status.st_mode) and _F_SETPIPE_SZ is not None:
            with suppress(OSError):  # a limit of the system; the pipe keeps its size
                fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _PIPE_SIZE)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        threading.Thread(target=self._read, daemon=True).start()
        while True:
            chunk = await self._chunks.get()
            self._room.release()
            if isinstance(chunk, OSError):
                raise chunk
            if not chunk:
                return
            yield chunk

    def end(self) -> None:
        """Stop reading; what has been read is still delivered."""
        os.write(self._end, b"\0")

    def _read(self) -> None:
        while True:
            self._room.acquire()
            try:
                chunk: bytes | OSError = self._read_available()
            except OSError as error:
                chunk = error
            try:
                self._loop.call_soon_threadsafe(self._chunks.put_nowait, chunk)
            except RuntimeError:  # the loop was closed meanwhile
                return
            if not chunk or isinstance(chunk, OSError):
                return

    def _read_available(self) -> bytes:
        """Wait for input, then read all that is available without waiting: handing over costs more than reading.

        The end is read once, as a terminal reports it only once.
        """
        parts, size = [], 0
        while not self._ended and size < self._size and self._is_available(wait=not size):
            part = os.read(self._descriptor, self._size - size)
            self._ended = not part
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    def _is_available(self, *, wait: bool) -> bool:
        ready, _, _ = select.select([self._descriptor, self._wake], [], [], None if wait else 0)
        self._ended = self._wake in ready
        return self._descriptor in ready and not self._ended
