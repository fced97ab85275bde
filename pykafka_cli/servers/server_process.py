"""One server of a `pk up`, in its own process: what `pk up` has of it.

Before `pk up` has threads and an event loop, a process is forked: it has everything loaded, and shares its memory.
Later, when a server is started again, and where forking is not safe, the process is a new one.
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

    serve     runs one, by its number and the connection to `pk up`
    option    of `pk up`, NUMBER:DESCRIPTOR, by which it starts one in a new process; no user gives it
    """

    serve: Callable[[int, socket.socket], ExitStatus]
    option: str

    def serve_as(self, value: str) -> ExitStatus:
        """Run the server that the value of the option stands for."""
        number, _, descriptor = value.partition(":")
        return self.serve(int(number), socket.socket(fileno=int(descriptor)))


STOP_TIMEOUT_S = 45.0
"""How long servers may take to stop before they are killed: less than `pk down` waits."""

_CAN_FORK = sys.platform == "linux"
"""macOS has libraries that do not survive it."""


class ServerProcess:
    """A process, started; `channel` is to be opened before anything is requested."""

    def __init__(self, pid: int, channel: socket.socket, wait: Callable[[], int]) -> None:
        self.pid = pid
        self.channel = ControlChannel(channel)
        self._wait = wait
        self._ending: asyncio.Task[int] | None = None

    async def end(self) -> int:
        """Wait until it has ended; its status, or a signal's number below 0."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        return await asyncio.shield(self._ending)

    async def _end(self) -> int:
        await self.channel.wait_closed()  # without a thread
        return await asyncio.to_thread(self._wait)

    @property
    def is_alive(self) -> bool:
        """Whether its connection is still there."""
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
    """Let servers stop at once, even paused ones; those that take too long are killed.

    called    "brokers", for the report
    """
    for process in processes:
        process.channel.close()
        process.send(signal.SIGCONT)
    if not processes:
        return
    ends = [asyncio.create_task(each.end()) for each in processes]
    _, late = await asyncio.wait(ends, timeout=STOP_TIMEOUT_S)
    if late:
        report(f"{len(late)} {called} have not stopped within {STOP_TIMEOUT_S:g} s, and are killed")
        for process in processes:
            process.send(signal.SIGKILL)
        await asyncio.wait(late)


def how_it_ended(status: int) -> str:
    """For a report, after the name of a server."""
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    if status in (0, 128 + signal.SIGTERM, 128 + signal.SIGHUP):
        return "has stopped"
    return f"ended with status {status}"


def start_processes(kind: Kind, numbers: Iterable[int], ours: list[socket.socket]) -> list[ServerProcess]:
    """Start one for each number; to be called before there are threads.

    ours    this process's ends of connections to processes: those of others, and after the call those of these
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
    """Start a new process, at any time. It takes as long to start as a command of pk."""
    our_end, their_end = socket.socketpair()
    with their_end:
        return _spawn(kind, number, our_end, their_end)


def _fork(kind: Kind, number: int, ours: Sequence[socket.socket], their_end: socket.socket) -> ServerProcess:
    sys.stdout.flush()
    sys.stderr.flush()
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is not for the new process, from its first moment on
    pid = os.fork()
    if not pid:
        _run_forked(kind, number, ours, their_end)
    signal.signal(signal.SIGINT, interrupt)
    return ServerProcess(pid, ours[-1], lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _run_forked(kind: Kind, number: int, ours: Sequence[socket.socket], channel: socket.socket) -> NoReturn:
    """Nothing of the caller's is run to its end: that is for the process which was forked."""
    status = int(ExitStatus.FAILURE)
    try:
        for each in ours:  # else this process would keep the connections of the others open
            each.close()
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        status = kind.serve(number, channel)
    except BaseException:  # whatever it is, it ends here
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
