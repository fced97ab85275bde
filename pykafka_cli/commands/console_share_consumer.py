"""`pk console-share-consumer`: kafka-console-share-consumer.sh, records from a share group to standard output."""

from typing import Annotated

import typer

from pykafka_cli.output.console_consumer import print_shutdown
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.procedures.console_consumer import logged
from pykafka_cli.procedures.console_share_consumer import ConsoleShareConsumer, Reading
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.rules.formatters import DEFAULT_FORMATTER
from pykafka_cli.rules.what_to_read import NotTogether, chosen_group
from pykafka_cli.script.client_properties import key_values, property_file
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.consumer_options import (
    PRINTING,
    READING,
    REMARK,
    WHAT,
    ConsumerProperty,
    FormatterClass,
    FormatterConfig,
    KeyDeserializer,
    SystestEvents,
    Topic,
    ValueDeserializer,
)
from pykafka_cli.script.errors import Words, reported
from pykafka_cli.script.generations import OldName, OldOptions, refuse_both
from pykafka_cli.script.options import INT, BootstrapServer, bootstrap_or_default
from pykafka_cli.script.record_printing import build_formatter

RENAMED = (
    OldName("consumer-property", "command-property"),
    OldName("consumer-config", "command-config"),
    OldName("property", "formatter-property"),
)
DEFAULT_GROUP = "console-share-consumer"
NOT_OF_SHARE_GROUPS = (
    "auto.offset.reset", "enable.auto.commit", "group.instance.id", "isolation.level", "partition.assignment.strategy",
    "interceptor.classes", "session.timeout.ms", "heartbeat.interval.ms", "group.protocol", "group.remote.assignor",
)  # fmt: skip

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ConsoleShareConsumerCommand(ScriptCommand):
    without_arguments = (
        "This tool helps to read data from Kafka topics using share groups and outputs it to standard output."
    )


@app.command(cls=ConsoleShareConsumerCommand)
def console_share_consumer(
    ctx: ScriptContext,
    bootstrap_server: BootstrapServer = None,
    topic: Topic = None,
    group: Annotated[
        str | None,
        typer.Option(
            "--group",
            metavar="GROUP",
            help=f"Share group to join.  [default: {DEFAULT_GROUP}]",
            rich_help_panel=WHAT,
        ),
    ] = None,
    max_messages: Annotated[
        int | None,
        typer.Option(
            "--max-messages", parser=INT, metavar="N", help="Exit after this many records.", rich_help_panel=WHAT
        ),
    ] = None,
    timeout_ms: Annotated[
        int | None,
        typer.Option(
            "--timeout-ms",
            parser=INT,
            metavar="MS",
            help="Exit if no record arrives for this long.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    reject: Annotated[
        bool,
        typer.Option(
            "--reject", help="Reject each record, so that the group does not get it again.", rich_help_panel=WHAT
        ),
    ] = False,
    release: Annotated[
        bool,
        typer.Option("--release", help="Release each record, so that the group gets it again.", rich_help_panel=WHAT),
    ] = False,
    reject_message_on_error: Annotated[
        bool,
        typer.Option(
            "--reject-message-on-error", help="Reject records that cannot be printed.", rich_help_panel=PRINTING
        ),
    ] = False,
    property_: Annotated[
        list[str] | None,
        typer.Option(
            "--property",
            "--formatter-property",
            metavar="KEY=VALUE",
            help="What to print, as in console-consumer; print.delivery=true prints delivery counts.",
            rich_help_panel=PRINTING,
        ),
    ] = None,
    formatter_config: FormatterConfig = None,
    formatter_class: FormatterClass = DEFAULT_FORMATTER,
    key_deserializer: KeyDeserializer = None,
    value_deserializer: ValueDeserializer = None,
    enable_systest_events: SystestEvents = False,
    consumer_property: ConsumerProperty = None,
    consumer_config: Annotated[
        str | None,
        typer.Option(
            "--consumer-config",
            "--command-config",
            metavar="FILE",
            help="File of consumer properties.",
            rich_help_panel=READING,
        ),
    ] = None,
    output: Annotated[
        OutputFormat | None,
        typer.Option(
            "--output",
            help="Print everything about each record: json prints an object per line, yaml a stream of documents.",
            rich_help_panel=PRINTING,
        ),
    ] = None,
) -> None:
    """Print records as a member of a share group (Kafka 4.2 and later).

    \b
    Print records with their delivery counts:
      pk console-share-consumer --topic t --property print.delivery=true
    """
    from pykafka_cli.clients.consuming.share_session import Acknowledgement

    refuse_both(ctx, RENAMED)
    if topic is None:
        raise ctx.usage_problem("--topic is a required argument")
    addresses = bootstrap_or_default(
        bootstrap_server,
        ctx.usage_problem('Missing required argument "[bootstrap-server]"'),
        given="bootstrap-server" in ctx.given,
    )
    if reject and release:
        raise ctx.usage_problem("At most one of --reject and --release may be specified.")
    file, words = property_file(consumer_config), key_values(consumer_property)
    contradiction: Words = {NotTogether: lambda error: ctx.usage_problem(str(error), hint=error.hint)}
    with reported(words=contradiction):
        group_id = chosen_group(group, file, words, None, option="--consumer-config")
    properties = {"client.id": DEFAULT_GROUP} | file | words
    properties |= {"bootstrap.servers": addresses, "group.id": group_id or DEFAULT_GROUP}
    deserializers = {"key.deserializer": key_deserializer, "value.deserializer": value_deserializer}
    printer = build_formatter(
        ctx,
        formatter_class,
        property_file(formatter_config)
        | {key: name for key, name in deserializers.items() if name}
        | key_values(property_),
        output,
    )
    outcome = Acknowledgement.REJECT if reject else Acknowledgement.RELEASE if release else Acknowledgement.ACCEPT
    reading = Reading(
        topic=topic,
        limit=float("inf") if max_messages is None or max_messages == -1 else max_messages,
        timeout=float("inf") if timeout_ms is None or timeout_ms < 0 else timeout_ms / 1000,
        outcome=outcome,
        rejects_errors=reject_message_on_error,
    )
    try:
        with logged():
            if misplaced := [key for key in NOT_OF_SHARE_GROUPS if key in properties]:
                raise ConfigError(f"{', '.join(misplaced)} cannot be set when using a share group.")
            ConsoleShareConsumer(printer, reading, OldOptions(ctx, RENAMED, remark=REMARK)).run(addresses, properties)
    finally:
        if enable_systest_events:
            print_shutdown()
