"""Many short histories of ensembles of three and five; each seed is one, and replays exactly."""

import pytest

from tests.support.zookeeper.zab_world import Faults, PromiseBroken, World

STEPS = 1500


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("seed", range(40))
def test_one_history_whatever_happens(seed: int, size: int) -> None:
    world = World(seed, size)

    world.run(STEPS)
    world.settle()

    logs = [server.log for server in world.servers.values()]
    assert all(log[: len(world.history)] == world.history for log in logs)
    assert len({server.applied for server in world.servers.values()}) == 1
    assert world.served > 0


def test_a_seed_replays_exactly() -> None:
    first, second = World(7, 5), World(7, 5)

    first.run(STEPS)
    second.run(STEPS)

    assert first.history == second.history
    assert first.leaders == second.leaders


def test_the_histories_are_long_and_have_many_leaders() -> None:
    worlds = [World(seed, 3) for seed in range(40)]
    for world in worlds:
        world.run(STEPS)

    assert sum(len(world.leaders) for world in worlds) > 100
    assert sum(len(world.history) for world in worlds) > 1000


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(Faults(forgets_current_epoch=True), id="forgets currentEpoch"),
        pytest.param(Faults(forgets_accepted_epoch=True), id="forgets acceptedEpoch"),
        pytest.param(Faults(acknowledges_before_flush=True), id="acknowledges before it is flushed"),
        pytest.param(Faults(commits_with=2), id="commits with two of five"),
    ],
)
def test_a_planted_fault_is_found(faults: Faults) -> None:
    def is_found(seed: int) -> bool:
        try:
            World(seed, 5, faults).run(2 * STEPS)
        except PromiseBroken:
            return True
        return False

    assert any(is_found(seed) for seed in range(200))
