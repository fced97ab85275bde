"""The asynchronous other end of a control connection, to a process that was started with it: see servers/control.py."""

import asyncio
import contextlib
import json
import socket
from collections import deque
from typing import Any

from pykafka_cli.servers.control import BadRequest


class ChannelClosed(Exception):
    """The process at the other end has ended."""


class ControlChannel:
    """Sends requests, several at a time; they are answered in order."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._reading is not None and not self._reading.done()

    async def open(self) -> None:
        """Start reading on this event loop."""
        reader, self._writer = await asyncio.open_unix_connection(sock=self._socket)
        self._reading = asyncio.create_task(self._read(reader))

    def close(self) -> None:
        """Close the connection, whether it was opened or not; the process then stops everything."""
        if self._writer is None:
            self._socket.close()
        else:
            with contextlib.suppress(OSError, RuntimeError):  # the other end closed first
                self._writer.write_eof()

    async def wait_closed(self) -> None:
        """Wait until the other end is closed, as it is when its process has ended; only if this was opened."""
        if self._reading is not None:
            await asyncio.shield(self._reading)

    async def request(self, command: str, **arguments: Any) -> Any:
        """The result of a command.

        raises    BadRequest with the reason if it cannot be done, ChannelClosed
        """
        return await self.send(command, **arguments)

    def send(self, command: str, **arguments: Any) -> "asyncio.Future[Any]":
        """Send a command without waiting; the result arrives later, unless the process ends first."""
        answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_note_failure)
        if self._writer is None or not self.is_open:
            answer.set_exception(ChannelClosed())
            return answer
        self._waiting.append(answer)
        self._writer.write(json.dumps({"command": command, **arguments}).encode() + b"\n")
        return answer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                answer, document = self._waiting.popleft(), json.loads(line)
                if answer.done():
                    continue  # the caller has given up
                if "error" in document:
                    answer.set_exception(BadRequest(document["error"]))
                else:
                    answer.set_result(document["result"])
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(ChannelClosed())
        self._waiting.clear()
        assert self._writer is not None
        self._writer.close()


def _note_failure(answer: "asyncio.Future[Any]") -> None:
    """Mark the exception as retrieved: nobody may be waiting for it."""
    if not answer.cancelled():
        answer.exception()
