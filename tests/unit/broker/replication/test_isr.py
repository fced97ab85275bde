from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.broker.replication.isr import (
    NEVER,
    FollowerProgress,
    Isr,
    ends_to_respect,
    may_join,
    out_of_sync,
)
from pykafka_cli.model import BrokerId

LAG = 30.0


def isr(*broker_ids: int) -> Isr:
    return Isr(broker_ids)


def elected(*, in_isr: bool, now: float = 0.0) -> FollowerProgress:
    progress = FollowerProgress()
    progress.leader_elected(leader_end=0, in_isr=in_isr, is_new_leader=True, now=now)
    return progress


def lagging(isr_: Isr, followers: dict[int, FollowerProgress], *, leader_end: int, now: float) -> tuple[int, ...]:
    return out_of_sync(isr_, followers, leader=1, leader_end=leader_end, now=now, max_lag=LAG)


def test_a_follower_with_everything_stays_however_long_it_is_silent() -> None:
    follower = elected(in_isr=True)
    follower.fetched(fetch_offset=5, log_start=0, leader_end=5, now=1)

    assert not lagging(isr(1, 2), {2: follower}, leader_end=5, now=1_000_000)


def test_a_silent_follower_leaves_once_the_leader_has_had_more_for_the_lag_time() -> None:
    follower = elected(in_isr=True)
    follower.fetched(fetch_offset=5, log_start=0, leader_end=5, now=1)

    assert not lagging(isr(1, 2), {2: follower}, leader_end=6, now=1 + LAG)
    assert lagging(isr(1, 2), {2: follower}, leader_end=6, now=1 + LAG + 0.1) == (2,)


def test_a_follower_that_never_fetched_leaves_after_the_lag_time() -> None:
    follower = elected(in_isr=True, now=10)

    assert not lagging(isr(1, 2), {2: follower}, leader_end=0, now=10 + LAG)
    assert lagging(isr(1, 2), {2: follower}, leader_end=0, now=11 + LAG) == (2,)


def test_a_member_that_is_no_replica_any_more_is_out_of_sync() -> None:
    assert lagging(isr(1, 9), {}, leader_end=0, now=0) == (9,)


def test_the_leader_itself_is_never_out_of_sync() -> None:
    assert not lagging(isr(1), {}, leader_end=7, now=1_000)


def test_a_follower_one_fetch_behind_a_busy_leader_counts_as_caught_up_then() -> None:
    follower = elected(in_isr=True)
    for moment in range(1, 100):
        follower.fetched(fetch_offset=moment * 10, log_start=0, leader_end=(moment + 1) * 10, now=moment)

    assert follower.caught_up_at == 98
    assert (follower.log_end, follower.leader_end_at_fetch) == (990, 1000)


def test_a_follower_that_reads_slower_than_the_leader_writes_falls_behind() -> None:
    follower = elected(in_isr=True)
    for moment in range(1, 100):
        follower.fetched(fetch_offset=moment, log_start=0, leader_end=moment * 10, now=moment)

    assert lagging(isr(1, 2), {2: follower}, leader_end=1_000, now=99) == (2,)


def test_nobody_is_put_out_while_a_change_is_in_flight() -> None:
    follower = elected(in_isr=False)

    assert not lagging(isr(1, 2).expanded(3), {2: follower}, leader_end=9, now=99)


def test_re_election_does_not_forget_where_a_follower_is_but_must_get_from_it() -> None:
    follower = elected(in_isr=True)
    follower.fetched(fetch_offset=5, log_start=2, leader_end=5, now=1)

    follower.leader_elected(leader_end=8, in_isr=False, is_new_leader=False, now=2)

    assert (follower.log_end, follower.log_start, follower.leader_end_at_fetch) == (5, 2, 8)
    assert follower.caught_up_at == NEVER


@pytest.mark.parametrize(
    ("log_end", "high_watermark", "epoch_start", "joins"),
    [(5, 5, 5, True), (6, 5, 5, True), (4, 5, 4, False), (5, 5, 7, False), (-1, 0, 0, False)],
)
def test_joining_takes_all_that_is_committed_and_all_from_before_the_epoch(
    log_end: int, high_watermark: int, epoch_start: int, joins: bool
) -> None:
    follower = FollowerProgress(log_end=log_end)

    assert may_join(isr(1), 2, follower, high_watermark=high_watermark, epoch_start=epoch_start) is joins


def test_a_member_does_not_join_again_and_nobody_joins_while_a_change_is_in_flight() -> None:
    follower = FollowerProgress(log_end=5)

    assert not may_join(isr(1, 2), 2, follower, high_watermark=5, epoch_start=0)
    assert not may_join(isr(1, 3).shrunk([BrokerId(3)]), 2, follower, high_watermark=5, epoch_start=0)


def test_an_isr_about_to_change_is_counted_in_the_way_that_loses_nothing() -> None:
    growing, shrinking = isr(1, 2).expanded(3), isr(1, 2, 3).shrunk([BrokerId(3)])

    assert (growing.maximal, growing.proposed, growing.in_flight) == ((1, 2, 3), (1, 2, 3), True)
    assert (shrinking.maximal, shrinking.proposed, shrinking.in_flight) == ((1, 2, 3), (1, 2), True)
    assert growing.settled() == isr(1, 2)


def test_followers_on_their_way_in_hold_the_mark_back_and_dead_ones_do_not() -> None:
    caught_up = FollowerProgress(log_end=3, caught_up_at=100)
    followers = {
        2: FollowerProgress(log_end=7),
        3: caught_up,
        4: FollowerProgress(log_end=1, caught_up_at=100),
        5: FollowerProgress(log_end=0),
    }

    ends = ends_to_respect(
        isr(1, 2), followers, leader_end=9, now=101, max_lag=LAG, is_alive=lambda broker_id: broker_id != 4
    )

    assert ends == [7, 3]


offsets = st.integers(0, 20)


@given(st.lists(st.tuples(offsets, offsets, st.floats(0.1, 20)), max_size=20))
def test_caught_up_time_never_moves_back_nor_past_the_last_fetch(history: Any) -> None:
    follower, now, leader_end = elected(in_isr=True), 0.0, 0
    for fetched, grown, waited in history:
        now += waited
        leader_end += grown
        before = follower.caught_up_at
        follower.fetched(fetch_offset=min(fetched, leader_end), log_start=0, leader_end=leader_end, now=now)

        assert before <= follower.caught_up_at <= now
        assert follower.fetched_at == now
