"""The README's picture: `make picture` records it from a real session."""

import pytest

from demo.picture import PICTURE, SESSION, drawn, record
from demo.terminal import WrongResult
from tests.support.running import RunningCluster


def text_of(picture: str) -> str:
    return picture.replace("&#160;", " ")


def test_the_picture_shows_the_commands_that_its_script_runs() -> None:
    shown = text_of(PICTURE.read_text())

    assert [command for command in SESSION if f">{command}</text>" not in shown] == []


def test_the_session_runs_on_a_terminal_and_its_tables_are_drawn(fresh_cluster: RunningCluster) -> None:
    shown = text_of(drawn(record(SESSION, fresh_cluster.bootstrap)))

    assert ">Created topic orders.</text>" in shown
    assert ">Processed a total of 3 messages</text>" in shown
    assert ">PARTITION</text>" in shown
    assert ">  offset: 1000</text>" in shown


def test_a_command_that_fails_is_no_picture(fresh_cluster: RunningCluster) -> None:
    with pytest.raises(WrongResult, match="`pk topics --describe --topic nowhere` left with status 1"):
        record(["pk topics --describe --topic nowhere"], fresh_cluster.bootstrap)
