"""Requests of the ZooKeeper clients of a simulation, which are sent again when a connection is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from pykafka_cli.zookeeper.errors import ConnectionClosed, SessionExpired

_T = TypeVar("_T")


class Lost(Exception):
    """The connection was lost before the response arrived."""


class Connecting(Protocol):
    """A client: `session_id` is 0 before its first session."""

    session_id: int

    @property
    def is_closed(self) -> bool: ...

    async def until_connected(self) -> None:
        """Return once there is a connection, or the client is closed."""


async def again(client: Connecting, request: Callable[[], Awaitable[_T]], pause_s: float = 0.0) -> _T:
    """Carry out a request, and again whenever it raises Lost; the session must stay the same.

    raises    ConnectionClosed, SessionExpired
    """
    session = client.session_id
    while True:
        await client.until_connected()
        if client.is_closed:
            raise ConnectionClosed("the session is closed")
        if session and client.session_id != session:
            raise SessionExpired("the session has expired")
        session = client.session_id
        try:
            return await request()
        except Lost:
            if pause_s:
                await asyncio.sleep(pause_s)
