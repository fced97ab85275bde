"""Runs the benchmark and prints the table; `python -m benchmarks NAME ...` runs only rows whose name holds NAME.

BENCH_MESSAGES    lines and records of the bulk rows, 5,000,000 unless set
BENCH_RUNS        runs of each row, alternating between the peers, 3 unless set; the best is shown, the median beside it
"""

import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import rows
from benchmarks.servers import Servers, kafka_is_here, kafka_servers, pk_servers

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
RESULTS = Path(__file__).parent / "results"


class Table:
    """Figures by row and peer; each cell collects all its runs."""

    def __init__(self, wanted: list[str]) -> None:
        self.wanted = wanted
        self.cells: dict[str, dict[str, list[float]]] = {}
        self.higher_is_better: dict[str, bool] = {}

    def wants(self, row: str) -> bool:
        return not self.wanted or any(name in row for name in self.wanted)

    def add(self, row: str, peer: str, figure: float, *, higher_is_better: bool) -> None:
        self.cells.setdefault(row, {}).setdefault(peer, []).append(figure)
        self.higher_is_better[row] = higher_is_better
        print(f"  {row}, {peer}: {shown(figure)}", file=sys.stderr, flush=True)

    def best(self, row: str, peer: str) -> float | None:
        runs = self.cells[row].get(peer)
        return None if not runs else max(runs) if self.higher_is_better[row] else min(runs)

    def markdown(self) -> str:
        lines = ["| row | pk | Kafka | kcat | pk : Kafka |", "| --- | --- | --- | --- | --- |"]
        for row, peers in self.cells.items():
            cells = []
            for peer in ("pk", "kafka", "kcat"):
                best = self.best(row, peer)
                cells.append("" if best is None else f"{shown(best)} ({shown(statistics.median(peers[peer]))})")
            ours, theirs = self.best(row, "pk"), self.best(row, "kafka")
            ratio = f"{ours / theirs:.2f}" if ours and theirs else ""
            lines.append(f"| {row} | {' | '.join(cells)} | {ratio} |")
        return "\n".join(lines) + "\n"


def shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def machine() -> str:
    described = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in described if "model name" in line), "")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6
    system = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GB, {system}, Python {platform.python_version()}"


def measure_broker(table: Table, bench: rows.Bench, servers: Servers) -> None:
    """All rows whose subject is the broker, and the tools against it."""
    who = servers.name
    table.add("start to first metadata answer (s)", who, servers.seconds_to_ready, higher_is_better=False)
    table.add("resident memory, idle (MB)", who, servers.resident_mb(), higher_is_better=False)
    if table.wants("topics --list (s)"):
        table.add("topics --list (s)", who, rows.topics_list(bench, servers, who), higher_is_better=False)
    if table.wants("kcat into and out of the broker (records/s)") and shutil.which("kcat"):
        rate, topic = rows.kcat_produces(bench, servers)
        table.add("kcat into the broker (records/s)", who, rate, higher_is_better=True)
        table.add("kcat out of the broker (records/s)", who, rows.kcat_consumes(servers, topic), higher_is_better=True)
        if kafka_is_here() and table.wants("perf-test"):
            figure = rows.java_consumer_perf(bench, servers, topic)
            table.add("Java consumer-perf-test (records/s)", who, figure, higher_is_better=True)
    if table.wants("perf-test") and kafka_is_here():
        figure = rows.java_producer_perf(bench, servers)
        table.add("Java producer-perf-test, acks=all (records/s)", who, figure, higher_is_better=True)
    for keyed in (False, True):
        suffix = " with keys" if keyed else ""
        if table.wants(f"console{suffix}"):
            rate, topic = rows.console_produces(bench, servers, who, keyed=keyed)
            table.add(f"console producer{suffix} (lines/s)", who, rate, higher_is_better=True)
            rate = rows.console_consumes(bench, servers, who, topic, keyed=keyed)
            table.add(f"console consumer{suffix} (lines/s)", who, rate, higher_is_better=True)
    if who == "pk" and table.wants("console") and shutil.which("kcat"):
        into, out = rows.kcat_pipes(bench, servers)
        table.add("console producer (lines/s)", "kcat", into, higher_is_better=True)
        table.add("console consumer (lines/s)", "kcat", out, higher_is_better=True)
    table.add("resident memory after all this (MB)", who, servers.resident_mb(), higher_is_better=False)


def main() -> int:
    table = Table(sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="pk-bench-") as folder:
        bench = rows.Bench(Path(folder))
        peers: list[Callable[[Path], AbstractContextManager[Servers]]] = [
            pk_servers,
            *([kafka_servers] if kafka_is_here() else []),
        ]
        for run in range(RUNS):
            for peer in peers:
                data = Path(folder) / f"run-{run}"
                with peer(data) as servers:
                    measure_broker(table, bench, servers)
                shutil.rmtree(data, ignore_errors=True)
    title = f"{datetime.now(UTC):%Y-%m-%d}, {rows.MESSAGES:,} messages of 100 bytes, best (median) of {RUNS} runs"
    report = f"{title}\n{machine()}\n\n{table.markdown()}"
    print(report)
    if not sys.argv[1:]:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "latest.md").write_text(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
