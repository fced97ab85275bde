"""Ends whatever the tests have started, with the process that runs them, however that ends: kill -9 runs no fixture.

All inherit a variable from it. Another process waits at the end of a pipe, and ends them.
"""

import os
import subprocess
import sys

import pytest

MARK = "PK_TEST_PROCESS"

WAIT = f"""
import sys
from pykafka_cli.servers.marked_processes import end_marked
sys.stdin.read()
end_marked({MARK!r}, sys.argv[1])
"""


def pytest_configure(config: pytest.Config) -> None:
    before = {name: value for name, value in os.environ.items() if name != MARK}
    os.environ[MARK] = value = f"{os.getpid()} {config.invocation_params.dir}"
    waiting = subprocess.Popen(
        [sys.executable, "-c", WAIT, value], stdin=subprocess.PIPE, start_new_session=True, env=before
    )

    def end() -> None:
        assert waiting.stdin
        waiting.stdin.close()
        waiting.wait()

    config.add_cleanup(end)
