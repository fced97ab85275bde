"""ZooKeeper and brokers in separate processes, as `pk up` starts them, for tests from outside."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.ports import free_ports
from tests.support.server_processes import ServerProcess

PK = os.environ.get("PK_PROGRAM") or str(Path(sys.executable).with_name("pk"))
"""The program under test; PK_PROGRAM=dist/pk runs the one that `make binary` builds."""

ADDRESS = r"(?:localhost|\d+\.\d+\.\d+\.\d+):\d+"


class RunningCluster(ServerProcess):
    """`pk up` on free ports, already started; `bootstrap` and `zookeeper` are HOST:PORT, of several the first.

    ports    of the first broker and the first ZooKeeper, where clients look for them after another start
    """

    def __init__(self, data_dir: Path, *, ports: tuple[int, int] | None = None, extra: Sequence[str] = ()) -> None:
        super().__init__(data_dir.parent / f"{data_dir.name}.log")
        self.data_dir = data_dir
        self._ports = ports or (free_ports(_count("--brokers", extra)), free_ports(_count("--zookeepers", extra)))
        self._extra = extra
        self.start()
        self.zookeeper, *_ = re.findall(rf"^ZooKeeper(?: 1)? listens on ({ADDRESS})\b", self.said(), re.MULTILINE)
        self.bootstrap, *_ = re.findall(rf"^Broker \d+ listens on ({ADDRESS})$", self.said(), re.MULTILINE)

    def command(self) -> Sequence[str]:
        broker, zookeeper = map(str, self._ports)
        ports = ("--port", broker, "--zookeeper-port", zookeeper)
        return [PK, "up", "--data-dir", str(self.data_dir), *ports, *self._extra]

    def serves(self) -> bool:
        return "Ctrl-C stops everything." in self.said()

    def stop(self, by: signal.Signals = signal.SIGINT) -> int:
        """Ctrl-C; returns the exit status."""
        return super().stop(by)

    @property
    def port(self) -> int:
        return int(self.bootstrap.rpartition(":")[2])

    @property
    def zookeeper_port(self) -> int:
        return int(self.zookeeper.rpartition(":")[2])


def _count(option: str, words: Sequence[str]) -> int:
    return int(words[words.index(option) + 1]) if option in words else 1


def pk(
    *words: str, stdin: str = "", timeout: float = 120, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run one command of `pk` to its end, its output piped."""
    return subprocess.run(
        [PK, *words], input=stdin, capture_output=True, text=True, timeout=timeout, env=env, check=False
    )


def change(cluster: RunningCluster, kind: str, number: int, command: str) -> str:
    """Kill, pause, resume, stop, start or restart one server of a `pk up`; return what the command prints.

    kind    "broker" or "zookeeper"
    """
    if command == "pause":
        cluster.expect_standstill()
    done = pk(kind, command, str(number), "--data-dir", str(cluster.data_dir))
    assert done.returncode == 0, done.stderr
    return done.stdout


def listed(cluster: RunningCluster, kind: str) -> list[dict[str, Any]]:
    """All servers of that kind, as documents."""
    done = pk(kind, "list", "--data-dir", str(cluster.data_dir), "--output", "json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
