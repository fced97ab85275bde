"""Which connection to close when more are open than there are servers."""

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def gives_way(hosts: Mapping[T, str]) -> T:
    """The oldest connection from the host that has the most, so that a host that opens many loses only its own.

    hosts    of the connections that have not identified themselves, the oldest first; at least one
    """
    counts = Counter(hosts.values())
    return max(hosts, key=lambda connection: counts[hosts[connection]])  # the first of several
