"""Markers on their way to the leaders: batches, retries, leaders that move, partitions that are gone."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.types import TopicName
from kio.schema.write_txn_markers.v1.response import (
    WritableTxnMarkerPartitionResult,
    WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult,
    WriteTxnMarkersResponse,
)

from pykafka_cli.broker.coordinator.transaction.markers import PAUSE_S, Marker, MarkerWriter, Superseded
from pykafka_cli.broker.replication.peers import BrokerEndpoint
from pykafka_cli.model import BrokerId, CoordinatorEpoch, ProducerEpoch, ProducerId, TopicPartition
from pykafka_cli.transport.errors import BrokerUnreachable
from pykafka_cli.zookeeper.kafka_znodes import Endpoint
from tests.fakes.clock import FakeClock
from tests.support.event_loop import settle

T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)


class Cluster:
    """Who leads what, and what the leaders answer. Marker requests are noted as (broker, producer ids, partitions)."""

    def __init__(self) -> None:
        self.leaders: dict[TopicPartition, int] = {T0: 1, T1: 2}
        self.alive = {1, 2}
        self.codes: dict[TopicPartition, list[ErrorCode]] = {}
        self.requests: list[tuple[int, list[int], list[TopicPartition]]] = []
        self.is_informed = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.clock = FakeClock()
        self.writer = MarkerWriter(
            self,  # type: ignore[arg-type]
            "PLAINTEXT",
            self.connect,
            lambda request: self.answer(7, request),
            self.clock,
            BrokerId(7),
        )

    def __contains__(self, topic: str) -> bool:
        return self.is_informed

    def partition_state(self, partition: TopicPartition) -> Any:
        leader = self.leaders.get(partition)
        return None if leader is None else SimpleNamespace(leader=leader)

    def endpoint(self, broker: int, listener: str) -> Endpoint | None:
        return Endpoint(listener, "PLAINTEXT", f"host{broker}", 9092) if broker in self.alive else None

    async def connect(self, endpoint: BrokerEndpoint, client_id: str) -> Any:
        assert (client_id, endpoint.broker_id != 7) == ("broker-7-txn-marker-sender", True)
        if endpoint.broker_id not in self.alive:
            raise BrokerUnreachable("gone")
        return SimpleNamespace(
            is_open=True, request=lambda request: self.answer(endpoint.broker_id, request), close=lambda: None
        )

    async def answer(self, broker: int, request: Any) -> WriteTxnMarkersResponse:
        await self.gate.wait()
        partitions = [
            TopicPartition(topic.name, each)
            for marker in request.markers
            for topic in marker.topics
            for each in topic.partition_indexes
        ]
        self.requests.append((broker, [marker.producer_id for marker in request.markers], partitions))
        return WriteTxnMarkersResponse(
            markers=tuple(
                WritableTxnMarkerResult(
                    producer_id=marker.producer_id,
                    topics=tuple(
                        WritableTxnMarkerTopicResult(
                            name=TopicName(topic.name),
                            partitions=tuple(
                                WritableTxnMarkerPartitionResult(
                                    partition_index=each, error_code=self.code(TopicPartition(topic.name, each))
                                )
                                for each in topic.partition_indexes
                            ),
                        )
                        for topic in marker.topics
                    ),
                )
                for marker in request.markers
            )
        )

    def code(self, partition: TopicPartition) -> ErrorCode:
        codes = self.codes.get(partition)
        return codes.pop(0) if codes else ErrorCode.none

    def write(self, *partitions: TopicPartition, producer_id: int = 5) -> "asyncio.Task[None]":
        return asyncio.ensure_future(
            self.writer.write(
                Marker(
                    ProducerId(producer_id), ProducerEpoch(0), committed=True, coordinator_epoch=CoordinatorEpoch(3)
                ),
                partitions,
            )
        )


async def soon(is_so: Callable[[], bool]) -> None:
    for _ in range(50):
        if is_so():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come about")


async def test_each_leader_gets_the_partitions_that_it_leads() -> None:
    cluster = Cluster()

    await cluster.write(T0, T1)

    assert sorted(cluster.requests) == [(1, [5], [T0]), (2, [5], [T1])]


async def test_this_broker_gets_its_own_without_a_connection() -> None:
    cluster = Cluster()
    cluster.leaders = {T0: 7, T1: 1}
    cluster.alive.add(7)

    await cluster.write(T0, T1)

    assert sorted(cluster.requests) == [(1, [5], [T1]), (7, [5], [T0])]


async def test_what_comes_up_while_a_request_is_under_way_goes_together_into_the_next() -> None:
    cluster = Cluster()
    cluster.gate.clear()
    writing = [cluster.write(T0, producer_id=producer) for producer in (1, 2, 3)]
    await settle()
    writing += [cluster.write(T0, producer_id=producer) for producer in (4, 5)]
    await settle()

    cluster.gate.set()
    await asyncio.gather(*writing)

    assert [producers for _, producers, _ in cluster.requests] == [[1, 2, 3], [4, 5]]


@pytest.mark.parametrize(
    "code",
    [
        ErrorCode.not_leader_or_follower,
        ErrorCode.unknown_topic_or_partition,
        ErrorCode.not_enough_replicas,
        ErrorCode.request_timed_out,
        ErrorCode.unknown_server_error,
    ],
)
async def test_a_rejected_marker_is_sent_again_to_whoever_leads_then(code: ErrorCode) -> None:
    cluster = Cluster()
    cluster.codes[T0] = [code]
    writing = cluster.write(T0, T1)
    await soon(lambda: len(cluster.requests) == 2)
    cluster.leaders[T0] = 2

    await settle()
    cluster.clock.advance(PAUSE_S)
    await writing

    assert cluster.requests[-1] == (2, [5], [T0])


async def test_a_broker_that_cannot_be_reached_is_asked_again() -> None:
    cluster = Cluster()
    cluster.alive.discard(1)
    writing = cluster.write(T0)
    await settle()

    cluster.alive.add(1)
    cluster.clock.advance(PAUSE_S)
    await writing

    assert cluster.requests == [(1, [5], [T0])]


@pytest.mark.parametrize("code", [ErrorCode.invalid_producer_epoch, ErrorCode.transaction_coordinator_fenced])
async def test_a_newer_producer_or_coordinator_makes_markers_moot(code: ErrorCode) -> None:
    cluster = Cluster()
    cluster.codes[T0] = [code]

    with pytest.raises(Superseded, match=code.name):
        await cluster.write(T0)


async def test_a_partition_that_was_deleted_needs_no_marker() -> None:
    cluster = Cluster()
    del cluster.leaders[T0]

    await cluster.write(T0, T1)

    assert cluster.requests == [(2, [5], [T1])]


async def test_before_the_broker_knows_the_cluster_nothing_counts_as_deleted() -> None:
    cluster = Cluster()
    cluster.is_informed = False
    del cluster.leaders[T0]
    writing = cluster.write(T0)
    await settle()
    assert not writing.done()

    cluster.leaders[T0], cluster.is_informed = 1, True
    cluster.clock.advance(PAUSE_S)
    await writing

    assert cluster.requests == [(1, [5], [T0])]
