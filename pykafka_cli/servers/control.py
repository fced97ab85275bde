"""Lets other processes of the same user control a `pk up` that allows it, through a Unix socket in its data directory.

    DIR/control.socket    mode 0600; exists only where --clock or --faults asks for it, or where servers have their
                          own processes

In the same way, `pk up` controls those servers, each over a pair of sockets that both had when it was started.

Requests and responses are lines of JSON; the requests of one connection are served one after another:

    {"command": "advance", "seconds": 604800}    {"result": {"now_ms": 1767225600000}}
    {"command": "advance", "seconds": -1}        {"error": "..."}
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pykafka_cli.script.errors import ScriptError
from pykafka_cli.servers.socket_path import short_name

_log = logging.getLogger(__name__)

SOCKET_NAME = "control.socket"

Command = Callable[[Mapping[str, Any]], Awaitable[Any]]
"""Carries out a request, and returns the result; raises BadRequest."""


class BadRequest(Exception):
    """A request cannot be carried out; the message says why."""


@asynccontextmanager
async def controlled(data_dir: Path, commands: Mapping[str, Command]) -> AsyncIterator[None]:
    """Accept requests while the block runs.

    raises    ScriptError if the socket cannot be created
    """
    path = data_dir / SOCKET_NAME
    listening = _listen(path)
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        task.add_done_callback(connections.discard)
        try:
            await serve_connection(reader, writer, commands)
        finally:
            writer.close()

    server = await asyncio.start_unix_server(connected, sock=listening)
    try:
        yield
    finally:
        server.close()
        for each in tuple(connections):
            each.cancel()
        if connections:
            await asyncio.wait(connections)
        path.unlink(missing_ok=True)


def _listen(path: Path) -> socket.socket:
    """A socket that only this user can open, from the moment it exists."""
    path.unlink(missing_ok=True)  # left by a server that was killed
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        with short_name(path) as name:
            listening.bind(name)
    except OSError as error:
        listening.close()
        hint = "A shorter --data-dir would do." if "too long" in str(error) else ""
        raise ScriptError(f"{path}: {error.strerror or error}", hint=hint) from None
    finally:
        os.umask(mask)
    listening.listen()
    return listening


async def serve_connection(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    commands: Mapping[str, Command],
    at_end: Callable[[], None] = lambda: None,
) -> None:
    """Serve the requests of one connection until the other side ends it.

    at_end     called then, even while a request is still being served
    """
    connection = _Connection(writer, commands)
    answering = asyncio.create_task(connection.answer())
    try:
        with contextlib.suppress(
            ConnectionError, ValueError
        ):  # the client has disconnected, or its line is longer than any request
            while line := await reader.readline():
                connection.lines.put_nowait(line)
        at_end()
        connection.lines.put_nowait(b"")
        await answering
    finally:
        answering.cancel()
        await asyncio.wait((answering,))


class _Connection:
    """Answers lines; an empty one is the last."""

    def __init__(self, writer: asyncio.StreamWriter, commands: Mapping[str, Command]) -> None:
        self._writer, self._commands = writer, commands
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()

    async def answer(self) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await self.lines.get():
                self._writer.write(json.dumps(await self._answer_to(line)).encode() + b"\n")
                await self._writer.drain()

    async def _answer_to(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            result = await self._commands[request["command"]](request)
        except BadRequest as error:
            return {"error": str(error)}
        except (ValueError, KeyError, TypeError) as error:
            return {"error": f"{type(error).__name__}: {error}"}
        except Exception as error:
            _log.exception("A command of the control socket failed; this is a bug")
            return {"error": f"{type(error).__name__}: {error}"}
        return {"result": result}
