"""Frames recorded from Apache Kafka, for tests: see the note on vectors in CONTRIBUTING.md."""

import gzip
import importlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from kio.serial import entity_reader

VECTORS = Path(__file__).parent / "vectors"
FILES = ("admin", "clients", "cluster", "console", "sasl", "transactions")


@cache
def frames(name: str) -> list[dict[str, Any]]:
    """Requests and answers of one file, in order; each has d, api, key, v, id, hex, c, and requests a client."""
    with gzip.open(VECTORS / "wire" / f"{name}.jsonl.gz", "rt") as lines:
        return [line for line in map(json.loads, lines) if "hex" in line and line["d"] in ("request", "response")]


def answers(name: str, api: str) -> Iterator[Any]:
    """All answers to one API in a file, as kio's entities of the version that was spoken."""
    for frame in frames(name):
        if frame["api"] == api and frame["d"] == "response":
            yield response_of(frame)


def response_of(frame: dict[str, Any]) -> Any:
    """The body of a recorded answer, as kio's entity."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in frame["api"]).lstrip("_")
    module = importlib.import_module(f"kio.schema.{snake}.v{frame['v']}.response")
    entity = getattr(module, f"{frame['api']}Response")
    header = 9 if entity.__flexible__ and frame["api"] != "ApiVersions" else 8
    value, _ = entity_reader(entity)(bytes.fromhex(frame["hex"]), header)
    return value
