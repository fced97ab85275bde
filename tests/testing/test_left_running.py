"""The tests' servers end with the process that runs the tests, even if that is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.support.polling import until

ROOT = Path(__file__).parents[2]

KILLED = """
import os, signal, subprocess
import pytest
from tests.support import left_running

class Tests:
    @pytest.hookimpl
    def pytest_sessionstart(self):
        server = subprocess.Popen(["tail", "-f", "/dev/null"])
        print(server.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

pytest.main(["-q", "-s", "-p", "no:cacheprovider"], plugins=[left_running, Tests()])
"""


def test_what_a_killed_run_has_started_ends(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )

    assert killed.returncode == -signal.SIGKILL
    started = int(killed.stdout.split()[-1])
    until(lambda: not psutil.pid_exists(started), "it runs")
