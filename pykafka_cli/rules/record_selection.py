"""Selects records: by conditions on key, value, headers and JSON values, and by random sampling.

    key=alice          header.trace~^ab        $.items[0].price>=10
    FIELD  OP VALUE    FIELD        OP VALUE   FIELD            OP VALUE

A JSON path (RFC 9535) applies to the value. A header or a path without an operator is met if it exists.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from pykafka_cli.model import ConsumedRecord

_OPERATORS = ("!=", "!~", ">=", "<=", "=", "~", ">", "<")
_HEADER = "header."
_FIELDS = "key, value, header.NAME or a JSON path such as $.id"


class BadCondition(ValueError):
    """An invalid condition; the message says why."""


class Condition(NamedTuple):
    """One condition: some value of a field meets a test.

    values     of a record: none, one or several, as a path may find; None is JSON's or Kafka's null
    """

    values: Callable[[ConsumedRecord], Iterable[Any]]
    test: Callable[[Any], bool]
    is_negated: bool = False

    def is_met(self, record: ConsumedRecord) -> bool:
        return any(map(self.test, self.values(record))) is not self.is_negated


class Selection:
    """Selects records that meet all conditions, and of those a random share.

    share     from 0 to 1
    chance    returns a random number from 0 up to 1
    """

    def __init__(self, conditions: Sequence[Condition], share: float, chance: Callable[[], float]) -> None:
        self._conditions = conditions
        self._share = share
        self._chance = chance

    def positions(self, records: Sequence[ConsumedRecord]) -> Sequence[int]:
        """The positions of the selected ones in `records`."""
        return [position for position, record in enumerate(records) if self._wants(record)]

    def _wants(self, record: ConsumedRecord) -> bool:
        is_wanted = all(condition.is_met(record) for condition in self._conditions)
        return is_wanted and (self._share >= 1 or self._chance() < self._share)


def parse_share(text: str) -> float:
    """A share such as 0.01 or 1%.

    raises    ValueError
    """
    share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    if not 0 < share <= 1:
        raise ValueError(f"{text!r} is not a share such as 0.01 or 1%")
    return share


def parse_condition(text: str) -> Condition:
    """raises    BadCondition"""
    field, operator, wanted = _split(text)
    if field.startswith("$"):
        values = _json_values(field)
    elif field in ("key", "value"):
        values = _key if field == "key" else _value
    elif field.startswith(_HEADER) and field != _HEADER:
        values = _header_values(field.removeprefix(_HEADER))
    else:
        raise BadCondition(f"{field!r} is not a field: use {_FIELDS}")
    if not operator:
        if field in ("key", "value"):
            raise BadCondition(f"{field} must be followed by one of {' '.join(_OPERATORS)}")
        return Condition(values, lambda _: True)
    return Condition(values, _test(operator, wanted), is_negated=operator.startswith("!"))


def _split(text: str) -> tuple[str, str, str]:
    """Field, operator and value, split at the first operator outside of a path's brackets and quotes."""
    depth, quote = 0, ""
    for position, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote and text[position - 1] != "\\" else quote
        elif depth and sign in "'\"":
            quote = sign
        elif sign in "[]":
            depth += 1 if sign == "[" else -1
        elif not depth:
            for operator in _OPERATORS:
                if text.startswith(operator, position):
                    return text[:position].strip(), operator, text[position + len(operator) :].strip()
    return text.strip(), "", ""


def _test(operator: str, wanted: str) -> Callable[[Any], bool]:
    """raises    BadCondition"""
    match operator.removeprefix("!"):
        case "~":
            try:
                expression = re.compile(wanted)
            except re.error as error:
                raise BadCondition(f"{wanted!r} is not a regular expression: {error}") from None
            return lambda value: value is not None and expression.search(_text(value)) is not None
        case "=":
            value_wanted = _json(wanted)
            return lambda value: _is_equal(value, wanted, value_wanted)
    try:
        limit = float(wanted)
    except ValueError:
        raise BadCondition(f"{wanted!r} is not a number, which {operator} needs") from None
    compare: dict[str, Callable[[float], bool]] = {
        ">": lambda number: number > limit,
        ">=": lambda number: number >= limit,
        "<": lambda number: number < limit,
        "<=": lambda number: number <= limit,
    }
    return lambda value: (number := _number(value)) is not None and compare[operator](number)


def _is_equal(value: Any, text: str, wanted: Any) -> bool:
    """Equal as texts, or as JSON values: 5 equals "5" and 5.0, and null equals a missing value."""
    if isinstance(value, str) and value == text:
        return True
    return bool(type(value) is type(wanted) or _are_numbers(value, wanted)) and bool(value == wanted)


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _decoded(data: bytes | None) -> str | None:
    return None if data is None else data.decode(errors="replace")


def _key(record: ConsumedRecord) -> list[str | None]:
    return [_decoded(record.key)]


def _value(record: ConsumedRecord) -> list[str | None]:
    return [_decoded(record.value)]


def _header_values(wanted: str) -> Callable[[ConsumedRecord], Iterable[Any]]:
    return lambda record: [_decoded(value) for name, value in record.headers if name == wanted]


def _json_values(path: str) -> Callable[[ConsumedRecord], Iterable[Any]]:
    """raises    BadCondition"""
    import jsonpath  # importing it takes longer than most commands run

    try:
        compiled = jsonpath.compile(path)
    except jsonpath.JSONPathError as error:
        raise BadCondition(f"{path!r} is not a JSON path: {error}") from None

    def values(record: ConsumedRecord) -> Iterable[Any]:
        try:
            document = json.loads(record.value) if record.value is not None else None
            return compiled.findall(document) if isinstance(document, dict | list) else []
        except (ValueError, RecursionError, jsonpath.JSONPathError):
            return []  # not JSON, so the path finds nothing

    return values
