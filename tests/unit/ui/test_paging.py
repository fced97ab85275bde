"""Long lists, a page at a time."""

import pytest

from pykafka_cli.ui.paging import ROWS_PER_PAGE, rows_of

ROWS = range(2 * ROWS_PER_PAGE + 1)


@pytest.mark.parametrize(
    ("number", "first", "page"),
    [("", 0, 1), ("1", 0, 1), ("2", ROWS_PER_PAGE, 2), ("3", 2 * ROWS_PER_PAGE, 3), ("99", 2 * ROWS_PER_PAGE, 3),
     ("0", 0, 1), ("-1", 0, 1), ("x", 0, 1)],
)  # fmt: skip
def test_a_page_of_a_list(number: str, first: int, page: int) -> None:
    rows, found, count = rows_of(ROWS, number)

    assert (rows[0], found, count) == (first, page, 3)


def test_an_empty_list_has_one_page() -> None:
    assert rows_of([], "5") == ([], 1, 1)
