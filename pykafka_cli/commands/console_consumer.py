"""`pk console-consumer`: kafka-console-consumer.sh, records of a topic to standard output."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pykafka_cli.model import Milliseconds, Offset, OffsetSpec, Timestamp
from pykafka_cli.output.console_consumer import print_shutdown
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.procedures.console_consumer import ConsoleConsumer, logged
from pykafka_cli.rules.formatters import DEFAULT_FORMATTER
from pykafka_cli.rules.reading_range import RANGE_OPTIONS, ReadingRange, check_range, parse_moment
from pykafka_cli.rules.what_to_read import NotTogether, Wanted, check_what_to_read, chosen_group, first_offset
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
from pykafka_cli.script.errors import ScriptError, Words, reported
from pykafka_cli.script.generations import OldName, OldOptions, Removed, refuse_both
from pykafka_cli.script.options import INT, LONG, BootstrapServer, bootstrap_or_default
from pykafka_cli.script.reading_options import (
    NEVER_ABBREVIATED,
    ExitAtEnd,
    FromTime,
    Last,
    Sample,
    TemplateOption,
    UntilTime,
    Where,
)
from pykafka_cli.script.record_printing import build_formatter
from pykafka_cli.wall_clock import now_ms

if TYPE_CHECKING:
    from pykafka_cli.rules.record_selection import Selection

RENAMED = (
    OldName("consumer-property", "command-property"),
    OldName("consumer.config", "command-config"),
    OldName("property", "formatter-property"),
)
REMOVED = (Removed("whitelist", "--include"),)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ConsoleConsumerCommand(ScriptCommand):
    never_abbreviated = NEVER_ABBREVIATED
    without_arguments = "This tool helps to read data from Kafka topics and outputs it to standard output."
    defers_values = True


@app.command(cls=ConsoleConsumerCommand)
def console_consumer(
    ctx: ScriptContext,
    bootstrap_server: BootstrapServer = None,
    topic: Topic = None,
    include: Annotated[
        str | None,
        typer.Option(
            "--include",
            metavar="REGEX",
            help="Regular expression that a topic's whole name must match.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    whitelist: Annotated[
        str | None,
        typer.Option("--whitelist", metavar="REGEX", help="Older name of --include.", rich_help_panel=WHAT),
    ] = None,
    partition: Annotated[
        int | None,
        typer.Option(
            "--partition",
            parser=INT,
            metavar="N",
            help="Read this partition only, without a group.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    offset: Annotated[
        str,
        typer.Option(
            "--offset",
            metavar="OFFSET",
            help="Offset to start at in --partition: a number, earliest or latest.",
            rich_help_panel=WHAT,
        ),
    ] = "latest",
    from_beginning: Annotated[
        bool,
        typer.Option(
            "--from-beginning",
            help="Start at the first record of partitions without a committed offset.",
            rich_help_panel=WHAT,
        ),
    ] = False,
    group: Annotated[
        str | None,
        typer.Option("--group", metavar="GROUP", help="Consumer group to join.", rich_help_panel=WHAT),
    ] = None,
    max_messages: Annotated[
        str | None,
        typer.Option("--max-messages", metavar="N", help="Exit after this many records.", rich_help_panel=WHAT),
    ] = None,
    timeout_ms: Annotated[
        int | None,
        typer.Option(
            "--timeout-ms",
            parser=LONG,
            metavar="MS",
            help="Exit if no record arrives for this long.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    isolation_level: Annotated[
        str,
        typer.Option(
            "--isolation-level",
            metavar="LEVEL",
            help="read_committed skips records of transactions that are not committed.",
            rich_help_panel=WHAT,
        ),
    ] = "read_uncommitted",
    property_: Annotated[
        list[str] | None,
        typer.Option(
            "--property",
            "--formatter-property",
            metavar="KEY=VALUE",
            help=(
                "What to print: print.timestamp, print.partition, print.offset, "
                "print.delivery, print.epoch, print.headers, print.key, print.value (true); key.separator (tab), "
                "line.separator, headers.separator (,), null.literal; key.deserializer, "
                "value.deserializer, headers.deserializer."
            ),
            rich_help_panel=PRINTING,
        ),
    ] = None,
    formatter_config: FormatterConfig = None,
    formatter_class: FormatterClass = DEFAULT_FORMATTER,
    key_deserializer: KeyDeserializer = None,
    value_deserializer: ValueDeserializer = None,
    skip_message_on_error: Annotated[
        bool,
        typer.Option("--skip-message-on-error", help="Skip records that cannot be printed.", rich_help_panel=PRINTING),
    ] = False,
    enable_systest_events: SystestEvents = False,
    consumer_property: ConsumerProperty = None,
    consumer_config: Annotated[
        str | None,
        typer.Option(
            "--consumer.config",
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
            help=(
                "Print everything about each record: json prints an object per line, yaml a stream of documents. "
                "kafka prints the script's own bytes on a terminal as well."
            ),
            rich_help_panel=PRINTING,
        ),
    ] = None,
    template: TemplateOption = None,
    last: Last = None,
    from_time: FromTime = None,
    until_time: UntilTime = None,
    exit_at_end: ExitAtEnd = False,
    where: Where = None,
    sample: Sample = None,
) -> None:
    """Print the records of a topic as they arrive.

    \b
    Print all records with keys:
      pk console-consumer --topic t --from-beginning --property print.key=true
    Print the ten newest records and exit:
      pk console-consumer --topic t --last 10 --exit-at-end
    Print failed orders of the last hour:
      pk console-consumer --topic t --from-time 1h --where '$.state=failed'
    """
    refuse_both(ctx, RENAMED)
    ctx.read_values()
    pattern = include if include is not None else whitelist
    contradiction: Words = {NotTogether: lambda error: ctx.usage_problem(str(error), hint=error.hint)}
    with reported(words=contradiction):
        check_what_to_read(ctx.given, topic, pattern, partition)
    addresses = bootstrap_or_default(
        bootstrap_server,
        ctx.usage_problem('Missing required argument "[bootstrap-server]"'),
        given="bootstrap-server" in ctx.given,
    )
    file, words = property_file(consumer_config), key_values(consumer_property)
    properties = file | words
    with reported(words=contradiction):
        group_id = chosen_group(group, file, words, partition)
    reset = properties.setdefault("auto.offset.reset", "earliest" if from_beginning else "latest")
    if from_beginning and reset != "earliest":
        raise ScriptError(
            f"Can't simultaneously specify --from-beginning and 'auto.offset.reset={reset}', please remove one option"
        )
    properties["bootstrap.servers"] = addresses
    properties.setdefault("client.id", "console-consumer")
    if "isolation-level" in ctx.given or "isolation.level" not in properties:
        properties["isolation.level"] = isolation_level
    has_group = group_id is not None
    if group_id is None:
        properties.setdefault("enable.auto.commit", "false")
        group_id = f"console-consumer-{random.randrange(100_000)}"
    properties["group.id"] = group_id
    with reported(words=contradiction):
        check_range(ctx.given, has_group=has_group)
        start = first_offset(ctx.given, offset, from_beginning=from_beginning)
    reading_range = chosen_range(
        ctx, start, last=last, from_time=from_time, until_time=until_time, exits_at_end=exit_at_end
    )
    printer = build_formatter(
        ctx,
        formatter_class,
        property_file(formatter_config)
        | {
            key: name
            for key, name in (("key.deserializer", key_deserializer), ("value.deserializer", value_deserializer))
            if name
        }
        | key_values(property_),
        output,
        template,
    )
    run = ConsoleConsumer(
        printer,
        skip_errors=skip_message_on_error,
        timeout_ms=None if timeout_ms is None else Milliseconds(timeout_ms),
        max_messages=max_messages,
        old_options=OldOptions(ctx, RENAMED, REMOVED, remark=REMARK),
        selection=chosen_selection(ctx, where or [], sample),
        reading_range=reading_range,
    )
    wanted = Wanted(topic, pattern if topic is None else None, partition, start)
    try:
        with logged():
            run.run(addresses, properties, wanted)
    finally:
        if enable_systest_events:
            print_shutdown()


def chosen_range(
    ctx: ScriptContext,
    start: Offset | OffsetSpec,
    *,
    last: int | None,
    from_time: str | None,
    until_time: str | None,
    exits_at_end: bool,
) -> ReadingRange | None:
    """None without such options. A range without a start begins at the first record.

    raises    UsageProblem
    """
    if ctx.given.isdisjoint(RANGE_OPTIONS):
        return None
    moments: list[Timestamp | None] = []
    for option, text in (("from-time", from_time), ("until-time", until_time)):
        try:
            moments.append(None if text is None else parse_moment(text, now_ms()))
        except ValueError as problem:
            hint = "It is a time such as 2026-12-31T12:00:00Z, milliseconds since 1970, or 10m for ten minutes ago."
            raise ctx.usage_problem(f"--{option}: {problem}", hint=hint) from None
    from_ms, until_ms = moments
    if "offset" not in ctx.given:
        start = OffsetSpec.EARLIEST
    return ReadingRange(start, last, from_ms, until_ms, exits_at_end)


def chosen_selection(ctx: ScriptContext, conditions: Sequence[str], sample: str | None) -> "Selection | None":
    """raises    UsageProblem"""
    if not conditions and sample is None:
        return None
    from pykafka_cli.rules.record_selection import BadCondition, Selection, parse_condition, parse_share

    try:
        share = 1.0 if sample is None else parse_share(sample)
    except ValueError as problem:
        raise ctx.usage_problem(f"--sample: {problem}") from None
    try:
        return Selection([parse_condition(text) for text in conditions], share, random.random)
    except BadCondition as problem:
        raise ctx.usage_problem(f"--where: {problem}") from None
