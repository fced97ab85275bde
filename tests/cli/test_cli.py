"""The program as a whole: finding commands, telling failures, leaving."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pykafka_cli import KAFKA_VERSION
from pykafka_cli.cli import run
from pykafka_cli.commands import COMMANDS, SECTIONS
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.script.options import is_interactive
from tests.support.polling import PATIENCE_S
from tests.support.running import PK

HEAVY = ("aiokafka", "kazoo", "rich", "uvloop", "yaml", "hypothesis", "pykafka_cli.broker", "pykafka_cli.storage")


def in_shell(words: list[str], redirection: str) -> "subprocess.CompletedProcess[str]":
    """`pk WORDS` with streams redirected as a shell does it."""
    command = ["sh", "-c", f'"$0" "$@" {redirection}', PK, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def without_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PK_BOOTSTRAP_SERVER", raising=False)


def test_every_command_is_listed_in_a_section_and_can_be_imported(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == ExitStatus.SUCCESS
    listed = capsys.readouterr().out

    for name, entry in COMMANDS.items():
        assert name in listed
        assert entry.section in SECTIONS
        assert run([name, "--help"]) == ExitStatus.SUCCESS
        assert capsys.readouterr().out.startswith("Usage: pk")


def test_an_unknown_command_names_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topic"]) == ExitStatus.USAGE
    assert "Did you mean 'topics'" in capsys.readouterr().err


def test_a_command_answers_to_its_scripts_names(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("topics", "kafka-topics", "kafka-topics.sh"):
        assert run([name, "--version"]) == ExitStatus.SUCCESS
        assert capsys.readouterr().out == f"{KAFKA_VERSION}\n"


def test_an_unknown_option_names_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topics", "--boots-server", "x:1", "--list"]) == ExitStatus.FAILURE

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("boots-server is not a recognized option\nDid you mean --bootstrap-server?\n")


def test_nothing_listening_is_reported_with_what_starts_a_broker(
    capsys: pytest.CaptureFixture[str], unused_tcp_port: int
) -> None:
    assert run(["topics", "--bootstrap-server", f"127.0.0.1:{unused_tcp_port}", "--list"]) == ExitStatus.FAILURE

    told = capsys.readouterr()
    assert told.out == (
        f"Error while executing topic command : cannot connect to 127.0.0.1:{unused_tcp_port}: connection refused\n"
    )
    assert "pk up" in told.err


def test_the_cluster_may_be_named_by_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("PK_BOOTSTRAP_SERVER", f"127.0.0.1:{unused_tcp_port}")

    assert run(["topics", "--list"]) == ExitStatus.FAILURE
    assert f"127.0.0.1:{unused_tcp_port}" in capsys.readouterr().out


def test_a_script_that_names_no_cluster_fails_as_it_always_did(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_defaults(monkeypatch)

    assert run(["topics", "--list"]) == ExitStatus.FAILURE
    assert capsys.readouterr().err.startswith("--bootstrap-server must be specified\n")


def test_a_person_who_names_no_cluster_is_taken_to_this_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    without_defaults(monkeypatch)
    leader, follower = pty.openpty()

    done = subprocess.run(
        [PK, "topics", "--list"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=follower, check=False
    )

    os.close(follower)
    os.close(leader)
    assert b"must be specified" not in done.stdout
    assert done.returncode == 0 or b"localhost:9092" in done.stdout


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_a_person_is_seen_by_any_terminal_whatever_else_is_redirected(
    stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, follower = pty.openpty()
    with open(os.devnull, "rb") as elsewhere, open(follower, "rb") as terminal:
        for each in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(sys, each, terminal if each == stream else elsewhere)
        assert is_interactive()

        monkeypatch.setattr(sys, stream, None)
        assert not is_interactive()
    os.close(leader)


@pytest.mark.parametrize("words", [[], ["topics"], ["storage"]], ids=str)
def test_what_cannot_be_printed_is_said(words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PK, *words, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, "cannot write to standard output: No space left on device\n")


@pytest.mark.parametrize("words", [["server-start"], ["storage", "version-mapping"], ["--help"]], ids=str)
@pytest.mark.parametrize("stdout", [">/dev/full", ">&-"])
def test_output_that_cannot_be_written_is_an_error_wherever_it_is_printed(words: list[str], stdout: str) -> None:
    done = in_shell(words, stdout)

    assert done.returncode == 1
    assert re.fullmatch(r"cannot write to standard output: [\w ]+\n", done.stderr)


@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-"])
def test_where_errors_cannot_be_written_the_status_says_it(stderr: str) -> None:
    done = in_shell(["topics", "--lst"], stderr)

    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_standard_input_that_is_closed_is_empty(unused_tcp_port: int) -> None:
    done = in_shell(["console-producer", "--bootstrap-server", f"127.0.0.1:{unused_tcp_port}", "--topic", "t"], "<&-")

    assert "bug in pk" not in done.stderr


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_eighty_columns(
    command: str | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    run([*([command] if command else []), "--help"])

    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_failures_that_nobody_foresaw_are_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("pykafka_cli.commands.topics.through_brokers", broken)

    assert run(["topics", "--bootstrap-server", "127.0.0.1:1", "--list"]) == ExitStatus.FAILURE

    told = capsys.readouterr().err
    assert told.startswith("ZeroDivisionError: by zero\n")
    assert "Traceback" not in told


def test_an_interruption_is_quiet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pykafka_cli.commands.topics.through_brokers", interrupted)

    assert run(["topics", "--bootstrap-server", "127.0.0.1:1", "--list"]) == ExitStatus.INTERRUPTED
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_has_had_enough_is_no_failure() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)

    done = subprocess.run([PK, "--help"], stdout=write_end, stderr=subprocess.PIPE, check=False)

    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"")


LOADED = """
import sys
from pykafka_cli.__main__ import main
try:
    main()
except SystemExit:
    pass
print(*(name for name, module in sys.modules.items() if module and name.startswith({heavy!r})))
"""


def test_listing_topics_loads_nothing_that_it_does_not_need(unused_tcp_port: int) -> None:
    words = ["topics", "--bootstrap-server", f"127.0.0.1:{unused_tcp_port}", "--list"]

    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(heavy=HEAVY), *words], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == ""


def test_scripts_call_pk_under_the_names_that_people_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scripts", "install", str(tmp_path / "bin")]) == ExitStatus.SUCCESS

    assert "scripts in" in capsys.readouterr().out
    for name in ("kafka-topics.sh", "kafka-topics", "kafka-configs.sh", "zookeeper-server-start.sh"):
        assert (tmp_path / "bin" / name).stat().st_mode & 0o111
    done = subprocess.run(
        [tmp_path / "bin" / "kafka-topics.sh", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{KAFKA_VERSION}\n"


def test_scripts_that_cannot_be_written_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")

    assert run(["scripts", "install", str(tmp_path / "file" / "bin")]) == ExitStatus.FAILURE
    assert "Cannot write" in capsys.readouterr().err


def test_ctrl_c_while_waiting_leaves_quietly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [PK, "topics", "--bootstrap-server", address, "--list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with process:
            silent.settimeout(PATIENCE_S)
            connection, _ = silent.accept()
            with connection:  # it waits for a response
                process.send_signal(signal.SIGINT)
                output = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 130
    assert output == (b"", b"")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "up --port foo",
            "--port takes a whole number from 0 to 65535, not foo\n`pk up --help` lists what is supported.\n",
        ),
        (
            "up --brokers 10",
            "--brokers takes a whole number from 1 to 9, not 10\n`pk up --help` lists what is supported.\n",
        ),
        ("up --bogus", "bogus is not a recognized option\nDid you mean --brokers?\n"),
        ("config nonsense", "No such command 'nonsense'.\n`pk config --help` lists what is supported.\n"),
    ],
)
def test_wrong_words_after_a_command_of_ours_are_reported_in_two_lines(
    words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words.split()) == 2
    assert capsys.readouterr().err == told
