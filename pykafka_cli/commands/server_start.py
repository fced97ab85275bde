"""`pk server-start`: a broker in the foreground, or with -daemon in the background."""

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated

import typer

from pykafka_cli import KAFKA_VERSION
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.servers.process import (
    log_to_stdout,
    parse_words,
    read_settings,
    run_until_signalled,
    start_daemon,
    warn_of,
)

if TYPE_CHECKING:
    from pykafka_cli.properties.broker import BrokerSettings

NAME = "server-start"
USAGE = f"USAGE: {NAME} [-daemon] server.properties [--override property=value]*"

log = logging.getLogger(__name__)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(context_settings={"ignore_unknown_options": True})
def server_start(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-daemon] FILE [--override KEY=VALUE]...",
            help="The broker's properties, and what shall hold instead of them. -daemon comes first, if at all: the "
            "broker goes to the background, what it says to $LOG_DIR/kafkaServer.out (logs/kafkaServer.out).",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Start a broker."""
    if "--version" in (words or ()):
        print(KAFKA_VERSION)
        return 0
    given = parse_words(words or [], USAGE)
    if given.daemon:
        start_daemon(NAME, (words or [])[1:], "kafkaServer.out")
        return 0

    from pykafka_cli.broker.server import BrokerUnusable
    from pykafka_cli.properties.broker import BrokerSettings

    settings: BrokerSettings = read_settings(BrokerSettings, given)
    log_to_stdout()
    warn_of(settings, settings.without_effect, given.file, log)
    try:
        return run_until_signalled(lambda stop: run_broker(settings, stop))
    except BrokerUnusable as error:
        raise ScriptError(f"The broker cannot run: {error}") from None


async def run_broker(settings: "BrokerSettings", stop: asyncio.Event) -> None:
    """Serve until `stop`, which may come while the broker still starts; raises BrokerUnusable."""
    from pykafka_cli.broker.clock import SystemClock
    from pykafka_cli.broker.server import BrokerServer

    server = BrokerServer(settings, SystemClock())
    starting, stopping = asyncio.create_task(server.start()), asyncio.create_task(stop.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait((starting,))
        return
    try:
        starting.result()
        where = ", ".join(map(str, server.endpoints))
        log.info("[KafkaServer id=%d] started, listens on %s", settings.broker_id, where)
        await stopping
        await server.stop()
        log.info("[KafkaServer id=%d] stopped", settings.broker_id)
    finally:
        stopping.cancel()
