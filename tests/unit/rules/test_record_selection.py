"""Conditions on records, as --where has them."""

from types import SimpleNamespace
from typing import Any

import pytest

from pykafka_cli.rules.record_selection import BadCondition, Selection, parse_condition, parse_share


def record(value: bytes | None, key: bytes | None = b"alice") -> Any:
    return SimpleNamespace(key=key, value=value, headers=[("trace", b"abc"), ("none", None)])


ORDER = record(b'{"id": 5, "state": "paid", "items": [{"price": 3}, {"price": 30}], "note": null, "a=b": "x"}')


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("key=alice", True),
        ("key != alice", False),
        ("key~^al", True),
        ("key!~^al", False),
        ('value~"paid"', True),
        ("header.trace=abc", True),
        ("header.trace", True),
        ("header.other", False),
        ("header.none=null", True),
        ("$.id=5", True),
        ("$.id=5.0", True),
        ("$.id>=5", True),
        ("$.id>5", False),
        ("$.id<6", True),
        ("$.state=paid", True),
        ("$.state=5", False),
        ("$.note=null", True),
        ("$.missing", False),
        ("$.missing!=5", True),
        ("$.items[*].price>20", True),
        ("$.items[?@.price>20]", True),
        ("$.items[?@.price>200]", False),
        ("$['a=b']=x", True),
    ],
)
def test_a_condition_looks_at_key_value_headers_and_json(condition: str, expected: bool) -> None:
    assert parse_condition(condition).is_met(ORDER) is expected


@pytest.mark.parametrize("value", [None, b"text", b"5", b"\xff", b"[" * 100_000])
def test_what_is_no_json_has_nothing_at_a_path(value: bytes | None) -> None:
    assert not parse_condition("$.id").is_met(record(value))


@pytest.mark.parametrize("condition", ["id=5", "key", "header.", "key>x", "key~[", "$[", "", "offset=3"])
def test_what_cannot_be_read_is_rejected(condition: str) -> None:
    with pytest.raises(BadCondition):
        parse_condition(condition)


def test_all_conditions_have_to_be_met() -> None:
    conditions = [parse_condition("key=alice"), parse_condition("$.id=1")]
    records = [record(b'{"id":1}'), record(b'{"id":2}'), record(b'{"id":1}', b"bob"), record(b'{"id":1}')]

    assert Selection(conditions, 1, lambda: 0.5).positions(records) == [0, 3]


def test_a_sample_is_a_share_of_the_records_that_meet_the_conditions() -> None:
    chances = iter([0.05, 0.2])
    records = [record(None), record(None, b"bob"), record(None)]

    assert Selection([parse_condition("key=alice")], 0.1, lambda: next(chances)).positions(records) == [0]


@pytest.mark.parametrize(("text", "share"), [("0.01", 0.01), ("1%", 0.01), ("100%", 1), ("1", 1)])
def test_a_share_is_a_fraction_or_a_percentage(text: str, share: float) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize("text", ["0", "2", "-1%", "nan", "half"])
def test_other_shares_are_rejected(text: str) -> None:
    with pytest.raises(ValueError):
        parse_share(text)
