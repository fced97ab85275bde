"""Reads topics as Kafka's consumer does: alone or in a group, committing positions as records are used.

    poll ──> records of one partition ──> the caller uses them ──> used(...) ──> commit (auto.commit.interval.ms, close)

Assignments change only inside `poll`, when the caller is not processing records: what is
committed at a rebalance is exactly what was used.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.consuming.fetched_records import Fetched
from pykafka_cli.clients.consuming.fetcher import Fetcher
from pykafka_cli.clients.consuming.group_member import GroupMember, Joined
from pykafka_cli.clients.consuming.topic_subscription import TopicSubscription, regex_for_coordinator
from pykafka_cli.clients.coordinator import Coordinator
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.group_offsets import Membership, Position, commit_offsets, fetch_offsets
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Offset, OffsetSpec, Seconds, TopicPartition, in_seconds
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.transport.errors import ConnectionFailed

if TYPE_CHECKING:
    from pykafka_cli.clients.consuming.consumer_protocol_member import ConsumerProtocolMember

Member: TypeAlias = "GroupMember | ConsumerProtocolMember"

CLOSE_TIMEOUT = 5.0
"""Seconds for the last commit."""


class Consumer:
    """A consumer: either subscribed (`subscribe`), or with partitions that the caller chooses (`assign`).

    warn            called with lines that the scripts log at WARN
    on_assigned     called with assigned partitions (`on_revoked`: revoked ones), for tools that report them
    raises          from `poll`: ConnectionFailed, ApiError, NoOffset, CorruptRecords
    """

    def __init__(
        self,
        session: Session,
        settings: ConsumerSettings,
        *,
        warn: Callable[[str], None],
        on_assigned: Callable[[Sequence[TopicPartition]], None] = lambda _: None,
        on_revoked: Callable[[Sequence[TopicPartition]], None] = lambda _: None,
    ) -> None:
        self._session = session
        self._settings = settings
        self._warn = warn
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self._fetcher = Fetcher(session, settings, warn, self._note_start)
        self._subscription: TopicSubscription | None = None
        self._watching: asyncio.Task[None] | None = None
        self._joining: asyncio.Task[Joined] | None = None
        self._joining_for: Mapping[str, int] = {}  # topics as they were known then, with their partitions
        self._assigned: list[TopicPartition] = []
        self._had: list[TopicPartition] = []  # before the last rebalance, for the sticky assignor
        self._positions: dict[TopicPartition, Position] = {}  # of all partitions with a known position
        self._committed: dict[TopicPartition, Position] = {}
        self._committing: asyncio.Task[None] | None = None
        self._next_commit = 0.0
        self._coordinator: Coordinator | None = None
        self._member: Member | None = None
        if settings.group_id is not None:
            pause = in_seconds(settings.retry_backoff_ms)
            self._coordinator = Coordinator(session, settings.group_id, private=True, pause=pause)

    # ---- what to read

    async def subscribe(self, topics: Iterable[str] = (), pattern: re.Pattern[str] | None = None) -> None:
        """Subscribe to these topics, or to all whose whole name matches, as a member of the group."""
        assert self._coordinator, "a subscription needs group.id"
        subscription = TopicSubscription(
            self._session, self._settings, sorted(topics), pattern, lambda line: self._warn(f"{self._name} {line}")
        )
        self._subscription = subscription
        if self._settings.has_remote_assignor:
            from pykafka_cli.clients.consuming.consumer_protocol_member import ConsumerProtocolMember

            regex = regex_for_coordinator(pattern, self._settings) if pattern else None
            self._member = ConsumerProtocolMember(self._session, self._coordinator, self._settings, regex=regex)
            if regex is not None:
                return  # the coordinator knows the topics
        else:
            self._member = GroupMember(self._coordinator, self._settings, self._partition_counts)
        await subscription.refresh()
        watch = subscription.watch(self._member.must_rejoin.set)
        self._watching = asyncio.get_running_loop().create_task(watch)

    def assign(self, positions: Mapping[TopicPartition, Offset | OffsetSpec | None]) -> None:
        """Read these partitions, from positions as in Fetcher.add."""
        self._assigned = list(positions)
        self._fetcher.add(positions)

    @property
    def assignment(self) -> list[TopicPartition]:
        return list(self._assigned)

    @property
    def membership(self) -> Membership:
        """This consumer's membership, as in KafkaConsumer.groupMetadata; an empty one without a group."""
        return self._member.membership if self._member else Membership()

    # ---- reading

    async def poll(self, timeout: Seconds) -> Fetched | None:
        """The next records of any partition; None if there are none within `timeout` seconds.

        Only records passed to `used` are ever committed.
        raises    ApiError, ConnectionFailed
        """
        try:
            return await self._poll(timeout)
        except ApiError as error:
            if error.code == ErrorCode.group_authorization_failed:
                raise ApiError(error.code, f"Not authorized to access group: {self._settings.group_id}") from None
            raise

    async def _poll(self, timeout: float) -> Fetched | None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout
        while True:
            if self._member and self._subscription:
                self._member.polled()
                await self._join_if_due(self._member, self._subscription)
            if self._watching and self._watching.done():
                self._watching.result()
            self._commit_if_due(clock())
            if self._may_take:
                fetched = self._fetcher.take()
                if fetched and not fetched.records:
                    self._positions[fetched.partition] = fetched.next
                    continue
                if fetched:
                    return fetched
            remaining = deadline - clock()
            if remaining <= 0:
                return None
            await self._wait_for_progress(Seconds(remaining))

    @property
    def _may_take(self) -> bool:
        """Whether records may be returned: not while the group reassigns all partitions."""
        return not self._joining or (self._member is not None and self._member.is_cooperative)

    def used(self, fetched: Fetched, count: int | None = None) -> None:
        """Note that the first `count` of the records (by default all) were used and may be committed."""
        self._positions[fetched.partition] = fetched.next if count is None else fetched.position_after(count)

    def _note_start(self, partition: TopicPartition, position: Position) -> None:
        """Note a position that was looked up; it is committed even without records, as in Kafka."""
        self._positions[partition] = position

    async def close(self) -> None:
        """Commit used records, leave the group, stop reading."""
        for task in (self._watching, self._joining, self._committing):
            if task:
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
        self._fetcher.close()
        deadline = asyncio.get_running_loop().time() + CLOSE_TIMEOUT
        if self._settings.enable_auto_commit:
            await self._commit_or_warn(deadline)
        self._revoke(self._assigned)
        if self._member:
            await self._member.leave()

    async def commit(self, deadline: float | None = None) -> dict[TopicPartition, Position]:
        """Commit positions that are not committed yet, and return them.

        raises    ConnectionFailed, ApiError
        """
        positions = {each: where for each, where in self._positions.items() if self._committed.get(each) != where}
        if not positions or not self._coordinator or (self._member and self._member.is_lost):
            return {}
        failed = await commit_offsets(self._coordinator, positions, self.membership, deadline=deadline)
        if any(problem.code == ErrorCode.stale_member_epoch for problem in failed.values()):
            # A heartbeat brought a new epoch during the commit.
            failed = await commit_offsets(self._coordinator, positions, self.membership, deadline=deadline)
        self._committed.update({each: where for each, where in positions.items() if each not in failed})
        for problem in failed.values():
            raise problem
        return positions

    async def _commit_or_warn(self, deadline: float | None = None) -> None:
        try:
            await self.commit(deadline)
        except (ConnectionFailed, ApiError) as error:
            self._warn(f"{self._name} Offset commit failed: {error}")

    @property
    def _name(self) -> str:
        return f"[Consumer clientId={self._settings.client_id}, groupId={self._settings.group_id}]"

    # ---- the group

    async def _join_if_due(self, member: Member, subscription: TopicSubscription) -> None:
        """Join if necessary, and apply the result."""
        if self._joining is None and member.must_rejoin.is_set():
            await self._prepare_to_join(member)
            owned = self._assigned if member.is_cooperative else self._had
            self._joining_for = subscription.partition_counts
            self._joining = asyncio.get_running_loop().create_task(member.join(subscription.topics, owned))
        if self._joining and self._joining.done():
            joining, self._joining = self._joining, None
            if subscription.partition_counts != self._joining_for:
                member.must_rejoin.set()  # joining takes several requests, all with what was known when it began
            await self._adopt(member, joining.result())

    async def _prepare_to_join(self, member: Member) -> None:
        if self._settings.enable_auto_commit:
            await self._commit_or_warn()
        if not member.is_cooperative or member.is_lost:
            self._had = self._assigned
            self._revoke(self._assigned)

    async def _adopt(self, member: Member, joined: Joined) -> None:
        """Give up what is not assigned any more, and take what is, unless others may have been assigned it since."""
        lost = [partition for partition in self._assigned if partition not in joined.partitions]
        if lost:
            if self._settings.enable_auto_commit:
                await self._commit_or_warn()
            self._revoke(lost)
        wanted = joined.partitions if member.stands(joined) else ()
        new = [partition for partition in wanted if partition not in self._assigned]
        self._assigned = self._assigned + new
        self._on_assigned(new)
        member.adopted(self._assigned, revoked=bool(lost))
        if new and self._coordinator:
            stable = self._settings.isolation_level == "read_committed"
            committed = await fetch_offsets(self._coordinator, new, stable=stable)
            self._committed.update(committed)
            self._positions.update(committed)
            self._fetcher.add({each: committed.get(each) for each in new})

    def _revoke(self, partitions: Sequence[TopicPartition]) -> None:
        if partitions:
            self._fetcher.drop(partitions)
            self._assigned = [each for each in self._assigned if each not in partitions]
            for each in partitions:
                self._positions.pop(each, None)
                self._committed.pop(each, None)
            self._on_revoked(partitions)

    async def _partition_counts(self, topics: Sequence[str]) -> Mapping[str, int]:
        """Partition counts, also of topics that other members subscribe to, for the assignor of the group's leader."""
        known = self._subscription.partition_counts if self._subscription else {}
        if all(topic in known for topic in topics):
            return known  # outdated metadata is detected later, and the group rebalances
        answer = await self._session.metadata(topics)
        return {str(topic.name): len(topic.partitions) for topic in answer.topics if topic.partitions}

    # ---- waiting and committing

    def _commit_if_due(self, now: float) -> None:
        if not self._settings.enable_auto_commit or now < self._next_commit:
            return
        if self._next_commit and (self._committing is None or self._committing.done()) and not self._joining:
            self._committing = asyncio.get_running_loop().create_task(self._commit_or_warn())
        self._next_commit = now + in_seconds(self._settings.auto_commit_interval_ms)

    async def _wait_for_progress(self, timeout: Seconds) -> None:
        """Wait for records, for the group, for the next commit, or for `timeout`."""
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Future[object]] = []
        if self._may_take:
            waiting.append(loop.create_task(self._fetcher.ready.wait()))
        if self._joining:
            waiting.append(self._joining)  # type: ignore[arg-type]
        elif self._member:
            waiting.append(loop.create_task(self._member.must_rejoin.wait()))
        if self._settings.enable_auto_commit:
            timeout = Seconds(min(timeout, max(0.0, self._next_commit - loop.time())))
        try:
            await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                if each is not self._joining:
                    each.cancel()
