"""`pk consumer-perf-test`: kafka-consumer-perf-test.sh, how fast records can be read."""

import asyncio
import random
import time
from typing import TYPE_CHECKING, Annotated

import typer

from pykafka_cli.clients.settings import BadClientSetting, ClientSettings
from pykafka_cli.console.garbage import collect_garbage_rarely
from pykafka_cli.output.consumer_perf_test import show_consumer_total
from pykafka_cli.output.render import OutputFormat, notice
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.rules.throughput import (
    CONSUMER_DETAILED_HEADER,
    CONSUMER_HEADER,
    ConsumerFigures,
    ConsumerTotal,
    format_date,
)
from pykafka_cli.script.client_properties import property_file
from pykafka_cli.script.command import OptionalValue, ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, reported
from pykafka_cli.script.log_lines import warn
from pykafka_cli.script.options import (
    INT,
    LONG,
    BootstrapServer,
    BrokerList,
    ConsumerConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    require,
)

if TYPE_CHECKING:
    from pykafka_cli.clients.consuming.consumer import Consumer

REPORTING = "Reporting"
DEFAULT_TIMEOUT_MS = 10_000
SET_BY_THE_SCRIPT = frozenset({"bootstrap.servers", "key.deserializer", "value.deserializer", "receive.buffer.bytes"})
POLL_SECONDS = 0.1

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ConsumerPerfTestCommand(ScriptCommand):
    defers_values = True


@app.command(cls=ConsumerPerfTestCommand)
def consumer_perf_test(
    ctx: ScriptContext,
    bootstrap_server: BootstrapServer = None,
    broker_list: BrokerList = None,
    consumer_config: ConsumerConfig = None,
    topic: Annotated[str | None, typer.Option("--topic", metavar="TOPIC", help="REQUIRED: Topic to read.")] = None,
    messages: Annotated[
        int | None,
        typer.Option("--messages", parser=LONG, metavar="N", help="REQUIRED: Number of records to read."),
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
    pk consumer-perf-test --topic t --messages 1000000
    """
    if broker_list and "bootstrap-server" not in ctx.given:
        addresses = broker_list
    else:
        missing = ctx.usage_problem("Missing required option(s) [bootstrap-server]")
        addresses = bootstrap_or_default(bootstrap_server, missing, given="bootstrap-server" in ctx.given)
    form = chosen_output(output)
    if threads is not None or num_fetch_threads is not None:
        ignored = "option [threads] and [num-fetch-threads] have been deprecated and will be ignored by the test"
        notice(form, f"WARNING: {ignored}")
    require(ctx, "topic", "messages")
    ctx.read_values()
    assert topic is not None
    assert messages is not None
    properties = property_file(consumer_config) | {
        "bootstrap.servers": addresses,
        "group.id": group or f"perf-consumer-{random.randrange(100_000)}",
        "receive.buffer.bytes": str(socket_buffer_size),
        "max.partition.fetch.bytes": str(fetch_size),
        "auto.offset.reset": "latest" if from_latest else "earliest",
        "check.crcs": "false",
    }
    properties.setdefault("client.id", "perf-consumer-client")
    if not hide_header and (show_detailed_stats or form is OutputFormat.KAFKA):
        notice(form, CONSUMER_DETAILED_HEADER if show_detailed_stats else CONSUMER_HEADER)
    if reporting_interval <= 0:
        raise ScriptError("Reporting interval must be greater than 0.")
    with reported(words=dict.fromkeys((ConfigError, BadClientSetting, ValueError), str)):
        format_date(0, date_format)
        settings = ConsumerSettings(properties, quiet=SET_BY_THE_SCRIPT)
        interval_ms = reporting_interval if show_detailed_stats else None
        test = PerfTest(topic, messages, timeout, date_format, interval_ms, form)
        total = asyncio.run(test.run(addresses, ClientSettings(properties), settings))
    if form is not OutputFormat.KAFKA or not show_detailed_stats:
        show_consumer_total(form, total, date_format)
    if print_metrics:
        name = f"consumer-fetch-manager-metrics:records-consumed-total:{{client-id={settings.client_id}}}"
        notice(form, f"\n{'Metric Name':<{len(name)}}   Value\n{name} : {total.count:.3f}")


class PerfTest:
    """One run."""

    def __init__(
        self,
        topic: str,
        messages: int,
        timeout_ms: int,
        date_format: str,
        interval_ms: int | None,
        form: OutputFormat,
    ) -> None:
        self._topic = topic
        self._messages = messages
        self._timeout_ms = timeout_ms
        self._date_format = date_format
        self._interval_ms = interval_ms
        self._form = form
        self._figures = ConsumerFigures(now_ms())
        self._joining_since = now_ms()

    async def run(self, addresses: str, client: ClientSettings, settings: ConsumerSettings) -> ConsumerTotal:
        from pykafka_cli.clients.consuming.consumer import Consumer
        from pykafka_cli.script.opening import CONSUMER_FAILED, session_with

        collect_garbage_rarely()
        async with session_with(addresses, client, CONSUMER_FAILED) as session:
            self._figures, self._joining_since = ConsumerFigures(now_ms()), now_ms()
            consumer = Consumer(
                session,
                settings,
                warn=warn,
                on_assigned=lambda _: self._figures.joined(now_ms() - self._joining_since),
                on_revoked=lambda _: self._begin_to_join(),
            )
            await consumer.subscribe([self._topic])
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

    def _begin_to_join(self) -> None:
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


def now_ms() -> int:
    return time.time_ns() // 1_000_000
