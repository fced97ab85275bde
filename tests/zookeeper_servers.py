"""ZooKeeper servers for tests, each in a process of its own on a free port: ours, and the one that Debian ships."""

import contextlib
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from tests import peers
from tests.running import PK

READY_TIMEOUT_S = 30


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def four_letter_word(port: int, word: bytes) -> bytes:
    """The answer to a four-letter word; empty where nobody answers."""
    answer = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as asking:
        asking.sendall(word)
        while data := asking.recv(1 << 16):
            answer += data
    return answer


class ZooKeeperProcess(ABC):
    """A server; `address` is HOST:PORT. A second `start` finds the data of the first.

    data    its dataDir; several servers may have it one after another
    keys    lines of its properties file beside the usual ones
    """

    def __init__(self, folder: Path, *, data: Path | None = None, keys: str = "") -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.data = data or folder / "data"
        self.log = folder / f"{type(self).__name__}.log"
        self._settings = folder / f"{type(self).__name__}.properties"
        self._settings.write_text(
            f"dataDir={self.data}\nclientPort={self.port}\nclientPortAddress=127.0.0.1\n"
            f"tickTime=500\nminSessionTimeout=1000\nadmin.enableServer=false\n4lw.commands.whitelist=*\n{keys}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """What to run, without the file of properties."""

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([*self.command(), str(self._settings)], stdout=log, stderr=log)
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if four_letter_word(self.port, b"ruok") == b"imok":
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"ZooKeeper does not answer: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """kill -9."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def shut_down(self) -> None:
        """SIGTERM."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(READY_TIMEOUT_S)
        self._process = None


class PkZooKeeper(ZooKeeperProcess):
    """Ours."""

    def command(self) -> list[str]:
        return [PK, "zookeeper-server-start"]


class DebianZooKeeper(ZooKeeperProcess):
    """ZooKeeper 3.8 in Java."""

    def command(self) -> list[str]:
        classpath = peers.debian_zookeeper_classpath()
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        return [peers.java(), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", classpath, main]


class KafkaZooKeeper(ZooKeeperProcess):
    """The one that Apache Kafka 3.9.1 ships, as its script starts it."""

    def command(self) -> list[str]:
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        return [peers.java(), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", peers.kafka_classpath(), main]


@contextlib.contextmanager
def debian_zookeeper(folder: Path) -> Iterator[DebianZooKeeper]:
    """A running server, stopped at the end."""
    server = DebianZooKeeper(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def pk_zookeeper(folder: Path, keys: str = "") -> Iterator[PkZooKeeper]:
    """A running server of ours, killed at the end."""
    server = PkZooKeeper(folder, keys=keys)
    server.start()
    try:
        yield server
    finally:
        server.stop()
