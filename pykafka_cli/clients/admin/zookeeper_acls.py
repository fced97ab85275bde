"""kafka-acls.sh with --authorizer-properties zookeeper.connect=...: reads and writes the ACLs' znodes.

Brokers are notified by znodes that announce changes; nothing here waits for them.
"""

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from pykafka_cli.acls import AclBinding, AclFilter, ResourcePattern
from pykafka_cli.model import Seconds
from pykafka_cli.zookeeper.acl_store import (
    AclStore,
    InvalidAcl,
    added,
    ensure_valid,
    removed,
)
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.client_security import ClientSecurity
from pykafka_cli.zookeeper.errors import ZooKeeperError, ZooKeeperUnreachable

__all__ = ["InvalidAcl", "ZooKeeperAcls", "ZooKeeperError", "ZooKeeperUnreachable"]

SESSION_TIMEOUT_S = Seconds(30.0)
CONNECT_TIMEOUT_S = Seconds(2.5)


class ZooKeeperAcls:
    """One command's session with ZooKeeper.

    raises    ZooKeeperUnreachable on entering, ZooKeeperError and BadZnode from all methods
    """

    def __init__(self, connect: str, security: ClientSecurity) -> None:
        """connect    HOST:PORT,HOST:PORT/CHROOT"""
        logging.getLogger("kazoo").setLevel(logging.CRITICAL)  # a command reports a failure once
        self._client = ZooKeeperClient(
            connect, session_timeout=SESSION_TIMEOUT_S, connection_timeout=CONNECT_TIMEOUT_S, security=security
        )
        self._store = AclStore(self._client)

    async def __aenter__(self) -> Self:
        await self._client.start()
        await self._store.ensure_paths()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def describe(self, selected: AclFilter) -> list[AclBinding]:
        """The ACLs that the filter selects, sorted."""
        found = []
        for pattern in await self._patterns([selected]):
            bindings = [AclBinding(pattern, entry) for entry in (await self._store.read(pattern)).entries]
            found += [acl for acl in bindings if selected.selects(acl)]
        return sorted(found)

    async def create(self, acls: Sequence[AclBinding]) -> None:
        """raises    InvalidAcl, before anything is written"""
        by_pattern: dict[ResourcePattern, list[AclBinding]] = {}
        for acl in acls:
            ensure_valid(acl)
            by_pattern.setdefault(acl.pattern, []).append(acl)
        for pattern, its in by_pattern.items():
            await self._store.update(pattern, added([acl.entry for acl in its]))

    async def delete(self, filters: Sequence[AclFilter]) -> list[AclBinding]:
        """Remove the ACLs that any of the filters selects; return them, sorted."""
        gone: dict[AclBinding, int] = {}
        for pattern in await self._patterns(filters):
            await self._store.update(pattern, removed(filters, gone, pattern))
        return sorted(gone)

    async def _patterns(self, filters: Sequence[AclFilter]) -> list[ResourcePattern]:
        """The resources that the filters may select."""
        return [
            pattern
            async for pattern in self._store.patterns()
            if any(each.pattern.selects(pattern) for each in filters)
        ]
