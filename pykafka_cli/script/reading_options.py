"""Options for reading that Kafka's scripts do not have: which records to read, and how to print them."""

from typing import Annotated

import typer

from pykafka_cli.rules.reading_range import RANGE_OPTIONS

NEVER_ABBREVIATED = frozenset({*RANGE_OPTIONS, "where", "sample", "template"})
"""Abbreviations of the script's options keep their meaning."""

RANGE, PRINTING = "Which records", "Printing"

Last = Annotated[
    int | None,
    typer.Option(
        "--last",
        metavar="N",
        min=1,
        help="Start with the N newest records of all partitions, ordered by time.",
        rich_help_panel=RANGE,
    ),
]
FromTime = Annotated[
    str | None,
    typer.Option(
        "--from-time",
        metavar="TIME",
        help=(
            "Start with records of this time: 2026-12-31T12:00:00Z, milliseconds since 1970, "
            "or 10m for ten minutes ago."
        ),
        rich_help_panel=RANGE,
    ),
]
UntilTime = Annotated[
    str | None,
    typer.Option(
        "--until-time",
        metavar="TIME",
        help="Exit after the records before this time.",
        rich_help_panel=RANGE,
    ),
]
ExitAtEnd = Annotated[
    bool,
    typer.Option(
        "--exit-at-end",
        help="Exit after the last record that is there now. Reads from the beginning unless a start is given.",
        rich_help_panel=RANGE,
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help=(
            "Print only records that meet a condition: FIELD OP VALUE, without spaces or quoted. FIELD is key, value, "
            "header.NAME or a JSON path such as $.id; OP is =, !=, ~ (matches), !~, <, <=, > or >=. "
            "May be repeated; all must be met."
        ),
        rich_help_panel=RANGE,
    ),
]
Sample = Annotated[
    str | None,
    typer.Option(
        "--sample", metavar="SHARE", help="Print a random sample of the records: 0.01 or 1%.", rich_help_panel=RANGE
    ),
]
TemplateOption = Annotated[
    str | None,
    typer.Option(
        "--template",
        metavar="TEXT",
        help=(
            "Print each record by a template, with kcat's tokens: %t topic, %p partition, %o offset, %T timestamp, "
            r"%h headers, %k key, %s value, %K and %S their lengths, %R; \n, \t, \xHH."
        ),
        rich_help_panel=PRINTING,
    ),
]
