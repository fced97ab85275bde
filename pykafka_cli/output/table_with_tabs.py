"""The table of kafka-transactions.sh and kafka-metadata-quorum.sh (ToolsUtils.prettyPrintTable)."""

from collections.abc import Sequence


def table_with_tabs(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Every cell as wide as its column and followed by a tab, including the last one."""
    lines = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "".join(f"{cell:<{width}}\t" for cell, width in zip(line, widths, strict=True)) + "\n" for line in lines
    )
