"""`pk console-producer`: kafka-console-producer.sh, lines of standard input to records of a topic.

Input is read a megabyte at a time and becomes batches without awaiting anything per line; lines that come one by
one are sent as they come (linger.ms).
"""

import asyncio
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from pykafka_cli.clients.settings import BadClientSetting, ClientSettings
from pykafka_cli.console.garbage import collect_garbage_rarely
from pykafka_cli.console.log_lines import error, warn
from pykafka_cli.console.progress import Progress
from pykafka_cli.console.signals import EndBySignal
from pykafka_cli.console.stdin import InputChunks
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.rules.java_text import BadPattern
from pykafka_cli.rules.line_readers import (
    BadReaderProperties,
    LineReader,
    LineReaderSettings,
    LineSplitter,
    RecordBlock,
)
from pykafka_cli.script.client_properties import key_values, merged, property_file
from pykafka_cli.script.command import OptionalValue, ScriptCommand, ScriptContext
from pykafka_cli.script.errors import Ended, ScriptError, reported
from pykafka_cli.script.generations import OldName, OldOptions, Removed, refuse_both
from pykafka_cli.script.options import (
    INT,
    LONG,
    BootstrapServer,
    BrokerList,
    bootstrap_or_default,
    check_host_ports,
    require,
)

if TYPE_CHECKING:
    from pykafka_cli.clients.error_texts import ErrorText
    from pykafka_cli.clients.producing.producer import Producer
    from pykafka_cli.clients.producing.sender import Result
    from pykafka_cli.clients.session import Session
    from pykafka_cli.transport.connection import AuthenticationFailed

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
"""Bytes of a batch where nobody chose batch.size: lines that come faster than they can be sent go in large batches."""

SASL_FAILED = "org.apache.kafka.common.errors.SaslAuthenticationException"
KAFKA_EXCEPTION = "org.apache.kafka.common.KafkaException: "

REPORTED_RECORDS = 10
"""How many records of one failed batch are named one by one."""

FLUSH_AFTER_SIGNAL = 5.0
"""Seconds that lines already read have to be sent when the command is interrupted."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ConsoleProducerCommand(ScriptCommand):
    defers_values = True


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
    producer_config: Annotated[
        str | None,
        typer.Option(
            "--producer.config",
            "--command-config",
            metavar="FILE",
            help="File of producer properties.",
            rich_help_panel=SENDING,
        ),
    ] = None,
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
) -> None:
    """Read lines from standard input and send each as a record.

    \b
    Send lines until Ctrl-D:
      pk console-producer --topic t
    Send lines with keys:
      pk console-producer --topic t --property parse.key=true
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
    run = ConsoleProducer(reader_properties.get("topic", topic), settings, reader, sync=sync, old_options=old_options)
    asyncio.run(run.run(addresses, client, batch_size=None if chosen else BULK_BATCH_SIZE))


class ConsoleProducer:
    """One run: lines in, records out, failures reported."""

    def __init__(
        self, topic: str, settings: ProducerSettings, reader: LineReader, *, sync: bool, old_options: OldOptions
    ) -> None:
        self.failed = False
        self._is_connected = False
        self._topic = topic
        self._settings = settings
        self._reader = reader
        self._sync = sync
        self._old_options = old_options
        self._prompts = sys.stdin.isatty() and sys.stdout.isatty()

    async def run(self, addresses: str, client: ClientSettings, *, batch_size: int | None) -> None:
        """Send all of standard input.

        raises    Ended if a record was not sent
        """
        from pykafka_cli.script.opening import PRODUCER_FAILED, session_with
        from pykafka_cli.transport.connection import AuthenticationFailed

        collect_garbage_rarely()
        chunks = InputChunks(sys.stdin.fileno())
        ended = EndBySignal(gently=chunks.end, patience_s=FLUSH_AFTER_SIGNAL)
        try:
            session = session_with(addresses, client, PRODUCER_FAILED)
            await self._produce(session, chunks, ended, batch_size=batch_size)
        except AuthenticationFailed as problem:
            if self._prompts or self._is_connected:
                raise
            await self._refuse_all(chunks, problem)
        if self.failed:
            raise Ended(ExitStatus.FAILURE)

    async def _produce(
        self, entered: "Session", chunks: InputChunks, ended: EndBySignal, *, batch_size: int | None
    ) -> None:
        from pykafka_cli.clients.producing.producer import Producer

        async with entered as session:
            self._is_connected = True
            await self._old_options.report(session)
            producer = Producer(
                session,
                self._topic,
                self._settings,
                choose=random.randrange,
                on_result=self._note,
                warn=warn,
                batch_size=batch_size,
            )
            async with producer:
                with ended:
                    await self._send_all(producer, chunks, ended)
                if ended.signal:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(FLUSH_AFTER_SIGNAL):
                            await producer.flush()
                    raise Ended(ended.status)

    async def _refuse_all(self, chunks: InputChunks, problem: "AuthenticationFailed") -> None:
        """Report each line of the input as not sent, as the login failed."""
        from pykafka_cli.clients.error_texts import ErrorText
        from pykafka_cli.clients.errors import explain

        failure = ErrorText(SASL_FAILED, str(problem))
        splitter = LineSplitter()
        async for chunk in chunks:
            self._refuse_lines(splitter.feed(chunk), failure)
        self._refuse_lines(splitter.finish(), failure)
        if not self.failed:
            raise problem  # nothing was to be sent
        print(explain(problem)[1], file=sys.stderr)

    def _refuse_lines(self, lines: list[bytes], failure: "ErrorText") -> None:
        if lines:
            (first, values, keys, _), _ = self._reader.read(lines)
            self._report(failure, range(first, first + len(values)), keys or [None] * len(values), values)
            if self._sync:
                raise Ended(ExitStatus.FAILURE)

    async def _send_all(self, producer: "Producer", chunks: InputChunks, ended: EndBySignal) -> None:
        splitter = LineSplitter()
        progress = Progress(chunks.total)
        self._prompt()
        async for chunk in chunks:
            await self._send_lines(producer, splitter.feed(chunk))
            progress.advance(len(chunk))
            self._prompt()
        if not ended.signal:  # else the last line may be only a part of one
            await self._send_lines(producer, splitter.finish())
        progress.end()

    def _prompt(self) -> None:
        if self._prompts:
            print(">", end="", flush=True)

    async def _send_lines(self, producer: "Producer", lines: list[bytes]) -> None:
        if not lines:
            return
        block, bad_line = self._reader.read(lines)
        for part in _one_by_one(block) if self._sync else [block]:
            await self._send(producer, part)
        if bad_line:
            await producer.flush()
            raise ScriptError(f"{KAFKA_EXCEPTION}{bad_line}")

    async def _send(self, producer: "Producer", block: RecordBlock) -> None:
        from pykafka_cli.clients.producing.topic_leaders import ProducerRefused

        first, values, keys, headers = block
        try:
            await producer.send(values, keys, headers, first_tag=first, timestamp_ms=time.time_ns() // 1_000_000)
        except ProducerRefused as problem:
            self._report(problem.text, range(first, first + len(values)), keys or [None] * len(values), values)
        if self._sync:
            await producer.flush()
            if self.failed:
                raise Ended(ExitStatus.FAILURE)

    def _note(self, result: "Result") -> None:
        from pykafka_cli.clients.producing.record_queue import records_of

        if result.failure:
            records = records_of(result.batch)
            self._report(
                result.failure,
                result.batch.tags,
                [record.key for record in records],
                [record.value for record in records],
            )

    def _report(
        self,
        failure: "ErrorText",
        lines: Sequence[int],
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
    ) -> None:
        """Name the records that were not sent; of many, the first ones."""
        self.failed = True
        for line, key, value in list(zip(lines, keys, values, strict=True))[:REPORTED_RECORDS]:
            error(
                f"Error when sending message to topic {self._topic} with key: {_size(key)}, value: {_size(value)} "
                f"with error: line {line}",
                source="org.apache.kafka.clients.producer.internals.ErrorLoggingCallback",
                cause=f"{failure.exception}: {failure.message}",
            )
        if len(values) > REPORTED_RECORDS:
            rest = len(values) - REPORTED_RECORDS
            error(f"{rest} more records were not sent, up to line {lines[-1]}: {failure.message}")


def _one_by_one(block: RecordBlock) -> Iterator[RecordBlock]:
    first, values, keys, headers = block
    for position, value in enumerate(values):
        key = [keys[position]] if keys else None
        yield RecordBlock(first + position, [value], key, [headers[position]] if headers else None)


def _size(field: bytes | None) -> str:
    return "null" if field is None else f"{len(field)} bytes"
