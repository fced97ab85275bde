"""Ports for servers that are told where to listen.

The kernel gives the ports that connections come from out of a range of its own. Ports here are from below that range:
one that a server leaves when it is killed is still free when it starts again, however many connections others make.
Each process that runs tests has a share of its own, so that none takes a port that another has given to a server which
does not listen yet, or not at the moment.
"""

import itertools
import os
import random
import socket

_LOWEST, _HIGHEST = 10_000, 32_000


def share(worker: int, workers: int) -> range:
    """The ports of one of the processes of a run, which are numbered from 0."""
    size = (_HIGHEST - _LOWEST) // workers
    return range(_LOWEST + worker * size, _LOWEST + (worker + 1) * size)


_ports = share(
    int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")),
    int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")),
)
# Runs of others on this machine have the same shares: each run begins at a place of its own.
_first = random.SystemRandom().randrange(len(_ports))
_offers = itertools.cycle([*_ports[_first:], *_ports[:_first]])


def free_port() -> int:
    """A port of 127.0.0.1 at which nobody listens; the same one is not given twice for a long time."""
    return next(port for port in _offers if _is_free(port))


def free_ports(count: int) -> int:
    """The first of so many ports in a row, all as `free_port` gives them."""
    while True:
        ports = [free_port() for _ in range(count)]
        if ports == list(range(ports[0], ports[0] + count)):
            return ports[0]


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
