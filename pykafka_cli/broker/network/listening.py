"""Sockets that listen for a listener's clients."""

import errno
import os
import socket

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.listeners import Listener

_WIDE_BACKLOG = 4096
"""Kafka's default of 50 is enough for a thread that does nothing but accept. Here one loop does everything, and a
client that finds the queue full retries after a second or more. The system has a limit as well, net.core.somaxconn."""
_NO_SUCH_ADDRESS = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def listening_sockets(listener: Listener, settings: BrokerSettings) -> list[socket.socket]:
    """A bound socket for each address of the host, all on one port; without a host, one socket for IPv4 and IPv6.

    A name such as localhost usually has an address of each kind, and clients may try either one first.
    """
    if not listener.host:
        return [_everywhere(listener.port, settings)]
    found = socket.getaddrinfo(listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    for family, _, _, _, address in found:
        port = sockets[0].getsockname()[1] if sockets else listener.port
        try:
            sockets.append(_bound(family, (address[0], port, *address[2:]), settings))
        except OSError as error:
            # This machine has no such kind of address, or another process has the port: the other sockets must do.
            if error.errno not in _NO_SUCH_ADDRESS and not (sockets and listener.port == 0):
                for each in sockets:
                    each.close()
                raise
    if not sockets:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    return sockets


def _everywhere(port: int, settings: BrokerSettings) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return _bound(socket.AF_INET6, ("::", port), settings)
        except OSError as error:
            if error.errno not in _NO_SUCH_ADDRESS:
                raise
    return _bound(socket.AF_INET, ("", port), settings)


def _bound(family: int, address: tuple[str | int, ...], settings: BrokerSettings) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        if os.name == "posix":
            # A port whose last connections are in TIME_WAIT is free; one that a process listens on is not.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
        # Accepted connections inherit these.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, name in (
            (socket.SO_SNDBUF, "socket.send.buffer.bytes"),
            (socket.SO_RCVBUF, "socket.receive.buffer.bytes"),
        ):
            # With Kafka's default, the system would not enlarge them, and a large response would need a dozen writes.
            if name in settings.originals and settings[name] != -1:
                listening.setsockopt(socket.SOL_SOCKET, option, settings[name])
        listening.bind(address)
        listening.listen(backlog(settings))
    except BaseException:
        listening.close()
        raise
    return listening


def backlog(settings: BrokerSettings) -> int:
    """How many connections may wait to be accepted: socket.listen.backlog.size if that is set."""
    given = "socket.listen.backlog.size" in settings.originals
    return settings.socket_listen_backlog_size if given else _WIDE_BACKLOG
