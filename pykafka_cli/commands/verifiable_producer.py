"""`pk verifiable-producer`: kafka-verifiable-producer.sh, sends numbers and reports for each whether it arrived."""

import random
from typing import TYPE_CHECKING, Annotated

import typer

from pykafka_cli.clients.settings import BadClientSetting, ClientSettings
from pykafka_cli.console.log_lines import warn
from pykafka_cli.console.pace import Pace
from pykafka_cli.console.signals import EndBySignal
from pykafka_cli.model import Timestamp
from pykafka_cli.output.events import Events
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.script.client_properties import property_file
from pykafka_cli.script.command import ArgparseCommand, ScriptContext
from pykafka_cli.script.errors import Ended, reported
from pykafka_cli.script.options import (
    INT,
    LONG,
    BootstrapServer,
    BrokerList,
    EventOutput,
    ProducerConfig,
    bootstrap_or_default,
)
from pykafka_cli.transport import event_loop
from pykafka_cli.wall_clock import now_ms

if TYPE_CHECKING:
    from pykafka_cli.clients.error_texts import ErrorText
    from pykafka_cli.clients.producing.producer import Producer
    from pykafka_cli.clients.producing.sender import Result

SET_BY_THE_SCRIPT = frozenset({"bootstrap.servers", "key.serializer", "value.serializer"})
ACKS = ("0", "1", "-1")

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class VerifiableProducerCommand(ArgparseCommand):
    help_without_arguments = True
    exclusive = frozenset({"bootstrap-server", "broker-list"})


@app.command(cls=VerifiableProducerCommand)
def verifiable_producer(
    ctx: ScriptContext,
    topic: Annotated[str | None, typer.Option("--topic", metavar="TOPIC", help="REQUIRED: Topic to send to.")] = None,
    bootstrap_server: BootstrapServer = None,
    broker_list: BrokerList = None,
    producer_config: ProducerConfig = None,
    max_messages: Annotated[
        int,
        typer.Option(
            "--max-messages", parser=INT, metavar="N", help="Number of records to send; -1 means until stopped."
        ),
    ] = -1,
    throughput: Annotated[
        int,
        typer.Option(
            "--throughput",
            parser=INT,
            metavar="RATE",
            help="Maximum number of records per second; -1 means no limit.",
        ),
    ] = -1,
    acks: Annotated[str, typer.Option("--acks", metavar="0|1|-1", help="Set acks.")] = "-1",
    message_create_time: Annotated[
        int,
        typer.Option(
            "--message-create-time",
            parser=LONG,
            metavar="MS",
            help="Timestamp of the first record; -1 means now.",
        ),
    ] = -1,
    value_prefix: Annotated[
        int | None,
        typer.Option("--value-prefix", parser=INT, metavar="N", help="Prefix values with this number: N.0, N.1 ..."),
    ] = None,
    repeating_keys: Annotated[
        int | None,
        typer.Option("--repeating-keys", parser=INT, metavar="N", help="Use the keys 0 to N-1 repeatedly."),
    ] = None,
    output: EventOutput = None,
) -> None:
    """Send 0, 1, 2 ... and print the result of each as JSON."""
    if topic is None:
        raise VerifiableProducerCommand.argparse_error(ctx, "argument --topic is required")
    if acks not in ACKS:
        raise VerifiableProducerCommand.argparse_error(
            ctx, f"argument --acks: invalid choice: '{acks}' (choose from {{0,1,-1}})"
        )
    addresses = broker_list or bootstrap_or_default(
        bootstrap_server,
        VerifiableProducerCommand.argparse_error(
            ctx, "one of the arguments --bootstrap-server --broker-list is required"
        ),
    )
    properties = {"acks": acks, "retries": "0"} | property_file(producer_config)
    properties.setdefault("client.id", "producer-1")
    with reported(words=dict.fromkeys((ConfigError, BadClientSetting), str)):
        settings = ProducerSettings(properties, quiet=SET_BY_THE_SCRIPT)
        source = Numbers(
            value_prefix, repeating_keys, None if message_create_time < 0 else Timestamp(message_create_time)
        )
        run = VerifiableProducer(topic, settings, source, throughput, Events(output))
        event_loop.run(run.run(addresses, ClientSettings(properties), None if max_messages < 0 else max_messages))


class Numbers:
    """Records whose values count up, and whose keys repeat."""

    def __init__(self, prefix: int | None, repeating_keys: int | None, create_time_ms: Timestamp | None) -> None:
        self._prefix = "" if prefix is None else f"{prefix}."
        self._repeating_keys = repeating_keys
        self._create_time_ms = create_time_ms
        self._began_ms = now_ms()

    def value(self, number: int) -> str:
        return f"{self._prefix}{number}"

    def key(self, number: int) -> str | None:
        return str(number % self._repeating_keys) if self._repeating_keys else None

    def next_time_ms(self) -> Timestamp:
        """Now; or the given time, plus what has passed since."""
        if self._create_time_ms is None:
            return now_ms()
        moment = self._create_time_ms
        self._create_time_ms = Timestamp(moment + now_ms() - self._began_ms)
        return moment


class VerifiableProducer:
    """One run."""

    def __init__(
        self, topic: str, settings: ProducerSettings, source: Numbers, throughput: int, events: Events
    ) -> None:
        self._topic = topic
        self._settings = settings
        self._source = source
        self._throughput = throughput
        self._events = events
        self._sent = self._acked = 0
        self._began_ms = now_ms()

    async def run(self, addresses: str, client: ClientSettings, max_messages: int | None) -> None:
        from pykafka_cli.clients.producing.producer import Producer
        from pykafka_cli.script.opening import PRODUCER_FAILED, session_with

        async with session_with(addresses, client, PRODUCER_FAILED) as session:
            producer = Producer(
                session, self._topic, self._settings, choose=random.randrange, on_result=self._note, warn=warn
            )
            self._began_ms = now_ms()
            async with producer:
                with EndBySignal() as end:
                    self._events.report("startup_complete")
                    async for count in Pace(self._throughput).counts(max_messages):
                        await self._send(producer, count)
                await producer.flush()
        self._events.report("shutdown_complete")
        elapsed = max(now_ms() - self._began_ms, 1)
        self._events.report(
            "tool_data",
            sent=self._sent,
            acked=self._acked,
            target_throughput=self._throughput,
            avg_throughput=1000 * self._acked / elapsed,
        )
        if end.signal:
            raise Ended(end.status)

    async def _send(self, producer: "Producer", count: int) -> None:
        from pykafka_cli.clients.producing.topic_leaders import ProducerRefused

        numbers = range(self._sent, self._sent + count)
        self._sent += count
        keys = [self._source.key(number) for number in numbers]
        try:
            await producer.send(
                [self._source.value(number).encode() for number in numbers],
                None if keys[0] is None else [key.encode() if key else None for key in keys],
                first_tag=numbers[0],
                timestamp_ms=self._source.next_time_ms(),
            )
        except ProducerRefused as problem:
            for number in numbers:
                self._report_failure(number, problem.text)

    def _note(self, result: "Result") -> None:
        for position, number in enumerate(result.batch.tags):
            if result.failure:
                self._report_failure(number, result.failure)
                continue
            self._acked += 1
            self._events.report(
                "producer_send_success",
                key=self._source.key(number),
                value=self._source.value(number),
                offset=-1 if result.base_offset is None else result.base_offset + position,
                partition=result.batch.partition,
                topic=self._topic,
            )

    def _report_failure(self, number: int, failure: "ErrorText") -> None:
        self._events.report(
            "producer_send_error",
            exception=f"class {failure.exception}",
            message=failure.message,
            topic=self._topic,
            key=self._source.key(number),
            value=self._source.value(number),
        )
