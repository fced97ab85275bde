"""`pk console-consumer`: kafka-console-consumer.sh, records of a topic to standard output.

Records are printed as fetched, many at a time and immediately, so that a user sees them as they come and a pipe gets
them fast. What a group commits is what was printed.
"""

import asyncio
import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pykafka_cli.clients.settings import BadClientSetting, ClientSettings
from pykafka_cli.console.garbage import collect_garbage_rarely
from pykafka_cli.console.signals import EndBySignal
from pykafka_cli.console.stdout import BulkOutput, OutputClosed, OutputFailed
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.model import ConsumedRecord, TopicPartition
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.protocol.records.batch import CorruptRecords
from pykafka_cli.protocol.stored_messages import UnreadableRecord
from pykafka_cli.rules.deserializers import DeserializationError
from pykafka_cli.rules.formatters import (
    DEFAULT_FORMATTER,
    DEPRECATED_FORMATTERS,
    DefaultFormatter,
    Formatter,
    UnknownFormatter,
    formatter,
)
from pykafka_cli.rules.java_text import BadPattern, compile_pattern
from pykafka_cli.rules.what_to_read import NotTogether, Wanted, check_what_to_read, chosen_group, first_offset
from pykafka_cli.script.client_properties import key_values, property_file
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import Ended, ScriptError, Words, reported
from pykafka_cli.script.generations import OldName, OldOptions, Removed, refuse_both
from pykafka_cli.script.log_lines import error, warn
from pykafka_cli.script.opening import CONSUMER_FAILED, NoClient, session_with
from pykafka_cli.script.options import INT, LONG, BootstrapServer, bootstrap_or_default
from pykafka_cli.transport.connection import ConnectionFailed

if TYPE_CHECKING:
    from pykafka_cli.clients.consuming.consumer import Consumer
    from pykafka_cli.clients.consuming.fetched_records import Fetched

WHAT, PRINTING, READING = "What to read", "Printing", "The consumer"
SET_BY_THE_SCRIPT = frozenset({"bootstrap.servers", "key.deserializer", "value.deserializer"})
RENAMED = (
    OldName("consumer-property", "command-property"),
    OldName("consumer.config", "command-config"),
    OldName("property", "formatter-property"),
)
REMOVED = (Removed("whitelist", "--include"),)
REMARK = "Option --{old} is deprecated and will be removed in a future version. Use --{new} instead."
SOURCE = "org.apache.kafka.tools.consumer.ConsoleConsumer"
UNKNOWN_ERROR = "Unknown error when running consumer: "
TERMINATING = "Error processing message, terminating consumer process: "
SKIPPING = "Error processing message, skipping this message: "
CONFIG_EXCEPTION = "org.apache.kafka.common.config.ConfigException: "
EXCEPTIONS = "org.apache.kafka.common.errors."

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ConsoleConsumerCommand(ScriptCommand):
    without_arguments = "This tool helps to read data from Kafka topics and outputs it to standard output."
    defers_values = True


@app.command(cls=ConsoleConsumerCommand)
def console_consumer(
    ctx: ScriptContext,
    bootstrap_server: BootstrapServer = None,
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="TOPIC", help="Topic to read.", rich_help_panel=WHAT)
    ] = None,
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
    formatter_config: Annotated[
        str | None,
        typer.Option("--formatter-config", metavar="FILE", help="File of such properties.", rich_help_panel=PRINTING),
    ] = None,
    formatter_class: Annotated[
        str,
        typer.Option(
            "--formatter", metavar="CLASS", help="Class name of one of Kafka's formatters.", rich_help_panel=PRINTING
        ),
    ] = DEFAULT_FORMATTER,
    key_deserializer: Annotated[
        str | None,
        typer.Option(
            "--key-deserializer",
            metavar="CLASS",
            help=(
                "Class name of one of Kafka's deserializers, such as "
                "org.apache.kafka.common.serialization.LongDeserializer."
            ),
            rich_help_panel=PRINTING,
        ),
    ] = None,
    value_deserializer: Annotated[
        str | None,
        typer.Option(
            "--value-deserializer",
            metavar="CLASS",
            help="Like --key-deserializer, for values.",
            rich_help_panel=PRINTING,
        ),
    ] = None,
    skip_message_on_error: Annotated[
        bool,
        typer.Option("--skip-message-on-error", help="Skip records that cannot be printed.", rich_help_panel=PRINTING),
    ] = False,
    enable_systest_events: Annotated[
        bool,
        typer.Option(
            "--enable-systest-events", help="Print shutdown_complete before exiting.", rich_help_panel=PRINTING
        ),
    ] = False,
    consumer_property: Annotated[
        list[str] | None,
        typer.Option(
            "--consumer-property",
            "--command-property",
            metavar="KEY=VALUE",
            help="Consumer property; may be repeated.",
            rich_help_panel=READING,
        ),
    ] = None,
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
            help="Print everything about each record: json prints an object per line, yaml a stream of documents.",
            rich_help_panel=PRINTING,
        ),
    ] = None,
) -> None:
    """Print the records of a topic as they arrive.

    \b
    Print all records with keys:
      pk console-consumer --topic t --from-beginning --property print.key=true
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
    if group_id is None:
        properties.setdefault("enable.auto.commit", "false")
        group_id = f"console-consumer-{random.randrange(100_000)}"
    properties["group.id"] = group_id
    with reported(words=contradiction):
        start = first_offset(ctx.given, offset, from_beginning=from_beginning)
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
    )
    run = ConsoleConsumer(
        printer,
        skip_errors=skip_message_on_error,
        timeout_ms=timeout_ms,
        max_messages=max_messages,
        old_options=OldOptions(ctx, RENAMED, REMOVED, remark=REMARK),
    )
    try:
        with logged():
            run.run(addresses, properties, Wanted(topic, pattern if topic is None else None, partition, start))
    finally:
        if enable_systest_events:
            print("shutdown_complete", flush=True)


@contextmanager
def logged() -> Iterator[None]:
    """What keeps the consumer from running, as the script's log has it.

    raises    Ended
    """
    try:
        yield
        return
    except NoClient as problem:
        cause = f"org.apache.kafka.common.KafkaException: {problem}\nCaused by: {CONFIG_EXCEPTION}{problem.hint}"
    except ConfigError as problem:
        cause = f"{CONFIG_EXCEPTION}{problem}"
    except (BadPattern, BadClientSetting) as problem:
        cause = str(problem)
    except (DeserializationError, UnreadableRecord) as problem:
        cause = f"{EXCEPTIONS}SerializationException: {problem}"
    error(UNKNOWN_ERROR, source=SOURCE, cause=cause)
    raise Ended(ExitStatus.FAILURE)


def build_formatter(
    ctx: ScriptContext, name: str, properties: Mapping[str, str], output: OutputFormat | None
) -> Formatter:
    """raises    UsageProblem for a class that is not known, or one that documents would have to be made of"""
    is_document = output is not None and output.is_document
    if is_document and "formatter" in ctx.given:
        raise ctx.usage_problem("Options output and formatter cannot be specified together.")
    if new_name := DEPRECATED_FORMATTERS.get(name):
        print(
            f"WARNING: {name} is deprecated and will be removed in the next major release. "
            f"Please use {new_name} instead",
            file=sys.stderr,
        )
    try:
        built = formatter(name, properties)
    except UnknownFormatter:
        raise ctx.usage_problem(name) from None
    if isinstance(built, DefaultFormatter):
        for unknown in built.unknown_deserializers:
            error(
                f"Unable to instantiate a deserializer from {unknown}",
                cause=f"java.lang.ClassNotFoundException: {unknown}",
            )
        if is_document:
            from pykafka_cli.output.record_documents import RecordDocuments

            return RecordDocuments(
                built.deserialize_key,
                built.deserialize_value,
                built.deserialize_header,
                is_yaml=output is OutputFormat.YAML,
            )
    return built


class ConsoleConsumer:
    """One run: records in, text out, and the count at the end."""

    def __init__(
        self,
        printer: Formatter,
        *,
        skip_errors: bool,
        timeout_ms: int | None,
        max_messages: str | None,
        old_options: OldOptions,
    ) -> None:
        self._printer = printer
        self._old_options = old_options
        self._skip_errors = skip_errors
        self._timeout = float("inf") if timeout_ms is None or timeout_ms < 0 else timeout_ms / 1000
        self._max_messages = max_messages
        self._limit = float("inf")
        self._count = 0

    def run(self, addresses: str, properties: Mapping[str, str], wanted: Wanted) -> None:
        """Read and print until stopped.

        raises    ConfigError, BadPattern, BadClientSetting before anything is read
        """
        settings = ConsumerSettings(properties, quiet=SET_BY_THE_SCRIPT)
        if wanted.topic is not None and wanted.partition is None and not wanted.topic.strip():
            why = "Topic collection to subscribe to cannot contain null or empty topic"
            raise BadClientSetting(f"java.lang.IllegalArgumentException: {why}")
        pattern = None if wanted.pattern is None else compile_pattern(wanted.pattern)
        for warning in settings.warnings:
            warn(warning)
        if self._max_messages is not None:
            try:
                number = INT(self._max_messages)
            except ValueError:
                self._report()
                error(
                    UNKNOWN_ERROR,
                    source=SOURCE,
                    cause=f"Cannot parse argument '{self._max_messages}' of option max-messages",
                )
                raise Ended(ExitStatus.FAILURE) from None
            self._limit = float("inf") if number == -1 else number
        asyncio.run(self._run(addresses, ClientSettings(properties), settings, wanted, pattern))

    async def _run(
        self,
        addresses: str,
        client: ClientSettings,
        settings: ConsumerSettings,
        wanted: Wanted,
        pattern: re.Pattern[str] | None,
    ) -> None:
        from pykafka_cli.clients.consuming.consumer import Consumer
        from pykafka_cli.clients.errors import ApiError

        collect_garbage_rarely()
        async with session_with(addresses, client, CONSUMER_FAILED) as session:
            await self._old_options.report(session)
            consumer = Consumer(session, settings, warn=warn)
            failure: Exception | None = None
            with EndBySignal() as end:
                try:
                    if wanted.partition is None:
                        await consumer.subscribe([] if wanted.topic is None else [wanted.topic], pattern)
                    else:
                        consumer.assign({TopicPartition(wanted.topic or "", wanted.partition): wanted.start})
                    await self._print_all(consumer)
                except ApiError as problem:
                    failure = terminated(problem.java)
                except (Ended, DeserializationError, UnreadableRecord) as problem:
                    failure = problem
            await consumer.close()
        self._report()
        if failure:
            raise failure
        if end.signal:
            raise Ended(end.status)

    def _report(self) -> None:
        print(f"Processed a total of {self._count} messages", file=sys.stderr)

    async def _print_all(self, consumer: "Consumer") -> None:
        """Until the limit, a time-out, or nobody reads any more. raises Ended for an error."""
        from pykafka_cli.clients.consuming.fetcher import NoOffset
        from pykafka_cli.clients.errors import ApiError

        output = BulkOutput(sys.stdout.fileno())
        try:
            with output.watching_reader():
                while self._count < self._limit:
                    fetched = await self._receive(consumer)
                    if fetched is None:
                        error(TERMINATING, source=SOURCE, cause=f"{EXCEPTIONS}TimeoutException")
                        return
                    await self._print(consumer, fetched, output)
        except OutputClosed:
            print("Unable to write to standard out, closing consumer.", file=sys.stderr)
        except (ApiError, NoOffset, CorruptRecords, ConnectionFailed, OutputFailed) as problem:
            raise terminated(problem.java if isinstance(problem, ApiError) else str(problem)) from None

    async def _receive(self, consumer: "Consumer") -> "Fetched | None":
        """The next records; None when more than the time-out has passed without any."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            fetched = await consumer.poll(self._timeout)
            if fetched or clock() - began > self._timeout:
                return fetched

    async def _print(self, consumer: "Consumer", fetched: "Fetched", output: BulkOutput) -> None:
        """raises    DeserializationError, UnreadableRecord once the records before the bad one are printed"""
        records = fetched.records[: int(min(self._limit - self._count, len(fetched.records)))]
        text, problem = self._rendered(fetched.partition, records)
        printed = len(records) if problem is None else problem.position
        if await output.write(text):
            self._count += printed
            consumer.used(fetched, printed if problem or printed < len(fetched.records) else None)
        if problem:
            self._count += 1
            raise problem.error

    def _rendered(
        self, partition: TopicPartition, records: Sequence[ConsumedRecord]
    ) -> "tuple[bytes, BadRecord | None]":
        """The text of all records, or of those before one that cannot be printed."""
        topic, index = partition
        try:
            return self._printer.render(topic, index, records), None
        except (DeserializationError, UnreadableRecord):
            pass  # find out which
        pieces: list[bytes] = []
        for position, record in enumerate(records):
            try:
                pieces.append(self._printer.render(topic, index, [record]))
            except (DeserializationError, UnreadableRecord) as problem:
                if not self._skip_errors:
                    return b"".join(pieces), BadRecord(position, problem)
                error(SKIPPING, source=SOURCE, cause=f"{EXCEPTIONS}SerializationException: {problem}")
        return b"".join(pieces), None


def terminated(cause: str) -> Ended:
    """Report what ends the reading, and return the exception to raise."""
    error(TERMINATING, source=SOURCE, cause=cause)
    return Ended(ExitStatus.FAILURE)


class BadRecord(NamedTuple):
    """The first record that cannot be printed, and why."""

    position: int
    error: Exception
