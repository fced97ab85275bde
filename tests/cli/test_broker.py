"""pk up --brokers 3: each broker has its own process, which is killed, paused, stopped and started alone."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.polling import until
from tests.support.running import PK, RunningCluster, change, listed, pk

THREE = ("--brokers", "3")
TOGETHER_S = 20.0
"""Far more than servers take to stop that wait for nobody, and far less than one would wait for ZooKeeper."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    folder = tmp_path_factory.mktemp("three")
    running = RunningCluster(folder / "data", extra=(*THREE, "--clock", "manual", "--faults"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def three(tmp_path: Path) -> Iterator[RunningCluster]:
    running = RunningCluster(tmp_path / "data", extra=THREE)
    yield running
    running.kill()
    until(lambda: not alive(running.data_dir), "no broker left")


def brokers(cluster: RunningCluster) -> list[dict[str, Any]]:
    return listed(cluster, "broker")


def alive(data_dir: Path) -> list[int]:
    """The processes of a `pk up` and its brokers, as they were started with it."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or ()
        if str(data_dir) in words and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


def addresses(cluster: RunningCluster) -> str:
    return ",".join(each["address"] for each in brokers(cluster))


def test_each_broker_has_a_process_and_a_log(cluster: RunningCluster) -> None:
    assert cluster.process is not None
    found = brokers(cluster)

    pids = [each["pid"] for each in found]
    assert [each["broker"] for each in found] == [0, 1, 2]
    assert {each["state"] for each in found} == {"running"}
    assert len({cluster.process.pid, *pids}) == 4
    assert f"Their processes are {', '.join(map(str, pids))}; " in cluster.said()
    for each in found:
        assert f"broker {each['broker']}" in Path(each["log"]).read_text().lower()


def test_a_broker_that_is_killed_is_reported_and_comes_back_with_its_address_and_data(cluster: RunningCluster) -> None:
    before = brokers(cluster)[1]
    made = pk(
        "topics", "--bootstrap-server", addresses(cluster), "--create", "--topic", "kept", "--replica-assignment", "1"
    )
    sent = pk("console-producer", "--bootstrap-server", addresses(cluster), "--topic", "kept", stdin="one\n")
    assert (made.returncode, sent.returncode) == (0, 0)

    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: "was killed by SIGKILL" in cluster.said(), cluster.said)
    (shown,) = json.loads(pk("status", "--data-dir", str(cluster.data_dir), "--output", "json").stdout)
    again = change(cluster, "broker", 1, "start")
    read = pk(
        "console-consumer", "--bootstrap-server", before["address"], "--topic", "kept", "--partition", "0",
        "--offset", "earliest", "--max-messages", "1",
    )  # fmt: skip

    after = brokers(cluster)[1]
    assert f"Broker 1 (process {before['pid']}) was killed by SIGKILL. `pk broker start 1` starts it" in cluster.said()
    assert Path(before["log"]).read_text().count("broker 1 is registered") == 2
    assert "is not newer" not in cluster.said()  # what the controller sends again to all whenever a broker starts
    assert shown["brokers"][1]["pid"] is None
    assert again == f"Broker 1 is running, in process {after['pid']}\n"
    assert (read.returncode, read.stdout) == (0, "one\n")
    assert {**before, "pid": after["pid"]} == after


def test_what_is_not_running_cannot_be_stopped_and_what_runs_not_started(cluster: RunningCluster) -> None:
    directory = ("--data-dir", str(cluster.data_dir))

    started = pk("broker", "start", "0", *directory)
    missing = pk("broker", "kill", "7", *directory)
    change(cluster, "broker", 2, "stop")
    killed = pk("broker", "kill", "2", *directory)
    change(cluster, "broker", 2, "restart")

    assert "Broker 0 is running, in process" in started.stderr
    assert missing.stderr == "There is no broker 7, only brokers 0 to 2\n"
    assert killed.stderr == "Broker 2 is not running: pk broker start 2 starts it\n"
    assert {each.returncode for each in (started, missing, killed)} == {1}


def test_all_brokers_and_those_that_come_later_have_the_clock_that_is_moved(cluster: RunningCluster) -> None:
    server = ("--bootstrap-server", addresses(cluster))
    settings = ("--config", "retention.ms=1000", "--config", "segment.ms=1000")
    made = pk("topics", *server, "--create", "--topic", "old", "--replica-assignment", "0,1,2", *settings)
    sent = pk("console-producer", *server, "--topic", "old", stdin="".join(f"{n}\n" for n in range(90)))
    assert (made.returncode, sent.returncode) == (0, 0)

    change(cluster, "broker", 1, "kill")
    change(cluster, "broker", 1, "restart")
    for _ in range(2):  # the first closes the segment, and the second deletes it
        moved = pk("clock", "advance", "1h", "--data-dir", str(cluster.data_dir))
        assert moved.returncode == 0, moved.stderr

    ends = pk("get-offsets", *server, "--topic", "old", "--time", "latest").stdout.split()
    until(
        lambda: pk("get-offsets", *server, "--topic", "old", "--time", "earliest").stdout.split() == ends,
        "retention on every broker",
    )
    assert sum(int(each.rpartition(":")[2]) for each in ends) == 90


def test_a_fault_happens_as_often_as_asked_for_on_all_brokers_together(cluster: RunningCluster) -> None:
    directory = ("--data-dir", str(cluster.data_dir))
    server = ("--bootstrap-server", addresses(cluster))
    made = pk("topics", *server, "--create", "--topic", "failing", "--replica-assignment", "0,1,2")
    words = ("Produce", "--error", "TOPIC_AUTHORIZATION_FAILED", "--times", "2")
    asked = pk("fault", *words, *directory)
    change(cluster, "broker", 0, "restart")  # it is asked for of a broker that comes later, too
    assert (made.returncode, asked.returncode) == (0, 0)

    outcomes = [
        pk("console-producer", *server, "--topic", "failing", stdin="".join(f"{n}\n" for n in range(30)))
        for _ in range(3)
    ]

    left = json.loads(pk("fault", *directory, "--output", "json").stdout)
    ends = pk("get-offsets", *server, "--topic", "failing", "--time", "latest").stdout.split()
    assert [each.returncode for each in outcomes].count(1) in (1, 2)  # both may hit requests of one producer
    assert outcomes[-1].returncode == 0
    assert left == []
    assert 0 < sum(int(each.rpartition(":")[2]) for each in ends) < 90


def test_a_paused_broker_answers_nothing_and_leads_nothing_until_it_is_resumed(three: RunningCluster) -> None:
    server = addresses(three)
    made = pk("topics", "--bootstrap-server", server, "--create", "--topic", "t", "--replica-assignment", "1:2:0")
    assert made.returncode == 0, made.stderr

    assert change(three, "broker", 1, "pause") == f"Broker 1 is paused, in process {brokers(three)[1]['pid']}\n"
    sent = pk("console-producer", "--bootstrap-server", server, "--topic", "t", stdin="kept\n")
    leads = pk("topics", "--bootstrap-server", server, "--describe", "--topic", "t").stdout
    change(three, "broker", 1, "resume")

    assert sent.returncode == 0, sent.stderr
    assert "Leader: 2\tReplicas: 1,2,0\tIsr: 2,0" in leads
    until(
        lambda: "Isr: 2,0,1" in pk("topics", "--bootstrap-server", server, "--describe", "--topic", "t").stdout,
        "an ISR with the broker that was paused",
    )


def test_a_paused_controller_keeps_no_producer_waiting(three: RunningCluster) -> None:
    """Whoever asked it for producer ids asks the next one."""
    server = addresses(three)
    found = pk("zookeeper-shell", three.zookeeper, "get", "/controller").stdout
    controller = int(re.findall(r'"brokerid":(\d)', found)[0])
    others = [each for each in (0, 1, 2) if each != controller]
    replicas = ":".join(map(str, [*others, controller]))
    made = pk("topics", "--bootstrap-server", server, "--create", "--topic", "ids", "--replica-assignment", replicas)
    assert made.returncode == 0, made.stderr

    change(three, "broker", controller, "pause")
    sent = pk("console-producer", "--bootstrap-server", server, "--topic", "ids", stdin="kept\n")
    change(three, "broker", controller, "resume")

    assert sent.returncode == 0, sent.stderr


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP])
def test_a_broker_that_is_asked_to_stop_hands_over_first(by: signal.Signals, three: RunningCluster) -> None:
    server = addresses(three)
    made = pk("topics", "--bootstrap-server", server, "--create", "--topic", "t", "--replica-assignment", "1:2:0")
    assert made.returncode == 0, made.stderr

    os.kill(brokers(three)[1]["pid"], by)
    until(lambda: "Broker 1 (process" in three.said(), three.said)
    leads = pk("topics", "--bootstrap-server", server, "--describe", "--topic", "t").stdout

    assert "has stopped. `pk broker start 1` starts it again." in three.said()
    assert "Leader: 2\tReplicas: 1,2,0\tIsr: 2,0" in leads
    assert (three.data_dir / "kafka-1" / ".kafka_cleanshutdown").exists()


@pytest.mark.parametrize("paused", [(), (0,), (0, 1, 2)], ids=["none", "one", "all"])
def test_all_stop_with_pk_up_even_those_that_are_paused(paused: tuple[int, ...], three: RunningCluster) -> None:
    for broker in paused:
        change(three, "broker", broker, "pause")

    begun = time.monotonic()
    status = three.stop(signal.SIGTERM)

    assert status == 0
    assert time.monotonic() - begun < TOGETHER_S
    assert not alive(three.data_dir)
    for logs in ("kafka", "kafka-1", "kafka-2"):
        assert (three.data_dir / logs / ".kafka_cleanshutdown").exists()


@pytest.mark.parametrize("order", [(0, 1, 2, None), (None, 2, 1, 0), (1, None, 0, 2)], ids=str)
def test_servers_that_are_told_to_stop_one_after_another_wait_for_nobody(
    order: tuple[int | None, ...], three: RunningCluster
) -> None:
    assert three.process is not None
    pids = {None: three.process.pid, **{each["broker"]: each["pid"] for each in brokers(three)}}

    begun = time.monotonic()
    for server in order:
        os.kill(pids[server], signal.SIGTERM)
    status = three.stop(signal.SIGTERM)

    assert status == 0
    assert time.monotonic() - begun < TOGETHER_S
    assert not alive(three.data_dir)


@pytest.mark.parametrize("paused", [False, True], ids=["running", "paused"])
def test_brokers_end_in_order_when_pk_up_is_killed(paused: bool, three: RunningCluster) -> None:
    if paused:
        change(three, "broker", 2, "pause")

    three.kill()

    until(lambda: not alive(three.data_dir), "no broker left")
    for logs in ("kafka", "kafka-1", "kafka-2"):
        assert (three.data_dir / logs / ".kafka_cleanshutdown").exists()


def test_a_broker_that_cannot_start_ends_all_with_the_reason(tmp_path: Path) -> None:
    logs = tmp_path / "data" / "kafka-1"
    (tmp_path / "data" / "zookeeper").mkdir(parents=True)
    logs.mkdir()
    (logs / "meta.properties").write_text("version=0\nbroker.id=7\ncluster.id=another\n")

    words = ("--data-dir", str(tmp_path / "data"), "--port", "0", "--zookeeper-port", "0")
    refused = pk("up", *words, *THREE)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "The broker cannot run: " in refused.stderr
    assert str(logs) in refused.stderr
    assert not alive(tmp_path / "data")


def test_the_only_broker_is_listed_and_has_no_process_of_its_own(tmp_path: Path) -> None:
    running = RunningCluster(tmp_path / "data")

    (broker,) = brokers(running)
    shown = pk("broker", "list", "--data-dir", str(tmp_path / "data")).stdout
    refused = pk("broker", "kill", "0", "--data-dir", str(tmp_path / "data"))

    assert running.stop() == 0
    assert refused.returncode == 1
    assert refused.stderr == (
        "The only broker runs in the process of pk up\npk up --brokers 3 gives each its own process.\n"
    )
    assert running.process is not None
    assert (broker["pid"], broker["state"], broker["log"]) == (running.process.pid, "running", None)
    assert shown == f"0\t{running.process.pid}\trunning\t{running.bootstrap}\t-\n"


def test_a_command_has_the_brokers_while_it_runs_and_one_may_die_meanwhile(tmp_path: Path) -> None:
    script = '"$0" broker kill 0 && "$0" topics --list'
    words = ("--data-dir", str(tmp_path / "data"), "--port", "0", "--zookeeper-port", "0", *THREE)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}

    done = pk("up", *words, "--topic", "t:1:3", "--", "sh", "-c", script, PK, env=environment)

    assert (done.returncode, done.stdout) == (0, "Broker 0 is stopped\nt\n")
    assert "was killed by SIGKILL" in done.stderr


def test_ctrl_c_reaches_all_and_is_left_to_pk_up(tmp_path: Path) -> None:
    running = RunningCluster(tmp_path / "data", extra=THREE)
    pids = [each["pid"] for each in brokers(running)]

    for pid in pids:
        os.kill(pid, signal.SIGINT)
    before = brokers(running)
    status = running.stop(signal.SIGINT)

    assert [each["pid"] for each in before] == pids
    assert status == 0
    assert "starts it again" not in running.said()
