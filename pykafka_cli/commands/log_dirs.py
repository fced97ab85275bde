"""`pk log-dirs`: kafka-log-dirs.sh."""

import re
from collections.abc import Callable
from typing import Annotated

import typer

from pykafka_cli.clients.admin.cluster import LogDir, describe_brokers, describe_log_dirs
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId
from pykafka_cli.output.log_dirs import show_log_dirs, show_query
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, reported
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    require,
)
from pykafka_cli.transport import event_loop

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class LogDirsCommand(ScriptCommand):
    without_arguments = "This tool helps to query log directory usage on the specified brokers."


@app.command(cls=LogDirsCommand)
def log_dirs(
    ctx: ScriptContext,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    describe: Annotated[bool, typer.Option("--describe", help="Describe the log directories; required.")] = False,  # noqa: ARG001
    topic_list: Annotated[
        str, typer.Option("--topic-list", metavar="TOPIC,...", help="Topics to describe; by default all.")
    ] = "",
    broker_list: Annotated[
        str, typer.Option("--broker-list", metavar="ID,...", help="Brokers to describe; by default all.")
    ] = "",
    output: Output = None,
) -> None:
    """Show brokers' log directories, and the size of each partition in them."""
    missing = ctx.usage_problem('Missing required argument "[bootstrap-server]"')
    bootstrap = bootstrap_or_default(bootstrap_server, missing)
    require(ctx, "describe")
    topics = {word for word in topic_list.split(",") if word}
    brokers = {_broker_id(word) for word in broker_list.split(",") if word}
    session = new_session(bootstrap, command_config, defaults={"client.id": "log-dirs-tool"})
    form = chosen_output(output)
    with reported(words={ApiError: str}):
        found = event_loop.run(fetch(session, brokers, topics, lambda: show_query(form)))
    show_log_dirs(form, found)


async def fetch(
    session: Session, brokers: set[BrokerId], topics: set[str], on_query: Callable[[], None]
) -> dict[BrokerId, list[LogDir]]:
    """Log directories by broker, with the replicas of these topics (all if there are none), in order.

    on_query    called before the brokers are asked
    raises    ScriptError if a broker is not alive
    """
    async with session:
        alive = {broker.id for broker in await describe_brokers(session)}
        if absent := brokers - alive:
            raise ScriptError(
                f"ERROR: The given brokers do not exist from --broker-list: {','.join(map(str, sorted(absent)))}. "
                f"Current existent brokers: {','.join(map(str, sorted(alive)))}"
            )
        on_query()
        found = {broker: await describe_log_dirs(session, broker) for broker in sorted(brokers or alive)}
    return {
        broker: [
            directory._replace(
                replicas=tuple(
                    sorted(each for each in directory.replicas if not topics or each.partition.topic in topics)
                )
            )
            for directory in directories
        ]
        for broker, directories in found.items()
    }


def _broker_id(word: str) -> BrokerId:
    if not re.fullmatch(r"[+-]?[0-9]+", word):
        raise ScriptError(f'For input string: "{word}"')
    return BrokerId(int(word))
