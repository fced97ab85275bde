"""What becomes of a transactional id's requests: fencing, epochs, ending, timeouts, replication that lags."""

import pytest

from pykafka_cli.broker.coordinator.step import CoordinatorRecord
from pykafka_cli.broker.coordinator.transaction.shard import WRITE_AGAIN_MS
from pykafka_cli.broker.coordinator.transaction.transaction import LAST_EPOCH, TransactionState
from pykafka_cli.broker.errors import (
    BrokerError,
    ConcurrentTransactions,
    CoordinatorNotAvailable,
    InvalidProducerIdMapping,
    InvalidTxnState,
    NotEnoughReplicas,
    ProducerFenced,
    TransactionAbortable,
    TransactionalIdNotFound,
)
from pykafka_cli.model import Milliseconds, Offset, ProducerEpoch, ProducerId, ProducerIdAndEpoch, Timestamp
from tests.support.transaction_desk import T0, T1, TIMEOUT_MS, Desk

S = TransactionState
EXHAUSTED = LAST_EPOCH - 1


@pytest.fixture
def desk() -> Desk:
    return Desk()


def opened(desk: Desk) -> ProducerIdAndEpoch:
    """A producer with an open transaction."""
    producer = desk.init()
    desk.add(producer, T0)
    return producer


# --- InitProducerId


def test_a_new_id_gets_a_producer_of_its_own(desk: Desk) -> None:
    assert desk.init("x") == ProducerIdAndEpoch(ProducerId(1001), ProducerEpoch(0))
    assert desk.init("y") == ProducerIdAndEpoch(ProducerId(1002), ProducerEpoch(0))
    assert desk.state is S.EMPTY


def test_whoever_comes_next_gets_the_next_epoch_and_the_one_before_is_fenced(desk: Desk) -> None:
    before = desk.init()

    assert desk.init() == ProducerIdAndEpoch(before.producer_id, ProducerEpoch(1))
    with pytest.raises(ProducerFenced):
        desk.add(before, T0)


def test_what_the_one_before_had_open_is_aborted_first(desk: Desk) -> None:
    before = opened(desk)

    with pytest.raises(ConcurrentTransactions):
        desk.init()

    assert (desk.state, desk.transaction.producer_epoch) == (S.PREPARE_ABORT, before.producer_epoch + 1)
    with pytest.raises(ConcurrentTransactions):
        desk.init()
    desk.complete()
    assert desk.init() == ProducerIdAndEpoch(before.producer_id, ProducerEpoch(before.producer_epoch + 2))


def test_a_producer_that_continues_gets_the_next_epoch(desk: Desk) -> None:
    producer = desk.init()

    assert desk.init(expected=producer) == ProducerIdAndEpoch(producer.producer_id, ProducerEpoch(1))


def test_it_may_ask_twice_for_its_next_epoch(desk: Desk) -> None:
    producer = desk.init()
    given = desk.init(expected=producer)

    assert desk.init(expected=producer) == given


def test_it_is_fenced_when_somebody_else_has_come(desk: Desk) -> None:
    producer = desk.init()
    desk.init()

    with pytest.raises(ProducerFenced):
        desk.init(expected=producer)


def test_what_was_replaced_is_forgotten_by_a_restart(desk: Desk) -> None:
    producer = desk.init()
    desk.init(expected=producer)
    desk.restart()

    with pytest.raises(ProducerFenced):
        desk.init(expected=producer)


def test_another_producer_id_is_fenced(desk: Desk) -> None:
    desk.init()

    with pytest.raises(ProducerFenced):
        desk.init(expected=ProducerIdAndEpoch(ProducerId(5), ProducerEpoch(0)))


def test_an_unknown_id_takes_whatever_producer_comes(desk: Desk) -> None:
    assert desk.init(expected=ProducerIdAndEpoch(ProducerId(5), ProducerEpoch(3))) == ProducerIdAndEpoch(
        ProducerId(1001), ProducerEpoch(0)
    )


def test_when_the_epochs_are_used_up_there_is_a_new_producer_id(desk: Desk) -> None:
    desk.has(ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(EXHAUSTED)), S.EMPTY)

    assert desk.init() == ProducerIdAndEpoch(ProducerId(1001), ProducerEpoch(0))


def test_the_rotation_of_a_producer_that_continues_can_be_asked_for_twice(desk: Desk) -> None:
    desk.has(ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(EXHAUSTED)), S.COMPLETE_COMMIT)
    given = desk.init(expected=ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(EXHAUSTED)))

    assert given == ProducerIdAndEpoch(ProducerId(1001), ProducerEpoch(0))
    assert desk.init(expected=ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(EXHAUSTED))) == given
    with pytest.raises(ProducerFenced):
        desk.init(expected=ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(EXHAUSTED - 1)))


def test_a_producer_id_that_was_not_fetched_in_time_is_asked_for_again(desk: Desk) -> None:
    with pytest.raises(ConcurrentTransactions):
        desk.do(lambda shard, step: shard.init_producer("x", Milliseconds(TIMEOUT_MS), None, None, step))
    desk.has(ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(EXHAUSTED)), S.EMPTY)
    with pytest.raises(ConcurrentTransactions):
        desk.do(lambda shard, step: shard.init_producer("x", Milliseconds(TIMEOUT_MS), None, None, step))


# --- partitions


def test_partitions_begin_a_transaction(desk: Desk) -> None:
    producer = opened(desk)
    desk.now_ms = Timestamp(desk.now_ms + 10)
    desk.add(producer, T1)

    assert (desk.state, desk.transaction.partitions) == (S.ONGOING, {T0, T1})
    assert desk.transaction.started_at == desk.now_ms - 10


def test_partitions_that_are_known_are_not_written_again(desk: Desk) -> None:
    producer = opened(desk)
    before = len(desk.log)

    desk.add(producer, T0)

    assert len(desk.log) == before


def test_partitions_are_rejected_while_the_last_transaction_is_completed(desk: Desk) -> None:
    producer = opened(desk)
    desk.end(producer)

    with pytest.raises(ConcurrentTransactions):
        desk.add(producer, T0)


@pytest.mark.parametrize(
    ("producer", "error"),
    [
        (ProducerIdAndEpoch(ProducerId(5), ProducerEpoch(0)), InvalidProducerIdMapping),
        (ProducerIdAndEpoch(ProducerId(1001), ProducerEpoch(1)), ProducerFenced),
    ],
)
def test_only_the_ids_producer_may_do_anything(
    desk: Desk, producer: ProducerIdAndEpoch, error: type[BrokerError]
) -> None:
    opened(desk)

    with pytest.raises(error):
        desk.add(producer, T1)
    with pytest.raises(error):
        desk.end(producer)
    with pytest.raises(error):
        desk.shard.verify_partitions("x", producer, frozenset({T0}))


def test_an_id_that_nobody_has_used_belongs_to_no_producer(desk: Desk) -> None:
    with pytest.raises(InvalidProducerIdMapping):
        desk.add(ProducerIdAndEpoch(ProducerId(1), ProducerEpoch(0)), T0)
    with pytest.raises(TransactionalIdNotFound):
        desk.shard.describe("x")


def test_a_partition_is_verified_if_the_transaction_knows_it(desk: Desk) -> None:
    producer = opened(desk)

    verified = desk.shard.verify_partitions("x", producer, frozenset({T0, T1}))

    assert verified[T0] is None
    assert isinstance(verified[T1], TransactionAbortable)


def test_nothing_is_verified_once_the_end_is_decided(desk: Desk) -> None:
    producer = opened(desk)
    desk.end(producer)

    with pytest.raises(ConcurrentTransactions):
        desk.shard.verify_partitions("x", producer, frozenset({T0}))


# --- the end


@pytest.mark.parametrize("committed", [True, False])
def test_an_end_is_prepared_then_completed_when_the_markers_are_written(desk: Desk, committed: bool) -> None:
    producer = opened(desk)

    desk.end(producer, committed=committed)
    prepared = desk.state
    desk.complete()

    assert (prepared, desk.state) == (
        (S.PREPARE_COMMIT, S.COMPLETE_COMMIT) if committed else (S.PREPARE_ABORT, S.COMPLETE_ABORT)
    )
    assert desk.transaction.partitions == frozenset()


def test_an_end_may_be_asked_for_twice_but_not_the_other_end(desk: Desk) -> None:
    producer = opened(desk)
    desk.end(producer)
    with pytest.raises(ConcurrentTransactions):
        desk.end(producer)
    with pytest.raises(InvalidTxnState):
        desk.end(producer, committed=False)
    desk.complete()

    desk.end(producer)
    with pytest.raises(InvalidTxnState):
        desk.end(producer, committed=False)


def test_there_is_nothing_to_end_before_it_begins(desk: Desk) -> None:
    producer = desk.init()

    with pytest.raises(InvalidTxnState, match="Empty and cannot commit"):
        desk.end(producer)


def test_markers_that_come_too_late_complete_nothing(desk: Desk) -> None:
    producer = opened(desk)
    desk.end(producer)
    ended = desk.transaction
    desk.complete()
    desk.add(producer, T1)

    desk.do(lambda shard, step: shard.complete("x", ended, step))

    assert desk.state is S.ONGOING


# --- without being asked


def test_a_transaction_that_is_open_for_too_long_is_aborted_and_its_producer_fenced(desk: Desk) -> None:
    producer = opened(desk)
    desk.advance(TIMEOUT_MS)
    desk.abort_overdue()
    assert desk.state is S.ONGOING

    desk.advance(1)
    desk.abort_overdue()

    assert (desk.state, desk.prepared) == (S.PREPARE_ABORT, ["x"])
    with pytest.raises(ProducerFenced):
        desk.end(producer)


def test_an_unused_id_is_forgotten_with_a_tombstone(desk: Desk) -> None:
    desk.init()
    desk.advance(999)
    desk.forget_expired(1000)
    assert "x" in desk.shard.transactions

    desk.advance(1)
    desk.forget_expired(1000)

    assert desk.shard.transactions == {}
    assert desk.log[-1].value is None


@pytest.mark.parametrize("state", [S.PREPARE_COMMIT, S.PREPARE_ABORT])
def test_who_loads_a_decided_transaction_writes_its_markers(desk: Desk, state: TransactionState) -> None:
    desk.has(ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(2)), state, T0)

    assert desk.prepared == ["x"]


@pytest.mark.parametrize("state", [S.EMPTY, S.ONGOING, S.COMPLETE_COMMIT, S.COMPLETE_ABORT])
def test_who_loads_any_other_waits_for_its_producer(desk: Desk, state: TransactionState) -> None:
    desk.has(ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(2)), state, *([T0] if state is S.ONGOING else []))

    assert desk.prepared == []
    desk.add(ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(2)), T0)
    assert desk.state is S.ONGOING


# --- replication that lags


def test_until_a_change_is_stored_everybody_gets_an_error_to_retry(desk: Desk) -> None:
    producer = desk.init()
    desk.is_replicating = False
    desk.add(producer, T0)

    for request in (lambda: desk.add(producer, T0), lambda: desk.end(producer), lambda: desk.init()):
        with pytest.raises(ConcurrentTransactions):
            request()
    desk.replicate()
    desk.add(producer, T0)
    assert desk.state is S.ONGOING


def test_markers_wait_until_the_outcome_is_stored(desk: Desk) -> None:
    producer = opened(desk)
    desk.is_replicating = False
    desk.end(producer)
    before = list(desk.prepared)

    desk.replicate()

    assert (before, desk.prepared) == ([], ["x"])


def test_an_outcome_that_is_not_stored_in_time_is_written_again_until_it_is(desk: Desk) -> None:
    producer = opened(desk)
    desk.is_replicating = False
    desk.end(producer)
    desk.replicate(CoordinatorNotAvailable("late"))
    assert desk.prepared == []

    desk.refusal = NotEnoughReplicas("still")
    desk.advance(WRITE_AGAIN_MS)
    assert desk.prepared == []
    desk.refusal = None
    desk.is_replicating = True
    desk.advance(WRITE_AGAIN_MS)

    assert (desk.state, desk.prepared) == (S.PREPARE_COMMIT, ["x"])


def test_a_change_that_was_rejected_leaves_everything_as_it_was(desk: Desk) -> None:
    producer = opened(desk)
    desk.refusal = NotEnoughReplicas("1 of 2")
    with pytest.raises(NotEnoughReplicas):
        desk.end(producer)
    desk.refusal = None
    assert (desk.state, desk.prepared) == (S.ONGOING, [])

    desk.end(producer, committed=False)

    assert desk.state is S.PREPARE_ABORT


def test_nothing_overdue_or_expired_is_touched_before_it_is_stored(desk: Desk) -> None:
    desk.is_replicating = False
    desk.init()
    desk.now_ms = Timestamp(desk.now_ms + 10_000_000)

    assert desk.shard.expired(desk.now_ms, Milliseconds(1)) == []
    desk.replicate()
    assert desk.shard.expired(desk.now_ms, Milliseconds(1)) == ["x"]


def test_a_record_that_cannot_be_read_is_left_out(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    producer = opened(desk)

    desk.shard.replay(CoordinatorRecord(b"\0\0\0\1x", b"\0\7"), Offset(12), None)
    desk.shard.replay(CoordinatorRecord(b"\0\7\0\1x", None), Offset(13), None)

    assert "skipping record 12 of __transaction_state: " in caplog.text
    assert "skipping record 13 of __transaction_state: unknown kind of key" in caplog.text
    assert desk.transaction.producer_id == producer.producer_id
