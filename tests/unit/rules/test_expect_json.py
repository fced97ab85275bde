"""Wanted values: which lines are some, what has all of one, and where two differ."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.rules.expect_json import (
    NOTHING,
    BadWants,
    Difference,
    Want,
    WantIndex,
    differences,
    has_all_of,
    likeness,
    parse_value,
    parse_wants,
)

scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "b", 0.5, 1.0])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def test_each_line_is_a_want_and_knows_its_number() -> None:
    assert parse_wants('\ufeff{"a": 1}\r\n\n  null\n"x\u2028y"\n') == [
        Want(1, {"a": 1}),
        Want(3, None),
        Want(4, "x\u2028y"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1\n{", "line 2 is not JSON"),
        ("NaN", "line 1 is not JSON: NaN is not JSON"),
        ("[" * 100_000, "line 1 is not JSON"),
        (" \n", "it has no lines"),
    ],
)
def test_what_is_not_json_is_named_by_its_line(text: str, reason: str) -> None:
    with pytest.raises(BadWants, match=reason):
        parse_wants(text)


@pytest.mark.parametrize(
    ("want", "came", "fits"),
    [
        ({}, {"a": 1}, True),
        ({}, [], False),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}, True),
        ({"a": None}, {}, False),
        ({"a": None}, {"a": None}, True),
        ([1], [1, 2], False),
        ([{"a": 1}], [{"a": 1, "b": 2}], True),
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (False, 0, False),
        ("1", 1, False),
        (None, None, True),
        (10**30, 10**30, True),
    ],
)
def test_a_subset(want: Any, came: Any, fits: bool) -> None:
    assert has_all_of(want, came) is fits


@given(values, values)
def test_there_are_differences_exactly_where_it_is_no_subset(want: Any, came: Any) -> None:
    assert (not list(differences(want, came))) is has_all_of(want, came)


@given(values)
def test_a_value_is_most_like_itself(value: Any) -> None:
    assert has_all_of(value, value)
    assert likeness(value, value) >= likeness(value, {"a": 1, "b": [1]})


@given(st.lists(values, max_size=5), values)
def test_the_index_overlooks_no_want_that_fits(wanted: list[Any], came: Any) -> None:
    index = WantIndex([Want(0, value) for value in wanted])

    candidates = index.candidates(came)

    assert candidates == sorted(set(candidates))
    assert {each for each in candidates if index.fits(each, came)} == {
        number for number, value in enumerate(wanted) if has_all_of(value, came)
    }


def test_the_index_looks_only_at_wants_with_the_same_id() -> None:
    index = WantIndex([Want(number, {"type": "order", "id": number}) for number in range(100)])

    assert index.candidates({"type": "order", "id": 7, "more": []}) == [7]


def test_differences_have_paths() -> None:
    want = {"id": 1, "items": [{"price": 5}], "a b": 1, "tags": [1, 2]}
    came = {"id": 2, "items": [{"price": 6}], "tags": [1]}

    assert list(differences(want, came)) == [
        Difference(".id", 1, 2),
        Difference(".items[0].price", 5, 6),
        Difference('["a b"]', 1, NOTHING),
        Difference(".tags", [1, 2], [1]),
    ]
    assert list(differences({"a": 1}, NOTHING)) == [Difference(".", {"a": 1}, NOTHING)]


def test_a_tombstone_is_null_and_what_is_not_json_is_nothing() -> None:
    assert parse_value(None) is None
    assert parse_value("null") is None
    assert parse_value("{") is NOTHING
    assert parse_value("[" * 100_000) is NOTHING
