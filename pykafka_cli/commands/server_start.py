"""`pk server-start`: a broker in the foreground, or with -daemon in the background."""

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from pykafka_cli.console.stderr import print_remark
from pykafka_cli.output.server_start import print_version
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
    from pykafka_cli.properties.broker import BrokerSettings
    from pykafka_cli.properties.listeners import Listener

NAME = "server-start"
USAGE = f"USAGE: {NAME} [-daemon] server.properties [--override property=value]*"

METADATA_NOTE = "A ZooKeeper server inside this process keeps the cluster's metadata, in {}, instead of a KRaft log."

_log = logging.getLogger(__name__)
_kafka_log = logging.getLogger("kafka.server.KafkaServer")
"""Scripts wait for Kafka's line: `started (kafka.server.KafkaServer)`."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(context_settings={"ignore_unknown_options": True})
def server_start(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-daemon] FILE [--override KEY=VALUE]...",
            help=(
                "File of broker properties, and properties that override them. -daemon, "
                "which must come first, runs the broker in the background with its "
                "output in $LOG_DIR/kafkaServer.out (logs/kafkaServer.out), or in "
                "kafkaServer-FILE.out if another broker writes to that one."
            ),
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start a broker."""
    if "--version" in (words or ()):
        print_version()
        return
    given = parse_words(words or [], USAGE)
    if given.daemon:
        start_daemon(NAME, (words or [])[1:], "kafkaServer.out", given.file.stem)
        return

    from pykafka_cli.broker.server import BrokerUnusable
    from pykafka_cli.properties.broker import BrokerSettings
    from pykafka_cli.properties.keys import ConfigError
    from pykafka_cli.properties.system_properties import of_broker

    of_java = read_system_properties(of_broker)
    settings: BrokerSettings = read_settings(BrokerSettings, given, of_java.lines)
    log_to_stdout()
    warn_of(settings, settings.without_effect, given, of_java, _log)
    try:
        status = run_until_signalled(lambda stop: run_server(settings, stop))
    except (BrokerUnusable, ConfigError) as error:
        from pykafka_cli.servers.occupied_ports import hint_of

        ports = [each.port for each in settings.listener_list]
        raise ScriptError(f"The broker cannot run: {error}", hint=hint_of(error, ports)) from None
    raise Ended(status)


class Server(Protocol):
    """A broker, or a KRaft node that has one. `endpoints` are known after `start`."""

    @property
    def endpoints(self) -> "tuple[Listener, ...]": ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


async def run_server(settings: "BrokerSettings", stop: asyncio.Event) -> None:
    """Serve until `stop`, which may be set while the server is still starting; raises BrokerUnusable, ConfigError."""
    from pykafka_cli.broker.clock import SystemClock
    from pykafka_cli.broker.server import BrokerServer

    if not settings.is_kraft_node:
        await run_until_stopped(BrokerServer(settings, SystemClock()), settings.broker_id, stop)
        return
    from pykafka_cli.servers.kraft_node import KRaftNode
    from pykafka_cli.storage.cluster_metadata import metadata_folder

    node = KRaftNode(settings)
    print_remark(METADATA_NOTE.format(metadata_folder(settings.metadata_directory)))
    await run_until_stopped(node, settings.broker_id, stop)


async def run_until_stopped(server: Server, broker_id: int, stop: asyncio.Event) -> None:
    starting, stopping = asyncio.create_task(server.start()), asyncio.create_task(stop.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait((starting,))
        return
    try:
        starting.result()
        where = ", ".join(map(str, server.endpoints))
        _log.info("[KafkaServer id=%d] listens on %s", broker_id, where)
        _kafka_log.info("[KafkaServer id=%d] started", broker_id)
        await stopping
        await server.stop()
        _log.info("[KafkaServer id=%d] stopped", broker_id)
    finally:
        stopping.cancel()
