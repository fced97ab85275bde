"""A bench continues when a row fails, and says why in a line."""

import sys
from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="the extra `bench` has it")

from benchmarks.__main__ import Selection, in_turns, noting_failure
from benchmarks.table import Row, Table
from benchmarks.tools import seconds

ROW = Row("console producer", "lines/s")


def test_a_failed_command_is_named_with_its_status_and_the_last_that_it_said() -> None:
    table = Table()
    command = [sys.executable, "-c", "import sys; sys.exit('first\\nno | broker')"]
    with noting_failure(table, [ROW], "pk", 60):
        seconds(command)
    (reason,) = table.failures.values()
    assert reason.endswith("ended with status 1: no ¦ broker")


def test_a_measurement_that_hangs_is_noted_like_one_that_fails() -> None:
    table = Table()
    with noting_failure(table, [ROW], "kafka", 0.05):
        seconds([sys.executable, "-c", "import signal; signal.pause()"])
    assert table.failures == {("console producer", "kafka"): "TookTooLong not done within 0 s"}


@pytest.mark.parametrize(("words", "chosen"), [([], True), (["topics", "console"], True), (["consumer"], False)])
def test_rows_are_chosen_by_words_in_their_names(words: Any, chosen: bool) -> None:
    assert (ROW in Selection(words)) is chosen


def test_who_comes_first_changes_from_run_to_run() -> None:
    assert [list(in_turns(["pk", "kafka"], run)) for run in range(2)] == [["pk", "kafka"], ["kafka", "pk"]]
