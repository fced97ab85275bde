"""Divides long lists into pages."""

from collections.abc import Sequence
from typing import Any

ROWS_PER_PAGE = 200
"""Rows of a long list on one page; showing more takes a browser longer than listing them takes the cluster."""


def rows_of(rows: Sequence[Any], number: str) -> tuple[Sequence[Any], int, int]:
    """One page of a long list, its number, counted from 1, and the number of pages."""
    count = max(1, -(-len(rows) // ROWS_PER_PAGE))
    page = min(int(number), count) if number.isdecimal() and int(number) else 1
    return rows[(page - 1) * ROWS_PER_PAGE : page * ROWS_PER_PAGE], page, count
