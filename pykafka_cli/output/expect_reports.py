"""Assertions for CI servers: TAP 14, JUnit's XML, and the error lines of GitHub Actions.

source    https://testanything.org/tap-version-14-specification.html; junit-10.xsd of Jenkins' xunit-plugin;
          packages/core/src/command.ts of actions/toolkit
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from textwrap import indent
from xml.etree import ElementTree

from pykafka_cli.output.documents import as_yaml
from pykafka_cli.rules.expect_ledger import Assertion, Outcome

SUITE = "pk expect"
MOST_ANNOTATIONS = 10
"""The number of errors of one step that GitHub shows."""

Explain = Callable[[Assertion], str]
"""Explains an unmet assertion to people, in several lines."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


# ---- TAP 14


def print_tap(assertions: Sequence[Assertion], explain: Explain) -> None:
    print(*tap(assertions, explain), sep="\n")


def tap(assertions: Sequence[Assertion], explain: Explain) -> Iterator[str]:
    """The lines, without line ends."""
    yield "TAP version 14"
    yield f"1..{len(assertions)}"
    for number, each in enumerate(assertions, 1):
        name = _in_tap(each.name)
        if each.outcome is Outcome.MET:
            yield f"ok {number} - {name}"
        elif each.outcome is Outcome.SKIPPED:
            # Not ok, since the result is unknown, and a skipped test counts as passed.
            yield f"not ok {number} - {name}"
            yield from _diagnostics({"message": f"not checked: {each.reason}", "severity": "skip"})
        else:
            yield f"not ok {number} - {name}"
            _, *details = explain(each).splitlines()
            found = {"details": [line.removeprefix("  ") for line in details]} if details else {}
            yield from _diagnostics({"message": each.reason, "severity": "fail", **found})


def _in_tap(text: str) -> str:
    """A description on one line; `#` would start a directive."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("#", "\\#")


def _diagnostics(document: Mapping[str, object]) -> Iterator[str]:
    yield "  ---"
    yield from indent(as_yaml(document), "  ").splitlines()
    yield "  ..."


# ---- JUnit


def junit(
    assertions: Sequence[Assertion], explain: Explain, *, elapsed: float, started: datetime, suite: str = SUITE
) -> str:
    """A document of one suite, with a test case for each assertion.

    elapsed    seconds; all assertions wait for the same records, so the last case has them all
    """
    counts = {
        "tests": len(assertions),
        "failures": sum(each.outcome is Outcome.UNMET for each in assertions),
        "errors": 0,
        "skipped": sum(each.outcome is Outcome.SKIPPED for each in assertions),
    }
    numbers = {**{name: str(count) for name, count in counts.items()}, "time": f"{elapsed:.3f}"}
    root = ElementTree.Element("testsuites", {"name": SUITE, **numbers})
    timestamp = started.isoformat(timespec="seconds")
    top = ElementTree.SubElement(root, "testsuite", {"name": _in_xml(suite), "timestamp": timestamp, **numbers})
    for number, each in enumerate(assertions, 1):
        time = elapsed if number == len(assertions) else 0.0
        case = ElementTree.SubElement(
            top, "testcase", classname=_in_xml(suite), name=_in_xml(each.name), time=f"{time:.3f}"
        )
        if each.outcome is Outcome.UNMET:
            failure = ElementTree.SubElement(case, "failure", message=_in_xml(each.reason), type="unmet")
            failure.text = _in_xml(explain(each))
        elif each.outcome is Outcome.SKIPPED:
            ElementTree.SubElement(case, "skipped", message=_in_xml(each.reason))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False)


def _in_xml(text: str) -> str:
    """The text without characters that XML cannot represent."""
    return _NOT_IN_XML.sub("\ufffd", text)


# ---- GitHub Actions


def github_errors(assertions: Sequence[Assertion], explain: Explain, *, file: str | None) -> Iterator[str]:
    """A command for each unmet assertion; one of a line in a file is shown at that line.

    file    the file of the expected records, as the workflow knows it
    """
    unmet = [each for each in assertions if each.outcome is Outcome.UNMET]
    for each in unmet[:MOST_ANNOTATIONS]:
        properties = {"title": f"{SUITE}: {each.name}"}
        if file and each.line is not None:
            properties = {"file": file, "line": str(each.line), **properties}
        listed = ",".join(f"{name}={_as_property(value)}" for name, value in properties.items())
        yield f"::error {listed}::{_as_data(explain(each))}"


def _as_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _as_property(text: str) -> str:
    return _as_data(text).replace(":", "%3A").replace(",", "%2C")
