"""`pk cluster`: kafka-cluster.sh."""

from functools import partial
from typing import Annotated

import typer

from pykafka_cli.clients.admin.cluster import cluster_id, list_endpoints, unregister_broker
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId, Endpoint
from pykafka_cli.output.cluster import print_unregistration, show_cluster_id, show_endpoints
from pykafka_cli.script.command import ArgparseCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, in_java, reported
from pykafka_cli.script.generations import HAS_BEEN_DEPRECATED, OldName, OldOptions
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    BOOTSTRAP_SERVER_VARIABLE,
    CONNECTION,
    INT,
    Output,
    bootstrap_or_default,
    chosen_output,
)
from pykafka_cli.transport import event_loop
from pykafka_cli.transport.errors import VersionUnsupported

RENAMED = (OldName("config", "command-config"),)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ClusterCommand(ArgparseCommand):
    subcommands = ("cluster-id", "unregister")
    subcommands_of_4 = ("list-endpoints",)
    exclusive = frozenset({"bootstrap-server", "bootstrap-controller"})


@app.command(cls=ClusterCommand)
def cluster(
    ctx: ScriptContext,
    command: Annotated[
        str,
        typer.Argument(
            metavar="cluster-id|unregister|list-endpoints",
            help="Print the cluster's id, unregister a broker, or list the nodes.",
        ),
    ],
    bootstrap_server: Annotated[
        str | None,
        typer.Option(
            "--bootstrap-server",
            "-b",
            envvar=BOOTSTRAP_SERVER_VARIABLE,
            show_envvar=True,
            metavar="HOST:PORT,...",
            help="Brokers to connect to.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    bootstrap_controller: Annotated[
        str | None,
        typer.Option(
            "--bootstrap-controller",
            "-C",
            metavar="HOST:PORT,...",
            help="KRaft controllers to connect to, in place of brokers.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    command_config: Annotated[
        str | None,
        typer.Option(
            "--command-config", "-c", metavar="FILE", help="File of client properties.", rich_help_panel=CONNECTION
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", help="Older name of --command-config.", rich_help_panel=CONNECTION),
    ] = None,
    broker: Annotated[int | None, typer.Option("--id", "-i", parser=INT, help="The broker to unregister.")] = None,
    include_fenced_brokers: Annotated[
        bool,
        typer.Option("--include-fenced-brokers", help="With list-endpoints: also list fenced brokers."),
    ] = False,
    output: Output = None,
) -> None:
    """Print the cluster's id, list its nodes, or unregister brokers that will not come back."""
    if command == "unregister" and broker is None:
        raise ClusterCommand.argparse_error(ctx, "argument --id/-i is required")
    missing = ClusterCommand.argparse_error(
        ctx, "one of the arguments --bootstrap-server/-b --bootstrap-controller/-C is required"
    )
    bootstrap = bootstrap_or_default(bootstrap_controller or bootstrap_server, missing)
    if config and command_config:
        raise ScriptError("--config and --command-config cannot be specified together.")
    if include_fenced_brokers and bootstrap_controller:
        raise ScriptError("The option --include-fenced-brokers is only supported with --bootstrap-server option")
    session = new_session(bootstrap, command_config or config, controllers=bootstrap_controller is not None)
    old = OldOptions(ctx, RENAMED, remark=HAS_BEEN_DEPRECATED)
    if command == "list-endpoints":
        endpoints = event_loop.run(fetch_endpoints(session, old, include_fenced=include_fenced_brokers))
        show_endpoints(endpoints, chosen_output(output), states=bootstrap_controller is None)
    elif broker is not None and command == "unregister":
        is_supported = event_loop.run(unregister(session, BrokerId(broker), old))
        print_unregistration(broker, is_supported=is_supported)
    else:
        show_cluster_id(event_loop.run(fetch_id(session, old)), chosen_output(output))


async def fetch_id(session: Session, old: OldOptions) -> str | None:
    async with session:
        await old.report(session)
        return await cluster_id(session)


async def fetch_endpoints(session: Session, old: OldOptions, *, include_fenced: bool) -> list[Endpoint]:
    """raises    ScriptError"""
    async with session:
        await old.report(session)
        with reported(words={VersionUnsupported: partial(unlisted, include_fenced), ApiError: in_java}):
            return await list_endpoints(session, include_fenced=include_fenced)


def unlisted(include_fenced: bool, error: VersionUnsupported) -> ScriptError:
    what = "fenced brokers" if include_fenced else "endpoints"
    return ScriptError(f"The target cluster does not list {what}.", hint=str(error))


async def unregister(session: Session, broker: BrokerId, old: OldOptions) -> bool:
    """Whether the cluster supports it.

    raises    ScriptError
    """
    async with session:
        await old.report(session)
        with reported(words={ApiError: in_java}):
            try:
                await unregister_broker(session, broker)
            except VersionUnsupported:
                return False
    return True
