"""Filters for the records on a page.

A JSON path is `.items[0].price`; with `= 3` after it, the value must contain that value, as in pk expect.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pykafka_cli.model import ConsumedRecord
from pykafka_cli.rules.expect_json import NOTHING, has_all_of, parse_value
from pykafka_cli.ui.fields import AUTO, SHOWN_AS, Show, show_as

Step = str | int

_STEP = re.compile(r'\.?([A-Za-z_][\w-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]')


class BadFilter(ValueError):
    """A filter that cannot be parsed."""


class JsonPath(NamedTuple):
    """A path into a JSON value; `wanted` is NOTHING if any value matches."""

    steps: tuple[Step, ...]
    wanted: Any

    def matches(self, value: Any) -> bool:
        for step in self.steps:
            in_object = isinstance(value, dict) and isinstance(step, str) and step in value
            in_array = isinstance(value, list) and isinstance(step, int) and step < len(value)
            if not in_object and not in_array:
                return False
            value = value[step]
        return value is not NOTHING and (self.wanted is NOTHING or has_all_of(self.wanted, value))


def parse_json_path(text: str) -> JsonPath:
    """raises    BadFilter"""
    path, equals, wanted = text.partition("=")
    path = path.strip().removeprefix("$")
    steps: list[Step] = []
    position = 0
    while position < len(path) and path != ".":
        found = _STEP.match(path, position)
        if found is None:
            raise BadFilter(f"JSON path {text}: unexpected {path[position:]}")
        name, index, quoted = found.groups()
        steps.append(name or (int(index) if index else json.loads(quoted)))
        position = found.end()
    if not equals:
        return JsonPath(tuple(steps), NOTHING)
    value = parse_value(wanted.removeprefix("=").strip())
    return JsonPath(tuple(steps), wanted.removeprefix("=").strip() if value is NOTHING else value)


class Filter(NamedTuple):
    """All given conditions must hold. `key` and `value` are contained in what is shown; `header`: NAME or NAME=TEXT."""

    key: str = ""
    value: str = ""
    header: str = ""
    path: JsonPath | None = None
    show_key: Show = SHOWN_AS[AUTO]
    show_value: Show = SHOWN_AS[AUTO]

    def lets_through(self, record: ConsumedRecord) -> bool:
        return (
            (not self.key or self.key in _shown(record.key, self.show_key))
            and (not self.value or self.value in _shown(record.value, self.show_value))
            and (not self.header or self._has_header(record.headers))
            and (
                self.path is None
                or (record.value is not None and self.path.matches(parse_value(text_of(record.value))))
            )
        )

    def _has_header(self, headers: Sequence[tuple[str, bytes | None]]) -> bool:
        name, equals, wanted = self.header.partition("=")
        return any(key == name and (not equals or wanted in text_of(value)) for key, value in headers)


def filter_of(query: Mapping[str, str]) -> Filter:
    """raises    BadFilter, BadField"""
    path = query.get("path", "").strip()
    return Filter(
        query.get("key", ""),
        query.get("value", ""),
        query.get("header", ""),
        parse_json_path(path) if path else None,
        show_as(query.get("key_as") or AUTO),
        show_as(query.get("value_as") or AUTO),
    )


def _shown(field: bytes | None, show: Show) -> str:
    return "" if field is None else show(field)


def text_of(field: bytes | None) -> str:
    return "" if field is None else field.decode(errors="replace")
