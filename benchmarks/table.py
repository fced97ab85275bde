"""Figures of all runs, by row and peer, and the table made of them: best and median, and the ratio to Kafka."""

import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

PEERS = {"pk": "pk", "kafka": "Apache Kafka", "kcat": "kcat"}


class Row(NamedTuple):
    """One line of the table. `goal`: what pk's best is to be, as a multiple of Kafka's best, or an absolute bound."""

    name: str
    unit: str
    higher_is_better: bool = False
    times_kafka: float | None = None
    at_most: float | None = None

    def best(self, runs: list[float]) -> float:
        return max(runs) if self.higher_is_better else min(runs)


@dataclass
class Table:
    rows: list[Row] = field(default_factory=list)
    cells: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, row: Row, peer: str, figure: float) -> None:
        if row.name not in self.cells:
            self.rows.append(row)
        self.cells.setdefault(row.name, {}).setdefault(peer, []).append(figure)
        print(f"  {row.name}, {PEERS[peer]}: {shown(figure)} {row.unit}", file=sys.stderr, flush=True)

    def markdown(self) -> str:
        lines = ["| row | pk | Apache Kafka 3.9 | kcat | pk : Kafka | goal |", "| --- | --- | --- | --- | --- | --- |"]
        for row in self.rows:
            runs = self.cells[row.name]
            cells = [
                f"{shown(row.best(runs[peer]))} ({shown(statistics.median(runs[peer]))})" if peer in runs else ""
                for peer in PEERS
            ]
            lines.append(f"| {row.name}, {row.unit} | {' | '.join(cells)} | {self.ratio(row)} | {self.goal(row)} |")
        return "\n".join(lines) + "\n"

    def ratio(self, row: Row) -> str:
        runs = self.cells[row.name]
        if "pk" not in runs or "kafka" not in runs:
            return ""
        kafka = row.best(runs["kafka"])
        return shown(row.best(runs["pk"]) / kafka) if kafka else ""

    def goal(self, row: Row) -> str:
        """What was aimed at, and whether it is reached."""
        runs = self.cells[row.name]
        if "pk" not in runs:
            return ""
        ours, said = row.best(runs["pk"]), []
        if row.times_kafka is not None:
            sign = "≥" if row.higher_is_better else "≤"
            said.append(f"{sign} {row.times_kafka:g} × Kafka")
            if "kafka" in runs:
                bound = row.best(runs["kafka"]) * row.times_kafka
                said.append(_verdict(ours >= bound if row.higher_is_better else ours <= bound))
        if row.at_most is not None:
            said += [f"≤ {row.at_most:g}", _verdict(ours <= row.at_most)]
        return " ".join(said)

    def as_json(self) -> str:
        rows = {row.name: {"unit": row.unit, "runs": self.cells[row.name]} for row in self.rows}
        return json.dumps(
            {"machine": machine(), "taken": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "rows": rows}, indent=1
        )


def _verdict(reached: bool) -> str:
    return "✓" if reached else "✗"


def shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def machine() -> str:
    """Cores, memory, system and versions, and how busy the machine was with other things."""
    described = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in described if "model name" in line), "")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6
    system = f"{platform.system()} {platform.release()}"
    load = os.getloadavg()[2]
    parts = [f"{os.cpu_count()} cores ({model})", f"{memory:.0f} GB", system, f"Python {platform.python_version()}"]
    return ", ".join([*parts, *_versions(), f"load average {load:.1f}"])


def _versions() -> list[str]:
    found = []
    for command, start in ((["java", "-version"], "openjdk version"), (["kcat", "-V"], "Version")):
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        except FileNotFoundError:
            continue
        line = next((line for line in done.stdout.splitlines() if line.startswith(start)), "")
        found.append(f"{command[0]} {line.removeprefix(start).split('(')[0].strip()}".strip())
    return found
