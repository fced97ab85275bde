"""Opens the sockets on which a server listens."""

import contextlib
import errno
import socket


class CannotListen(Exception):
    """The address or the port cannot be used; the message says why and what would help."""


def listening_socket(address: str | None, port: int, backlog: int, *, keys: tuple[str, str]) -> socket.socket:
    """A listening socket, on which nothing is accepted yet; without an address, on all addresses of this machine.

    port     0: any free one
    keys     the settings of port and address, for the error
    raises   CannotListen
    """
    family = socket.AF_INET6 if (address and ":" in address) or (not address and _has_ipv6()) else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind((address or "", port))
        listening.listen(backlog)
    except OSError as error:
        listening.close()
        raise CannotListen(_why_not_bound(error, address, port, keys)) from error
    listening.setblocking(False)
    return listening


def _has_ipv6() -> bool:
    """Whether one socket can listen for both IPv4 and IPv6."""
    with contextlib.suppress(OSError):
        return socket.has_dualstack_ipv6()
    return False


def _why_not_bound(error: OSError, address: str | None, port: int, keys: tuple[str, str]) -> str:
    where = f"port {port}" + (f" of {address}" if address else "")
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use: another server listens there; stop that one, or choose another {keys[0]}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"Cannot listen on {where}: this machine does not have that {keys[1]}"
    return f"Cannot listen on {where}: {error.strerror}"
