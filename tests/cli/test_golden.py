"""`pk` prints what Kafka's own scripts printed, case by case, against our own broker and ZooKeeper.

Where PK_GOLDEN_BOOTSTRAP, PK_GOLDEN_ZOOKEEPER and PK_GOLDEN_LOGDIR name a fresh cluster of somebody else's, such as
Apache Kafka's, and its log directory, the cases are run against that.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.golden.cases import ALONE, CASES, GOLDEN, SHARED
from tests.support.golden.comparison import disagreements
from tests.support.golden.runs import Addresses
from tests.support.running import RunningCluster

GIVEN_BOOTSTRAP, GIVEN_ZOOKEEPER, GIVEN_LOGDIR = "PK_GOLDEN_BOOTSTRAP", "PK_GOLDEN_ZOOKEEPER", "PK_GOLDEN_LOGDIR"


def given_cluster() -> Addresses | None:
    """A cluster that whoever runs the tests has started."""
    if GIVEN_BOOTSTRAP not in os.environ:
        return None
    return Addresses(os.environ[GIVEN_BOOTSTRAP], os.environ[GIVEN_ZOOKEEPER], os.environ.get(GIVEN_LOGDIR))


def addresses_of(cluster: RunningCluster) -> Addresses:
    return Addresses(cluster.bootstrap, cluster.zookeeper, str(cluster.data_dir / "kafka"))


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A cluster for the cases that can share one."""
    if given := given_cluster():
        yield given
        return
    cluster = RunningCluster(tmp_path_factory.mktemp("golden") / "data")
    yield addresses_of(cluster)
    cluster.stop()


@pytest.fixture
def own_addresses(request: pytest.FixtureRequest) -> Addresses:
    """A cluster for one case."""
    if given := given_cluster():
        return given
    cluster: RunningCluster = request.getfixturevalue("fresh_cluster")
    return addresses_of(cluster)


@pytest.mark.parametrize("name", SHARED)
def test_pk_prints_what_the_script_printed(name: str, addresses: Addresses, tmp_path: Path) -> None:
    assert not list(played(name, addresses, tmp_path))


@pytest.mark.parametrize("name", ALONE)
def test_pk_prints_what_the_script_printed_of_a_whole_cluster(
    name: str, own_addresses: Addresses, tmp_path: Path
) -> None:
    assert not list(played(name, own_addresses, tmp_path))


def played(name: str, addresses: Addresses, folder: Path) -> Iterator[str]:
    return disagreements(GOLDEN / name, CASES[name], addresses, folder)
