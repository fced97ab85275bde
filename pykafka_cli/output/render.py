"""One result, shown in the chosen form. Only what that form needs is imported.

show(form, text=lambda: topic_text.listing(topics), table=lambda: ..., document=lambda: [...])
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rich.table import Table as RichTable


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
    """Rows for people. A column whose cells are all numbers is aligned to the right; `empty` is shown for no rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""
    empty: str = "Nothing to show."


def notice(form: OutputFormat, line: str) -> None:
    """Print a line about the progress, unbuffered; with a document, it goes to stderr."""
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
                sys.stdout.write("\n")  # a script that leaves its last line open leaves the prompt behind it
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
            # not as rich's title, which is broken into lines of the table's width
            console.print(Text(part.title, style="bold"), soft_wrap=True)
        if part.rows:
            console.print(_rich(part))
        elif part.empty:
            console.print(Text(part.empty), soft_wrap=True)


def _rich(table: Table) -> "RichTable":
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=box.SIMPLE_HEAD)
    for index, name in enumerate(table.columns):
        numbers = all(isinstance(row[index], int) for row in table.rows)
        shown.add_column(name, justify="right" if numbers and table.rows else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text("-" if cell is None else str(cell)) for cell in row))
    return shown
