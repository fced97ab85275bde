"""The model of transactions of version 2 (KIP-890) answers producers as Apache Kafka 4.3.1 does."""

import asyncio
import random
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from kio.schema.end_txn.v5.request import EndTxnRequest
from kio.schema.errors import ErrorCode
from kio.schema.types import ProducerId, TransactionalId
from kio.static.primitive import i16

from pykafka_cli.clients.coordinator import TRANSACTION, find_coordinator
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.producing.producer import Producer
from pykafka_cli.clients.producing.sender import Result
from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.model import ProducerEpoch, ProducerIdAndEpoch, Timestamp
from pykafka_cli.properties.producer import ProducerSettings
from tests.simulation.cluster import TOPIC, SimulatedCluster
from tests.simulation.implicit_transactions import IMPLICIT_END_TXN
from tests.simulation.loop import VirtualLoop
from tests.support.kafka_4 import Kafka4
from tests.support.running import pk

ID = "T"
SETTINGS = ProducerSettings({"transactional.id": ID, "delivery.timeout.ms": "20000", "request.timeout.ms": "5000"})
TRIES = 200


class Ended(NamedTuple):
    """What EndTxn was answered; by how much the epoch has grown since the producer began."""

    code: ErrorCode
    grown: int


class Seen(NamedTuple):
    committed: Ended
    committed_again: Ended
    aborted_under_the_old_epoch: Ended
    written_under_the_old_epoch: str | None
    aborted_with_nothing_written: Ended
    committed_with_nothing_written: Ended


async def scenario(session: Session) -> Seen:
    results: list[Result] = []
    async with Producer(
        session, TOPIC, SETTINGS, choose=lambda _: 0, on_result=results.append, warn=lambda _: None
    ) as producer:  # fmt: skip
        await producer.prepare()
        assert producer.has_implicit_transactions
        begun = producer.producer_id
        assert begun is not None
        await _write(producer)
        committed, following = await _end(session, begun, commit=True)
        committed_again, _ = await _end(session, begun, commit=True)
        aborted_under_the_old_epoch, _ = await _end(session, begun, commit=False)
        await _write(producer)
        failure = results[-1].failure
        aborted, following = await _end(session, following, commit=False)
        nothing, _ = await _end(session, following, commit=True)
    assert results[0].failure is None
    first_epoch = begun.producer_epoch

    def since(each: Ended) -> Ended:
        return each._replace(grown=each.grown - first_epoch if each.code is ErrorCode.none else 0)

    return Seen(
        since(committed),
        since(committed_again),
        since(aborted_under_the_old_epoch),
        failure and failure.exception,
        since(aborted),
        since(nothing),
    )


async def _write(producer: Producer) -> None:
    await producer.send([b"a"], timestamp_ms=Timestamp(1_700_000_000_000))
    await producer.flush()


async def _end(session: Session, producer: ProducerIdAndEpoch, *, commit: bool) -> tuple[Ended, ProducerIdAndEpoch]:
    """Ask until the coordinator is ready."""
    for _ in range(TRIES):
        try:
            broker = await find_coordinator(session, ID, TRANSACTION)
        except ApiError:
            await asyncio.sleep(0.1)
            continue
        request = EndTxnRequest(
            transactional_id=TransactionalId(ID),
            producer_id=ProducerId(producer.producer_id),
            producer_epoch=i16(producer.producer_epoch),
            committed=commit,
        )
        answer = await session.ask(request, broker=broker, oldest=IMPLICIT_END_TXN)
        code = ErrorCode(answer.error_code)
        if code is not ErrorCode.concurrent_transactions:
            after = ProducerIdAndEpoch(answer.producer_id, ProducerEpoch(answer.producer_epoch))
            return Ended(code, int(answer.producer_epoch)), after
        await asyncio.sleep(0.1)
    pytest.fail("the coordinator does not get ready")


def of_the_model() -> Seen:
    loop = VirtualLoop()
    cluster = SimulatedCluster(loop, random.Random(1), has_implicit_transactions=True)

    async def play() -> Seen:
        await cluster.begin(default_replication_factor=3)
        await cluster.controller.create(TOPIC, *cluster.assignment(1))
        await asyncio.sleep(2)
        async with Session(cluster.bootstrap, ClientSettings({})) as session:
            seen = await scenario(session)
        await cluster.close()
        return seen

    try:
        return loop.run_until_complete(play())
    finally:
        loop.close()


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka4]:
    server = Kafka4(tmp_path_factory.mktemp("kafka-4"))
    server.start()
    assert pk("topics", "--bootstrap-server", server.bootstrap, "--create", "--topic", TOPIC)
    yield server
    server.kill()


@pytest.fixture(params=["model", "Apache Kafka 4.3.1"])
def seen(request: pytest.FixtureRequest) -> Seen:
    if request.param == "model":
        return of_the_model()
    kafka: Kafka4 = request.getfixturevalue("kafka")

    async def play() -> Seen:
        async with Session(kafka.bootstrap, ClientSettings({})) as session:
            return await scenario(session)

    return asyncio.run(play())


def test_each_transaction_has_an_epoch_of_its_own(seen: Seen) -> None:
    assert seen.committed == Ended(ErrorCode.none, 1)
    assert seen.aborted_with_nothing_written == Ended(ErrorCode.none, 2)


def test_what_is_ended_again_is_answered_as_before(seen: Seen) -> None:
    """The first response was lost."""
    assert seen.committed_again == seen.committed


def test_what_comes_late_is_rejected(seen: Seen) -> None:
    assert seen.aborted_under_the_old_epoch.code is ErrorCode.invalid_txn_state
    assert seen.written_under_the_old_epoch == "org.apache.kafka.common.errors.InvalidProducerEpochException"


def test_a_transaction_that_never_began_cannot_be_committed(seen: Seen) -> None:
    assert seen.committed_with_nothing_written.code is ErrorCode.invalid_txn_state
