"""ZooKeeper and brokers in a process of their own, as `pk up` starts them, for tests that talk to them from outside."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, Queue

PK = str(Path(sys.executable).with_name("pk"))
READY_TIMEOUT_S = 30
STOP_TIMEOUT_S = 30
ADDRESS = r"(?:localhost|\d+\.\d+\.\d+\.\d+):\d+"


class RunningCluster:
    """`pk up` on free ports; `bootstrap` and `zookeeper` are HOST:PORT.

    raises    RuntimeError with all it printed, when it ends before it listens
    """

    def __init__(self, data_dir: Path, *, ports: tuple[int, int] = (0, 0), extra: Sequence[str] = ()) -> None:
        self.data_dir = data_dir
        broker_port, zookeeper_port = ports
        words = [
            PK,
            "up",
            "--data-dir",
            str(data_dir),
            "--port",
            str(broker_port),
            "--zookeeper-port",
            str(zookeeper_port),
        ]
        self.log = data_dir.parent / f"{data_dir.name}.err"
        with self.log.open("ab") as errors:
            self.process = subprocess.Popen(
                [*words, *extra],
                stdout=subprocess.PIPE,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._lines: Queue[str | None] = Queue()
        threading.Thread(target=self._read_stdout, daemon=True).start()
        self.printed = ""
        self.zookeeper = self._wait_for(rf"(?i)zookeeper\b.*?({ADDRESS})")
        self.bootstrap = self._wait_for(rf"(?i)\bbroker\b.*?({ADDRESS})")

    def _read_stdout(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _wait_for(self, pattern: str) -> str:
        while not (found := re.search(pattern, self.printed)):
            try:
                line = self._lines.get(timeout=READY_TIMEOUT_S)
            except Empty:
                self.kill()
                raise RuntimeError(
                    f"not ready within {READY_TIMEOUT_S} s: {self.printed}{self.log.read_text()}"
                ) from None
            if line is None:
                raise RuntimeError(f"ended with {self.process.wait()}: {self.printed}{self.log.read_text()}")
            self.printed += line
        return found[1]

    def stop(self) -> int:
        """Ctrl-C; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=STOP_TIMEOUT_S)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    @property
    def port(self) -> int:
        return int(self.bootstrap.rpartition(":")[2])

    @property
    def zookeeper_port(self) -> int:
        return int(self.zookeeper.rpartition(":")[2])


def pk(*words: str, stdin: str = "", timeout: float = 60) -> "subprocess.CompletedProcess[str]":
    """Run one command of `pk` to its end, its output piped."""
    return subprocess.run([PK, *words], input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
