"""`pk fault`: the active faults."""

from collections.abc import Mapping, Sequence
from typing import Any

from pykafka_cli.output.render import OutputFormat, Table, show


def show_faults(form: OutputFormat, faults: Sequence[Mapping[str, Any]]) -> None:
    """The active faults, as the control socket returns them."""
    rows = [(each["api"], _what(each), each["client_id"] or "every client", _how_often(each)) for each in faults]
    show(
        form,
        text=lambda: "".join("\t".join(row) + "\n" for row in rows),
        table=lambda: [Table(("API", "WHAT HAPPENS", "CLIENT", "HOW OFTEN"), rows)] if rows else [],
        document=lambda: faults,
    )


def _what(fault: Mapping[str, Any]) -> str:
    parts = [
        "served" if fault["after"] else "",
        f"delayed by {fault['delay_s']:g} s" if fault["delay_s"] else "",
        "disconnected" if fault["disconnect"] else "",
        fault["error"] or "",
    ]
    return ", ".join(filter(None, parts))


def _how_often(fault: Mapping[str, Any]) -> str:
    return "until cleared" if fault["times_left"] is None else f"{fault['times_left']} more"
