"""Some seeds of the simulation of brokers on ensembles, and those that have failed."""

import pytest

from tests.simulation.servers.joined import simulate


@pytest.mark.parametrize("seed", range(4))
def test_brokers_on_an_ensemble_stand_the_faults_of_a_seed(seed: int) -> None:
    assert simulate(seed).faults == []


@pytest.mark.parametrize("seed", [4])
def test_a_seed_that_failed_once_passes(seed: int) -> None:
    """4: a reassignment removed the leader that the one before had added."""
    assert simulate(seed).faults == []
