"""`pk cluster`: kafka-cluster.sh."""

import asyncio
from typing import Annotated

import typer

from pykafka_cli.clients.admin.cluster import cluster_id, unregister_broker
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.output.render import Table, show
from pykafka_cli.script.command import ArgparseCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    BOOTSTRAP_SERVER_VARIABLE,
    CONNECTION,
    INT,
    Output,
    bootstrap_or_default,
    chosen_output,
)
from pykafka_cli.transport.connection import VersionUnsupported

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ClusterCommand(ArgparseCommand):
    subcommands = ("cluster-id", "unregister")
    exclusive = frozenset({"bootstrap-server", "bootstrap-controller"})


@app.command(cls=ClusterCommand)
def cluster(
    ctx: ScriptContext,
    command: Annotated[
        str,
        typer.Argument(metavar="cluster-id|unregister", help="Print the cluster's id, or unregister a broker."),
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
            help="KRaft controllers to connect to.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            "--command-config",
            "-c",
            metavar="FILE",
            help="File of client properties.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    broker: Annotated[int | None, typer.Option("--id", "-i", click_type=INT, help="The broker to unregister.")] = None,
    output: Output = None,
) -> None:
    """Print the cluster's id, or unregister a broker that will not come back."""
    if command == "unregister" and broker is None:
        raise ClusterCommand.argparse_error(ctx, "argument --id/-i is required")
    missing = ClusterCommand.argparse_error(
        ctx, "one of the arguments --bootstrap-server/-b --bootstrap-controller/-C is required"
    )
    session = new_session(bootstrap_or_default(bootstrap_controller or bootstrap_server, missing), config)
    if broker is not None and command == "unregister":
        print(asyncio.run(unregister(session, broker)))
        return
    found = asyncio.run(fetch_id(session))
    line = f"Cluster ID: {found}" if found else "No cluster ID found. The Kafka version is probably too old."
    show(
        chosen_output(output),
        text=lambda: f"{line}\n",
        table=lambda: [Table(("CLUSTER ID",), [(found,)])],
        document=lambda: {"cluster_id": found},
    )


async def fetch_id(session: Session) -> str | None:
    async with session:
        return await cluster_id(session)


async def unregister(session: Session, broker: int) -> str:
    """The script's words for what became of it.

    raises    ScriptError
    """
    async with session:
        try:
            await unregister_broker(session, broker)
        except VersionUnsupported:
            return "The target cluster does not support the broker unregistration API."
        except ApiError as error:
            raise ScriptError(error.java) from None
    return f"Broker {broker} is no longer registered."
