"""Sends many records to one topic, as fast as Python can: what the console producer and the perf tools stand on.

Records come in columns and leave as batches built by compiled code (record_queue.py); each request to a leader carries
a batch for each of its partitions, and several requests are under way at a time. Nothing is awaited per record.

    send ──> RecordQueue per partition ──> _pump ──> request task per broker ──> _settle ──> on_result
                                             ^                                      │
                                             └──────────────────────────────────────┘

Defaults, retries, idempotence and what counts as retriable are those of Kafka's Java producer.
"""

import asyncio
import datetime
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from itertools import repeat
from typing import Any, NamedTuple, Self

from kio.schema.errors import ErrorCode
from kio.schema.produce.v11.request import PartitionProduceData, ProduceRequest, TopicProduceData
from kio.schema.produce.v11.response import ProduceResponse
from kio.schema.types import TopicName, TransactionalId
from kio.static.primitive import i16, i32, i32Timedelta

from pykafka_cli.clients.error_texts import ErrorText, error_text
from pykafka_cli.clients.error_traits import LOST_PRODUCER, RETRIABLE, STALE_METADATA, TOO_LARGE
from pykafka_cli.clients.message_versions import as_type, in_version
from pykafka_cli.clients.producing.partitioning import Partitioner, RoundRobin
from pykafka_cli.clients.producing.record_queue import Batch, Header, Packing, ProducerId, RecordQueue
from pykafka_cli.clients.producing.topic_leaders import NO_LEADER, ProducerRefused, TopicLeaders
from pykafka_cli.clients.producing.transactions import new_producer_id
from pykafka_cli.clients.session import Session
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.protocol.records.batch import Compression
from pykafka_cli.transport.connection import Connection, ConnectionFailed, Refused, VersionRange

_NAMED_PRODUCE = VersionRange(3, 11)
"""Later versions know topics by id only, or have nothing that is needed here."""

_NO_HEADERS: list[Header] = []
_SHORT_PAUSES = 5
_FIRST_TRIES = 3
"""How often a cluster may hang up that has not answered yet: it does so where it wants TLS or a login, too."""
_EXCEPTIONS = "org.apache.kafka.common.errors."


class Result(NamedTuple):
    """What became of a batch."""

    batch: Batch
    failure: ErrorText | None
    """None if the broker has it."""
    base_offset: int
    """Offset of its first record; -1 if unknown (acks=0, or it had been there before)."""


class _Link(NamedTuple):
    connection: Connection
    version: int


class Producer:
    """One topic's producer; used as a context, which sends what is left on leaving without an exception.

    choose      gives a number below its argument: the partition of records without a key is picked by chance
    on_result   called for each batch, sent or given up
    warn        called with lines that the scripts log at WARN
    """

    def __init__(
        self,
        session: Session,
        topic: str,
        settings: ProducerSettings,
        *,
        choose: Callable[[int], int],
        on_result: Callable[[Result], None],
        warn: Callable[[str], None],
        batch_size: int | None = None,
    ) -> None:
        self.topic = topic
        self.settings = settings
        self._session = session
        self._on_result = on_result
        self._warn = warn
        self._packing = Packing(
            size=min(batch_size or settings.batch_size or 1, settings.max_request_size),
            compression=Compression[settings.compression_type.upper()],
            compression_level=_level(settings),
            transactional=settings.transactional_id is not None,
        )
        self._partitioner: Partitioner | RoundRobin = (
            RoundRobin()
            if settings.takes_turns
            else Partitioner(self._packing.size, choose, ignore_keys=settings.ignores_keys)
        )
        self._queues: list[RecordQueue] = []
        self._topic = TopicLeaders(session, topic, settings.client_id, warn)
        self._links: dict[int, _Link] = {}  # by broker
        self._linking: set[int] = set()
        self._requests: dict[int, int] = {}  # under way, by broker
        self._producer: ProducerId | None = None
        self._needs_producer = settings.idempotent
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._looks = 0  # since a leader could last be reached
        self._was_answered = False
        self._changed: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._broken: BaseException | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                await self.flush()
        finally:
            if self._timer:
                self._timer.cancel()
            for task in self._tasks:
                task.cancel()

    # ---- sending

    async def prepare(self) -> None:
        """Wait until the topic's leaders are known, and the producer id.

        raises    ProducerRefused, also if that takes longer than max.block.ms; ConnectionFailed
        """
        deadline = asyncio.get_running_loop().time() + self.settings.max_block_ms / 1000
        while not self._topic.leaders or self._needs_producer:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._refresh()
            except TimeoutError:
                text = f"Topic {self.topic} not present in metadata after {self.settings.max_block_ms} ms."
                raise ProducerRefused(ErrorText(_EXCEPTIONS + "TimeoutException", text)) from None

    @property
    def partitions(self) -> range:
        """Of the topic, as far as known."""
        return range(len(self._topic.leaders))

    @property
    def producer_id(self) -> ProducerId | None:
        """None without idempotence."""
        return self._producer

    async def send(
        self,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None = None,
        headers: Sequence[list[Header]] | None = None,
        *,
        first_tag: int = 0,
        timestamp_ms: int,
    ) -> None:
        """Queue records with consecutive tags; waits only while too many bytes are waiting already.

        raises    ProducerRefused if the topic has no leaders within max.block.ms; nothing was queued then
        """
        await self.prepare()
        while sum(queue.held for queue in self._queues) > self.settings.buffer_memory:
            await self._change()
        now = asyncio.get_running_loop().time()
        if now - self._topic.asked_at > self.settings.metadata_max_age_ms / 1000:
            self._look_up()
        self._place(values, keys, headers, first_tag, timestamp_ms, now)
        self._seal(now - self.settings.linger_ms / 1000)
        self._pump()

    async def flush(self) -> None:
        """Send all that is queued, without lingering, and wait until it is sent or given up."""
        self._seal(float("inf"))
        self._pump()
        while not all(queue.is_empty for queue in self._queues):
            await self._change()

    def _place(
        self,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None,
        headers: Sequence[list[Header]] | None,
        first_tag: int,
        timestamp_ms: int,
        now: float,
    ) -> None:
        """Put each record into the queue of its partition."""
        available = self._topic.available()
        if keys is None and headers is None:
            for partition, start, end in self._partitioner.runs(values, available):
                part = values if end - start == len(values) else values[start:end]
                self._queues[partition].append(part, first_tag + start, timestamp_ms, now)
            return
        places = self._partitioner.places(values, keys, available)
        tags = range(first_tag, first_tag + len(values))
        records = zip(keys or repeat(None), values, headers or repeat(_NO_HEADERS), tags, strict=False)
        by_partition: list[list[tuple[bytes | None, bytes | None, list[Header], int]]] = [[] for _ in self._queues]
        for place, record in zip(places, records, strict=True):
            by_partition[place].append(record)
        for queue, its_records in zip(self._queues, by_partition, strict=True):
            queue.append_records(its_records, timestamp_ms, now)

    def _seal(self, opened_before: float) -> None:
        """Close batches that have waited long enough, and see to those that have not."""
        earliest = float("inf")
        for queue in self._queues:
            if queue.opened_at is not None:
                if queue.opened_at <= opened_before:
                    queue.seal()
                else:
                    earliest = min(earliest, queue.opened_at)
        if earliest < float("inf"):
            self._wake_at(earliest + self.settings.linger_ms / 1000)

    # ---- the way out

    def _pump(self) -> None:
        """Give every broker all that it may have now."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._give_up(now)
        if self._needs_producer:
            self._look_up()
            return
        for leader in set(self._topic.leaders.values()) - {NO_LEADER}:
            queues = deque(self._queues[partition] for partition, of in self._topic.leaders.items() if of == leader)
            while self._requests.get(leader, 0) < self.settings.max_in_flight_requests_per_connection:
                if not any(queue.sendable(self._producer, now) for queue in queues):
                    break
                link = self._links.get(leader)
                if link is None or not link.connection.is_open:
                    self._connect(leader)
                    break
                self._requests[leader] = self._requests.get(leader, 0) + 1
                self._start(self._request(leader, link, self._take(queues, now)))
        later = [queue.not_before for queue in self._queues if queue.sealed and queue.not_before > now]
        if later:
            self._wake_at(min(later))
        self._notify()

    def _take(self, queues: deque[RecordQueue], now: float) -> list[Batch]:
        """A batch of each partition, as many as fit into a request; who goes first takes turns."""
        batches: list[Batch] = []
        room = self.settings.max_request_size
        for queue in list(queues):
            batch = queue.sendable(self._producer, now)
            if batch and (not batches or len(batch.data) <= room):
                batches.append(queue.take(self._producer))
                room -= len(batch.data)
        queues.rotate(-1)
        return batches

    async def _request(self, leader: int, link: _Link, batches: list[Batch]) -> None:
        request = self._produce_request(batches)
        versioned = request if link.version == _NAMED_PRODUCE.max else in_version(request, link.version)
        try:
            if self.settings.required_acks == 0:
                await link.connection.tell(versioned)
                outcomes = {batch.partition: (ErrorCode.none, None, -1) for batch in batches}
            else:
                # The broker itself waits for replicas up to the time-out, and then has to answer.
                answer = await link.connection.request(versioned, timeout=self.settings.request_timeout_ms / 1000 + 1)
                if link.version != _NAMED_PRODUCE.max:
                    answer = as_type(answer, ProduceResponse)
                outcomes = {
                    part.index: (part.error_code, part.error_message, part.base_offset)
                    for topic in answer.responses
                    for part in topic.partition_responses
                }
        except ConnectionFailed:
            link.connection.close()
            outcomes = {}
        finally:
            self._requests[leader] -= 1
        for batch in batches:
            self._answered(batch, *outcomes.get(batch.partition, (ErrorCode.network_exception, None, -1)))
        self._pump()

    def _produce_request(self, batches: list[Batch]) -> ProduceRequest:
        transactional_id = self.settings.transactional_id
        return ProduceRequest(
            transactional_id=None if transactional_id is None else TransactionalId(transactional_id),
            acks=i16(self.settings.required_acks),
            timeout=i32Timedelta.parse(datetime.timedelta(milliseconds=self.settings.request_timeout_ms)),
            topic_data=(
                TopicProduceData(
                    name=TopicName(self.topic),
                    partition_data=tuple(
                        PartitionProduceData(index=i32(batch.partition), records=batch.data)  # type: ignore[arg-type]
                        for batch in batches
                    ),
                ),
            ),
        )

    def _answered(self, batch: Batch, code: ErrorCode, message: str | None, base_offset: int) -> None:
        queue = self._queues[batch.partition]
        if code is ErrorCode.none or code is ErrorCode.duplicate_sequence_number:
            queue.done(batch)
            self._on_result(Result(batch, None, base_offset))
            return
        if code in TOO_LARGE and batch.record_count > 1:
            queue.split(batch)
            return
        now = asyncio.get_running_loop().time()
        if code is ErrorCode.out_of_order_sequence_number and queue.in_flight[0] is not batch:
            # Because of a batch before it that failed, which counts as in flight until all are answered for.
            batch.attempts -= 1
            queue.back(batch, now)
            return
        retriable = code in RETRIABLE
        if self._producer and code in LOST_PRODUCER:
            retriable = self._needs_producer = True
        if code in STALE_METADATA:
            self._topic.forget(batch.partition)
            self._look_up()
        if (
            retriable
            and batch.attempts <= self.settings.retries
            and now - batch.opened_at < self.settings.delivery_timeout
        ):
            queue.back(batch, now + self.settings.backoff(batch.attempts))
            return
        queue.failed(batch)
        text = error_text(code)
        self._on_result(Result(batch, text._replace(message=message) if message else text, -1))

    def _give_up(self, now: float) -> None:
        """Take out what has waited too long to be sent at all, and what is too large for a request."""
        for queue in self._queues:
            while queue.sealed and (text := self._why_not(queue.sealed[0], now)):
                batch = queue.drop()
                # Whether the broker has it is not known, and so which sequence number it expects.
                self._needs_producer |= batch.sequence >= 0
                self._on_result(Result(batch, text, -1))
            if queue.sealed:
                self._wake_at(queue.sealed[0].opened_at + self.settings.delivery_timeout)

    def _why_not(self, batch: Batch, now: float) -> ErrorText | None:
        if now - batch.opened_at >= self.settings.delivery_timeout:
            text = (
                f"Expiring {batch.record_count} record(s) for {self.topic}-{batch.partition}:"
                f"{round((now - batch.opened_at) * 1000)} ms has passed since batch creation"
            )
            return ErrorText(_EXCEPTIONS + "TimeoutException", text)
        if len(batch.data) > self.settings.max_request_size:
            text = (
                f"The message is {len(batch.data)} bytes when serialized which is larger than "
                f"{self.settings.max_request_size}, which is the value of the max.request.size configuration."
            )
            return ErrorText(_EXCEPTIONS + "RecordTooLargeException", text)
        return None

    # ---- leaders

    def _look_up(self) -> None:
        """Find out in the background where the leaders are now, and who we are."""
        if self._looking is None or self._looking.done():
            self._looking = self._start(self._look_up_again())

    async def _look_up_again(self) -> None:
        await self._pause()
        try:
            await self._refresh()
        except ProducerRefused as problem:
            for queue in self._queues:
                queue.seal()
                while queue.sealed:
                    self._on_result(Result(queue.drop(), problem.text, -1))
        self._looking = None
        self._pump()

    async def _refresh(self) -> None:
        """Ask until the topic is there, and for a producer id if one is needed.

        raises    ProducerRefused; Refused; what else a cluster does that has never answered
        """
        failures = 0
        while True:
            try:
                found = await self._topic.look_up()
                self._was_answered = True
                if found:
                    self._take_over_leaders()
                    if self._needs_producer:
                        self._producer = await new_producer_id(self._session, self.settings)
                        self._needs_producer = False
                    return
            except Refused:
                raise
            except ConnectionFailed as failure:
                failures += 1
                if not self._was_answered and failures == _FIRST_TRIES:
                    raise
                self._warn(f"[Producer clientId={self.settings.client_id}] {failure}")
            await self._pause()

    async def _pause(self) -> None:
        """Before the cluster is asked again: short at first, as a new topic has its leaders soon."""
        self._looks += 1
        await asyncio.sleep(self.settings.backoff(max(1, self._looks - _SHORT_PAUSES)))

    def _take_over_leaders(self) -> None:
        """A topic may have got more partitions."""
        count = len(self._topic.leaders)
        if count != len(self._queues):
            self._partitioner.partition_count = count
            self._queues += [RecordQueue(index, self._packing) for index in range(len(self._queues), count)]

    def _connect(self, leader: int) -> None:
        if leader not in self._linking:
            self._linking.add(leader)
            self._start(self._link(leader))

    async def _link(self, leader: int) -> None:
        try:
            connection = await self._session.connection(leader)
            version = await connection.newest(ProduceRequest.__api_key__, _NAMED_PRODUCE)
            self._links[leader] = _Link(connection, version)
            self._looks = 0
        except Refused:
            raise
        except ConnectionFailed as failure:
            self._warn(f"[Producer clientId={self.settings.client_id}] {failure}")
            for partition, its_leader in list(self._topic.leaders.items()):
                if its_leader == leader:
                    self._topic.forget(partition)
            self._look_up()
        finally:
            self._linking.discard(leader)
        self._pump()

    # ---- waiting

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._broken = self._broken or error
            self._notify()

    def _notify(self) -> None:
        if self._changed and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None

    async def _change(self) -> None:
        """Wait until something was sent, answered or given up; raise what went wrong in the background."""
        if self._broken:
            raise self._broken
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await self._changed

    def _wake_at(self, moment: float) -> None:
        if self._timer and not self._timer.cancelled() and self._timer.when() <= moment:
            return
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(moment, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self._seal(asyncio.get_running_loop().time() - self.settings.linger_ms / 1000)
        self._pump()


def _level(settings: ProducerSettings) -> int | None:
    if settings.compression_type == "gzip":
        return settings.compression_gzip_level
    return settings.compression_zstd_level if settings.compression_type == "zstd" else None
