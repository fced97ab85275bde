"""What `pk doctor` prints."""

import sys
from collections.abc import Sequence
from typing import Any

from pykafka_cli.output.render import OutputFormat, show
from pykafka_cli.rules.diagnosis import Check, Layer, State

_MARKS = {
    State.OK: ("✓", "green"),
    State.WARNING: ("!", "yellow"),
    State.FAILED: ("✗", "red"),
    State.UNKNOWN: ("?", "dim"),
}
_WIDTH = max(map(len, Layer))
_INDENT = " " * (_WIDTH + 4)


def print_check(check: Check) -> None:
    """Print one line for people, as soon as it is known, with advice below it."""
    from rich.console import Console
    from rich.text import Text

    mark, style = _MARKS[check.state]
    console = Console(highlight=False)
    line = Text.assemble((mark, style), f" {check.layer:<{_WIDTH}}  ", check.text, (f"  {_time(check)}", "dim"))
    console.print(line, soft_wrap=True)
    for each in check.advice:
        is_command = each.startswith(("pk ", "getent "))
        line = Text(f"{_INDENT}{'  $ ' if is_command else ''}{each}", style="bold" if is_command else "")
        console.print(line, soft_wrap=is_command)


def show_checks(form: OutputFormat, checks: Sequence[Check]) -> None:
    """All checks at once, in the order of the layers, tab-separated or as documents."""
    layers = list(Layer)
    ordered = sorted(checks, key=lambda each: layers.index(each.layer))
    show(form, text=lambda: "".join(map(_line, ordered)), table=list, document=lambda: list(map(_document, ordered)))


def print_advice(checks: Sequence[Check]) -> None:
    """Print the advice to stderr."""
    for check in checks:
        for each in check.advice:
            print(f"{check.layer}: {each}", file=sys.stderr)


def _line(check: Check) -> str:
    return "\t".join((check.state, check.layer, _time(check), check.text)) + "\n"


def _time(check: Check) -> str:
    return "" if check.seconds is None else f"{check.seconds * 1000:.1f} ms"


def _document(check: Check) -> dict[str, Any]:
    return {
        "layer": check.layer.value,
        "state": check.state.value,
        "text": check.text,
        "advice": list(check.advice),
        "milliseconds": None if check.seconds is None else round(check.seconds * 1000, 1),
    }
