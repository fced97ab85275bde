"""`pk up --clock manual` and `pk clock`: what waits for days, without waiting."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.support.polling import until
from tests.support.running import RunningCluster, pk

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    running = RunningCluster(tmp_path_factory.mktemp("up") / "d", extra=("--brokers", "3", "--clock", "manual"))
    yield running
    running.stop()


def advance(cluster: RunningCluster, time: str) -> int:
    """What time it is then, in ms since the epoch."""
    moved = pk("clock", "advance", time, "--data-dir", str(cluster.data_dir), "--output", "json")
    assert moved.returncode == 0, moved.stderr
    now_ms: int = json.loads(moved.stdout)["now_ms"]
    return now_ms


def test_only_this_user_can_reach_the_control_socket(cluster: RunningCluster) -> None:
    assert (cluster.data_dir / "control.socket").stat().st_mode & 0o777 == 0o600


def test_retention_and_groups_expire_at_once_and_brokers_stay(cluster: RunningCluster) -> None:
    where = ("--bootstrap-server", cluster.bootstrap)
    pk("topics", *where, "--create", "--topic", "kept", "--replication-factor", "3")
    pk("console-producer", *where, "--topic", "kept", stdin="1\n2\n3\n")
    read = pk("console-consumer", *where, "--topic", "kept", "--group", "g", "--from-beginning", "--max-messages", "3")
    assert read.stdout == "1\n2\n3\n"
    before = advance(cluster, "0")

    after = advance(cluster, "8d")

    assert 8 * DAY_MS <= after - before < 9 * DAY_MS
    assert pk("get-offsets", *where, "--topic", "kept", "--time", "earliest").stdout == "kept:0:3\n"
    assert pk("consumer-groups", *where, "--list").stdout.strip() == ""
    described = pk("topics", *where, "--describe", "--under-replicated-partitions")
    assert (described.returncode, described.stdout) == (0, "")
    assert pk("wait", *where, "broker=3", "--timeout", "0").returncode == 0


def test_a_transaction_that_is_left_open_is_aborted(cluster: RunningCluster) -> None:
    pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", "left-open")
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "transactional.id": "forgetful"})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce("left-open", b"never committed")
    producer.flush()

    advance(cluster, "2m")

    def state() -> str:
        words = ("--bootstrap-server", cluster.bootstrap, "describe", "--transactional-id", "forgetful")
        return pk("transactions", *words).stdout

    until(lambda: "CompleteAbort" in state(), "the transaction is still open")


def test_time_goes_forward_only_where_it_may_be_moved(tmp_path: Path, cluster: RunningCluster) -> None:
    rejected = pk("clock", "advance", "yesterday", "--data-dir", str(cluster.data_dir))
    assert (rejected.returncode, rejected.stderr) == (2, "'yesterday' is not a duration such as 500ms, 60s or 2m\n")

    rejected = pk("clock", "advance", "999999d", "--data-dir", str(cluster.data_dir))
    assert (rejected.returncode, rejected.stderr) == (
        1,
        "The clock cannot be moved by 999999 days, only forward and by up to 100 years\n",
    )

    other = RunningCluster(tmp_path / "d")
    rejected = pk("clock", "advance", "1d", "--data-dir", str(other.data_dir))
    other.stop()

    assert rejected.returncode == 1
    assert rejected.stderr.startswith(f"The servers with data in {other.data_dir} cannot be controlled: No such file")
    assert "--clock manual" in rejected.stderr
