"""kazoo's own tests, all that a standalone server can pass, against our ZooKeeper server."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import peers

MODULES = ("barrier", "client", "connection", "counter", "election", "lease", "lock", "party", "queue", "watchers")
LEFT_OUT = {
    "test_update_host_list": "moves to another member of an ensemble",
    "TestReconfig": "changes the members of an ensemble",
    "TestReadOnlyMode": "stops two of three members",
    "TestSSLClient": "needs TLS",
}
AT_LEAST = {"client": 90, "lock": 25, "watchers": 20}
"""Tests that must have been found in some modules, so that a change in kazoo cannot make this pass by doing nothing."""
TIMEOUT_S = 240


@pytest.fixture(scope="module")
def suites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, "subprocess.Popen[str]"]]:
    """One process for each module, each with its own server, all at once: most of what they do is wait."""
    running = {module: start(module, tmp_path_factory.mktemp(module)) for module in MODULES}
    yield running
    for process in running.values():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a suite that was cut short leaves its server behind
        process.communicate()


def start(module: str, folder: Path) -> "subprocess.Popen[str]":
    words = ["-m", "pytest", "-o", "addopts=", "-q", "-p", "tests.support.kazoo_suite", "-p", "no:cacheprovider"]
    chosen = ["--timeout", "60", "-k", " and ".join(f"not {name}" for name in LEFT_OUT)]
    return subprocess.Popen(
        [sys.executable, *words, *chosen, "--pyargs", f"kazoo.tests.test_{module}"],
        cwd=peers.ROOT,
        env={**os.environ, "PK_KAZOO_FOLDER": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.timeout(TIMEOUT_S + 60)
@pytest.mark.parametrize("module", MODULES)
def test_kazoos_tests_pass(suites: dict[str, "subprocess.Popen[str]"], module: str) -> None:
    printed, _ = suites[module].communicate(timeout=TIMEOUT_S)

    assert suites[module].returncode == 0, printed[-5000:]
    passed = re.search(r"(\d+) passed", printed)
    assert passed is not None, printed
    assert int(passed[1]) >= AT_LEAST.get(module, 1)
