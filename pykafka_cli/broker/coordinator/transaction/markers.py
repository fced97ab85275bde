"""Writes the markers that end a transaction: WriteTxnMarkers to the leader of each of its partitions.

There is one queue for each broker and one request under way; whatever comes up meanwhile goes together into the next
one, so that many small transactions cost few requests. Those to this broker itself go straight to its handler, each as
soon as it comes up: the producer's next transaction has to wait for them. A leader that is not alive, has moved or
rejects the request is looked up and asked again, for as long as it takes.

source  kafka.coordinator.transaction.TransactionMarkerChannelManager of Kafka 3.9
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from kio.schema.errors import ErrorCode
from kio.schema.types import ProducerId, TopicName
from kio.schema.write_txn_markers.v1.request import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
)
from kio.schema.write_txn_markers.v1.response import WriteTxnMarkersResponse
from kio.static.primitive import i16, i32

from pykafka_cli import topic_names
from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.replication.peers import BrokerEndpoint, BrokerEndpoints, Connect, KeptConnection
from pykafka_cli.broker.waiting import together
from pykafka_cli.model import BrokerId, CoordinatorEpoch, ProducerEpoch, Seconds, TopicPartition
from pykafka_cli.transport.errors import ConnectionFailed

if TYPE_CHECKING:
    from pykafka_cli.broker.metadata.cache import MetadataCache

_log = logging.getLogger(__name__)

PAUSE_S = Seconds(0.1)
"""Before a partition is tried again."""

Results = Mapping[TopicPartition, ErrorCode]

Ask: TypeAlias = Callable[[WriteTxnMarkersRequest], Awaitable[WriteTxnMarkersResponse]]

_MOOT = frozenset({ErrorCode.invalid_producer_epoch, ErrorCode.transaction_coordinator_fenced})
"""A newer producer or coordinator has written there; it will end what is open."""

_DONE = frozenset({ErrorCode.none, ErrorCode.unsupported_for_message_format, ErrorCode.unsupported_version})
"""With the latter two nothing can have been written there in a transaction."""


class Superseded(Exception):
    """Somebody newer has ended the transaction, or will."""


class Marker(NamedTuple):
    """The end of one producer's transaction; `coordinator_epoch` is that of the partition of __transaction_state."""

    producer_id: ProducerId
    producer_epoch: ProducerEpoch
    committed: bool
    coordinator_epoch: CoordinatorEpoch


class MarkerWriter:
    """The markers of the transaction coordinator of broker `broker_id`, which `ask_here` asks itself."""

    def __init__(
        self,
        metadata: "MetadataCache",
        listener: str,
        connect: Connect,
        ask_here: Ask,
        clock: Clock,
        broker_id: BrokerId,
    ) -> None:
        self._metadata = metadata
        self._endpoints = BrokerEndpoints(metadata, listener)
        self._connect = connect
        self._ask_here = ask_here
        self._clock = clock
        self._broker_id = broker_id
        self._client_id = f"broker-{broker_id}-txn-marker-sender"
        self._queues: dict[BrokerId, _Queue] = {}

    async def write(self, marker: Marker, partitions: Iterable[TopicPartition]) -> None:
        """Write `marker` into each of `partitions`; those that were deleted meanwhile need none.

        raises  Superseded
        """
        left = sorted(partitions)
        while left:
            left = await self._try(marker, left)
            if left:
                await self._clock.sleep(PAUSE_S)

    def close(self) -> None:
        for queue in self._queues.values():
            queue.close()
        self._queues.clear()

    async def _try(self, marker: Marker, partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
        """Ask each leader once; the partitions that are still without their marker."""
        by_leader: dict[BrokerEndpoint, list[TopicPartition]] = defaultdict(list)
        left: list[TopicPartition] = []
        # Before the controller's first UpdateMetadata nothing is known, which does not mean that it was deleted.
        is_informed = topic_names.TRANSACTION_STATE in self._metadata
        for partition in partitions:
            state = self._metadata.partition_state(partition)
            if state is None and is_informed:
                _log.info("%s is gone; it needs no marker of producer %d", partition, marker.producer_id)
                continue
            endpoint = None if state is None else self._endpoints.of(state.leader)
            if endpoint is None:
                left.append(partition)
            else:
                by_leader[endpoint].append(partition)
        answers = await together(*(self._write(leader, marker, asked) for leader, asked in by_leader.items()))
        for asked, results in zip(by_leader.values(), answers, strict=True):
            left.extend(partition for partition in asked if not _is_done(partition, results.get(partition), marker))
        return left

    async def _write(self, leader: BrokerEndpoint, marker: Marker, partitions: Iterable[TopicPartition]) -> Results:
        """The result for each partition; empty if the broker could not be asked."""
        if leader.broker_id == self._broker_id:
            response = await self._ask_here(WriteTxnMarkersRequest(markers=(_writable(marker, partitions),)))
            return _by_producer(response)[marker.producer_id]
        return await self._queue(leader).write(marker, partitions)

    def _queue(self, leader: BrokerEndpoint) -> "_Queue":
        queue = self._queues.get(leader.broker_id)
        if queue is None:
            queue = self._queues[leader.broker_id] = _Queue(self._connect, self._client_id, leader)
        queue.endpoint = leader
        return queue


def _is_done(partition: TopicPartition, code: ErrorCode | None, marker: Marker) -> bool:
    if code in _MOOT:
        raise Superseded(f"{partition}: marker of producer {marker.producer_id}: {code.name}")
    if code in _DONE:
        return True
    if code is not None:
        _log.info("%s: the marker of producer %d is not written yet: %s", partition, marker.producer_id, code.name)
    return False


class _Queue:
    """The markers that wait for one broker; `endpoint` is where that was seen last."""

    def __init__(self, connect: Connect, client_id: str, endpoint: BrokerEndpoint) -> None:
        self.endpoint = endpoint
        self._connection = KeptConnection(connect, client_id)
        self._waiting: list[tuple[WritableTxnMarker, asyncio.Future[Results]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def write(self, marker: Marker, partitions: Iterable[TopicPartition]) -> Results:
        """The result for each partition; empty if the broker could not be asked."""
        answer: asyncio.Future[Results] = asyncio.get_running_loop().create_future()
        self._waiting.append((_writable(marker, partitions), answer))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())
        return await answer

    def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
        self._connection.close()

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            results: Mapping[ProducerId, Results] = {}
            try:
                response = await self._ask(WriteTxnMarkersRequest(markers=tuple(marker for marker, _ in batch)))
                results = _by_producer(response)
            except ConnectionFailed as error:
                _log.info("%s: %d markers are not written yet: %s", self.endpoint, len(batch), error)
            finally:
                for marker, answer in batch:
                    if not answer.done():
                        answer.set_result(results.get(marker.producer_id, {}))

    async def _ask(self, request: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse:
        connection = await self._connection.to(self.endpoint)
        response: WriteTxnMarkersResponse = await connection.request(request)
        return response


def _writable(marker: Marker, partitions: Iterable[TopicPartition]) -> WritableTxnMarker:
    by_topic: dict[str, list[i32]] = defaultdict(list)
    for topic, partition in sorted(partitions):
        by_topic[topic].append(i32(partition))
    return WritableTxnMarker(
        producer_id=ProducerId(marker.producer_id),
        producer_epoch=i16(marker.producer_epoch),
        transaction_result=marker.committed,
        coordinator_epoch=i32(marker.coordinator_epoch),
        topics=tuple(
            WritableTxnMarkerTopic(name=TopicName(topic), partition_indexes=tuple(indexes))
            for topic, indexes in by_topic.items()
        ),
    )


def _by_producer(response: WriteTxnMarkersResponse) -> Mapping[ProducerId, Results]:
    results: dict[ProducerId, dict[TopicPartition, ErrorCode]] = defaultdict(dict)
    for marker in response.markers:
        for topic in marker.topics:
            for each in topic.partitions:
                results[marker.producer_id][TopicPartition(topic.name, each.partition_index)] = each.error_code
    return results
