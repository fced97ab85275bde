"""Controllers over a ZooKeeper in memory, with brokers that only listen."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes.controlled_cluster import ControlledCluster


@pytest.fixture
async def cluster() -> AsyncIterator[ControlledCluster]:
    """Three brokers; broker 0 is the controller."""
    cluster = ControlledCluster()
    await cluster.start(0, 1, 2)
    cluster.told()
    yield cluster
    await cluster.close()
