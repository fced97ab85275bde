"""pk wait: met, timed out, or refused; what it says meanwhile; and cub, which calls it."""

import json
import os
import pty
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.running import PK, RunningCluster, pk


def wait(bootstrap: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return pk("wait", "--bootstrap-server", bootstrap, *words)


@pytest.fixture(scope="module")
def read_in_part(cluster: RunningCluster) -> str:
    """The address of a cluster with a topic of three records, of which a group has read two."""
    where = ("--bootstrap-server", cluster.bootstrap)
    pk("topics", *where, "--create", "--topic", "awaited", "--partitions", "2")
    pk("console-producer", *where, "--topic", "awaited", stdin="one\ntwo\nthree\n")
    reading = ("--group", "reading", "--from-beginning", "--max-messages", "2")
    consumed = pk("console-consumer", *where, "--topic", "awaited", *reading)
    assert len(consumed.stdout.split()) == 2
    return cluster.bootstrap


def test_conditions_that_are_met(read_in_part: str) -> None:
    words = ("broker", "topic=awaited:2", "records=awaited:3", "group=reading:empty", "lag=reading:1:awaited")

    done = wait(read_in_part, *words)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_file_of_client_properties_may_leave_out_timeouts(read_in_part: str, tmp_path: Path) -> None:
    (tmp_path / "client.properties").write_text("client.id=ci\n")

    done = wait(read_in_part, "broker", "--command-config", str(tmp_path / "client.properties"))

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("broker=2", "1 of 2 brokers registered (0)"),
        ("topic=awaited:3", "2 of 3 partitions"),
        ("topic=unheard", "the topic does not exist"),
        ("records=awaited:4", "3 of 4 records"),
        ("group=unheard", "the group does not exist"),
        ("group=reading:Stable:1", "the group is Empty, with 0 members"),
        ("lag=reading:0", "the lag is 1, above 0; most is in awaited-"),
        ("lag=unheard:9", "the group does not exist"),
    ],
)
def test_a_condition_that_is_not_met(condition: str, reason: str, read_in_part: str) -> None:
    done = wait(read_in_part, "broker", condition, "--timeout", "0")

    assert (done.returncode, done.stdout) == (1, "")
    awaited, timed_out, missing = done.stderr.splitlines()
    assert awaited.startswith(f"Waiting for {condition}: {reason}")
    assert timed_out == "Timed out after 0 s:"
    assert missing.startswith(f"  {condition}: {reason}")


def test_a_document_has_each_condition(read_in_part: str) -> None:
    done = wait(read_in_part, "broker", "topic=unheard", "--timeout", "0", "--output", "json")

    result = json.loads(done.stdout)
    assert (done.returncode, result["met"]) == (1, False)
    assert result["conditions"] == [
        {"condition": "broker", "met": True, "reason": None, "hint": None},
        {"condition": "topic=unheard", "met": False, "reason": "the topic does not exist", "hint": None},
    ]


def test_it_asks_for_no_topic_and_joins_no_group(read_in_part: str) -> None:
    wait(read_in_part, "topic=unmade", "group=unjoined", "--timeout", "0")

    where = ("--bootstrap-server", read_in_part)
    assert "unmade" not in pk("topics", *where, "--list").stdout.split()
    assert "unjoined" not in pk("consumer-groups", *where, "--list").stdout.split()


def test_it_may_begin_before_there_is_a_cluster(tmp_path: Path) -> None:
    port = free_port()
    waiting = subprocess.Popen(
        [PK, "wait", "--bootstrap-server", f"127.0.0.1:{port}"], stderr=subprocess.PIPE, text=True
    )
    assert waiting.stderr
    assert "connection refused" in waiting.stderr.readline()

    cluster = RunningCluster(tmp_path / "data", ports=(port, 0))
    try:
        assert waiting.wait(timeout=120) == 0
    finally:
        cluster.stop()
        waiting.stderr.close()


def test_what_nobody_listens_to_is_named_with_what_would_help() -> None:
    done = wait(f"127.0.0.1:{free_port()}", "--timeout", "3s")

    assert done.returncode == 1
    assert "  broker: cannot connect to 127.0.0.1:" in done.stderr
    assert "`pk up` starts one" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("broker=none",),
        ("--timeout", "soon"),
        ("--nonsense",),
        ("--command-config", "/absent.properties"),
    ],
)
def test_a_command_line_that_is_wrong(words: tuple[str, ...]) -> None:
    done = wait("127.0.0.1:1", *words)

    assert (done.returncode, done.stdout) == (2, "")
    assert words[-1].strip("-") in done.stderr


def test_a_terminal_sees_one_line_which_is_taken_away(cluster: RunningCluster) -> None:
    leader, follower = pty.openpty()
    seen = bytearray()

    def read() -> None:
        try:
            while chunk := os.read(leader, 4096):
                seen.extend(chunk)
        except OSError:  # the end of a terminal
            pass

    reading = threading.Thread(target=read)
    reading.start()
    words = [PK, "wait", "--bootstrap-server", cluster.bootstrap, "topic=unheard", "--timeout", "5s"]
    done = subprocess.run(words, stderr=follower, check=False)
    os.close(follower)
    reading.join()
    os.close(leader)

    assert done.returncode == 1
    line, *again, end = seen.decode().removeprefix("\r\x1b[K").split("\r\x1b[K")
    assert {line, *again} == {"Waiting for topic=unheard: the topic does not exist"}
    assert end.startswith("Timed out after 5 s:")


def test_cub_waits_for_brokers(cluster: RunningCluster, tmp_path: Path) -> None:
    installed = pk("scripts", "install", str(tmp_path))
    cub = str(tmp_path / "cub")

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([cub, *words], capture_output=True, text=True, check=False)

    assert "cub kafka-ready" in installed.stdout
    assert run("kafka-ready", "-b", cluster.bootstrap, "1", "60").returncode == 0
    assert run("kafka-ready", "2", "0", "-b", cluster.bootstrap).returncode == 1
    assert "pk has kafka-ready" in run("zk-ready", "localhost:2181", "1").stderr
    assert "needs -b HOST:PORT" in run("kafka-ready", "1", "60").stderr
    assert "instead of ZooKeeper" in run("kafka-ready", "-z", "localhost:2181", "1", "60").stderr
