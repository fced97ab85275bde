"""The states of a transactional id as a table, and its moves."""

import itertools
from dataclasses import replace

import pytest

from pykafka_cli.broker.coordinator.transaction.transaction import (
    LAST_EPOCH,
    REACHED_FROM,
    IllegalMove,
    Transaction,
    TransactionState,
)
from pykafka_cli.model import Milliseconds, ProducerEpoch, ProducerId, Timestamp, TopicPartition

S = TransactionState
T = TopicPartition("t", 0)
NEW = Transaction(
    producer_id=ProducerId(1), producer_epoch=ProducerEpoch(0), timeout_ms=Milliseconds(100), updated_at=Timestamp(5)
)
ONGOING = NEW.with_partitions(frozenset({T}), Timestamp(10))


def test_names_and_numbers_are_kafkas() -> None:
    assert [(int(state), state.title) for state in S] == [
        (0, "Empty"),
        (1, "Ongoing"),
        (2, "PrepareCommit"),
        (3, "PrepareAbort"),
        (4, "CompleteCommit"),
        (5, "CompleteAbort"),
        (6, "Dead"),
        (7, "PrepareEpochFence"),
    ]


@pytest.mark.parametrize(("before", "after"), list(itertools.product(S, S)))
def test_only_moves_of_the_table_are_made(before: TransactionState, after: TransactionState) -> None:
    transaction = replace(NEW, state=before)

    if before in REACHED_FROM[after]:
        assert transaction.moved_to(after).state is after
    else:
        with pytest.raises(IllegalMove, match=f"from {before.title} to {after.title}"):
            transaction.moved_to(after)


def test_a_decided_transaction_cannot_be_decided_otherwise() -> None:
    for committed in (True, False):
        decided = ONGOING.ending(committed=committed, now_ms=Timestamp(11))
        with pytest.raises(IllegalMove):
            decided.ending(committed=not committed, now_ms=Timestamp(12))


def test_the_first_partitions_begin_it_and_later_ones_join() -> None:
    later = ONGOING.with_partitions(frozenset({TopicPartition("u", 3)}), Timestamp(20))

    assert (ONGOING.started_at, later.started_at, later.updated_at) == (10, 10, 20)
    assert later.partitions == {T, TopicPartition("u", 3)}


@pytest.mark.parametrize(("committed", "state"), [(True, S.COMPLETE_COMMIT), (False, S.COMPLETE_ABORT)])
def test_a_completed_transaction_has_no_partitions_and_still_reports_when_it_began(
    committed: bool, state: TransactionState
) -> None:
    completed = ONGOING.ending(committed=committed, now_ms=Timestamp(11)).completed(Timestamp(12))

    assert (completed.state, completed.partitions, completed.started_at) == (state, frozenset(), 10)


def test_only_what_was_decided_can_be_completed() -> None:
    with pytest.raises(IllegalMove):
        ONGOING.completed(Timestamp(12))


def test_fencing_raises_the_epoch_and_aborts() -> None:
    fenced = ONGOING.fenced(Timestamp(30))

    assert (fenced.state, fenced.producer_epoch, fenced.partitions) == (S.PREPARE_ABORT, 1, {T})


def test_the_last_epoch_is_kept_for_fencing() -> None:
    last_given_out = replace(ONGOING, producer_epoch=ProducerEpoch(LAST_EPOCH - 1))

    assert last_given_out.is_epoch_exhausted
    assert last_given_out.fenced(Timestamp(30)).producer_epoch == LAST_EPOCH
    with pytest.raises(IllegalMove, match="no epoch is left"):
        replace(ONGOING, producer_epoch=ProducerEpoch(LAST_EPOCH)).fenced(Timestamp(30))


def test_only_an_open_transaction_is_overdue() -> None:
    assert not ONGOING.is_overdue(Timestamp(110))
    assert ONGOING.is_overdue(Timestamp(111))
    assert not ONGOING.ending(committed=True, now_ms=Timestamp(50)).is_overdue(Timestamp(10_000))


def test_an_id_expires_only_without_a_transaction() -> None:
    assert NEW.is_expired(Timestamp(105), Milliseconds(100))
    assert not NEW.is_expired(Timestamp(104), Milliseconds(100))
    assert not ONGOING.is_expired(Timestamp(10_000), Milliseconds(100))
