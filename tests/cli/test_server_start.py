"""pk server-start and pk server-stop, as far as they go without a cluster."""

import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from pykafka_cli import KAFKA_VERSION
from pykafka_cli.cli import run
from pykafka_cli.commands import server_stop
from pykafka_cli.servers import stopping
from tests.support.polling import PATIENCE_S, until
from tests.support.running import PK, RunningCluster, pk

USAGE = "USAGE: server-start [-daemon] server.properties [--override property=value]*"


def test_without_a_file_the_usage_is_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["server-start"]) == 1
    assert capsys.readouterr().out == f"{USAGE}\n"


def test_the_version_is_kafkas(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["server-start", "--version"]) == 0
    assert capsys.readouterr().out == f"{KAFKA_VERSION}\n"


def test_stray_words_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["server-start", "server.properties", "foo"]) == 1
    captured = capsys.readouterr()
    assert "Found non argument parameters: foo" in captured.err
    assert USAGE in captured.err


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["server-start", "nowhere.properties"]) == 1
    assert capsys.readouterr().err == "nowhere.properties cannot be read: No such file or directory\n"


@pytest.mark.parametrize(
    ("line", "override", "message"),
    [
        (
            "num.partitions=none",
            (),
            "{file}, line 2: Invalid value none for configuration num.partitions: Not a number of type INT",
        ),
        (
            "listeners=PLAINTEXT//x",
            (),
            (
                "{file}, line 2: Invalid value PLAINTEXT//x for configuration listeners: "
                "PLAINTEXT//x is not of the form NAME://host:port"
            ),
        ),
        (
            "num.partitions=1",
            ("--override", "num.partitions=0"),
            "--override num.partitions: Invalid value 0 for configuration num.partitions: Value must be at least 1",
        ),
        ("process.roles=brokers", (), "{file}, line 2: Invalid value brokers for configuration process.roles"),
    ],
)
def test_a_bad_value_is_rejected_with_its_place(
    line: str, override: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "server.properties"
    file.write_text(f"zookeeper.connect=localhost:2181\n{line}\n")
    assert run(["server-start", str(file), *override]) == 1
    assert capsys.readouterr().err.startswith(message.format(file=file))


def test_without_zookeeper_it_waits_and_then_says_so(tmp_path: Path) -> None:
    file = tmp_path / "server.properties"
    file.write_text(
        f"broker.id=0\nlisteners=PLAINTEXT://127.0.0.1:0\nlog.dirs={tmp_path}/logs\nnum.patitions=3\n"
        "num.io.threads=8\nzookeeper.connect=127.0.0.1:1\nzookeeper.connection.timeout.ms=200\n"
    )

    ended = pk("server-start", str(file))

    assert ended.returncode == 1
    assert "The broker cannot run" in ended.stderr
    assert "127.0.0.1:1" in ended.stderr
    assert f"{file}: line 4: unknown key num.patitions is ignored; did you mean num.partitions?" in ended.stdout
    assert "accepted without effect: num.io.threads" in ended.stdout
    assert not (tmp_path / "logs").exists()


def has_started(log: Path) -> bool:
    """Whether the broker that writes to `log` serves."""
    return log.exists() and "started (kafka.server.KafkaServer)\n" in log.read_text()


def test_a_broker_in_the_background_serves_until_it_is_asked_to_stop(
    fresh_cluster: RunningCluster, tmp_path: Path
) -> None:
    file = tmp_path / "server.properties"
    file.write_text(f"broker.id=7\nlisteners=PLAINTEXT://127.0.0.1:0\nlog.dirs={tmp_path}/logs\n")
    words = (str(file), "--override", f"zookeeper.connect={fresh_cluster.zookeeper}")

    begun = subprocess.run([PK, "server-start", "-daemon", *words], env={**os.environ, "LOG_DIR": str(tmp_path)})
    until(lambda: has_started(tmp_path / "kafkaServer.out"))
    described = pk("broker-api-versions", "--bootstrap-server", fresh_cluster.bootstrap)
    (pid,) = [pid for pid, line in stopping.processes() if str(file) in line]
    os.kill(pid, signal.SIGTERM)
    until(lambda: pid not in dict(stopping.processes()))

    assert begun.returncode == 0
    assert "(id: 7 rack: null)" in described.stdout


def test_a_signal_ends_it_cleanly_with_the_signals_status(fresh_cluster: RunningCluster, tmp_path: Path) -> None:
    file = tmp_path / "server.properties"
    file.write_text(
        f"broker.id=7\nlisteners=PLAINTEXT://127.0.0.1:0\nlog.dirs={tmp_path}/logs\n"
        f"zookeeper.connect={fresh_cluster.zookeeper}\n"
    )
    with (tmp_path / "out").open("wb") as out:
        broker = subprocess.Popen([PK, "server-start", str(file)], stdout=out, stderr=out)
    until(lambda: has_started(tmp_path / "out"))

    broker.terminate()

    assert broker.wait(timeout=PATIENCE_S) == 143
    assert (tmp_path / "logs" / ".kafka_cleanshutdown").exists()


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[int, int]]:
    """What was sent to whom, among made-up processes: brokers 0 and 1, a ZooKeeper server, and a pk up."""
    running = []
    for pid, number in ((100, 0), (101, 1)):
        file = tmp_path / f"{number}.properties"
        file.write_text(f"broker.id={number}\nzookeeper.connect=z\n")
        running.append((pid, ["python", "/opt/bin/pk", "server-start", str(file), "--override", "num.partitions=2"]))
    running.append((102, ["python", "-m", "pykafka_cli", "zookeeper-server-start", "zookeeper.properties"]))
    running.append((103, ["python", "/opt/bin/pk", "up", "--detach"]))
    running.append((104, ["python", "/opt/bin/pk", "up", "--detach"]))  # a broker that the one before it has forked
    monkeypatch.setattr(stopping, "processes", lambda: iter(running))
    monkeypatch.setattr(server_stop, "running_states", lambda: [SimpleNamespace(pid=103)])
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    return sent


def test_all_brokers_are_stopped_and_nothing_else(
    signalled: list[tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["server-stop"]) == 0
    assert signalled == [(100, signal.SIGTERM), (101, signal.SIGTERM), (103, signal.SIGTERM)]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line.partition(": ")[0] for line in printed.err.splitlines()] == [
        f"Sent SIGTERM to process {pid}" for pid in (100, 101, 103)
    ]


def test_one_broker_can_be_named(signalled: list[tuple[int, int]]) -> None:
    assert run(["server-stop", "--node-id=1"]) == 0
    assert signalled == [(101, signal.SIGTERM)]


def test_one_that_only_prints_its_help_is_not_meant(
    signalled: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = [*stopping.processes(), (105, ["python", "/opt/bin/pk", "server-start", "--help"])]
    monkeypatch.setattr(stopping, "processes", lambda: iter(running))

    assert run(["server-stop", "--node-id=1"]) == 0
    assert signalled == [(101, signal.SIGTERM)]


def test_the_name_of_a_broker_goes_before_its_role(
    signalled: list[tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["server-stop", "--process-role=controller", "--node-id=0"]) == 0
    assert signalled == [(100, signal.SIGTERM)]
    assert "the value for node-id will take precedence" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--node-id=7"], ["--process-role=controller"]])
def test_without_a_broker_that_is_meant_it_says_so(
    words: list[str], signalled: list[tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["server-stop", *words]) == 1
    assert (signalled, capsys.readouterr().out) == ([], "No kafka server to stop\n")


def test_a_file_that_is_not_where_the_broker_was_started_is_explained(
    signalled: list[tuple[int, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "1.properties").unlink()
    assert run(["server-stop", "--node-id=1"]) == 1
    assert capsys.readouterr().out.startswith("Can not find the configuration file in the current directory.")
