"""`pk` prints what the scripts of Apache Kafka 4.3.1 printed, case by case, against a broker of that version.

Where PK_GOLDEN_4_BOOTSTRAP and PK_GOLDEN_4_CONTROLLER name a cluster that runs already, the cases use that one.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.golden.cases import GOLDEN, load_case
from tests.support.golden.comparison import disagreements
from tests.support.golden.runs import Addresses
from tests.support.kafka_4 import Kafka4
from tests.support.running import pk

FOLDER = GOLDEN / "kafka-4.3"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
GIVEN_BOOTSTRAP, GIVEN_CONTROLLER = "PK_GOLDEN_4_BOOTSTRAP", "PK_GOLDEN_4_CONTROLLER"
ZOOKEEPER = "127.0.0.1:1"
"""No case names it."""


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    if GIVEN_BOOTSTRAP in os.environ:
        yield Addresses(os.environ[GIVEN_BOOTSTRAP], ZOOKEEPER, controller=os.environ[GIVEN_CONTROLLER])
        return
    server = Kafka4(tmp_path_factory.mktemp("kafka-4"))
    server.start()
    yield Addresses(server.bootstrap, ZOOKEEPER, controller=server.controller)
    server.kill()


@pytest.mark.parametrize("name", CASES)
def test_pk_prints_what_the_script_of_kafka_4_printed(name: str, addresses: Addresses, tmp_path: Path) -> None:
    assert not list(disagreements(FOLDER / name, load_case(FOLDER / f"{name}.yaml"), addresses, tmp_path))


def test_a_share_group_is_shown_in_every_form(addresses: Addresses) -> None:
    connection = ("--bootstrap-server", addresses.bootstrap)
    assert pk("topics", *connection, "--create", "--topic", "shared", "--partitions", "1").returncode == 0
    reset = ("--reset-offsets", "--to-earliest", "--group", "sharing", "--topic", "shared", "--execute")
    assert pk("share-groups", *connection, *reset).returncode == 0

    described = {
        form: pk("share-groups", *connection, "--describe", "--group", "sharing", "--output", form).stdout
        for form in ("kafka", "table", "json")
    }

    assert json.loads(described["json"])[0]["partitions"] == [
        {"topic": "shared", "partition": 0, "leader_epoch": 0, "start_offset": 0, "lag": 0}
    ]
    assert all("shared" in text for text in described.values())
