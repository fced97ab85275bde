"""Lets other processes of the same user control a `pk up` that allows it, by a Unix socket among its data.

    DIR/control.socket    mode 0600; exists only where --clock or --faults asks for it

Requests and responses are lines of JSON; the requests of one connection are served one after another:

    {"command": "advance", "seconds": 604800}    {"result": {"now_ms": 1767225600000}}
    {"command": "advance", "seconds": -1}        {"error": "..."}
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pykafka_cli.script.errors import ScriptError

SOCKET_NAME = "control.socket"
STOP_WITH_ME = "stop-with-me"
"""A command of a process that owns the servers: they stop when its connection ends, however it ends."""

Command = Callable[[Mapping[str, Any]], Awaitable[Any]]
"""Carries out a request, and returns the result; raises BadRequest."""


class BadRequest(Exception):
    """A request cannot be carried out; the message says why."""


@asynccontextmanager
async def controlled(data_dir: Path, commands: Mapping[str, Command], stop: Callable[[], None]) -> AsyncIterator[None]:
    """Accept requests while the block runs.

    stop      stops the servers
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
            await _serve(reader, writer, commands, stop)
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
    path.unlink(missing_ok=True)  # of one that was killed
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        hint = "A shorter --data-dir would do." if "too long" in str(error) else ""
        raise ScriptError(f"{path}: {error.strerror or error}", hint=hint) from None
    finally:
        os.umask(mask)
    listening.listen()
    return listening


async def _serve(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    commands: Mapping[str, Command],
    stop: Callable[[], None],
) -> None:
    is_tied = False
    with contextlib.suppress(ConnectionError, ValueError):  # the client is gone, or its line is longer than any request
        while line := await reader.readline():
            try:
                request = json.loads(line)
                if request["command"] == STOP_WITH_ME:
                    is_tied, result = True, None
                else:
                    result = await commands[request["command"]](request)
            except BadRequest as error:
                answer: dict[str, Any] = {"error": str(error)}
            except (ValueError, KeyError, TypeError) as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            else:
                answer = {"result": result}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
    if is_tied:
        stop()
