"""`pk config`: clusters by name, one of them current."""

from pathlib import Path
from typing import Annotated

import typer

from pykafka_cli.clients.named_clusters import (
    CLUSTER_VARIABLE,
    NamedCluster,
    NamedClusters,
    clusters_file,
    read_clusters,
    write_clusters,
)
from pykafka_cli.clients.settings import BadClientSetting, parse_addresses, read_settings
from pykafka_cli.output.config import print_current, print_no_clusters, print_removed, print_set, show_clusters
from pykafka_cli.script.errors import ScriptError, UsageError
from pykafka_cli.script.options import BOOTSTRAP_SERVER_VARIABLE, Output, chosen_output
from pykafka_cli.script.own_command import PlainOwnCommand

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the cluster.")]


@app.callback(
    epilog=f"--bootstrap-server, {BOOTSTRAP_SERVER_VARIABLE} and a name in {CLUSTER_VARIABLE} take precedence over the "
    f"current cluster."
)
def config() -> None:
    """Give clusters names, and choose the current one, to which commands connect by default."""


@app.command("list", cls=PlainOwnCommand)
def list_clusters(output: Output = None) -> None:
    """List all clusters; a star marks the current one."""
    found = existing()
    if not found.clusters:
        print_no_clusters()
    show_clusters(chosen_output(output), found)


@app.command("set", cls=PlainOwnCommand)
def set_cluster(
    name: Name,
    bootstrap_server: Annotated[
        str, typer.Option("--bootstrap-server", metavar="HOST:PORT,...", help="Brokers to connect to.")
    ],
    command_config: Annotated[
        Path | None,
        typer.Option("--command-config", metavar="FILE", help="File of client properties: security, timeouts."),
    ] = None,
) -> None:
    """Give a cluster a name, or change its addresses."""
    file = str(command_config.expanduser().absolute()) if command_config else None
    try:
        parse_addresses(bootstrap_server)
        read_settings(file)
    except BadClientSetting as error:
        raise UsageError(str(error)) from None
    found = existing()
    save(found._replace(clusters={**found.clusters, name: NamedCluster(bootstrap_server, file)}))
    print_set(name, bootstrap_server, is_current=name == found.current)


@app.command("use", cls=PlainOwnCommand)
def use_cluster(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Name of the cluster.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Leave no cluster current.")] = False,
) -> None:
    """Make a cluster the current one."""
    if (name is None) != none:
        raise UsageError("Give the name of a cluster, or --none")
    found = existing()
    if name is not None:
        ensure_known(found, name)
    save(found._replace(current=name))
    print_current(name)


@app.command("remove", cls=PlainOwnCommand)
def remove_cluster(name: Name) -> None:
    """Remove a cluster's name; the cluster itself does not change."""
    found = existing()
    ensure_known(found, name)
    rest = {other: cluster for other, cluster in found.clusters.items() if other != name}
    save(NamedClusters(rest, None if found.current == name else found.current))
    print_removed(name)


def existing() -> NamedClusters:
    try:
        return read_clusters()
    except BadClientSetting as error:
        raise ScriptError(str(error)) from None


def save(found: NamedClusters) -> None:
    try:
        write_clusters(found)
    except BadClientSetting as error:
        raise ScriptError(str(error)) from None


def ensure_known(found: NamedClusters, name: str) -> None:
    if name not in found.clusters:
        known = ", ".join(sorted(found.clusters)) or "none yet; `pk config set NAME --bootstrap-server ...` adds one"
        raise ScriptError(f"{clusters_file()} has no cluster {name}", hint=f"Known clusters: {known}.")
