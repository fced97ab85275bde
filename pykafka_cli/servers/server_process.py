"""One server of `pk up` in its own process, as `pk up` sees it.

Before `pk up` has threads and an event loop, processes are forked: they have everything loaded, and share memory.
When a server is restarted later, and where forking is not safe, a new process is started.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, NoReturn

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.servers.control_channel import ControlChannel
from pykafka_cli.servers.program import own_command


class Kind(NamedTuple):
    """A kind of server.

    serve     runs one, given its number and its connection to `pk up`
    option    the internal option by which `pk up` starts one in a new process; its value is NUMBER:DESCRIPTOR
    """

    serve: Callable[[int, socket.socket], ExitStatus]
    option: str

    def serve_as(self, value: str) -> ExitStatus:
        """Run the server that the value of the option names."""
        number, _, descriptor = value.partition(":")
        return self.serve(int(number), socket.socket(fileno=int(descriptor)))


STOP_TIMEOUT_S = 45.0
"""Seconds that servers may take to stop before they are killed: less than `pk down` waits."""

_CAN_FORK = sys.platform == "linux"
"""Some libraries of macOS do not survive forking."""


class ServerProcess:
    """A started process; open its `channel` before the first request."""

    def __init__(self, pid: int, channel: socket.socket, wait: Callable[[], int]) -> None:
        self.pid = pid
        self.channel = ControlChannel(channel)
        self._wait = wait
        self._ending: asyncio.Task[int] | None = None

    async def end(self) -> int:
        """Wait until it has ended; returns its exit status, or the negative number of the signal that ended it."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        return await asyncio.shield(self._ending)

    async def _end(self) -> int:
        await self.channel.wait_closed()  # without a thread
        return await asyncio.to_thread(self._wait)

    @property
    def is_alive(self) -> bool:
        """Whether its connection is still open."""
        return self.channel.is_open

    @property
    def is_paused(self) -> bool:
        """Whether it is stopped by SIGSTOP or Ctrl-Z."""
        import psutil

        try:
            return bool(psutil.Process(self.pid).status() == psutil.STATUS_STOPPED)
        except psutil.Error:
            return False

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


async def stop_processes(processes: Sequence[ServerProcess], called: str, report: Callable[[str], None]) -> None:
    """Stop all servers at the same time, paused ones included, and kill those that take too long.

    called    what the report calls them, such as "brokers"
    """
    for process in processes:
        process.channel.close()
        process.send(signal.SIGCONT)
    if not processes:
        return
    ends = [asyncio.create_task(each.end()) for each in processes]
    _, late = await asyncio.wait(ends, timeout=STOP_TIMEOUT_S)
    if late:
        report(f"{len(late)} {called} did not stop within {STOP_TIMEOUT_S:g} s; killing them")
        for process in processes:
            process.send(signal.SIGKILL)
        await asyncio.wait(late)


def how_it_ended(status: int) -> str:
    """How a server ended, to follow its name in a report."""
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    if status in (0, 128 + signal.SIGTERM, 128 + signal.SIGHUP):
        return "has stopped"
    return f"exited with status {status}"


def start_processes(kind: Kind, numbers: Iterable[int], ours: list[socket.socket]) -> list[ServerProcess]:
    """Start one process for each number; call it before starting threads.

    ours    this process's ends of its connections to all processes; the new ones are added
    """
    processes: list[ServerProcess] = []
    for number in numbers:
        our_end, their_end = socket.socketpair()
        ours.append(our_end)
        with their_end:
            if _CAN_FORK and threading.active_count() == 1:
                processes.append(_fork(kind, number, ours, their_end))
            else:
                processes.append(_spawn(kind, number, our_end, their_end))
    return processes


def start_process(kind: Kind, number: int) -> ServerProcess:
    """Start a new process, at any time; this takes as long as any command of pk takes to start."""
    our_end, their_end = socket.socketpair()
    with their_end:
        return _spawn(kind, number, our_end, their_end)


def _fork(kind: Kind, number: int, ours: Sequence[socket.socket], their_end: socket.socket) -> ServerProcess:
    sys.stdout.flush()
    sys.stderr.flush()
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the new process must ignore it from the first moment
    pid = os.fork()
    if not pid:
        _run_forked(kind, number, ours, their_end)
    signal.signal(signal.SIGINT, interrupt)
    return ServerProcess(pid, ours[-1], lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _run_forked(kind: Kind, number: int, ours: Sequence[socket.socket], channel: socket.socket) -> NoReturn:
    """Run the server and exit: the frames of the caller belong to the parent process."""
    status = int(ExitStatus.FAILURE)
    try:
        for each in ours:  # otherwise this process would keep the connections of the others open
            each.close()
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        status = kind.serve(number, channel)
    except BaseException:  # nothing may reach the caller's frames
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _spawn(kind: Kind, number: int, our_end: socket.socket, their_end: socket.socket) -> ServerProcess:
    child = subprocess.Popen(
        [*own_command(), "up", f"{kind.option}={number}:{their_end.fileno()}"],
        stdin=subprocess.DEVNULL,
        pass_fds=(their_end.fileno(),),
    )
    return ServerProcess(child.pid, our_end, child.wait)
