"""`pk up` in the background: started by another process, which exits once the servers are ready."""

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pykafka_cli.script.errors import Ended, ScriptError
from pykafka_cli.servers.program import own_command
from pykafka_cli.servers.run_states import RunState, runtime_directory, state_of

STOP_TIMEOUT_S = 60.0
_LOOK_AGAIN_S = 0.05


def start_detached(words: Sequence[str], environment: Mapping[str, str] | None = None) -> RunState:
    """Run `pk up WORDS` in a new session; return once it serves.

    environment    its variables; None for this process's
    raises         Ended with its status if it does not; its errors are on stderr
    """
    ready, its_end = os.pipe()
    directory = runtime_directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w+", dir=directory, suffix=".log", delete=False) as log:
        child = subprocess.Popen(
            [*own_command(), "up", *words, f"--ready-file=/dev/fd/{its_end}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment,
            pass_fds=(its_end,),
            start_new_session=True,
        )
        os.close(its_end)
        with os.fdopen(ready, encoding="utf-8") as pipe:
            line = pipe.readline()  # empty if it has ended
        if line:
            Path(log.name).rename(directory / f"{child.pid}.log")
            return state_of(json.loads(line))
        status = child.wait()
        log.seek(0)
        reason = log.read().strip()
    Path(log.name).unlink()
    if status > 0:
        raise ScriptError(reason, status=status) if reason else Ended(status)
    raise ScriptError(f"{reason}\nThe servers were stopped before they were ready.".strip())


def stop(state: RunState) -> None:
    """Send SIGTERM to a `pk up`, and wait until it has ended.

    raises    ScriptError if it takes too long
    """
    try:
        handle = os.pidfd_open(state.pid) if hasattr(os, "pidfd_open") else None
        os.kill(state.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    if handle is not None:
        is_gone = bool(select.select([handle], [], [], STOP_TIMEOUT_S)[0])
        os.close(handle)
    else:
        is_gone = _is_gone_in_time(state.pid)
    if not is_gone:
        raise ScriptError(f"Process {state.pid} is still running {STOP_TIMEOUT_S:g} s after SIGTERM")


def _is_gone_in_time(pid: int) -> bool:
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(_LOOK_AGAIN_S)
    return False
