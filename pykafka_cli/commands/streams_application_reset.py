"""`pk streams-application-reset`: kafka-streams-application-reset.sh."""

from typing import Annotated

import typer

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.model import Offset
from pykafka_cli.procedures.streams_reset import Reset, ResetFailed, StreamsResetRequest
from pykafka_cli.rules.streams_reset import comma_separated
from pykafka_cli.script import DEFAULT_BOOTSTRAP_SERVER
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, UnreadableValue, Words, in_java, reported
from pykafka_cli.script.group_options import RESET, ByDuration, ShiftBy, ToDatetime, ToLatest, ToOffset
from pykafka_cli.script.opening import NoClient, java_exception, new_session
from pykafka_cli.script.options import CONNECTION, BootstrapServer, Output, chosen_output, refuse
from pykafka_cli.transport import event_loop

WHICH = "Which topics"
SCENARIOS = ("to-offset", "to-datetime", "by-duration", "to-earliest", "to-latest", "from-file", "shift-by")
READ_FIRST = ("application-id", "bootstrap-server", "bootstrap-servers", "config-file")
"""Other values are read only when they are needed, as in the script, which reports bad ones no earlier."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class StreamsApplicationResetCommand(ScriptCommand):
    without_arguments = "Missing required option(s) [application-id]"
    defers_values = True


@app.command(cls=StreamsApplicationResetCommand)
def streams_application_reset(
    ctx: ScriptContext,
    application_id: Annotated[
        str | None, typer.Option("--application-id", metavar="ID", help="REQUIRED: The application.id.")
    ] = None,
    bootstrap_server: BootstrapServer = None,
    bootstrap_servers: Annotated[
        str | None,
        typer.Option(
            "--bootstrap-servers",
            metavar="HOST:PORT,...",
            help="Older name of --bootstrap-server.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    config_file: Annotated[
        str | None,
        typer.Option(
            "--config-file",
            "--command-config",
            metavar="FILE",
            help="File of client properties: security, timeouts, isolation.level, auto.offset.reset.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    input_topics: Annotated[
        list[str] | None,
        typer.Option(
            "--input-topics", metavar="TOPIC,...", help="Topics that the application reads.", rich_help_panel=WHICH
        ),
    ] = None,
    intermediate_topics: Annotated[
        list[str] | None,
        typer.Option(
            "--intermediate-topics",
            metavar="TOPIC,...",
            help="Topics that the application both writes and reads; reset to their end.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    internal_topics: Annotated[
        list[str] | None,
        typer.Option(
            "--internal-topics",
            metavar="TOPIC,...",
            help="Internal topics to delete; by default all that Streams created for the application.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    to_earliest: Annotated[  # noqa: ARG001  # the default
        bool, typer.Option("--to-earliest", help="Reset to the earliest offset (default).", rich_help_panel=RESET)
    ] = False,
    to_latest: ToLatest = False,
    to_offset: ToOffset = None,
    shift_by: ShiftBy = None,
    to_datetime: ToDatetime = None,
    by_duration: ByDuration = None,
    from_file: Annotated[
        str | None,
        typer.Option(
            "--from-file",
            metavar="FILE",
            help="Reset to the offsets of a CSV file with lines of TOPIC,PARTITION,OFFSET.",
            rich_help_panel=RESET,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Remove the group's members first, even with --dry-run.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    execute: Annotated[  # noqa: ARG001
        bool,
        typer.Option("--execute", help="Accepted for Kafka 2's scripts; changes are made unless --dry-run is given."),
    ] = False,
    zookeeper: Annotated[  # noqa: ARG001
        bool,
        typer.Option("--zookeeper", help="Accepted for Kafka 2's scripts and ignored.", rich_help_panel=CONNECTION),
    ] = False,
    output: Output = None,
) -> None:
    """Reset a Kafka Streams application: reset the offsets of its input topics, and delete its internal topics.

    Stop all its instances first. Afterwards, delete their state directories, or they produce wrong results.

    \b
    Show what would be done:
      pk streams-application-reset --application-id a --input-topics t --dry-run
    """
    if "application-id" not in ctx.given:
        raise ctx.usage_problem("Missing required option(s) [application-id]")
    if {"execute", "dry-run"} <= ctx.given:
        raise ctx.usage_problem("Only one of --dry-run and --execute can be specified")
    for scenario in SCENARIOS:
        refuse(ctx, scenario, *(other for other in SCENARIOS if other != scenario))
    with reported("ERROR: ", WORDS):
        ctx.read_value("output")
        if any(ctx.order.count(name) > 1 for name in READ_FIRST):
            ctx.read_values()
        older = bootstrap_servers is not None and "bootstrap-server" not in ctx.given
        servers = (bootstrap_servers if older else bootstrap_server) or DEFAULT_BOOTSTRAP_SERVER
        session = new_session(servers, config_file, unreadable=java_exception, warn=lambda _: None)
        request = StreamsResetRequest(
            application_id=application_id or "",
            input_topics=comma_separated(input_topics or ()),
            intermediate_topics=comma_separated(intermediate_topics or ()),
            internal_topics=comma_separated(internal_topics or ()),
            to_latest=to_latest,
            to_offset=None if to_offset is None else Offset(to_offset),
            shift_by=shift_by,
            to_datetime=to_datetime,
            by_duration=by_duration,
            from_file=from_file,
            ensure_readable=ctx.read_values,
            force=force,
            dry_run=dry_run,
            output=chosen_output(output),
        )
        event_loop.run(Reset(request, session).run())


def option_exception(error: UnreadableValue) -> str:
    """An option that cannot be read, as jopt-simple throws it."""
    kind = "MultipleArgumentsForOption" if str(error).startswith("Found multiple") else "OptionArgumentConversion"
    return f"joptsimple.{kind}Exception: {error}"


WORDS: Words = {
    UnreadableValue: option_exception,
    NoClient: lambda error: f"org.apache.kafka.common.KafkaException: {error}",
    ApiError: in_java,
    **dict.fromkeys((ScriptError, BadClientSetting, ResetFailed), str),
}
