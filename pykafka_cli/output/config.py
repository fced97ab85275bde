"""`pk config`: clusters by name."""

import sys

from pykafka_cli.clients.named_clusters import NamedClusters
from pykafka_cli.output.render import OutputFormat, Table, show


def show_clusters(form: OutputFormat, found: NamedClusters) -> None:
    """All clusters; the current one has a star."""
    clusters = sorted(found.clusters.items())
    rows = [
        ("*" if name == found.current else "", name, cluster.bootstrap_server, cluster.command_config or "")
        for name, cluster in clusters
    ]
    show(
        form,
        text=lambda: "".join("\t".join(row) + "\n" for row in rows),
        table=lambda: [Table(("", "NAME", "BOOTSTRAP SERVER", "COMMAND CONFIG"), rows, empty="")],
        document=lambda: [
            {
                "name": name,
                "is_current": name == found.current,
                "bootstrap_server": cluster.bootstrap_server,
                "command_config": cluster.command_config,
            }
            for name, cluster in clusters
        ],
    )


def print_no_clusters() -> None:
    hint = "`pk config set NAME --bootstrap-server HOST:PORT` gives one."
    print(f"No cluster has a name yet; {hint}", file=sys.stderr)


def print_set(name: str, bootstrap_server: str, *, is_current: bool) -> None:
    hint = "" if is_current else f" `pk config use {name}` makes it the current one."
    print(f"{name} is {bootstrap_server}.{hint}")


def print_current(name: str | None) -> None:
    print(f"Commands now connect to {name}." if name else "No cluster is current.")


def print_removed(name: str) -> None:
    print(f"{name} is no longer the name of a cluster.")
