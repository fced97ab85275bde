"""Columns as wide as their widest cell, as Kafka 4's tools for groups print them."""

from collections.abc import Sequence

MISSING = "-"


def columns(lines: Sequence[Sequence[str]], narrowest: Sequence[int], *, pads_last: bool = False) -> str:
    """Lines with a space between cells.

    narrowest    the least width of each column
    pads_last    whether the last column is padded as well
    """
    widths = [max(least, *map(len, column)) for least, column in zip(narrowest, zip(*lines, strict=True), strict=True)]
    if not pads_last:
        widths[-1] = 0
    return "".join(" ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)) + "\n" for line in lines)


def or_missing(value: int | None) -> str:
    return MISSING if value is None else str(value)
