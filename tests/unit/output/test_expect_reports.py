"""Reports for CI servers, read back: TAP by its grammar, the XML by its schema, GitHub's lines unescaped."""

import re
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
import yaml

from pykafka_cli.output.expect_reports import MOST_ANNOTATIONS, github_errors, junit, tap
from pykafka_cli.rules.expect_ledger import Assertion, Outcome

STARTED = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
ASSERTIONS = [
    Assertion("orders: 3 records", Outcome.MET),
    Assertion("orders: want.jsonl line 3", Outcome.UNMET, 'did not arrive: 100%, "a" & <b>', line=3, wanted=1),
    Assertion("lag=g#1:0 \\ \x1b[31m", Outcome.SKIPPED, "not all records arrived"),
]


def explain(assertion: Assertion) -> str:
    return f"{assertion.name}\n  wanted: 1\x00\n  100%"


class Point(NamedTuple):
    is_ok: bool
    number: int
    description: str
    diagnostics: object


def parse_tap(lines: list[str]) -> list[Point]:
    """A document of TAP 14 without subtests: version, plan, test points, each with a YAML block or none."""
    assert lines[0] == "TAP version 14"
    plan = re.fullmatch(r"1\.\.(\d+)", lines[1])
    assert plan
    points: list[Point] = []
    block: list[str] | None = None
    for line in lines[2:]:
        if block is not None:
            assert line.startswith("  ")
            if line == "  ...":
                points[-1] = points[-1]._replace(diagnostics=yaml.safe_load("\n".join(block)))
                block = None
            else:
                block.append(line[2:])
        elif line == "  ---":
            block = []
        else:
            found = re.fullmatch(r"(not )?ok (\d+) - ((?:[^#\\\n]|\\[#\\])+)", line)
            assert found, line
            points.append(Point(not found[1], int(found[2]), re.sub(r"\\([#\\])", r"\1", found[3]), None))
    assert block is None
    assert [point.number for point in points] == list(range(1, int(plan[1]) + 1))
    return points


def test_tap_has_a_point_for_each_assertion() -> None:
    lines = list(tap(ASSERTIONS, explain))

    met, unmet, skipped = parse_tap(lines)
    assert met == Point(True, 1, "orders: 3 records", None)
    assert (unmet.is_ok, unmet.description) == (False, "orders: want.jsonl line 3")
    assert unmet.diagnostics == {
        "message": 'did not arrive: 100%, "a" & <b>',
        "severity": "fail",
        "details": ["wanted: 1\x00", "100%"],
    }
    assert (skipped.is_ok, skipped.description) == (False, ASSERTIONS[2].name)
    assert all("\n" not in line for line in lines)


def test_junit_has_a_case_for_each_assertion() -> None:
    root = ElementTree.fromstring(junit(ASSERTIONS, explain, elapsed=1.5, started=STARTED, suite="pk expect orders"))

    (suite,) = root
    counts = {"tests": "3", "failures": "1", "errors": "0", "skipped": "1", "time": "1.500"}
    assert (root.tag, root.attrib) == ("testsuites", {"name": "pk expect", **counts})
    assert suite.attrib == {"name": "pk expect orders", "timestamp": "2026-01-02T03:04:05+00:00", **counts}
    assert [case.attrib for case in suite] == [
        {"classname": "pk expect orders", "name": "orders: 3 records", "time": "0.000"},
        {"classname": "pk expect orders", "name": "orders: want.jsonl line 3", "time": "0.000"},
        {"classname": "pk expect orders", "name": "lag=g#1:0 \\ \ufffd[31m", "time": "1.500"},
    ]
    met, unmet, skipped = ([(each.tag, each.attrib, each.text) for each in case] for case in suite)
    assert met == []
    failure = {"message": 'did not arrive: 100%, "a" & <b>', "type": "unmet"}
    assert unmet == [("failure", failure, "orders: want.jsonl line 3\n  wanted: 1\ufffd\n  100%")]
    assert skipped == [("skipped", {"message": "not all records arrived"}, None)]


def test_github_shows_what_is_not_met_at_its_line() -> None:
    (error,) = github_errors(ASSERTIONS, explain, file="a,b:c.jsonl")

    assert error == (
        "::error file=a%2Cb%3Ac.jsonl,line=3,title=pk expect%3A orders%3A want.jsonl line 3"
        "::orders: want.jsonl line 3%0A  wanted: 1\x00%0A  100%25"
    )


@pytest.mark.parametrize("line", [None, 3])
def test_without_a_file_github_shows_only_a_title(line: int | None) -> None:
    (error,) = github_errors([Assertion("lag=g:0", Outcome.UNMET, line=line)], lambda _: "why\r\n", file=None)

    assert error == "::error title=pk expect%3A lag=g%3A0::why%0D%0A"


def test_github_gets_as_many_errors_as_it_shows() -> None:
    many = [Assertion(str(number), Outcome.UNMET) for number in range(20)]

    assert len(list(github_errors(many, lambda _: "", file=None))) == MOST_ANNOTATIONS
