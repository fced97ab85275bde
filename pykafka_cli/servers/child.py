"""A server of a `pk up` in its own process: what runs there, whichever server it is.

The process has one end of a pair of sockets, on which it serves commands (servers/control.py). When the other end is
closed, `pk up` stops everything, or was killed: then this server stops as well. At SIGTERM or SIGHUP it stops alone.
Ctrl-C is left to `pk up`.
"""

import asyncio
import os
import signal
import socket
import sys
from functools import partial
from typing import Protocol

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.servers import standstill
from pykafka_cli.servers.control import Command, serve_connection
from pykafka_cli.servers.log_output import log_warnings
from pykafka_cli.servers.starting import run_until_signalled

_SET_DEATH_SIGNAL, _SET_NAME = 1, 15  # of prctl


class Child(Protocol):
    """The server, once it is asked to start."""

    ended: asyncio.Event
    """Set when it has ended by itself."""

    @property
    def commands(self) -> dict[str, Command]:
        """The requests that `pk up` can send."""

    async def stop(self, all_stop: asyncio.Event) -> ExitStatus | None:
        """Stop the server, if it has started; quickly once `all_stop` is set. Return the exit status of a failure."""


def serve_child(name: str, channel: socket.socket, child: type[Child]) -> ExitStatus:
    """Run a server until it must stop.

    name       "broker 1", for the lists of processes and for warnings
    channel    is connected to `pk up`
    child      is created once there is an event loop
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _follow_parent(name)
    if file := os.environ.get(standstill.VARIABLE):
        os.environ[standstill.VARIABLE] = f"{file}-{name.replace(' ', '-')}"
    log_warnings(f"{name}: ", has_file=True)
    failures: list[ExitStatus] = []
    status = run_until_signalled(partial(_serve, channel, child, failures), by=(signal.SIGTERM, signal.SIGHUP))
    return failures[0] if failures else status


def _follow_parent(name: str) -> None:
    """Let this process resume when `pk up` dies, so that it sees the end of the channel even if it is paused.

    Elsewhere than on Linux, a paused server of a `pk up` that was killed stays until it is resumed.
    """
    if sys.platform != "linux":
        return
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    prctl(_SET_DEATH_SIGNAL, signal.SIGCONT, 0, 0, 0)
    prctl(_SET_NAME, f"pk {name}".encode(), 0, 0, 0)


async def _serve(channel: socket.socket, make: type[Child], failures: list[ExitStatus], stop: asyncio.Event) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=channel)
    child, all_stop = make(), asyncio.Event()
    serving = asyncio.create_task(serve_connection(reader, writer, child.commands, all_stop.set))
    ends = [asyncio.create_task(event.wait()) for event in (stop, all_stop, child.ended)]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    if (failure := await child.stop(all_stop)) is not None:
        failures.append(failure)
    for task in (serving, *ends):
        task.cancel()
    await asyncio.wait((serving, *ends))
