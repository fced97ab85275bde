"""`pk expect`: the result for people, on stderr, and as a document.

Timed out after 5 s:
  orders: want.jsonl line 3 did not come: {"id": 3, "state": "paid"}
    most like it is orders-0, offset 17, key "k":
      - .state: "paid"
      + .state: "new"
"""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pykafka_cli.output.render import OutputFormat, show
from pykafka_cli.rules.expect_json import NOTHING, Difference
from pykafka_cli.rules.expect_ledger import Assertion, Nearest, Outcome
from pykafka_cli.rules.expect_records import Came, quoted, shortened

_MOST_DIFFERENCES = 10
_MOST_ASSERTIONS = 20
"""Number of unmet assertions that are explained on stderr; a report has all."""

WANTED, CAME, PLACE = "red", "green", "bold"


class Line(NamedTuple):
    """A line for people; the style is one of rich's, for a terminal."""

    text: str
    style: str = ""


class Summary(NamedTuple):
    """The result of a run. The time is in seconds; `problem` is what kept the topic from being read."""

    is_met: bool
    timed_out: bool
    elapsed: float
    within: float
    seen: int
    counted: int
    problem: str
    hint: str
    notes: Sequence[str]


# ---- for people


def failure_lines(summary: Summary, assertions: Sequence[Assertion]) -> Iterator[Line]:
    yield Line(headline(summary), PLACE)
    if summary.hint:
        yield Line(f"  {summary.hint}")
    missing = [each for each in assertions if each.outcome is not Outcome.MET]
    for each in missing[:_MOST_ASSERTIONS]:
        yield from explained(each)
    if len(missing) > _MOST_ASSERTIONS:
        yield Line(f"  and {len(missing) - _MOST_ASSERTIONS} more")
    for note in summary.notes:
        yield Line(f"  Note: {note}")


def headline(summary: Summary) -> str:
    how = f"Timed out after {summary.within:g} s" if summary.timed_out else f"Not met after {summary.elapsed:.1f} s"
    return f"{how}: {summary.problem}" if summary.problem else f"{how}:"


def explained(assertion: Assertion) -> Iterator[Line]:
    """Why an assertion is not met, with indents of two spaces for the first line and more for the others."""
    is_want = assertion.wanted is not NOTHING
    not_checked = "not checked: " if assertion.outcome is Outcome.SKIPPED else ""
    separator = " " if is_want else ": "
    yield Line(f"  {assertion.name}{separator}{not_checked}{assertion.reason}", PLACE)
    if assertion.hint:
        yield Line(f"    {assertion.hint}")
    if is_want:
        yield Line(f"    wanted {value_text(assertion.wanted)}")
    if assertion.nearest:
        yield from _nearest_lines(assertion.nearest)
    for came in assertion.records:
        yield Line(f"    {record_text(came)}", CAME)
    if assertion.records and assertion.more:
        yield Line(f"    and {assertion.more} more")


def _nearest_lines(nearest: Nearest) -> Iterator[Line]:
    came = nearest.came
    key = f", key {quoted(came.key)}" if came.key is not None else ""
    if not nearest.is_json:
        yield Line(f"    nothing like it arrived; {came.place}{key}, is not JSON: {quoted(came.value)}")
        return
    if not nearest.differences:
        yield Line(f"    another line has {came.place}{key}")
        return
    yield Line(f"    most like it is {came.place}{key}:")
    for each in nearest.differences[:_MOST_DIFFERENCES]:
        yield Line(f"      - {each.path}: {value_text(each.wanted)}", WANTED)
        yield Line(f"      + {each.path}: {_came_text(each)}", CAME)
    if len(nearest.differences) > _MOST_DIFFERENCES:
        yield Line(f"      and {len(nearest.differences) - _MOST_DIFFERENCES} more differences")


def _came_text(difference: Difference) -> str:
    return "nothing" if difference.came is NOTHING else value_text(difference.came)


def value_text(value: Any) -> str:
    """JSON for people: on one line, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return shortened("".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text))


def record_text(came: Came) -> str:
    headers = "".join(f", header {name}={quoted(value)}" for name, value in came.headers)
    return f"{came.place}, key {quoted(came.key)}{headers}, value {quoted(came.value)}"


def print_lines(lines: Iterator[Line]) -> None:
    """Print lines to stderr, in color on a terminal."""
    if not sys.stderr.isatty():
        print(*(line.text for line in lines), sep="\n", file=sys.stderr, flush=True)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    for line in lines:
        console.print(Text(line.text, style=line.style), soft_wrap=True)


# ---- for programs


def show_result(form: OutputFormat, summary: Summary, assertions: Sequence[Assertion]) -> None:
    """Print the result to stdout; nothing in the scripts' form, where the exit status suffices."""
    count = f"{summary.counted} record{'' if summary.counted == 1 else 's'}" if summary.seen else "all conditions"
    met = [f"Met after {summary.elapsed:.1f} s: {count}."] if summary.is_met else []
    show(form, text=str, table=lambda: met, document=lambda: document(summary, assertions))


def document(summary: Summary, assertions: Sequence[Assertion]) -> dict[str, Any]:
    return {
        "met": summary.is_met,
        "timed_out": summary.timed_out,
        "elapsed_ms": round(summary.elapsed * 1000),
        "records_read": summary.seen,
        "records_counted": summary.counted,
        "problem": summary.problem or None,
        "hint": summary.hint or None,
        "notes": list(summary.notes),
        "assertions": [assertion_document(each) for each in assertions],
    }


def assertion_document(assertion: Assertion) -> dict[str, Any]:
    """Missing values are null, or empty lists."""
    return {
        "name": assertion.name,
        "outcome": assertion.outcome.value,
        "reason": assertion.reason or None,
        "hint": assertion.hint or None,
        "line": assertion.line,
        "wanted": None if assertion.wanted is NOTHING else assertion.wanted,
        "came": _record_document(assertion.came),
        "nearest": _nearest_document(assertion.nearest),
        "records": [_record_document(each) for each in assertion.records],
        "more_records": assertion.more,
    }


def _record_document(came: Came | None) -> dict[str, Any] | None:
    if came is None:
        return None
    return {
        "topic": came.partition.topic,
        "partition": came.partition.partition,
        "offset": came.offset,
        "headers": [{"key": name, "value": value} for name, value in came.headers],
        "key": came.key,
        "value": came.value,
    }


def _nearest_document(nearest: Nearest | None) -> dict[str, Any] | None:
    if nearest is None:
        return None
    return {
        "record": _record_document(nearest.came),
        "differences": [
            {
                "path": each.path,
                "wanted": each.wanted,
                "came": None if each.came is NOTHING else each.came,
                "is_missing": each.came is NOTHING,
            }
            for each in nearest.differences
        ],
    }
