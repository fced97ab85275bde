"""Runs the benchmark and prints the table: `python -m benchmarks [WORD ...]`, the rows whose name holds one of them.

BENCH_MESSAGES    lines and records of the bulk rows, 5,000,000 unless set
BENCH_RUNS        runs, 3 unless set; within a run the peers take turns row by row. The best is shown, with the median
BENCH_FOLDER      where data goes for the time being; the system's folder for temporary files unless set

A bench of all rows is written down after each of its measurements. The rows of a cluster far away, those of a CI job,
those of servers that are killed, those of three servers and those of many partitions are written down once all of them
were measured (see report.py). A row that fails says so, and the rest goes on.
"""

import argparse
import compileall
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks import report
from benchmarks.ci import CI
from benchmarks.ensembles import ENSEMBLE
from benchmarks.failover import FAILOVER
from benchmarks.far import FAR
from benchmarks.inside import INSIDE
from benchmarks.limits import allow_files, limited_to, stop_in_order
from benchmarks.machine import machine
from benchmarks.measurements import IDLE_MEMORY, MEASUREMENTS, START, Measurement
from benchmarks.pages import PAGES
from benchmarks.partitions import MANY_PARTITIONS
from benchmarks.replicated import REPLICATED
from benchmarks.scale import SCALE
from benchmarks.secured import SECURED
from benchmarks.servers import ONE_FILE, ROOT, OneFileServers, Servers, kafka_is_here, servers_here
from benchmarks.single import SingleMeasurement
from benchmarks.table import PEERS, Row, Table
from benchmarks.tools import MESSAGES, Bench, is_here

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
SETTLING_S = 2.0  # before memory is read

APART: dict[report.Part, Sequence[SingleMeasurement]] = {
    report.FAR_AWAY: [FAR],
    report.IN_CI: [CI],
    report.FAILOVER: [FAILOVER],
    report.THREE: [REPLICATED, ENSEMBLE],
    report.MANY_PARTITIONS: [MANY_PARTITIONS],
}
"""What has a table of its own."""

_T = TypeVar("_T")


class Selection:
    """Which rows are wanted, and can be had on this machine."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    def __contains__(self, row: Row) -> bool:
        return not self._words or any(word in row.name for word in self._words)

    def has(self, measurement: Measurement | SingleMeasurement) -> bool:
        here = {"java": kafka_is_here(), "kcat": is_here("kcat")}
        return any(row in self for row in measurement.rows) and all(here[each] for each in measurement.needs)

    def has_whole(self, measurement: SingleMeasurement) -> bool:
        """Whether all of its rows are wanted, so that they can be written down."""
        return all(row in self for row in measurement.rows)


@contextmanager
def noting_failure(table: Table, rows: Sequence[Row], peer: str, limit_s: float) -> Iterator[None]:
    """What goes wrong costs these rows and no others."""
    try:
        with limited_to(limit_s):
            yield
    except Exception as error:
        for row in rows:
            table.fail(row, peer, reason_of(error))


def reason_of(error: Exception) -> str:
    """One line for a table: what happened, and the last that a failed command said."""
    words = [type(error).__name__, str(error)]
    if isinstance(error, subprocess.CalledProcessError):
        said = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else error.stderr or ""
        words = [Path(error.cmd[0]).name, f"ended with status {error.returncode}:", *said.strip().splitlines()[-1:]]
    return " ".join(" ".join(words).split())[:300].replace("|", "¦")


def run_all(bench: Bench, table: Table, selection: Selection, *, run: int) -> None:
    """One run: start all servers, take the rows one by one, each from every peer, stop."""
    chosen = [each for each in MEASUREMENTS if selection.has(each)]
    if not chosen and START not in selection and IDLE_MEMORY not in selection:
        return
    folders = {name: bench.folder / f"run-{run}-{name.replace(' ', '-')}" for name in [*servers_here(), "one file"]}
    if ONE_FILE.is_file() and START in selection:
        with noting_failure(table, [START], "one file", 300), OneFileServers(folders["one file"]).running() as took:
            table.add(START, "one file", took)
    with ExitStack() as stack:
        running: dict[str, Servers] = {}
        for name, kind in in_turns(list(servers_here().items()), run):
            with noting_failure(table, [START, IDLE_MEMORY], name, 300):
                servers = kind(folders[name])
                took = stack.enter_context(servers.running())
                running[name] = servers
                if START in selection:
                    table.add(START, name, took)
        time.sleep(SETTLING_S)
        if IDLE_MEMORY in selection:
            for name, servers in running.items():
                with noting_failure(table, [IDLE_MEMORY], name, 60):
                    table.add(IDLE_MEMORY, name, servers.resident_mb())
        guests = [name for name in PEERS if name not in servers_here() and "pk" in running and is_here(name)]
        for measurement in chosen:
            for name in in_turns([name for name in measurement.peers if name in {*running, *guests}], run):
                left = list(measurement.rows)
                with noting_failure(table, left, name, measurement.limit_s):
                    servers = running[name if name in running else "pk"]
                    servers.ensure_running()
                    for figure in measurement.run(bench, servers, name):
                        table.add(left.pop(0), name, figure)
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)


def in_turns(peers: Sequence[_T], run: int) -> Sequence[_T]:
    """Who comes first changes from run to run."""
    return peers if run % 2 == 0 else peers[::-1]


def run_single(bench: Bench, table: Table, measurement: SingleMeasurement) -> None:
    """One measurement from each peer, one after the other, on separate servers."""
    for name, kind in servers_here().items():
        folder = bench.folder / f"single-{name}"
        left = list(measurement.rows)
        with noting_failure(table, left, name, measurement.limit_s):
            for figure in measurement.run(bench, kind(folder), partial(table.add_point, name)):
                table.add(left.pop(0), name, figure)
        shutil.rmtree(folder, ignore_errors=True)


def as_a_user_has_it() -> None:
    """Undo what may be set where programs are developed: no bytecode kept, output unbuffered."""
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"):
        os.environ.pop(name, None)
    compileall.compile_dir(ROOT / "pykafka_cli", quiet=2)  # as an installer does


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="run the rows whose name holds one; none: all rows")
    words: list[str] = parser.parse_args().words
    selection, table = Selection(words), Table()
    as_a_user_has_it()
    allow_files()
    stop_in_order()
    taken, description, runs = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", machine(), 0

    def conditions() -> report.Conditions:
        return report.Conditions(description, taken, MESSAGES, runs)

    with tempfile.TemporaryDirectory(prefix="pk-bench-", dir=os.environ.get("BENCH_FOLDER")) as folder:
        bench = Bench(Path(folder))
        for run in range(RUNS):
            print(f"run {run + 1} of {RUNS}", file=sys.stderr, flush=True)
            run_all(bench, table, selection, run=run)
            runs += 1
            if not words:
                report.write(table, conditions())
        for measurement in (*SCALE, *INSIDE, *PAGES, *SECURED):
            if selection.has(measurement):
                print(f"once: {measurement.rows[0].name}", file=sys.stderr, flush=True)
                run_single(bench, table, measurement)
                if not words:
                    report.write(table, conditions())
        tables = {report.MAIN: table}
        for part, measurements in APART.items():
            for measurement in filter(selection.has, measurements):
                run_single(bench, tables.setdefault(part, Table()), measurement)
            if all(selection.has(each) and selection.has_whole(each) for each in measurements):
                report.write(tables[part], conditions(), part)
    for part, measured in tables.items():
        if measured.rows:
            print(report.as_markdown(measured, conditions(), part))
    return 1 if any(measured.failures for measured in tables.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
