"""What came against what is wanted: when it is met, when it cannot be any more, and what is reported."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from pykafka_cli.model import Offset
from pykafka_cli.rules.expect_json import Difference, Want
from pykafka_cli.rules.expect_ledger import Assertion, Expectation, Ledger, Outcome
from pykafka_cli.rules.expect_records import Filter, Texts
from tests.support.came_records import PARTITION, Record

MET, UNMET, SKIPPED = Outcome.MET, Outcome.UNMET, Outcome.SKIPPED


def ledger(number: int | None = None, wants: Sequence[Any] = (), **more: Any) -> Ledger:
    lines = [Want(line, value) for line, value in enumerate(wants, 1)]
    return Ledger(Expectation("orders", number, lines, "want.jsonl", **more), Texts())


def add(its: Ledger, *values: Any, key: bytes | None = None) -> None:
    records = [
        Record(None if value is None else json.dumps(value).encode(), key, offset=Offset(its.seen + place))
        for place, value in enumerate(values)
    ]
    its.add(PARTITION, records)


def outcomes(its: Ledger, *, read_to_end: bool = True) -> list[tuple[str, Outcome]]:
    return [(each.name.removeprefix("orders: "), each.outcome) for each in its.assertions(read_to_end=read_to_end)]


def unmet(its: Ledger) -> Assertion:
    (found,) = (each for each in its.assertions(read_to_end=True) if each.outcome is UNMET)
    return found


def test_one_record_is_wanted_unless_something_else_is() -> None:
    its = ledger()
    assert (its.is_met, its.missing) == (False, "0 of 1 records")
    assert outcomes(its) == [("1 record or more", UNMET)]

    add(its, 1, 2)
    assert (its.is_met, its.seen, its.counted) == (True, 2, 2)
    assert outcomes(its) == [("1 record or more", MET)]


def test_only_records_that_count_are_counted_and_the_others_explained() -> None:
    its = ledger(2, filter=Filter("k"))
    add(its, 1, 2, key=b"other")
    add(its, 3, key=b"k")

    assert (its.is_met, its.seen, its.counted) == (False, 3, 1)
    found = unmet(its)
    assert found.name == 'orders: 2 records or more with key "k"'
    assert found.reason == "1 of 2 arrived; 2 others do not count: 2 with another key"
    assert [each.offset for each in found.records] == [0, 1]


def test_too_many_records_are_listed() -> None:
    its = ledger(1, exactly=True)
    add(its, 1)
    assert (its.is_met, its.is_hopeless) == (True, False)

    add(its, *range(12))
    assert (its.is_met, its.is_hopeless, its.surplus) == (False, True, 12)
    found = unmet(its)
    assert (found.reason, len(found.records), found.more) == ("12 records too many", 10, 2)


def test_no_record_at_all_may_be_expected() -> None:
    its = ledger(0, exactly=True)

    assert its.is_met
    assert outcomes(its) == [("no records", MET)]
    assert outcomes(its, read_to_end=False) == [("no records", UNMET)]


def test_each_want_needs_a_record_of_its_own() -> None:
    its = ledger(wants=[{"a": 1}, {"a": 1}])
    add(its, {"a": 1, "b": 2})

    assert (its.is_met, its.missing) == (False, "1 of 2 wanted records")
    assert outcomes(its) == [("want.jsonl line 1", MET), ("want.jsonl line 2", UNMET)]
    found = unmet(its)
    assert (found.reason, found.nearest.came.offset) == ("arrived less often than expected", 0)

    add(its, {"a": 1})
    assert its.is_met


def test_a_record_like_one_that_did_not_come_shows_what_differs() -> None:
    its = ledger(wants=[{"id": 1, "state": "paid"}])
    add(its, {"id": 2, "state": "paid"}, {"id": 1, "state": "new", "total": 5}, "other", None)

    nearest = unmet(its).nearest
    assert nearest
    assert nearest.came.offset == 1
    assert nearest.differences == (Difference(".state", "paid", "new"),)


def test_a_near_miss_is_kept_however_many_others_come() -> None:
    its = ledger(wants=[{"id": 7, "state": "paid"}, {"id": 8, "state": "paid"}])
    add(its, {"id": 7, "state": "new"}, *({"n": number} for number in range(1000)))

    nearest = its.assertions(read_to_end=True)[0].nearest
    assert nearest
    assert (nearest.came.offset, nearest.differences) == (0, (Difference(".state", "paid", "new"),))


def test_a_value_that_is_not_json_is_shown_as_it_is() -> None:
    its = ledger(wants=[{"id": 1}])
    its.add(PARTITION, [Record(b"\xff{")])

    nearest = unmet(its).nearest
    assert nearest
    assert (nearest.is_json, nearest.came.value) == (False, "hex:ff 7b")


def test_a_tombstone_meets_null() -> None:
    its = ledger(wants=[None])
    add(its, None)

    assert its.is_met


def test_with_exactly_other_records_of_those_that_count_are_too_many() -> None:
    its = ledger(wants=[{"a": 1}], exactly=True, filter=Filter("k"))
    add(its, {"a": 1}, key=b"k")
    add(its, {"a": 1}, key=b"other")
    assert its.is_met

    add(its, {"a": 1}, key=b"k")
    assert (its.is_met, its.is_hopeless) == (False, True)
    assert [each.offset for each in unmet(its).records] == [2]


def test_a_number_leaves_room_for_records_besides_the_wanted_ones() -> None:
    its = ledger(3, wants=[{"a": 1}], exactly=True)
    add(its, {"b": 1}, {"b": 2})
    assert (its.is_met, its.is_hopeless) == (False, False)

    add(its, {"b": 3})
    assert (its.is_met, its.is_hopeless) == (False, True)
    assert outcomes(its) == [("3 records", MET), ("want.jsonl line 1", UNMET), ("no other records", SKIPPED)]


def test_the_order_counts_within_a_key() -> None:
    its = ledger(wants=["new", "paid"], ordered=True)
    add(its, "paid", key=b"k")
    assert outcomes(its)[-1] == ("want.jsonl in order by key", SKIPPED)

    add(its, "new", key=b"k")
    assert (its.is_met, its.missing) == (False, "the order by key")
    found = unmet(its)
    assert found.reason == 'key "k": line 2 arrived at orders-0, offset 0, before line 1, which arrived at offset 1'

    add(its, "paid", key=b"k")
    assert its.is_met
    assert outcomes(its)[-1] == ("want.jsonl in order by key", MET)


def test_a_wrong_order_of_exactly_these_records_cannot_be_mended() -> None:
    its = ledger(wants=["new", "paid"], ordered=True, exactly=True)
    add(its, "paid", "new", key=b"k")

    assert its.is_hopeless


@pytest.mark.parametrize("read_to_end", [False, True])
def test_that_nothing_else_came_is_known_only_at_the_end(read_to_end: bool) -> None:
    its = ledger(1, exactly=True)
    add(its, 1)

    assert outcomes(its, read_to_end=read_to_end)[-1] == ("no other records", MET if read_to_end else UNMET)
