"""pk console-producer at a terminal: what a person sees who types, as a terminal emulator shows it."""

import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.consoles import Talk
from tests.support.polling import until
from tests.support.running import RunningCluster, pk
from tests.support.terminal import Terminal

LEFT, UP, HOME, ALT_ENTER, CTRL_C, CTRL_D, CTRL_R = "\x1b[D", "\x1b[A", "\x01", "\x1b\r", "\x03", "\x04", "\x12"


@pytest.fixture
def topic(cluster: RunningCluster, request: pytest.FixtureRequest) -> str:
    """One that exists, so that nothing has to be said of it."""
    name = request.node.name.partition("[")[0]
    created = pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--if-not-exists", "--topic", name)
    assert created.returncode == 0, created.stderr
    return name


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """Where lines are kept."""
    return {"XDG_STATE_HOME": str(tmp_path)}


@contextmanager
def typing(
    cluster: RunningCluster, topic: str, *words: str, env: dict[str, str], columns: int = 80
) -> Iterator[Terminal]:
    """A producer that shows its prompt."""
    command = ("console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, *words)
    with Terminal(command, env=env, columns=columns) as terminal:
        terminal.wait_for(lambda lines: lines == [">"] and terminal.is_raw)
        yield terminal


def finish(terminal: Terminal) -> Sequence[str]:
    """Ctrl-D; the screen then."""
    terminal.type(CTRL_D)
    assert terminal.end() == 0, terminal.lines
    return terminal.lines


def records(cluster: RunningCluster, topic: str, *words: str) -> list[str]:
    where = ("--bootstrap-server", cluster.bootstrap, "--topic", topic)
    done = pk("console-consumer", *where, "--from-beginning", "--exit-at-end", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_line_is_edited_before_it_leaves(cluster: RunningCluster, topic: str, state: dict[str, str]) -> None:
    with typing(cluster, topic, env=state) as terminal:
        terminal.type(f"helo{LEFT}l{HOME}>> \r")
        terminal.wait_for(lambda lines: lines == [">>> hello", ">"])
        finish(terminal)

    assert records(cluster, topic) == [">> hello"]


def test_a_line_leaves_when_enter_is_pressed(cluster: RunningCluster, topic: str, state: dict[str, str]) -> None:
    words = ("console-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, "--from-beginning")
    with Talk(words) as consumer, typing(cluster, topic, env=state) as terminal:
        terminal.type("now\r")
        consumer.read_until("now\n")
        finish(terminal)


def test_lines_wait_for_others_where_that_was_asked_for(
    cluster: RunningCluster, topic: str, state: dict[str, str]
) -> None:
    with typing(cluster, topic, "--timeout", "100000", env=state) as terminal:
        terminal.type("one\rtwo\r")
        terminal.wait_for(lambda lines: lines == [">one", ">two", ">"])
        assert records(cluster, topic) == []
        finish(terminal)

    assert records(cluster, topic) == ["one", "two"]


def test_tab_separates_a_key_from_its_value(cluster: RunningCluster, topic: str, state: dict[str, str]) -> None:
    with typing(cluster, topic, "--property", "parse.key=true", env=state) as terminal:
        terminal.type("k\tv\r")
        terminal.wait_for(lambda lines: lines == [">k       v", ">"])
        finish(terminal)

    assert records(cluster, topic, "--property", "print.key=true") == ["k\tv"]


def test_a_line_longer_than_the_terminal_s_own_limit_is_sent_whole(
    cluster: RunningCluster, topic: str, state: dict[str, str]
) -> None:
    line = "0123456789" * 1000  # a terminal that is not in raw mode keeps 4095 bytes
    with typing(cluster, topic, env=state) as terminal:
        terminal.type(f"{line}\r")
        terminal.wait_for(lambda lines: lines[-1] == ">" and len(lines) > 1)
        finish(terminal)

    assert records(cluster, topic) == [line]


def test_what_is_pasted_leaves_with_enter_line_by_line(
    cluster: RunningCluster, topic: str, state: dict[str, str]
) -> None:
    with typing(cluster, topic, env=state) as terminal:
        terminal.paste("one\r\ntwo\rthree\n")
        terminal.wait_for(lambda lines: lines == [">one", "two", "three"])
        assert records(cluster, topic) == []
        terminal.type("!\r")
        terminal.wait_for(lambda lines: lines == [">one", "two", "three!", ">"])
        finish(terminal)

    assert records(cluster, topic) == ["one", "two", "three!"]


def test_lines_that_a_terminal_pastes_as_keys_are_records(
    cluster: RunningCluster, topic: str, state: dict[str, str]
) -> None:
    lines = [f"line {number}" for number in range(300)]
    with typing(cluster, topic, env=state) as terminal:
        terminal.type("".join(f"{line}\r" for line in lines))
        terminal.wait_for(lambda shown: shown[-2:] == [">line 299", ">"])
        finish(terminal)

    assert records(cluster, topic) == lines


def test_alt_enter_begins_another_line(cluster: RunningCluster, topic: str, state: dict[str, str]) -> None:
    with typing(cluster, topic, env=state) as terminal:
        terminal.type(f"one{ALT_ENTER}two")
        terminal.wait_for(lambda lines: lines == [">one", "two"])
        terminal.type("\r")
        terminal.wait_for(lambda lines: lines == [">one", "two", ">"])
        finish(terminal)

    assert records(cluster, topic) == ["one", "two"]


def test_a_json_record_may_have_several_lines(cluster: RunningCluster, topic: str, state: dict[str, str]) -> None:
    with typing(cluster, topic, "--input", "json", env=state) as terminal:
        terminal.type('{"key": "k",\r"value": {\r"n": 1}}\r')
        terminal.wait_for(lambda lines: lines == ['>{"key": "k",', '"value": {', '"n": 1}}', ">"])
        terminal.paste('{\n  "value": "a"\n}\n{"value": "b"}\n')
        terminal.type("\r")
        terminal.wait_for(lambda lines: lines[-1] == ">" and len(lines) > 6)
        finish(terminal)

    assert records(cluster, topic) == ['{"n":1}', "a", "b"]


def test_a_typing_error_does_not_end_the_dialogue(cluster: RunningCluster, topic: str, state: dict[str, str]) -> None:
    with typing(cluster, topic, "--property", "parse.key=true", env=state, columns=120) as terminal:
        terminal.type("typo\r")
        terminal.wait_for(lambda lines: len(lines) == 3 and lines[-1] == ">")
        assert "No key separator found on line number 1: 'typo'" in terminal.lines[1]
        terminal.type("k\tv\r")
        terminal.wait_for(lambda lines: len(lines) == 4)
        terminal.type(CTRL_D)
        assert terminal.end() == 1

    assert records(cluster, topic) == ["v"]


def test_lines_come_back_from_earlier_runs(cluster: RunningCluster, topic: str, state: dict[str, str]) -> None:
    with typing(cluster, topic, env=state) as terminal:
        terminal.type("alpha\rbeta\r secret\r")
        terminal.wait_for(lambda lines: lines[-2:] == ["> secret", ">"])
        terminal.type(UP)
        terminal.wait_for_line("> secret")  # as long as the command runs
        terminal.type("\r")
        finish(terminal)
    with typing(cluster, topic, env=state) as terminal:
        terminal.type(UP)
        terminal.wait_for(lambda lines: lines == [">beta"])
        terminal.type(f"{CTRL_R}alp")
        terminal.wait_for(lambda lines: any(">alpha" in line for line in lines))
        terminal.type("\r\r")
        terminal.wait_for(lambda lines: lines == [">alpha", ">"])
        finish(terminal)

    (file,) = Path(state["XDG_STATE_HOME"]).rglob("*history*")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == '"alpha"\n"beta"\n"alpha"\n'


@pytest.mark.parametrize(("words", "variables"), [(("--no-history",), {}), ((), {"PK_HISTORY": ""})])
def test_no_line_is_kept_if_so_asked(
    cluster: RunningCluster, topic: str, tmp_path: Path, words: tuple[str, ...], variables: dict[str, str]
) -> None:
    state = {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path), **variables}
    with typing(cluster, topic, *words, env=state) as terminal:
        terminal.type("alpha\r")
        terminal.wait_for(lambda lines: lines == [">alpha", ">"])
        finish(terminal)

    assert list(tmp_path.rglob("*history*")) == []


def test_ctrl_c_sends_what_was_completed_and_drops_the_rest(
    cluster: RunningCluster, topic: str, state: dict[str, str]
) -> None:
    with typing(cluster, topic, "--timeout", "100000", env=state) as terminal:
        terminal.type("whole\rpart")
        terminal.wait_for(lambda lines: lines == [">whole", ">part"])
        terminal.type(CTRL_C)
        assert terminal.end() == 130
        assert not terminal.is_raw

    assert records(cluster, topic) == ["whole"]


def test_a_terminal_that_only_prints_gets_the_plain_prompt(
    cluster: RunningCluster, topic: str, state: dict[str, str]
) -> None:
    words = ("console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", topic)
    with Terminal(words, env={**state, "TERM": "dumb"}) as terminal:
        terminal.wait_for(lambda lines: lines == [">"])
        assert not terminal.is_raw
        terminal.type("plain\n")
        terminal.wait_for(lambda lines: lines == [">plain", ">"])
        terminal.type(CTRL_D)
        assert terminal.end() == 0
        assert b"\x1b" not in terminal.printed

    assert records(cluster, topic) == ["plain"]


def test_one_line_when_the_broker_goes_and_one_when_it_is_back(tmp_path: Path) -> None:
    cluster = RunningCluster(tmp_path / "data")
    try:
        pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", "t")
        with typing(cluster, "t", env={"XDG_STATE_HOME": str(tmp_path)}) as terminal:
            terminal.type("before\rhalf")
            terminal.wait_for(lambda lines: lines == [">before", ">half"])
            gone = f"{cluster.bootstrap} is gone. Lines wait for it, up to 120 s."
            cluster.kill()
            terminal.wait_for(lambda lines: lines == [">before", gone, ">half"])
            terminal.type(" a line\rmore")
            terminal.wait_for(lambda lines: lines == [">before", gone, ">half a line", ">more"])
            cluster.start()
            back = f"{cluster.bootstrap} is back."
            terminal.wait_for(lambda lines: lines == [">before", gone, ">half a line", back, ">more"])
            until(lambda: records(cluster, "t") == ["before", "half a line"])
            terminal.type("\r")
            terminal.wait_for(lambda lines: lines[-2:] == [">more", ">"])
            finish(terminal)

        assert records(cluster, "t") == ["before", "half a line", "more"]
    finally:
        cluster.stop()


def test_what_goes_over_the_wire_appears_above_the_prompt(
    cluster: RunningCluster, topic: str, state: dict[str, str]
) -> None:
    where = ("--bootstrap-server", cluster.bootstrap, "--topic", topic)
    with Terminal(("console-producer", *where, "--show-wire"), env=state) as terminal:
        terminal.wait_for(lambda lines: lines and lines[-1] == ">" and terminal.is_raw)
        terminal.type("one\r")
        terminal.wait_for(lambda lines: any("← Produce" in line for line in lines) and lines[-1] == ">")
        terminal.type("tw")
        terminal.wait_for(lambda lines: lines[-1] == ">tw")
        terminal.type("o\r")
        terminal.wait_for(lambda lines: ">two" in terminal.scrolled and lines[-1] == ">")
        finish(terminal)

    assert records(cluster, topic) == ["one", "two"]


def test_ctrl_d_counts_even_before_there_is_a_prompt(
    cluster: RunningCluster, topic: str, state: dict[str, str]
) -> None:
    command = ("console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", topic)
    with Terminal(command, env=state) as terminal:
        assert not terminal.is_raw
        terminal.type(f"early\r{CTRL_D}")
        assert terminal.end() == 0

    assert records(cluster, topic) == ["early"]
