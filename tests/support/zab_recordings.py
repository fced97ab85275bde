"""What servers of Apache ZooKeeper 3.8.4 said to each other in ensembles, recorded by scenario (tests/vectors/zab).

A frame has `from`, `to`, `port` (election, quorum), `kind` (hello, notification, packet, snapshot), `hex`, and in `d`
what it says. `step` and `event` lines are in between.
"""

import gzip
import json
from functools import cache
from typing import Any

from tests.support.vectors import VECTORS

RECORDINGS = VECTORS / "zab"
SCENARIOS = tuple(sorted(path.name.removesuffix(".jsonl.gz") for path in RECORDINGS.glob("*.jsonl.gz")))


@cache
def recording(scenario: str) -> list[dict[str, Any]]:
    """All lines, in order."""
    with gzip.open(RECORDINGS / f"{scenario}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def frames(scenario: str, port: str, *kinds: str) -> list[dict[str, Any]]:
    """The frames on one kind of port, in order; of these kinds, if any are given."""
    said = (line for line in recording(scenario) if line.get("port") == port and "hex" in line)
    return [line for line in said if not kinds or line["kind"] in kinds]
