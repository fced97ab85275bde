"""What all commands have in common that Kafka does not have: what a wrong command line is, and its exit status."""

import os
from pathlib import Path

import pytest

from pykafka_cli.cli import run
from pykafka_cli.commands import COMMANDS
from tests.support.running import RunningCluster, pk

OWN = [name for name, entry in COMMANDS.items() if entry.script is None]
KAFKAS = [name for name, entry in COMMANDS.items() if entry.script is not None and name != "run-class"]
VERBS = {"clock": "show", "config": "list", "scripts": "completion"}

EMPTY = [
    *(f"{name} --bootstrap-server=" for name in ("wait", "expect", "mark", "apply", "export", "doctor", "ui")),
    *("up --topic=", "up --data-dir=", "up --listen=", "up --advertise=", "up --override=", "up --ready-file="),
    *("down --data-dir=", "status --data-dir=", "fault Produce --client-id=", "clock show --data-dir="),
    *("copy a=b --group=", "copy a=b --from=", "copy a=b --to=", "copy a=b --from-config=", "copy a=b --to-config="),
    *("expect t --json-subset=", "expect t --junit-xml=", "expect t --from-offset=", "expect t --header="),
    *("mark --show=", "export --topic=", "wire 9092 --topic=", "graduate --to=", "config set x --bootstrap-server="),
]


@pytest.mark.parametrize("name", OWN)
def test_an_unknown_option_is_a_wrong_command_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [name, VERBS[name]] if name in VERBS else [name]

    assert run([*words, "--no-such-option"]) == 2
    assert "no-such-option is not a recognized option" in capsys.readouterr().err


@pytest.mark.parametrize("name", KAFKAS)
def test_the_commands_of_kafka_know_no_such_status(name: str) -> None:
    assert run([name, "--no-such-option"]) == 1


@pytest.mark.parametrize("line", EMPTY)
def test_a_value_may_not_be_empty(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, option = line.removesuffix("=").split(), line.removesuffix("=").split()[-1]

    assert run([*words[:-1], f"{option}="]) == run([*words, ""]) == 2
    assert capsys.readouterr().err == f"{option} must not be empty\n" * 2


@pytest.mark.parametrize("line", ["apply", "copy", "doctor", "ui", "fault", "scripts install", "wait"])
def test_nor_may_an_argument_be(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*line.split(), ""]) == 2
    assert capsys.readouterr().err == "An argument must not be empty\n"


def test_records_without_a_key_are_not_those_with_an_empty_one(cluster: RunningCluster) -> None:
    where = ("--bootstrap-server", cluster.bootstrap)
    pk("console-producer", *where, "--topic", "empty-keys", "--property", "parse.key=true", stdin="\ta\nb\tc\n")

    done = pk("expect", "empty-keys", *where, "--key", "", "--count", "1", "--exactly", "--grace", "10ms")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "line",
    [
        "apply",
        "apply f.yaml --command-config /absent",
        "apply f.yaml --bootstrap-server nohost",
        "export --topic t --kind topics",
        "export --command-config /absent",
        "mark",
        "mark t --bootstrap-server nohost",
        "mark t --command-config /absent",
        "copy a=b --max-messages -1",
        "copy a=b --from-config /absent",
        "copy a=b --from nohost:x",
        "doctor --timeout soon",
        "doctor nohost",
        "doctor --command-config /absent",
        "ui nohost",
        "wire 9092 --api Nonsense",
        "wire 9092,9093",
        "tutorial nonsense",
        "graduate",
        "config use",
        "config set x --bootstrap-server nohost",
        "scripts nonsense",
        "clock",
        "clock advance soon",
        "fault Nonsense --error NONE",
        "fault --error NOT_CONTROLLER",
        "up --ephemeral --data-dir x",
        "up --detach -- true",
        "up --topic a:b",
        "up --override nonsense",
        "up --advertise nohost",
        "up --port 65535 --brokers 3",
        "up --port 5000 --zookeeper-port 5000",
        "up --ephemeral --port 0 --zookeeper-port 0 --override num.partitions=x",
        "up --detach --ephemeral --port 0 --zookeeper-port 0 --override num.partitions=x",
        "up --ready-file /absent/x",
        "up --detach --ready-file /absent/x",
        "up --ready-file /",
        "expect t --junit-xml /",
        "expect t --junit-xml /dev/null/x.xml",
        "nonsense",
    ],
)
def test_a_wrong_command_line_has_its_own_status(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f.yaml").write_text("topics: {}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PK_BOOTSTRAP_SERVER", "127.0.0.1:1")

    assert run(line.split()) == 2
    assert capsys.readouterr().err
    assert os.listdir(tmp_path) == ["f.yaml"]


@pytest.mark.parametrize("words", [["--no-such-option"], ["--command-config", "/absent"]])
def test_a_wrong_command_line_does_not_look_like_changes(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("topics: {}")

    plain = ["apply", str(tmp_path / "f.yaml"), "--bootstrap-server", "127.0.0.1:1", *words]

    assert (run(plain), run([*plain, "--detailed-exitcode"])) == (2, 1)


def test_a_full_disk_is_reported_by_the_name_of_the_file(cluster: RunningCluster, tmp_path: Path) -> None:
    where = ("--bootstrap-server", cluster.bootstrap)
    pk("console-producer", *where, "--topic", "full", stdin="a\n")
    full = "/dev/full: No space left on device\n"
    started = ("--ephemeral", "--port", "0", "--zookeeper-port", "0", "--ready-file", "/dev/full")

    expected = pk("expect", "full", *where, "--junit-xml", "/dev/full")
    up = pk("up", *started)
    detached = pk("up", "--detach", *started)

    assert (expected.returncode, expected.stderr) == (1, full)
    assert (up.returncode, up.stdout, up.stderr) == (1, "", full)
    assert (detached.returncode, detached.stdout, detached.stderr) == (1, "", full)
