"""How often commands wait for a cluster's answer: pk's, and Kafka's own scripts, of which a record is kept.

`python -m tests.support.round_trips` records the scripts' again, with the jars of Apache Kafka (`make peers-java`).
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.far_cluster import Road, Traffic, watched_far_cluster
from tests.support.golden.runs import Addresses
from tests.support.running import PK

RECORD = Path(__file__).with_name("round_trips.json")
WAY = Road(delay=0.04)
"""Long enough for what a command sends side by side to be under way before the first answer is there."""
SLOWER_WAY = Road(delay=0.1)
"""The same for Java on a busy machine."""

Start = Callable[[str], list[str]]
"""From a command's name to the words that start it."""


class Counted(NamedTuple):
    round_trips: int
    requests: int
    connections: int


class Example(NamedTuple):
    """A command; `{bootstrap}` is filled in."""

    words: str
    stdin: str = ""

    @property
    def name(self) -> str:
        return self.words.replace(" --bootstrap-server {bootstrap}", "")


TO = "--bootstrap-server {bootstrap}"
EXAMPLES = [
    Example(f"topics {TO} --create --topic counted --partitions 1"),
    Example(f"topics {TO} --list"),
    Example(f"topics {TO} --describe --topic counted"),
    Example(f"configs {TO} --describe --entity-type topics --entity-name counted"),
    Example(f"configs {TO} --alter --entity-type topics --entity-name counted --add-config retention.ms=3600000"),
    Example(f"console-producer {TO} --topic counted", "one\ntwo\n"),
    Example(f"console-producer {TO} --topic counted --producer-property enable.idempotence=false", "three\nfour\n"),
    Example(f"get-offsets {TO} --topic counted"),
    Example(f"console-consumer {TO} --topic counted --from-beginning --max-messages 4 --group counters"),
    Example(f"console-consumer {TO} --topic counted --partition 0 --offset earliest --max-messages 1"),
    Example(f"consumer-groups {TO} --list"),
    Example(f"consumer-groups {TO} --describe --group counters"),
    Example(f"consumer-groups {TO} --reset-offsets --to-earliest --topic counted --group counters --execute"),
    Example(f"consumer-groups {TO} --delete --group counters"),
    Example(f"log-dirs {TO} --describe"),
    Example(f"broker-api-versions {TO}"),
    Example(f"transactions {TO} list"),
    Example(f"topics {TO} --alter --topic counted --partitions 2"),
    Example(f"topics {TO} --delete --topic counted"),
]


def count(example: Example, start: Start, addresses: Addresses, traffic: Traffic) -> Counted:
    """Run it once; it must succeed."""
    command, *words = example.words.format(bootstrap=addresses.bootstrap).split(" ")
    traffic.begin()
    done = subprocess.run(
        [*start(command), *words], input=example.stdin, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{example.name}: {done.stdout}{done.stderr}"
    return Counted(traffic.round_trips, traffic.requests.total(), traffic.connections)


@contextmanager
def watched_cluster(folder: Path, road: Road) -> Iterator[tuple[Addresses, Traffic]]:
    """A cluster that has coordinated a group before: the first one that asks waits until a topic is made."""
    with watched_far_cluster(folder, road) as (addresses, traffic):
        words = ("--describe", "--group", "nobody")
        subprocess.run([*pk("consumer-groups"), "--bootstrap-server", addresses.bootstrap, *words], check=False)
        yield addresses, traffic


def pk(command: str) -> list[str]:
    return [PK, command]


def record() -> None:
    from tests.support.kafka_scripts import command

    with tempfile.TemporaryDirectory() as folder, watched_cluster(Path(folder, "far"), SLOWER_WAY) as (at, traffic):
        counted = {each.name: count(each, command, at, traffic)._asdict() for each in EXAMPLES}
    document = {"source": "the scripts of Apache Kafka 3.9.1, against pk's broker", "scripts": counted}
    RECORD.write_text(json.dumps(document, indent=2) + "\n")


def recorded() -> dict[str, Counted]:
    """What the scripts took."""
    return {name: Counted(**numbers) for name, numbers in json.loads(RECORD.read_text())["scripts"].items()}


if __name__ == "__main__":
    sys.exit(record())
