"""Frames recorded from Apache Kafka, for tests: see the note on vectors in CONTRIBUTING.md."""

import gzip
import importlib
import json
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from kio.serial import entity_reader

VECTORS = Path(__file__).parents[1] / "vectors"
FILES = ("admin", "clients", "cluster", "console", "sasl", "transactions")


@cache
def frames(name: str) -> list[dict[str, Any]]:
    """Requests and answers of one file, in order; each has d, api, key, v, id, hex, c, and requests a client."""
    with gzip.open(VECTORS / "wire" / f"{name}.jsonl.gz", "rt") as lines:
        return [line for line in map(json.loads, lines) if "hex" in line and line["d"] in ("request", "response")]


def answers(name: str, api: str) -> Iterator[Any]:
    """All responses to one API in a file, as kio's entities of the version that was spoken."""
    for frame in frames(name):
        if frame["api"] == api and frame["d"] == "response":
            yield response_of(frame)


def request_of(frame: dict[str, Any]) -> Any:
    """The body of a recorded request, as kio's entity."""
    return entity_reader(_entity(frame))(body_of(frame), 0)[0]


def response_of(frame: dict[str, Any]) -> Any:
    """The body of a recorded answer, as kio's entity."""
    return entity_reader(_entity(frame))(body_of(frame), 0)[0]


def body_of(frame: dict[str, Any]) -> bytes:
    """A recorded frame without its length and header, whose tagged fields are taken to be none."""
    data = bytes.fromhex(frame["hex"])
    flexible = _entity(frame).__flexible__
    if frame["d"] == "response":
        return data[9 if flexible and frame["api"] != "ApiVersions" else 8 :]
    (client_id,) = struct.unpack_from(">h", data, 12)
    return data[14 + max(client_id, 0) + flexible :]


def _entity(frame: dict[str, Any]) -> Any:
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in frame["api"]).lstrip("_")
    module = importlib.import_module(f"kio.schema.{snake}.v{frame['v']}.{frame['d']}")
    return getattr(module, f"{frame['api']}{frame['d'].capitalize()}")
