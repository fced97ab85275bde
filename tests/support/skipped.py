"""What was skipped, at the end of a run: one line for each reason, which for a missing peer says how to get it."""

from collections import Counter
from collections.abc import Iterable

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if reports := terminalreporter.stats.get("skipped"):
        terminalreporter.section("skipped")
        for line in summary(reason(report) for report in reports):
            terminalreporter.write_line(line)


def reason(report: pytest.TestReport) -> str:
    """Why a test, or a module of tests, was skipped."""
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return why.removeprefix("Skipped: ")


def summary(reasons: Iterable[str]) -> list[str]:
    """A line for each reason, the most frequent first, with how often it was given."""
    return [f"{number:4} x  {why}" for why, number in Counter(reasons).most_common()]
