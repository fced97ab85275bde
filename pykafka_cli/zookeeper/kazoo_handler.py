"""How kazoo runs here: callbacks in its connection thread, and a wake-up that never blocks the sender of a request.

kazoo queues a request and then writes one byte into a socket pair, from which its connection thread reads one byte for
each request that it puts on the wire. Without a connection nothing reads; after about 280 bytes the pair is full, and
the next write blocks the
requesting thread, which here is the event loop.

kazoo is kept, rather than replaced by an asyncio client on zookeeper/protocol: it has been proven with real ensembles
for years, and this was its only call that could block. `create_socket_pair` is part of its handlers'
interface (kazoo.interfaces.IHandler), so a counting pair solves it.
"""

import contextlib
import socket
import threading
from typing import Any

from kazoo.handlers.threading import SequentialThreadingHandler


class InThread(SequentialThreadingHandler):  # type: ignore[misc]
    """Lets kazoo's connection thread run its callbacks itself, immediately: they must be quick.

    kazoo's own handler has one thread for responses and one for watches, which loses their order.
    """

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def dispatch_callback(self, callback: Any) -> None:
        callback.func(*callback.args)

    def create_socket_pair(self) -> "tuple[CountedWakeUps, CountedWakeUps]":
        wake_ups = CountedWakeUps()
        return wake_ups, wake_ups


class CountedWakeUps:
    """Both ends of kazoo's socket pair: sent bytes are counted, and one real byte is in the pair while any are unread.

    `send` and `recv` return immediately, on any thread, however many bytes are unread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._reading, self._writing = socket.socketpair()
        self._reading.setblocking(False)
        self._writing.setblocking(False)

    def fileno(self) -> int:
        """For kazoo's select: readable while `recv` has a byte to give."""
        return self._reading.fileno()

    def send(self, data: bytes) -> int:
        with self._lock:
            if self._count == 0:
                self._writing.send(b"\0")
            self._count += len(data)
        return len(data)

    def recv(self, _size: int) -> bytes:
        """One byte; raises BlockingIOError when there is none, as a socket does."""
        with self._lock:
            if self._count == 0:
                raise BlockingIOError("no byte was sent")
            self._count -= 1
            if self._count == 0:
                with contextlib.suppress(OSError):  # closed meanwhile
                    self._reading.recv(1)
        return b"\0"

    def close(self) -> None:
        self._reading.close()
        self._writing.close()
