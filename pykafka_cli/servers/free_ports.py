"""Ports that are free now, for servers that must know each other's before they start."""

import contextlib
import socket

from pykafka_cli.servers.local_plan import HOST


def free_ports(count: int) -> list[int]:
    """Ports of this machine on which nobody listens; another process may take one first."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]
