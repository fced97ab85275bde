"""Elections on networks that lose, delay and reorder messages, and that are cut in one direction."""

import pytest

from pykafka_cli.zookeeper.ensemble.notifications import ServerState
from tests.simulation.elections import elect, leaders_by_quorum

SEEDS = range(40)
SIZES = (3, 5)


@pytest.mark.parametrize("servers", SIZES)
@pytest.mark.parametrize("crashes", [False, True], ids=["no crashes", "crashes"])
def test_once_faults_end_all_follow_one_leader(servers: int, crashes: bool) -> None:
    for seed in SEEDS:
        states = elect(seed, servers, crashes=crashes).states
        leaders = {leader for _, leader in states.values()}
        assert len(leaders) == 1, f"seed {seed}: {states}"
        assert sorted(state for state, _ in states.values()) == [
            *[ServerState.FOLLOWING] * (servers - 1),
            ServerState.LEADING,
        ], f"seed {seed}: {states}"


@pytest.mark.parametrize("servers", SIZES)
@pytest.mark.parametrize("crashes", [False, True], ids=["no crashes", "crashes"])
def test_no_leader_lacks_what_a_quorum_has_acknowledged(servers: int, crashes: bool) -> None:
    assert [elect(seed, servers, crashes=crashes).ahead for seed in SEEDS] == [[]] * len(SEEDS)


@pytest.mark.parametrize("servers", SIZES)
def test_a_quorum_elects_at_most_one_leader_in_a_round(servers: int) -> None:
    decided = 0
    for seed in SEEDS:
        leaders = leaders_by_quorum(elect(seed, servers, crashes=False), servers)
        decided += len(leaders)
        assert all(len(ids) == 1 for ids in leaders.values()), f"seed {seed}: {leaders}"
    assert decided > len(SEEDS)
