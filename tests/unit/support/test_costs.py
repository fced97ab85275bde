"""What a test of costs says where one has grown."""

from tests.support.costs import ALLOWANCE, Calls, excess


def test_a_helper_more_is_allowed() -> None:
    assert excess(Calls(100 + ALLOWANCE, 50), Calls(100, 50)) == ""


def test_what_grew_further_is_named_with_by_how_much() -> None:
    assert excess(Calls(110, 75), Calls(100, 50)) == (
        "110 calls of functions in Python, 10 (10%) more than the 100 of the bound; "
        "75 calls of compiled functions, 25 (50%) more than the 50 of the bound"
    )
