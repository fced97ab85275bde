"""What pk wait reports in the end."""

import json

import pytest

from pykafka_cli.output.render import OutputFormat
from pykafka_cli.output.wait import missing_lines, show_result

WORDS = ["broker", "topic=t"]
REASONS = {0: ("cannot connect", "Start one."), 1: ("the topic does not exist", "")}


def test_each_condition_that_is_missing_has_a_line_and_what_would_help_another() -> None:
    assert list(missing_lines(WORDS, REASONS)) == [
        "  broker: cannot connect",
        "    Start one.",
        "  topic=t: the topic does not exist",
    ]


@pytest.mark.parametrize("form", [OutputFormat.KAFKA, OutputFormat.TABLE])
def test_without_a_document_nothing_is_printed(form: OutputFormat, capsys: pytest.CaptureFixture[str]) -> None:
    show_result(form, WORDS, {}, 1.0)

    assert capsys.readouterr().out == ""


def test_a_document_has_every_condition(capsys: pytest.CaptureFixture[str]) -> None:
    show_result(OutputFormat.JSON, WORDS, {0: REASONS[0]}, 1.2345)

    document = json.loads(capsys.readouterr().out)
    assert (document["met"], document["elapsed_ms"]) == (False, 1234)
    assert document["conditions"][0] == {
        "condition": "broker",
        "met": False,
        "reason": "cannot connect",
        "hint": "Start one.",
    }
    assert document["conditions"][1]["met"]
