"""ZooKeeper servers for tests: the one that Debian ships, in a process of its own on a free port."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests import peers

READY_TIMEOUT_S = 30


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class DebianZooKeeper:
    """ZooKeeper 3.8 in Java; `address` is HOST:PORT. A second `start` finds the data of the first."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.log = folder / "zookeeper.log"
        self._settings = folder / "zoo.cfg"
        self._settings.write_text(
            f"dataDir={folder / 'data'}\nclientPort={self.port}\nclientPortAddress=127.0.0.1\n"
            "tickTime=500\nminSessionTimeout=1000\nadmin.enableServer=false\n4lw.commands.whitelist=*\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    peers.java(),
                    "-Xmx256m",
                    "-XX:TieredStopAtLevel=1",
                    "-cp",
                    peers.debian_zookeeper_classpath(),
                    "org.apache.zookeeper.server.ZooKeeperServerMain",
                    str(self._settings),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as asking:
                asking.sendall(b"ruok")
                if asking.recv(4) == b"imok":
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"ZooKeeper does not answer: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def debian_zookeeper(folder: Path) -> Iterator[DebianZooKeeper]:
    """A running server, stopped at the end."""
    server = DebianZooKeeper(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
