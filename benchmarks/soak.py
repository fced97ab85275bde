"""A soak: one broker of each make under the same mixed load at the same time, `python -m benchmarks.soak MINUTES`.

The load is in soak_load.py, a process for each broker, so that what disturbs one disturbs the other. Each broker is
restarted twice in the beginning, by SIGTERM and by kill -9; after that, latencies are compared in windows of time, and
memory, file descriptors and asyncio tasks must be flat (trends.py says what that is). Nothing acknowledged may be lost.
"""

import argparse
import contextlib
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from kazoo.client import KazooClient

from benchmarks import report, trends
from benchmarks.clusters import Cluster, wait_for
from benchmarks.limits import allow_files, stop_in_order
from benchmarks.machine import machine
from benchmarks.processes import open_files, resident_mb
from benchmarks.servers import ROOT, STOP_TIMEOUT_S, free_port, servers_here
from benchmarks.table import Row, Table
from benchmarks.trends import FILES_SLACK, MEMORY_SLACK, TASKS_SLACK, Sample, Slack

BROKER, ZOOKEEPER = 1, 1
STOP_AT, KILL_AT = 0.05, 0.2  # of the whole time
WINDOW_S = 5.0
SAMPLES = 600  # at most: one a second at most often
FAILURES = 5  # kinds of them that are shown
LIMIT_S = 300.0  # for the load to end after its time, and for a restart
SETTINGS = {
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "log.retention.check.interval.ms": "5000",
    "log.cleaner.backoff.ms": "5000",
    "log.segment.delete.delay.ms": "5000",
    "offsets.retention.minutes": "1",
    "offsets.retention.check.interval.ms": "5000",
}  # Kafka's defaults of minutes would leave a short soak without retention, compaction and expired groups

HISTORY = Row("soak: records acknowledged, and each read once", "records", higher_is_better=True)
PAUSE = Row("soak: longest pause of acks=all when restarted", "s", times_kafka=1)
LATENCIES = {
    kind: [Row(f"soak: a record {kind}, {what}", "ms", times_kafka=1) for what in ("p50", "p99", "p99 at its worst")]
    for kind in ("acknowledged", "read")
}
MEMORY = Row("soak: resident memory of the broker", "MB", times_kafka=1)
MEMORY_GROWTH = Row("soak: growth of resident memory", "times")
FILES = Row("soak: file descriptors", "open", times_kafka=1)
FILES_GROWTH = Row("soak: growth of file descriptors", "times")
TASKS = Row("soak: asyncio tasks", "alive")
TASKS_GROWTH = Row("soak: growth of asyncio tasks", "times")


class Soaked:
    """A broker under load. `samples` are taken from outside; `settled_at` is when the last restart was over."""

    def __init__(self, name: str, cluster: Cluster, metrics_port: int, folder: Path, seconds: float) -> None:
        self.name = name
        self.samples: list[Sample] = []
        self.settled_at = 0.0
        self._cluster = cluster
        self._metrics = f"http://127.0.0.1:{metrics_port}/metrics" if name == "pk" else None
        self._said = folder / f"{name}.json"
        self._seconds = seconds
        self._started = time.monotonic()
        self._trouble: list[Exception] = []
        self._restarting = threading.Thread(target=self._restart_twice, daemon=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        words = [sys.executable, "-m", "benchmarks.soak_load", self._cluster.bootstrap, str(self._seconds)]
        with self._said.open("wb") as said:
            self._load = _launched(words, said)
            self._restarting.start()
            try:
                yield
            finally:
                self._load.kill()
                self._load.wait()

    def outcome(self) -> dict[str, Any]:
        """What the load has measured, once it is over."""
        status = self._load.wait(LIMIT_S)
        self._restarting.join(LIMIT_S)
        if self._trouble:
            raise self._trouble[0]
        if status:
            raise RuntimeError(f"the load ended with status {status}")
        found: dict[str, Any] = json.loads(self._said.read_text())
        if found["failures"]:
            kinds = Counter(found["failures"]).most_common(FAILURES)
            raise RuntimeError("; ".join(f"{failure} ({times} times)" for failure, times in kinds))
        return found

    def sample(self) -> None:
        """Nothing while the broker does not run."""
        pid = self._cluster.processes[BROKER].pid
        with contextlib.suppress(OSError):
            figures = resident_mb(pid), open_files(pid), self._tasks()
            self.samples.append(Sample(time.monotonic() - self._started, *figures))

    def _tasks(self) -> int | None:
        if self._metrics is None:
            return None
        with urllib.request.urlopen(self._metrics, timeout=LIMIT_S) as answer:
            found = re.search(r"^python_asyncio_tasks (\d+)", answer.read().decode(), re.MULTILINE)
        return int(found[1]) if found else None

    def _restart_twice(self) -> None:
        try:
            for at, by in ((STOP_AT, signal.SIGTERM), (KILL_AT, signal.SIGKILL)):
                time.sleep(max(0.0, self._started + at * self._seconds - time.monotonic()))
                self._restart(by)
            self.settled_at = time.monotonic() - self._started + WINDOW_S
        except Exception as error:
            self._trouble.append(error)

    def _restart(self, by: signal.Signals) -> None:
        process = self._cluster.processes[BROKER]
        process.send_signal(by)
        process.wait(STOP_TIMEOUT_S)
        address = f"127.0.0.1:{self._cluster.ensemble.ports[ZOOKEEPER]}"
        client = KazooClient(address)
        client.start(LIMIT_S)
        try:  # Apache's broker does not start before its znode is gone
            wait_for(lambda: not client.exists(f"/brokers/ids/{BROKER}"), "the end of a session", limit_s=LIMIT_S)
        finally:
            client.stop()
            client.close()
        self._cluster.launch(BROKER)
        self._cluster.wait_until_it_answers(BROKER)


def _launched(words: list[str], said: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, cwd=ROOT)


def soak(folder: Path, minutes: float) -> Table:
    """Run both, side by side; their figures."""
    table, seconds = Table(), minutes * 60
    with ExitStack() as stack:
        soaked = []
        for name, kind in servers_here().items():
            port = free_port()
            settings = {**SETTINGS, "pk.metrics.port": str(port)}
            cluster = Cluster(kind(folder / name), settings, brokers=(BROKER,), zookeepers=(ZOOKEEPER,))
            stack.enter_context(cluster.running())
            soaked.append(Soaked(name, cluster, port, folder, seconds))
        for each in soaked:
            stack.enter_context(each.running())
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(max(1.0, seconds / SAMPLES))
            for each in soaked:
                each.sample()
        for each in soaked:
            try:
                judge(table, each.name, each.outcome(), trends.settled(each.samples, each.settled_at), each.settled_at)
            except (OSError, ValueError, RuntimeError, TimeoutError, subprocess.TimeoutExpired) as error:
                table.fail(HISTORY, each.name, str(error))
    return table


def judge(table: Table, name: str, outcome: dict[str, Any], samples: list[Sample], settled_at: float) -> None:
    """Add the rows of one broker. raises ValueError when there is too little to judge."""
    table.add(HISTORY, name, outcome["acknowledged"])
    table.add(PAUSE, name, outcome["pause_s"])
    for rows, key in ((LATENCIES["acknowledged"], "written"), (LATENCIES["read"], "read")):
        typical = trends.typical(trends.windows(outcome[key], WINDOW_S, settled_at))
        for row, figure in zip(rows, typical, strict=True):
            table.add(row, name, figure)
    add_trend(table, name, MEMORY, MEMORY_GROWTH, MEMORY_SLACK, [each.memory_mb for each in samples])
    add_trend(table, name, FILES, FILES_GROWTH, FILES_SLACK, [each.files for each in samples])
    if tasks := [each.tasks for each in samples if each.tasks is not None]:
        add_trend(table, name, TASKS, TASKS_GROWTH, TASKS_SLACK, tasks)


def add_trend(table: Table, name: str, level: Row, growth: Row, slack: Slack, figures: list[float] | list[int]) -> None:
    """The level in the last third, and the growth, which has a goal for ours."""
    found = trends.thirds(figures)
    table.add(level, name, found.last)
    table.add(growth._replace(at_most=round(slack.highest_growth(found.second), 3)), name, found.growth)


def main(minutes: float) -> int:
    allow_files()
    stop_in_order()
    taken, description = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", machine()
    with tempfile.TemporaryDirectory(prefix="pk-soak-") as folder:
        table = soak(Path(folder), minutes)
    part = report.SOAK._replace(how=f"{minutes:g} minutes, both brokers at the same time.")
    conditions = report.Conditions(description, taken, 0, 1)
    if not table.failures:
        report.write(table, conditions, part)
    print(report.as_markdown(table, conditions, part))
    return 1 if table.failures else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("minutes", type=float, metavar="MINUTES")
    sys.exit(main(parser.parse_args().minutes))
