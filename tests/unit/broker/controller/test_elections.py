"""Who is elected, for each reason there is to elect somebody."""

import pytest

from pykafka_cli.broker.controller import elections
from pykafka_cli.model import BrokerId, ControllerEpoch, LeaderEpoch, PartitionEpoch
from pykafka_cli.zookeeper.topic_znodes import PartitionState
from tests.support.brokers import broker_ids


def led(leader: int, *isr: int, recovering: int = 0) -> PartitionState:
    return PartitionState(
        BrokerId(leader),
        LeaderEpoch(7),
        broker_ids(*isr),
        ControllerEpoch(4),
        recovering,
        partition_epoch=PartitionEpoch(3),
    )


def brief(state: PartitionState | None) -> str | None:
    if state is None:
        return None
    assert (state.leader_epoch, state.partition_epoch) == (8, 3), "one leader epoch on, written over what was there"
    recovering = " recovering" if state.recovering else ""
    return f"leader {state.leader} isr {','.join(map(str, state.isr))}{recovering}"


@pytest.mark.parametrize(
    ("current", "live", "unclean", "elected"),
    [
        pytest.param(led(1, 1, 2), {2, 3}, False, "leader 2 isr 2", id="the next that is in sync"),
        pytest.param(led(1, 3, 2, 1), {2, 3}, False, "leader 2 isr 3,2", id="replicas' order counts, not the ISR's"),
        pytest.param(led(1, 1), {2, 3}, False, None, id="nobody in sync lives"),
        pytest.param(led(1, 1), {2, 3}, True, "leader 2 isr 2 recovering", id="nobody in sync lives, and any may lead"),
        pytest.param(led(1, 1, 3), {2, 3}, True, "leader 3 isr 3", id="a clean election comes before an unclean one"),
        pytest.param(led(1, 1), set(), True, None, id="nobody lives"),
    ],
)
def test_after_a_leader_was_lost(
    current: PartitionState, live: set[BrokerId], unclean: bool, elected: str | None
) -> None:
    assert brief(elections.elect_for_offline(broker_ids(1, 2, 3), current, live, unclean=unclean)) == elected


@pytest.mark.parametrize(
    ("current", "live", "elected"),
    [
        (led(2, 2, 1), {1, 2}, "leader 1 isr 2,1"),
        (led(2, 2, 1), {2}, None),
        (led(2, 2), {1, 2}, None),
    ],
    ids=["alive and in sync", "dead", "not in sync"],
)
def test_the_preferred_leader(current: PartitionState, live: set[BrokerId], elected: str | None) -> None:
    assert brief(elections.elect_preferred(broker_ids(1, 2, 3), current, live)) == elected


@pytest.mark.parametrize(
    ("target", "live", "elected"),
    [
        ((4, 5), {1, 4, 5}, "leader 4 isr 1,4,5"),
        ((4, 5), {1, 5}, "leader 5 isr 1,4,5"),
        ((6, 7), {1, 6, 7}, None),
    ],
    ids=["the first of the new", "the first that lives", "none of the new is in sync"],
)
def test_when_replicas_are_reassigned(target: tuple[BrokerId, ...], live: set[BrokerId], elected: str | None) -> None:
    assert brief(elections.elect_for_reassignment(target, led(1, 1, 4, 5), live)) == elected


@pytest.mark.parametrize(
    ("current", "stopping", "elected"),
    [
        (led(1, 1, 2, 3), {1}, "leader 2 isr 2,3"),
        (led(1, 1, 2, 3), {1, 2}, "leader 3 isr 3"),
        (led(1, 1), {1}, None),
        (led(1, 1, 2), {1, 2}, None),
    ],
    ids=["one stops", "two stop", "the last in sync", "all in sync"],
)
def test_before_a_leader_stops(current: PartitionState, stopping: set[BrokerId], elected: str | None) -> None:
    assert (
        brief(
            elections.elect_for_shutdown(
                broker_ids(1, 2, 3), current, {BrokerId(1), BrokerId(2), BrokerId(3)}, stopping
            )
        )
        == elected
    )


@pytest.mark.parametrize(
    ("current", "gone", "left"),
    [
        (led(1, 1, 2), 2, "leader 1 isr 1"),
        (led(1, 1, 2), 1, "leader None isr 2"),
        (led(1, 1), 1, "leader None isr 1"),
        (led(2, 2), 2, "leader None isr 2"),
    ],
    ids=["a follower", "the leader", "the leader alone in sync", "the last in sync stays there"],
)
def test_what_is_left_without_a_replica(current: PartitionState, gone: int, left: str) -> None:
    assert brief(elections.without_replica(current, BrokerId(gone))) == left


def test_a_clean_election_of_a_recovering_leader_leaves_it_recovering() -> None:
    assert (
        brief(elections.elect_preferred(broker_ids(2), led(2, 2, recovering=1), {BrokerId(2)}))
        == "leader 2 isr 2 recovering"
    )
