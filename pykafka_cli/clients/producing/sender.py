"""Sends a producer's batches to the leaders of their partitions, and retries if that may help.

A request has a batch for each of a leader's partitions, and several requests are in flight at a time.
source  Sender of Kafka's producer
"""

import asyncio
import datetime
import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kio.schema.errors import ErrorCode
from kio.schema.produce.v11.request import PartitionProduceData, ProduceRequest, TopicProduceData
from kio.schema.produce.v11.response import ProduceResponse
from kio.schema.types import TopicName, TransactionalId
from kio.static.primitive import i16, i32, i32Timedelta

from pykafka_cli.clients.error_texts import ErrorText, error_text
from pykafka_cli.clients.error_traits import LOST_PRODUCER, RETRIABLE, STALE_METADATA, TOO_LARGE
from pykafka_cli.clients.message_versions import as_type, in_version
from pykafka_cli.clients.producing.accumulator import RecordAccumulator
from pykafka_cli.clients.producing.background import Background
from pykafka_cli.clients.producing.preparation import Preparation
from pykafka_cli.clients.producing.record_queue import Batch, RecordQueue
from pykafka_cli.clients.producing.topic_leaders import ProducerRefused
from pykafka_cli.clients.session import Session
from pykafka_cli.model import NO_OFFSET, BrokerId, Offset, Seconds, in_seconds
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.transport.connection import Connection, VersionRange
from pykafka_cli.transport.errors import ConnectionFailed, Rejected

_NAMED_PRODUCE = VersionRange(3, 11)
_IMPLICIT_PRODUCE = VersionRange(3, 12)
"""The version that adds partitions to transactions (KIP-890). Later ones only have topic ids."""
_ABORTED = ErrorText(
    "org.apache.kafka.common.errors.TransactionAbortedException", "Failing batch since transaction was aborted"
)


_log = logging.getLogger(__name__)


class Result(NamedTuple):
    """The result of a batch."""

    batch: Batch
    failure: ErrorText | None
    """None if the broker has it."""
    base_offset: Offset | None
    """Offset of its first record; None if unknown (acks=0, or it had been there before)."""


class _Answer(NamedTuple):
    """A leader's response for one partition."""

    code: ErrorCode
    message: str | None = None
    base_offset: Offset | None = None


class _Route(NamedTuple):
    connection: Connection
    version: int
    """The version of Produce."""


class _Leader:
    """A leader: its connection, and the requests to it."""

    def __init__(self) -> None:
        self.route: _Route | None = None
        self.is_connecting = False
        self.requests = 0
        """Under way."""
        self.first = 0
        """The partition that comes first in the next request."""


class Sender:
    """on_result   called for each batch that was sent or has failed
    warn        called with lines that the scripts log at WARN
    """

    def __init__(
        self,
        session: Session,
        topic: str,
        settings: ProducerSettings,
        accumulator: RecordAccumulator,
        preparation: Preparation,
        background: Background,
        *,
        on_result: Callable[[Result], None],
        warn: Callable[[str], None],
    ) -> None:
        self._session = session
        self._topic = topic
        self._settings = settings
        self._accumulator = accumulator
        self._preparation = preparation
        self._background = background
        self._on_result = on_result
        self._warn = warn
        self._leaders: dict[BrokerId, _Leader] = {}  # by broker
        self._refresh_task: asyncio.Task[None] | None = None

    def send(self) -> None:
        """Send every leader all batches that may be sent now, and schedule the others."""
        now = asyncio.get_running_loop().time()
        self._accumulator.seal_lingered(now)
        self._expire(now)
        self._renew_epoch()
        if not self._preparation.needs_producer:
            self._accumulator.grow(len(self._preparation.topic.leaders))
            for broker, queues in self._queues_by_leader().items():
                self._send_to(broker, queues, now)
            if self._waits_for_leaders():
                self.request_refresh()
        elif not self._accumulator.is_empty:
            self.request_refresh()
        if (moment := self._accumulator.next_due(now)) is not None:
            self._background.call_at(moment, self.send)
        self._background.notify()

    def request_refresh(self) -> None:
        """Look up leaders and the producer id in the background."""
        if self._refresh_task is None:
            self._refresh_task = self._background.start(self._refresh_and_send())

    async def _refresh_and_send(self) -> None:
        try:
            await self._preparation.pause()
            await self._preparation.refresh()
        except ProducerRefused as problem:
            for batch in self._accumulator.drop():
                self._on_result(Result(batch, problem.text, None))
        finally:
            self._refresh_task = None
        self.send()

    # ---- requests

    def _queues_by_leader(self) -> dict[BrokerId, list[RecordQueue]]:
        led: dict[BrokerId, list[RecordQueue]] = {}
        for partition, broker in self._preparation.topic.leaders.items():
            if broker is not None:
                led.setdefault(broker, []).append(self._accumulator.queues[partition])
        return led

    def _waits_for_leaders(self) -> bool:
        """Whether there are batches for partitions that had no leader when it was last looked up."""
        leaders = self._preparation.topic.leaders
        return None in leaders.values() and any(
            queue.sealed and leaders.get(queue.partition) is None for queue in self._accumulator.queues
        )

    def _send_to(self, broker: BrokerId, queues: Sequence[RecordQueue], now: float) -> None:
        leader = self._leaders.setdefault(broker, _Leader())
        producer = self._preparation.producer
        while leader.requests < self._settings.max_in_flight_requests_per_connection:
            if not any(queue.sendable(producer, broker, now) for queue in queues):
                return
            if leader.route is None or not leader.route.connection.is_open:
                self._connect(broker, leader)
                return
            leader.requests += 1
            self._background.start(self._deliver(leader, leader.route, self._take(broker, leader, queues, now)))

    def _take(self, broker: BrokerId, leader: _Leader, queues: Sequence[RecordQueue], now: float) -> list[Batch]:
        """Take a batch of each partition, as many as fit into a request; the next request starts after them."""
        producer = self._preparation.producer
        batches: list[Batch] = []
        room = self._settings.max_request_size
        start = leader.first
        for place in range(start, start + len(queues)):
            queue = queues[place % len(queues)]
            batch = queue.sendable(producer, broker, now)
            if batch and (not batches or len(batch.data) <= room):
                batches.append(queue.take(producer, broker))
                room -= len(batch.data)
                leader.first = (place + 1) % len(queues)
        return batches

    async def _deliver(self, leader: _Leader, route: _Route, batches: list[Batch]) -> None:
        try:
            answers = await self._produce(route, batches)
        except ConnectionFailed:
            route.connection.close()
            answers = {}
        finally:
            leader.requests -= 1
        for batch in batches:
            self._settle(batch, answers.get(batch.partition, _Answer(ErrorCode.network_exception)))
        self.send()

    async def _produce(self, route: _Route, batches: list[Batch]) -> dict[int, _Answer]:
        connection, version = route
        request = _produce_request(self._topic, self._settings, batches)
        versioned = request if version == _NAMED_PRODUCE.max else in_version(request, version)
        if self._settings.required_acks == 0:
            await connection.send(versioned)
            return {batch.partition: _Answer(ErrorCode.none) for batch in batches}
        # The broker itself waits for replicas up to the timeout, and then has to respond.
        answer = await connection.request(versioned, timeout=Seconds(in_seconds(self._settings.request_timeout_ms) + 1))
        if version != _NAMED_PRODUCE.max:
            answer = as_type(answer, ProduceResponse)
        return {
            part.index: _Answer(
                part.error_code, part.error_message, None if part.base_offset == NO_OFFSET else part.base_offset
            )
            for topic in answer.responses
            for part in topic.partition_responses
        }

    # ---- responses

    def _settle(self, batch: Batch, answer: _Answer) -> None:
        code, queue = answer.code, self._accumulator.queues[batch.partition]
        is_stored = code is ErrorCode.duplicate_sequence_number or (
            # The leader was started again, and knows only the last batch of this producer.
            code is ErrorCode.out_of_order_sequence_number and queue.is_stored(batch)
        )
        if code is ErrorCode.none or is_stored:
            queue.done(batch)
            self._on_result(Result(batch, None, answer.base_offset))
        elif code in TOO_LARGE and batch.record_count > 1:
            _log.debug("%s-%d: a batch is too large, and is split", self._topic, batch.partition)
            queue.split(batch)
        elif code in LOST_PRODUCER and batch.sequence >= 0 and queue.in_flight[0] is not batch:
            # Because a batch before it failed, which counts as in flight until all are settled.
            batch.attempts -= 1
            queue.back(batch, asyncio.get_running_loop().time())
        else:
            self._retry_or_fail(queue, batch, answer)

    def _retry_or_fail(self, queue: RecordQueue, batch: Batch, answer: _Answer) -> None:
        now = asyncio.get_running_loop().time()
        is_lost = answer.code in LOST_PRODUCER and self._preparation.has_epochs
        retriable = answer.code in RETRIABLE or is_lost
        if answer.code in STALE_METADATA:
            self._preparation.topic.forget(batch.partition)
            self.request_refresh()
        is_in_time = now < batch.opened_at + self._settings.delivery_timeout
        if retriable and is_in_time and batch.attempts <= self._settings.retries:
            put_back = queue.lost if is_lost else queue.back
            pause = self._settings.backoff(batch.attempts)
            _log.debug(
                "%s-%d: %s for a batch of %d records, attempt %d: the next one in %g s",
                self._topic,
                batch.partition,
                answer.code.name.upper(),
                batch.record_count,
                batch.attempts,
                pause,
            )
            put_back(batch, now + pause)
            return
        _log.debug("%s-%d: %s, and no further attempt", self._topic, batch.partition, answer.code.name.upper())
        queue.failed(batch)
        text = error_text(answer.code)
        self._on_result(Result(batch, text._replace(message=answer.message) if answer.message else text, None))

    def _expire(self, now: float) -> None:
        for batch, text in self._accumulator.expire(now):
            self._on_result(Result(batch, text, None))

    def _renew_epoch(self) -> None:
        """Get the next epoch for partitions that cannot continue with the current one.

        A transactional producer gets it only with its next transaction; the current one is aborted.
        """
        producer = self._preparation.producer
        stuck = [queue for queue in self._accumulator.queues if queue.needs_epoch_after(producer)]
        if stuck and self._preparation.has_epochs:
            _log.debug("%s: the next producer epoch is needed", self._topic)
            self._preparation.next_epoch()
            return
        for queue in stuck:
            while queue.sealed:
                self._on_result(Result(queue.drop(), _ABORTED, None))

    # ---- connections

    def _connect(self, broker: BrokerId, leader: _Leader) -> None:
        if not leader.is_connecting:
            leader.is_connecting = True
            self._background.start(self._open_route(broker, leader))

    async def _open_route(self, broker: BrokerId, leader: _Leader) -> None:
        try:
            connection = await self._session.connection(broker)
            ours = _IMPLICIT_PRODUCE if self._preparation.has_implicit_transactions else _NAMED_PRODUCE
            version = await connection.newest(ProduceRequest.__api_key__, ours)
            leader.route = _Route(connection, version)
            self._preparation.reached_leader()
        except Rejected:
            raise
        except ConnectionFailed as failure:
            self._warn(f"[Producer clientId={self._settings.client_id}] {failure}")
            for partition, its_leader in list(self._preparation.topic.leaders.items()):
                if its_leader == broker:
                    self._preparation.topic.forget(partition)
            self.request_refresh()
        finally:
            leader.is_connecting = False
        self.send()


def _produce_request(topic: str, settings: ProducerSettings, batches: Sequence[Batch]) -> ProduceRequest:
    transactional_id = settings.transactional_id
    return ProduceRequest(
        transactional_id=None if transactional_id is None else TransactionalId(transactional_id),
        acks=i16(settings.required_acks),
        timeout=i32Timedelta.parse(datetime.timedelta(milliseconds=settings.request_timeout_ms)),
        topic_data=(
            TopicProduceData(
                name=TopicName(topic),
                partition_data=tuple(
                    PartitionProduceData(index=i32(batch.partition), records=batch.data)  # type: ignore[arg-type]
                    for batch in batches
                ),
            ),
        ),
    )
