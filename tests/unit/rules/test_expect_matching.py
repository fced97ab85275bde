"""Matching records with wants, beside every way to do it by hand; and how much is kept of many records."""

from collections.abc import Sequence
from itertools import cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.rules.expect_matching import Matching, Misplaced, OrderedMatching

Record = tuple[str, tuple[int, ...]]
"""Its key, and which wants it fits."""

WANTS = 4
records = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sets(st.integers(0, WANTS - 1), max_size=2).map(sorted).map(tuple)),
    max_size=8,
)


def most_met(rest: Sequence[Record], used: frozenset[int] = frozenset()) -> int:
    if not rest:
        return len(used)
    _, fits = rest[0]
    return max(most_met(rest[1:], used | which) for which in (set(), *({want} for want in fits if want not in used)))


def can_be_ordered(rest: Sequence[Record], want: int = 0, last: tuple[tuple[str, int], ...] = ()) -> bool:
    """Each next want by a record that comes after the last of its key."""
    ends = dict(last)
    return want == WANTS or any(
        can_be_ordered(rest, want + 1, tuple({**ends, key: place}.items()))
        for place, (key, fits) in enumerate(rest)
        if want in fits and place > ends.get(key, -1)
    )


@given(records)
def test_as_many_wants_are_met_as_can_be(came: list[Record]) -> None:
    matching: Matching[int] = Matching(WANTS)

    gains = [matching.offer(place, fits) for place, (_, fits) in enumerate(came)]

    assert sum(gains) == matching.met_count == most_met(came) == WANTS - len(matching.unmet)
    assert len(set(matching.met.values())) == matching.met_count
    assert all(want in came[place][1] for want, place in matching.met.items())


@given(records)
def test_an_order_is_found_where_there_is_one(came: list[Record]) -> None:
    matching: OrderedMatching[int] = OrderedMatching(WANTS)
    found = False

    for place, (key, fits) in enumerate(came):
        matching.offer(key, place, fits)
        found = matching.is_met

    assert found == can_be_ordered(came)


def test_a_record_that_fits_two_wants_leaves_the_one_that_another_fits() -> None:
    matching: Matching[str] = Matching(2)

    assert matching.offer("fits both", [0, 1])
    assert matching.offer("fits the first", [0])
    assert matching.met == {0: "fits the first", 1: "fits both"}


def test_wants_that_are_met_for_good_are_not_looked_at_again() -> None:
    matching: Matching[int] = Matching(3)
    offers = [matching.offer(record, [0, 1]) for record in range(3)]

    assert offers == [True, True, False]
    assert [matching.is_closed(want) for want in range(3)] == [True, True, False]
    assert [matching.is_met(want) for want in range(3)] == [True, True, False]


class Counted:
    """A record that knows how many of its kind are kept."""

    alive = 0

    def __init__(self) -> None:
        Counted.alive += 1

    def __del__(self) -> None:
        Counted.alive -= 1


@pytest.mark.parametrize("keys", [1, 10_000])
def test_few_of_many_records_are_kept(keys: int) -> None:
    matching: OrderedMatching[Counted] = OrderedMatching(5)

    for number, want in islice(enumerate(cycle(range(4))), 20_000):  # the fifth does not come
        matching.offer(number % keys, Counted(), [want])

    assert not matching.is_met
    assert Counted.alive <= 5 * 5 * 4


def test_what_came_too_early_is_named() -> None:
    matching: OrderedMatching[str] = OrderedMatching(2)
    matching.offer("k", "paid", [1])
    matching.offer("k", "new", [0])

    assert not matching.is_met
    assert matching.misplaced == Misplaced(1, "paid", 0, "new")

    matching.offer("k", "paid again", [1])
    assert matching.is_met
    assert matching.misplaced is None


def test_keys_have_no_order_among_each_other() -> None:
    matching: OrderedMatching[str] = OrderedMatching(2)
    matching.offer("k", "second", [1])
    matching.offer("l", "first", [0])

    assert matching.is_met


def test_a_search_that_would_take_too_long_is_given_up() -> None:
    wants = 40
    matching: OrderedMatching[int] = OrderedMatching(wants)
    for place in range(wants // 2 - 1):  # one too few, which shows only at the end of each of very many ways
        for key in "ab":
            matching.offer(key, place, range(wants))

    assert not matching.is_met
    assert matching.is_ambiguous
