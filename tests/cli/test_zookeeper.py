"""pk up --zookeepers 3: each ZooKeeper has its own process, which is killed, paused, stopped and started alone."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.polling import until
from tests.support.running import RunningCluster, change, listed, pk


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    running = RunningCluster(tmp_path_factory.mktemp("three") / "data", extra=("--zookeepers", "3"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[RunningCluster]:
    running = RunningCluster(tmp_path / "data", extra=("--zookeepers", "1"))
    yield running
    assert running.stop() == 0


def zookeepers(cluster: RunningCluster) -> list[dict[str, Any]]:
    return listed(cluster, "zookeeper")


def modes(cluster: RunningCluster) -> list[str | None]:
    return [each["mode"] for each in zookeepers(cluster)]


def all_serve(cluster: RunningCluster) -> None:
    until(lambda: sorted(map(str, modes(cluster))) == ["follower", "follower", "leader"], lambda: str(modes(cluster)))


def create(cluster: RunningCluster, topic: str) -> None:
    made = pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", topic)
    assert (made.returncode, made.stdout) == (0, f"Created topic {topic}.\n"), made.stderr


def test_a_leader_that_is_killed_is_reported_and_comes_back_with_its_port_and_data(ensemble: RunningCluster) -> None:
    all_serve(ensemble)
    leader = modes(ensemble).index("leader") + 1
    before = zookeepers(ensemble)[leader - 1]

    os.kill(before["pid"], signal.SIGKILL)
    until(
        lambda: f"ZooKeeper {leader} (process {before['pid']}) was killed by SIGKILL." in ensemble.said(), ensemble.said
    )
    create(ensemble, "without-the-leader")
    (shown,) = json.loads(pk("status", "--data-dir", str(ensemble.data_dir), "--output", "json").stdout)
    said = change(ensemble, "zookeeper", leader, "start")

    until(lambda: modes(ensemble)[leader - 1] == "follower", lambda: str(modes(ensemble)))
    after = zookeepers(ensemble)[leader - 1]
    assert f"`pk zookeeper start {leader}` starts it again." in ensemble.said()
    assert f"ZooKeeper {leader} runs again, in process {after['pid']}" in ensemble.said()
    assert shown["zookeepers"][leader - 1]["pid"] is None
    assert said == f"ZooKeeper {leader} is running, in process {after['pid']}\n"
    assert {**before, "pid": after["pid"], "mode": after["mode"]} == after
    read = pk("zookeeper-shell", after["address"], "ls", "/brokers/topics")
    assert "without-the-leader" in read.stdout


def test_a_paused_server_answers_nothing_until_it_is_resumed(ensemble: RunningCluster) -> None:
    all_serve(ensemble)
    follower = modes(ensemble).index("follower") + 1

    said = change(ensemble, "zookeeper", follower, "pause")
    paused = zookeepers(ensemble)[follower - 1]
    create(ensemble, "without-a-follower")
    change(ensemble, "zookeeper", follower, "resume")

    assert said == f"ZooKeeper {follower} is paused, in process {paused['pid']}\n"
    assert (paused["state"], paused["mode"]) == ("paused", None)
    all_serve(ensemble)


def test_without_a_majority_one_starts_and_looks_for_a_leader_until_another_does(ensemble: RunningCluster) -> None:
    all_serve(ensemble)
    for number in (1, 2, 3):
        change(ensemble, "zookeeper", number, "kill")
    stopped = zookeepers(ensemble)

    change(ensemble, "zookeeper", 1, "start")
    until(lambda: modes(ensemble) == ["looking", None, None], lambda: str(modes(ensemble)))
    change(ensemble, "zookeeper", 2, "start")
    change(ensemble, "zookeeper", 3, "start")

    assert {each["state"] for each in stopped} == {"stopped"}
    all_serve(ensemble)
    assert change(ensemble, "zookeeper", 3, "restart").startswith("ZooKeeper 3 is running, in process ")
    all_serve(ensemble)
    create(ensemble, "after-all")


def test_what_is_not_running_cannot_be_stopped_and_what_runs_not_started(ensemble: RunningCluster) -> None:
    directory = ("--data-dir", str(ensemble.data_dir))

    started = pk("zookeeper", "start", "1", *directory)
    missing = pk("zookeeper", "kill", "7", *directory)
    said = change(ensemble, "zookeeper", 2, "stop")
    killed = pk("zookeeper", "kill", "2", *directory)
    change(ensemble, "zookeeper", 2, "start")

    assert "ZooKeeper 1 is running, in process" in started.stderr
    assert missing.stderr == "There is no ZooKeeper 7, only ZooKeepers 1 to 3\n"
    assert said == "ZooKeeper 2 is stopped\n"
    assert killed.stderr == "ZooKeeper 2 is not running: pk zookeeper start 2 starts it\n"
    assert {each.returncode for each in (started, missing, killed)} == {1}


def test_all_stop_with_pk_up_even_those_that_are_paused(tmp_path: Path) -> None:
    running = RunningCluster(tmp_path / "data", extra=("--zookeepers", "3"))
    change(running, "zookeeper", 1, "pause")
    change(running, "zookeeper", 2, "pause")

    assert running.stop(signal.SIGTERM) == 0


def test_a_lone_server_with_its_own_process_is_killed_and_brought_back(lone: RunningCluster) -> None:
    create(lone, "kept")
    (before,) = zookeepers(lone)

    change(lone, "zookeeper", 1, "kill")
    fetched = pk("get-offsets", "--bootstrap-server", lone.bootstrap, "--topic", "kept", timeout=120)
    change(lone, "zookeeper", 1, "start")

    until(lambda: modes(lone) == ["standalone"], lambda: str(modes(lone)))
    (after,) = zookeepers(lone)
    assert fetched.stdout == "kept:0:0\n"  # brokers serve what they lead without ZooKeeper
    assert {**before, "pid": after["pid"], "mode": "standalone"} == after
    assert before["data_dir"] == str(lone.data_dir / "zookeeper")
    create(lone, "after")


def test_the_only_server_in_the_process_of_pk_up_is_listed_and_cannot_be_killed_alone(tmp_path: Path) -> None:
    running = RunningCluster(tmp_path / "data")

    (server,) = zookeepers(running)
    shown = pk("zookeeper", "list", "--data-dir", str(tmp_path / "data")).stdout
    refused = pk("zookeeper", "kill", "1", "--data-dir", str(tmp_path / "data"))

    assert running.stop() == 0
    assert refused.returncode == 1
    assert refused.stderr == (
        "The only ZooKeeper runs in the process of pk up\npk up --zookeepers 1 gives it its own, 3 an ensemble.\n"
    )
    assert running.process is not None
    assert server == {
        "zookeeper": 1, "address": running.zookeeper, "data_dir": str(tmp_path / "data" / "zookeeper"),
        "pid": running.process.pid, "log": None, "state": "running", "mode": "standalone",
    }  # fmt: skip
    assert shown == f"1\t{running.process.pid}\trunning\tstandalone\t{running.zookeeper}\t-\n"
