"""Asking before a transaction's first write to a partition, here and at another broker; delays in between."""

import asyncio
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from kio.schema.add_partitions_to_txn.v5.request import AddPartitionsToTxnRequest
from kio.schema.add_partitions_to_txn.v5.response import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult,
    AddPartitionsToTxnTopicResult,
)
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.coordinator.transaction.verification import TransactionVerification
from pykafka_cli.broker.errors import (
    BrokerError,
    ConcurrentTransactions,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    NotEnoughReplicas,
    NotLeaderOrFollower,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    TransactionAbortable,
)
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.model import BrokerId, ProducerEpoch, ProducerId, ProducerIdAndEpoch, Seconds, TopicPartition
from pykafka_cli.transport.errors import BrokerUnreachable
from pykafka_cli.zookeeper.kafka_znodes import Endpoint
from tests.fakes.clock import FakeClock
from tests.support.event_loop import settle

T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)
P = ProducerIdAndEpoch(ProducerId(1000), ProducerEpoch(2))
HERE, ELSEWHERE = 1, 2


class Broker:
    """Broker 1 and its verification. The coordinator is `leader`; there it says `code`, here it raises `refusal`."""

    def __init__(self, leader: int | None = HERE) -> None:
        self.leader = leader
        self.announced: set[TopicPartition] = {T0}
        self.refusal: BrokerError | None = None
        self.code = ErrorCode.none
        self.ongoing: set[tuple[TopicPartition, int]] = set()
        self.led = {T0, T1}
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[AddPartitionsToTxnRequest] = []
        self.is_reachable = True
        self.clock = FakeClock()
        self.verification = TransactionVerification(
            SimpleNamespace(partition_for=lambda _id: 7, verify_partitions=self.verify),  # type: ignore[arg-type]
            SimpleNamespace(partition_state=self.partition_state, endpoint=self.endpoint),  # type: ignore[arg-type]
            self.clock,
            self.connect,
            self.is_ongoing,
            broker_id=BrokerId(HERE),
            listener="PLAINTEXT",
            forget_s=Seconds(60),
        )

    def is_ongoing(self, partition: TopicPartition, producer_id: int) -> bool:
        if partition not in self.led:
            raise NotLeaderOrFollower(str(partition))
        return (partition, producer_id) in self.ongoing

    def verify(
        self, _id: str, _producer: ProducerIdAndEpoch, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, Any]:
        if self.refusal is not None:
            raise self.refusal
        return {each: None if each in self.announced else TransactionAbortable("") for each in partitions}

    def partition_state(self, partition: TopicPartition) -> Any:
        assert partition == TopicPartition("__transaction_state", 7)
        return None if self.leader is None else SimpleNamespace(leader=self.leader)

    def endpoint(self, broker: int, listener: str) -> Endpoint:
        return Endpoint(listener, "PLAINTEXT", f"host{broker}", 9092)

    async def connect(self, _endpoint: object, client_id: str) -> Any:
        assert client_id == "AddPartitionsManager-client-0"
        if not self.is_reachable:
            raise BrokerUnreachable("gone")
        return SimpleNamespace(is_open=True, request=self.answer, close=lambda: None)

    async def answer(self, request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse:
        self.asked.append(request)
        await self.gate.wait()
        (transaction,) = request.transactions
        return AddPartitionsToTxnResponse(
            throttle_time=NO_THROTTLE,
            error_code=ErrorCode.none,
            results_by_transaction=(
                AddPartitionsToTxnResult(
                    transactional_id=transaction.transactional_id,
                    topic_results=tuple(
                        AddPartitionsToTxnTopicResult(
                            name=topic.name,
                            results_by_partition=tuple(
                                AddPartitionsToTxnPartitionResult(partition_index=each, partition_error_code=self.code)
                                for each in topic.partitions
                            ),
                        )
                        for topic in transaction.topics
                    ),
                ),
            ),
        )

    async def refused(
        self, *partitions: TopicPartition, sequence: int = 0, producer: ProducerIdAndEpoch = P
    ) -> dict[Any, Any]:
        return await self.verification.refused("x", producer, dict.fromkeys(partitions, sequence))


async def test_a_partition_that_was_announced_may_be_written_to() -> None:
    broker = Broker()

    refused = await broker.refused(T0, T1)

    assert list(refused) == [T1]
    assert isinstance(refused[T1], TransactionAbortable)


async def test_an_open_transaction_is_not_asked_about_again() -> None:
    broker = Broker()
    broker.refusal = ConcurrentTransactions("")
    broker.ongoing.add((T0, P.producer_id))

    assert await broker.refused(T0) == {}


async def test_another_broker_is_asked_over_the_network() -> None:
    broker = Broker(leader=ELSEWHERE)

    assert await broker.refused(T0, T1) == {}

    (transaction,) = broker.asked[0].transactions
    assert (transaction.transactional_id, transaction.producer_id, transaction.producer_epoch) == ("x", *P)
    assert transaction.verify_only
    assert [(topic.name, topic.partitions) for topic in transaction.topics] == [("t", (0, 1))]


@pytest.mark.parametrize("leader", [HERE, ELSEWHERE])
@pytest.mark.parametrize(
    ("said", "told"),
    [
        (ConcurrentTransactions, NotEnoughReplicas),
        (ProducerFenced, InvalidProducerEpoch),
        (InvalidProducerIdMapping, InvalidProducerIdMapping),
    ],
)
async def test_the_producer_gets_errors_that_it_knows(
    leader: int, said: type[BrokerError], told: type[BrokerError]
) -> None:
    broker = Broker(leader)
    broker.refusal, broker.code = said(""), said.code

    assert type((await broker.refused(T0))[T0]) is told


@pytest.mark.parametrize("leader", [None, ELSEWHERE])
async def test_without_an_answer_the_producer_retries(leader: int | None) -> None:
    broker = Broker(leader)
    broker.is_reachable = False

    assert isinstance((await broker.refused(T0))[T0], NotEnoughReplicas)


async def test_a_partition_that_is_led_elsewhere_is_not_asked_about() -> None:
    broker = Broker()
    broker.led.discard(T0)

    assert isinstance((await broker.refused(T0))[T0], NotLeaderOrFollower)


async def asking(broker: Broker, sequence: int = 0) -> "asyncio.Task[dict[Any, Any]]":
    """A question that is under way."""
    broker.gate.clear()
    task = asyncio.ensure_future(broker.refused(T0, sequence=sequence))
    await settle()
    assert not task.done()
    return task


async def test_a_transaction_that_ended_while_it_was_asked_about_is_not_written_to() -> None:
    broker = Broker(leader=ELSEWHERE)
    task = await asking(broker)

    broker.verification.ended(T0, P.producer_id)
    broker.gate.set()

    assert isinstance((await task)[T0], InvalidTxnState)


async def test_a_later_question_does_not_vouch_for_an_earlier_one() -> None:
    broker = Broker(leader=ELSEWHERE)
    first = await asking(broker)
    broker.verification.ended(T0, P.producer_id)
    second = await asking(broker)
    broker.gate.set()

    assert isinstance((await first)[T0], InvalidTxnState)
    assert await second == {}


async def test_what_another_leader_may_have_ended_is_not_written_to() -> None:
    broker = Broker(leader=ELSEWHERE)
    task = await asking(broker)

    broker.verification.on_leadership([], [T0])
    broker.gate.set()

    assert isinstance((await task)[T0], InvalidTxnState)


async def test_a_later_batch_does_not_overtake_the_first_one() -> None:
    broker = Broker()
    broker.refusal = ConcurrentTransactions("")
    await broker.refused(T0, sequence=0)

    broker.refusal = None
    later = await broker.refused(T0, sequence=3)
    again = await broker.refused(T0, sequence=0)

    assert isinstance(later[T0], OutOfOrderSequenceNumber)
    assert again == {}


async def test_a_new_epoch_begins_with_a_sequence_of_its_own() -> None:
    broker = Broker()
    broker.refusal = ConcurrentTransactions("")
    await broker.refused(T0, sequence=0)
    broker.refusal = None

    assert (
        await broker.refused(
            T0, sequence=5, producer=ProducerIdAndEpoch(P.producer_id, ProducerEpoch(P.producer_epoch + 1))
        )
        == {}
    )


async def test_notes_of_producers_that_never_came_back_are_thrown_away() -> None:
    broker = Broker()
    for producer_id in range(5):
        await broker.refused(T0, producer=ProducerIdAndEpoch(ProducerId(producer_id), ProducerEpoch(0)))
    broker.clock.advance(61)

    await broker.refused(T0)

    assert len(broker.verification) == 1
