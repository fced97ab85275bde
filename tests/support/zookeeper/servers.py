"""ZooKeeper servers for tests, each in a separate process on a free port: ours, and the one that Debian ships."""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from tests.support import peers
from tests.support.ports import free_port
from tests.support.running import PK
from tests.support.server_processes import ServerProcess


def four_letter_word(port: int, word: bytes) -> bytes:
    """The response to a four-letter word; empty where nobody answers."""
    answer = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as asking:
        asking.sendall(word)
        while data := asking.recv(1 << 16):
            answer += data
    return answer


def admin_keys(port: int) -> str:
    """Lines by which a server has an admin server on that port."""
    return f"admin.enableServer=true\nadmin.serverAddress=127.0.0.1\nadmin.serverPort={port}"


class ZooKeeperProcess(ServerProcess):
    """A server; `address` is HOST:PORT. A second `start` finds the data of the first.

    data    its dataDir; several servers may have it one after another
    keys    lines of its properties file beside the usual ones
    """

    def __init__(self, folder: Path, *, data: Path | None = None, keys: str = "") -> None:
        super().__init__(folder / f"{type(self).__name__}.log")
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.data = data or folder / "data"
        self.file = folder / f"{type(self).__name__}.properties"
        self.file.write_text(
            f"dataDir={self.data}\nclientPort={self.port}\nclientPortAddress=127.0.0.1\n"
            f"tickTime=500\nminSessionTimeout=1000\nadmin.enableServer=false\n4lw.commands.whitelist=*\n{keys}\n"
        )

    def serves(self) -> bool:
        return four_letter_word(self.port, b"ruok") == b"imok"


class PkZooKeeper(ZooKeeperProcess):
    """Ours."""

    def command(self) -> Sequence[str]:
        return [PK, "zookeeper-server-start", str(self.file)]


class DebianZooKeeper(ZooKeeperProcess):
    """ZooKeeper 3.8 in Java."""

    def command(self) -> Sequence[str]:
        return _in_java(peers.debian_zookeeper_classpath(), "ZooKeeperServerMain", self.file)


class KafkaZooKeeper(ZooKeeperProcess):
    """The one that Apache Kafka 3.9.1 ships, as its script starts it."""

    def command(self) -> Sequence[str]:
        return _in_java(peers.kafka_classpath(), "quorum.QuorumPeerMain", self.file)


def _in_java(classpath: str, main: str, file: Path) -> Sequence[str]:
    main_class = f"org.apache.zookeeper.server.{main}"
    return [peers.java(), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", classpath, main_class, str(file)]


@contextlib.contextmanager
def debian_zookeeper(folder: Path) -> Iterator[DebianZooKeeper]:
    """A running server, killed at the end."""
    with _running(DebianZooKeeper(folder)) as server:
        yield server


@contextlib.contextmanager
def pk_zookeeper(folder: Path, keys: str = "") -> Iterator[PkZooKeeper]:
    """A running server of ours, killed at the end."""
    with _running(PkZooKeeper(folder, keys=keys)) as server:
        yield server


Server = TypeVar("Server", bound=ServerProcess)


@contextlib.contextmanager
def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.kill()
