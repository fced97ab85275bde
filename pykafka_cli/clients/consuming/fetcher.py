"""Fetches partitions from their leaders, ahead of the reader.

Each leader has one task that sends a request, buffers the response, and sends the next one as soon as there is room;
nothing is decoded here. Responses for partitions that have been dropped meanwhile are ignored.

    add(partition, offset) ──> [leader's task: Fetch ... ] ──> ready ──> take() ──> decode
                                    │ out of range ──> reset policy
                                    ├ leader of a new epoch ──> validate the position (KIP-320)
                                    ├ leader moved ──> look up
                                    └ leader names a nearer replica (KIP-392) ──> fetch from that one for a while
source  Fetcher and SubscriptionState of Kafka's consumer
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from kio.schema.errors import ErrorCode
from kio.schema.fetch.v12.request import FetchRequest

from pykafka_cli.clients.admin.offsets import list_offsets
from pykafka_cli.clients.consuming.fetch_buffer import Chunk, FetchBuffer
from pykafka_cli.clients.consuming.fetch_request import OLDEST_FETCH, fetch_request
from pykafka_cli.clients.consuming.fetched_records import AbortedTransaction, Fetched, decode
from pykafka_cli.clients.consuming.position_validation import (
    LedPosition,
    epoch_ends,
    is_truncated,
    truncation_text,
)
from pykafka_cli.clients.consuming.sources import Lead, Source
from pykafka_cli.clients.coordinator import ask_over
from pykafka_cli.clients.error_traits import RETRIABLE
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.group_offsets import Position
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId, Offset, OffsetSpec, Seconds, TopicPartition, in_seconds
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.protocol.absence import known_epoch
from pykafka_cli.protocol.records.batch import CorruptRecords, walk
from pykafka_cli.transport.connection import Connection, VersionRange
from pykafka_cli.transport.errors import ConnectionFailed, Rejected

_FETCH_VERSIONS = VersionRange(OLDEST_FETCH, int(FetchRequest.__version__))
_LEADER_IS_ELSEWHERE = RETRIABLE - {ErrorCode.corrupt_message}
"""Errors that another broker, or the same one a little later, may not have; corrupt records are the same everywhere."""


class NoOffset(Exception):
    """A partition has no position and auto.offset.reset is none."""


class LogTruncated(NoOffset):
    """Records before the position are lost, as after an unclean election, and auto.offset.reset is none."""


class RawRecords(NamedTuple):
    """Undecoded batches of a partition from `offset` on. The first one may begin before that.

    aborted    transactions to skip; empty for read_uncommitted
    """

    partition: TopicPartition
    offset: Offset
    data: bytes
    aborted: tuple[AbortedTransaction, ...]


_log = logging.getLogger(__name__)


class Fetcher:
    """A fetcher for one reader; `take` returns records in the order of arrival.

    warn        called with lines that the scripts log at WARN
    on_start    called with each position at which reading (re)starts: the looked-up start or end of a log, or the first
                offset of which the log has lost records read before
    """

    def __init__(
        self,
        session: Session,
        settings: ConsumerSettings,
        warn: Callable[[str], None],
        on_start: Callable[[TopicPartition, Position], None],
    ) -> None:
        self._buffer = FetchBuffer()
        self.ready = self._buffer.ready
        """Set if records are available, or on a failure."""
        self._session = session
        self._settings = settings
        self._warn = warn
        self._on_start = on_start
        self._sources: dict[TopicPartition, Source] = {}
        self._changed: dict[BrokerId, asyncio.Event] = {}  # by leader: set if there is more to fetch from it
        self._leaders: dict[BrokerId, asyncio.Task[None]] = {}
        self._refresh_task: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._problem: Exception | None = None
        self._read_committed = settings.isolation_level == "read_committed"

    # ---- what to read

    @property
    def partitions(self) -> list[TopicPartition]:
        return list(self._sources)

    def add(self, positions: Mapping[TopicPartition, Position | Offset | OffsetSpec | None]) -> None:
        """Read partitions from a position, an offset or an OffsetSpec; None: as auto.offset.reset says."""
        policy = {"earliest": OffsetSpec.EARLIEST, "latest": OffsetSpec.LATEST}.get(self._settings.auto_offset_reset)
        for partition, position in positions.items():
            if position is None and policy is None:
                raise NoOffset(f"Undefined offset with no reset policy for partitions: [{partition}]")
            wanted = policy if position is None else position
            if isinstance(wanted, OffsetSpec):
                self._sources[partition] = Source(partition, None, wanted)
            elif wanted is not None:
                offset, epoch = wanted if isinstance(wanted, Position) else Position(wanted)
                reset_to = OffsetSpec.LATEST if policy is None else policy
                self._sources[partition] = Source(partition, offset, reset_to, epoch)
        self._request_refresh()
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._watch_leaders())
            self._watching.add_done_callback(self._ended)

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Stop reading these, and drop their fetched records."""
        for partition in partitions:
            self._sources.pop(partition, None)
        self._buffer.drop(lambda chunk: not self._is_current(chunk.source))

    def close(self) -> None:
        for task in (*self._leaders.values(), self._refresh_task, self._watching):
            if task:
                task.cancel()
        self._sources.clear()

    # ---- fetched records

    def take(self) -> Fetched | None:
        """The records that arrived first, decoded; None if there are none.

        raises    CorruptRecords, NoOffset, ApiError
        """
        raw = self.take_raw()
        if raw is None:
            return None
        return decode(raw.partition, raw.data, raw.offset, raw.aborted, check_crcs=self._settings.check_crcs)

    def take_raw(self) -> RawRecords | None:
        """The batches that arrived first, undecoded; None if there are none.

        raises    CorruptRecords, NoOffset, ApiError
        """
        if self._problem:
            problem, self._problem = self._problem, None
            raise problem
        while chunk := self._buffer.take():
            if self._is_current(chunk.source):
                return RawRecords(chunk.source.partition, chunk.offset, chunk.data, chunk.aborted)
        return None

    def _is_current(self, source: Source) -> bool:
        return self._sources.get(source.partition) is source

    # ---- leaders

    def _request_refresh(self) -> None:
        """Look up missing leaders and offsets in the background."""
        if self._refresh_task is None or self._refresh_task.done():
            self._refresh_task = asyncio.get_running_loop().create_task(self._refresh_until_all_is_known())
            self._refresh_task.add_done_callback(self._ended)

    async def _refresh_until_all_is_known(self) -> None:
        failures = 0  # in a row: a cluster that is down gets requests less and less often
        while True:
            try:
                await self._refresh()
                failures = 0
            except Rejected:
                raise
            except ConnectionFailed as failure:
                failures += 1
                self._warn(f"[Consumer clientId={self._settings.client_id}] {failure}")
            if all(source.is_ready for source in self._sources.values()):
                return
            await asyncio.sleep(self._settings.backoff(max(1, failures)))

    async def _refresh(self) -> None:
        """Send one Metadata request, and one or two to each leader of partitions without a certain position."""
        unknown = [source for source in self._sources.values() if not source.is_ready]
        if not unknown:
            return
        create = self._settings.allow_auto_create_topics and any(source.offset is None for source in unknown)
        leads = await self._look_up_leads({source.partition.topic for source in unknown}, create=create)
        for source in unknown:
            lead = leads.get(source.partition)
            if lead and source.is_older(lead):
                del leads[source.partition]
            elif lead and source.leader is None and self._is_current(source):
                _log.debug("%s: broker %d leads in epoch %d", source.partition, lead.broker, lead.epoch)
                source.follow(lead)
                self._ensure_asked(lead.broker)  # connects, even if there is nothing to look up yet
        await self._reset_offsets({each: lead.broker for each, lead in leads.items()})
        await self._validate_positions()

    async def _look_up_leads(self, topics: set[str], *, create: bool = False) -> dict[TopicPartition, Lead]:
        answer = await self._session.metadata(topics, create=create)
        for topic in answer.topics:
            if topic.error_code == ErrorCode.topic_authorization_failed:
                raise ApiError(topic.error_code, f"Not authorized to access topics: [{topic.name}]")
        return {
            TopicPartition(topic.name or "", int(part.partition_index)): Lead(
                part.leader_id, known_epoch(part.leader_epoch), topic.topic_id
            )
            for topic in answer.topics
            for part in topic.partitions
            if part.error_code in (ErrorCode.none, ErrorCode.replica_not_available) and part.leader_id >= 0
        }

    async def _watch_leaders(self) -> None:
        """Look for later leaders every metadata.max.age.ms.

        A broker that was cut off when its replica was moved to another one may answer as the leader forever.
        """
        while True:
            await asyncio.sleep(in_seconds(max(self._settings.metadata_max_age_ms, self._settings.retry_backoff_ms)))
            topics = {partition.topic for partition in self._sources}
            if not topics:
                continue
            try:
                leads = await self._look_up_leads(topics)
            except Rejected:
                raise
            except ConnectionFailed as failure:
                self._warn(f"[Consumer clientId={self._settings.client_id}] {failure}")
                continue
            known = {each: source for each, source in self._sources.items() if source.leader is not None}
            later = {each: its for each, its in known.items() if each in leads and its.is_outdated_by(leads[each])}
            if later:
                self._forget_leader(later)

    async def _reset_offsets(self, leaders: Mapping[TopicPartition, BrokerId]) -> None:
        wanted = {each: source for each, source in self._sources.items() if source.offset is None and each in leaders}
        found = await list_offsets(
            self._session,
            {each: source.reset_to for each, source in wanted.items()},
            read_committed=self._read_committed,
            leaders=leaders,
        )
        for partition, offset in found.items():
            _log.debug("%s: %s is %s", partition, wanted[partition].reset_to, offset)
            if not isinstance(offset, ApiError) and self._is_current(wanted[partition]):
                self._begin_at(wanted[partition], Position(offset))
                self._on_start(partition, Position(offset))
        self._report(found.values())

    async def _validate_positions(self) -> None:
        """Check that leaders of a new epoch have the records read before."""
        doubtful = {
            each: LedPosition(source.position, source.leader, source.leader_epoch)
            for each, source in self._sources.items()
            if not source.is_valid and source.position is not None and source.leader is not None
        }
        sources = {each: self._sources[each] for each in doubtful}
        ends = await epoch_ends(self._session, doubtful)
        for partition, end in ends.items():
            source, position = sources[partition], doubtful[partition].position
            if not self._is_current(source) or source.position != position:
                continue
            if isinstance(end, ApiError):
                source.leader = None  # looked up again with the next request
            elif not is_truncated(position, end):
                self._begin_at(source, position)
            else:
                self._return_to(source, end)
        self._report(ends.values())

    def _report(self, outcomes: Iterable[object]) -> None:
        """Warn of each broker that cannot be reached, and raise final errors."""
        problems = [each for each in outcomes if isinstance(each, ApiError)]
        for problem in problems:
            if problem.code == ErrorCode.topic_authorization_failed:
                raise problem
        for text in dict.fromkeys(str(each) for each in problems if each.code == ErrorCode.network_exception):
            self._warn(f"[Consumer clientId={self._settings.client_id}] {text}")

    def _return_to(self, source: Source, end: Position | None) -> None:
        """Handle a log that has lost records after `end`: drop those that were fetched, and continue there.

        If the leader knows none of the epochs read before, auto.offset.reset says where to continue.
        """
        if self._settings.auto_offset_reset == "none":
            self._fail(LogTruncated(truncation_text(source.partition, end)))
            return
        _log.debug("%s: the log was truncated to %s", source.partition, end)
        lost = self._buffer.drop(lambda chunk: chunk.source is source and (end is None or chunk.reaches(end.offset)))
        if end is None:
            self._reset(source)
        elif lost and lost[0].offset <= end.offset:
            self._begin_at(source, Position(lost[0].offset, lost[0].epoch))
        else:
            self._begin_at(source, end)
            self._on_start(source.partition, end)  # some records that the reader already has were lost

    def _begin_at(self, source: Source, position: Position) -> None:
        source.begin_at(position)
        self._ask_if_all_is_known(source)

    def _ask_if_all_is_known(self, source: Source) -> None:
        """Wake the leader's task once a source's leader and position are known."""
        if source.leader is not None and source.is_ready:
            self._ensure_asked(source.leader)

    def _ensure_asked(self, leader: BrokerId) -> None:
        self._changed.setdefault(leader, asyncio.Event()).set()
        if leader not in self._leaders or self._leaders[leader].done():
            task = self._leaders[leader] = asyncio.get_running_loop().create_task(self._fetch_from(leader))
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._fail(error if isinstance(error, Exception) else RuntimeError(repr(error)))

    def _fail(self, problem: Exception) -> None:
        self._problem = self._problem or problem
        self.ready.set()

    # ---- fetching

    async def _fetch_from(self, leader: BrokerId) -> None:
        """Send Fetch requests to one leader, while it leads any partition."""
        connection: Connection | None = None
        changed = self._changed[leader]
        failures = 0  # in a row
        try:
            while True:
                await self._buffer.room.wait()
                self._return_to_leaders()
                sources = self._led_by(leader)
                if not sources and not (connection is None and self._leads(leader)):
                    changed.clear()
                    await changed.wait()
                    continue
                try:
                    if connection is None or not connection.is_open:
                        connection = await self._session.private_connection(leader)
                        await connection.newest(FetchRequest.__api_key__, _FETCH_VERSIONS)
                        continue  # with the partitions it leads now
                    asked_for = {each: (source.offset, source.leader_epoch) for each, source in sources.items()}
                    answer = await ask_over(
                        connection,
                        fetch_request(self._settings, sources),
                        oldest=OLDEST_FETCH,
                        timeout=self._answer_timeout,
                    )
                except Rejected:
                    raise
                except ConnectionFailed as failure:
                    failures += 1
                    self._warn(f"[Consumer clientId={self._settings.client_id}] {failure}")
                    pause = self._settings.backoff(failures)
                    _log.debug("Broker %d: looking for its partitions' leaders again in %g s", leader, pause)
                    await asyncio.sleep(pause)
                    self._forget_leader(sources or {each.partition: each for each in self._leads(leader)})
                    continue
                failures = 0
                # This response does not count for a source that has another leader or position by now.
                unmoved = {
                    each: its
                    for each, its in sources.items()
                    if its.leader == leader and (its.offset, its.leader_epoch) == asked_for[each]
                }
                if self._keep_all(answer, unmoved):
                    await asyncio.sleep(in_seconds(self._settings.retry_backoff_ms))
        finally:
            if connection:
                connection.close()

    @property
    def _answer_timeout(self) -> Seconds:
        return in_seconds(self._settings.fetch_max_wait_ms + self._settings.request_timeout_ms)

    def _leads(self, leader: BrokerId) -> list[Source]:
        return [source for source in self._sources.values() if source.leader == leader]

    def _led_by(self, leader: BrokerId) -> dict[TopicPartition, Source]:
        return {
            partition: source
            for partition, source in self._sources.items()
            if source.leader == leader and source.is_ready
        }

    def _keep_all(self, answer: Any, asked: Mapping[TopicPartition, Source]) -> bool:
        """Apply a whole response; True if an immediate further request would be useless."""
        code = ErrorCode(answer.error_code)
        if code is not ErrorCode.none and code not in RETRIABLE:
            self._fail(ApiError(code))
        pause = code is not ErrorCode.none
        for topic in answer.responses:
            for part in topic.partitions:
                pause |= self._keep(part, topic.topic, asked)
        return pause

    def _keep(self, part: Any, topic: str, asked: Mapping[TopicPartition, Source]) -> bool:
        """Apply one partition's part of a response; True if an immediate further request would be useless."""
        source = asked.get(TopicPartition(topic, int(part.partition_index)))
        if source is None or not self._is_current(source) or source.offset is None:
            return False
        code = ErrorCode(part.error_code)
        if code is ErrorCode.none and part.preferred_read_replica >= 0:
            self._ask_nearer(source, part.preferred_read_replica)
            return False
        if code is ErrorCode.none:
            return not self._keep_records(source, part)
        _log.debug(
            "%s: fetching from offset %d was answered with %s", source.partition, source.offset, code.name.upper()
        )
        if code is ErrorCode.offset_out_of_range and source.nearer_until is None:
            self._reset(source)
        elif code in _LEADER_IS_ELSEWHERE or code is ErrorCode.offset_out_of_range:
            # A nearer replica may only be behind: only the leader decides whether an offset is out of range.
            self._forget_leader({source.partition: source})
        else:
            self._fail(ApiError(code))
        return True

    def _keep_records(self, source: Source, part: Any) -> bool:
        data = bytes(part.records or b"")
        if not data or source.offset is None:
            return True
        following, last = source.offset, None
        with suppress(CorruptRecords):  # raised by decoding, after the records before it
            for _, header in walk(data):
                following, last = max(following, header.next_offset), header
        if following == source.offset:
            self._fail(
                CorruptRecords(
                    f"There are some messages at {source.partition}={source.offset} that cannot be read: "
                    f"no complete batch fits into {len(data)} bytes"
                )
            )
            return False
        aborted: tuple[AbortedTransaction, ...] = ()
        if self._read_committed and part.aborted_transactions:
            aborted = tuple(
                AbortedTransaction(each.producer_id, Offset(each.first_offset)) for each in part.aborted_transactions
            )
        self._buffer.add(Chunk(source, source.offset, source.epoch, following, data, aborted))
        source.offset, source.epoch = following, None if last is None else known_epoch(last.leader_epoch)
        return True

    def _reset(self, source: Source) -> None:
        """Handle an offset out of range: move as auto.offset.reset says."""
        policy = self._settings.auto_offset_reset
        if policy == "none":
            self._fail(
                NoOffset(
                    f"Fetch position {source.offset} is out of range for partition {source.partition}, "
                    "and no reset policy is configured"
                )
            )
            return
        source.offset, source.reset_to = None, OffsetSpec.EARLIEST if policy == "earliest" else OffsetSpec.LATEST
        self._request_refresh()

    def _forget_leader(self, sources: Mapping[TopicPartition, Source]) -> None:
        for source in sources.values():
            source.leader = source.nearer_until = None
        self._request_refresh()

    def _ask_nearer(self, source: Source, replica: BrokerId) -> None:
        source.leader = replica
        source.nearer_until = asyncio.get_running_loop().time() + in_seconds(self._settings.metadata_max_age_ms)
        self._ask_if_all_is_known(source)

    def _return_to_leaders(self) -> None:
        """Fetch from the leader again after a while, to learn the nearest replica."""
        now = asyncio.get_running_loop().time()
        old = {each.partition: each for each in self._sources.values() if each.nearer_until and each.nearer_until < now}
        if old:
            self._forget_leader(old)
