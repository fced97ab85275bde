"""Prints one result in the chosen form. Only what that form needs is imported.

show(form, text=lambda: topic_text.listing(topics), table=lambda: ..., document=lambda: [...])
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rich.table import Table as RichTable


_NARROWEST_TEXT = 8
"""Width in characters below which folded text is unreadable."""


class OutputFormat(StrEnum):
    """How results are shown."""

    KAFKA = "kafka"
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"

    @property
    def is_document(self) -> bool:
        return self in (OutputFormat.JSON, OutputFormat.YAML)


class Table(NamedTuple):
    """Rows for people. Columns of numbers are aligned to the right; `empty` is shown if there are no rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""
    empty: str = "Nothing to show."


def notice(form: OutputFormat, line: str) -> None:
    """Print a line about progress, unbuffered; with a document, it goes to stderr."""
    print(line, file=sys.stderr if form.is_document else sys.stdout, flush=True)


def show(
    form: OutputFormat,
    *,
    text: Callable[[], str],
    table: Callable[[], Iterable[Table | str]],
    document: Callable[[], object],
) -> None:
    """Write a result to stdout.

    text       what the script prints, line ends included
    table      tables, and lines between them
    document   lists, dictionaries with stable keys, numbers, strings and None
    """
    match form:
        case OutputFormat.KAFKA:
            sys.stdout.write(printed := text())
            if sys.stdout.isatty() and printed and not printed.endswith("\n"):
                sys.stdout.write("\n")  # otherwise the shell's prompt would follow on the same line
        case OutputFormat.TABLE:
            _print_tables(table())
        case OutputFormat.JSON | OutputFormat.YAML:
            from pykafka_cli.output.documents import as_json, as_yaml

            sys.stdout.write(as_json(document()) if form is OutputFormat.JSON else as_yaml(document()))


def _print_tables(parts: Iterable[Table | str]) -> None:
    """Tables and lines of text, in their order."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for part in parts:
        if isinstance(part, str):
            console.print(Text(part))
            continue
        if part.title:
            # not as rich's title, which wraps at the table's width
            console.print(Text(part.title, style="bold"), soft_wrap=True)
        if part.rows:
            console.print(_rich(part, console.width))
        elif part.empty:
            console.print(Text(part.empty), soft_wrap=True)


def _rich(table: Table, width: int) -> "RichTable":
    """Columns, closer together, or lines if the terminal is narrow. Only text is folded: half a number is wrong.

    width    characters in a line
    """
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    columns = range(len(table.columns))
    are_numbers = [all(isinstance(row[index], int | None) for row in table.rows) for index in columns]
    widths = [
        max(len(name), min(_NARROWEST_TEXT, widest) if not is_number else widest)
        for name, widest, is_number in zip(table.columns, _widest(table), are_numbers, strict=True)
    ]
    padding = next((each for each in (1, 0) if sum(widths) + len(widths) * (1 + 2 * each) + 1 <= width), None)
    if padding is None:
        return _rich_upright(table)
    shown = RichTable(box=box.SIMPLE_HEAD, padding=(0, padding))
    for name, least, is_number in zip(table.columns, widths, are_numbers, strict=True):
        shown.add_column(name, justify="right" if is_number else "left", overflow="fold", min_width=least)
    for row in table.rows:
        shown.add_row(*(Text(_cell(value)) for value in row))
    return shown


def _widest(table: Table) -> list[int]:
    """The width of each column's widest cell."""
    return [max(len(_cell(row[index])) for row in table.rows) for index in range(len(table.columns))]


def _rich_upright(table: Table) -> "RichTable":
    """Each row as lines of name and value, for terminals that are too narrow for the columns."""
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable.grid(padding=(0, 2))
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for row in table.rows:
        for name, value in zip(table.columns, row, strict=True):
            shown.add_row(Text(name), Text(_cell(value)))
        shown.add_row()
    return shown


def _cell(value: object) -> str:
    return "-" if value is None else str(value)
