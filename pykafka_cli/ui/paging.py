"""Long lists, a page at a time."""

from collections.abc import Sequence
from typing import Any

ROWS_PER_PAGE = 200
"""Of a long list; a browser takes longer to show more than the cluster to list them."""


def rows_of(rows: Sequence[Any], number: str) -> tuple[Sequence[Any], int, int]:
    """One page of a long list, its number from 1 on, and how many pages there are."""
    count = max(1, -(-len(rows) // ROWS_PER_PAGE))
    page = min(int(number), count) if number.isdecimal() and int(number) else 1
    return rows[(page - 1) * ROWS_PER_PAGE : page * ROWS_PER_PAGE], page, count
