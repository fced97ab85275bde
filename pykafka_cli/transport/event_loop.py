"""Running a command that must end in time, even if the name of a host is still being looked up.

asyncio.run waits for its threads, and a lookup in one of them may take minutes if no name server responds.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` as asyncio.run does, but abandon lookups that nobody needs anymore."""
    with asyncio.Runner(loop_factory=_LookupLoop) as runner:
        return runner.run(work)


class _LookupLoop(asyncio.SelectorEventLoop):
    """Looks up each name in a daemon thread, for which neither the loop nor Python waits at its end."""

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002  # as asyncio calls it
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        found: asyncio.Future[list[Any]] = self.create_future()

        def settle(result: list[Any] | Exception) -> None:
            if found.done():  # given up
                return
            if isinstance(result, Exception):
                found.set_exception(result)
            else:
                found.set_result(result)

        def look_up() -> None:
            result: list[Any] | Exception
            try:
                result = socket.getaddrinfo(host, port, family, type, proto, flags)
            except Exception as error:
                result = error
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self.call_soon_threadsafe(settle, result)

        threading.Thread(target=look_up, name=f"look up {host}", daemon=True).start()
        return await found
