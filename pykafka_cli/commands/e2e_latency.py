"""`pk e2e-latency`: kafka-e2e-latency.sh, how long a record takes from a producer to a consumer."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pykafka_cli.clients.settings import BadClientSetting, ClientSettings
from pykafka_cli.model import OffsetSpec, TopicPartition
from pykafka_cli.output.e2e_latency import show_round_trips
from pykafka_cli.output.render import OutputFormat, notice
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.rules.java_text import double_text
from pykafka_cli.rules.throughput import RoundTripTotal, latencies_of
from pykafka_cli.script.client_properties import property_file
from pykafka_cli.script.command import ScriptCommand
from pykafka_cli.script.errors import ScriptError, reported
from pykafka_cli.script.grammar import Parsed, Spec, parse_jopt
from pykafka_cli.script.log_lines import warn
from pykafka_cli.script.options import Output, chosen_output

if TYPE_CHECKING:
    from pykafka_cli.clients.consuming.consumer import Consumer
    from pykafka_cli.clients.producing.producer import Producer
    from pykafka_cli.clients.producing.sender import Result
    from pykafka_cli.clients.session import Session

USAGE = (
    "USAGE: java org.apache.kafka.tools.EndToEndLatency broker_list topic num_messages producer_acks "
    "message_size_bytes [optional] properties_file"
)
POLL_TIMEOUT_MS = 60_000
REPORT_EVERY = 1000

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class E2eLatencyCommand(ScriptCommand):
    def parse(self, words: Sequence[str], specs: Sequence[Spec]) -> Parsed:
        """Words are what this script is about: all are kept, whatever they look like, unless they ask for help or a
        form of output, which the script does not know.
        """
        if words and words[0] in ("--help", "--version"):
            return parse_jopt(words, specs)
        names = [word.partition("=")[0] for word in words]
        if "--output" not in names:
            return Parsed([], list(words))
        start = names.index("--output")
        end = start + (1 if "=" in words[start] else 2)
        return Parsed(parse_jopt(words[start:end], specs).options, [*words[:start], *words[end:]])


@app.command(cls=E2eLatencyCommand)
def e2e_latency(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BROKERS TOPIC MESSAGES ACKS BYTES [FILE]",
            help="ACKS is 1 or all; FILE contains client properties.",
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Measure end-to-end latency: send records one at a time, and wait until each is read."""
    given = words or []
    if len(given) not in (5, 6):
        raise ScriptError(USAGE)
    addresses, topic, count, acks, size = given[:5]
    if not (count.isdigit() and size.isdigit()):
        wrong = size if count.isdigit() else count
        raise ScriptError(f'For input string: "{wrong}"')
    if acks not in ("1", "all"):
        raise ScriptError("Latency testing requires synchronous acknowledgement. Please use 1 or all")
    properties = property_file(given[5]) if len(given) > 5 and given[5].strip() else {}
    form = chosen_output(output)
    with reported(words=dict.fromkeys((ConfigError, BadClientSetting), str)):
        test = LatencyTest(topic, int(count), int(size), addresses, properties, acks, form)
        total = asyncio.run(test.run())
    show_round_trips(form, total)


class LatencyTest:
    """One run."""

    def __init__(
        self,
        topic: str,
        count: int,
        size: int,
        addresses: str,
        properties: dict[str, str],
        acks: str,
        form: OutputFormat,
    ) -> None:
        self._topic = topic
        self._count = count
        self._size = size
        self._addresses = addresses
        self._form = form
        self._client = ClientSettings(properties)
        self._producing = ProducerSettings(
            properties | {"linger.ms": "0", "max.block.ms": str(2**63 - 1), "acks": acks}
        )
        self._consuming = ConsumerSettings(
            properties
            | {
                "group.id": f"test-group-{time.time_ns() // 1_000_000}",
                "enable.auto.commit": "false",
                "auto.offset.reset": "latest",
                "fetch.max.wait.ms": "0",
            }
        )
        self._failure: str | None = None

    async def run(self) -> RoundTripTotal:
        from pykafka_cli.clients.consuming.consumer import Consumer
        from pykafka_cli.clients.producing.producer import Producer
        from pykafka_cli.script.opening import CONSUMER_FAILED, PRODUCER_FAILED, session_with

        async with (
            session_with(self._addresses, self._client, PRODUCER_FAILED) as sending,
            session_with(self._addresses, self._client, CONSUMER_FAILED) as reading,
        ):
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

    async def _ends(self, session: "Session") -> dict[TopicPartition, int | None]:
        """The end of each partition; the topic is made if it is not there."""
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
        chance = random.Random(0)
        total, latencies = 0, Counter[int]()
        for number in range(self._count):
            message = bytes([chance.randrange(26) + 65]) * self._size
            began = time.perf_counter_ns()
            await producer.send([message], first_tag=number, timestamp_ms=time.time_ns() // 1_000_000)
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

    async def _receive(self, consumer: "Consumer", message: bytes) -> None:
        fetched = await consumer.poll(POLL_TIMEOUT_MS / 1000)
        if fetched is None:
            raise ScriptError(f"poll() timed out before finding a result (timeout:[{POLL_TIMEOUT_MS}])")
        read = fetched.records[0].value or b""
        if read != message:
            shown = read.decode(errors="replace")
            raise ScriptError(f"The message read [{shown}] did not match the message sent [{message.decode()}]")
        if len(fetched.records) != 1:
            raise ScriptError(f"Only one result was expected during this test. We found [{len(fetched.records)}]")
        consumer.used(fetched)

    def _note(self, result: "Result") -> None:
        if result.failure:
            self._failure = f"{result.failure.exception}: {result.failure.message}"
