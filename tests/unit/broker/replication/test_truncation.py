from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.broker.replication.truncation import diverges, truncation_point
from pykafka_cli.storage.leader_epochs import EpochEnd


def test_logs_with_the_same_history_do_not_diverge() -> None:
    assert not diverges(EpochEnd(3, 10), last_fetched_epoch=3, fetch_offset=10)
    assert not diverges(EpochEnd(3, 10), last_fetched_epoch=3, fetch_offset=7)


def test_a_longer_epoch_on_the_follower_diverges() -> None:
    assert diverges(EpochEnd(3, 10), last_fetched_epoch=3, fetch_offset=11)


def test_an_epoch_that_the_leader_never_had_diverges() -> None:
    assert diverges(EpochEnd(2, 10), last_fetched_epoch=3, fetch_offset=9)


def test_a_follower_cuts_to_where_the_common_epoch_ended_on_both_sides() -> None:
    leader, local = EpochEnd(2, 10), EpochEnd(2, 8)

    assert truncation_point(leader, local=local, log_end=15, fetch_offset=15) == 8
    assert truncation_point(local, local=leader, log_end=15, fetch_offset=15) == 8


def test_an_epoch_unknown_here_cuts_to_the_last_common_one_and_asks_again() -> None:
    cut = truncation_point(EpochEnd(5, 30), local=EpochEnd(3, 12), log_end=20, fetch_offset=20)

    assert cut == 12


def test_without_local_epochs_the_leaders_offset_counts() -> None:
    assert truncation_point(EpochEnd(2, 10), local=None, log_end=20, fetch_offset=20) == 10
    assert truncation_point(EpochEnd(2, 30), local=None, log_end=20, fetch_offset=20) == 20


def test_a_leader_that_knows_no_offset_leaves_the_follower_its_own_starting_point() -> None:
    assert truncation_point(None, local=EpochEnd(1, 4), log_end=20, fetch_offset=7) == 7


def test_a_leader_without_epochs_gives_an_offset_to_cut_to() -> None:
    assert truncation_point(EpochEnd(-1, 9), local=None, log_end=20, fetch_offset=20) == 9


@st.composite
def histories(draw: Any) -> Any:
    """Two logs, a list of epochs each, that share a beginning and then went their own ways."""
    common = sorted(draw(st.lists(st.integers(0, 5), max_size=8)))
    floor = common[-1] if common else 0
    lost = sorted(draw(st.lists(st.integers(floor, floor + 6), max_size=8)))
    kept = sorted(draw(st.lists(st.integers(floor, floor + 6), max_size=8)))
    used = set(lost)  # an epoch has one leader: beyond the common part no epoch is in both logs
    kept = [epoch if epoch == floor and floor not in used else epoch + 7 for epoch in kept]
    return len(common), common + lost, sorted(common + kept)


def end_of(log: list[int], epoch: int, current: int) -> EpochEnd | None:
    """As PartitionLog.end_offset_for_epoch answers for a log with one record per entry, in epoch `current`."""
    if epoch > current:
        return None
    known = [e for e in log if e <= epoch]
    return EpochEnd(known[-1] if known else epoch, len(known))


@given(histories())
def test_rounds_of_cutting_end_at_a_common_prefix_and_lose_nothing_of_it(logs: Any) -> None:
    common, follower, leader = logs
    follower = list(follower)
    for _ in range(20):
        if not follower:
            break
        answer = end_of(leader, follower[-1], current=99)
        if not diverges(answer, last_fetched_epoch=follower[-1], fetch_offset=len(follower)):
            break
        local = end_of(follower, answer.epoch, current=follower[-1])
        cut = truncation_point(answer, local=local, log_end=len(follower), fetch_offset=len(follower))
        assert cut < len(follower)
        del follower[cut:]

    assert follower == leader[: len(follower)]
    assert len(follower) >= common
