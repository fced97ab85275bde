"""`pk ui`: a cluster in the browser."""

import asyncio
from typing import Annotated

import typer

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.script.errors import Ended, UsageError
from pykafka_cli.script.options import BootstrapServer, CommandConfig, bootstrap_or_default
from pykafka_cli.script.own_command import OwnCommand

MAX_PORT = 65535
DEFAULT_PORT = 8080
EPILOG = """\b
Brokers, topics with their partitions, messages, configs, groups with their
lag, transactions, ACLs, logs, and znodes, as they change. The page is for
this machine alone; --allow-changes lets it send records. Each page shows the
command that prints the same, and is also there as JSON, such as /topics.json.

\b
Examples:
  pk ui
  pk ui kafka:9093 --command-config tls.properties --port 0
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=OwnCommand, epilog=EPILOG)
def ui(
    address: Annotated[
        str | None,
        typer.Argument(metavar="[HOST:PORT,...]", help="Cluster to connect to, in place of --bootstrap-server."),
    ] = None,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    port: Annotated[
        int, typer.Option(min=0, max=MAX_PORT, help="Port of the page; 0 means any free port.")
    ] = DEFAULT_PORT,
    zookeeper: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT,...", help="ZooKeeper, where the brokers' own address of it does not lead there."
        ),
    ] = None,
    allow_changes: Annotated[bool, typer.Option("--allow-changes", help="Let the page send records.")] = False,
) -> None:
    """Show a cluster in the browser, on this machine."""
    from pykafka_cli.output.ui import print_address
    from pykafka_cli.script.opening import session_with
    from pykafka_cli.servers.starting import run_until_signalled
    from pykafka_cli.ui.opening import listen, new_ui

    bootstrap = bootstrap_or_default(address or bootstrap_server, UsageError("Missing the address of a cluster"))
    shown = new_ui(bootstrap, command_config, zookeeper=zookeeper, allow_changes=allow_changes)
    session_with(bootstrap, shown.connection.settings)  # fails if there can be no such cluster
    listener = listen(port, "--port")

    async def serve(stop: asyncio.Event) -> None:
        from pykafka_cli.ui.server import serving

        async with serving(shown, listener) as url:
            print_address(bootstrap, url)
            await stop.wait()

    status = run_until_signalled(serve)
    if status is ExitStatus.HUNG_UP:
        raise Ended(status)  # otherwise it was stopped on request, which is no failure
