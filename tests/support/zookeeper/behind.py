"""What is behind a ZooKeeperClient: only tests of what kazoo makes of a bad line look there."""

from typing import Any

from kazoo.client import KazooClient


def kazoo_of(client: Any) -> KazooClient:
    return client._kazoo  # noqa: SLF001


def in_flight(client: Any) -> int:
    """Requests that kazoo has taken over and not answered."""
    kazoo = kazoo_of(client)
    return len(kazoo._queue) + len(kazoo._pending)  # noqa: SLF001
