"""Expected values, as JSON: whether a value contains one, and where the two differ.

An object contains another if it has all of its members; it may have more. Arrays must have the same length, and contain
each other's elements in order. Numbers are equal by value: 1 is 1.0, and neither is true.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple

Scalar = tuple[str, type, Any]
"""A member whose value is not an object or array: its name, its kind, its value."""

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class Nothing(Enum):
    """The type of NOTHING, a missing value; None is JSON's null."""

    NOTHING = "nothing"


NOTHING = Nothing.NOTHING


class Want(NamedTuple):
    """One line of a file of expected values."""

    line: int
    value: Any


class Difference(NamedTuple):
    """A difference from the expected value, at a path such as `.items[0].price`, or `.` for the whole."""

    path: str
    wanted: Any
    came: Any
    """NOTHING if the member is missing."""


class BadWants(ValueError):
    """A file of expected values is invalid; the message names the line."""


def parse_wants(text: str) -> list[Want]:
    """Parse one JSON value per line; blank lines are skipped.

    raises    BadWants
    """
    wants = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if line.strip():
            try:
                wants.append(Want(number, json.loads(line, parse_constant=_reject)))
            except (ValueError, RecursionError) as error:
                raise BadWants(f"line {number} is not JSON: {error}") from None
    if not wants:
        raise BadWants("it has no lines")
    return wants


def _reject(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def parse_value(text: str | None) -> Any:
    """The JSON value of a text; None without a text (a tombstone), NOTHING if it is not JSON."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return NOTHING


def has_all_of(want: Any, came: Any) -> bool:
    """Whether `want` is a subset of `came`."""
    if isinstance(want, dict):
        return isinstance(came, dict) and all(
            name in came and has_all_of(value, came[name]) for name, value in want.items()
        )
    if isinstance(want, list):
        return (
            isinstance(came, list)
            and len(came) == len(want)
            and all(has_all_of(value, other) for value, other in zip(want, came, strict=True))
        )
    return _kind(want) is _kind(came) and bool(want == came)


def differences(want: Any, came: Any, path: str = "") -> Iterator[Difference]:
    """The differences of `came` from `want`, in the order of `want`."""
    if isinstance(want, dict) and isinstance(came, dict):
        for name, value in want.items():
            yield from differences(value, came.get(name, NOTHING), path + _member(name))
    elif isinstance(want, list) and isinstance(came, list) and len(want) == len(came):
        for index, (value, other) in enumerate(zip(want, came, strict=True)):
            yield from differences(value, other, f"{path}[{index}]")
    elif not has_all_of(want, came):
        yield Difference(path or ".", want, came)


def likeness(want: Any, came: Any) -> int:
    """How much of `want` is in `came`: the number of equal scalars at the same paths."""
    if isinstance(want, dict):
        return (
            sum(likeness(value, came[name]) for name, value in want.items() if name in came)
            if isinstance(came, dict)
            else 0
        )
    if isinstance(want, list):
        return sum(map(likeness, want, came)) if isinstance(came, list) else 0
    return int(has_all_of(want, came))


def _kind(value: Any) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _member(name: str) -> str:
    return f".{name}" if _NAME.fullmatch(name) else f"[{json.dumps(name, ensure_ascii=False)}]"


class WantIndex:
    """Finds the wants that a value might fit, without checking all of them: a thousand wants usually differ in an id.

    Each want is indexed by the scalar member that the fewest other wants have; a value without that member cannot fit.
    """

    def __init__(self, wants: Sequence[Want]) -> None:
        self._wants = [want.value for want in wants]
        members = [list(_scalars(value)) for value in self._wants]
        frequency = Counter(member for theirs in members for member in theirs)
        self._by_member: dict[Scalar, list[int]] = {}
        self._others: list[int] = []
        for number, theirs in enumerate(members):
            if theirs:
                self._by_member.setdefault(min(theirs, key=frequency.__getitem__), []).append(number)
            else:
                self._others.append(number)

    def candidates(self, came: Any) -> list[int]:
        """Numbers of wants, in order. Those that the value then does not fit are near misses."""
        found = [number for member in _scalars(came) for number in self._by_member.get(member, ())]
        return sorted((*found, *self._others)) if found else self._others

    def fits(self, number: int, came: Any) -> bool:
        return has_all_of(self._wants[number], came)


def _scalars(value: Any) -> Iterator[Scalar]:
    if isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(member, dict | list):
                yield name, _kind(member), member
