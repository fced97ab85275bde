"""`pk broker`: the brokers of one `pk up`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pykafka_cli.output.render import OutputFormat, Table, show


def show_brokers(form: OutputFormat, brokers: Sequence[Mapping[str, Any]]) -> None:
    """All brokers, by id."""
    rows = [(each["broker"], _pid(each), each["state"], each["address"], each["log"]) for each in brokers]
    show(
        form,
        text=lambda: "".join("\t".join(map(str, row)) + "\n" for row in rows),
        table=lambda: [
            Table(("BROKER", "PID", "STATE", "ADDRESS", "LOG"), [(*row[:4], _from_here(row[4])) for row in rows])
        ],
        document=lambda: brokers,
    )


def show_changed(form: OutputFormat, broker: Mapping[str, Any]) -> None:
    """One broker, in its state after a command."""
    where = "" if broker["pid"] is None else f", in process {broker['pid']}"
    line = f"Broker {broker['broker']} is {broker['state']}{where}"
    show(form, text=lambda: f"{line}\n", table=lambda: [line], document=lambda: broker)


def _pid(broker: Mapping[str, Any]) -> object:
    return "-" if broker["pid"] is None else broker["pid"]


def _from_here(log: str | None) -> str | None:
    """The path of a file, relative if it is below the current directory."""
    return str(Path(log).relative_to(Path.cwd())) if log and Path(log).is_relative_to(Path.cwd()) else log
