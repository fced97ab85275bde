"""Writes what was measured: benchmarks/results, the plot, and the tables within docs/performance.md.

docs/performance.md is written by hand but for the lines between two marks, which are the newest results, and those
between others, which are measured alone: for a cluster far away by `make bench ROWS="ms away"`, for a CI job by
`make bench ROWS="CI:"`, for three servers by `make bench ROWS="three"`, and for many partitions by
`make bench ROWS="'a cluster of'"`. docs/reliability.md has those of `make bench ROWS="killed:"` and of `make soak` in
the same way.
"""

import json
from pathlib import Path
from typing import NamedTuple

from benchmarks.plot import draw
from benchmarks.servers import ROOT
from benchmarks.table import Table

END = "<!-- to here -->"


class Part(NamedTuple):
    """A table that is written as a whole: its files' name in benchmarks/results, the mark before it on the page, how
    its rows were run, and the page."""

    name: str
    begin: str
    how: str
    page: str = "docs/performance.md"


MAIN = Part(
    "latest",
    "<!-- from here on written by make bench -->",
    "{messages:,} messages of 100 bytes; best (median) of {runs}, rows with one figure were run once.",
)
IN_CI = Part("ci", "<!-- in a CI job, written by make bench -->", "The best of 3 starts; the tests were run once.")
FAR_AWAY = Part("far", "<!-- far away, written by make bench -->", "The best of 3 starts of each command.")
FAILOVER = Part(
    "failover", "<!-- failover, written by make bench -->", "The median of 3 kills of each kind.", "docs/reliability.md"
)
THREE = Part(
    "three",
    "<!-- three servers, written by make bench -->",
    "Run once, producers with a fifth of {messages:,} messages of 100 bytes.",
)

MANY_PARTITIONS = Part(
    "partitions", "<!-- many partitions, written by make bench -->", "Run once, in topics of 10 partitions."
)
SOAK = Part("soak", "<!-- soak, written by make soak -->", "Both brokers at the same time.", "docs/reliability.md")


class Conditions(NamedTuple):
    """What figures were taken under."""

    machine: str
    taken: str  # the day and time of the start
    messages: int
    runs: int

    def of(self, part: Part) -> str:
        """One line about a part's table."""
        runs = f"{self.runs} run{'' if self.runs == 1 else 's'}"
        return f"{part.how.format(messages=self.messages, runs=runs)} Measured {self.taken} on {self.machine}."


def as_markdown(table: Table, conditions: Conditions, part: Part = MAIN) -> str:
    return f"{conditions.of(part)}\n\n{table.markdown()}"


def write(table: Table, conditions: Conditions, part: Part = MAIN, root: Path = ROOT) -> None:
    results, text = root / "benchmarks/results", as_markdown(table, conditions, part)
    results.mkdir(exist_ok=True)
    (results / f"{part.name}.md").write_text(text)
    (results / f"{part.name}.json").write_text(json.dumps(conditions._asdict() | table.as_dict(), indent=1) + "\n")
    page = root / part.page
    page.write_text(between_marks(page.read_text(), text, part))
    if table.curves:
        draw(table.curves, root / "docs/scale.svg")


def between_marks(page: str, text: str, part: Part = MAIN) -> str:
    """The page with `text` instead of what stands between the part's marks; raises ValueError when it has none."""
    before, begin, rest = page.partition(part.begin)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks the lines {part.begin} and {END}")
    return f"{before}{part.begin}\n\n{text}\n{END}{after}"
