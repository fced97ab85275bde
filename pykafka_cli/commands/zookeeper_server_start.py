"""`pk zookeeper-server-start`: a ZooKeeper server in the foreground, or with -daemon in the background."""

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from pykafka_cli.properties.zookeeper import ZooKeeperSettings
    from pykafka_cli.zookeeper.ensemble.membership import Membership

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
    membership = _membership(settings, given.file) if settings.may_be_distributed else None
    if membership is not None:
        settings = membership.settings
    log_to_stdout()
    warn_of(settings, settings.without_effect, given, of_java, logging.getLogger(__name__))

    async def serve(stop: asyncio.Event) -> None:
        if membership is None or not membership.is_distributed:
            await run_zookeeper(settings, SystemClock(), stop)
            return
        from pykafka_cli.zookeeper.ensemble.running import run_ensemble_server  # most servers are alone

        await run_ensemble_server(membership, SystemClock(), stop)

    try:
        status = run_until_signalled(serve)
    except ServerUnusable as error:
        from pykafka_cli.servers.occupied_ports import hint_of

        ports = [port for port in (settings.client_port, settings.secure_client_port) if port]
        if membership is not None and membership.is_distributed:
            ports += [membership.me.quorum_port, membership.me.election_port]
        raise ScriptError(f"ZooKeeper cannot run: {error}", hint=hint_of(error, ports)) from None
    raise Ended(status)


def _membership(settings: "ZooKeeperSettings", file: Path) -> "Membership":
    """What the files of a server say that may be one of several; raises ScriptError."""
    from pykafka_cli.properties.keys import BadProperty, ConfigError
    from pykafka_cli.zookeeper.ensemble.membership import read_membership

    try:
        return read_membership(settings, file)
    except BadProperty as error:
        where = f"{file}, line {error.line}" if error.line else f"--override {error.key}"
        raise ScriptError(f"{where}: {error}") from None
    except ConfigError as error:
        raise ScriptError(f"{file}: {error}") from None
