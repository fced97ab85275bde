"""pk up --detach, pk status and pk down; and docs/ci.md, whose script is run."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.pages import DOCS, files_of
from tests.support.polling import until
from tests.support.running import PK

AMONG_OWN_PROCESSES = """
import contextlib, os
import psutil
from pykafka_cli.servers import stopping

all_processes = stopping.processes

def own_processes():
    for pid, words in all_processes():
        with contextlib.suppress(psutil.Error):
            if psutil.Process(pid).environ().get("XDG_RUNTIME_DIR") == os.environ["XDG_RUNTIME_DIR"]:
                yield pid, words

stopping.processes = own_processes

from pykafka_cli.__main__ import main
main()
"""

FREE = ("--port", "0", "--zookeeper-port", "0")


class Machine:
    """Where no other `pk up` can be found."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(directory / "run")}

    def pk(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self.run(PK, *words)

    def stop_servers(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """`pk server-stop`, which finds no servers of other tests; its signal harms none."""
        return self.run("env", "SIGNAL=0", sys.executable, "-c", AMONG_OWN_PROCESSES, "server-stop", *words)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            words, capture_output=True, text=True, timeout=120, env=self.environment, cwd=self.directory, check=False
        )

    def left_by_servers(self) -> set[str]:
        """The ids of the processes about which there are files."""
        return {file.stem for file in (self.directory / "run").glob("*/*")}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    for each in json.loads(machine.pk("status", "--output", "json").stdout or "[]"):
        machine.pk("down", "--data-dir", each["data_dir"])


def test_what_a_killed_pk_up_left_about_itself_is_removed_by_the_next_one(machine: Machine) -> None:
    """Of its data, any other `pk up` of the machine may remove what is left."""
    state = json.loads(machine.pk("up", "--detach", "--ephemeral", *FREE, "--output", "json").stdout)
    assert Path(state["data_dir"]).exists()
    os.kill(state["pid"], signal.SIGKILL)
    until(lambda: not psutil.pid_exists(state["pid"]), "it runs")
    assert machine.left_by_servers() == {str(state["pid"])}

    next_state = json.loads(machine.pk("up", "--detach", "--ephemeral", *FREE, "--output", "json").stdout)

    assert not Path(state["data_dir"]).exists()
    assert machine.left_by_servers() == {str(next_state["pid"])}


def test_a_misspelled_override_is_reported_where_the_servers_are_started(machine: Machine) -> None:
    started = machine.pk("up", "--detach", "--ephemeral", *FREE, "--override", "num.partition=2", "--output", "json")

    assert json.loads(started.stdout)["brokers"]
    assert started.stderr == "--override: unknown key num.partition is ignored; did you mean num.partitions?\n"


def test_servers_without_a_terminal_are_started_shown_and_stopped(machine: Machine) -> None:
    started = machine.pk("up", "--detach", *FREE, "--topic", "t:2", "--ready-file", "ready", "--output", "json")
    state = json.loads(started.stdout)
    ready = json.loads((machine.directory / "ready").read_text())
    shown = json.loads(machine.pk("status", "--output", "json").stdout)
    waited = machine.pk("wait", "--bootstrap-server", state["bootstrap_servers"], "topic=t:2", "--timeout", "0")
    meant, left = (machine.stop_servers(*words) for words in ((), ("--node-id", "0")))
    stopped = machine.pk("down", "--output", "json")

    assert (started.returncode, started.stderr) == (0, "")
    assert [state] == shown == [ready]
    assert state["data_dir"] == str(machine.directory / "data")
    assert waited.returncode == 0
    assert json.loads(stopped.stdout) == state
    assert f"Sent signal 0 to process {state['pid']}: " in meant.stderr
    command = f"pk down --data-dir {machine.directory}/data"
    assert f"Process {state['pid']} is a pk up, which is not stopped: {command} stops it\n" in left.stderr
    assert not (machine.directory / "ready").exists()
    nothing = machine.pk("status")
    assert (nothing.returncode, nothing.stderr) == (1, "No pk up is running\n")
    assert machine.pk("broker", "list").stderr == "No pk up is running\n`pk up --detach` starts one.\n"
    assert list((machine.directory / "run").rglob("*.*")) == []


def test_of_several_only_the_one_that_is_named_is_stopped(machine: Machine) -> None:
    for name in ("one", "two"):
        assert machine.pk("up", "--detach", *FREE, "--data-dir", name).returncode == 0

    refused = machine.pk("down")
    assert refused.returncode == 1
    assert "2 pk up are running:" in refused.stderr
    assert "--data-dir chooses one" in refused.stderr

    stopped = machine.pk("down", "--data-dir", "two")
    assert re.fullmatch(rf"Stopped process \d+, with data in {machine.directory}/two\n", stopped.stdout)
    assert [line.split("\t")[3] for line in machine.pk("status").stdout.splitlines()] == [f"{machine.directory}/one"]


def test_the_reason_is_reported_where_the_servers_do_not_start(machine: Machine) -> None:
    (machine.directory / "data" / "kafka").mkdir(parents=True)
    (machine.directory / "data" / "kafka" / "meta.properties").write_text("version=0\n")

    refused = machine.pk("up", "--detach", *FREE)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "holds records of a cluster whose ZooKeeper is not in" in refused.stderr
    assert list((machine.directory / "run").rglob("*.*")) == []


def test_the_script_of_the_page_about_ci_does_what_it_says(machine: Machine) -> None:
    files = files_of((DOCS / "ci.md").read_text())
    bin_directory = machine.directory / "bin"
    bin_directory.mkdir()
    (bin_directory / "pk").symlink_to(PK)
    machine.environment["PATH"] = f"{bin_directory}:{machine.environment['PATH']}"

    for name in ("one-command.sh", "several-steps.sh", "expect.sh"):
        script = re.sub(r"pk up", f"pk up {' '.join(FREE)}", files[name])
        (machine.directory / name).write_text(script)
        done = machine.run("sh", "-e", name)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        assert done.stdout.splitlines()[-1] == "3 orders"
    assert machine.pk("status").returncode == 1


def test_several_zookeepers_have_processes_and_one_may_die(machine: Machine) -> None:
    state = json.loads(machine.pk("up", "--detach", *FREE, "--zookeepers", "3", "--output", "json").stdout)
    zookeepers = state["zookeepers"]
    pids = [each["pid"] for each in zookeepers]
    assert [each["zookeeper"] for each in zookeepers] == [1, 2, 3]
    assert ",".join(each["address"] for each in zookeepers) == state["zookeeper_connect"]
    assert len({*pids, state["pid"]}) == 4

    os.kill(pids[2], signal.SIGKILL)
    until(lambda: json.loads(machine.pk("status", "--output", "json").stdout)[0]["zookeepers"][2]["pid"] is None)
    created = machine.pk("topics", "--bootstrap-server", state["bootstrap_servers"], "--create", "--topic", "t")
    stopped = machine.pk("down")

    assert (created.returncode, created.stdout, stopped.returncode) == (0, "Created topic t.\n", 0)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert (machine.directory / "data/zookeeper-1/zoo.cfg").exists()


def test_zookeepers_do_not_stay_when_pk_up_is_killed(machine: Machine) -> None:
    state = json.loads(machine.pk("up", "--detach", *FREE, "--zookeepers", "3", "--output", "json").stdout)

    os.kill(state["pid"], signal.SIGKILL)

    until(lambda: not any(psutil.pid_exists(each["pid"]) for each in state["zookeepers"]))


def test_several_zookeepers_and_a_manual_clock_are_rejected(machine: Machine) -> None:
    refused = machine.pk("up", "--zookeepers", "3", "--clock", "manual")

    assert refused.returncode != 0
    assert "--clock manual and several --zookeepers cannot be used together" in refused.stderr


def test_of_several_clusters_the_one_that_this_terminal_uses_is_meant(machine: Machine) -> None:
    words = ("up", "--detach", *FREE, "--output", "json", "--data-dir")
    one, two = (json.loads(machine.pk(*words, name).stdout) for name in ("one", "two"))

    undecided = machine.pk("down")
    machine.environment["PK_BOOTSTRAP_SERVER"] = two["bootstrap_servers"]
    stopped = machine.pk("down", "--output", "json")

    assert undecided.returncode == 1
    assert "2 pk up are running:" in undecided.stderr
    assert json.loads(stopped.stdout) == two
    assert json.loads(machine.pk("status", "--output", "json").stdout) == [one]
