"""Figures of all runs, by row and peer, and the table made of them: best and median, the ratio to Kafka, the goals.

Beside the rows there are curves: how a figure grows with something, one line of points for each peer.
"""

import statistics
import sys
from dataclasses import dataclass, field
from typing import NamedTuple

PEERS = {"pk": "pk", "one file": "pk, one file", "kafka": "Apache Kafka 3.9", "kcat": "kcat", "kcl": "kcl"}


class Row(NamedTuple):
    """One line of the table. Goals for pk's best: a multiple of Kafka's best, a bound, being ahead of other peers."""

    name: str
    unit: str
    higher_is_better: bool = False
    times_kafka: float | None = None
    at_most: float | None = None
    ahead_of: tuple[str, ...] = ()

    def best(self, runs: list[float]) -> float:
        return max(runs) if self.higher_is_better else min(runs)


class Curve(NamedTuple):
    """What is drawn: a title, and what stands at the two axes."""

    title: str
    x: str
    y: str


@dataclass
class Table:
    rows: list[Row] = field(default_factory=list)
    cells: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    curves: dict[Curve, dict[str, list[tuple[int, float]]]] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    """Why a peer has no figure, or one too few; by row's name and peer."""

    def add(self, row: Row, peer: str, figure: float) -> None:
        self._runs(row).setdefault(peer, []).append(figure)
        _say(f"{row.name}, {PEERS[peer]}: {shown(figure)} {row.unit}")

    def add_point(self, peer: str, curve: Curve, x: int, y: float) -> None:
        self.curves.setdefault(curve, {}).setdefault(peer, []).append((x, y))
        _say(f"{curve.title}, {PEERS[peer]}: {shown(y)} at {x:,} {curve.x}")

    def fail(self, row: Row, peer: str, reason: str) -> None:
        self._runs(row)
        self.failures[row.name, peer] = reason
        _say(f"{row.name}, {PEERS[peer]}: FAILED, {reason}")

    def _runs(self, row: Row) -> dict[str, list[float]]:
        if row.name not in self.cells:
            self.rows.append(row)
        return self.cells.setdefault(row.name, {})

    def markdown(self) -> str:
        """The table, with a column for each peer that was asked for anything, and below it what failed."""
        asked = {peer for runs in self.cells.values() for peer in runs} | {peer for _, peer in self.failures}
        peers = [peer for peer in PEERS if peer in asked]
        heads = ["row", *(PEERS[peer] for peer in peers), "pk : Kafka", "goal"]
        lines = [f"| {' | '.join(heads)} |", f"| {' | '.join('---' for _ in heads)} |"]
        for row in self.rows:
            cells = [self._cell(row, peer) for peer in peers]
            lines.append(f"| {row.name}, {row.unit} | {' | '.join(cells)} | {self.ratio(row)} | {self.goal(row)} |")
        lines += [""] if self.failures else []
        lines += [f"* {name}, {PEERS[peer]}: failed, {reason}" for (name, peer), reason in self.failures.items()]
        return "\n".join(lines) + "\n"

    def _cell(self, row: Row, peer: str) -> str:
        runs = self.cells[row.name].get(peer)
        if not runs:
            return "failed" if (row.name, peer) in self.failures else ""
        best = shown(row.best(runs))
        return best if len(runs) == 1 else f"{best} ({shown(statistics.median(runs))})"

    def ratio(self, row: Row) -> str:
        runs = self.cells[row.name]
        if "pk" not in runs or "kafka" not in runs:
            return ""
        kafka = row.best(runs["kafka"])
        return shown(row.best(runs["pk"]) / kafka) if kafka else ""

    def goal(self, row: Row) -> str:
        """What was aimed at, and whether it is reached: by pk's best against each peer's best."""
        runs = self.cells[row.name]
        ours, said = runs.get("pk"), []

        def aim(text: str, bound: float | None) -> None:
            said.append(text)
            if ours is None:
                said.append(_verdict(False))
            elif bound is not None:
                best = row.best(ours)
                said.append(_verdict(best >= bound if row.higher_is_better else best <= bound))

        sign = "≥" if row.higher_is_better else "≤"
        if row.times_kafka is not None:
            kafka = runs.get("kafka")
            aim(f"{sign} {row.times_kafka:g} × Kafka", row.best(kafka) * row.times_kafka if kafka else None)
        if row.at_most is not None:
            aim(f"≤ {row.at_most:g}", row.at_most)
        for peer in row.ahead_of:
            if peer in runs:
                aim(f"{sign} {peer}", row.best(runs[peer]))
        return " ".join(said)

    def as_dict(self) -> dict[str, object]:
        return {
            "rows": {row.name: {"unit": row.unit, "runs": self.cells[row.name]} for row in self.rows},
            "curves": {curve.title: {"x": curve.x, "y": curve.y, "points": of} for curve, of in self.curves.items()},
            "failures": [
                {"row": name, "peer": peer, "reason": reason} for (name, peer), reason in self.failures.items()
            ],
        }


def _verdict(reached: bool) -> str:
    return "✓" if reached else "✗"


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"
