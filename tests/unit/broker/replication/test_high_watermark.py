from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.broker.replication.high_watermark import effective_min_isr, high_watermark
from pykafka_cli.model import Offset

ends = st.none() | st.integers(min_value=0, max_value=50)


def test_mark_waits_for_the_slowest_in_sync_replica() -> None:
    assert high_watermark(leader_end=9, isr_ends=[Offset(7), Offset(5)], current=3) == 5


def test_mark_of_a_leader_alone_is_its_log_end() -> None:
    assert high_watermark(leader_end=9, isr_ends=[], current=3) == 9


def test_mark_does_not_move_before_every_follower_has_fetched_once() -> None:
    assert high_watermark(leader_end=9, isr_ends=[Offset(9), None], current=3) == 3


def test_a_slow_newcomer_does_not_pull_the_mark_back() -> None:
    assert high_watermark(leader_end=9, isr_ends=[Offset(2)], current=5) == 5


@given(st.integers(0, 50), st.lists(ends), st.integers(0, 50))
def test_mark_never_moves_back_and_never_passes_an_end_that_it_had_not_passed(
    leader_end: int, isr_ends: Any, current: int
) -> None:
    mark = high_watermark(leader_end, isr_ends, current)

    assert mark >= current
    assert mark == current or (None not in isr_ends and mark <= min([leader_end, *isr_ends]))


def test_no_more_replicas_can_be_demanded_than_there_are() -> None:
    assert effective_min_isr(min_insync_replicas=3, replica_count=2) == 2
    assert effective_min_isr(min_insync_replicas=1, replica_count=2) == 1
