"""One broker of a `pk up`, in a process of its own: what `pk up` has of it.

Before `pk up` has threads and an event loop, a process is forked: it has everything loaded, and shares its memory.
Later, when a broker is started again, and where forking is not safe, the process is a new one.
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
from collections.abc import Callable, Sequence
from typing import NoReturn

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.servers.broker_child import serve_broker
from pykafka_cli.servers.control_channel import ControlChannel
from pykafka_cli.servers.program import own_command

OPTION = "--as-broker"
"""Of `pk up`, NUMBER:DESCRIPTOR, by which it starts a broker in a new process. No user gives it."""

_CAN_FORK = sys.platform == "linux"
"""macOS has libraries that do not survive it."""


class BrokerProcess:
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


def start_processes(count: int) -> list[BrokerProcess]:
    """Start one for each broker; to be called before there are threads."""
    processes: list[BrokerProcess] = []
    ours: list[socket.socket] = []
    for number in range(count):
        our_end, their_end = socket.socketpair()
        ours.append(our_end)
        with their_end:
            if _CAN_FORK and threading.active_count() == 1:
                processes.append(_fork(number, ours, their_end))
            else:
                processes.append(_spawn(number, our_end, their_end))
    return processes


def start_process(number: int) -> BrokerProcess:
    """Start a new process, at any time. It takes as long to start as a command of pk."""
    our_end, their_end = socket.socketpair()
    with their_end:
        return _spawn(number, our_end, their_end)


def serve_as(value: str) -> ExitStatus:
    """Run the broker that the value of OPTION stands for."""
    number, _, descriptor = value.partition(":")
    return serve_broker(int(number), socket.socket(fileno=int(descriptor)))


def _fork(number: int, ours: Sequence[socket.socket], their_end: socket.socket) -> BrokerProcess:
    sys.stdout.flush()
    sys.stderr.flush()
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is not for the new process, from its first moment on
    pid = os.fork()
    if not pid:
        _run_forked(number, ours, their_end)
    signal.signal(signal.SIGINT, interrupt)
    return BrokerProcess(pid, ours[-1], lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _run_forked(number: int, ours: Sequence[socket.socket], channel: socket.socket) -> NoReturn:
    """Nothing of the caller's is run to its end: that is for the process which was forked."""
    status = int(ExitStatus.FAILURE)
    try:
        for each in ours:  # else this process would keep the connections of the others open
            each.close()
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        status = serve_broker(number, channel)
    except BaseException:  # whatever it is, it ends here
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _spawn(number: int, our_end: socket.socket, their_end: socket.socket) -> BrokerProcess:
    child = subprocess.Popen(
        [*own_command(), "up", f"{OPTION}={number}:{their_end.fileno()}"],
        stdin=subprocess.DEVNULL,
        pass_fds=(their_end.fileno(),),
    )
    return BrokerProcess(child.pid, our_end, child.wait)
