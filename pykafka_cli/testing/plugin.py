"""The pytest plugin: Kafka as fixtures.

    def test_orders(pk_kafka, pk_topic):
        pk_kafka.produce(pk_topic, "one")
        assert pk_kafka.records(pk_topic, 1)[0].text == "one"

pytest imports this module at every start, so it imports nothing else before a fixture is used.

Each process of pytest-xdist that needs a server starts one: that takes a few tenths of a second, in all processes at
once, and no test sees the moved clock, the faults or the log of another process.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pykafka_cli.testing.cluster import Cluster
    from pykafka_cli.testing.kafka import Kafka

BOOTSTRAP_OPTION, CONFIG_OPTION = "--pk-bootstrap", "--pk-command-config"
TOPIC_MARKER = "pk_topic"
LONGEST_LOG = 20_000
"""Maximum number of characters of the log, the last ones, in a report."""

_servers: list[tuple["Kafka", int]] = []
"""Clusters of this process, and where their logs ended when the current test began."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pk", "Kafka (pk)")
    group.addoption(
        BOOTSTRAP_OPTION, metavar="HOST:PORT", help="Test against this Kafka cluster instead of starting one."
    )
    group.addoption(
        CONFIG_OPTION, metavar="FILE", help="Properties file for clients of that cluster, as for Kafka's scripts."
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"{TOPIC_MARKER}(partitions, replication_factor, configs): properties of this test's topic."
    )


@pytest.fixture(scope="session")
def pk_kafka(request: pytest.FixtureRequest) -> Iterator["Cluster"]:
    """A Kafka cluster for all tests: `.bootstrap_servers` is what clients connect to."""
    config = request.config
    address = config.getoption(BOOTSTRAP_OPTION)
    if address:
        from pykafka_cli.testing.external import SkippingCluster

        with SkippingCluster(address, config.getoption(CONFIG_OPTION)) as cluster:
            yield cluster
        return
    if config.getoption(CONFIG_OPTION):
        raise pytest.UsageError(f"{CONFIG_OPTION} is for the cluster that {BOOTSTRAP_OPTION} names")
    with _started() as kafka:
        yield kafka


@pytest.fixture
def pk_topic(pk_kafka: "Cluster", request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a topic for this test alone; `@pytest.mark.pk_topic(partitions=3)` sets its properties."""
    marker = request.node.get_closest_marker(TOPIC_MARKER)
    name = pk_kafka.new_topic(request.node.name, **(marker.kwargs if marker else {}))
    yield name
    if request.config.getoption(BOOTSTRAP_OPTION):  # our own cluster is deleted as a whole
        pk_kafka.delete_topic(name)


@pytest.fixture
def pk_cluster(request: pytest.FixtureRequest) -> Iterator[Callable[..., "Kafka"]]:
    """Starts clusters for this test alone: `pk_cluster(brokers=3, overrides={...}, security=Security(...))`."""
    if request.config.getoption(BOOTSTRAP_OPTION):
        pytest.skip(f"this test starts its own clusters, but {BOOTSTRAP_OPTION} chooses a running one")
    from contextlib import ExitStack

    with ExitStack() as running:
        yield lambda **settings: running.enter_context(_started(**settings))


def _started(**settings: Any) -> Any:
    from contextlib import contextmanager

    from pykafka_cli.testing.kafka import Kafka

    @contextmanager
    def running() -> Iterator[Kafka]:
        with Kafka(**settings) as kafka:
            entry = kafka, 0
            _servers.append(entry)
            try:
                yield kafka
            finally:
                _servers[:] = [each for each in _servers if each[0] is not kafka]

    return running()


def pytest_runtest_setup() -> None:
    _servers[:] = [(kafka, kafka.log_end) for kafka, _ in _servers]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Any:
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for kafka, position in _servers:
            if text := kafka.log_since(position):
                title = f"Kafka log, {kafka.bootstrap_servers}, during {call.when}"
                report.sections.append((title, text[-LONGEST_LOG:]))
