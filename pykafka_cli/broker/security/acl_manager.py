"""The broker's copy of the ACLs in ZooKeeper: loaded at the start, and brought up to date by announced changes.

source  kafka.security.authorizer.AclAuthorizer
"""

import asyncio
import logging
from collections.abc import Sequence

from pykafka_cli.acls import AclBinding, AclFilter, ResourcePattern
from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.security.change_notifications import ChangeNotifications
from pykafka_cli.broker.security.rules import AclRules
from pykafka_cli.zookeeper import acl_znodes as znodes
from pykafka_cli.zookeeper.acl_store import AclStore, added, named_patterns, removed
from pykafka_cli.zookeeper.client import ZooKeeperClient

_log = logging.getLogger(__name__)


class AclManager:
    """Keeps `rules` as ZooKeeper has them, and changes both."""

    def __init__(self, client: ZooKeeperClient, rules: AclRules, clock: Clock) -> None:
        self.rules = rules
        self._store = AclStore(client)
        self._changing = asyncio.Lock()
        self._changes = ChangeNotifications(
            client, clock, "ACLs", znodes.CHANGES.values(), load=self._load, read_change=self._read_change
        )

    async def start(self) -> None:
        """Load all ACLs, and follow changes from now on.

        raises    ZooKeeperError, BadZnode
        """
        await self._store.ensure_paths()
        await self._changes.start()

    async def stop(self) -> None:
        await self._changes.stop()

    # ---- requests

    async def create(self, acls: Sequence[AclBinding]) -> None:
        """Add ACLs of one resource pattern. raises    ZooKeeperError, BadZnode"""
        pattern = acls[0].pattern
        async with self._changing:
            now = await self._store.update(pattern, added([acl.entry for acl in acls]))
            self.rules.replace(pattern, now.entries)

    async def delete(self, filters: Sequence[AclFilter]) -> dict[AclBinding, int | Exception]:
        """Remove what the filters select: each ACL with the index of the filter that selected it first.

        Of a resource whose ACLs could not be changed, each ACL has the error instead.
        """
        outcomes: dict[AclBinding, int | Exception] = {}
        async with self._changing:
            patterns = [*self.rules.patterns(), *(pattern for each in filters for pattern in named_patterns(each))]
            for pattern in dict.fromkeys(patterns):
                if any(each.pattern.selects(pattern) for each in filters):
                    await self._delete_from(pattern, filters, outcomes)
        return outcomes

    async def _delete_from(
        self, pattern: ResourcePattern, filters: Sequence[AclFilter], outcomes: dict[AclBinding, int | Exception]
    ) -> None:
        gone: dict[AclBinding, int] = {}
        try:
            now = await self._store.update(pattern, removed(filters, gone, pattern))
            self.rules.replace(pattern, now.entries)
        except Exception as error:
            _log.exception("the ACLs of %s could not be removed", pattern)
            outcomes.update(dict.fromkeys(gone, error))
        else:
            outcomes.update(gone)

    # ---- following changes

    async def _load(self) -> None:
        patterns = [pattern async for pattern in self._store.patterns()]
        found = await asyncio.gather(*map(self._store.read, patterns))
        for pattern, acls in zip(patterns, found, strict=True):
            self.rules.replace(pattern, acls.entries)
        for pattern in set(self.rules.patterns()) - set(patterns):
            self.rules.replace(pattern, ())

    async def _read_change(self, note: str, data: bytes | None) -> None:
        pattern = znodes.decode_change(note, data)
        acls = await self._store.read(pattern)
        _log.info("the ACLs of %s changed: %d now", pattern, len(acls.entries))
        self.rules.replace(pattern, acls.entries)
