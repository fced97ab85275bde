"""Fetch sessions (KIP-227), the leader's side: a fetcher names its partitions once and then only what changes. Pure.

A full fetch (session epoch 0) lists every partition and opens a session; each later fetch of the session carries the
next epoch and only the partitions that were added, moved or forgotten; the response leaves out partitions about which
there is nothing new. A follower's session does not even read those again before they change. Epoch -1 closes the
session. The cache is bounded (max.incremental.fetch.session.cache.slots): without a slot the response carries session
id 0, and the fetcher continues with full fetches.
Times are monotonic seconds. Source: kafka.server.FetchSession.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.errors import FetchSessionIdNotFound, FetchSessionTopicIdError, InvalidFetchSessionEpoch
from pykafka_cli.broker.replication.fetch_values import (
    Answer,
    AskedPartition,
    FetchResult,
    FetchTarget,
    PartitionKey,
)
from pykafka_cli.broker.replication.isr import IdleFetch
from pykafka_cli.model import Offset, TopicPartition

NO_SESSION = 0
INITIAL_EPOCH = 0
FINAL_EPOCH = -1
LAST_EPOCH = 2**31 - 1

EVICTION_TIME = 120.0  # seconds; Kafka's constant (MinIncrementalFetchSessionEvictionMs)

IsIdle: TypeAlias = Callable[[FetchTarget, IdleFetch], bool]
"""Whether a follower has all of a partition; if so, `end` of its IdleFetch is called once there is something new."""


@dataclass(slots=True)
class _Cached:
    """One partition of a session: what is requested now, and what was last sent to the fetcher."""

    asked: AskedPartition
    high_watermark: Offset | None = None
    log_start: Offset | None = None

    def take(self, answer: FetchResult) -> bool:
        """Remember `answer`; return whether it has records, an error or offsets the fetcher was not sent before."""
        is_changed = (
            answer.high_watermark != self.high_watermark
            or answer.log_start != self.log_start
            or bool(answer.records)
            or answer.error_code is not ErrorCode.none
            or answer.diverging_epoch is not None
        )
        if is_changed:
            # After an error the mark is unknown to the fetcher, so that the first good answer is always sent.
            self.high_watermark = answer.high_watermark if answer.error_code is ErrorCode.none else None
            self.log_start = answer.log_start
        return is_changed


class _Idle:
    """A partition of a session that is not read, because its fetcher has all of it; see `IdleFetch`."""

    __slots__ = ("_ended_at", "_session", "cached")

    def __init__(self, session: "_Session", cached: _Cached) -> None:
        self.cached = cached
        self._session = session
        self._ended_at: float | None = None

    @property
    def fetched_at(self) -> float:
        return self._session.last_used_at if self._ended_at is None else self._ended_at

    def end(self) -> None:
        self._session.read_again(self)

    def leave(self) -> None:
        """The fetcher has named the partition: what it says of it counts from now on."""
        self._ended_at = self._session.last_used_at


class _Session:
    """
    partitions    those that each fetch reads
    idle          those that are left out until they change
    on_news       called with each of the latter that has changed, while a fetch of the session waits
    """

    __slots__ = (
        "created_at",
        "epoch",
        "id",
        "idle",
        "is_follower",
        "last_used_at",
        "on_news",
        "partitions",
        "uses_topic_ids",
    )

    def __init__(
        self, session_id: int, *, is_follower: bool, uses_topic_ids: bool, cached: Iterable[_Cached], now: float
    ) -> None:
        self.id = session_id
        self.is_follower = is_follower
        self.uses_topic_ids = uses_topic_ids
        self.partitions = {partition.asked.key: partition for partition in cached}
        self.idle: dict[PartitionKey, _Idle] = {}
        self.on_news: Callable[[FetchTarget], None] | None = None
        self.created_at = self.last_used_at = now
        self.epoch = next_epoch(INITIAL_EPOCH)

    @property
    def value(self) -> tuple[bool, int]:
        """The rank that a new session must exceed to replace this one: followers before consumers, then by size."""
        return self.is_follower, len(self.partitions) + len(self.idle)

    @property
    def is_settled(self) -> bool:
        return self.last_used_at - self.created_at > EVICTION_TIME

    def update(self, targets: Iterable[AskedPartition], forgotten: Iterable[PartitionKey]) -> None:
        for target in targets:
            cached = self.partitions.get(target.key) or self._taken_from_idle(target.key)
            if cached is None:
                self.partitions[target.key] = _Cached(target)
            else:
                # The name that was once found for an id stays: a topic that has been created again since is found,
                # and answered with INCONSISTENT_TOPIC_ID, for as long as the session has the old id.
                target.topic = target.topic or cached.asked.topic
                cached.asked = target
                self.partitions[target.key] = cached
        for key in forgotten:
            self._taken_from_idle(key)
            self.partitions.pop(key, None)

    def _taken_from_idle(self, key: PartitionKey) -> _Cached | None:
        idle = self.idle.pop(key, None)
        if idle is None:
            return None
        idle.leave()
        return idle.cached

    def leave_out_if(self, is_idle: IsIdle, cached: _Cached) -> None:
        """Do not read a partition, of which there is nothing new, until it changes."""
        idle = _Idle(self, cached)
        if is_idle(_target(cached), idle):
            key = cached.asked.key
            self.idle[key] = idle
            del self.partitions[key]

    def read_again(self, idle: _Idle) -> None:
        """It has changed."""
        key = idle.cached.asked.key
        if self.idle.get(key) is idle:
            del self.idle[key]
            self.partitions[key] = idle.cached
            if self.on_news is not None:
                self.on_news(_target(idle.cached))


def _target(cached: _Cached) -> FetchTarget:
    topic = cached.asked.topic
    assert topic is not None  # it has been read
    return FetchTarget(TopicPartition(topic, cached.asked.partition), cached.asked)


def next_epoch(epoch: int) -> int:
    """The epoch of a session's next request; after the last one comes 1, as 0 means a full fetch."""
    if epoch < 0:
        return FINAL_EPOCH
    return 1 if epoch == LAST_EPOCH else epoch + 1


class FetchContext:
    """One fetch request, session or not: the partitions to read, and the way to what must be answered.

    has_idle    whether the session has partitions besides the targets, in which there was nothing new
    """

    def __init__(self, targets: Sequence[AskedPartition], *, has_idle: bool = False) -> None:
        self.targets = targets
        self.has_idle = has_idle

    @contextlib.contextmanager
    def on_news(self, take: Callable[[FetchTarget], None]) -> Iterator[None]:
        """Meanwhile, call `take` with each of those that has changed: it is a target now."""
        del take
        yield

    def conclude(self, answers: list[Answer], now: float, is_idle: IsIdle | None = None) -> tuple[int, list[Answer]]:
        """The session id to answer with, and the responses worth sending.

        is_idle    for a follower: partitions of which it is true are not read before they change
        """
        del now, is_idle
        return NO_SESSION, answers

    def postpone(self) -> int:
        """Send nothing, for the fetcher has to wait: the session id to answer with.

        raises    InvalidFetchSessionEpoch
        """
        return NO_SESSION


NO_IDLE = FetchContext(())
"""For a fetch without a session."""


class _FullFetch(FetchContext):
    def __init__(
        self, sessions: "FetchSessions", targets: Sequence[AskedPartition], *, is_follower: bool, uses_topic_ids: bool
    ) -> None:
        super().__init__(targets)
        self._sessions = sessions
        self._is_follower = is_follower
        self._uses_topic_ids = uses_topic_ids

    def conclude(self, answers: list[Answer], now: float, is_idle: IsIdle | None = None) -> tuple[int, list[Answer]]:
        del is_idle
        session_id = self._sessions.open_session(
            answers, is_follower=self._is_follower, uses_topic_ids=self._uses_topic_ids, now=now
        )
        return session_id, answers


class _IncrementalFetch(FetchContext):
    def __init__(self, session: _Session) -> None:
        super().__init__([cached.asked for cached in session.partitions.values()], has_idle=bool(session.idle))
        self._session = session
        self._epoch = session.epoch

    @contextlib.contextmanager
    def on_news(self, take: Callable[[FetchTarget], None]) -> Iterator[None]:
        self._session.on_news = take
        try:
            yield
        finally:
            if self._session.on_news is take:
                self._session.on_news = None

    def conclude(self, answers: list[Answer], now: float, is_idle: IsIdle | None = None) -> tuple[int, list[Answer]]:
        del now
        self._ensure_is_latest()
        session = self._session
        changed: list[Answer] = []
        for target, answer in answers:
            key = target.key
            cached = session.partitions.get(key)
            if cached is None:
                continue
            if not cached.take(answer):
                if is_idle is not None:
                    session.leave_out_if(is_idle, cached)
                continue
            changed.append((target, answer))
            if answer.records:
                # To the end of the line: with a bound on the whole response, the partitions take turns.
                session.partitions[key] = session.partitions.pop(key)
        return session.id, changed

    def postpone(self) -> int:
        self._ensure_is_latest()
        return self._session.id

    def _ensure_is_latest(self) -> None:
        session = self._session
        if session.epoch != self._epoch:
            raise InvalidFetchSessionEpoch(
                f"fetch session {session.id} is at epoch {session.epoch}, the request expected {self._epoch}"
            )


class FetchSessions:
    """The sessions of one broker.

    slots        how many may exist at a time
    choose_id    a random positive int32
    """

    def __init__(self, slots: int, choose_id: Callable[[], int]) -> None:
        self._slots = slots
        self._choose_id = choose_id
        self._sessions: OrderedDict[int, _Session] = OrderedDict()  # least recently used first

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(
        self,
        targets: Sequence[AskedPartition],
        forgotten: Iterable[PartitionKey],
        *,
        session_id: int,
        epoch: int,
        is_follower: bool,
        uses_topic_ids: bool,
        now: float,
    ) -> FetchContext:
        """Process one request.

        raises   FetchSessionIdNotFound, InvalidFetchSessionEpoch, FetchSessionTopicIdError (names after ids, or ids
                 after names): the fetcher starts again with a full fetch
        """
        if epoch in (INITIAL_EPOCH, FINAL_EPOCH):
            self._sessions.pop(session_id, None)  # a full fetch closes the session that it names
            if epoch == FINAL_EPOCH:
                return FetchContext(targets)
            return _FullFetch(self, targets, is_follower=is_follower, uses_topic_ids=uses_topic_ids)
        session = self._sessions.get(session_id)
        if session is None:
            raise FetchSessionIdNotFound(f"no fetch session {session_id}; it may have been evicted")
        if session.epoch != epoch:
            raise InvalidFetchSessionEpoch(f"fetch session {session_id} is at epoch {session.epoch}, not {epoch}")
        if session.uses_topic_ids != uses_topic_ids:
            raise FetchSessionTopicIdError(
                f"fetch session {session_id} names topics by {'id' if session.uses_topic_ids else 'name'}"
            )
        session.update(targets, forgotten)
        if not (session.partitions or session.idle):
            del self._sessions[session_id]
            return FetchContext(targets)
        session.last_used_at = now
        self._sessions.move_to_end(session_id)
        session.epoch = next_epoch(session.epoch)
        return _IncrementalFetch(session)

    def open_session(
        self,
        answers: Sequence[Answer],
        *,
        is_follower: bool,
        uses_topic_ids: bool,
        now: float,
    ) -> int:
        """Open a session over the partitions of a full fetch; its id, or NO_SESSION when no slot is free."""
        if len(self._sessions) >= self._slots and not self._evict_for((is_follower, len(answers)), now):
            return NO_SESSION
        session_id = self._choose_id()
        while session_id in self._sessions or session_id == NO_SESSION:
            session_id = self._choose_id()
        self._sessions[session_id] = _Session(
            session_id,
            is_follower=is_follower,
            uses_topic_ids=uses_topic_ids,
            cached=[_Cached(target, answer.high_watermark, answer.log_start) for target, answer in answers],
            now=now,
        )
        return session_id

    def _evict_for(self, newcomer: tuple[bool, int], now: float) -> bool:
        """Make room: the longest unused session if it is stale, else the least valuable that the newcomer exceeds.

        A follower may take the place of any consumer; otherwise only sessions past their protection can go.
        """
        stalest = next(iter(self._sessions.values()), None)
        if stalest is None:
            return False
        if now - stalest.last_used_at > EVICTION_TIME:
            del self._sessions[stalest.id]
            return True
        is_follower = newcomer[0]
        candidates = [
            session
            for session in self._sessions.values()
            if session.is_settled or (is_follower and not session.is_follower)
        ]
        least = min(candidates, key=lambda session: (session.value, session.id), default=None)
        if least is None or newcomer <= least.value:
            return False
        del self._sessions[least.id]
        return True
