"""kafka-run-class.sh: classes become pk's own commands."""

import subprocess
from pathlib import Path

import pytest

from pykafka_cli.commands import COMMANDS
from pykafka_cli.commands.run_class import COMMAND_OF_CLASS, command_for
from pykafka_cli.commands.scripts import pointer
from pykafka_cli.script.absent_scripts import ABSENT_SCRIPTS
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.servers.program import own_command


def test_a_class_becomes_the_command_with_its_own_options() -> None:
    words = ["kafka.tools.GetOffsetShell", "--bootstrap-server", "h:1", "-daemon"]

    assert command_for(words) == [*own_command(), "get-offsets", "--bootstrap-server", "h:1", "-daemon"]


def test_the_scripts_own_options_come_before_the_class() -> None:
    assert command_for(["-name", "kafkaServer", "-loggc", "-daemon", "kafka.Kafka", "server.properties"]) == [
        *own_command(), "server-start", "-daemon", "server.properties",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [([], "USAGE: kafka-run-class.sh"), (["-name", "x"], "USAGE"), (["a.B"], "Could not find or load main class a.B")],
)
def test_what_is_no_class_of_kafkas_scripts_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(ScriptError, match=message):
        command_for(words)


def test_classes_stand_for_commands_that_there_are() -> None:
    assert set(COMMAND_OF_CLASS.values()) <= COMMANDS.keys()


@pytest.mark.parametrize("sentence", ABSENT_SCRIPTS.values(), ids=ABSENT_SCRIPTS)
def test_a_script_that_is_absent_says_what_to_use_instead(sentence: str, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(pointer(sentence))

    done = subprocess.run(["sh", str(tmp_path / "script"), "--list"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{sentence}\n")
