"""`pk broker` and `pk zookeeper`: the servers of one `pk up`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pykafka_cli.output.render import OutputFormat, Table, show

_Server = Mapping[str, Any]


def show_brokers(form: OutputFormat, brokers: Sequence[_Server]) -> None:
    """All brokers, by id."""
    _show(form, brokers, ("broker", "pid", "state", "address", "log"))


def show_zookeepers(form: OutputFormat, zookeepers: Sequence[_Server]) -> None:
    """All ZooKeeper servers, by number."""
    _show(form, zookeepers, ("zookeeper", "pid", "state", "mode", "address", "log"))


def show_changed(form: OutputFormat, name: str, server: _Server) -> None:
    """One server, in its state after a command.

    name    "Broker 1"
    """
    where = "" if server["pid"] is None else f", in process {server['pid']}"
    line = f"{name} is {server['state']}{where}"
    show(form, text=lambda: f"{line}\n", table=lambda: [line], document=lambda: server)


def _show(form: OutputFormat, servers: Sequence[_Server], keys: Sequence[str]) -> None:
    """Those values of each server; the last is a file."""
    rows = [["-" if each[key] is None else each[key] for key in keys] for each in servers]
    show(
        form,
        text=lambda: "".join("\t".join(map(str, row)) + "\n" for row in rows),
        table=lambda: [Table([key.upper() for key in keys], [(*row[:-1], _from_here(row[-1])) for row in rows])],
        document=lambda: servers,
    )


def _from_here(log: str) -> str:
    """The path of a file, relative if it is below the current directory."""
    return str(Path(log).relative_to(Path.cwd())) if Path(log).is_relative_to(Path.cwd()) else log
