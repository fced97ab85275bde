"""Reads a topic until everything expected has arrived: within one deadline, connecting included, and without a group.

The cluster may not respond yet, the topic may not exist yet, and partitions may be added meanwhile.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.leaders import Patience
from pykafka_cli.clients.admin.offsets import list_offsets, offsets_for_times
from pykafka_cli.clients.consuming.fetcher import Fetcher
from pykafka_cli.clients.error_traits import TOPIC_MISSING
from pykafka_cli.clients.errors import ApiError, explain
from pykafka_cli.clients.group_offsets import Position
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Offset, OffsetSpec, Seconds, Timestamp, TopicPartition, base64_id
from pykafka_cli.procedures.wait import FIRST_PAUSE_S, LONGEST_PAUSE_S, wait_until_met
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.protocol.records.batch import CorruptRecords
from pykafka_cli.rules.expect_ledger import Assertion, Expectation, Ledger, Outcome
from pykafka_cli.rules.expect_marks import Mark, starts_after, topic_mark
from pykafka_cli.rules.expect_records import Texts
from pykafka_cli.rules.wait_conditions import Condition
from pykafka_cli.transport.errors import ConnectionFailed, Rejected

T = TypeVar("T")

NEW_PARTITIONS_EVERY_S = 1.0
"""Seconds between looking up the topic again."""

RECORDS_AT_A_TIME = 500
"""Number of records after which the deadline is checked again."""

REST_S = 0.5
"""Seconds to keep reading once the expectation cannot be met: the rest explains why."""

DEFAULTS = {"request.timeout.ms": "10000", "default.api.timeout.ms": "1000"}
"""Requests that fail are repeated anyway, so none should take long."""


Start = Mark | Timestamp | OffsetSpec
"""Where to begin: after a mark, at a time, or at EARLIEST."""


class Wanted(NamedTuple):
    """Everything that one run expects; records may be None, conditions empty.

    conditions    with the words of the command line
    within        seconds for everything
    grace         seconds for which to wait for surplus records
    """

    records: Expectation | None
    start: Start
    texts: Texts
    conditions: Sequence[tuple[str, Condition]]
    within: Seconds
    grace: Seconds


class Report(NamedTuple):
    """The result.

    elapsed    seconds
    seen       records that were read; `counted` counts those that match the filter
    problem    what kept the topic from being read; `hint` says what would help
    notes      further information about a failure
    """

    assertions: Sequence[Assertion]
    elapsed: float
    timed_out: bool
    seen: int = 0
    counted: int = 0
    problem: str = ""
    hint: str = ""
    notes: Sequence[str] = ()

    @property
    def is_met(self) -> bool:
        return all(each.outcome is Outcome.MET for each in self.assertions)


Open = Callable[[], Session]
Show = Callable[[Sequence[str]], None]


async def check(open_session: Open, settings: ConsumerSettings, wanted: Wanted, show: Show) -> Report:
    """Read the topic, and check the conditions once the records have arrived.

    show      called with what is missing, before each wait
    raises    BadMark, BadClientSetting
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    assertions: list[Assertion] = []
    reading: _Reading | None = None
    timed_out = False
    if wanted.records is not None:
        reading = _Reading(settings, wanted, wanted.records, show)
        try:
            async with asyncio.timeout(wanted.within):
                await reading.read(open_session)
        except TimeoutError:
            timed_out = True
        assertions += reading.assertions()
    if wanted.conditions:
        left = wanted.within - (clock() - began)
        if any(each.outcome is not Outcome.MET for each in assertions):
            found = [Assertion(word, Outcome.SKIPPED, "not all records arrived") for word, _ in wanted.conditions]
        elif left <= 0:
            found = [Assertion(word, Outcome.SKIPPED, "time was up") for word, _ in wanted.conditions]
        else:
            found = await _check_conditions(open_session, wanted.conditions, Seconds(left), show)
            timed_out = any(each.outcome is Outcome.UNMET for each in found)
        assertions += found
    elapsed = clock() - began
    if reading is None:
        return Report(assertions, elapsed, timed_out)
    return Report(
        assertions,
        elapsed,
        timed_out,
        reading.ledger.seen,
        reading.ledger.counted,
        *reading.problem,
        notes=reading.notes,
    )


async def _check_conditions(
    open_session: Open, conditions: Sequence[tuple[str, Condition]], left: Seconds, show: Show
) -> list[Assertion]:
    """left    seconds until the deadline"""
    words = [word for word, _ in conditions]
    unmet = await wait_until_met(
        open_session,
        [condition for _, condition in conditions],
        left,
        lambda found: show([f"{words[each.number]}: {each.reason}" for each in found]),
    )
    reasons = {each.number: each for each in unmet}
    return [
        Assertion(word, Outcome.UNMET, reasons[number].reason, reasons[number].hint)
        if number in reasons
        else Assertion(word, Outcome.MET)
        for number, word in enumerate(words)
    ]


class _Reading:
    """Reads one topic until everything expected has arrived, or cannot arrive any more."""

    def __init__(self, settings: ConsumerSettings, wanted: Wanted, records: Expectation, show: Show) -> None:
        self.ledger = Ledger(records, wanted.texts)
        self.problem = "there was no response", ""
        self.notes: list[str] = []
        self._settings = settings
        self._reads_committed = settings.isolation_level == "read_committed"
        self._wanted = wanted
        self._topic = records.topic
        self._exactly = records.exactly
        self._show = show
        self._clock = asyncio.get_running_loop().time
        self._positions: dict[TopicPartition, Offset] = {}
        self._begun_at: dict[TopicPartition, Offset | OffsetSpec] = {}
        self._read_to_end = False

    def assertions(self) -> list[Assertion]:
        return self.ledger.assertions(read_to_end=self._read_to_end)

    async def read(self, open_session: Open) -> None:
        """Read until nothing further can change the result; the caller ends it at the deadline.

        raises    BadMark, BadClientSetting
        """
        pause = FIRST_PAUSE_S
        while True:
            try:
                async with open_session() as session:
                    await self._read(session)
                return
            except Rejected as failure:
                self.problem = explain(failure)
                return
            except (ApiError, CorruptRecords) as failure:
                self.problem = f"{self._topic}: {failure}", ""
                return
            except ConnectionFailed as failure:
                self._lacks(*explain(failure))
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_S)

    def _lacks(self, problem: str, hint: str = "") -> None:
        self.problem = problem, hint
        self._show([f"{self._topic}: {problem}"])

    async def _read(self, session: Session) -> None:
        """raises    ConnectionFailed before anything was read; ApiError, CorruptRecords, Rejected, BadMark"""
        fetcher = Fetcher(session, self._settings, lambda _: None, self._note_start)
        watching: asyncio.Task[None] | None = None
        try:
            while True:
                if await self._add_new_partitions(session, fetcher):
                    break
                await asyncio.sleep(LONGEST_PAUSE_S / 2)
            watching = asyncio.create_task(self._watch_partitions(session, fetcher))
            while not (self.ledger.is_met or self.ledger.is_hopeless):
                await self._read_some(fetcher)
            if self._exactly:
                await self._read_surplus(session, fetcher)
        finally:
            fetcher.close()
            if watching:
                watching.cancel()

    # ---- partitions

    async def _add_new_partitions(self, session: Session, fetcher: Fetcher) -> bool:
        """Return whether there are any partitions now.

        raises    ConnectionFailed, ApiError, BadMark
        """
        answer = await session.metadata([self._topic])
        (found,) = answer.topics
        code = ErrorCode(found.error_code)
        if code is not ErrorCode.none and code not in TOPIC_MISSING:
            raise ApiError(code)
        partitions = [TopicPartition(self._topic, int(each.partition_index)) for each in found.partitions]
        new = [each for each in partitions if each not in self._begun_at]
        if not partitions:
            self._lacks("the topic does not exist")
        elif new:
            topic_id = base64_id(found.topic_id) if found.topic_id else None
            starts = await self._starts(session, new, answer.cluster_id, topic_id)
            self._begun_at.update(starts)
            self._positions.update(_known(starts))
            fetcher.add(starts)
            self.problem = "", ""
        return bool(partitions)

    async def _watch_partitions(self, session: Session, fetcher: Fetcher) -> None:
        while True:
            await asyncio.sleep(NEW_PARTITIONS_EVERY_S)
            with contextlib.suppress(ConnectionFailed, ApiError):
                await self._add_new_partitions(session, fetcher)

    async def _starts(
        self, session: Session, partitions: Sequence[TopicPartition], cluster_id: str | None, topic_id: str | None
    ) -> Mapping[TopicPartition, Offset | OffsetSpec]:
        """Start offsets; partitions that appear while others are read are new, and are read from their beginning."""
        start = self._wanted.start
        if isinstance(start, Mark):
            mark = topic_mark(start, self._topic, cluster_id)
            found = starts_after(mark, topic_id, [each.partition for each in partitions])
            return {each: found[each.partition] for each in partitions}
        if isinstance(start, OffsetSpec) or self._begun_at:
            return dict.fromkeys(partitions, OffsetSpec.EARLIEST)
        # The ends come first, so that nothing that arrives between the two requests is missed.
        ends = await self._ends(session, partitions)
        found_at = await self._of_all(
            partitions,
            lambda wanted: offsets_for_times(
                session,
                dict.fromkeys(wanted, start),
                read_committed=self._reads_committed,
                patience=Patience.ASK_ONCE,
            ),
        )
        return {each: ends[each] if offset is None else offset for each, offset in found_at.items()}

    async def _ends(self, session: Session, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Offset]:
        return await self._of_all(
            partitions,
            lambda wanted: list_offsets(
                session,
                dict.fromkeys(wanted, OffsetSpec.LATEST),
                read_committed=self._reads_committed,
                patience=Patience.ASK_ONCE,
            ),
        )

    async def _of_all(
        self,
        partitions: Sequence[TopicPartition],
        ask: Callable[[Sequence[TopicPartition]], Awaitable[Mapping[TopicPartition, T | ApiError]]],
    ) -> Mapping[TopicPartition, T]:
        """Look up offsets, and retry until all leaders have responded."""
        found: dict[TopicPartition, T] = {}
        while True:
            answer = await ask([each for each in partitions if each not in found])
            found |= {each: offset for each, offset in answer.items() if not isinstance(offset, ApiError)}
            if len(found) == len(partitions):
                return found
            problem = next(each for each in answer.values() if isinstance(each, ApiError))
            self._lacks(str(problem))
            await asyncio.sleep(LONGEST_PAUSE_S / 2)

    def _note_start(self, partition: TopicPartition, position: Position) -> None:
        """Called when the start of a log was looked up, perhaps because the requested offset is gone."""
        asked = self._begun_at.get(partition)
        if asked is not None and 0 <= asked < position.offset:
            self.notes.append(
                f"{partition}: the records from offset {asked} to {position.offset - 1} have been deleted"
            )
        self._positions[partition] = position.offset

    # ---- records

    async def _read_some(self, fetcher: Fetcher, timeout: float = NEW_PARTITIONS_EVERY_S) -> None:
        """Read what has arrived from one partition, or wait for up to `timeout` seconds.

        raises    ApiError, CorruptRecords, Rejected
        """
        if fetched := fetcher.take():
            for first in range(0, len(fetched.records), RECORDS_AT_A_TIME):
                self.ledger.add(fetched.partition, fetched.records[first : first + RECORDS_AT_A_TIME])
                await asyncio.sleep(0)  # let requests be sent, and the deadline be noticed
            self._positions[fetched.partition] = fetched.next.offset
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(fetcher.ready.wait(), timeout)
            return
        if missing := self.ledger.missing:
            self._show([f"{self._topic}: {missing}"])

    async def _read_surplus(self, session: Session, fetcher: Fetcher) -> None:
        """Read to the current ends of the logs, and for the grace period; less if the result is already certain."""
        until = self._clock() + self._wanted.grace
        ends = None if self.ledger.is_hopeless else await self._offsets_despite_losses(session)
        shortened = False
        while True:
            self._read_to_end = ends is not None and all(
                self._positions.get(each, -1) >= end for each, end in ends.items()
            )
            if self.ledger.is_hopeless and not shortened:
                until, shortened = min(until, self._clock() + REST_S), True
            left = until - self._clock()
            if left <= 0 and (self._read_to_end or self.ledger.is_hopeless):
                return
            await self._read_some(fetcher, max(left, LONGEST_PAUSE_S / 2))

    async def _offsets_despite_losses(self, session: Session) -> Mapping[TopicPartition, Offset]:
        while True:
            try:
                return await self._ends(session, list(self._begun_at))
            except ConnectionFailed:
                await asyncio.sleep(LONGEST_PAUSE_S)


def _known(starts: Mapping[TopicPartition, Offset | OffsetSpec]) -> dict[TopicPartition, Offset]:
    """The known offsets."""
    return {each: start for each, start in starts.items() if not isinstance(start, OffsetSpec)}
