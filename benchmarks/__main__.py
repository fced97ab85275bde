"""Runs the benchmark and prints the table; `python -m benchmarks WORD ...` runs the rows whose name holds one of them.

BENCH_MESSAGES    lines and records of the bulk rows, 5,000,000 unless set
BENCH_RUNS        runs, 3 unless set; within a run the peers take turns row by row. The best is shown, with the median
BENCH_FOLDER      where data goes for the time being; the system's folder for temporary files unless set
"""

import compileall
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measurements import IDLE_MEMORY, MEASUREMENTS, START, USED_MEMORY, Measurement
from benchmarks.servers import ROOT, Servers, kafka_is_here, peers
from benchmarks.table import Row, Table, machine
from benchmarks.tools import MESSAGES, Bench

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
RESULTS = Path(__file__).parent / "results"
SETTLING_S = 2.0  # before memory is read


def wants(row: Row, words: list[str]) -> bool:
    return not words or any(word in row.name for word in words)


def can_run(measurement: Measurement, words: list[str]) -> bool:
    here = {"java": kafka_is_here(), "kcat": shutil.which("kcat") is not None}
    return any(wants(row, words) for row in measurement.rows) and all(here[each] for each in measurement.needs)


def measure(bench: Bench, table: Table, words: list[str], *, run: int) -> None:
    """One run: start all servers, take the rows one by one, each from every peer, stop."""
    with ExitStack() as stack:
        servers: dict[str, Servers] = {}
        turns = list(peers().items())
        for name, start in turns if run % 2 == 0 else reversed(turns):
            servers[name] = stack.enter_context(start(bench.folder / f"run-{run}-{name}"))
            if wants(START, words):
                table.add(START, name, servers[name].seconds_to_ready)
        time.sleep(SETTLING_S)
        note_memory(table, servers, IDLE_MEMORY, words)
        for measurement in MEASUREMENTS:
            if not can_run(measurement, words):
                continue
            who = [name for name in measurement.peers if name in servers or shutil.which(name)]
            for name in who if run % 2 == 0 else reversed(who):
                figures = measurement.run(bench, servers.get(name, servers["pk"]), name)
                for row, figure in zip(measurement.rows, figures, strict=True):
                    table.add(row, name, figure)
        note_memory(table, servers, USED_MEMORY, words)
    for name in servers:
        shutil.rmtree(bench.folder / f"run-{run}-{name}", ignore_errors=True)


def note_memory(table: Table, servers: dict[str, Servers], row: Row, words: list[str]) -> None:
    if wants(row, words):
        for name, each in servers.items():
            table.add(row, name, each.resident_mb())


def as_a_user_has_it() -> None:
    """Undo what may be set where programs are developed: no bytecode kept, output unbuffered."""
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"):
        os.environ.pop(name, None)
    compileall.compile_dir(ROOT / "pykafka_cli", quiet=2)  # as an installer does


def main() -> int:
    words, table = sys.argv[1:], Table()
    as_a_user_has_it()
    with tempfile.TemporaryDirectory(prefix="pk-bench-", dir=os.environ.get("BENCH_FOLDER")) as folder:
        for run in range(RUNS):
            print(f"run {run + 1} of {RUNS}", file=sys.stderr, flush=True)
            measure(Bench(Path(folder)), table, words, run=run)
    title = f"{MESSAGES:,} messages of 100 bytes; best (median) of {RUNS} runs"
    report = f"{title}\n\n{machine()}\n\n{table.markdown()}"
    print(report)
    if not words:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "latest.md").write_text(report)
        (RESULTS / "latest.json").write_text(table.as_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
