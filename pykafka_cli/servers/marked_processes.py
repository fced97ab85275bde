"""Ends processes by a variable that they inherited, even if the processes that started them have ended."""

import contextlib
import os
import time
from collections.abc import Callable, Sequence

import psutil

_END_S, _LOOK_AGAIN_S = 10.0, 0.05
_ATTEMPTS = 3
"""A process that is ended may just have started another."""


def end_marked(variable: str, value: str, *, stays: Callable[[psutil.Process], bool] = lambda _: False) -> None:
    """Send SIGTERM to the processes of this user whose environment has the variable, and SIGKILL if that is not enough.

    stays    whether a process is spared; this one is
    """
    for _ in range(_ATTEMPTS):
        if not (marked := _marked(variable, value, stays)):
            return
        for process in marked:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        for process in _alive_after_a_while(marked):
            with contextlib.suppress(psutil.Error):
                process.kill()
        _alive_after_a_while(marked)


def _marked(variable: str, value: str, stays: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(variable) == value and not stays(process):
                found.append(process)
    return found


def _alive_after_a_while(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    deadline = time.monotonic() + _END_S
    while (alive := [each for each in processes if _is_alive(each)]) and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN_S)
    return alive


def _is_alive(process: psutil.Process) -> bool:
    """Whether it runs, and is not a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
