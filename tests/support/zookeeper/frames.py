"""Frames recorded from ZooKeeper 3.8.4 and its clients, for tests: see the note on vectors in CONTRIBUTING.md."""

import gzip
import json
from functools import cache
from typing import Any, NamedTuple

from pykafka_cli.zookeeper.protocol.requests import OpCode
from tests.support.vectors import VECTORS

FILES = ("zookeeper-clients", "zookeeper-kafka")
_KINDS = {kind.name.replace("_", "").lower(): kind for kind in OpCode}


class Frame(NamedTuple):
    """One frame without its length; `operation` is the recorder's name for it, `kind` None for connect and events."""

    connection: int
    is_request: bool
    operation: str
    kind: OpCode | None
    body: bytes


END = "end of connection"


@cache
def history(name: str) -> list[Frame]:
    """All frames of one file in the order in which they were seen, and (as operation END) ends of connections."""
    with gzip.open(VECTORS / "wire" / f"{name}.jsonl.gz", "rt") as lines:
        return [_frame(line) for line in map(json.loads, lines) if "c" in line]


def frames(name: str) -> list[Frame]:
    """All frames of one file."""
    return [frame for frame in history(name) if frame.operation != END]


def _frame(line: dict[str, Any]) -> Frame:
    if "hex" not in line:
        return Frame(line["c"], False, END, None, b"")
    kind = _KINDS.get(line["op"].lower())
    return Frame(line["c"], line["d"] == "request", line["op"], kind, bytes.fromhex(line["hex"])[4:])
