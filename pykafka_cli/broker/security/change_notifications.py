"""Changes that brokers announce to each other in sequential znodes: each is read once, and the old ones are removed.

After a session was lost, everything is loaded again, because announcements may have come and gone meanwhile. While
ZooKeeper is unreachable, what was read last holds.

source  kafka.common.ZkNodeChangeNotificationListener
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable

from pykafka_cli.broker.clock import Clock
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import ConnectionClosed, NoNode, SessionExpired
from pykafka_cli.zookeeper.operations import WatchEvent
from pykafka_cli.zookeeper.znode_data import BadZnode

_log = logging.getLogger(__name__)

KEPT_MS = 15 * 60 * 1000
"""How long an announcement stays, so that every broker has read it."""


class ChangeNotifications:
    """Follows the announcements below some znodes."""

    def __init__(
        self,
        client: ZooKeeperClient,
        clock: Clock,
        subject: str,
        parents: Iterable[str],
        *,
        load: Callable[[], Awaitable[None]],
        read_change: Callable[[str, bytes | None], Awaitable[None]],
    ) -> None:
        """What is followed.

        subject        what changes, for the log
        load           reads everything that changes are announced of
        read_change    reads what an announcement names, given its path and data; may raise NoNode, BadZnode
        """
        self._client, self._clock, self._subject = client, clock, subject
        self._load, self._read_change = load, read_change
        self._seen = dict.fromkeys(parents, "")
        """By parent, the last announcement that was read."""
        self._is_outdated = False
        self._woken = asyncio.Event()
        self._follower: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load everything, and follow changes from now on.

        raises    ZooKeeperError, BadZnode
        """
        await self._load_all()
        self._client.add_listener(self)
        self._follower = asyncio.get_running_loop().create_task(self._follow(), name=f"changes of {self._subject}")

    async def stop(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.wait([self._follower])

    def session_lost(self) -> None:
        """ZooKeeperClient's listener; the watches are gone."""

    def session_begun(self) -> None:
        self._is_outdated = True
        self._woken.set()

    def _changed(self, _: WatchEvent) -> None:
        self._woken.set()

    async def _load_all(self) -> None:
        # The watches first: what changes while the rest is read is announced, and read again.
        for parent in self._seen:
            notes = await self._notes(parent)
            self._seen[parent] = notes[-1] if notes else ""
        await self._load()

    async def _follow(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                if self._is_outdated:
                    await self._load_all()
                    self._is_outdated = False
                for parent in self._seen:
                    await self._read_changes(parent)
            except (ConnectionClosed, SessionExpired) as lost:
                _log.info("changes of %s are not followed for now: %r", self._subject, lost)
            except Exception:
                _log.exception("a change of %s could not be read", self._subject)

    async def _read_changes(self, parent: str) -> None:
        notes = await self._notes(parent)
        for note in notes:
            if note > self._seen[parent]:
                await self._read(note)
                self._seen[parent] = note
        for note in notes:
            if not await self._is_old(note):
                break
            with contextlib.suppress(NoNode):  # another broker may be faster
                await self._client.delete(note)

    async def _read(self, note: str) -> None:
        try:
            data, _ = await self._client.get(note)
            await self._read_change(note, data)
        except NoNode:
            return
        except BadZnode as bad:
            _log.error("%s", bad)

    async def _notes(self, parent: str) -> list[str]:
        """Announcements, oldest first; the next one wakes the follower."""
        return [f"{parent}/{name}" for name in sorted(await self._client.children(parent, self._changed))]

    async def _is_old(self, note: str) -> bool:
        stat = await self._client.exists(note)
        return stat is None or self._clock.now_ms() - stat.ctime > KEPT_MS
