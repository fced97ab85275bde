"""The coordinator over a log in memory: leadership, restarts, markers, timeouts, expiry."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable

import pytest

from pykafka_cli.broker.coordinator.transaction.coordinator import PATIENCE_S, TransactionCoordinator
from pykafka_cli.broker.coordinator.transaction.markers import Marker, Superseded
from pykafka_cli.broker.coordinator.transaction.transaction import TransactionState
from pykafka_cli.broker.errors import (
    BrokerError,
    ConcurrentTransactions,
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    InvalidRequest,
    InvalidTransactionTimeout,
    KafkaStorageError,
    NotCoordinator,
    NotEnoughReplicas,
    ProducerFenced,
    TransactionalIdNotFound,
)
from pykafka_cli.model import (
    CoordinatorEpoch,
    LeaderEpoch,
    Milliseconds,
    Offset,
    ProducerEpoch,
    ProducerId,
    ProducerIdAndEpoch,
    Timestamp,
    TopicPartition,
)
from pykafka_cli.properties.broker_keys.coordinator import CoordinatorKeys
from pykafka_cli.properties.grammar import Property
from pykafka_cli.protocol.records.record import Record, build_batch
from tests.fakes.clock import FakeClock
from tests.fakes.partition_writer import FakePartitionWriter
from tests.support.event_loop import settle
from tests.support.vectors import VECTORS

STATE = TopicPartition("__transaction_state", 0)
T = TopicPartition("t", 0)
S = TransactionState
WRITE_TIMEOUT_MS = Milliseconds(30_000)


class Markers:
    """Notes what it is to write, and says that it is written when `released`."""

    def __init__(self) -> None:
        self.written: list[tuple[Marker, frozenset[TopicPartition]]] = []
        self.released = asyncio.Event()
        self.released.set()
        self.outcome: Exception | None = None
        self.is_closed = False

    async def write(self, marker: Marker, partitions: Iterable[TopicPartition]) -> None:
        self.written.append((marker, frozenset(partitions)))
        await self.released.wait()
        if self.outcome is not None:
            raise self.outcome

    def close(self) -> None:
        self.is_closed = True


class Peer:
    """A coordinator of one partition, its clock, its log and its markers."""

    def __init__(self, **settings: object) -> None:
        properties = [Property(name.replace("_", "."), str(value), 0) for name, value in settings.items()]
        self.settings = CoordinatorKeys(properties)
        self.clock = FakeClock()
        self.writer = FakePartitionWriter(self.clock, {STATE})
        self.markers = Markers()
        self.ids = itertools.count(1000)
        self.transactions = self.coordinator()

    def coordinator(self) -> TransactionCoordinator:
        return TransactionCoordinator(
            self.settings,
            self.clock,
            self.writer,
            lambda: 1,
            self._next_producer_id,
            self.markers,
            write_timeout_ms=WRITE_TIMEOUT_MS,
        )

    async def _next_producer_id(self) -> ProducerId:
        return ProducerId(next(self.ids))

    async def start(self, leader_epoch: int = 0) -> TransactionCoordinator:
        self.transactions.start()
        self.transactions.on_leadership([(STATE, LeaderEpoch(leader_epoch)), (T, LeaderEpoch(9))], [])
        await settle()
        return self.transactions

    async def restart(self, leader_epoch: int = 1) -> TransactionCoordinator:
        self.transactions.close()
        self.transactions = self.coordinator()
        return await self.start(leader_epoch)

    async def init(self, transactional_id: str = "x", timeout_ms: int = 60_000) -> ProducerIdAndEpoch:
        return await self.transactions.init_producer(transactional_id, Milliseconds(timeout_ms), None)

    async def opened(self) -> ProducerIdAndEpoch:
        producer = await self.init()
        await self.transactions.add_partitions("x", producer, [T])
        return producer

    async def completing(self) -> ProducerIdAndEpoch:
        """A producer whose transaction is to be committed, and whose markers are held back."""
        self.markers.released.clear()
        producer = await self.opened()
        await self.transactions.end("x", producer, committed=True)
        return producer

    @property
    def state(self) -> TransactionState:
        return self.transactions.describe("x").state

    async def becomes(self, state: TransactionState) -> None:
        await soon(lambda: self.state is state)


async def soon(is_so: Callable[[], bool]) -> None:
    for _ in range(50):
        if is_so():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come about")


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    await peer.start()
    yield peer
    peer.transactions.close()


async def test_a_committed_transaction_gets_its_markers_and_is_complete(peer: Peer) -> None:
    producer = await peer.opened()

    await peer.transactions.end("x", producer, committed=True)
    await peer.becomes(S.COMPLETE_COMMIT)

    marker = Marker(
        producer.producer_id, producer.producer_epoch, committed=True, coordinator_epoch=CoordinatorEpoch(0)
    )
    assert peer.markers.written == [(marker, {T})]


async def test_the_end_is_answered_before_the_markers_are_written(peer: Peer) -> None:
    peer.markers.released.clear()
    producer = await peer.opened()

    await peer.transactions.end("x", producer, committed=False)

    assert peer.state is S.PREPARE_ABORT
    peer.markers.released.set()
    await peer.becomes(S.COMPLETE_ABORT)


async def test_the_next_transaction_begins_as_soon_as_the_last_one_is_complete(peer: Peer) -> None:
    producer = await peer.completing()

    adding = asyncio.ensure_future(peer.transactions.add_partitions("x", producer, [T]))
    await settle()
    assert peer.state is S.PREPARE_COMMIT
    peer.markers.released.set()
    await adding

    assert peer.state is S.ONGOING


async def test_a_transaction_that_is_not_completed_soon_holds_up_the_next_one_no_longer(peer: Peer) -> None:
    producer = await peer.completing()

    adding = asyncio.ensure_future(peer.transactions.add_partitions("x", producer, [T]))
    await settle()
    assert not adding.done()
    peer.clock.advance(PATIENCE_S)

    with pytest.raises(ConcurrentTransactions):
        await adding
    assert peer.state is S.PREPARE_COMMIT


async def test_a_producer_that_is_fenced_is_rejected_without_waiting(peer: Peer) -> None:
    producer = await peer.completing()
    other = producer._replace(producer_epoch=ProducerEpoch(producer.producer_epoch + 1))

    with pytest.raises(ProducerFenced):
        await peer.transactions.add_partitions("x", other, [T])


async def test_whoever_waits_for_a_completion_is_sent_to_the_next_coordinator_at_once(peer: Peer) -> None:
    producer = await peer.completing()

    adding = asyncio.ensure_future(peer.transactions.add_partitions("x", producer, [T]))
    await settle()
    peer.transactions.on_leadership([], [STATE])

    with pytest.raises(NotCoordinator):
        await adding


async def test_a_restart_in_the_middle_sends_the_markers_once_more_with_the_new_epoch(peer: Peer) -> None:
    peer.markers.released.clear()
    producer = await peer.opened()
    await peer.transactions.end("x", producer, committed=True)
    await soon(lambda: len(peer.markers.written) == 1)

    peer.markers.released.set()
    await peer.restart(leader_epoch=5)
    await peer.becomes(S.COMPLETE_COMMIT)

    assert [marker.coordinator_epoch for marker, _ in peer.markers.written] == [0, 5]


async def test_a_restart_finds_an_open_transaction_open(peer: Peer) -> None:
    producer = await peer.opened()

    await peer.restart()
    await peer.transactions.end("x", producer, committed=True)

    await peer.becomes(S.COMPLETE_COMMIT)


async def test_markers_that_somebody_newer_has_written_are_no_longer_ours(peer: Peer) -> None:
    peer.markers.outcome = Superseded("a newer producer")
    producer = await peer.opened()

    await peer.transactions.end("x", producer, committed=True)
    await settle()

    assert peer.state is S.PREPARE_COMMIT


@pytest.mark.parametrize("refusal", [NotEnoughReplicas("1 of 2"), KafkaStorageError("no room left on the disk")])
async def test_a_completion_that_is_rejected_is_written_again(peer: Peer, refusal: BrokerError) -> None:
    peer.markers.released.clear()
    producer = await peer.opened()
    await peer.transactions.end("x", producer, committed=True)
    peer.writer.refusal = refusal
    peer.markers.released.set()
    await settle()
    assert peer.state is S.PREPARE_COMMIT

    peer.writer.refusal = None
    peer.clock.advance(1)

    await peer.becomes(S.COMPLETE_COMMIT)


async def test_markers_are_not_sent_for_a_partition_that_another_broker_leads_now(peer: Peer) -> None:
    peer.markers.released.clear()
    producer = await peer.opened()
    await peer.transactions.end("x", producer, committed=True)
    await soon(lambda: len(peer.markers.written) == 1)

    peer.transactions.on_leadership([], [STATE])
    await settle()

    with pytest.raises(NotCoordinator):
        peer.transactions.describe("x")


async def test_a_transaction_that_is_open_too_long_is_aborted(peer: Peer) -> None:
    producer = await peer.init(timeout_ms=5_000)
    await peer.transactions.add_partitions("x", producer, [T])

    peer.clock.advance(9)
    assert peer.state is S.ONGOING
    peer.clock.advance(1)
    await peer.becomes(S.COMPLETE_ABORT)

    assert peer.markers.written[0][0].producer_epoch == producer.producer_epoch + 1
    with pytest.raises(ProducerFenced):
        await peer.transactions.end("x", producer, committed=True)


async def test_ids_that_nobody_uses_are_forgotten() -> None:
    peer = Peer(transactional_id_expiration_ms=7_200_000)
    await peer.start()
    await peer.init()

    peer.clock.advance(3_600)
    assert peer.state is S.EMPTY
    peer.clock.advance(3_600)

    with pytest.raises(TransactionalIdNotFound):
        peer.transactions.describe("x")
    await peer.restart()
    with pytest.raises(TransactionalIdNotFound):
        peer.transactions.describe("x")


@pytest.mark.parametrize("timeout_ms", [0, -1, 900_001])
async def test_a_timeout_must_be_positive_and_not_too_long(peer: Peer, timeout_ms: int) -> None:
    with pytest.raises(InvalidTransactionTimeout, match="at most 900000 ms"):
        await peer.init(timeout_ms=timeout_ms)


async def test_an_empty_id_is_rejected(peer: Peer) -> None:
    with pytest.raises(InvalidRequest):
        await peer.init("")


async def test_what_does_not_reach_the_replicas_in_time_is_reported_as_kafka_does(peer: Peer) -> None:
    peer.writer.is_replicating = False
    asking = asyncio.ensure_future(peer.init())
    await settle()

    peer.clock.advance(WRITE_TIMEOUT_MS / 1000)

    with pytest.raises(CoordinatorNotAvailable):
        await asking


async def test_transactions_are_listed_by_state_producer_and_time(peer: Peer) -> None:
    await peer.opened()
    await peer.init("y")
    peer.clock.advance(2)

    def listed(states: Iterable[S] = (), ids: Iterable[int] = (), open_for_ms: int = -1) -> list[str]:
        found = peer.transactions.list_transactions(
            states=set(states), producer_ids=set(map(ProducerId, ids)), open_for_ms=Milliseconds(open_for_ms)
        )
        return [each.transactional_id for each in found]

    assert listed() == ["x", "y"]
    assert listed([S.ONGOING]) == ["x"]
    assert listed(ids=[1001]) == ["y"]
    assert listed([S.ONGOING], open_for_ms=1999) == ["x"]
    assert listed([S.ONGOING], open_for_ms=2000) == []


async def test_while_a_partition_is_loaded_nothing_is_listed() -> None:
    peer = Peer()
    with pytest.raises(CoordinatorNotAvailable):
        peer.transactions.list_transactions(states=(), producer_ids=(), open_for_ms=Milliseconds(-1))
    peer.transactions.start()
    peer.transactions.on_leadership([(STATE, LeaderEpoch(0))], [])

    with pytest.raises(CoordinatorLoadInProgress):
        peer.transactions.list_transactions(states=(), producer_ids=(), open_for_ms=Milliseconds(-1))
    peer.transactions.close()
    assert peer.markers.is_closed


async def test_what_kafka_has_left_behind_is_taken_up() -> None:
    """The ids of the recorded directory, all in the log of one partition."""
    peer = Peer()
    records = [
        Record(
            Offset(0), Timestamp(0), bytes.fromhex(record["key"]), record["value"] and bytes.fromhex(record["value"])
        )
        for line in (VECTORS / "disk" / "clean.records.jsonl").open()
        if (partition := json.loads(line))["partition"].startswith("__transaction_state")
        and partition["isolation"] == "read_uncommitted"
        for record in partition["records"]
    ]
    numbered = [record._replace(offset=Offset(offset)) for offset, record in enumerate(records)]
    peer.writer.put(STATE, bytes(build_batch(numbered)))

    transactions = await peer.start()

    listed = transactions.list_transactions(states=(), producer_ids=(), open_for_ms=Milliseconds(-1))
    assert {each.state for each in listed} == {S.COMPLETE_COMMIT, S.COMPLETE_ABORT, S.ONGOING}
    peer.transactions.close()
