"""Manual pages in roff's man macros, with the text of `--help`."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

_UNTOUCHED = "\b"
"""Starts a paragraph whose lines are kept, as in the help of commands."""


class ManualPage(NamedTuple):
    """One command. `options` are (spelling, help) by heading; blank lines separate paragraphs of `description`."""

    name: str
    summary: str
    synopsis: str
    description: str
    options: Mapping[str, Sequence[tuple[str, str]]]


def roff(page: ManualPage, version: str) -> str:
    """The source of the page for `man`."""
    lines = [
        f'.TH {_text(page.name.upper())} 1 "" "pk {_text(version)}" "pk"',
        ".ad l",
        ".SH NAME",
        f"{_text(page.name)} \\- {_text(page.summary)}",
        ".SH SYNOPSIS",
        _line(page.synopsis).replace("|", "|\\:"),  # a line may be broken here
    ]
    if page.description:
        lines += [".SH DESCRIPTION", *_paragraphs(page.description)]
    for heading, rows in page.options.items():
        lines.append(f'.SH "{_text(heading.upper())}"')
        for spelling, text in rows:
            lines += [".TP", f".B {_text(spelling)}", _line(text)]
    return "\n".join(lines) + "\n"


def _paragraphs(description: str) -> list[str]:
    lines: list[str] = []
    for paragraph in description.strip().split("\n\n"):
        rows = paragraph.strip("\n").split("\n")
        if rows[0].strip() == _UNTOUCHED:
            lines += [".PP", ".nf", *map(_line, rows[1:]), ".fi"]
        else:
            lines += [".PP", _line(" ".join(row.strip() for row in rows))]
    return lines


def _line(text: str) -> str:
    """Text at the start of a line: a dot or an apostrophe there would start a request."""
    escaped = _text(" ".join(text.split()) if "\n" in text else text)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _text(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
