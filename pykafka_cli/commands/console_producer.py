"""`pk console-producer`: kafka-console-producer.sh, lines of standard input to records of a topic."""

from enum import StrEnum
from typing import Annotated

import typer

from pykafka_cli.clients.settings import BadClientSetting, ClientSettings
from pykafka_cli.console.log_lines import warn
from pykafka_cli.procedures.console_producer import ConsoleProducer
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.rules.java_text import BadPattern
from pykafka_cli.rules.json_lines import JsonReader
from pykafka_cli.rules.line_readers import (
    BadReaderProperties,
    LineReader,
    LineReaderSettings,
)
from pykafka_cli.script.client_properties import key_values, merged, property_file
from pykafka_cli.script.command import OptionalValue, ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, reported
from pykafka_cli.script.generations import OldName, OldOptions, Removed, refuse_both
from pykafka_cli.script.options import (
    INT,
    LONG,
    BootstrapServer,
    BrokerList,
    ProducerConfig,
    bootstrap_or_default,
    check_host_ports,
    require,
)
from pykafka_cli.transport import event_loop

LINES, SENDING = "Lines", "Sending"
RENAMED = (
    OldName("producer-property", "command-property", new_first=True),
    OldName("producer.config", "command-config", new_first=True),
    OldName("property", "reader-property", new_first=True),
)
REMOVED = (Removed("broker-list", "--bootstrap-server"),)
REMARK = "Warning: --{old} is deprecated and will be removed in a future version. Use --{new} instead."
MEMORY_REMARK = (
    "Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache Kafka 5.0. "
    "Use --batch-size instead."
)
LINE_READERS = frozenset({
    "kafka.tools.ConsoleProducer$LineMessageReader", "org.apache.kafka.tools.LineMessageReader", "LineMessageReader",
})  # fmt: skip
SET_BY_THE_SCRIPT = frozenset({"bootstrap.servers", "key.serializer", "value.serializer", "send.buffer.bytes"})

BULK_BATCH_SIZE = 256 * 1024
"""Bytes of a batch unless batch.size is set: lines that arrive faster than they can be sent go in large batches."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class InputFormat(StrEnum):
    """The format of standard input."""

    LINES = "lines"
    JSON = "json"


class ConsoleProducerCommand(ScriptCommand):
    defers_values = True
    never_abbreviated = ("input", "no-history")


@app.command(cls=ConsoleProducerCommand)
def console_producer(
    ctx: ScriptContext,
    bootstrap_server: BootstrapServer = None,
    broker_list: BrokerList = None,
    topic: Annotated[str | None, typer.Option("--topic", metavar="TOPIC", help="REQUIRED: Topic to send to.")] = None,
    property_: Annotated[
        list[str] | None,
        typer.Option(
            "--property",
            "--reader-property",
            metavar="KEY=VALUE",
            help=(
                "How to read lines: parse.key, key.separator (tab), parse.headers, "
                "headers.delimiter (tab), headers.separator (,), headers.key.separator "
                "(:), ignore.error, null.marker. A line contains headers, key and value, "
                "in this order, if they are parsed."
            ),
            rich_help_panel=LINES,
        ),
    ] = None,
    reader_config: Annotated[
        str | None,
        typer.Option("--reader-config", metavar="FILE", help="File of such properties.", rich_help_panel=LINES),
    ] = None,
    line_reader: Annotated[
        str,
        typer.Option(
            "--line-reader",
            metavar="CLASS",
            help="Class name of a line reader; only Kafka's default is supported.",
            rich_help_panel=LINES,
        ),
    ] = "org.apache.kafka.tools.LineMessageReader",
    producer_property: Annotated[
        list[str] | None,
        typer.Option(
            "--producer-property",
            "--command-property",
            metavar="KEY=VALUE",
            help="Producer property; may be repeated.",
            rich_help_panel=SENDING,
        ),
    ] = None,
    producer_config: ProducerConfig = None,
    sync: Annotated[
        bool, typer.Option("--sync", help="Wait until each record is acknowledged.", rich_help_panel=SENDING)
    ] = False,
    compression_codec: Annotated[
        str | None,
        typer.Option(
            "--compression-codec",
            parser=OptionalValue(without="gzip"),
            metavar="[CODEC]",
            help="Compress with none, gzip, snappy, lz4 or zstd; gzip if no value is given.",
            rich_help_panel=SENDING,
        ),
    ] = None,
    request_required_acks: Annotated[
        str, typer.Option("--request-required-acks", metavar="ACKS", help="Set acks.", rich_help_panel=SENDING)
    ] = "-1",
    timeout: Annotated[
        int, typer.Option("--timeout", parser=LONG, metavar="MS", help="Set linger.ms.", rich_help_panel=SENDING)
    ] = 1000,
    batch_size: Annotated[
        int,
        typer.Option("--batch-size", parser=INT, metavar="BYTES", help="Set batch.size.", rich_help_panel=SENDING),
    ] = 16384,
    max_partition_memory_bytes: Annotated[
        int,
        typer.Option(
            "--max-partition-memory-bytes",
            parser=INT,
            metavar="BYTES",
            help="Alias of --batch-size; wins if both are given.",
            rich_help_panel=SENDING,
        ),
    ] = 16384,
    message_send_max_retries: Annotated[
        int, typer.Option("--message-send-max-retries", parser=INT, help="Set retries.", rich_help_panel=SENDING)
    ] = 3,
    retry_backoff_ms: Annotated[
        int, typer.Option("--retry-backoff-ms", parser=LONG, help="Set retry.backoff.ms.", rich_help_panel=SENDING)
    ] = 100,
    request_timeout_ms: Annotated[
        int,
        typer.Option("--request-timeout-ms", parser=INT, help="Set request.timeout.ms.", rich_help_panel=SENDING),
    ] = 1500,
    metadata_expiry_ms: Annotated[
        int,
        typer.Option("--metadata-expiry-ms", parser=LONG, help="Set metadata.max.age.ms.", rich_help_panel=SENDING),
    ] = 300_000,
    max_block_ms: Annotated[
        int, typer.Option("--max-block-ms", parser=LONG, help="Set max.block.ms.", rich_help_panel=SENDING)
    ] = 60_000,
    max_memory_bytes: Annotated[
        int, typer.Option("--max-memory-bytes", parser=LONG, help="Set buffer.memory.", rich_help_panel=SENDING)
    ] = 33_554_432,
    socket_buffer_size: Annotated[
        int,
        typer.Option("--socket-buffer-size", parser=INT, help="Set send.buffer.bytes.", rich_help_panel=SENDING),
    ] = 102_400,
    input_: Annotated[
        InputFormat,
        typer.Option(
            "--input",
            help="Read lines, or the JSON objects that console-consumer --output json prints.",
            rich_help_panel=LINES,
        ),
    ] = InputFormat.LINES,
    no_history: Annotated[
        bool,
        typer.Option("--no-history", help="Do not keep lines that are typed at a terminal.", rich_help_panel=LINES),
    ] = False,
) -> None:
    """Read lines from standard input and send each as a record.

    \b
    Send lines until Ctrl-D:
      pk console-producer --topic t
    Send lines with keys:
      pk console-producer --topic t --property parse.key=true
    Send again what was consumed, with keys, headers, timestamps and partitions:
      pk console-consumer --topic t --exit-at-end --output json > t.json
      pk console-producer --topic u --input json < t.json
    """
    if broker_list and "bootstrap-server" not in ctx.given:
        addresses = broker_list
    else:
        missing = ctx.usage_problem("Missing required option(s) [bootstrap-server]")
        addresses = bootstrap_or_default(bootstrap_server, missing, given="bootstrap-server" in ctx.given)
    require(ctx, "topic")
    refuse_both(ctx, RENAMED)
    ctx.read_values()
    assert topic is not None
    check_host_ports(ctx, addresses)
    options = {
        "timeout": ("linger.ms", timeout),
        "request-required-acks": ("acks", request_required_acks),
        "request-timeout-ms": ("request.timeout.ms", request_timeout_ms),
        "message-send-max-retries": ("retries", message_send_max_retries),
        "retry-backoff-ms": ("retry.backoff.ms", retry_backoff_ms),
        "socket-buffer-size": ("send.buffer.bytes", socket_buffer_size),
        "max-memory-bytes": ("buffer.memory", max_memory_bytes),
        "batch-size": ("batch.size", batch_size),
        "max-partition-memory-bytes": ("batch.size", max_partition_memory_bytes),
        "metadata-expiry-ms": ("metadata.max.age.ms", metadata_expiry_ms),
        "max-block-ms": ("max.block.ms", max_block_ms),
    }
    file, words = property_file(producer_config), key_values(producer_property)
    properties = merged(ctx, file=file, properties=words, options=options) | {
        "bootstrap.servers": addresses,
        "compression.type": compression_codec or "none",  # whatever a file or --producer-property says, as in Kafka
    }
    properties.setdefault("client.id", "console-producer")
    chosen = "batch.size" in file | words or ctx.given & {"batch-size", "max-partition-memory-bytes"}
    reader_properties = property_file(reader_config) | key_values(property_)
    if line_reader not in LINE_READERS:
        raise ScriptError(f"{line_reader}: unknown line reader", hint="Only Kafka's default is supported.")
    with reported(words=dict.fromkeys((ConfigError, BadReaderProperties, BadPattern, BadClientSetting), str)):
        settings = ProducerSettings(properties, quiet=SET_BY_THE_SCRIPT)
        reader = LineReader(LineReaderSettings.from_properties(reader_properties))
        client = ClientSettings(properties)
    for warning in settings.warnings:
        warn(warning)
    old_options = OldOptions(ctx, RENAMED, REMOVED, remark=REMARK)
    if "max-partition-memory-bytes" in ctx.given:
        old_options.remarks.append(MEMORY_REMARK)
    run = ConsoleProducer(
        reader_properties.get("topic", topic),
        settings,
        JsonReader() if input_ is InputFormat.JSON else reader,
        sync=sync,
        lingers="linger.ms" in file | words or "timeout" in ctx.given,
        keeps_history=not no_history,
        old_options=old_options,
    )
    event_loop.run(run.run(addresses, client, batch_size=None if chosen else BULK_BATCH_SIZE))
