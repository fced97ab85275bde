"""Processes are ended by a variable that they have inherited."""

import os
import signal
import subprocess
from pathlib import Path

from pykafka_cli.servers.marked_processes import end_marked

MARK = "PK_TEST_MARK"


def start(mark: str, words: str) -> "subprocess.Popen[bytes]":
    started = subprocess.Popen(["sh", "-c", f"echo; {words}"], stdout=subprocess.PIPE, env={**os.environ, MARK: mark})
    assert started.stdout
    started.stdout.readline()  # from here on it has its environment
    return started


def test_what_is_marked_ends_and_nothing_else_does(tmp_path: Path) -> None:
    wait = "exec tail -f /dev/null"
    with start(str(tmp_path), wait) as marked, start("another", wait) as other, start(str(tmp_path), wait) as spared:
        end_marked(MARK, str(tmp_path), stays=lambda process: process.pid == spared.pid)

        assert marked.wait() == -signal.SIGTERM
        assert other.poll() is None
        assert spared.poll() is None
        other.kill()
        spared.kill()
