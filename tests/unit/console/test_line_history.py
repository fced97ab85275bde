"""The file of what was typed."""

import json
import stat
from pathlib import Path

import pytest

from pykafka_cli.console.line_history import MOST_CHARACTERS, MOST_ENTRIES, HistoryFile, history_file


def test_what_was_typed_is_read_again_whatever_it_consists_of(tmp_path: Path) -> None:
    file = tmp_path / "pk" / "history"
    for entry in ("ä\tb", "two\nlines", '"quoted"', "\x1b[31m"):
        HistoryFile(file).append(entry)

    assert HistoryFile(file).read() == ["ä\tb", "two\nlines", '"quoted"', "\x1b[31m"]


def test_only_the_user_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "pk" / "history"
    file.parent.mkdir()
    file.touch(0o644)

    HistoryFile(file).append("entry")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_folder_is_the_user_s_as_well(tmp_path: Path) -> None:
    HistoryFile(tmp_path / "pk" / "history").append("entry")

    assert stat.S_IMODE((tmp_path / "pk").stat().st_mode) == 0o700


@pytest.mark.parametrize("entry", ["", " after a space", "\tafter a tab", "x" * (MOST_CHARACTERS + 1)])
def test_some_entries_are_not_kept(tmp_path: Path, entry: str) -> None:
    HistoryFile(tmp_path / "history").append(entry)

    assert HistoryFile(tmp_path / "history").read() == []


def test_old_entries_are_removed(tmp_path: Path) -> None:
    file = tmp_path / "history"
    file.write_text("".join(f"{json.dumps(str(number))}\n" for number in range(MOST_ENTRIES + 5)))

    entries = HistoryFile(file).read()

    assert (len(entries), entries[0], entries[-1]) == (MOST_ENTRIES, "5", str(MOST_ENTRIES + 4))
    assert len(file.read_bytes().splitlines()) == MOST_ENTRIES
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_lines_that_are_no_entries_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "history"
    file.write_bytes(b'"one"\n\xff\xfe\n[1]\n"unfinished\n\n"two"\n')

    assert HistoryFile(file).read() == ["one", "two"]


def test_a_place_that_cannot_be_written_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    history = HistoryFile(tmp_path / "file" / "history")

    history.append("entry")

    assert history.read() == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"XDG_STATE_HOME": "/state"}, Path("/state/pk/h")),
        ({"XDG_STATE_HOME": "", "HOME": "/home/me"}, Path("/home/me/.local/state/pk/h")),
        ({"PK_HISTORY": "/elsewhere"}, Path("/elsewhere")),
        ({"PK_HISTORY": ""}, None),
    ],
)
def test_a_variable_says_where_it_is(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: Path | None
) -> None:
    monkeypatch.delenv("PK_HISTORY", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert history_file("h") == expected
