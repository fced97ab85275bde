"""pk tutorial: every chapter plays to its end, and a learner is led through one at a terminal."""

import contextlib
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pykafka_cli.tutorial.chapter import NAMES
from pykafka_cli.tutorial.clearing import MARK
from tests.support.polling import PATIENCE_S, until
from tests.support.running import pk
from tests.support.terminal import Terminal

UP, CTRL_C, CTRL_D = "\x1b[A", "\x03", "\x04"
TEMPORARY = re.compile(r"\. (/\S+)/env")


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
    """Somebody at a terminal of the usual size, who types what the tutorial says."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._from = 0

    def types(self, text: str) -> None:
        """Keys; Enter is pressed after them."""
        self.presses(f"{text}\r")

    def presses(self, keys: str) -> None:
        self._from = len(self.terminal.scrolled)
        self.terminal.type(keys)

    def sees(self, *texts: str, prompt: str = "$") -> str:
        """Wait for texts that appear after what was typed last, and for a prompt below them."""

        def are_seen(lines: list[str]) -> bool:
            return bool(lines) and lines[-1] == prompt and all(text in self.new for text in texts)

        self.terminal.wait_for(are_seen)
        return self.new

    def sees_done(self, *texts: str) -> str:
        return self.sees("✓ Done.", *texts, prompt="Enter continues $")

    @property
    def new(self) -> str:
        return "\n".join(self.terminal.scrolled[max(self._from - 1, 0) :])

    @property
    def directory(self) -> str:
        found = TEMPORARY.findall("\n".join(self.terminal.scrolled))
        assert found
        return str(found[-1])

    def elsewhere(self, line: str) -> str:
        """What a line prints in another terminal."""
        line = f". {self.directory}/env > /dev/null; {line}"
        return subprocess.run(["sh", "-c", line], stdout=subprocess.PIPE, text=True, check=True).stdout

    def leaves(self, keys: str = "quit\r") -> None:
        self.terminal.type(keys)
        assert self.terminal.end() == 0
        assert "resumes here" in self.terminal.lines[-1]


@contextmanager
def learning(*words: str, **more: str) -> Iterator[Learner]:
    with Terminal(("tutorial", *words), env=more) as terminal:
        yield Learner(terminal)


@contextmanager
def in_first_step(chapter: str, **more: str) -> Iterator[Learner]:
    with learning(chapter, **more) as learner:
        learner.sees(prompt="Enter begins $")
        learner.types("")
        learner.sees("1/")
        yield learner


def test_a_learner_is_led_through_a_chapter_and_comes_back() -> None:
    with in_first_step("topics") as learner:
        learner.types("pk topics --list")
        learner.sees("Not yet: the topic does not exist.")
        learner.types("hint")
        learner.sees("--create needs the topic's name", "    pk topics --create --topic firstTopic --partitions 3")
        learner.types("help")
        learner.sees("let the tutorial do this step")

        printed = learner.elsewhere("kafka-topics.sh --partitions 3 --topic firstTopic --create")

        assert printed == "Created topic firstTopic.\n"
        learner.sees_done("Each line is one partition.")
        learner.types("")
        learner.sees("2/6  Send records")
        learner.types("skip")
        learner.sees_done()
        learner.types("")
        learner.sees("3/6  Read records")
        learner.types("kafka-console-consumer.sh --topic firstTopic --from-beginning --max-messages 3")
        learner.sees_done("Processed a total of 3 messages")
        learner.types("back")
        learner.sees("2/6  Send records", "done already", prompt="Enter continues $")
        learner.leaves()

    with learning() as again:
        again.sees("Doing again: Create a topic", "2/6  Send records")
        again.leaves(CTRL_D)


def test_lines_are_edited_and_come_back_from_the_history() -> None:
    with in_first_step("topics") as learner:
        learner.types("echo two")
        learner.sees("two\n")
        learner.presses(f"{UP}\x7f\x7f\x7fthree\r")
        learner.sees("echo three\nthree\n")
        learner.presses("not this")
        learner.sees(prompt="$ not this")
        learner.presses(CTRL_C)
        learner.sees("`quit` or Ctrl-D leaves the tutorial.")
        learner.leaves(CTRL_D)

    with in_first_step("topics") as again:
        again.presses(UP)
        again.sees(prompt="$ echo three")


def test_ctrl_d_counts_even_before_there_is_a_prompt() -> None:
    with learning("topics") as learner:
        learner.terminal.wait_for_line("Starting a cluster for you, in a temporary directory …")
        learner.leaves(CTRL_D)


def test_what_goes_wrong_can_be_done_again_on_a_new_cluster() -> None:
    with in_first_step("topics") as learner:
        learner.types("topics --list")
        learner.sees("Type it with pk before it: pk topics --list")
        learner.types("pk topics --create --topic firstTopic")
        learner.sees("Not yet: 1 of 3 partitions.")
        learner.types("skip")
        learner.sees("`restart` begins this step on a new cluster.")
        before = learner.directory

        learner.types("restart")

        learner.sees(prompt="Enter begins $")
        assert not remains_of(before)
        learner.types("skip")
        learner.sees("1/6  Create a topic")
        learner.types("kafka-topics --topic firstTopic --create --partitions 3")
        learner.sees_done()


def test_a_member_of_a_group_is_wanted_in_another_terminal_and_is_seen_to_leave() -> None:
    with in_first_step("groups") as learner:
        for _ in range(4):
            learner.types("skip")
            learner.sees_done()
            learner.types("")
            learner.sees("/8")
        learner.types("pk console-consumer --topic work --group team")
        learner.sees("This command keeps running")
        learner.types("skip")
        learner.sees_done("One member has all three partitions.")
        learner.types("")
        learner.sees("6/8  A second member")
        learner.types("skip")
        learner.sees_done("rebalanced")
        learner.types("")
        learner.sees("7/8")
        learner.types("skip")
        learner.sees_done()
        learner.types("")
        learner.sees("8/8  A member leaves")
        learner.types("")
        learner.sees("Not yet: the group has 2 members, not 1.")
        learner.types("skip")
        learner.sees_done("It left the group")


def test_a_moved_clock_is_seen_and_a_clock_that_was_not_moved_as_well() -> None:
    with in_first_step("retention") as learner:
        for _ in range(2):
            learner.types("skip")
            learner.sees_done()
            learner.types("")
            learner.sees("/9")
        learner.types("pk clock advance 1h")
        learner.sees("Not yet: the servers' clock is 60 minutes ahead, not 2h.")
        learner.elsewhere("pk clock advance 60m")
        learner.sees_done("the three records are gone")


def test_the_text_fits_a_terminal_that_becomes_narrower() -> None:
    with learning("topics") as learner:
        learner.sees(prompt="Enter begins $")
        learner.terminal.resize(24, 50)
        learner.terminal.signal(signal.SIGWINCH)

        learner.types("")

        learner.sees("1/6  Create a topic", "    pk topics --create --topic firstTopic \\\n      --partitions 3\n")
        assert "\nCreate a topic with three partitions. Topics have\nno owner" in learner.new


def test_a_terminal_without_colors_or_cursor_is_enough() -> None:
    with in_first_step("topics", TERM="dumb") as learner:
        learner.types("skip")
        learner.sees_done()
        assert b"\x1b[" not in learner.terminal.printed
        learner.leaves(CTRL_D)


def test_no_color_means_no_color() -> None:
    with in_first_step("topics", NO_COLOR="1") as learner:
        learner.types("skip")
        learner.sees_done()
        assert not re.search(rb"\x1b\[[\d;]*\b[349]\d[;m]", learner.terminal.printed)


def newcomer(chapter: str) -> Terminal:
    return Terminal(("tutorial", chapter), rows=24, columns=80)


def is_prompting(reminder: str = "") -> Callable[[list[str]], bool]:
    return lambda lines: bool(lines) and lines[-1] == f"{reminder} $".lstrip()


def test_a_newcomer_sees_at_once_that_something_happens_and_reads_one_screen_at_a_time() -> None:
    with newcomer("topics") as terminal:
        terminal.wait_for(lambda lines: lines and lines[0].startswith("Starting a cluster for you"))
        introduction = terminal.wait_for(is_prompting("Enter begins"))
        assert any("Topics" in line for line in introduction), "the title has not scrolled away"

        terminal.type("\r")
        step = terminal.wait_for(is_prompting())

        assert any(line.startswith("1/6  Create a topic") for line in step)
        assert "    pk topics --create --topic firstTopic --partitions 3" in step


def test_a_newcomer_may_type_long_commands_line_by_line_as_they_are_shown() -> None:
    with newcomer("keys") as terminal:
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


def test_a_newcomer_learns_how_another_terminal_knows_the_cluster_whenever_it_is_needed() -> None:
    with newcomer("groups") as terminal:
        terminal.wait_for(is_prompting("Enter begins"))
        terminal.type("\r")
        for _ in range(4):
            terminal.wait_for(is_prompting())
            terminal.type("skip\r")
            terminal.wait_for(is_prompting("Enter continues"))
            terminal.type("\r")
        step = terminal.wait_for(is_prompting())

    assert any(line.startswith("5/8") for line in step)
    assert any(TEMPORARY.fullmatch(line.strip()) for line in step)
    assert "Then type there:" in step


def remains_of(directory: str) -> list[str]:
    """The directory of a tutorial, and the processes that belong to it."""
    remains = [directory] if Path(directory).exists() else []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if process.environ().get(MARK) == directory or any(directory in word for word in words):
                remains.append(f"{process.pid}: {' '.join(words)}")
    return remains


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_tutorial_that_is_ended_leaves_nothing_running(number: signal.Signals) -> None:
    with learning("topics") as learner:
        learner.sees(prompt="Enter begins $")
        directory = learner.directory
        assert remains_of(directory)

        learner.terminal.signal(number)

        assert learner.terminal.end() == 128 + number
        assert not remains_of(directory)


@pytest.mark.parametrize("chapter", ["topics", "replication"])
def test_a_tutorial_that_is_killed_takes_its_servers_with_it(chapter: str) -> None:
    with newcomer(chapter) as terminal:
        screen = terminal.wait_for(is_prompting("Enter begins"))
        found = TEMPORARY.search("".join(screen))
        assert found
        assert remains_of(found[1])

        terminal.signal(signal.SIGKILL)
        terminal.process.wait()

    until(lambda: not remains_of(found[1]), lambda: "\n".join(remains_of(found[1])))


def test_a_tutorial_whose_terminal_is_closed_ends_with_all_that_runs_in_it() -> None:
    with newcomer("topics") as terminal:
        found = TEMPORARY.search("".join(terminal.wait_for(is_prompting("Enter begins"))))
        assert found
        terminal.type("\r")
        terminal.wait_for(is_prompting())
        terminal.type("pk console-producer --topic other\r")
        terminal.wait_for(lambda lines: lines[-1] == ">")
        terminal.close()
        assert terminal.process.wait(PATIENCE_S) == 128 + signal.SIGHUP

    until(lambda: not remains_of(found[1]), lambda: "\n".join(remains_of(found[1])))


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
