"""Writes what was measured: benchmarks/results, the plot, and the table within docs/performance.md.

docs/performance.md is written by hand but for the lines between two marks, which are the newest results.
"""

import json
from pathlib import Path
from typing import NamedTuple

from benchmarks.plot import draw
from benchmarks.servers import ROOT
from benchmarks.table import Table

BEGIN, END = "<!-- from here on written by make bench -->", "<!-- to here -->"


class Conditions(NamedTuple):
    """What figures were taken under."""

    machine: str
    taken: str  # the day and time of the start
    messages: int
    runs: int

    def __str__(self) -> str:
        runs = f"{self.runs} run{'' if self.runs == 1 else 's'}"
        return (
            f"{self.messages:,} messages of 100 bytes; best (median) of {runs}, rows with one figure were run once. "
            f"Measured {self.taken} on {self.machine}."
        )


def as_markdown(table: Table, conditions: Conditions) -> str:
    return f"{conditions}\n\n{table.markdown()}"


def write(table: Table, conditions: Conditions, root: Path = ROOT) -> None:
    results, text = root / "benchmarks/results", as_markdown(table, conditions)
    results.mkdir(exist_ok=True)
    (results / "latest.md").write_text(text)
    (results / "latest.json").write_text(json.dumps(conditions._asdict() | table.as_dict(), indent=1) + "\n")
    page = root / "docs/performance.md"
    page.write_text(between_marks(page.read_text(), text))
    if table.curves:
        draw(table.curves, root / "docs/scale.svg")


def between_marks(page: str, text: str) -> str:
    """The page with `text` instead of what stands between its marks; raises ValueError when it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"
