"""What pk expect reports of a failure: to people, and as a document."""

from typing import Any

import pytest

from pykafka_cli.model import Offset, TopicPartition
from pykafka_cli.output.expect import Summary, assertion_document, document, explained, failure_lines, show_result
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.rules.expect_json import NOTHING, Difference
from pykafka_cli.rules.expect_ledger import Assertion, Nearest, Outcome
from pykafka_cli.rules.expect_records import Came

CAME = Came(TopicPartition("orders", 0), Offset(17), "k", '{"id":3}', (("h", "v"),))
DIFFERENCES = (Difference(".state", "paid", "new"), Difference(".total", 5, NOTHING))
WANT = Assertion(
    "orders: want.jsonl line 3",
    Outcome.UNMET,
    "did not arrive",
    line=3,
    wanted={"state": "paid"},
    nearest=Nearest(CAME, DIFFERENCES, is_json=True),
)


def summary(**changes: Any) -> Summary:
    failed = Summary(
        is_met=False, timed_out=True, elapsed=5.04, within=5, seen=4, counted=3, problem="", hint="", notes=()
    )
    return failed._replace(**changes)


def texts(assertion: Assertion) -> list[str]:
    return [line.text for line in explained(assertion)]


def test_a_want_that_did_not_come_is_shown_beside_what_is_most_like_it() -> None:
    assert texts(WANT) == [
        "  orders: want.jsonl line 3 did not arrive",
        '    wanted {"state": "paid"}',
        '    most like it is orders-0, offset 17, key "k":',
        '      - .state: "paid"',
        '      + .state: "new"',
        "      - .total: 5",
        "      + .total: nothing",
    ]
    assert [line.style for line in explained(WANT)][3:5] == ["red", "green"]


def test_what_is_not_json_and_what_another_line_has() -> None:
    no_json = WANT._replace(nearest=Nearest(CAME._replace(key=None, value="hex:00"), DIFFERENCES, is_json=False))
    used = WANT._replace(nearest=Nearest(CAME, (), is_json=True))

    assert texts(no_json)[-1] == "    nothing like it arrived; orders-0, offset 17, is not JSON: hex:00"
    assert texts(used)[-1] == '    another line has orders-0, offset 17, key "k"'


def test_records_that_are_too_many_are_listed() -> None:
    surplus = Assertion("orders: no other records", Outcome.UNMET, "3 records too many", records=(CAME,), more=2)

    assert texts(surplus) == [
        "  orders: no other records: 3 records too many",
        '    orders-0, offset 17, key "k", header h="v", value "{\\"id\\":3}"',
        "    and 2 more",
    ]


def test_long_reports_are_cut() -> None:
    many = WANT._replace(nearest=Nearest(CAME, DIFFERENCES * 6, is_json=True))

    assert texts(many)[-1] == "      and 2 more differences"
    assert [line.text for line in failure_lines(summary(), [WANT] * 21)][-1] == "  and 1 more"


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, ["Timed out after 5 s:"]),
        ({"timed_out": False}, ["Not met after 5.0 s:"]),
        (
            {"problem": "cannot connect", "hint": "Start it.", "notes": ["Gone."]},
            ["Timed out after 5 s: cannot connect", "  Start it.", "  Note: Gone."],
        ),
    ],
)
def test_the_first_line_says_how_it_ended(changes: dict[str, Any], lines: list[str]) -> None:
    assert [line.text for line in failure_lines(summary(**changes), [])] == lines


def test_what_is_not_checked_says_so() -> None:
    assert texts(Assertion("lag=g:0", Outcome.SKIPPED, "not all records arrived", "Wait.")) == [
        "  lag=g:0: not checked: not all records arrived",
        "    Wait.",
    ]


def test_a_document_has_everything() -> None:
    result = document(summary(notes=["Gone."]), [WANT])

    assert (result["met"], result["timed_out"], result["elapsed_ms"]) == (False, True, 5040)
    (found,) = result["assertions"]
    assert (found["outcome"], found["line"], found["wanted"], found["came"]) == ("unmet", 3, {"state": "paid"}, None)
    assert found["nearest"]["record"]["headers"] == [{"key": "h", "value": "v"}]
    assert found["nearest"]["differences"][1] == {"path": ".total", "wanted": 5, "came": None, "is_missing": True}
    assert assertion_document(Assertion("a", Outcome.MET, came=CAME))["came"]["offset"] == 17


def test_a_success_is_silent_in_a_pipe_and_a_line_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    met = summary(is_met=True, timed_out=False)

    show_result(OutputFormat.KAFKA, met, [])
    assert capsys.readouterr().out == ""
    show_result(OutputFormat.TABLE, met, [])
    assert capsys.readouterr().out == "Met after 5.0 s: 3 records.\n"
    show_result(OutputFormat.TABLE, met._replace(seen=0, counted=0), [])
    assert capsys.readouterr().out == "Met after 5.0 s: all conditions.\n"
