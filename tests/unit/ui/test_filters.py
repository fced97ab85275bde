"""Which records a filter of the page lets through."""

from typing import NamedTuple

import pytest

from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.ui.filters import BadFilter, filter_of, parse_json_path


class Came(NamedTuple):
    key: bytes | None = b"user1"
    value: bytes | None = b'{"items": [{"price": 3, "x y": "ab"}], "paid": true}'
    headers: tuple[tuple[str, bytes | None], ...] = (("trace", b"17"), ("empty", None))
    offset: Offset = Offset(0)
    timestamp: Timestamp | None = Timestamp(0)
    timestamp_type: int | None = 0


@pytest.mark.parametrize(
    ("query", "passes"),
    [
        ({}, True),
        ({"key": "ser1"}, True),
        ({"key": "user2"}, False),
        ({"value": "price"}, True),
        ({"value": "cost"}, False),
        ({"header": "trace"}, True),
        ({"header": "trace=1"}, True),
        ({"header": "trace=2"}, False),
        ({"header": "empty"}, True),
        ({"header": "span"}, False),
        ({"path": ".items[0].price"}, True),
        ({"path": "$.items[0].price = 3"}, True),
        ({"path": "items[0].price=4"}, False),
        ({"path": '.items[0]["x y"] = ab'}, True),
        ({"path": ".items[1]"}, False),
        ({"path": '. = {"paid": true}'}, True),
        ({"path": ".paid = 1"}, False),
        ({"key": "user1", "value": "cost"}, False),
    ],
)
def test_all_that_is_given_must_hold(query: dict[str, str], passes: bool) -> None:
    assert filter_of(query).lets_through(Came()) is passes


@pytest.mark.parametrize("value", [None, b"text", b"\xff", b"[" * 100_000])
def test_a_value_without_json_has_no_path(value: bytes | None) -> None:
    assert not filter_of({"path": ".items"}).lets_through(Came(value=value))


@pytest.mark.parametrize("text", ["a b", ".a[x]", ".a[", "..a", ".a%"])
def test_a_path_that_cannot_be_understood_is_rejected(text: str) -> None:
    with pytest.raises(BadFilter, match="JSON path"):
        parse_json_path(text)
