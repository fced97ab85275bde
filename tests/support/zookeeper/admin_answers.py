"""What admin servers of ZooKeeper respond, and how two responses are compared: by keys and types."""

import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple

from tests.support.vectors import VECTORS

RECORDED: dict[str, dict[str, dict[str, Any]]] = json.loads((VECTORS / "zab/admin.json").read_text())
"""By what the server is: the responses of ZooKeeper 3.8.4, by path."""

_BY_DATA = (
    "expiry_time_to_session_ids",
    "session_id_to_ephemeral_paths",
    "session_id_to_watched_paths",
    "path_to_session_ids",
    "current_config",
)
"""Objects whose keys are data."""


class AdminResponse(NamedTuple):
    status: int
    content_type: str | None
    body: str

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


def get(port: int, path: str) -> AdminResponse:
    """The response to a GET request; raises OSError where nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=120) as response:
            return AdminResponse(response.status, response.headers.get("Content-Type"), response.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return AdminResponse(error.code, error.headers.get("Content-Type"), error.read().decode())


def recorded(role: str, command: str) -> AdminResponse:
    """What ZooKeeper 3.8.4 responded in a role."""
    found = RECORDED[role][f"/commands/{command}"]
    return AdminResponse(found["status"], found.get("type"), found["body"])


def shape(value: object) -> object:
    """The keys of objects, and the types of all else; of a list, the distinct shapes of its items."""
    if isinstance(value, dict):
        return {key: _values(each) if key in _BY_DATA else shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [json.loads(each) for each in sorted({json.dumps(shape(each), sort_keys=True) for each in value})]
    return type(value).__name__


def _values(by_key: dict[str, object]) -> object:
    """The shapes of the values of an object whose keys are data, without lists that are empty."""
    return shape([each for each in by_key.values() if each != []])
