"""pk tutorial: every chapter plays to its end, and a learner is led through one at a terminal."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pykafka_cli.tutorial.chapter import NAMES
from tests.support.polling import until
from tests.support.running import PK, pk

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
    ("words", "message"), [(["streams"], "There is no chapter streams"), ([], "standard input is not a terminal")]
)
def test_what_is_wrong_is_said(words: list[str], message: str) -> None:
    done = pk("tutorial", *words)

    assert done.returncode == 1
    assert message in done.stderr
