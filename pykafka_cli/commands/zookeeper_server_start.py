"""`pk zookeeper-server-start`: a ZooKeeper server in the foreground, or with -daemon in the background."""

import asyncio
import logging
from typing import Annotated

import typer

from pykafka_cli.script.errors import Ended, ScriptError
from pykafka_cli.servers.starting import (
    log_to_stdout,
    parse_words,
    read_settings,
    read_system_properties,
    run_until_signalled,
    start_daemon,
    warn_of,
)

NAME = "zookeeper-server-start"
USAGE = f"USAGE: {NAME} [-daemon] zookeeper.properties [--override property=value]*"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(context_settings={"ignore_unknown_options": True})
def zookeeper_server_start(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-daemon] FILE [--override KEY=VALUE]...",
            help=(
                "File of server properties, and properties that override them. -daemon, "
                "which must come first, runs the server in the background with its "
                "output in $LOG_DIR/zookeeper.out (logs/zookeeper.out)."
            ),
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start a ZooKeeper server."""
    given = parse_words(words or [], USAGE)
    if given.daemon:
        start_daemon(NAME, (words or [])[1:], "zookeeper.out", given.file.stem)
        return

    from pykafka_cli.broker.clock import SystemClock
    from pykafka_cli.properties.system_properties import of_zookeeper
    from pykafka_cli.properties.zookeeper import ZooKeeperSettings
    from pykafka_cli.zookeeper.server.server import ServerUnusable, run_zookeeper

    of_java = read_system_properties(of_zookeeper)
    settings: ZooKeeperSettings = read_settings(ZooKeeperSettings, given, of_java.lines)
    if settings.may_be_distributed:
        raise ScriptError(
            f"{given.file} is for a server of an ensemble; remove the server.N lines to run it on its own"
        )
    log_to_stdout()
    warn_of(settings, settings.without_effect, given, of_java, logging.getLogger(__name__))

    async def serve(stop: asyncio.Event) -> None:
        await run_zookeeper(settings, SystemClock(), stop)

    try:
        status = run_until_signalled(serve)
    except ServerUnusable as error:
        from pykafka_cli.servers.occupied_ports import hint_of

        ports = [port for port in (settings.client_port, settings.secure_client_port) if port]
        raise ScriptError(f"ZooKeeper cannot run: {error}", hint=hint_of(error, ports)) from None
    raise Ended(status)
