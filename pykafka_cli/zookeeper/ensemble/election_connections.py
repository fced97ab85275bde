"""Connections to the election ports of other servers: one for each pair, for both directions, opened by the larger id.

    connections = ElectionConnections(Hello(my_id, (my_address,)), addresses, received)
    await connections.listen(socket)
    connections.send(server_id, notification)       connects first if need be

A server that connects to one with a larger id identifies itself and closes; the other connects back. So two servers
that connect at the same time agree on one connection. For each server, at most one message waits: a newer one replaces
it. The last one is sent again on a new connection, since it may not have arrived.

As in ZooKeeper, a server's claim to an id is trusted; false claims cost only bounded memory.

Source: org.apache.zookeeper.server.quorum.QuorumCnxManager
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from typing import cast

from pykafka_cli.model import Seconds
from pykafka_cli.repeated_lines import RepeatedLines
from pykafka_cli.zookeeper.ensemble.configuration import Address
from pykafka_cli.zookeeper.ensemble.notifications import (
    LONGEST_HELLO,
    Frames,
    Hello,
    MalformedMessage,
    Notification,
    read_hello,
)
from pykafka_cli.zookeeper.ensemble.strangers import gives_way

_log = logging.getLogger(__name__)

_MOST_STRANGERS = 32
"""Servers outside the configuration, such as those to be added, to which connections are kept."""
_MOST_GREETINGS = 64
"""Connections on which nobody has said yet who it is; with one more, an older one is closed."""
_PATIENCE_S = Seconds(3.0)
"""How long another server may be unreachable before that is worth a warning: those of one start need a moment."""
_FIRST_RETRY_S, _LAST_RETRY_S = Seconds(0.1), Seconds(5.0)
_CONNECT_TIMEOUT_S, _HELLO_TIMEOUT_S = Seconds(5.0), Seconds(10.0)
_SILENCE_S = 30
"""Seconds after which the system closes a connection whose bytes or keepalive probes are not acknowledged."""
_WILDCARDS = ("0.0.0.0", "0:0:0:0:0:0:0:0")

Received = Callable[[int, Notification], None]


class ElectionConnections:
    """All connections of one server."""

    def __init__(
        self,
        me: Hello,
        addresses: Mapping[int, Address],
        received: Received,
        lines: RepeatedLines,
        *,
        connect_timeout: Seconds = _CONNECT_TIMEOUT_S,
        hello_timeout: Seconds = _HELLO_TIMEOUT_S,
        patience: Seconds = _PATIENCE_S,
    ) -> None:
        """Connect to nobody yet.

        addresses          of the other servers' election ports, by their ids
        received           is called with each notification and the id of its sender
        lines              logs what any peer can cause
        connect_timeout    how long connecting may take (cnxTimeout)
        hello_timeout      how long a server that connects may take to identify itself
        patience           how long another server may be unreachable before a warning
        """
        self.me = me
        self.lines = lines
        self._received = received
        self._connect_timeout, self._hello_timeout = connect_timeout, hello_timeout
        self._patience = patience
        self._peers: dict[int, _Peer] = {}
        self._greetings: dict[_Connection, str] = {}
        self._server: asyncio.Server | None = None
        self._connecting: dict[asyncio.Task[None], None] = {}
        self._is_closed = False
        self._addresses = dict(addresses)

    def set_addresses(self, addresses: Mapping[int, Address]) -> None:
        """Connect to these from now on; existing connections are kept.

        Attempts to connect to servers that are removed end. Those to servers that had no address here continue: such
        servers may be about to join.
        """
        for server_id in self._addresses.keys() - addresses.keys():
            if (peer := self._peers.get(server_id)) is not None:
                peer.stop_connecting()
        self._addresses = dict(addresses)

    async def listen(self, listening: socket.socket) -> None:
        """Accept other servers' connections on a bound socket, in place of an earlier one."""
        if self._server is not None:
            self._server.close()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self, None), sock=listening)

    def send(self, server_id: int, notification: Notification) -> None:
        """Send to one server, in place of what is still waiting to be sent there."""
        peer = self._peer(server_id)
        peer.waiting = notification.encode()
        if peer.connection is not None:
            peer.flush()
        else:
            self._connect(peer)

    async def close(self) -> None:
        """Close all connections and the port."""
        self._is_closed = True
        if self._server is not None:
            self._server.close()
        for greeting in list(self._greetings):
            greeting.abort()
        for peer in self._peers.values():
            peer.drop()
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)

    def connected(self) -> list[int]:
        """The ids of the connected servers."""
        return sorted(server_id for server_id, peer in self._peers.items() if peer.connection is not None)

    def _peer(self, server_id: int) -> "_Peer":
        peer = self._peers.get(server_id)
        if peer is None:
            strangers = [known for known in self._peers if known not in self._addresses]
            if server_id not in self._addresses and len(strangers) >= _MOST_STRANGERS:
                forgotten = self._peers.pop(strangers[0])
                forgotten.drop()
                forgotten.stop_connecting()
            peer = self._peers[server_id] = _Peer(server_id)
        return peer

    # Connecting.

    def _connect(self, peer: "_Peer", said: Address | None = None) -> None:
        """Start connecting, unless an attempt is under way.

        said    the address in the server's hello, for one that is in no configuration
        """
        address = self._addresses.get(peer.server_id, said)
        if address is not None and peer.connecting is None and not self._is_closed:
            peer.connecting = asyncio.create_task(self._keep_connecting(peer, address))
            self._connecting[peer.connecting] = None
            peer.connecting.add_done_callback(self._connecting.pop)

    async def _keep_connecting(self, peer: "_Peer", address: Address) -> None:
        """Connect; retry, at growing intervals, while a message waits."""
        pause = _FIRST_RETRY_S
        try:
            while not await self._open(peer, address) and peer.waiting is not None:
                await asyncio.sleep(pause)
                pause = Seconds(min(2 * pause, _LAST_RETRY_S))
                address = self._addresses.get(peer.server_id, address)
        finally:
            if peer.connecting is asyncio.current_task():  # not a later attempt
                peer.connecting = None

    async def _open(self, peer: "_Peer", address: Address) -> bool:
        """Whether there is a connection, or the other server has been asked to open one."""
        if peer.connection is not None:
            return True
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout):
                await loop.create_connection(lambda: _Connection(self, peer.server_id), address.host, address.port)
        except (OSError, UnicodeError) as error:  # UnicodeError: not a host name at all
            self._note_unreachable(peer, address, error)
            return False
        self._note_reachable(peer)
        return True

    def _note_unreachable(self, peer: "_Peer", address: Address, error: Exception) -> None:
        """Warn, once until it is back, of a server that cannot be reached for some time."""
        now = asyncio.get_running_loop().time()
        if peer.unreachable_since is None:
            peer.unreachable_since = now
        if not peer.is_known_unreachable and now - peer.unreachable_since >= self._patience:
            peer.is_known_unreachable = True
            why = getattr(error, "strerror", None) or str(error) or "it does not respond"
            _log.warning("Server %d cannot be reached at %s for elections: %s", peer.server_id, address, why)

    def _note_reachable(self, peer: "_Peer") -> None:
        peer.unreachable_since = None
        if peer.is_known_unreachable:
            peer.is_known_unreachable = False
            _log.info("Server %d can be reached for elections again", peer.server_id)

    # What connections report.

    def greeting_began(self, connection: "_Connection") -> None:
        """A server connected, and must identify itself in time."""
        if len(self._greetings) >= _MOST_GREETINGS:
            oldest = gives_way(self._greetings)
            self.greeting_ended(oldest)
            oldest.abort()
        self._greetings[connection] = connection.host
        connection.expect_hello(self._hello_timeout)

    def greeting_ended(self, connection: "_Connection") -> None:
        self._greetings.pop(connection, None)

    def greeted(self, connection: "_Connection", hello: Hello) -> None:
        """A server that connected has identified itself."""
        self.greeting_ended(connection)
        if hello.server_id == self.me.server_id:
            what = f"claims to be server {self.me.server_id}, which this one is: two servers have the same myid"
            self.lines.log(_log, logging.WARNING, "same myid", connection.host, f"{connection.host} {what}")
            connection.abort()
        elif hello.server_id > self.me.server_id:
            self.adopt(hello.server_id, connection)
        else:
            connection.abort()
            peer = self._peer(hello.server_id)
            peer.drop()  # the server would not connect if it still had this connection
            said = [each for each in hello.addresses if each.host not in _WILDCARDS]
            self._connect(peer, said[0] if said else None)

    def adopt(self, server_id: int, connection: "_Connection") -> None:
        """Use a connection for everything that is sent to a server."""
        peer = self._peer(server_id)
        peer.drop()
        peer.connection = connection
        connection.server_id = server_id
        self._note_reachable(peer)
        if peer.waiting is None:
            peer.waiting = peer.last_sent
        peer.flush()

    def heard(self, connection: "_Connection", notification: Notification) -> None:
        if connection.server_id is not None and not self._is_closed:
            self._received(connection.server_id, notification)

    def lost(self, connection: "_Connection") -> None:
        self.greeting_ended(connection)
        peer = self._peers.get(connection.server_id) if connection.server_id is not None else None
        if peer is not None and peer.connection is connection:
            peer.connection = None
            if peer.waiting is not None:
                self._connect(peer)

    def writable(self, connection: "_Connection") -> None:
        peer = self._peers.get(connection.server_id) if connection.server_id is not None else None
        if peer is not None and peer.connection is connection:
            peer.flush()


class _Peer:
    """Another server.

    waiting      a message that could not be sent yet
    last_sent    the last message that was, which may not have arrived
    """

    def __init__(self, server_id: int) -> None:
        self.server_id = server_id
        self.connection: _Connection | None = None
        self.connecting: asyncio.Task[None] | None = None
        self.waiting: bytes | None = None
        self.last_sent: bytes | None = None
        self.unreachable_since: float | None = None
        """On the loop's clock; the first of the attempts that have failed since it could be reached."""
        self.is_known_unreachable = False

    def flush(self) -> None:
        if self.waiting is not None and self.connection is not None and self.connection.is_writable:
            self.connection.write(self.waiting)
            self.last_sent, self.waiting = self.waiting, None

    def drop(self) -> None:
        if self.connection is not None:
            connection, self.connection = self.connection, None
            connection.abort()

    def stop_connecting(self) -> None:
        """End the attempt that is under way, if there is one."""
        if self.connecting is not None:
            connecting, self.connecting = self.connecting, None
            connecting.cancel()
        self.unreachable_since, self.is_known_unreachable = None, False


class _Connection(asyncio.Protocol):
    """One connection; `server_id` is None until it is known whose it is."""

    def __init__(self, connections: ElectionConnections, connects_to: int | None) -> None:
        """connects_to    the server to which this one connects; None: the other server connected to this one"""
        self._connections = connections
        self._connects_to = connects_to
        self.server_id: int | None = None
        self.is_writable = True
        self._greeting: bytearray | None = bytearray() if connects_to is None else None
        self._frames = Frames()
        self._timer: asyncio.TimerHandle | None = None
        self._has_warned = False

    @property
    def host(self) -> str:
        """The other side's address."""
        return str((self._transport.get_extra_info("peername") or ("an unknown host",))[0])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(0)
        _notice_dead_peers(self._transport.get_extra_info("socket"))
        if self._connects_to is None:
            self._connections.greeting_began(self)
            return
        self._transport.write(self._connections.me.encode())
        if self._connects_to > self._connections.me.server_id:
            self._transport.close()
        else:
            self._connections.adopt(self._connects_to, self)

    def expect_hello(self, timeout: Seconds) -> None:
        self._timer = asyncio.get_running_loop().call_later(timeout, self.abort)

    def data_received(self, data: bytes) -> None:
        try:
            if self._greeting is not None:
                data = self._greet(self._greeting, data)
            if self._greeting is None and not self._transport.is_closing():
                self._hear(data)
        except MalformedMessage as error:
            line = f"Closed the election connection of {self.host}: {error}"
            self._connections.lines.log(_log, logging.WARNING, "election", self.host, line)
            self.abort()

    def _greet(self, greeting: bytearray, data: bytes) -> bytes:
        """Read what belongs to the hello; return the rest."""
        before = len(greeting)
        greeting += data[:LONGEST_HELLO]
        read = read_hello(bytes(greeting))
        if read is None:
            return b""
        hello, length = read
        self._greeting = None
        if self._timer is not None:
            self._timer.cancel()
        self._connections.greeted(self, hello)
        return data[length - before :]

    def _hear(self, data: bytes) -> None:
        for body in self._frames.feed(data):
            try:
                notification = Notification.decode(body)
            except MalformedMessage as error:
                if not self._has_warned:
                    self._has_warned = True
                    _log.warning("Ignored a malformed notification of server %s: %s", self.server_id, error)
                continue
            self._connections.heard(self, notification)

    def pause_writing(self) -> None:
        self.is_writable = False

    def resume_writing(self) -> None:
        self.is_writable = True
        self._connections.writable(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._timer is not None:
            self._timer.cancel()
        self._connections.lost(self)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def abort(self) -> None:
        self._transport.abort()


def _notice_dead_peers(connected: socket.socket) -> None:
    """Let the system close a connection whose other host has disappeared, which nothing else would detect."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", _SILENCE_S), ("TCP_USER_TIMEOUT", _SILENCE_S * 1000)):
        option = getattr(socket, name, None)  # Linux has both
        if option is not None:
            with contextlib.suppress(OSError):
                connected.setsockopt(socket.IPPROTO_TCP, option, value)
