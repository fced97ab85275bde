"""Fixtures for tests that need a running cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningCluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    """One broker and its ZooKeeper, shared by all tests; each uses topics and groups of its own."""
    running = RunningCluster(tmp_path_factory.mktemp("cluster") / "data")
    yield running
    assert running.stop() == 0


@pytest.fixture
def fresh_cluster(tmp_path: Path) -> Iterator[RunningCluster]:
    """One broker and its ZooKeeper, empty, for one test."""
    running = RunningCluster(tmp_path / "data")
    yield running
    running.stop()
