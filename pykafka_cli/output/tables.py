"""Results as tables for people, by rich."""

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from pykafka_cli.output.render import Table


def print_tables(parts: Iterable[Table | str]) -> None:
    """Tables and lines of text, in their order."""
    console = Console(highlight=False)
    for part in parts:
        if isinstance(part, str):
            console.print(Text(part))
            continue
        if part.title:
            # not as rich's title, which is broken into lines of the table's width
            console.print(Text(part.title, style="bold"), soft_wrap=True)
        console.print(_rich(part) if part.rows else "\n  none\n")


def _rich(table: Table) -> RichTable:
    shown = RichTable(box=box.SIMPLE_HEAD)
    for index, name in enumerate(table.columns):
        numbers = all(isinstance(row[index], int) for row in table.rows)
        shown.add_column(name, justify="right" if numbers and table.rows else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text("-" if cell is None else str(cell)) for cell in row))
    return shown
