"""Ports for servers that are told where to listen.

The kernel gives the ports that connections come from out of a range of its own. Ports here are from below that range:
one that a server leaves when it is killed is still free when it starts again, however many connections others make.
"""

import itertools
import random
import socket

_LOWEST, _HIGHEST = 10_000, 32_000
# Several processes run tests compared: each begins at a place of its own.
_first = random.SystemRandom().randrange(_LOWEST, _HIGHEST)
_offers = itertools.cycle([*range(_first, _HIGHEST), *range(_LOWEST, _first)])


def free_port() -> int:
    """A port of 127.0.0.1 at which nobody listens; the same one is not given twice for a long time."""
    return next(port for port in _offers if _is_free(port))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
