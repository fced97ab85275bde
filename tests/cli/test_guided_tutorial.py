"""pk tutorial: every chapter plays to its end, and a learner is led through one at a terminal."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pykafka_cli.tutorial.chapter import NAMES
from tests.support.polling import until
from tests.support.running import PK, pk
from tests.support.terminal import Terminal

TEMPORARY = re.compile(r"PK_TUTORIAL=(\S+)")


@pytest.fixture(autouse=True)
def _progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the learner stopped is remembered for one test only."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.mark.parametrize("chapter", NAMES)
def test_a_chapter_plays_to_its_end(chapter: str) -> None:
    played = pk("tutorial", chapter, "--play", timeout=240)

    assert played.returncode == 0, played.stdout + played.stderr
    done, steps = played.stdout.count("✓ Done."), re.findall(r"^\d+/(\d+)  ", played.stdout, re.MULTILINE)
    assert done == len(steps) == int(steps[0])
    found = TEMPORARY.search(played.stdout)
    assert found
    assert not Path(found[1]).exists()


def test_what_a_chapter_is_about_is_to_be_seen() -> None:
    compacted = pk("tutorial", "retention", "--play", timeout=240).stdout
    assert compacted.splitlines().count("Offset:3\ttea\t1.20") == 1
    assert "\ttea\t1.00" not in compacted


class Learner:
    """A person at a terminal, with pk tutorial on it."""

    def __init__(self, *words: str) -> None:
        terminal, inside = pty.openpty()
        self.process = subprocess.Popen(
            [PK, "tutorial", *words], stdin=inside, stdout=inside, stderr=inside, start_new_session=True
        )
        os.close(inside)
        self._terminal = terminal
        self._seen = bytearray()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        self._from = 0

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the end of a terminal
            while chunk := os.read(self._terminal, 4096):
                self._seen.extend(chunk)

    @property
    def screen(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._seen.decode(errors="replace"))

    def sees(self, text: str) -> str:
        """Wait for a text after what was seen last; everything up to it."""
        until(lambda: text in self.screen[self._from :], lambda: f"no {text!r} in {self.screen[self._from :]}")
        end = self.screen.index(text, self._from) + len(text)
        before, self._from = self.screen[self._from : end], end
        return before

    def types(self, line: str) -> None:
        os.write(self._terminal, line.encode() + b"\n")

    def leaves(self) -> int:
        status = self.process.wait(60)
        self._reading.join()
        os.close(self._terminal)
        return status


@pytest.fixture
def learner() -> Iterator[Learner]:
    found = Learner("topics")
    yield found
    with contextlib.suppress(ProcessLookupError):
        os.killpg(found.process.pid, signal.SIGKILL)


def test_a_learner_is_led_through_a_chapter_and_comes_back(learner: Learner) -> None:
    exports = learner.sees("export ") and learner.sees("\n")
    environment = {**os.environ, **dict(word.split("=", 1) for word in exports.split()[:3])}
    learner.sees("Enter begins $ ")
    learner.types("")
    learner.sees("1/6  Create a topic")
    learner.sees("$ ")
    learner.types("pk topics --list")
    learner.sees("Not yet: the topic does not exist.")
    learner.types("hint")
    learner.sees("--create needs the topic's name")
    learner.types("help")
    learner.sees("let the tutorial do this step")

    elsewhere = pk("topics", "--create", "--topic", "firstTopic", "--partitions", "3", env=environment)

    assert elsewhere.returncode == 0
    learner.sees("✓ Done.")
    learner.sees("Enter continues $ ")
    learner.types("")
    learner.sees("2/6  Send records")
    learner.types("skip")
    learner.sees("✓ Done.")
    learner.sees("Enter continues $ ")
    learner.types("")
    learner.sees("3/6  Read records")
    learner.sees("$ ")
    learner.types("kafka-console-consumer.sh --topic firstTopic --from-beginning --max-messages 3")
    learner.sees("Processed a total of 3 messages")
    learner.sees("✓ Done.")
    learner.sees("Enter continues $ ")
    learner.types("back")
    learner.sees("2/6  Send records")
    learner.sees("done already")
    learner.types("quit")
    assert learner.leaves() == 0
    assert "resumes here" in learner.screen

    again = Learner()
    try:
        again.sees("Doing again: Create a topic")
        again.sees("2/6  Send records")
        again.types("\x04")
        assert again.leaves() == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(again.process.pid, signal.SIGKILL)


def newcomer(chapter: str, tmp_path: Path) -> Terminal:
    """Somebody with a terminal of the usual size, who types what it says there."""
    return Terminal(("tutorial", chapter), env={"XDG_STATE_HOME": str(tmp_path)}, rows=24, columns=80)


def is_prompting(reminder: str = "") -> Callable[[list[str]], bool]:
    return lambda lines: bool(lines) and lines[-1] == f"{reminder} $".lstrip()


def test_a_newcomer_sees_at_once_that_something_happens_and_reads_one_screen_at_a_time(tmp_path: Path) -> None:
    with newcomer("topics", tmp_path) as terminal:
        terminal.wait_for(lambda lines: lines and lines[0].startswith("Starting a cluster for you"))
        introduction = terminal.wait_for(is_prompting("Enter begins"))
        assert any("Topics" in line for line in introduction), "the title has not scrolled away"

        terminal.type("\r")
        step = terminal.wait_for(is_prompting())

        assert any(line.startswith("1/6  Create a topic") for line in step)
        assert "    pk topics --create --topic firstTopic --partitions 3" in step


def test_a_newcomer_may_type_long_commands_line_by_line_as_they_are_shown(tmp_path: Path) -> None:
    with newcomer("keys", tmp_path) as terminal:
        terminal.wait_for(is_prompting("Enter begins"))
        terminal.type("\r")
        terminal.wait_for(is_prompting())
        terminal.type("pk topics --create --topic orders --partitions 3\r")
        terminal.wait_for(is_prompting("Enter continues"))
        terminal.type("\r")
        step = terminal.wait_for(is_prompting())
        first, second = (line.strip() for line in step[step.index("Type:") + 2 :][:2])
        assert first.endswith(" \\")
        assert "When it prompts with >, type these lines, and then Ctrl-D:" in step
        assert "    alice:coffee" in step, "nothing before it that would be typed as well"

        terminal.type(f"{first}\r")
        terminal.wait_for(lambda lines: lines[-1] == ">")
        terminal.type(f"{second}\r")
        terminal.wait_for(lambda lines: lines[-1] == ">" and lines[-2].endswith(second))
        for line in ("alice:coffee", "bob:tea", "alice:cake", "carol:water", "bob:toast", "alice:bill"):
            terminal.type(f"{line}\r")
        terminal.wait_for(lambda lines: lines[-2:] == [">alice:bill", ">"])
        terminal.type("\x04")

        shown = terminal.wait_for(is_prompting("Enter continues"))
        ends = [line.split()[-1] for line in shown if line.split()[:1] == ["orders"]]
        assert ends == ["5", "0", "1"], "the keys are in more than one partition, and partition 0 has some"


def test_a_newcomer_learns_how_another_terminal_knows_the_cluster_whenever_it_is_needed(tmp_path: Path) -> None:
    with Terminal(("tutorial", "groups"), env={"XDG_STATE_HOME": str(tmp_path)}, rows=24, columns=80) as terminal:
        terminal.wait_for(is_prompting("Enter begins"))
        terminal.type("\r")
        for _ in range(4):
            terminal.wait_for(is_prompting())
            terminal.type("skip\r")
            terminal.wait_for(is_prompting("Enter continues"))
            terminal.type("\r")
        step = terminal.wait_for(is_prompting())

    assert any(line.startswith("5/8") for line in step)
    assert any(line.startswith("    export PK_BOOTSTRAP_SERVER=") for line in step)
    assert "Then type there:" in step


def test_a_closed_terminal_leaves_nothing_running(learner: Learner) -> None:
    found = TEMPORARY.search(learner.sees("LOG_DIR"))
    assert found
    learner.sees("$ ")

    learner.process.send_signal(signal.SIGHUP)

    assert learner.leaves() == 128 + signal.SIGHUP
    assert not Path(found[1]).exists()
    assert found[1] not in pk("status").stdout


def test_the_chapters_are_listed_with_the_place_where_one_stopped(tmp_path: Path) -> None:
    file = tmp_path / "pk" / "tutorial.json"
    file.parent.mkdir()
    file.write_text('{"chapter": "groups", "step": 2}')

    listed = pk("tutorial", "--list").stdout.splitlines()

    assert [line.startswith("→") for line in listed] == [name == "groups" for name in NAMES]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [(["streams"], 2, "There is no chapter streams"), ([], 1, "standard input is not a terminal")],
)
def test_what_is_wrong_is_said(words: list[str], status: int, message: str) -> None:
    done = pk("tutorial", *words)

    assert done.returncode == status
    assert message in done.stderr
