"""Reads a topic in a share group (KIP-932), whose members acquire single records, not partitions.

    poll ──> records of one partition ──> the caller uses them ──> acknowledge(...) ──> the next fetch, or close

One task per leader fetches, one request at a time.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from pykafka_cli.clients.consuming.share_member import ShareMember
from pykafka_cli.clients.consuming.share_session import Acknowledgement, Acquired, ShareSession, TopicPartitionId
from pykafka_cli.clients.coordinator import Coordinator
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId, in_seconds
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.transport.errors import ConnectionFailed, Rejected

CLOSE_TIMEOUT = 5.0
"""Seconds for the last acknowledgements."""


class ShareConsumer:
    """One member of the group in `settings`, of one topic.

    warn      called with lines that the scripts log at WARN
    raises    from `poll`: ApiError, ConnectionFailed, CorruptRecords
    """

    def __init__(self, session: Session, settings: ConsumerSettings, topic: str, warn: Callable[[str], None]) -> None:
        self._session, self._settings, self._warn = session, settings, warn
        self._pause = in_seconds(settings.retry_backoff_ms)
        coordinator = Coordinator(session, settings.group_id or "", private=True, pause=self._pause)
        self._member = ShareMember(coordinator, topic, pause=self._pause)
        self._names: dict[uuid.UUID, str] = {}
        self._sessions: dict[BrokerId, ShareSession] = {}
        self._fetches: dict[BrokerId, asyncio.Task[list[Acquired] | None]] = {}
        self._held: dict[TopicPartitionId, ShareSession] = {}
        """The broker that the records of a partition were acquired from."""
        self._ready: deque[Acquired] = deque()
        self._leaders: dict[TopicPartitionId, BrokerId] = {}
        self._member.join()

    async def poll(self, timeout: float) -> Acquired | None:
        """Records of one partition; None if there are none within `timeout` seconds."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout
        while not self._ready:
            if self._member.failure:
                raise self._member.failure
            self._member.changed.clear()
            await self._fetch_from_leaders()
            if not await self._wait_for_progress(deadline - clock()) and clock() >= deadline:
                return None
        return self._ready.popleft()

    def acknowledge(self, acquired: Acquired, offsets: Sequence[int], what: Acknowledgement) -> None:
        """Acknowledge these records with an outcome."""
        if session := self._held.get(acquired.id):
            session.acknowledge(acquired.id, offsets, what)

    async def close(self) -> None:
        """Send acknowledgements, release the other records, and leave the group."""
        for task in self._fetches.values():
            task.cancel()
        if self._fetches:
            await asyncio.wait(self._fetches.values())
        for session in self._sessions.values():
            try:
                await session.end(CLOSE_TIMEOUT)
            except (ApiError, ConnectionFailed) as error:
                self._warn(f"The last acknowledgements failed: {error}")
        await self._member.leave()

    # ---- fetching

    async def _fetch_from_leaders(self) -> None:
        """Start a request to each leader of assigned partitions that has none in flight."""
        assigned = self._member.assigned
        if any(partition not in self._leaders for partition in assigned):
            await self._update_metadata(assigned)
        for leader in {self._leaders[each] for each in assigned if each in self._leaders} - self._fetches.keys():
            self._fetches[leader] = asyncio.create_task(self._fetch(leader))

    async def _update_metadata(self, assigned: frozenset[TopicPartitionId]) -> None:
        """Look up the names and leaders of assigned partitions, again for those without one."""
        with suppress(ConnectionFailed):
            answer = await self._session.metadata((), ids=sorted({topic for topic, _ in assigned}))
            for topic in answer.topics:
                if topic.topic_id and topic.name:
                    self._names[topic.topic_id] = str(topic.name)
                    for each in topic.partitions:
                        if each.leader_id >= 0:
                            self._leaders[topic.topic_id, int(each.partition_index)] = each.leader_id

    async def _fetch(self, leader: BrokerId) -> list[Acquired] | None:
        session = self._sessions.get(leader)
        if session is None or not session.is_open:
            connection = await self._session.private_connection(leader)
            session = ShareSession(connection, self._settings.group_id or "", self._member.member_id, self._settings)
            self._sessions[leader] = session
        wanted = frozenset(each for each in self._member.assigned if self._leaders.get(each) == leader)
        acquired = await session.fetch(wanted, self._names)
        self._held.update({each.id: session for each in acquired or ()})
        return acquired

    async def _wait_for_progress(self, timeout: float) -> bool:
        """Wait for a fetch, a new assignment, or a missing leader; return whether it was a fetch.

        raises    what a fetch raises, except transient errors
        """
        changed = asyncio.create_task(self._member.changed.wait())
        if any(each not in self._leaders for each in self._member.assigned):
            timeout = min(timeout, self._pause)
        try:
            await asyncio.wait(
                (changed, *self._fetches.values()),
                timeout=None if timeout == float("inf") else max(0.0, timeout),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            changed.cancel()
        done = [leader for leader, task in self._fetches.items() if task.done()]
        for leader in done:
            await self._take(leader, self._fetches.pop(leader))
        return bool(done)

    async def _take(self, leader: BrokerId, fetched: "asyncio.Task[list[Acquired] | None]") -> None:
        try:
            acquired = fetched.result()
        except Rejected:
            raise
        except ConnectionFailed:
            acquired = None
        if acquired is None:
            self._leaders = {each: broker for each, broker in self._leaders.items() if broker != leader}
            await asyncio.sleep(self._pause)
        else:
            self._ready += [each for each in acquired if each.records]
