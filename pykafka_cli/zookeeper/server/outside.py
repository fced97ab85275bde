"""What a ZooKeeper server reaches outside of its process: its files and its listening sockets.

The simulation replaces them. Clients and other servers are reached through the event loop, of which it has its own as
well.
"""

import socket
from collections.abc import Callable
from pathlib import Path

from pykafka_cli.storage.files import DISK, Files
from pykafka_cli.zookeeper.server.data_directory import DataDirectory
from pykafka_cli.zookeeper.server.disk_pace import DiskPace
from pykafka_cli.zookeeper.server.listening import listening_socket


class Outside:
    """This machine's disk and network; `files` has the configuration of a server of an ensemble."""

    files: Files = DISK

    def directory(self, data: Path, logs: Path) -> DataDirectory:
        """The files of a server, not locked yet."""
        return DataDirectory(data, logs)

    def disk_pace(self, monotonic: Callable[[], float]) -> DiskPace:
        """The pace of the disk with the transaction log; `monotonic` is the clock, in seconds."""
        return DiskPace(monotonic)

    def listening_socket(self, address: str | None, port: int, backlog: int, *, keys: tuple[str, str]) -> socket.socket:
        """As listening.listening_socket: raises CannotListen."""
        return listening_socket(address, port, backlog, keys=keys)
