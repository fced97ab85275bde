"""pk graduate, in this process, on directories that no server has to be started for."""

import json
from pathlib import Path

import pytest

from pykafka_cli.cli import run
from pykafka_cli.model import TopicPartition
from tests.support.logs import append
from tests.support.running import RunningCluster, pk
from tests.support.stopped_clusters import TOPIC_ID, StoppedCluster


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A data directory with 10 records in topic orders."""
    cluster = StoppedCluster(tmp_path / "data")
    cluster.put_topic("orders", {0: (0,)})
    cluster.save()
    logs = cluster.logs()
    await logs.start()
    log = logs.get_or_create(TopicPartition("orders", 0), TOPIC_ID, is_new=True)
    for _ in range(10):
        append(log, b"a")
    await logs.shutdown()
    return tmp_path / "data"


def test_it_says_what_is_there_and_what_to_type_next(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["graduate", str(data), "--to", str(tmp_path / "kafka")]) == 0

    said, complained = capsys.readouterr()
    assert "10 records in 1 partition of 1 topic\n" in said
    assert f"bin/kafka-server-start.sh -daemon {tmp_path}/kafka/server.properties" in said
    assert complained == ""
    assert {each.name for each in (tmp_path / "kafka").iterdir()} == {
        "README.md",
        "kafka-4",
        "server.properties",
        "zookeeper.properties",
    }


def test_ports_are_those_asked_for(data: Path, tmp_path: Path) -> None:
    assert run(["graduate", str(data), "--to", str(tmp_path / "k"), "--port", "1234", "--zookeeper-port", "1235"]) == 0

    server, zookeeper = ((tmp_path / "k" / f"{name}.properties").read_text() for name in ("server", "zookeeper"))
    assert "advertised.listeners=PLAINTEXT://127.0.0.1:1234\n" in server
    assert "zookeeper.connect=127.0.0.1:1235\n" in server
    assert "clientPort=1235\n" in zookeeper


def test_without_a_target_it_only_looks(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(data.parent.rglob("*"))

    assert run(["graduate", str(data), "--output", "json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["topics"] == [
        {"name": "orders", "partitions": 1, "records": 10, "bytes": document["brokers"][0]["bytes"]}
    ]
    assert document["files"] == []
    assert sorted(data.parent.rglob("*")) == before


def test_servers_that_were_started_one_by_one_are_known_by_their_files(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data)
    (tmp_path / "server").write_text("broker.id=0\nlog.dirs=kafka\nzookeeper.connect=zoo:1\nnum.partitions=7\n")
    (tmp_path / "zoo").write_text("dataDir=zookeeper\nclientPort=1\ntickTime=500\n")
    files = ["--server-properties", str(tmp_path / "server"), "--zookeeper-properties", str(tmp_path / "zoo")]

    assert run(["graduate", *files, "--to", str(tmp_path / "kafka")]) == 0

    server = (tmp_path / "kafka/server.properties").read_text()
    assert f"log.dirs={data}/kafka\n" in server
    assert "num.partitions=7\n" in server
    assert f"dataDir={data}/zookeeper\n" in (tmp_path / "kafka/zookeeper.properties").read_text()


def test_a_directory_of_something_else_is_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["graduate", str(tmp_path), "--to", str(tmp_path / "kafka")]) == 1

    assert "is not a data directory of `pk up`: it has no kafka/meta.properties" in capsys.readouterr().err
    assert not (tmp_path / "kafka").exists()


def test_it_has_to_be_said_which_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["graduate"]) == 2

    assert "Give the --data-dir of `pk up`, or both" in capsys.readouterr().err


def test_a_target_that_has_something_in_it_is_rejected(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kafka").mkdir()
    assert run(["graduate", str(data), "--to", str(tmp_path / "kafka")]) == 0, "an empty one will do"

    assert run(["graduate", str(data), "--to", str(tmp_path / "kafka")]) == 1

    assert "exists and is not empty" in capsys.readouterr().err


def test_a_target_inside_of_the_data_is_rejected(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["graduate", str(data), "--to", str(data / "kafka/new")]) == 1

    assert "which must not be changed" in capsys.readouterr().err


def test_all_problems_are_reported_at_once_and_nothing_is_written(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "kafka/orders-0").rename(data / "kafka/stray-0")

    assert run(["graduate", str(data), "--to", str(tmp_path / "kafka")]) == 1

    complaint = capsys.readouterr().err
    assert "orders-0: broker 0 has a replica according to ZooKeeper" in complaint
    assert "stray-0: ZooKeeper has no such partition" in complaint
    assert not (tmp_path / "kafka").exists()


def test_a_running_cluster_is_rejected_and_not_disturbed(cluster: RunningCluster) -> None:
    refused = pk("graduate", str(cluster.data_dir))

    assert refused.returncode == 1
    assert "is in use" in refused.stderr
    assert pk("topics", "--bootstrap-server", cluster.bootstrap, "--list").returncode == 0


def test_several_brokers_are_found(tmp_path: Path) -> None:
    running = RunningCluster(tmp_path / "data", extra=("--brokers", "3"))
    wanted = ("--create", "--topic", "t", "--replication-factor", "3")
    created = pk("topics", "--bootstrap-server", running.bootstrap, *wanted)
    assert (created.returncode, running.stop()) == (0, 0)

    done = pk("graduate", str(tmp_path / "data"), "--to", str(tmp_path / "kafka"), "--port", "4000")

    assert (done.returncode, done.stderr) == (0, "")
    listeners = [f"PLAINTEXT://127.0.0.1:{port}" for port in (4000, 4001, 4002)]
    for number, listener in enumerate(listeners):
        assert f"advertised.listeners={listener}\n" in (tmp_path / f"kafka/server-{number}.properties").read_text()
