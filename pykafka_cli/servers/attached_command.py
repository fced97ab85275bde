"""A command that runs beside servers: the servers stop when it ends, and it ends when they stop."""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.script.errors import ScriptError

OWN_END_S = 5.0
"""Seconds for a command that got the terminal's Ctrl-C, before it is sent SIGTERM."""

LAST_END_S = 10.0
"""Seconds for a command after SIGTERM, before it is killed."""


def ensure_found(command: Sequence[str]) -> None:
    """Find the program, or fail as a shell does.

    raises    ScriptError
    """
    name = command[0]
    if shutil.which(name):
        return
    if os.path.exists(name):
        raise ScriptError(f"{name}: cannot be executed", status=ExitStatus.NOT_EXECUTABLE)
    raise ScriptError(f"{name}: command not found", status=ExitStatus.NOT_FOUND)


async def run_command(command: Sequence[str], variables: Mapping[str, str], *until: "asyncio.Future[Any]") -> int:
    """Run a command in this environment with `variables`; return its status as a shell shows it.

    until    the command is stopped when one of them is done
    raises   ScriptError if it cannot be started
    """
    try:
        child = await asyncio.create_subprocess_exec(*command, env={**os.environ, **variables})
    except OSError as error:
        raise ScriptError(f"{command[0]}: {error.strerror}", status=ExitStatus.NOT_EXECUTABLE) from None
    ending = asyncio.create_task(child.wait())
    ends: list[asyncio.Future[Any]] = [ending, *until]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        status = await _end(child, ending)
    return 128 - status if status < 0 else status


async def _end(child: asyncio.subprocess.Process, ending: "asyncio.Task[int]") -> int:
    """Stop a command, with increasing force."""
    if _is_in_foreground():
        await asyncio.wait((ending,), timeout=OWN_END_S)
    for act in (child.terminate, child.kill):
        if ending.done():
            break
        with contextlib.suppress(ProcessLookupError):
            act()
        await asyncio.wait((ending,), timeout=LAST_END_S)
    return await ending


def _is_in_foreground() -> bool:
    """Whether a terminal sends Ctrl-C to this process and its children alike."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False
