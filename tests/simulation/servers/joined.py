"""Whole brokers on an ensemble of ZooKeeper servers, both with faults."""

from collections.abc import Collection

from tests.simulation.scene import Outcome
from tests.simulation.servers import run


def simulate(seed: int, without: Collection[str] = ()) -> Outcome:
    """Run one seed, as servers.run does it."""
    return run.simulate(seed, without, on_ensemble=True)


def shrunk(seed: int) -> list[str]:
    """The kinds of faults that a seed which fails needs to fail."""
    return run.shrunk(seed, on_ensemble=True)
