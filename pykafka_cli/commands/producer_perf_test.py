"""`pk producer-perf-test`: kafka-producer-perf-test.sh, how fast records can be sent."""

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pykafka_cli.clients.settings import BadClientSetting, ClientSettings
from pykafka_cli.console.garbage import collect_garbage_rarely
from pykafka_cli.console.log_lines import warn
from pykafka_cli.console.pace import Pace
from pykafka_cli.console.stderr import print_remark
from pykafka_cli.model import Timestamp
from pykafka_cli.output.producer_perf_test import show_producer_total
from pykafka_cli.output.render import OutputFormat, notice
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.rules.java_text import BadPattern, compile_pattern, split_by_pattern
from pykafka_cli.rules.throughput import REPORTING_INTERVAL_MS, ProducerFigures, ProducerTotal
from pykafka_cli.script.client_properties import property_file
from pykafka_cli.script.command import ArgparseCommand, ScriptContext, SeveralValues
from pykafka_cli.script.errors import ScriptError, reported
from pykafka_cli.script.generations import HAS_BEEN_DEPRECATED, OldName, OldOptions, refuse_both
from pykafka_cli.script.options import INT, LONG, BootstrapServer, Output, ProducerConfig, chosen_output
from pykafka_cli.transport import event_loop
from pykafka_cli.wall_clock import now_ms

if TYPE_CHECKING:
    from pykafka_cli.clients.producing.producer import Producer
    from pykafka_cli.clients.producing.sender import Result
    from pykafka_cli.clients.session import Session

PAYLOAD, TRANSACTIONS, PRODUCER = "What to send, one of the first three", "Transactions", "The producer"
REPORTING = "Reporting"
RENAMED = (
    OldName("producer-props", "command-property", new_first=True),
    OldName("producer.config", "command-config", new_first=True),
)
MISSING = "Either --producer-props or --producer.config must be specified."
MISSING_IN_4 = (
    "At least one of --bootstrap-server, --command-property, --producer-props, --producer.config or --command-config "
    "must be specified."
)
WARMUP = "Warmup first {} records. Steady state results will print after the complete test summary."
SET_BY_THE_SCRIPT = frozenset({"bootstrap.servers", "key.serializer", "value.serializer"})
DEFAULT_TRANSACTIONAL_ID = "performance-producer-default-transactional-id"
KAFKA_4_TRANSACTION_MS = 3000
"""How long a transaction takes if only its id is given, which Kafka 3.9's script fails at (KIP-1069)."""
LETTERS = bytes(65 + byte % 26 for byte in range(256))
app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ProducerPerfTestCommand(ArgparseCommand):
    help_without_arguments = True
    exclusive = frozenset({"record-size", "payload-file", "payload-monotonic"})


@app.command(cls=ProducerPerfTestCommand)
def producer_perf_test(
    ctx: ScriptContext,
    topic: Annotated[str | None, typer.Option("--topic", metavar="TOPIC", help="REQUIRED: Topic to send to.")] = None,
    num_records: Annotated[
        int | None,
        typer.Option("--num-records", parser=LONG, metavar="N", help="REQUIRED: Number of records to send."),
    ] = None,
    throughput: Annotated[
        float | None,
        typer.Option(
            "--throughput", metavar="RATE", help="REQUIRED: Maximum number of records per second; -1 means no limit."
        ),
    ] = None,
    record_size: Annotated[
        int | None,
        typer.Option(
            "--record-size",
            parser=INT,
            metavar="BYTES",
            help="Send random letters of this size.",
            rich_help_panel=PAYLOAD,
        ),
    ] = None,
    bootstrap_server: BootstrapServer = None,
    payload_file: Annotated[
        str | None,
        typer.Option(
            "--payload-file", metavar="FILE", help="File to choose records from at random.", rich_help_panel=PAYLOAD
        ),
    ] = None,
    payload_monotonic: Annotated[
        bool, typer.Option("--payload-monotonic", help="Send increasing numbers.", rich_help_panel=PAYLOAD)
    ] = False,
    payload_delimiter: Annotated[
        str,
        typer.Option(
            "--payload-delimiter",
            metavar="REGEX",
            help="Delimiter between records in the file; by default a line end.",
            rich_help_panel=PAYLOAD,
        ),
    ] = "\\n",
    producer_props: Annotated[
        list[str] | None,
        typer.Option(
            "--producer-props",
            "--command-property",
            parser=SeveralValues(),
            metavar="KEY=VALUE ...",
            help="Producer properties.",
            rich_help_panel=PRODUCER,
        ),
    ] = None,
    producer_config: ProducerConfig = None,
    print_metrics: Annotated[
        bool, typer.Option("--print-metrics", help="Print the producer's metrics.", rich_help_panel=PRODUCER)
    ] = False,
    transactional_id: Annotated[
        str,
        typer.Option(
            "--transactional-id", metavar="ID", help="Transactional id of the producer.", rich_help_panel=TRANSACTIONS
        ),
    ] = DEFAULT_TRANSACTIONAL_ID,
    transaction_duration_ms: Annotated[
        int,
        typer.Option(
            "--transaction-duration-ms",
            parser=LONG,
            metavar="MS",
            help="Send in transactions, and commit each after this long; 0 means no transactions. "
            "With a transactional.id among the properties, the default is 3000.",
            rich_help_panel=TRANSACTIONS,
        ),
    ] = 0,
    warmup_records: Annotated[
        int,
        typer.Option(
            "--warmup-records",
            parser=LONG,
            metavar="N",
            help="Also report the records after these first ones separately.",
            rich_help_panel=REPORTING,
        ),
    ] = 0,
    reporting_interval: Annotated[
        int,
        typer.Option(
            "--reporting-interval",
            parser=LONG,
            metavar="MS",
            help="Time between reports.",
            rich_help_panel=REPORTING,
        ),
    ] = REPORTING_INTERVAL_MS,
    output: Output = None,
) -> None:
    """Measure how fast records can be sent.

    \b
    pk producer-perf-test --topic t --num-records 1000000 --record-size 100
      --throughput -1 --bootstrap-server localhost:9092
    """
    for name, value in (("throughput", throughput), ("num-records", num_records), ("topic", topic)):
        if value is None:
            raise ProducerPerfTestCommand.argparse_error(ctx, f"argument --{name} is required")
    if record_size is None and payload_file is None and not payload_monotonic:
        raise ProducerPerfTestCommand.argparse_error(
            ctx, "one of the arguments --record-size --payload-file --payload-monotonic is required"
        )
    if bootstrap_server is None and producer_props is None and producer_config is None:
        raise ProducerPerfTestCommand.argparse_error(ctx, MISSING, hint=MISSING_IN_4)
    refuse_both(ctx, RENAMED, lambda message: ProducerPerfTestCommand.argparse_error(ctx, message))
    assert topic is not None
    assert num_records is not None
    assert throughput is not None
    if warmup_records >= num_records > 0:
        raise ProducerPerfTestCommand.argparse_error(
            ctx,
            "The value for --warmup-records must be strictly fewer than the number of records in the test, "
            "--num-records.",
        )
    if reporting_interval <= 0:
        raise ProducerPerfTestCommand.argparse_error(ctx, "--reporting-interval should be greater than zero.")
    properties = property_file(producer_config) | words_to_properties(producer_props or [])
    if bootstrap_server is not None and ("bootstrap-server" in ctx.given or "bootstrap.servers" not in properties):
        properties["bootstrap.servers"] = bootstrap_server
    if "transactional.id" in properties and "transaction-duration-ms" not in ctx.given:
        transaction_duration_ms = KAFKA_4_TRANSACTION_MS
    if transaction_duration_ms > 0:
        if "transactional-id" in ctx.given or "transactional.id" not in properties:
            properties["transactional.id"] = transactional_id
    elif "transactional.id" in properties:
        raise ScriptError(
            "A producer with a transactional.id sends in transactions; --transaction-duration-ms must be more than 0"
        )
    properties.setdefault("client.id", "perf-producer-client")
    form = chosen_output(output)
    with reported(words=dict.fromkeys((ConfigError, BadClientSetting, BadPattern), str)):
        make = payload_maker(record_size, payload_file, payload_delimiter, form)
        settings = ProducerSettings(properties, quiet=SET_BY_THE_SCRIPT)
        amount = Amount(num_records, warmup_records, reporting_interval)
        old_options = OldOptions(ctx, RENAMED, remark=HAS_BEEN_DEPRECATED)
        run = PerfTest(topic, amount, Pace(throughput), make, settings, transaction_duration_ms, form, old_options)
        total = event_loop.run(run.run(properties.get("bootstrap.servers", ""), ClientSettings(properties)))
    show_producer_total(form, total, run.failed, run.steady_total)
    if print_metrics:
        print_counts(form, settings.client_id, run.sent, run.failed)


def words_to_properties(words: Sequence[str]) -> dict[str, str]:
    """`key=value` words with exactly one `=`.

    raises    ScriptError
    """
    properties: dict[str, str] = {}
    for word in words:
        pieces = word.split("=")
        while pieces and not pieces[-1]:
            pieces.pop()
        if len(pieces) != 2:
            raise ScriptError(f"Invalid property: {word}")
        properties[pieces[0]] = pieces[1]
    return properties


Payloads = Callable[[int, int], list[bytes]]
"""Makes values, from the first record's number and a count."""


def payload_maker(record_size: int | None, file: str | None, delimiter: str, form: OutputFormat) -> Payloads:
    """Choose what records contain. The random seed is fixed, so that runs can be compared.

    raises    ScriptError, BadPattern
    """
    chance = random.Random(0)
    if file is not None:
        notice(form, f"Reading payloads from: {Path(file).absolute()}")
        path = Path(file)
        content = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        if not content:
            raise ScriptError("File does not exist or empty file provided.")
        separator = compile_pattern("\n" if delimiter == "\\n" else delimiter)
        parts = [part.encode() for part in split_by_pattern(separator, content)]
        notice(form, f"Number of messages read: {len(parts)}")
        return lambda _first, count: chance.choices(parts, k=count)
    if record_size is not None:
        if record_size < 0:
            raise ScriptError(f"--record-size: no record has {record_size} bytes")
        size = record_size

        def letters(_first: int, count: int) -> list[bytes]:
            text = chance.randbytes(size * count).translate(LETTERS)
            return [text[start : start + size] for start in range(0, size * count, size)] if size else [b""] * count

        return letters
    return lambda first, count: [b"%d" % number for number in range(first, first + count)]


@dataclass(slots=True)
class Block:
    """Records that were queued together."""

    first: int
    queued_ms: Timestamp
    sizes: list[int]
    left: int


class Amount(NamedTuple):
    """How many records, how many of them before the state counts as steady, and how often figures are reported."""

    records: int
    warmup: int
    interval_ms: int


class PerfTest:
    """One run: blocks of records as fast as allowed, and the figures of what was acknowledged."""

    def __init__(
        self,
        topic: str,
        amount: Amount,
        pace: Pace,
        make: Payloads,
        settings: ProducerSettings,
        transaction_ms: int,
        form: OutputFormat,
        old_options: OldOptions,
    ) -> None:
        self.sent = self.failed = 0
        self.steady_total: ProducerTotal | None = None
        """The records after the warm-up, where there was one."""
        self._topic = topic
        self._num_records, self._warmup, self._interval_ms = amount
        self._old_options = old_options
        self._pace = pace
        self._make = make
        self._settings = settings
        self._transaction_ms = transaction_ms
        self._form = form
        self._figures = ProducerFigures(now_ms())
        self._steady: ProducerFigures | None = None
        self._blocks: deque[Block] = deque()

    async def run(self, addresses: str, client: ClientSettings) -> ProducerTotal:
        from pykafka_cli.clients.producing.producer import Producer
        from pykafka_cli.clients.producing.topic_leaders import ProducerRefused
        from pykafka_cli.script.opening import PRODUCER_FAILED, session_with

        collect_garbage_rarely()
        async with session_with(addresses, client, PRODUCER_FAILED) as session:
            await self._old_options.report(session)
            producer = Producer(
                session, self._topic, self._settings, choose=random.randrange, on_result=self._note, warn=warn
            )
            try:
                async with producer:
                    if self._warmup > 0:
                        notice(self._form, WARMUP.format(self._warmup))
                    self._figures = ProducerFigures(
                        now_ms(), self._interval_ms
                    )  # Java's first send also waits for metadata
                    await producer.prepare()
                    if self._transaction_ms > 0:
                        await self._send_in_transactions(session, producer)
                    else:
                        async for count in self._pace.counts(self._num_records):
                            await self._send(producer, count)
            except ProducerRefused as problem:
                raise ScriptError(f"{problem.text.exception}: {problem.text.message}") from None
        if self._steady:
            self.steady_total = self._steady.total(now_ms())
        return self._figures.total(now_ms())

    async def _send(self, producer: "Producer", count: int) -> None:
        if self.sent < self._warmup < self.sent + count:
            warmup = self._warmup - self.sent
            await self._send(producer, warmup)
            count -= warmup
        if self._steady is None and 0 < self._warmup <= self.sent:
            notice(self._form, "In steady state.")
            self._steady = ProducerFigures(now_ms(), self._interval_ms)
        first = self.sent
        values = self._make(first, count)
        self._blocks.append(Block(first, now_ms(), list(map(len, values)), count))
        self.sent += count
        await producer.send(values, first_tag=first, timestamp_ms=now_ms())

    async def _send_in_transactions(self, session: "Session", producer: "Producer") -> None:
        from pykafka_cli.clients.producing.transactions import Transaction

        assert producer.producer_id
        implicit = producer.has_implicit_transactions
        transaction = Transaction(session, self._settings, producer.producer_id, implicit=implicit)
        ends: float | None = None
        async for count in self._pace.counts(self._num_records):
            if ends is None:
                ends = now_ms() + self._transaction_ms
                await transaction.add(self._topic, producer.partitions)
            await self._send(producer, count)
            if now_ms() >= ends:
                await producer.flush()
                producer.continue_as(await transaction.end(commit=True))
                ends = None
        await producer.flush()
        await transaction.end(commit=True)

    def _note(self, result: "Result") -> None:
        if result.failure:
            self.failed += result.batch.record_count
            print_remark(f"{result.failure.exception}: {result.failure.message}")
        now = now_ms()
        for first, end in _runs(result.batch.tags):
            for block in self._blocks:
                start, stop = max(first, block.first), min(end, block.first + len(block.sizes))
                if start < stop:
                    block.left -= stop - start
                    if not result.failure:
                        size = sum(block.sizes[start - block.first : stop - block.first])
                        self._record(block, stop - start, size, now)
        while self._blocks and not self._blocks[0].left:
            self._blocks.popleft()

    def _record(self, block: Block, count: int, size: int, now: Timestamp) -> None:
        """Count acknowledged records; once the state is steady the reports are about the records since."""
        line = self._figures.record(now - block.queued_ms, count, size, now)
        if self._steady:
            line = None
            if block.first >= self._warmup:
                line = self._steady.record(now - block.queued_ms, count, size, now)
        if line:
            notice(self._form, line)


def _runs(tags: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Consecutive numbers as (first, end)."""
    start = 0
    for position in range(1, len(tags) + 1):
        if position == len(tags) or tags[position] != tags[position - 1] + 1:
            yield tags[start], tags[position - 1] + 1
            start = position


def print_counts(form: OutputFormat, client_id: str, sent: int, failed: int) -> None:
    """The metrics that this producer has, in the form of the script's table."""
    tags = f"{{client-id={client_id}}}"
    rows = {
        f"producer-metrics:record-error-total:{tags}": float(failed),
        f"producer-metrics:record-send-total:{tags}": float(sent - failed),
    }
    width = max(map(len, rows))
    notice(form, f"\n{'Metric Name':<{width}}   Value")
    for name, value in rows.items():
        notice(form, f"{name:<{width}} : {value:.3f}")
