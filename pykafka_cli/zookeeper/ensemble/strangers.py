"""Which connection gives way when more are open than there can be servers."""

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def gives_way(hosts: Mapping[T, str]) -> T:
    """The oldest connection of the host that has most: who opens many turns away its own, and no other server's.

    hosts    from which each connection of nobody known comes, the oldest first; at least one
    """
    counts = Counter(hosts.values())
    return max(hosts, key=lambda connection: counts[hosts[connection]])  # the first of several
