"""`pk e2e-latency`: kafka-e2e-latency.sh, the latency from a producer to a consumer."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pykafka_cli.clients.settings import BadClientSetting, ClientSettings
from pykafka_cli.console.log_lines import warn
from pykafka_cli.model import Offset, OffsetSpec, TopicPartition, in_seconds
from pykafka_cli.output.e2e_latency import show_round_trips
from pykafka_cli.output.render import OutputFormat, notice
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.rules.java_text import double_text
from pykafka_cli.rules.throughput import RoundTripTotal, latencies_of
from pykafka_cli.script.client_properties import property_file
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, reported
from pykafka_cli.script.generations import OldOptions
from pykafka_cli.script.grammar import Parsed, Spec, parse_jopt
from pykafka_cli.script.options import (
    INT,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    require,
)
from pykafka_cli.transport import event_loop
from pykafka_cli.wall_clock import now_ms

if TYPE_CHECKING:
    from pykafka_cli.clients.consuming.consumer import Consumer
    from pykafka_cli.clients.producing.producer import Producer
    from pykafka_cli.clients.producing.sender import Result
    from pykafka_cli.clients.session import Session

USAGE = (
    "USAGE: java org.apache.kafka.tools.EndToEndLatency broker_list topic num_messages producer_acks "
    "message_size_bytes [optional] properties_file"
)
WITHOUT_ARGUMENTS = "This tool measures end-to-end latency in Kafka by sending messages and timing their reception."
WRONG_NUMBER = (
    "Invalid number of arguments. Expected 5 or 6 positional arguments, but got {}. Usage: bootstrap-server topic "
    "num-records producer-acks record-size [optional] command-config"
)
POSITIONAL = (
    "WARNING: Positional argument usage is deprecated and will be removed in Apache Kafka 5.0. Please use named "
    "arguments instead: --bootstrap-server, --topic, --num-records, --producer-acks, --record-size, --command-config"
)
POLL_TIMEOUT_MS = 60_000
REPORT_EVERY = 1000

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class E2eLatencyCommand(ScriptCommand):
    def parse(self, words: Sequence[str], specs: Sequence[Spec]) -> Parsed:
        """Parse options by name, as since Kafka 4.2, or positional words, which are kept whatever they look like.

        Of options, only --output, which the script does not have, may be among the words.
        """
        if words and words[0].startswith("--") and words[0].partition("=")[0] != "--output":
            return parse_jopt(words, specs)
        names = [word.partition("=")[0] for word in words]
        if "--output" not in names:
            return Parsed([], list(words))
        start = names.index("--output")
        end = start + (1 if "=" in words[start] else 2)
        return Parsed(parse_jopt(words[start:end], specs).options, [*words[:start], *words[end:]])


@app.command(cls=E2eLatencyCommand)
def e2e_latency(
    ctx: ScriptContext,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BROKERS TOPIC RECORDS ACKS BYTES [FILE]]",
            help="The same as positional words, as before Kafka 4.2.",
        ),
    ] = None,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    topic: Annotated[str | None, typer.Option("--topic", metavar="TOPIC", help="REQUIRED: Topic to use.")] = None,
    num_records: Annotated[
        int | None, typer.Option("--num-records", parser=INT, metavar="N", help="REQUIRED: Number of records to send.")
    ] = None,
    producer_acks: Annotated[
        str | None, typer.Option("--producer-acks", metavar="ACKS", help="REQUIRED: acks of the producer, 1 or all.")
    ] = None,
    record_size: Annotated[
        int | None, typer.Option("--record-size", parser=INT, metavar="BYTES", help="REQUIRED: Size of the values.")
    ] = None,
    record_key_size: Annotated[
        int, typer.Option("--record-key-size", parser=INT, metavar="BYTES", help="Size of the keys.")
    ] = 0,
    num_headers: Annotated[
        int, typer.Option("--num-headers", parser=INT, metavar="N", help="Number of headers of each record.")
    ] = 0,
    record_header_key_size: Annotated[
        int, typer.Option("--record-header-key-size", parser=INT, metavar="BYTES", help="Size of a header's key.")
    ] = 0,
    record_header_size: Annotated[
        int, typer.Option("--record-header-size", parser=INT, metavar="BYTES", help="Size of a header's value.")
    ] = 0,
    output: Output = None,
) -> None:
    """Measure end-to-end latency: send records one at a time, and wait until each is read."""
    old_options = OldOptions(ctx, (), remark="")
    if words or not ctx.given - {"output"}:
        addresses, topic, count, producer_acks, size, *file = positional(words or [])
        num_records, record_size = int(count), int(size)
        command_config = file[0] if file and file[0].strip() else None
        old_options.remarks.append(POSITIONAL)
    else:
        addresses = bootstrap_or_default(
            bootstrap_server, ctx.usage_problem('Missing required argument "[bootstrap-server]"')
        )
        require(ctx, "topic", "num-records", "producer-acks", "record-size")
        check_sizes(ctx, num_records or 0, record_size or 0, record_key_size, num_headers)
        if producer_acks not in ("1", "all"):
            raise ctx.usage_problem(
                "Invalid value for --producer-acks. Latency testing requires synchronous acknowledgement. Please use "
                "'1' or 'all'."
            )
    shape = Shape(record_size or 0, record_key_size, num_headers, record_header_key_size, record_header_size)
    properties = property_file(command_config)
    form = chosen_output(output)
    with reported(words=dict.fromkeys((ConfigError, BadClientSetting), str)):
        test = LatencyTest(topic or "", num_records or 0, shape, addresses, properties, producer_acks or "", form)
        total = event_loop.run(test.run(old_options))
    show_round_trips(form, total)


def positional(words: Sequence[str]) -> Sequence[str]:
    """The positional words, checked.

    raises    ScriptError
    """
    if len(words) not in (5, 6):
        raise ScriptError(USAGE, hint=WRONG_NUMBER.format(len(words)) if words else WITHOUT_ARGUMENTS)
    count, acks, size = words[2:5]
    if not (count.isdigit() and size.isdigit()):
        wrong = size if count.isdigit() else count
        raise ScriptError(f'For input string: "{wrong}"')
    if acks not in ("1", "all"):
        raise ScriptError("Latency testing requires synchronous acknowledgement. Please use 1 or all")
    return words


def check_sizes(ctx: ScriptContext, records: int, size: int, key_size: int, headers: int) -> None:
    """raises    UsageProblem"""
    if records <= 0:
        raise ctx.usage_problem("Value for --num-records must be a positive integer.")
    for option, value in (("record-size", size), ("record-key-size", key_size), ("num-headers", headers)):
        if value < 0:
            raise ctx.usage_problem(f"Value for --{option} must be a non-negative integer.")


class Shape(NamedTuple):
    """Sizes of a record's parts in bytes. A key of no size is no key."""

    value: int
    key: int
    headers: int
    header_key: int
    header_value: int


class Message(NamedTuple):
    """A record that is sent, and has to be read before the next is sent."""

    value: bytes
    key: bytes | None
    headers: list[tuple[str, bytes | None]]


class LatencyTest:
    """One run."""

    def __init__(
        self,
        topic: str,
        count: int,
        shape: Shape,
        addresses: str,
        properties: dict[str, str],
        acks: str,
        form: OutputFormat,
    ) -> None:
        self._topic = topic
        self._count = count
        self._shape = shape
        self._chance = random.Random(0)
        self._addresses = addresses
        self._form = form
        self._client = ClientSettings(properties)
        self._producing = ProducerSettings(
            properties | {"linger.ms": "0", "max.block.ms": str(2**63 - 1), "acks": acks}
        )
        self._consuming = ConsumerSettings(
            properties
            | {
                "group.id": f"test-group-{now_ms()}",
                "enable.auto.commit": "false",
                "auto.offset.reset": "latest",
                "fetch.max.wait.ms": "0",
            }
        )
        self._failure: str | None = None

    async def run(self, old_options: OldOptions) -> RoundTripTotal:
        from pykafka_cli.clients.consuming.consumer import Consumer
        from pykafka_cli.clients.producing.producer import Producer
        from pykafka_cli.script.opening import CONSUMER_FAILED, PRODUCER_FAILED, session_with

        async with (
            session_with(self._addresses, self._client, PRODUCER_FAILED) as sending,
            session_with(self._addresses, self._client, CONSUMER_FAILED) as reading,
        ):
            await old_options.report(sending)
            consumer = Consumer(reading, self._consuming, warn=warn)
            consumer.assign(await self._ends(reading))
            producer = Producer(
                sending, self._topic, self._producing, choose=random.randrange, on_result=self._note, warn=warn
            )
            async with producer:
                total = await self._measure(producer, consumer)
            await consumer.commit()
            await consumer.close()
        return total

    async def _ends(self, session: "Session") -> dict[TopicPartition, Offset | None]:
        """The end of each partition; the topic is created if it does not exist."""
        from pykafka_cli.clients.admin.offsets import list_offsets
        from pykafka_cli.clients.admin.topics import create_topic, list_topics
        from pykafka_cli.clients.errors import ApiError

        counts = {topic.topic: topic.partition_count for topic in await list_topics(session)}
        if self._topic not in counts:
            creation = "Will create topic with 1 partition(s) and replication factor = 1"
            notice(self._form, f'Topic "{self._topic}" does not exist. {creation}')
            try:
                await create_topic(session, self._topic, partitions=1, replication_factor=1, configs={})
            except ApiError as error:
                notice(self._form, f"Creation of topic {self._topic} failed")
                raise ScriptError(error.java) from None
            counts[self._topic] = 1
        partitions = [TopicPartition(self._topic, index) for index in range(counts[self._topic])]
        found = await list_offsets(session, dict.fromkeys(partitions, OffsetSpec.LATEST))
        return {each: None if isinstance(offset, ApiError) else offset for each, offset in found.items()}

    async def _measure(self, producer: "Producer", consumer: "Consumer") -> RoundTripTotal:
        total, latencies = 0, Counter[int]()
        for number in range(self._count):
            message = self._message()
            began = time.perf_counter_ns()
            await producer.send(
                [message.value],
                None if message.key is None else [message.key],
                [message.headers] if message.headers else None,
                first_tag=number,
                timestamp_ms=now_ms(),
            )
            await producer.flush()
            if self._failure:
                raise ScriptError(self._failure)
            await self._receive(consumer, message)
            elapsed = time.perf_counter_ns() - began
            if number % REPORT_EVERY == 0:
                notice(self._form, f"{number}\t{double_text(elapsed / 1e6)}")
            total += elapsed
            latencies[elapsed // 1_000_000] += 1
        mean = total / self._count / 1e6 if self._count else 0.0
        return RoundTripTotal(self._count, latencies_of(latencies, mean))

    def _message(self) -> Message:
        def letters(size: int) -> bytes:
            return bytes([self._chance.randrange(26) + 65]) * size

        shape = self._shape
        return Message(
            letters(shape.value),
            letters(shape.key) if shape.key else None,
            [(letters(shape.header_key).decode(), letters(shape.header_value)) for _ in range(shape.headers)],
        )

    async def _receive(self, consumer: "Consumer", message: Message) -> None:
        fetched = await consumer.poll(in_seconds(POLL_TIMEOUT_MS))
        if fetched is None:
            raise ScriptError(f"poll() timed out before finding a result (timeout:[{POLL_TIMEOUT_MS}])")
        record = fetched.records[0]
        read = Message(record.value or b"", record.key, list(record.headers))
        for part, sent, came in zip(("message", "key", "headers"), message, read, strict=True):
            if sent != came:
                raise ScriptError(f"The {part} read [{_shown(came)}] did not match the {part} sent [{_shown(sent)}]")
        if len(fetched.records) != 1:
            raise ScriptError(f"Only one result was expected during this test. We found [{len(fetched.records)}]")
        consumer.used(fetched)

    def _note(self, result: "Result") -> None:
        if result.failure:
            self._failure = f"{result.failure.exception}: {result.failure.message}"


def _shown(part: object) -> str:
    return part.decode(errors="replace") if isinstance(part, bytes) else str(part)
