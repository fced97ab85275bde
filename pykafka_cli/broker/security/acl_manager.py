"""The broker's copy of the ACLs in ZooKeeper: loaded at the start, and brought up to date by announced changes.

After a session was lost, all ACLs are read again, because announcements may have come and gone meanwhile. While
ZooKeeper is away, the copy holds as it is.

source  kafka.security.authorizer.AclAuthorizer, kafka.common.ZkNodeChangeNotificationListener
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from pykafka_cli.acls import AclBinding, AclFilter, ResourcePattern
from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.security.rules import AclRules
from pykafka_cli.zookeeper import acl_znodes as znodes
from pykafka_cli.zookeeper.acl_store import AclStore, added, named_patterns, removed
from pykafka_cli.zookeeper.client import ConnectionClosed, NoNode, SessionExpired, WatchEvent, ZooKeeperClient
from pykafka_cli.zookeeper.kafka_znodes import BadZnode

_log = logging.getLogger(__name__)

KEPT_MS = 15 * 60 * 1000
"""How long an announcement stays, so that every broker has read it."""


class AclManager:
    """Keeps `rules` as ZooKeeper has them, and changes both."""

    def __init__(self, client: ZooKeeperClient, rules: AclRules, clock: Clock) -> None:
        self.rules = rules
        self._client = client
        self._store = AclStore(client)
        self._clock = clock
        self._seen = dict.fromkeys(znodes.CHANGES.values(), "")
        """By parent, the last announcement that was read."""
        self._is_outdated = False
        self._woken = asyncio.Event()
        self._changing = asyncio.Lock()
        self._follower: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load all ACLs, and follow changes from now on.

        raises    ZooKeeperError, BadZnode
        """
        await self._store.ensure_paths()
        await self._load()
        self._client.add_listener(self)
        self._follower = asyncio.get_running_loop().create_task(self._follow(), name="ACL changes")

    async def stop(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.wait([self._follower])

    # ---- what is asked for

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

    def session_lost(self) -> None:
        """ZooKeeperClient's listener; the watches are gone."""

    def session_begun(self) -> None:
        self._is_outdated = True
        self._woken.set()

    def _changed(self, _: WatchEvent) -> None:
        self._woken.set()

    async def _load(self) -> None:
        # The watches first: what changes while the rest is read is announced, and read again.
        for parent in self._seen:
            notes = await self._notes(parent)
            self._seen[parent] = notes[-1] if notes else ""
        patterns = [pattern async for pattern in self._store.patterns()]
        found = await asyncio.gather(*map(self._store.read, patterns))
        for pattern, acls in zip(patterns, found, strict=True):
            self.rules.replace(pattern, acls.entries)
        for pattern in set(self.rules.patterns()) - set(patterns):
            self.rules.replace(pattern, ())

    async def _follow(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                if self._is_outdated:
                    await self._load()
                    self._is_outdated = False
                for parent in self._seen:
                    await self._read_changes(parent)
            except (ConnectionClosed, SessionExpired) as lost:
                _log.info("changes of ACLs are not followed for now: %r", lost)
            except Exception:
                _log.exception("a change of ACLs could not be read")

    async def _read_changes(self, parent: str) -> None:
        notes = await self._notes(parent)
        for note in notes:
            if note > self._seen[parent]:
                await self._read_change(note)
                self._seen[parent] = note
        for note in notes:
            if not await self._is_old(note):
                break
            with contextlib.suppress(NoNode):  # another broker may be faster
                await self._client.delete(note)

    async def _read_change(self, note: str) -> None:
        try:
            data, _ = await self._client.get(note)
            pattern = znodes.decode_change(note, data)
            acls = await self._store.read(pattern)
        except NoNode:
            return
        except BadZnode as bad:
            _log.error("%s", bad)
            return
        _log.info("the ACLs of %s changed: %d now", pattern, len(acls.entries))
        self.rules.replace(pattern, acls.entries)

    async def _notes(self, parent: str) -> list[str]:
        """Announcements, oldest first; the next one wakes the follower."""
        return [f"{parent}/{name}" for name in sorted(await self._client.children(parent, self._changed))]

    async def _is_old(self, note: str) -> bool:
        stat = await self._client.exists(note)
        return stat is None or self._clock.now_ms() - stat.ctime > KEPT_MS
