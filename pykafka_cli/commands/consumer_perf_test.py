"""`pk consumer-perf-test`: kafka-consumer-perf-test.sh, how fast records can be read."""

import random
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pykafka_cli.clients.settings import BadClientSetting, ClientSettings
from pykafka_cli.console.garbage import collect_garbage_rarely
from pykafka_cli.console.log_lines import warn
from pykafka_cli.model import Seconds, Timestamp
from pykafka_cli.output.consumer_perf_test import show_consumer_total
from pykafka_cli.output.render import OutputFormat, notice
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.rules.java_text import BadPattern, compile_pattern
from pykafka_cli.rules.throughput import (
    CONSUMER_DETAILED_HEADER,
    CONSUMER_HEADER,
    ConsumerFigures,
    ConsumerTotal,
    format_date,
)
from pykafka_cli.script.client_properties import key_values, property_file
from pykafka_cli.script.command import OptionalValue, ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, reported
from pykafka_cli.script.generations import OldName, OldOptions, Removed
from pykafka_cli.script.options import (
    CONNECTION,
    INT,
    LONG,
    BootstrapServer,
    BrokerList,
    ConsumerConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
)
from pykafka_cli.transport import event_loop
from pykafka_cli.wall_clock import now_ms

if TYPE_CHECKING:
    from pykafka_cli.clients.consuming.consumer import Consumer

REPORTING = "Reporting"
RENAMED = (OldName("messages", "num-records"), OldName("consumer.config", "command-config"))
REMOVED = (
    Removed("threads", "one process for each consumer"),
    Removed("num-fetch-threads", "one process for each consumer"),
    Removed("broker-list", "--bootstrap-server"),
)
REMARK = "Warning: --{old} is deprecated. Use --{new} instead."
IGNORED = "WARNING: option [threads] and [num-fetch-threads] have been deprecated and will be ignored by the test"
DEFAULT_TIMEOUT_MS = 10_000
SET_BY_THE_SCRIPT = frozenset({"bootstrap.servers", "key.deserializer", "value.deserializer", "receive.buffer.bytes"})
POLL_SECONDS = Seconds(0.1)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ConsumerPerfTestCommand(ScriptCommand):
    defers_values = True


@app.command(cls=ConsumerPerfTestCommand)
def consumer_perf_test(
    ctx: ScriptContext,
    bootstrap_server: BootstrapServer = None,
    broker_list: BrokerList = None,
    consumer_config: ConsumerConfig = None,
    command_property: Annotated[
        list[str] | None,
        typer.Option(
            "--command-property",
            metavar="KEY=VALUE",
            help="Consumer property; may be repeated.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="TOPIC", help="REQUIRED, or --include: Topic to read.")
    ] = None,
    include: Annotated[
        str | None,
        typer.Option("--include", metavar="REGEX", help="Regular expression that a topic's whole name must match."),
    ] = None,
    messages: Annotated[
        int | None,
        typer.Option(
            "--messages", "--num-records", parser=LONG, metavar="N", help="REQUIRED: Number of records to read."
        ),
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", metavar="GROUP", help="Consumer group; by default a new one.")
    ] = None,
    from_latest: Annotated[
        bool, typer.Option("--from-latest", help="Start at the end of partitions without a committed offset.")
    ] = False,
    timeout: Annotated[
        int,
        typer.Option(
            "--timeout",
            parser=OptionalValue(LONG, without=str(DEFAULT_TIMEOUT_MS)),
            metavar="[MS]",
            help="Exit if no record arrives for this long.",
        ),
    ] = DEFAULT_TIMEOUT_MS,
    fetch_size: Annotated[
        int, typer.Option("--fetch-size", parser=INT, metavar="BYTES", help="Set max.partition.fetch.bytes.")
    ] = 1_048_576,
    socket_buffer_size: Annotated[
        int, typer.Option("--socket-buffer-size", parser=INT, metavar="BYTES", help="Set receive.buffer.bytes.")
    ] = 2_097_152,
    reporting_interval: Annotated[
        int,
        typer.Option(
            "--reporting-interval",
            parser=LONG,
            metavar="MS",
            help="Time between reports.",
            rich_help_panel=REPORTING,
        ),
    ] = 5000,
    show_detailed_stats: Annotated[
        bool, typer.Option("--show-detailed-stats", help="Print a line for each interval.", rich_help_panel=REPORTING)
    ] = False,
    hide_header: Annotated[
        bool, typer.Option("--hide-header", help="Omit the header.", rich_help_panel=REPORTING)
    ] = False,
    date_format: Annotated[
        str,
        typer.Option(
            "--date-format",
            metavar="PATTERN",
            help="Format of dates, in the syntax of Java's SimpleDateFormat.",
            rich_help_panel=REPORTING,
        ),
    ] = "yyyy-MM-dd HH:mm:ss:SSS",
    print_metrics: Annotated[
        bool, typer.Option("--print-metrics", help="Print the consumer's metrics.", rich_help_panel=REPORTING)
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option("--threads", parser=INT, metavar="N", help="Accepted and ignored.", rich_help_panel=REPORTING),
    ] = None,
    num_fetch_threads: Annotated[
        int | None,
        typer.Option(
            "--num-fetch-threads", parser=INT, metavar="N", help="Accepted and ignored.", rich_help_panel=REPORTING
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Measure how fast records can be read.

    \b
    pk consumer-perf-test --topic t --num-records 1000000
    """
    if broker_list and "bootstrap-server" not in ctx.given:
        addresses = broker_list
    else:
        missing = ctx.usage_problem("Missing required option(s) [bootstrap-server]")
        addresses = bootstrap_or_default(bootstrap_server, missing, given="bootstrap-server" in ctx.given)
    form = chosen_output(output)
    check_what_to_read(ctx)
    ctx.read_values()
    assert messages is not None
    properties = (
        property_file(consumer_config)
        | key_values(command_property)
        | {
            "bootstrap.servers": addresses,
            "group.id": group or f"perf-consumer-{random.randrange(100_000)}",
            "receive.buffer.bytes": str(socket_buffer_size),
            "max.partition.fetch.bytes": str(fetch_size),
            "auto.offset.reset": "latest" if from_latest else "earliest",
            "check.crcs": "false",
        }
    )
    properties.setdefault("client.id", "perf-consumer-client")
    head = []
    if threads is not None or num_fetch_threads is not None:
        head.append(IGNORED)
    if not hide_header and (show_detailed_stats or form is OutputFormat.KAFKA):
        head.append(CONSUMER_DETAILED_HEADER if show_detailed_stats else CONSUMER_HEADER)
    if reporting_interval <= 0:
        raise ScriptError("Reporting interval must be greater than 0.")
    with reported(words=dict.fromkeys((ConfigError, BadClientSetting, BadPattern, ValueError), str)):
        format_date(Timestamp(0), date_format)
        settings = ConsumerSettings(properties, quiet=SET_BY_THE_SCRIPT)
        interval_ms = reporting_interval if show_detailed_stats else None
        wanted = Wanted(topic, compile_pattern(include) if include is not None else None, messages)
        test = PerfTest(wanted, timeout, date_format, interval_ms, form)
        old_options = OldOptions(ctx, RENAMED, REMOVED, remark=REMARK)
        total = event_loop.run(test.run(addresses, ClientSettings(properties), settings, old_options, head))
    if form is not OutputFormat.KAFKA or not show_detailed_stats:
        show_consumer_total(form, total, date_format)
    if print_metrics:
        name = f"consumer-fetch-manager-metrics:records-consumed-total:{{client-id={settings.client_id}}}"
        notice(form, f"\n{'Metric Name':<{len(name)}}   Value\n{name} : {total.count:.3f}")


def check_what_to_read(ctx: ScriptContext) -> None:
    """raises    UsageProblem"""
    for first, second, in_3_9 in (("topic", "include", "topic"), ("messages", "num-records", "messages")):
        given = ctx.spelled & {first, second}
        in_4 = f"Exactly one of the following arguments is required: [{first}], [{second}]"
        if not given:
            raise ctx.usage_problem(f'Missing required argument "[{in_3_9}]"', hint=in_4)
        if len(given) > 1:
            raise ctx.usage_problem(in_4)
    if {"consumer.config", "command-config"} <= ctx.spelled:
        raise ctx.usage_problem('Option "[consumer.config]" can\'t be used with option "[command-config]"')


class Wanted(NamedTuple):
    """The records to read: a topic or topics by expression, and how many records."""

    topic: str | None
    pattern: re.Pattern[str] | None
    records: int


class PerfTest:
    """One run."""

    def __init__(
        self,
        wanted: Wanted,
        timeout_ms: int,
        date_format: str,
        interval_ms: int | None,
        form: OutputFormat,
    ) -> None:
        self._topic, self._pattern, self._messages = wanted
        self._timeout_ms = timeout_ms
        self._date_format = date_format
        self._interval_ms = interval_ms
        self._form = form
        self._figures = ConsumerFigures(now_ms())
        self._joining_since = now_ms()

    async def run(
        self,
        addresses: str,
        client: ClientSettings,
        settings: ConsumerSettings,
        old_options: OldOptions,
        head: Sequence[str],
    ) -> ConsumerTotal:
        """head    lines to print before anything is read"""
        from pykafka_cli.clients.consuming.consumer import Consumer
        from pykafka_cli.script.opening import CONSUMER_FAILED, session_with

        collect_garbage_rarely()
        async with session_with(addresses, client, CONSUMER_FAILED) as session:
            await old_options.report(session)
            for line in head:
                notice(self._form, line)
            self._figures, self._joining_since = ConsumerFigures(now_ms()), now_ms()
            consumer = Consumer(
                session,
                settings,
                warn=warn,
                on_assigned=lambda _: self._figures.joined(now_ms() - self._joining_since),
                on_revoked=lambda _: self._note_rebalance(),
            )
            await consumer.subscribe([] if self._topic is None else [self._topic], self._pattern)
            await self._read(consumer, settings.max_poll_records)
            ended = now_ms()
            await consumer.close()
        if self._figures.count < self._messages:
            notice(
                self._form,
                "WARNING: Exiting before consuming the expected number of messages: timeout "
                f"({self._timeout_ms} ms) exceeded. You can use the --timeout option to increase the timeout.",
            )
        return self._figures.total(ended)

    def _note_rebalance(self) -> None:
        self._joining_since = now_ms()

    async def _read(self, consumer: "Consumer", at_a_time: int) -> None:
        last_came = now_ms()
        while self._figures.count < self._messages and now_ms() - last_came <= self._timeout_ms:
            fetched = await consumer.poll(POLL_SECONDS)
            if fetched is None:
                continue
            last_came = now_ms()
            for start in range(0, len(fetched.records), at_a_time):
                if self._figures.count >= self._messages:
                    break
                records = fetched.records[start : start + at_a_time]
                size = sum(len(record.key or b"") + len(record.value or b"") for record in records)
                self._figures.record(len(records), size)
                consumer.used(fetched, start + len(records))
            if self._interval_ms is not None and self._figures.is_due(last_came, self._interval_ms):
                notice(self._form, self._figures.interval(last_came, self._date_format))
