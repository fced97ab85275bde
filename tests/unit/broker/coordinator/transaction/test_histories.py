"""Any history of one id: what is replayed is what was live, no decision is reversed, and no producer comes back."""

import contextlib
import itertools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pykafka_cli.broker.coordinator.transaction.records import read_record
from pykafka_cli.broker.coordinator.transaction.transaction import LAST_EPOCH, PREPARED, TransactionState
from pykafka_cli.broker.errors import BrokerError, CoordinatorNotAvailable, NotEnoughReplicas
from pykafka_cli.model import ProducerEpoch, ProducerId, ProducerIdAndEpoch, TopicPartition
from tests.support.transaction_desk import T0, T1, TIMEOUT_MS, Desk

S = TransactionState
REFUSED = contextlib.suppress(BrokerError)


class History(RuleBasedStateMachine):
    """`Desk` compares a replay with the live shard after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.producers: list[ProducerIdAndEpoch] = []

    @rule(epoch=st.sampled_from([LAST_EPOCH - 3, LAST_EPOCH - 2, LAST_EPOCH - 1]))
    @precondition(lambda self: not self.desk.log)
    def begin_near_the_last_epoch(self, epoch: int) -> None:
        self.desk.has(ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(epoch)), S.EMPTY)
        self.producers.append(ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(epoch)))

    @rule()
    def init(self) -> None:
        with REFUSED:
            self.producers.append(self.desk.init())

    @rule(data=st.data())
    @precondition(lambda self: self.producers)
    def go_on(self, data: st.DataObject) -> None:
        with REFUSED:
            self.producers.append(self.desk.init(expected=data.draw(st.sampled_from(self.producers))))

    @rule(data=st.data(), partition=st.sampled_from([T0, T1]))
    @precondition(lambda self: self.producers)
    def add(self, data: st.DataObject, partition: TopicPartition) -> None:
        with REFUSED:
            self.desk.add(data.draw(st.sampled_from(self.producers)), partition)

    @rule(data=st.data(), committed=st.booleans())
    @precondition(lambda self: self.producers)
    def end(self, data: st.DataObject, committed: bool) -> None:
        with REFUSED:
            self.desk.end(data.draw(st.sampled_from(self.producers)), committed=committed)

    @rule()
    @precondition(lambda self: self.desk.prepared)
    def complete(self) -> None:
        self.desk.complete()

    @rule(ms=st.sampled_from([1, 1000, TIMEOUT_MS + 1]))
    def wait(self, ms: int) -> None:
        self.desk.advance(ms)

    @rule()
    def abort_overdue(self) -> None:
        self.desk.abort_overdue()

    @rule()
    def forget_expired(self) -> None:
        self.desk.forget_expired(TIMEOUT_MS)

    @rule(is_replicating=st.booleans(), is_refusing=st.booleans())
    def disturb(self, is_replicating: bool, is_refusing: bool) -> None:
        self.desk.is_replicating = is_replicating
        self.desk.refusal = NotEnoughReplicas("") if is_refusing else None

    @rule(error=st.sampled_from([None, CoordinatorNotAvailable("late")]))
    def replicate(self, error: BrokerError | None) -> None:
        self.desk.replicate(error)

    @rule()
    def restart(self) -> None:
        self.desk.restart()

    @invariant()
    def only_the_newest_producer_owns_the_id(self) -> None:
        transaction = self.desk.shard.transactions.get("x")
        if transaction is not None and self.producers and transaction.producer_id == self.producers[-1].producer_id:
            assert transaction.producer_epoch >= self.producers[-1].producer_epoch

    @invariant()
    def a_decision_is_never_reversed(self) -> None:
        entries = [read_record(record) for record in self.desk.log]
        states = [entry.transaction.state if entry and entry.transaction else None for entry in entries]
        for before, after in itertools.pairwise(states):
            if before is S.PREPARE_COMMIT:
                assert after in (S.PREPARE_COMMIT, S.COMPLETE_COMMIT)
            if before is S.PREPARE_ABORT:
                assert after in (S.PREPARE_ABORT, S.COMPLETE_ABORT)

    @invariant()
    def markers_are_asked_for_only_where_the_outcome_stands(self) -> None:
        assert len(self.desk.prepared) <= 1
        if self.desk.prepared:
            assert self.desk.state in PREPARED

    def teardown(self) -> None:
        """When all is well again, no decided transaction stays without its markers."""
        self.desk.refusal, self.desk.is_replicating = None, True
        self.desk.replicate()
        self.desk.advance(1000)
        transaction = self.desk.shard.transactions.get("x")
        if transaction is not None and transaction.state in PREPARED:
            self.desk.complete()


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
