"""A port for TLS, or for both: connections are accepted and counted, then handed to the server once TLS has begun.

So connections without a complete handshake count toward the server's limits, time out, and do not block others, which
asyncio's servers do not provide. With them, another certificate would also require another server, and closing the old
one would lose the connections that it has just accepted; here, `context` is replaced.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Coroutine
from typing import Generic, Protocol, TypeVar

from pykafka_cli.model import Seconds
from pykafka_cli.tls.alerts import ON_FAILURE

_log = logging.getLogger(__name__)

_PAUSE_S = 1.0  # where no connection can be accepted, mostly as there are too many open files
_SHUTDOWN_S = 5.0
_HANDSHAKE = b"\x16"
_TURN = 64  # connections that are accepted before others get their turn

Made = TypeVar("Made", bound=asyncio.BaseProtocol)


class Door(Protocol[Made]):
    """What a port needs from its server."""

    def admit(self, address: str, port: int) -> Made | None:
        """Count a connection from that address on which TLS has yet to begin; None if it must be rejected."""

    async def may_begin(self, made: Made) -> bool:
        """Wait until TLS may begin; returns False if the connection is to be closed instead."""

    def has_failed(self, made: Made, reason: str) -> None:
        """TLS has not begun; the reason is empty if it was not allowed to, or not within the time."""


class TlsPort(Generic[Made]):
    """Accepts connections on one socket, and closes it when it stops.

    context          the SSL context of new handshakes; can be replaced at any time
    within           seconds in which TLS must have begun
    accepts_plain    whether TLS is optional: the first byte decides
    """

    def __init__(
        self,
        door: Door[Made],
        listening: socket.socket,
        context: ssl.SSLContext,
        within: Seconds,
        *,
        accepts_plain: bool = False,
    ) -> None:
        self.context = context
        self._door, self._listening, self._within, self._accepts_plain = door, listening, within, accepts_plain
        self._tasks: set[asyncio.Task[None]] = set()
        self._start(self._accept())

    async def close(self) -> None:
        """Accept no more connections, and close those on which TLS has not begun."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._listening.close()

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        turn = 0
        while True:
            try:
                accepted, peer = await loop.sock_accept(self._listening)
            except OSError as error:
                _log.error("Cannot accept connections on %s: %s", self._listening.getsockname(), error.strerror)
                await asyncio.sleep(_PAUSE_S)
                continue
            self._admit(accepted, *peer[:2])
            del accepted  # nothing is kept here while the next one is waited for
            turn += 1
            if turn % _TURN == 0:
                await asyncio.sleep(0)

    def _admit(self, accepted: socket.socket, address: str, port: int) -> None:
        made = self._door.admit(address, port)
        if made is None:
            accepted.close()
        else:
            self._start(self._begin(accepted, made))

    async def _begin(self, accepted: socket.socket, made: Made) -> None:
        """Start TLS on a connection."""
        reason = ""
        has_begun = False
        failures: list[ssl.SSLError] = []

        def fail(error: ssl.SSLError) -> None:
            failures.append(error.with_traceback(None))
            asyncio.get_running_loop().call_soon(_read_no_more, accepted)  # after the alert is sent

        ON_FAILURE.set(fail)
        try:
            if not await self._door.may_begin(made):
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            loop = asyncio.get_running_loop()
            if self._accepts_plain and not await self._wants_tls(accepted):
                await loop.connect_accepted_socket(lambda: made, accepted)
            else:
                await loop.connect_accepted_socket(
                    lambda: made,
                    accepted,
                    ssl=self.context,
                    ssl_handshake_timeout=self._within,
                    ssl_shutdown_timeout=_SHUTDOWN_S,
                )
            has_begun = True
        except OSError as error:
            reason = _reason(failures[0] if failures else error)
        finally:
            failures.clear()
            if not has_begun:
                accepted.close()
                self._door.has_failed(made, reason)

    async def _wants_tls(self, accepted: socket.socket) -> bool:
        """Whether the first byte is that of a handshake; raises OSError where none comes in time."""
        loop = asyncio.get_running_loop()
        has_come: asyncio.Future[None] = loop.create_future()

        def come() -> None:
            if not has_come.done():
                has_come.set_result(None)

        loop.add_reader(accepted, come)
        try:
            async with asyncio.timeout(self._within):
                await has_come
        finally:
            loop.remove_reader(accepted)
        return accepted.recv(1, socket.MSG_PEEK) == _HANDSHAKE


def _read_no_more(accepted: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client has been faster
        accepted.shutdown(socket.SHUT_RD)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return str(error) or type(error).__name__
