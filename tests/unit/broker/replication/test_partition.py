"""One leader or follower with a real log; the controller and the other brokers are played by the test."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.errors import (
    FencedLeaderEpoch,
    NotEnoughReplicas,
    NotEnoughReplicasAfterAppend,
    NotLeaderOrFollower,
    OffsetOutOfRange,
    PolicyViolation,
    UnknownLeaderEpoch,
)
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.broker.replication.partition import Partition
from pykafka_cli.broker.replication.partition_role import Follower, Leader
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.model import Offset
from tests.fakes.clock import FakeClock
from tests.fakes.files import MemoryFiles
from tests.fakes.isr_updates import FakeIsrUpdates
from tests.support.leadership import ME, STATE
from tests.support.logs import ORDERS, batch, open_log

MAX_LAG = 30.0


class Bench:
    """A partition on broker 1, and what it touches."""

    def __init__(self, **config: Any) -> None:
        self.clock = FakeClock()
        self.isr_updates = FakeIsrUpdates()
        self.dead: set[int] = set()
        self.waiting = WaitingRoom(self.clock)
        self.log = open_log(MemoryFiles(), clock=self.clock, **config)
        self.partition = Partition(
            ORDERS,
            broker_id=ME,
            max_lag=MAX_LAG,
            clock=self.clock,
            waiting=self.waiting,
            isr_updates=self.isr_updates,
            is_alive=lambda broker_id: broker_id not in self.dead,
        )

    @property
    def leading(self) -> Leader:
        return self.partition.leading()

    def lead(self, **changes: Any) -> bool:
        return self.partition.lead(replace(STATE, **changes), lambda: self.log)

    def follow(self, **changes: Any) -> bool:
        return self.partition.follow(replace(STATE, leader=2, **changes), lambda: self.log)

    def append(self, *values: bytes, acks: int = 1) -> int:
        info = self.partition.append(batch(*values), acks=acks, now_ms=self.clock.now_ms(), origin=AppendOrigin.CLIENT)
        return info.last_offset

    def fetched(self, broker_id: int, offset: int, log_start: int = 0) -> None:
        self.partition.follower_fetched(
            broker_id, fetch_offset=offset, log_start=log_start, leader_end=self.log.log_end
        )

    def take(self, step: Any, leader_epoch: int) -> None:
        """Carry out a step of a history that is not a fetch. An election begins `leader_epoch`."""
        match step:
            case ("append", count):
                self.append(*[b"v"] * count)
            case ("wait", seconds):
                self.clock.advance(seconds)
            case ("shrink",):
                self.partition.shrink_isr()
            case ("grant",) if self.leading.isr.in_flight:
                self.isr_updates.confirm()
            case ("refuse",) if self.leading.isr.in_flight:
                self.isr_updates.reject(ErrorCode.ineligible_replica)
            case ("elected",):
                isr, partition_epoch = self.leading.isr.committed, self.partition.partition_epoch + 1
                self.lead(leader_epoch=leader_epoch, partition_epoch=partition_epoch, isr=isr)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_leader_alone_commits_what_it_writes(bench: Bench) -> None:
    bench.lead(isr=(1,), replicas=(1,))
    bench.append(b"a", b"b")

    assert bench.log.high_watermark == 2


def test_the_mark_moves_when_the_whole_isr_has_fetched_past_it(bench: Bench) -> None:
    bench.lead()
    bench.append(b"a", b"b")

    bench.fetched(2, 2)
    assert bench.log.high_watermark == 0
    bench.fetched(3, 1)
    assert bench.log.high_watermark == 1


def test_becoming_leader_assigns_the_epoch_even_to_an_empty_log(bench: Bench) -> None:
    bench.lead(leader_epoch=4)

    assert bench.log.epochs.latest == 4
    assert bench.leading.epoch_start == 0


def test_an_older_partition_epoch_changes_nothing(bench: Bench) -> None:
    bench.lead(partition_epoch=5)

    assert not bench.follow(partition_epoch=4, leader_epoch=9)
    assert bench.partition.is_leader


def test_leading_again_in_a_new_epoch_is_not_new_leadership(bench: Bench) -> None:
    assert bench.lead()
    assert not bench.lead(leader_epoch=2, partition_epoch=2)


def test_following_starts_again_only_in_a_new_leader_epoch(bench: Bench) -> None:
    assert bench.follow()
    assert not bench.follow(partition_epoch=2)
    assert bench.follow(leader_epoch=2, partition_epoch=3)


def test_a_follower_serves_no_producer_and_forgets_its_followers(bench: Bench) -> None:
    bench.lead()
    bench.follow(leader_epoch=2)

    with pytest.raises(NotLeaderOrFollower):
        bench.append(b"a")
    assert bench.partition.role == Follower(bench.log, 2)


def test_requests_are_fenced_by_the_leader_epoch_that_they_believe_in(bench: Bench) -> None:
    bench.lead(leader_epoch=3)

    with pytest.raises(FencedLeaderEpoch):
        bench.partition.log_at_epoch(2, only_leader=True)
    with pytest.raises(UnknownLeaderEpoch):
        bench.partition.log_at_epoch(4, only_leader=True)
    assert bench.partition.log_at_epoch(3, only_leader=True) is bench.log
    assert bench.partition.log_at_epoch(None, only_leader=True) is bench.log


def test_a_follower_may_be_read_where_any_replica_will_do(bench: Bench) -> None:
    bench.follow()

    assert bench.partition.log_at_epoch(None, only_leader=False) is bench.log
    with pytest.raises(NotLeaderOrFollower):
        bench.partition.log_at_epoch(None, only_leader=True)


def test_acks_all_is_rejected_before_writing_when_too_few_are_in_sync() -> None:
    bench = Bench(min_insync_replicas=2)
    bench.lead(isr=(1,))

    with pytest.raises(NotEnoughReplicas, match=r"orders-0: 1 in sync, min.insync.replicas=2"):
        bench.append(b"a", acks=-1)
    assert bench.append(b"a", acks=1) == 0


def test_the_mark_stays_while_too_few_are_in_sync() -> None:
    bench = Bench(min_insync_replicas=2)
    bench.lead(isr=(1,))
    bench.append(b"a")

    assert bench.log.high_watermark == 0


def test_what_was_written_before_the_isr_shrank_is_reported_as_such() -> None:
    bench = Bench(min_insync_replicas=2)
    bench.lead(isr=(1, 2), replicas=(1, 2))
    last = bench.append(b"a", acks=-1)
    bench.fetched(2, last + 1)
    bench.leading.isr = replace(bench.leading.isr, committed=(1,))

    with pytest.raises(NotEnoughReplicasAfterAppend):
        bench.partition.is_replicated(last + 1)


def test_a_lagging_follower_is_proposed_to_leave_and_counts_until_it_is_written(bench: Bench) -> None:
    bench.lead()
    bench.append(b"a")
    bench.fetched(2, 1)
    bench.clock.advance(MAX_LAG + 1)
    bench.fetched(2, 1)

    bench.partition.shrink_isr()

    assert bench.isr_updates.changes[-1].isr == (1, 2)
    assert bench.log.high_watermark == 0
    bench.isr_updates.confirm()
    assert bench.leading.isr.committed == (1, 2)
    assert bench.log.high_watermark == 1


def test_a_follower_that_caught_up_is_proposed_and_holds_the_mark_back_at_once(bench: Bench) -> None:
    bench.lead(isr=(1, 2))
    bench.append(b"a")
    bench.fetched(2, 1)
    bench.fetched(3, 1)

    assert bench.isr_updates.changes[-1].isr == (1, 2, 3)
    bench.append(b"b")
    bench.fetched(2, 2)
    assert bench.log.high_watermark == 1


def test_a_dead_broker_is_not_proposed(bench: Bench) -> None:
    bench.lead(isr=(1, 2))
    bench.dead.add(3)

    bench.fetched(3, 0)

    assert not bench.isr_updates.changes


def test_one_change_is_asked_for_at_a_time(bench: Bench) -> None:
    bench.lead(isr=(1,))
    bench.fetched(2, 0)
    bench.fetched(3, 0)

    assert [change.isr for change in bench.isr_updates.changes] == [(1, 2)]


@pytest.mark.parametrize("error", [ErrorCode.operation_not_attempted, ErrorCode.ineligible_replica])
def test_a_change_that_was_surely_not_made_may_be_asked_again(bench: Bench, error: ErrorCode) -> None:
    bench.lead(isr=(1, 2))
    bench.fetched(3, 0)

    bench.isr_updates.reject(error)
    bench.fetched(3, 0)

    assert [change.isr for change in bench.isr_updates.changes] == [(1, 2, 3)] * 2


def test_after_a_refusal_with_a_newer_state_the_controller_is_awaited(bench: Bench) -> None:
    bench.lead(isr=(1, 2))
    bench.fetched(3, 0)

    bench.isr_updates.reject(ErrorCode.invalid_update_version)
    bench.fetched(3, 0)

    assert len(bench.isr_updates.changes) == 1
    assert bench.leading.isr.maximal == (1, 2, 3)


def test_an_unforeseen_refusal_is_asked_again_at_once(bench: Bench) -> None:
    bench.lead(isr=(1, 2))
    bench.fetched(3, 0)

    bench.isr_updates.reject(ErrorCode.unknown_server_error)

    assert len(bench.isr_updates.changes) == 2


def test_an_answer_from_before_the_controllers_word_is_ignored(bench: Bench) -> None:
    bench.lead(isr=(1, 2))
    bench.fetched(3, 0)
    bench.lead(isr=(1,), leader_epoch=2, partition_epoch=3)

    bench.isr_updates.confirm()

    assert bench.leading.isr.committed == (1,)


def test_a_newer_partition_epoch_counts_from_the_answer_on(bench: Bench) -> None:
    bench.lead(isr=(1, 2), partition_epoch=7)
    bench.fetched(3, 0)
    bench.isr_updates.confirm()

    assert bench.partition.partition_epoch == 8
    assert not bench.follow(partition_epoch=7, leader_epoch=2)


def test_deleting_stops_at_the_mark_and_compacted_topics_reject_it(bench: Bench) -> None:
    bench.lead()
    bench.append(b"a", b"b")
    bench.fetched(2, 1)
    bench.fetched(3, 1)

    with pytest.raises(OffsetOutOfRange):
        bench.partition.delete_records(2)
    assert bench.partition.delete_records(None) == 1
    assert bench.log.log_start == 1

    compacted = Bench(cleanup_policy="compact")
    compacted.lead()
    with pytest.raises(PolicyViolation):
        compacted.partition.delete_records(0)


def test_the_low_watermark_is_that_of_the_slowest_live_replica(bench: Bench) -> None:
    bench.lead(isr=(1, 2, 3))
    bench.append(b"a", b"b")
    for follower, log_start in ((2, 1), (3, 0)):
        bench.fetched(follower, 2, log_start)
    bench.partition.delete_records(2)

    assert bench.partition.low_watermark() == 0
    bench.dead.add(3)
    assert bench.partition.low_watermark() == 1


def test_a_follower_takes_over_records_mark_and_start(bench: Bench) -> None:
    leader = Bench()
    leader.lead(isr=(1,), replicas=(1,))
    leader.append(b"a", b"b", b"c")
    sent = leader.log.read(0, max_bytes=1000, up_to=3, min_one_batch=True).records
    bench.follow()

    bench.partition.append_from_leader(memoryview(sent), leader_high_watermark=2, leader_log_start=1)

    assert (bench.log.log_start, bench.log.high_watermark, bench.log.log_end) == (1, 2, 3)
    assert bench.log.epochs.latest == 1


def test_an_empty_follower_takes_a_batch_in_whose_middle_the_leaders_log_starts(bench: Bench) -> None:
    leader = Bench()
    leader.lead(isr=(1,), replicas=(1,))
    leader.append(b"a", b"b", b"c")
    sent = leader.log.read(0, max_bytes=1000, up_to=3, min_one_batch=True).records
    bench.follow()
    bench.partition.start_at(2)

    bench.partition.append_from_leader(memoryview(sent), leader_high_watermark=3, leader_log_start=2)

    assert (bench.log.log_start, bench.log.log_end) == (2, 3)


def test_without_epochs_what_is_not_committed_goes_when_following_begins(bench: Bench) -> None:
    bench.follow()
    bench.log.append_as_follower(memoryview(batch(b"a", b"b", leader_epoch=-1)))
    bench.log.set_high_watermark(0)

    bench.partition.forget_uncommitted_without_epochs()

    assert bench.log.log_end == 0


async def test_whoever_waits_learns_of_appends_commits_and_changes_of_role(bench: Bench) -> None:
    bench.lead(isr=(1, 2), replicas=(1, 2))
    heard: list[str] = []

    def hears(name: str) -> Callable[[], bool]:
        def hear() -> bool:
            heard.append(name)
            return False

        return hear

    watchers = [
        asyncio.ensure_future(bench.waiting.wait_until([key], hears(name), 99))
        for name, key in (("end", bench.partition.appended), ("mark", bench.partition.committed))
    ]
    await asyncio.sleep(0)
    heard.clear()

    bench.append(b"a")
    assert heard == ["end"]
    bench.fetched(2, 1)
    assert heard == ["end", "mark"]
    bench.partition.notify_all()
    assert heard == ["end", "mark", "end", "mark"]
    for watcher in watchers:
        watcher.cancel()


class IdleSession:
    """A follower's session that leaves the partition out, and what it has heard."""

    def __init__(self, fetched_at: float = 0.0) -> None:
        self.fetched_at = fetched_at
        self.is_ended = False

    def end(self) -> None:
        self.is_ended = True


def idle(bench: Bench) -> IdleSession:
    """Both followers have everything, and the session of the first leaves the partition out."""
    for follower in (2, 3):
        bench.fetched(follower, bench.log.log_end)
    session = IdleSession(bench.clock.monotonic())
    assert bench.partition.is_idle(2, bench.log.log_end, session)
    return session


def append_one(bench: Bench) -> None:
    bench.append(b"b")


def delete_the_first(bench: Bench) -> None:
    bench.partition.delete_records(Offset(1))


def retain_nothing(bench: Bench) -> None:
    bench.log.advance_log_start(Offset(1))
    bench.partition.announce_log_start()


def lead_in_a_new_epoch(bench: Bench) -> None:
    bench.lead(leader_epoch=2, partition_epoch=2)


def follow_another(bench: Bench) -> None:
    bench.follow(leader_epoch=2, partition_epoch=2)


def close(bench: Bench) -> None:
    bench.partition.close()


def use_a_copy(bench: Bench) -> None:
    bench.partition.replace_log(bench.log)


@pytest.mark.parametrize(
    "change",
    [append_one, delete_the_first, retain_nothing, lead_in_a_new_epoch, follow_another, close, use_a_copy],
)
def test_each_change_ends_the_idleness_of_a_follower(bench: Bench, change: Callable[[Bench], None]) -> None:
    bench.lead()
    bench.append(b"a")
    session = idle(bench)

    change(bench)

    assert session.is_ended


def test_nobody_is_idle_while_the_isr_is_being_changed_and_all_are_read_after_that(bench: Bench) -> None:
    bench.lead()
    session = idle(bench)
    bench.append(b"a")
    bench.fetched(2, 1)
    bench.clock.advance(MAX_LAG + 1)
    bench.fetched(2, 1)
    bench.partition.shrink_isr()
    assert session.is_ended

    assert not bench.partition.is_idle(2, Offset(1), IdleSession())
    bench.isr_updates.confirm()
    assert bench.partition.is_idle(2, Offset(1), IdleSession())


def test_a_follower_that_lacks_something_is_not_idle(bench: Bench) -> None:
    bench.lead(isr=(1, 2))
    bench.append(b"a")
    bench.fetched(2, 0)

    assert not bench.partition.is_idle(2, Offset(0), IdleSession())
    assert not bench.partition.is_idle(2, Offset(1), IdleSession()), "the high watermark is below"
    assert not bench.partition.is_idle(3, Offset(1), IdleSession()), "it has to join the ISR"


def test_a_follower_that_fetched_while_idle_has_the_whole_lag_time_from_then_on(bench: Bench) -> None:
    bench.lead()
    session = idle(bench)
    assert bench.partition.is_idle(3, Offset(0), IdleSession())
    bench.clock.advance(10 * MAX_LAG)
    session.fetched_at = bench.clock.monotonic()

    bench.append(b"a")
    bench.clock.advance(1)
    bench.partition.shrink_isr()

    assert bench.isr_updates.changes[-1].isr == (1, 2)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 3)),
        st.tuples(st.just("fetch"), st.sampled_from([2, 3]), st.integers(0, 6)),
        st.tuples(st.just("wait"), st.sampled_from([1, 20, 40])),
        st.tuples(st.just("shrink")),
        st.tuples(st.sampled_from(["grant", "refuse"])),
        st.tuples(st.just("elected")),
    ),
    max_size=30,
)


@given(steps, st.integers(1, 2))
def test_the_mark_never_moves_back_nor_past_what_a_member_of_the_isr_has(history: Any, min_isr: int) -> None:
    bench = Bench(min_insync_replicas=min_isr)
    bench.lead()
    epochs = itertools.count(2)
    ends = {2: 0, 3: 0}  # what the followers really have
    for step in history:
        mark = bench.log.high_watermark
        if step[0] == "fetch":
            _, follower, count = step
            ends[follower] = min(ends[follower] + count, bench.log.log_end)
            bench.fetched(follower, ends[follower])
        bench.take(step, next(epochs))

        after = bench.log.high_watermark
        assert mark <= after <= bench.log.log_end
        if after > mark:
            assert all(ends[member] >= after for member in bench.leading.isr.maximal if member != ME)
            assert len(bench.leading.isr.committed) >= min_isr


class Session:
    """A follower's fetches, which leave the partition out while the leader has nothing new."""

    def __init__(self, bench: Bench, broker_id: int) -> None:
        self._bench, self._broker_id = bench, broker_id
        self.fetched_at = 0.0
        self._is_idle_at: int | None = None

    def end(self) -> None:
        self._is_idle_at = None

    def fetch(self, offset: int) -> None:
        self.fetched_at = self._bench.clock.monotonic()
        if self._is_idle_at == offset:
            return
        self._bench.fetched(self._broker_id, offset)
        if self._bench.partition.is_idle(self._broker_id, Offset(offset), self):
            self._is_idle_at = offset


@given(steps, st.integers(1, 2))
def test_leaving_idle_followers_unread_decides_nothing_differently(history: Any, min_isr: int) -> None:
    reading, leaving_out = Bench(min_insync_replicas=min_isr), Bench(min_insync_replicas=min_isr)
    sessions = {follower: Session(leaving_out, follower) for follower in (2, 3)}
    ends, epochs = {2: 0, 3: 0}, itertools.count(2)
    for bench in (reading, leaving_out):
        bench.lead()
    for step in history:
        epoch = next(epochs)
        if step[0] == "fetch":
            _, follower, count = step
            ends[follower] = min(ends[follower] + count, reading.log.log_end)
            reading.fetched(follower, ends[follower])
            sessions[follower].fetch(ends[follower])
        for bench in (reading, leaving_out):
            bench.take(step, epoch)

        assert leaving_out.leading.isr == reading.leading.isr
        assert leaving_out.log.high_watermark == reading.log.high_watermark
