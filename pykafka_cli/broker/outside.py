"""What a broker uses outside its process: the disk, its listening sockets, ZooKeeper.

The simulation of whole clusters replaces them. It also replaces the event loop, through which brokers connect to each
other.
"""

import socket

from pykafka_cli.broker.network.listening import listening_sockets
from pykafka_cli.model import in_seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.listeners import Listener
from pykafka_cli.storage.files import DiskFiles, Files
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.client_security import PLAIN, broker_security


class Outside:
    """This machine's disk and network."""

    def __init__(self) -> None:
        self.files: Files = DiskFiles()

    def listening_sockets(self, listener: Listener, settings: BrokerSettings) -> list[socket.socket]:
        """A bound socket for each address of a listener's host, all on one port; raises OSError."""
        return listening_sockets(listener, settings)

    def zookeeper(self, settings: BrokerSettings) -> ZooKeeperClient:
        """A client for zookeeper.connect, not started yet."""
        return ZooKeeperClient(
            settings.zookeeper_connect or "",
            session_timeout=in_seconds(settings.zookeeper_session_timeout_ms),
            connection_timeout=in_seconds(settings.zookeeper_connect_timeout_ms),
            max_in_flight=settings.zookeeper_max_in_flight_requests,
            # A KRaft node's ZooKeeper is in the same process.
            security=PLAIN if settings.is_kraft_node else broker_security(settings),
        )
