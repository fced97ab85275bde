"""Parses lines of JSON as records: the output of `console-consumer --output json` can be produced again.

    {"partition":0,"timestamp":1700000000123,"headers":[{"key":"h","value":"v"}],"key":"k","value":"v"}

Every member may be missing or null. A key or value that is not a string becomes its JSON text. Headers may be an object
as well. Other members, such as the topic and the offset that a record had, are ignored.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from pykafka_cli.model import Timestamp
from pykafka_cli.rules.line_readers import BadLine, Header


class InputRecord(NamedTuple):
    """A record to send. Without a partition, its key decides; without a timestamp, it gets the time of sending."""

    key: bytes | None
    value: bytes | None
    headers: list[Header]
    partition: int | None
    timestamp_ms: Timestamp | None


class JsonReader:
    """Parses lines, numbered from 1 across calls, as records; blank ones are skipped."""

    def __init__(self) -> None:
        self._line = 0

    def read(self, lines: Sequence[bytes]) -> tuple[list[tuple[int, InputRecord]], BadLine | None]:
        """Parse records, with the numbers of their lines, up to the first invalid one, and its problem."""
        found: list[tuple[int, InputRecord]] = []
        for line in lines:
            self._line += 1
            if line.strip():
                try:
                    found.append((self._line, parse_record(line)))
                except ValueError as problem:
                    return found, BadLine(f"line {self._line}: {problem}")
        return found, None


def is_unfinished(text: str) -> bool:
    """Whether a text is the beginning of a JSON document that continues on the next line."""
    try:
        json.loads(text)
    except json.JSONDecodeError as problem:
        return bool(text.strip()) and problem.pos >= len(text.rstrip())
    except (ValueError, RecursionError):
        return False
    return False


def in_one_line(text: str) -> str:
    """Documents over several lines, in one line each; what is none stays as it is."""
    documents, unfinished = [], ""
    for line in text.splitlines():
        unfinished = f"{unfinished} {line}" if unfinished else line  # a line end is a space, outside of strings
        if not is_unfinished(unfinished):
            documents.append(unfinished)
            unfinished = ""
    return "\n".join([*documents, unfinished] if unfinished else documents)


def parse_record(line: bytes) -> InputRecord:
    """raises    ValueError"""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"not JSON: {problem}") from None
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    timestamp = _number(document, "timestamp", 63)
    return InputRecord(
        _field(document.get("key")),
        _field(document.get("value")),
        _headers(document.get("headers")),
        _number(document, "partition", 31),
        None if timestamp is None else Timestamp(timestamp),
    )


def _field(value: Any) -> bytes | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair cannot be encoded in UTF-8") from None


def _headers(value: Any) -> list[Header]:
    if value is None:
        return []
    if isinstance(value, dict):
        return [(name, _field(text)) for name, text in value.items()]
    if isinstance(value, list) and all(isinstance(each, dict) and isinstance(each.get("key"), str) for each in value):
        return [(each["key"], _field(each.get("value"))) for each in value]
    raise ValueError("headers are neither an object nor a list of objects with key and value")


def _number(document: dict[str, Any], name: str, bits: int) -> int | None:
    number = document.get(name)
    if number is None:
        return None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 1 << bits:
        raise ValueError(f"{name} {json.dumps(number)} is not a whole number of at least 0")
    return number
