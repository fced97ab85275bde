"""Fixtures for tests that need a running cluster."""

import gc
import logging
import os
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.ports import free_port
from tests.support.running import RunningCluster

pytest_plugins = ["tests.support.skipped", "tests.support.left_running", "tests.support.garbage"]

# Being busy is no failure.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# A shell ignores SIGINT for what it starts in the background, nohup SIGHUP, and children inherit that; tests send both.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among thousands of tests, which are there to stay: it takes longer than to find the tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _nobodys_clusters(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Commands under test talk to no cluster that whoever runs the tests has named."""
    for variable in ("PK_BOOTSTRAP_SERVER", "PK_CLUSTER"):
        os.environ.pop(variable, None)
    os.environ["PK_CONFIG"] = str(tmp_path_factory.mktemp("no-clusters") / "config.yaml")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """What a test has servers log is not logged by the tests after it."""
    loggers = [logging.getLogger(name) for name in (None, "pykafka_cli", "kafka")]
    before = [(logger.level, logger.handlers[:], logger.propagate) for logger in loggers]
    yield
    for logger, (level, handlers, propagate) in zip(loggers, before, strict=True):
        if logger.level != level:  # to set it costs a look at all loggers
            logger.setLevel(level)
        logger.handlers[:], logger.propagate = handlers, propagate


@pytest.fixture
def unused_tcp_port() -> int:
    """Unlike the plugin's, a port that no server gets meanwhile that lets the kernel choose one."""
    return free_port()


@pytest.fixture(scope="session")
def unused_tcp_port_factory() -> Callable[[], int]:
    return free_port


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
