"""Finds the processes that have the ports that a server needs."""

import re
from collections.abc import Iterable

from pykafka_cli.transport.port_owner import Process, owner_of

_IN_USE = re.compile(r"address already in use|port \d+.* in use")


def is_about_port(error: Exception) -> bool:
    """Whether a server failed because its port is in use."""
    return _IN_USE.search(str(error)) is not None


def hint_of(error: Exception, ports: Iterable[int]) -> str:
    """A line for each port that another process listens on; empty if the error is about something else.

    ports    all ports of the server, so that the user sees at once which are taken
    """
    if not is_about_port(error):
        return ""
    owners = {port: owner_of(port) for port in dict.fromkeys(ports) if port}
    return "\n".join(
        f"Port {port} belongs to {owner}.{_what_stops(owner, port)}" for port, owner in owners.items() if owner
    )


def _what_stops(owner: Process, port: int) -> str:
    if owner.pid is None:
        return f" `sudo lsof -i :{port}` shows which."
    return " `pk down` stops it." if owner.name == "pk up" else f" `kill {owner.pid}` stops it."
